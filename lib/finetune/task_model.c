/* rtdtools - MIT licence
 *
 * Making and writing task models. */
#include "finetune/task_model.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"

int rtd_task_model_config(struct rtd_config *c, const struct rtd_model_dir *m,
                          const struct rtd_head_spec *spec, int n, int length, struct rtd_err *err)
{
    int st = rtd_config_copy(c, &m->config, err);
    if (st)
        return st;
    int trained = rtd_config_trained_length(c);
    bool writes = false; /* a text is only written where texts were in training */
    for (int i = 0; i < n; i++)
        writes |= spec[i].task == RTD_TASK_GENERATE;
    st = rtd_head_specs_store(c, spec, n, err);
    if (!st && (writes || (trained && length > trained)))
        st = rtd_config_set_own(c, "trained_length", json_integer(length), err);
    if (st)
        rtd_config_free(c);
    return st;
}

static bool same_head(const struct rtd_head_spec *a, const struct rtd_head_spec *b)
{
    if (a->task != b->task || a->outputs != b->outputs || strcmp(a->name, b->name) != 0)
        return false;
    for (int i = 0; a->label && i < a->outputs; i++)
        if (!b->label || strcmp(a->label[i], b->label[i]) != 0)
            return false;
    return true;
}

int rtd_task_model_start(struct rtd_network *net, const struct rtd_model_dir *m, bool reinit,
                         uint64_t seed, int *kept, struct rtd_err *err)
{
    struct rtd_head_spec old[RTD_MAX_HEADS];
    bool keep[RTD_MAX_HEADS] = {false};
    int n;
    *kept = 0;
    rtd_params_init(&net->params, seed, net->config.initializer_range);
    if (reinit)
        return RTD_OK;
    if (rtd_head_specs(old, &n, &m->config, err))
        return err->status;
    for (int i = 0; i < net->heads; i++) {
        for (int k = 0; k < n; k++)
            keep[i] |= same_head(&net->head[i].spec, &old[k]);
        *kept += keep[i];
    }
    rtd_head_specs_free(old, n);
    return rtd_network_load_encoder(net, m->weights, keep, err);
}

int rtd_task_model_take_generator(struct rtd_network *net, const char *dir, int *parts,
                                  struct rtd_err *err)
{
    struct rtd_model_dir g;
    *parts = 0;
    if (rtd_model_dir_open(&g, dir, 0, err))
        return err->status;
    int st = RTD_OK;
    for (int i = 0; i < net->params.n && !st; i++) {
        const struct rtd_param *t = &net->params.item[i];
        const struct rtd_st_tensor *x = rtd_st_find(g.weights, t->name);
        if (strncmp(t->name, "generator_", 10) != 0 || !x || x->count != t->count ||
            x->dims[0] != t->dims[0])
            continue;
        struct rtd_params one = net->params;
        one.item = &net->params.item[i];
        one.n = 1;
        st = rtd_params_load(&one, t->net, g.weights, err);
        ++*parts;
    }
    if (!st && *parts == 0)
        st = rtd_fail(err, RTD_EDATA, "%s: no generator's head that fits", dir);
    rtd_model_dir_close(&g);
    return st;
}

static int write_files(const struct rtd_network *net, const struct rtd_model_dir *m,
                       const char *dir, const struct rtd_task_model_file *file, int files,
                       struct rtd_err *err)
{
    char path[PATH_MAX];
    size_t len;
    const char *vocab = rtd_tokenizer_vocab(m->tok, &len);
    struct rtd_st_writer *w;
    int st = rtd_model_dir_write_common(dir, &net->config, vocab, len,
                                        rtd_tokenizer_settings(m->tok), err);
    for (int i = 0; i < files && !st; i++) {
        if (snprintf(path, sizeof path, "%s/%s", dir, file[i].name) >= (int)sizeof path)
            return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
        st = rtd_write_file(path, file[i].text->data, file[i].text->len, err);
    }
    if (!st)
        st = rtd_st_writer_new(&w, err);
    if (st)
        return st;
    st = rtd_params_save(&net->params, net->enc.net, net->params.w, "", w, err);
    if (!st)
        st = rtd_model_dir_finish(dir, w, err);
    rtd_st_writer_free(w);
    return st;
}

int rtd_task_model_save(const struct rtd_network *net, const struct rtd_model_dir *m,
                        const char *out, const struct rtd_task_model_file *file, int files,
                        bool replace, struct rtd_err *err)
{
    char tmp[PATH_MAX];
    int st = rtd_tmpdir(out, tmp, sizeof tmp, err);
    if (st)
        return st;
    st = write_files(net, m, tmp, file, files, err);
    if (!st)
        st = rtd_commit_dir(tmp, out, replace, err);
    if (st) {
        struct rtd_err ignored = {0};
        rtd_remove_tree(tmp, &ignored);
    }
    return st;
}
