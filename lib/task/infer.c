/* rtdtools - MIT licence
 *
 * Running models forward, micro-batch by micro-batch. */
#include "task/infer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/encoder.h"
#include "model/heads.h"

enum { MICRO_TOKENS = 512 };

struct rtd_infer {
    enum rtd_infer_head kind;
    struct rtd_params params;
    struct rtd_encoder enc;
    struct rtd_class_head class_head;
    struct rtd_disc_head disc_head;
    struct rtd_pool *pool;
    struct rtd_arena *arena; /* [workers] */
    struct rtd_err *err;     /* [workers] */
};

static const struct {
    const char *architecture, *says;
} heads[] = {
    [RTD_INFER_CLASS] = {"ElectraForSequenceClassification",
                         "no classification head (finetune --task classify makes one)"},
    [RTD_INFER_DISC] = {"ElectraForPreTraining", "no discriminator's head"},
};

int rtd_infer_open(struct rtd_infer **out, const struct rtd_model_dir *m, enum rtd_infer_head kind,
                   struct rtd_pool *pool, struct rtd_err *err)
{
    const struct rtd_config *c = &m->config;
    *out = NULL;
    if (strcmp(c->architecture, heads[kind].architecture) != 0)
        return rtd_fail(err, RTD_EDATA, "%s: %s: %s", m->path,
                        c->architecture[0] ? c->architecture : "a model without architecture",
                        heads[kind].says);
    struct rtd_infer *f = calloc(1, sizeof *f);
    size_t workers = (size_t)rtd_pool_size(pool);
    if (!f)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    f->kind = kind;
    f->pool = pool;
    f->arena = calloc(workers, sizeof *f->arena);
    f->err = calloc(workers, sizeof *f->err);
    rtd_encoder_layout(&f->enc, &f->params, c, RTD_NET_DISCRIMINATOR, "electra.", NULL);
    if (kind == RTD_INFER_CLASS)
        rtd_class_head_layout(&f->class_head, &f->params, &f->enc, c);
    else
        rtd_disc_head_layout(&f->disc_head, &f->params, &f->enc);
    int st = f->arena && f->err ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = rtd_params_alloc(&f->params, err);
    if (!st)
        st = rtd_params_load(&f->params, RTD_NET_DISCRIMINATOR, m->weights, NULL, NULL, err);
    if (st) {
        rtd_infer_close(f);
        return st;
    }
    *out = f;
    return RTD_OK;
}

void rtd_infer_close(struct rtd_infer *f)
{
    if (!f)
        return;
    for (int i = 0; f->arena && i < rtd_pool_size(f->pool); i++)
        rtd_arena_free(&f->arena[i]);
    free(f->arena);
    free(f->err);
    rtd_params_free(&f->params);
    free(f);
}

struct job {
    struct rtd_infer *f;
    const struct rtd_sequences *s;
    size_t *first; /* [micro-batches + 1] first sequence of each */
    float *out;
};

/* Memory of a micro-batch, in the order of use. */
struct micro {
    struct rtd_tokens t;
    uint64_t *index; /* keys of dropout: not looked at */
    struct rtd_acts acts;
    struct rtd_class_acts head;
};

static void micro_take(struct micro *m, struct rtd_arena *a, const struct rtd_infer *f)
{
    m->index = rtd_arena_take(a, m->t.nseq, sizeof *m->index);
    rtd_acts_take(&m->acts, a, &f->enc, &m->t, false);
    if (f->kind == RTD_INFER_CLASS)
        rtd_class_acts_take(&m->head, a, &f->class_head, m->t.nseq);
}

/* The arena's size for m, whose t has starts from 0. */
static size_t micro_size(struct micro m, const struct rtd_infer *f)
{
    struct rtd_arena count = {0};
    micro_take(&m, &count, f);
    if (f->kind == RTD_INFER_DISC)
        rtd_disc_head_run(&f->disc_head, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                          m.t.start[m.t.nseq], 0, &count);
    return count.peak;
}

static void run_micro(void *arg, int task, int worker)
{
    struct job *j = arg;
    struct rtd_infer *f = j->f;
    struct rtd_arena *a = &f->arena[worker];
    struct rtd_err *err = &f->err[worker];
    size_t from = j->first[task], n = j->first[task + 1] - from;
    uint32_t base = j->s->start[from], *start = malloc((n + 1) * sizeof *start);
    if (err->status || !start) {
        free(start);
        rtd_fail(err, RTD_ESYS, "not enough memory");
        return;
    }
    for (size_t i = 0; i <= n; i++)
        start[i] = j->s->start[from + i] - base;
    struct micro m = {
        .t = {.nseq = n, .start = start, .ids = j->s->ids + base, .types = j->s->types + base}};
    size_t size = micro_size(m, f);
    rtd_arena_reset(a);
    if (a->size < size) {
        rtd_arena_free(a);
        rtd_arena_init(a, size, err);
    }
    if (!err->status) {
        micro_take(&m, a, f);
        memset(m.index, 0, n * sizeof *m.index);
        m.t.index = m.index;
        rtd_encoder_forward(&f->enc, f->params.w, &m.t, &m.acts, false, 0);
        if (f->kind == RTD_INFER_CLASS)
            rtd_class_head_fwd(&f->class_head, f->params.w, j->out + from * f->class_head.labels,
                               &m.head, &m.t, m.acts.out, false, 0);
        else
            rtd_disc_head_run(&f->disc_head, f->params.w, NULL, j->out + base, NULL, NULL,
                              m.acts.out, NULL, start[n], 0, a);
    }
    free(start);
}

int rtd_infer_run(struct rtd_infer *f, const struct rtd_sequences *s, float *out,
                  struct rtd_err *err)
{
    struct job j = {.f = f, .s = s, .out = out};
    int tasks = 0;
    j.first = malloc((s->n + 1) * sizeof *j.first);
    if (!j.first)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < s->n; i++)
        if (i == 0 || s->start[i] - s->start[j.first[tasks - 1]] >= MICRO_TOKENS)
            j.first[tasks++] = i;
    j.first[tasks] = s->n;
    rtd_pool_run(f->pool, run_micro, &j, tasks);
    free(j.first);
    for (int i = 0; i < rtd_pool_size(f->pool); i++)
        if (f->err[i].status)
            return rtd_fail(err, f->err[i].status, "%s", f->err[i].text);
    return RTD_OK;
}
