/* rtdtools - MIT licence */
#include "objective/pretrain.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/network.h"
#include "nn/kernels.h"

void rtd_pretrain_defaults(struct rtd_pretrain_options *o)
{
    *o = (struct rtd_pretrain_options){.phases = {.n = 1, .at = {{.objective = &rtd_electra}}},
                                       .gen_weight = 1,
                                       .disc_weight = 50,
                                       .temperature = {1, 1},
                                       .clm_share = 0.5,

                                       .contrast_temperature = 0.1,
                                       .drop = true,
                                       .seed = 1,
                                       .lanes = 8,
                                       .micro_tokens = 512};
}

int rtd_generator_config(struct rtd_config *gen, const struct rtd_config *disc, int gen_hidden,
                         struct rtd_err *err)
{
    int st = rtd_config_copy(gen, disc, err);
    if (st)
        return st;
    gen->hidden_size = gen_hidden;
    gen->intermediate_size = 4 * gen_hidden;
    gen->num_attention_heads = gen_hidden >= 64 ? gen_hidden / 64 : 1;
    strcpy(gen->model_type, "electra");
    strcpy(gen->architecture, "ElectraForMaskedLM");
    json_decref(gen->extra); /* what else is said there is said of the discriminator */
    gen->extra = NULL;
    return rtd_config_set_labels(gen, NULL, 0, err);
}

static void layout(struct rtd_pretrain *p)
{
    unsigned all = rtd_phases_parts(&p->o.phases), last = rtd_phases_last(&p->o.phases)->parts;
    struct rtd_params *params = &p->params;
    const int disc = RTD_NET_DISCRIMINATOR, gen = RTD_NET_GENERATOR;
    bool detects = last & RTD_PART_DETECTOR;
    rtd_encoder_layout(&p->disc, params, &p->disc_config, disc, rtd_network_prefix(&p->disc_config),
                       NULL);
    if (all & RTD_PART_DETECTOR)
        rtd_disc_head_layout(&p->head, params, &p->disc, detects ? disc : RTD_NET_NONE);
    if (rtd_generator_learns(&p->o)) {
        rtd_encoder_layout(&p->gen, params, &p->gen_config, gen, "electra.", &p->disc);
        rtd_lm_head_layout(&p->lm, params, &p->gen, gen, "generator_predictions",
                           "generator_lm_head.bias");
    }
    if (!detects) {
        const struct rtd_task_entry *fill = rtd_task_entry(RTD_TASK_FILL);
        enum rtd_model_type type = rtd_model_type(&p->disc_config);
        rtd_lm_head_layout(&p->disc_lm, params, &p->disc, disc, fill->of[type].tensors,
                           fill->of[type].bias);
        strcpy(p->disc_config.architecture, "ElectraForMaskedLM");
    } else if (all & RTD_PART_LM) {
        rtd_lm_head_layout(&p->disc_lm, params, &p->disc, RTD_NET_NONE, "warmup", "warmup.bias");
    }
    if (all & RTD_PART_GATE) {
        int depth = p->disc.layers + 1;
        p->gate_w = rtd_params_add(params, RTD_NET_NONE, 0, RTD_INIT_NORMAL, depth, 1, p->disc.h,
                                   "gate.weight");
        p->gate_b =
            rtd_params_add(params, RTD_NET_NONE, 0, RTD_INIT_ZERO, depth, 1, 0, "gate.bias");
    }
}

int rtd_pretrain_new(struct rtd_pretrain **out, const struct rtd_config *disc,
                     const struct rtd_config *gen, const struct rtd_pretrain_options *o,
                     struct rtd_pool *pool, struct rtd_err *err)
{
    struct rtd_pretrain *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    p->o = *o;
    int st = rtd_config_copy(&p->disc_config, disc, err);
    if (!st)
        st = rtd_config_copy(&p->gen_config, gen, err);
    if (!st)
        layout(p);
    if (!st)
        st = rtd_params_alloc(&p->params, err);
    if (!st)
        st = rtd_lanes_new(&p->lanes, pool, p->params.total, o->lanes, NULL, err);
    if (st) {
        rtd_pretrain_free(p);
        return st;
    }
    *out = p;
    return RTD_OK;
}

void rtd_pretrain_free(struct rtd_pretrain *p)
{
    if (!p)
        return;
    rtd_lanes_free(p->lanes);
    rtd_params_free(&p->params);
    rtd_config_free(&p->disc_config);
    rtd_config_free(&p->gen_config);
    free(p);
}

/* What all lanes of a batch share. */
struct job {
    const struct rtd_pretrain *p;
    const struct rtd_masked_batch *b;
    rtd_micro_run *run;
    const void *own; /* its argument */
    bool train;
    uint32_t *seq;         /* [nseq] the batch's sequences lane after lane */
    uint32_t *start;       /* [nseq + 1] their tokens in that order */
    struct rtd_sums *sums; /* [lanes] */
};

/* A micro-batch's memory. */
struct gathered {
    uint32_t *start; /* [nseq + 1] */
    int32_t *ids;    /* [T] */
    uint8_t *types;  /* [T] */
    uint64_t *index; /* [nseq] */
    uint32_t *row, *slot, *place;
    uint64_t *record;
    int32_t *original; /* [M] */
};

/* Sequences j->seq[from .. to - 1], as far as it is known without having looked at them. */
static struct rtd_micro micro_of(const struct job *j, size_t from, size_t to)
{
    const struct rtd_masked_batch *b = j->b;
    struct rtd_micro m = {.batch = b,
                          .train = j->train,
                          .seq = j->seq + from,
                          .T = j->start[to] - j->start[from],
                          .t = {.nseq = to - from, .start = j->start + from}};
    for (size_t i = 0; i < m.t.nseq; i++)
        m.M += b->mstart[m.seq[i] + 1] - b->mstart[m.seq[i]];
    return m;
}

static void take(struct gathered *g, struct rtd_arena *a, const struct rtd_micro *m)
{
    g->start = rtd_arena_take(a, m->t.nseq + 1, sizeof *g->start);
    g->ids = rtd_arena_take(a, m->T, sizeof *g->ids);
    g->types = rtd_arena_take(a, m->T, sizeof *g->types);
    g->index = rtd_arena_take(a, m->t.nseq, sizeof *g->index);
    g->row = rtd_arena_take(a, m->M, sizeof *g->row);
    g->slot = rtd_arena_take(a, m->M, sizeof *g->slot);
    g->place = rtd_arena_take(a, m->M, sizeof *g->place);
    g->record = rtd_arena_take(a, m->M, sizeof *g->record);
    g->original = rtd_arena_take(a, m->M, sizeof *g->original);
}

static void gather(struct rtd_micro *m, const struct gathered *g)
{
    const struct rtd_masked_batch *b = m->batch;
    size_t k = 0;
    g->start[0] = 0;
    for (size_t i = 0; i < m->t.nseq; i++) {
        size_t s = m->seq[i], at = g->start[i], length = b->start[s + 1] - b->start[s];
        g->start[i + 1] = (uint32_t)(at + length);
        g->index[i] = b->index[s];
        memcpy(g->ids + at, b->ids + b->start[s], length * sizeof *g->ids);
        memcpy(g->types + at, b->types + b->start[s], length);
        for (size_t slot = b->mstart[s]; slot < b->mstart[s + 1]; slot++, k++) {
            g->row[k] = (uint32_t)at + (uint32_t)b->positions[slot];
            g->slot[k] = (uint32_t)(slot - b->mstart[s]);
            g->place[k] = (uint32_t)slot;
            g->record[k] = b->index[s];
            g->original[k] = b->originals[slot];
        }
    }
    m->t = (struct rtd_tokens){
        .nseq = m->t.nseq, .start = g->start, .ids = g->ids, .types = g->types, .index = g->index};
    m->row = g->row;
    m->slot = g->slot;
    m->place = g->place;
    m->record = g->record;
    m->original = g->original;
}

/* Memory of a micro-batch: its layout on an arena that only counts. */
static size_t micro_size(const struct job *j, const struct rtd_micro *m)
{
    struct rtd_arena count = {0};
    struct rtd_lane lane = {.arena = &count};
    struct rtd_sums sums = {0};
    struct gathered g;
    take(&g, &count, m);
    j->run(j->p, j->own, &lane, m, &sums);
    return count.peak;
}

static int run_lane(void *arg, struct rtd_lane *lane, struct rtd_err *err)
{
    const struct job *j = arg;
    const struct rtd_pretrain_options *o = &j->p->o;
    size_t from, to, end, limit = o->micro_sequences ? o->micro_sequences : SIZE_MAX;
    rtd_lane_range(j->b->nseq, rtd_lanes_count(j->p->lanes), lane->lane, &from, &end);
    for (; from < end; from = to) {
        for (to = from + 1; to < end && to - from < limit; to++)
            if (j->start[to] - j->start[from] >= o->micro_tokens)
                break;
        struct rtd_micro m = micro_of(j, from, to);
        struct gathered g;
        int st = rtd_arena_need(lane->arena, micro_size(j, &m), err);
        if (st)
            return st;
        take(&g, lane->arena, &m);
        gather(&m, &g);
        j->run(j->p, j->own, lane, &m, &j->sums[lane->lane]);
    }
    return RTD_OK;
}

/* The batch's sequences lane after lane; free(j->seq). */
static int order_lanes(struct job *j, int lanes, struct rtd_err *err)
{
    const struct rtd_masked_batch *b = j->b;
    j->seq = malloc((2 * b->nseq + 1) * sizeof *j->seq);
    if (!j->seq)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    j->start = j->seq + b->nseq;
    rtd_lane_order(j->seq, b->nseq, lanes);
    j->start[0] = 0;
    for (size_t i = 0; i < b->nseq; i++)
        j->start[i + 1] = j->start[i] + b->start[j->seq[i] + 1] - b->start[j->seq[i]];
    return RTD_OK;
}

int rtd_pretrain_batch(struct rtd_pretrain *p, const struct rtd_objective *objective,
                       const struct rtd_masked_batch *b, real **grad, struct rtd_sums *sums,
                       struct rtd_err *err)
{
    double over[RTD_COUNTS] = {0};
    if (objective->count)
        objective->count(p, b, over);
    return rtd_pretrain_run(p, objective->run, over, b, grad, sums, err);
}

int rtd_pretrain_run(struct rtd_pretrain *p, rtd_micro_run *run, const void *own,
                     const struct rtd_masked_batch *b, real **grad, struct rtd_sums *sums,
                     struct rtd_err *err)
{
    int lanes = rtd_lanes_count(p->lanes);
    struct rtd_sums *part = calloc((size_t)lanes, sizeof *part);
    *sums = (struct rtd_sums){0};
    if (!part)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    struct job j = {.p = p, .b = b, .run = run, .own = own, .train = grad != NULL, .sums = part};
    int st = order_lanes(&j, lanes, err);
    if (!st)
        st = rtd_lanes_run(p->lanes, run_lane, &j, grad, err);
    rtd_lanes_add(part[0].of, lanes, RTD_SUMS);
    *sums = part[0];
    free(part);
    free(j.seq);
    sums->of[RTD_SUM_SEQUENCES] = (double)b->nseq;
    sums->of[RTD_SUM_TOKENS] = b->start[b->nseq];
    sums->of[RTD_SUM_SLOTS] = b->mstart[b->nseq];
    return st;
}

size_t rtd_pretrain_memory(const struct rtd_pretrain *p, int workers, size_t max_length,
                           size_t max_masked)
{
    size_t n = (p->o.micro_tokens + max_length - 1) / max_length, arena = 0;
    uint32_t *start = calloc(3 * (n + 1), sizeof *start);
    if (!start)
        return 0;
    uint32_t *mstart = start + n + 1, *seq = mstart + n + 1;
    for (size_t i = 0; i <= n; i++) {
        start[i] = (uint32_t)(i * max_length);
        mstart[i] = (uint32_t)(i * max_masked);
        seq[i] = (uint32_t)i;
    }
    struct rtd_masked_batch b = {.nseq = n, .start = start, .mstart = mstart};
    double over[RTD_COUNTS] = {0};
    struct job j = {.p = p, .b = &b, .own = over, .train = true, .seq = seq, .start = start};
    for (int i = 0; i < p->o.phases.n; i++) {
        j.run = p->o.phases.at[i].objective->run;
        struct rtd_micro m = micro_of(&j, 0, n);
        size_t size = micro_size(&j, &m);
        arena = size > arena ? size : arena;
    }
    free(start);
    return (3 + (size_t)rtd_lanes_blocks(p->lanes)) * p->params.total * sizeof(real) +
           (size_t)workers * arena;
}
