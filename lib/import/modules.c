/* rtdtools - MIT licence */
#include "import/modules.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/say.h"
#include "import/weights.h"
#include "model/embedding.h"

static int join(char path[PATH_MAX], const char *dir, const char *name, struct rtd_err *err)
{
    return snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX
               ? RTD_OK
               : rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
}

/* A file that may not be there. */
static int copy(const char *from, const char *to, const char *file, struct rtd_err *err)
{
    char a[PATH_MAX], b[PATH_MAX];
    if (join(a, from, file, err) || join(b, to, file, err))
        return err->status;
    return rtd_exists(a) ? rtd_copy_file(a, b, err) : RTD_OK;
}

static int write_weights(const struct rtd_weights *all, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX];
    struct rtd_st_writer *w;
    if (join(path, dir, "model.safetensors", err) || rtd_st_writer_new(&w, err))
        return err->status;
    for (size_t i = 0; i < all->n && !err->status; i++)
        rtd_st_add(w, all->w[i].name, RTD_ST_F32, all->w[i].ndim, all->w[i].dims, all->w[i].data,
                   err);
    if (!err->status)
        rtd_st_write(w, path, err);
    rtd_st_writer_free(w);
    return err->status;
}

static int import_module(const char *source, const char *to, const struct rtd_module *m,
                         struct rtd_err *err)
{
    char from[PATH_MAX], dir[PATH_MAX], file[PATH_MAX];
    struct rtd_weights all = {0};
    const char *form;
    if (!m->path[0])
        return rtd_fail(err, RTD_EDATA, "%s: modules.json: a %s without a folder", source,
                        rtd_module_name(m));
    if (join(from, source, m->path, err) || join(dir, to, m->path, err) || rtd_mkdirs(dir, err) ||
        copy(from, dir, "config.json", err) || strcmp(rtd_module_name(m), "Dense") != 0)
        return err->status;
    if (!rtd_read_weights(&all, from, &form, file, err) && !rtd_weights_check(&all, file, err))
        write_weights(&all, dir, err);
    rtd_weights_free(&all);
    return err->status;
}

/* Would embed take it? */
static int check(const char *source, const char *to, size_t hidden, struct rtd_err *err)
{
    struct rtd_embedding e;
    struct rtd_err why = {0};
    size_t len = strlen(to);
    int st = rtd_embedding_load(&e, to, hidden, &why);
    bool there = strncmp(why.text, to, len) == 0; /* it is told of the source */
    if (st && e.unsupported)
        rtd_warn("%s%s: embed refuses the model, other tools take it", there ? source : "",
                 why.text + (there ? len : 0));
    else if (st)
        rtd_fail(err, st, "%s", why.text);
    rtd_embedding_free(&e);
    return err->status;
}

int rtd_import_modules(const char *source, const char *to, size_t hidden, struct rtd_err *err)
{
    char transformer[PATH_MAX], pooling[PATH_MAX];
    struct rtd_modules m;
    if (rtd_modules_read(&m, source, err))
        return err->status;
    if (m.n)
        rtd_modules_write(&m, to, err);
    for (size_t i = 1; i < m.n && !err->status; i++)
        import_module(source, to, &m.module[i], err);
    if (!m.n && !join(pooling, source, "1_Pooling/config.json", err) && rtd_exists(pooling)) {
        struct rtd_module lone = {.type = (char[]){"sentence_transformers.models.Pooling"},
                                  .path = (char[]){"1_Pooling"}};
        import_module(source, to, &lone, err);
    }
    rtd_modules_free(&m);
    if (err->status || copy(source, to, "config_sentence_transformers.json", err) ||
        rtd_transformer_dir(transformer, source, err) ||
        copy(transformer, to, "sentence_bert_config.json", err))
        return err->status;
    return check(source, to, hidden, err);
}
