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
                         uint64_t seed, bool kept[RTD_MAX_HEADS], struct rtd_err *err)
{
    struct rtd_network *old;
    memset(kept, 0, RTD_MAX_HEADS * sizeof *kept);
    rtd_params_init(&net->params, seed, net->config.initializer_range);
    if (reinit)
        return RTD_OK;
    if (rtd_network_load_encoder(net, m->weights, err) ||
        rtd_network_new(&old, &m->config, false, err))
        return err->status;
    int st = RTD_OK;
    for (int i = 0; i < net->heads && !st; i++)
        for (int k = 0; k < old->heads && !kept[i] && !st; k++)
            if (same_head(&net->head[i].spec, &old->head[k].spec)) {
                st = rtd_network_load_head(net, i, old, k, m->weights, err);
                kept[i] = true;
            }
    rtd_network_free(old);
    return st;
}

/* The first head that is a language model; -1: none. */
static int language_head(const struct rtd_network *net)
{
    for (int i = 0; i < net->heads; i++)
        if (rtd_head_is_language(&net->head[i]))
            return i;
    return -1;
}

/* Tensor by tensor what has the same shape: the tables of two language models are in one order. */
static int take_parts(struct rtd_network *net, int i, const struct rtd_network *g, int k,
                      const struct rtd_st *st, int *parts, struct rtd_err *err)
{
    const struct rtd_head_shape *head = &net->head[i].shape, *as = &g->head[k].shape;
    int status = RTD_OK;
    for (int t = 0; t < head->to - head->from && !status; t++) {
        struct rtd_param one = net->params.item[head->from + t];
        const struct rtd_param *other = &g->params.item[as->from + t];
        struct rtd_params table = net->params;
        if (other->dims[0] != one.dims[0] || other->dims[1] != one.dims[1])
            continue;
        memcpy(one.name, other->name, sizeof one.name);
        table.item = &one;
        table.n = 1;
        status = rtd_params_load(&table, one.net, st, err);
        ++*parts;
    }
    return status;
}

int rtd_task_model_take_generator(struct rtd_network *net, const char *dir, int *parts, int *of,
                                  struct rtd_err *err)
{
    struct rtd_model_dir m;
    struct rtd_network *g = NULL;
    *parts = *of = 0;
    if (rtd_model_dir_open(&m, dir, 0, err))
        return err->status;
    int st = rtd_network_new(&g, &m.config, false, err);
    int from = st ? -1 : language_head(g);
    for (int i = 0; i < net->heads && from >= 0 && !st; i++) {
        if (!rtd_head_is_language(&net->head[i]))
            continue;
        st = take_parts(net, i, g, from, m.weights, parts, err);
        *of += net->head[i].shape.to - net->head[i].shape.from;
    }
    if (!st && *parts == 0)
        st = rtd_fail(err, RTD_EDATA, "%s: no generator's head that fits", dir);
    rtd_network_free(g);
    rtd_model_dir_close(&m);
    return st;
}

static int write_files(const struct rtd_network *net, const struct rtd_model_dir *m,
                       const char *dir, const struct rtd_task_model_file *file, int files,
                       struct rtd_err *err)
{
    char path[PATH_MAX];
    struct rtd_st_writer *w;
    int st = rtd_model_dir_write_common(dir, &net->config, m->tok, m->max_length, err);
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
