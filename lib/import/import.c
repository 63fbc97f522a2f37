/* rtdtools - MIT licence */
#include "import/import.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "import/google.h"
#include "import/vocabulary.h"
#include "import/weights.h"
#include "model/directory.h"
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

static int read_weights(struct rtd_weights *all, const char *dir, struct rtd_import_origin *from,
                        struct rtd_err *err)
{
    static const struct {
        const char *file, *what;
        int (*read)(struct rtd_weights *, const char *, struct rtd_err *);
        bool directory;
    } forms[] = {
        {"model.safetensors", "safetensors", rtd_read_safetensors, false},
        {"model.safetensors.index.json", "sharded safetensors", rtd_read_sharded, true},
        {"pytorch_model.bin", "a PyTorch file", rtd_read_torch, false},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (!holds(dir, forms[i].file))
            continue;
        from->form = forms[i].what;
        int st = join(from->weights, dir, forms[i].file, err);
        return st ? st : forms[i].read(all, forms[i].directory ? dir : from->weights, err);
    }
    return rtd_fail(err, RTD_EDATA,
                    "%s: no model.safetensors, model.safetensors.index.json or pytorch_model.bin",
                    dir);
}

/* Present names; and from them the kind of the model, where nobody said it. */
static int rename_weights(struct rtd_weights *all, struct rtd_config *c, struct rtd_err *err)
{
    for (size_t i = 0; i < all->n; i++) {
        char *longer = realloc(all->w[i].name, strlen(all->w[i].name) + 2);
        if (!longer)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        rtd_params_rename(longer);
        all->w[i].name = longer;
        if (!c->model_type[0])
            rtd_config_guess(c, longer);
    }
    return RTD_OK;
}

/* Small files of sentence-transformers that say how embeddings are made. */
static int copy_pooling(const char *from, const char *to, struct rtd_err *err)
{
    char a[PATH_MAX], b[PATH_MAX];
    if (!holds(from, "1_Pooling/config.json"))
        return RTD_OK;
    if (join(b, to, "1_Pooling", err))
        return err->status;
    if (mkdir(b, 0777))
        return rtd_fail_sys(err, "%s", b);
    if (join(a, from, "1_Pooling/config.json", err) || join(b, to, "1_Pooling/config.json", err))
        return err->status;
    return rtd_copy_file(a, b, err);
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
                     const struct rtd_vocabulary *v, struct rtd_err *err)
{
    int st = rtd_vocabulary_check(v, c->vocab_size, err);
    if (!st)
        st = rtd_model_dir_write_common(dir, c, v->text, v->len, &v->settings, err);
    if (!st)
        st = write_weights(dir, all, err);
    return st ? st : check_directory(dir, err);
}

static int import_directory(const char *source, const char *tmp, const struct rtd_import_options *o,
                            struct rtd_import_origin *from, struct rtd_err *err)
{
    struct rtd_weights all = {0};
    struct rtd_config c = {0};
    struct rtd_vocabulary v = {0};
    int st = rtd_config_load(&c, source, err);
    if (!st)
        st = rtd_vocabulary_find(&v, source, o->vocab, err);
    if (!st)
        st = read_weights(&all, source, from, err);
    if (!st)
        st = rename_weights(&all, &c, err);
    if (!st)
        st = rtd_weights_check(&all, from->weights, err);
    if (!st)
        st = copy_pooling(source, tmp, err);
    if (!st)
        st = rtd_import_write(tmp, &c, &all, &v, err);
    rtd_weights_free(&all);
    rtd_vocabulary_free(&v);
    rtd_config_free(&c);
    return st;
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
    return rtd_fail(err, RTD_EDATA,
                    S_ISDIR(sb.st_mode)
                        ? "%s: no config.json, and no file \"checkpoint\" of TensorFlow's"
                        : "%s: want its directory, or the prefix of a TensorFlow checkpoint",
                    source);
}

/* The prefix that DIR/checkpoint names: model_checkpoint_path: "NAME". */
static int find_prefix(char prefix[PATH_MAX], const char *source, struct rtd_err *err)
{
    char path[PATH_MAX], *text, name[NAME_MAX + 1];
    size_t len;
    snprintf(prefix, PATH_MAX, "%s", source);
    if (!holds(source, "checkpoint"))
        return check_prefix(source, err);
    if (join(path, source, "checkpoint", err) || rtd_read_file(path, 1 << 20, &text, &len, err))
        return err->status;
    int found = sscanf(text, "model_checkpoint_path: \"%255[^\"]\"", name);
    free(text);
    if (found != 1 || strchr(name, '/'))
        return rtd_fail(err, RTD_EDATA, "%s: names no checkpoint beside it", path);
    return join(prefix, source, name, err);
}

static int import_google(const char *source, const char *tmp, const struct rtd_import_options *o,
                         struct rtd_import_origin *from, struct rtd_err *err)
{
    char *prefix = from->weights, folder[PATH_MAX];
    struct rtd_vocabulary v = {0};
    int st = find_prefix(prefix, source, err);
    if (st)
        return st;
    strcpy(folder, prefix);
    st = rtd_vocabulary_find(&v, dirname(folder), o->vocab, err);
    if (o->cased)
        v.settings.lower_case = v.settings.strip_accents = false;
    if (!st)
        st = rtd_google_import(prefix, tmp, o, &v, err);
    rtd_vocabulary_free(&v);
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
    char tmp[PATH_MAX], config[PATH_MAX];
    if (!o->force && rtd_exists(out))
        return rtd_fail(err, RTD_EUSAGE, "%s: exists (-f replaces it)", out);
    if (rtd_config_path(config, source, err) || rtd_tmpdir(out, tmp, sizeof tmp, err))
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
