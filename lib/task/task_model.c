/* rtdtools - MIT licence
 *
 * Making and writing task models. */
#include "task/task_model.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/rng.h"

#define CLASSIFIER "ElectraForSequenceClassification"

int rtd_task_config(struct rtd_config *c, const struct rtd_model_dir *m,
                    const struct rtd_labels *labels, int texts, int length, struct rtd_err *err)
{
    if (strcmp(m->config.model_type, "electra") != 0)
        return rtd_fail(err, RTD_EDATA, "%s: model_type %s: fine-tuning wants electra", m->path,
                        m->config.model_type);
    int st = rtd_config_copy(c, &m->config, err);
    if (st)
        return st;
    snprintf(c->architecture, sizeof c->architecture, "%s", CLASSIFIER);
    int trained = rtd_config_trained_length(c);
    st = rtd_config_set_labels(c, (const char *const *)labels->name, labels->n, err);
    if (!st)
        st = rtd_config_set_own(c, "task", json_string("classify"), err);
    if (!st)
        st = rtd_config_set_own(c, "texts", json_integer(texts), err);
    if (!st && trained && length > trained)
        st = rtd_config_set_own(c, "trained_length", json_integer(length), err);
    if (!st &&
        json_object_set_new(c->extra, "problem_type", json_string("single_label_classification")))
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    if (st)
        rtd_config_free(c);
    return st;
}

static bool same_labels(const struct rtd_config *a, const struct rtd_config *b)
{
    if (a->num_labels != b->num_labels || strcmp(a->architecture, b->architecture) != 0)
        return false;
    for (int i = 0; i < a->num_labels; i++)
        if (strcmp(a->id2label[i], b->id2label[i]) != 0)
            return false;
    return true;
}

int rtd_task_start(struct rtd_finetune *f, const struct rtd_model_dir *m, bool reinit,
                   uint64_t seed, bool *kept_head, struct rtd_err *err)
{
    struct rtd_params part = f->params; /* the table is in order of depth: the head comes last */
    *kept_head = !reinit && same_labels(&f->config, &m->config);
    rtd_params_init(&f->params, seed, f->config.initializer_range);
    if (reinit)
        return RTD_OK;
    while (!*kept_head && part.n > 0 && part.item[part.n - 1].depth > f->enc.layers)
        part.n--;
    return rtd_params_load(&part, RTD_NET_DISCRIMINATOR, m->weights, NULL, NULL, err);
}

static int write_files(const struct rtd_finetune *f, const struct rtd_model_dir *m, const char *dir,
                       const struct rtd_buf *metrics, struct rtd_err *err)
{
    char path[PATH_MAX];
    size_t len;
    const char *vocab = rtd_tokenizer_vocab(m->tok, &len);
    struct rtd_st_writer *w;
    if (snprintf(path, sizeof path, "%s/metrics.tsv", dir) >= (int)sizeof path)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    int st = rtd_model_dir_write_common(dir, &f->config, vocab, len, rtd_tokenizer_settings(m->tok),
                                        err);
    if (!st)
        st = rtd_write_file(path, metrics->data, metrics->len, err);
    if (!st)
        st = rtd_st_writer_new(&w, err);
    if (st)
        return st;
    st = rtd_params_save(&f->params, RTD_NET_DISCRIMINATOR, f->params.w, "", w, err);
    if (!st)
        st = rtd_model_dir_finish(dir, w, err);
    rtd_st_writer_free(w);
    return st;
}

int rtd_task_save(const struct rtd_finetune *f, const struct rtd_model_dir *m, const char *out,
                  const struct rtd_buf *metrics, bool replace, struct rtd_err *err)
{
    char tmp[PATH_MAX];
    int st = rtd_tmpdir(out, tmp, sizeof tmp, err);
    if (st)
        return st;
    st = write_files(f, m, tmp, metrics, err);
    if (!st)
        st = rtd_commit_dir(tmp, out, replace, err);
    if (st) {
        struct rtd_err ignored = {0};
        rtd_remove_tree(tmp, &ignored);
    }
    return st;
}
