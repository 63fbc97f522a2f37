/* rtdtools - MIT licence */
#include "finetune/state.h"

#include <stdio.h>
#include <string.h>

#include "model/safetensors.h"
#include "nn/choice.h"

/* What is not a block of parameters, as numbers that a double holds exactly. */
struct numbers {
    double epoch, step, since_best, best_score;
    double best_epoch, dev_score, dev_loss, seconds, tokens;
    double value[RTD_MAX_HEADS][RTD_DEV_COLUMNS];
};
enum { NUMBERS = sizeof(struct numbers) / sizeof(double) };

static int add_block(struct rtd_st_writer *w, const char *name, const real *x, size_t n,
                     struct rtd_err *err)
{
    return rtd_st_add(w, name, sizeof(real) == 4 ? RTD_ST_F32 : RTD_ST_F64, 1, &n, x, err);
}

int rtd_finetune_state_save(const char *path, const char *identity,
                            const struct rtd_finetune_state *s, const struct rtd_params *p,
                            const struct rtd_optimizer *o, const real *best,
                            const struct rtd_finetune_result *r, const struct rtd_buf *metrics,
                            struct rtd_err *err)
{
    struct rtd_st_writer *w;
    const size_t count = NUMBERS;
    struct numbers x = {.epoch = (double)s->epoch,
                        .step = (double)s->step,
                        .since_best = s->since_best,
                        .best_score = s->best_score,
                        .best_epoch = r->best_epoch,
                        .dev_score = r->dev_score,
                        .dev_loss = r->dev_loss,
                        .seconds = r->seconds,
                        .tokens = (double)r->tokens};
    memcpy(x.value, r->value, sizeof x.value);
    int st = rtd_st_writer_new(&w, err);
    if (st)
        return st;
    st = rtd_st_set_metadata(w, "identity", identity, err);
    if (!st)
        st = rtd_st_set_metadata(w, "kernels", rtd_choice(), err);
    if (!st)
        st = rtd_st_add(w, "numbers", RTD_ST_F64, 1, &count, &x, err);
    if (!st)
        st = add_block(w, "w", p->w, p->total, err);
    if (!st)
        st = add_block(w, "m", o->m, p->total, err);
    if (!st)
        st = add_block(w, "v", o->v, p->total, err);
    if (!st && best)
        st = add_block(w, "best", best, p->total, err);
    if (!st)
        st = rtd_st_add(w, "metrics.tsv", RTD_ST_U8, 1, &metrics->len, metrics->data, err);
    if (!st)
        st = rtd_st_write(w, path, err);
    rtd_st_writer_free(w);
    return st;
}

static int get_block(const struct rtd_st *st, const char *name, real *x, size_t n,
                     struct rtd_err *err)
{
    const struct rtd_st_tensor *t = rtd_st_find(st, name);
    if (!t || t->bytes != n * sizeof *x)
        return rtd_fail(err, RTD_EDATA, "%s: %s: missing, or of another size", rtd_st_name(st),
                        name);
    memcpy(x, t->data, t->bytes);
    return RTD_OK;
}

static int read_state(const struct rtd_st *st, const char *identity, struct rtd_finetune_state *s,
                      struct rtd_params *p, struct rtd_optimizer *o, real *best,
                      struct rtd_finetune_result *r, struct rtd_buf *metrics, struct rtd_err *err)
{
    const char *was = json_string_value(json_object_get(rtd_st_metadata(st), "identity"));
    const struct rtd_st_tensor *n = rtd_st_find(st, "numbers");
    const struct rtd_st_tensor *m = rtd_st_find(st, "metrics.tsv");
    struct numbers x;
    if (!was || strcmp(was, identity) != 0)
        return rtd_fail(
            err, RTD_EUSAGE,
            "%s: of a run with other data, starting model or options (remove it, or repeat them)",
            rtd_st_name(st));
    if (!n || n->bytes != sizeof x || !m)
        return rtd_fail(err, RTD_EDATA, "%s: not the state of a run", rtd_st_name(st));
    memcpy(&x, n->data, sizeof x);
    *s = (struct rtd_finetune_state){.epoch = (uint64_t)x.epoch,
                                     .step = (uint64_t)x.step,
                                     .since_best = (int)x.since_best,
                                     .best_score = x.best_score};
    *r = (struct rtd_finetune_result){.steps = (uint64_t)x.step,
                                      .best_epoch = (int)x.best_epoch,
                                      .dev_score = x.dev_score,
                                      .dev_loss = x.dev_loss,
                                      .seconds = x.seconds,
                                      .tokens = (uint64_t)x.tokens};
    memcpy(r->value, x.value, sizeof r->value);
    metrics->len = 0;
    if (get_block(st, "w", p->w, p->total, err) || get_block(st, "m", o->m, p->total, err) ||
        get_block(st, "v", o->v, p->total, err) ||
        (best && get_block(st, "best", best, p->total, err)))
        return err->status;
    return rtd_buf_append(metrics, m->data, m->bytes, err);
}

int rtd_finetune_state_kernels(const char *path, char name[RTD_STATE_KERNELS], struct rtd_err *err)
{
    struct rtd_st *st;
    if (rtd_st_open(&st, path, err))
        return err->status;
    const char *was = json_string_value(json_object_get(rtd_st_metadata(st), "kernels"));
    snprintf(name, RTD_STATE_KERNELS, "%s", was ? was : "");
    rtd_st_close(st);
    return RTD_OK;
}

int rtd_finetune_state_load(const char *path, const char *identity, struct rtd_finetune_state *s,
                            struct rtd_params *p, struct rtd_optimizer *o, real *best,
                            struct rtd_finetune_result *result, struct rtd_buf *metrics,
                            struct rtd_err *err)
{
    struct rtd_st *st;
    if (rtd_st_open(&st, path, err))
        return err->status;
    int status = read_state(st, identity, s, p, o, best, result, metrics, err);
    rtd_st_close(st);
    return status;
}
