/* rtdtools - MIT licence */
#include "start/sentence_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

enum { FILE_MAX = 1 << 30 };

static int join(char path[PATH_MAX], const char *dir, const char *name, struct rtd_err *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    return RTD_OK;
}

/* The file of that name (borrowed for good) in DIR, where it is there. */
static int take(struct rtd_sentence_files *f, const char *dir, const char *folder, const char *name,
                struct rtd_err *err)
{
    char path[PATH_MAX];
    if (join(path, dir, name, err))
        return err->status;
    if (!rtd_exists(path))
        return RTD_OK;
    struct rtd_sentence_file *more = realloc(f->file, (f->n + 1) * sizeof *more);
    if (!more)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", path);
    f->file = more;
    struct rtd_sentence_file *to = &more[f->n++];
    *to = (struct rtd_sentence_file){.folder = strdup(folder), .name = name};
    if (!to->folder)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", path);
    return rtd_read_file(path, FILE_MAX, &to->data, &to->len, err);
}

static int take_module(struct rtd_sentence_files *f, const char *dir, const char *folder,
                       struct rtd_err *err)
{
    static const char *const files[] = {"config.json", "model.safetensors", "pytorch_model.bin"};
    char from[PATH_MAX];
    if (join(from, dir, folder, err))
        return err->status;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && !err->status; i++)
        take(f, from, folder, files[i], err);
    return err->status;
}

int rtd_sentence_files_read(struct rtd_sentence_files *f, const char *dir, struct rtd_err *err)
{
    char transformer[PATH_MAX];
    *f = (struct rtd_sentence_files){0};
    if (rtd_modules_read(&f->modules, dir, err))
        return err->status;
    for (size_t i = 1; i < f->modules.n && !err->status; i++)
        if (f->modules.module[i].path[0])
            take_module(f, dir, f->modules.module[i].path, err);
    if (!f->modules.n)
        take_module(f, dir, "1_Pooling", err);
    if (!err->status && !rtd_transformer_dir(transformer, dir, err) &&
        !take(f, transformer, "", "sentence_bert_config.json", err))
        take(f, dir, "", "config_sentence_transformers.json", err);
    if (err->status)
        rtd_sentence_files_free(f);
    return err->status;
}

int rtd_sentence_files_write(const struct rtd_sentence_files *f, const char *dir,
                             struct rtd_err *err)
{
    char folder[PATH_MAX], path[PATH_MAX];
    if (f->modules.n)
        rtd_modules_write(&f->modules, dir, err);
    for (size_t i = 0; i < f->n && !err->status; i++) {
        const struct rtd_sentence_file *from = &f->file[i];
        if (!join(folder, dir, from->folder, err) && !rtd_mkdirs(folder, err) &&
            !join(path, folder, from->name, err))
            rtd_write_file(path, from->data, from->len, err);
    }
    return err->status;
}

void rtd_sentence_files_free(struct rtd_sentence_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->file[i].folder);
        free(f->file[i].data);
    }
    free(f->file);
    rtd_modules_free(&f->modules);
    *f = (struct rtd_sentence_files){0};
}
