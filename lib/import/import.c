/* rtdtools - MIT licence */
#include "import/import.h"

#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "import/google.h"
#include "import/modules.h"
#include "import/weights.h"
#include "model/directory.h"
#include "model/embedding.h"
#include "model/network.h"

static int join(char path[PATH_MAX], const char *dir, const char *name, struct rtd_err *err)
{
    return snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX
               ? RTD_OK
               : rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
}

/* Is DIR/name there? */
static bool holds(const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct rtd_err none = {0};
    return !join(path, dir, name, &none) && rtd_exists(path);
}

static int write_weights(const char *dir, const struct rtd_weights *all, struct rtd_err *err)
{
    struct rtd_st_writer *w;
    int st = rtd_st_writer_new(&w, err);
    if (st)
        return st;
    for (size_t i = 0; i < all->n && !st; i++)
        st = rtd_st_add(w, all->w[i].name, RTD_ST_F32, all->w[i].ndim, all->w[i].dims,
                        all->w[i].data, err);
    if (!st)
        st = rtd_model_dir_finish(dir, w, err);
    rtd_st_writer_free(w);
    return st;
}

/* Everything that the configuration promises must be there, in its shape. */
static int check_directory(const char *dir, struct rtd_err *err)
{
    struct rtd_model_dir m;
    struct rtd_network *net;
    int st = rtd_model_dir_open(&m, dir, 0, err);
    if (st)
        return st;
    st = rtd_network_new(&net, &m.config, false, err);
    if (!st) {
        st = rtd_network_load_encoder(net, m.weights, err);
        rtd_network_free(net);
    }
    rtd_model_dir_close(&m);
    return st;
}

int rtd_import_write(const char *dir, const struct rtd_config *c, const struct rtd_weights *all,
                     const struct rtd_tok_files *v, struct rtd_err *err)
{
    struct rtd_tokenizer *tok;
    int positions = c->max_position_embeddings;
    int st = rtd_tok_files_open(&tok, v, c->vocab_size, err);
    if (!st)
        st = rtd_model_dir_write_common(
            dir, c, tok, v->max_length && v->max_length < positions ? v->max_length : positions,
            err);
    rtd_tokenizer_free(tok);
    if (!st)
        st = write_weights(dir, all, err);
    return st ? st : check_directory(dir, err);
}

static int import_directory(const char *source, const char *tmp, const struct rtd_import_options *o,
                            struct rtd_import_origin *from, struct rtd_err *err)
{
    struct rtd_weights all = {0};
    struct rtd_config c = {0};
    struct rtd_tok_files v = {0};
    char dir[PATH_MAX]; /* of the transformer */
    int st = rtd_transformer_dir(dir, source, err);
    if (!st)
        st = rtd_config_load(&c, dir, err);
    if (!st)
        st = rtd_tok_files_read(&v, dir, o->vocab, false, err);
    if (!st)
        st = rtd_read_weights(&all, dir, &from->form, from->weights, err);
    if (!st)
        st = rtd_weights_rename(&all, rtd_params_rename, err);
    for (size_t i = 0; i < all.n && !st && !c.model_type[0]; i++)
        rtd_config_guess(&c, all.w[i].name);
    if (!st)
        st = rtd_weights_check(&all, from->weights, err);
    if (!st)
        st = rtd_import_modules(source, tmp, (size_t)c.hidden_size, err);
    if (!st)
        st = rtd_import_write(tmp, &c, &all, &v, err);
    rtd_weights_free(&all);
    rtd_tok_files_free(&v);
    rtd_config_free(&c);
    return st;
}

/* PREFIX of the only PREFIX.index in a directory; false: there is none, or several. */
static bool only_index(char prefix[PATH_MAX], const char *source)
{
    static const char end[] = ".index";
    DIR *d = opendir(source);
    struct dirent *e;
    struct rtd_err none = {0};
    int found = 0;
    while (d && (e = readdir(d))) {
        size_t n = strlen(e->d_name), k = sizeof end - 1;
        if (n <= k || strcmp(e->d_name + n - k, end) != 0)
            continue;
        found++;
        e->d_name[n - k] = '\0';
        join(prefix, source, e->d_name, &none);
    }
    if (d)
        closedir(d);
    return found == 1 && !none.status;
}

/* SOURCE as it is: PREFIX of PREFIX.index. */
static int check_prefix(const char *source, struct rtd_err *err)
{
    char path[PATH_MAX];
    struct stat sb;
    if (snprintf(path, sizeof path, "%s.index", source) >= PATH_MAX)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", source);
    if (rtd_exists(path))
        return RTD_OK;
    if (stat(source, &sb))
        return rtd_fail_sys(err, "%s: neither a directory nor the prefix of a checkpoint", source);
    return rtd_fail(
        err, RTD_EDATA,
        S_ISDIR(sb.st_mode)
            ? "%s: no config.json, and no file \"checkpoint\" or one *.index of TensorFlow's"
            : "%s: want its directory, or the prefix of a TensorFlow checkpoint",
        source);
}

/* The prefix that DIR/checkpoint names: model_checkpoint_path: "NAME". */
static int find_prefix(char prefix[PATH_MAX], const char *source, struct rtd_err *err)
{
    char path[PATH_MAX], *text, name[PATH_MAX];
    size_t len;
    if (!holds(source, "checkpoint")) {
        if (only_index(prefix, source))
            return RTD_OK;
        snprintf(prefix, PATH_MAX, "%s", source);
        return check_prefix(source, err);
    }
    if (join(path, source, "checkpoint", err) || rtd_read_file(path, 1 << 20, &text, &len, err))
        return err->status;
    /* the path that it had where it was trained; its last part lies beside */
    int found = sscanf(text, "model_checkpoint_path: \"%4095[^\"]\"", name);
    free(text);
    const char *slash = found == 1 ? strrchr(name, '/') : NULL;
    const char *last = slash ? slash + 1 : name;
    if (found != 1 || !*last)
        return rtd_fail(err, RTD_EDATA, "%s: names no checkpoint", path);
    return join(prefix, source, last, err);
}

static int import_google(const char *source, const char *tmp, const struct rtd_import_options *o,
                         struct rtd_import_origin *from, struct rtd_err *err)
{
    char *prefix = from->weights, folder[PATH_MAX];
    struct rtd_tok_files v = {0};
    int st = find_prefix(prefix, source, err);
    if (st)
        return st;
    strcpy(folder, prefix);
    st = rtd_tok_files_read(&v, dirname(folder), o->vocab, false, err);
    if (o->cased)
        v.settings.lower_case = v.settings.strip_accents = false;
    if (!st)
        st = rtd_google_import(prefix, tmp, o, &v, err);
    rtd_tok_files_free(&v);
    return st;
}

/* What is wrong is found in what is written, under a name that will not be: name the source. */
static void rename_error(struct rtd_err *err, const char *tmp, const char *source,
                         const struct rtd_import_origin *from)
{
    static const char weights[] = "model.safetensors";
    size_t len = strlen(tmp);
    struct rtd_err told = {0};
    if (strncmp(err->text, tmp, len) != 0)
        return;
    const char *at = strstr(err->text + len, weights);
    if (at && from->weights[0])
        rtd_fail(&told, err->status, "%s%s", from->weights, at + sizeof weights - 1);
    else
        rtd_fail(&told, err->status, "%s%s", source, err->text + len);
    *err = told;
}

int rtd_import(const char *source, const char *out, const struct rtd_import_options *o,
               struct rtd_import_origin *from, struct rtd_err *err)
{
    char tmp[PATH_MAX], dir[PATH_MAX], config[PATH_MAX];
    if (!o->force && rtd_exists(out))
        return rtd_fail(err, RTD_EUSAGE, "%s: exists (-f replaces it)", out);
    if (rtd_transformer_dir(dir, source, err) || rtd_config_path(config, dir, err) ||
        rtd_tmpdir(out, tmp, sizeof tmp, err))
        return err->status;
    bool google = !rtd_exists(config);
    *from = (struct rtd_import_origin){.form = "a TensorFlow checkpoint"};
    int st = google ? import_google(source, tmp, o, from, err)
                    : import_directory(source, tmp, o, from, err);
    if (st)
        rename_error(err, tmp, source, from);
    if (!st)
        st = rtd_commit_dir(tmp, out, o->force, err);
    if (st) {
        struct rtd_err ignored = {0};
        rtd_remove_tree(tmp, &ignored);
    }
    return st;
}
