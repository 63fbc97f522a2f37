/* rtdtools - MIT licence */
#include "pretrain/pretrain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/flops.h"

void rtd_pretrain_defaults(struct rtd_pretrain_options *o)
{
    *o = (struct rtd_pretrain_options){.gen_weight = 1,
                                       .disc_weight = 50,
                                       .temperature = 1,
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
    strcpy(gen->architecture, "ElectraForMaskedLM");
    return RTD_OK;
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
    if (!st) {
        rtd_encoder_layout(&p->disc, &p->params, disc, RTD_NET_DISCRIMINATOR, "electra.", NULL);
        rtd_disc_head_layout(&p->head, &p->params, &p->disc);
        rtd_encoder_layout(&p->gen, &p->params, gen, RTD_NET_GENERATOR, "electra.", &p->disc);
        rtd_lm_head_layout(&p->lm, &p->params, &p->gen, RTD_NET_GENERATOR, "generator_predictions",
                           "generator_lm_head.bias");
        if (o->warmup_head) /* a network number of its own: it is in no model directory */
            rtd_lm_head_layout(&p->warmup_lm, &p->params, &p->disc, RTD_NET_NONE, "warmup",
                               "warmup.bias");
        st = rtd_params_alloc(&p->params, err);
    }
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
    struct rtd_pretrain *p;
    const struct rtd_masked_batch *b;
    uint32_t *seq;   /* [nseq] the batch's sequences lane after lane */
    uint32_t *start; /* [nseq + 1] their tokens in that order */
    enum rtd_phase phase;
    struct rtd_pretrain_sums *sums; /* [lanes] */
    float *scores;
    uint8_t *labels;
};

/* A micro-batch: sequences j->seq[from .. to - 1] of the batch, end to end. */
struct micro {
    struct rtd_tokens t;
    size_t from, to, T, M;
    uint32_t *start;   /* [nseq + 1] */
    int32_t *ids;      /* [T] */
    uint8_t *types;    /* [T] */
    uint64_t *index;   /* [nseq] */
    uint32_t *row;     /* [M] token of each slot */
    uint32_t *slot;    /* [M] number of each slot in its record */
    uint64_t *sindex;  /* [M] record of each slot */
    uint32_t *place;   /* [M] number of each slot in the batch */
    int32_t *original; /* [M] */
    int32_t *fake;     /* [T] the discriminator's input */
    uint8_t *replaced; /* [T] */
    int32_t *sampled;  /* [M] */
    real *logits;      /* [T] */
    real *d;           /* (T, max h) */
};

static void micro_take(struct micro *m, struct rtd_arena *a, const struct job *j)
{
    const struct rtd_masked_batch *b = j->b;
    size_t n = m->to - m->from, h = j->p->disc.h > j->p->gen.h ? j->p->disc.h : j->p->gen.h;
    m->T = j->start[m->to] - j->start[m->from];
    m->M = 0;
    for (size_t i = m->from; i < m->to; i++)
        m->M += b->mstart[j->seq[i] + 1] - b->mstart[j->seq[i]];
    m->start = rtd_arena_take(a, n + 1, sizeof *m->start);
    m->ids = rtd_arena_take(a, m->T, sizeof *m->ids);
    m->types = rtd_arena_take(a, m->T, sizeof *m->types);
    m->index = rtd_arena_take(a, n, sizeof *m->index);
    m->row = rtd_arena_take(a, m->M, sizeof *m->row);
    m->slot = rtd_arena_take(a, m->M, sizeof *m->slot);
    m->sindex = rtd_arena_take(a, m->M, sizeof *m->sindex);
    m->place = rtd_arena_take(a, m->M, sizeof *m->place);
    m->original = rtd_arena_take(a, m->M, sizeof *m->original);
    m->fake = rtd_arena_take(a, m->T, sizeof *m->fake);
    m->replaced = rtd_arena_take(a, m->T, sizeof *m->replaced);
    m->sampled = rtd_arena_take(a, m->M, sizeof *m->sampled);
    m->logits = rtd_arena_take(a, m->T, sizeof *m->logits);
    m->d = rtd_arena_take(a, m->T * h, sizeof *m->d);
}

static void micro_fill(struct micro *m, const struct job *j)
{
    const struct rtd_masked_batch *b = j->b;
    size_t n = m->to - m->from, k = 0;
    m->start[0] = 0;
    for (size_t i = 0; i < n; i++) {
        size_t s = j->seq[m->from + i], at = m->start[i], length = b->start[s + 1] - b->start[s];
        m->start[i + 1] = (uint32_t)(at + length);
        m->index[i] = b->index[s];
        memcpy(m->ids + at, b->ids + b->start[s], length * sizeof *m->ids);
        memcpy(m->types + at, b->types + b->start[s], length);
        memcpy(m->fake + at, b->ids + b->start[s], length * sizeof *m->fake);
        for (size_t slot = b->mstart[s]; slot < b->mstart[s + 1]; slot++, k++) {
            m->row[k] = (uint32_t)at + (uint32_t)b->positions[slot];
            m->slot[k] = (uint32_t)(slot - b->mstart[s]);
            m->sindex[k] = b->index[s];
            m->place[k] = (uint32_t)slot;
            m->original[k] = b->originals[slot];
            m->fake[m->row[k]] = m->original[k]; /* the discriminator starts from the originals */
        }
    }
    m->t = (struct rtd_tokens){
        .nseq = n, .start = m->start, .ids = m->ids, .types = m->types, .index = m->index};
}

static bool trains(const struct job *j)
{
    return j->phase != RTD_PHASE_EVAL;
}

/* Rows of `width` numbers, one a token of the micro-batch, to where the batch has them. */
static void keep_rows(real *keep, const real *x, size_t width, const struct job *j,
                      const struct micro *m)
{
    for (size_t i = 0; keep && i < m->t.nseq; i++)
        memcpy(keep + j->b->start[j->seq[m->from + i]] * width, x + m->start[i] * width,
               (m->start[i + 1] - m->start[i]) * width * sizeof *x);
}

static void keep_hidden(const struct job *j, int which, const struct rtd_encoder *enc,
                        const struct rtd_acts *a, const struct micro *m)
{
    for (int i = 0; i <= enc->layers; i++)
        keep_rows(j->p->keep_hidden[which][i], i < enc->layers ? a->layer[i].x : a->out, enc->h, j,
                  m);
}

/* The masked-LM objective of one network on the masked input; samples where `sample`. */
static void run_mlm(struct job *j, struct rtd_lane *lane, struct micro *m,
                    const struct rtd_encoder *enc, const struct rtd_lm_head *head, bool sample,
                    double *loss, double *correct)
{
    struct rtd_pretrain *p = j->p;
    struct rtd_arena *arena = lane->arena;
    bool train = trains(j), counting = !arena->base, keep = sample && p->keep_gen_logits;
    size_t mark = arena->used, vocab = head->vocab;
    const struct rtd_pass pass = {.seed = p->o.seed}, *drop = train && p->o.drop ? &pass : NULL;
    struct rtd_acts acts;
    rtd_acts_take(&acts, arena, enc, &m->t, true);
    if (!counting)
        rtd_encoder_forward(enc, p->params.w, &m->t, &acts, drop);
    if (!counting && sample)
        keep_hidden(j, 0, enc, &acts, m);
    struct rtd_lm_rows rows = {
        .M = m->M,
        .row = m->row,
        .target = m->original,
        .index = m->sindex,
        .slot = m->slot,
        .sampled = sample ? m->sampled : NULL,
        .seed = p->o.seed,
        .site = (uint32_t)(train ? RTD_RNG_GUMBEL : RTD_RNG_EVAL_GUMBEL) << 16 | RTD_NET_GENERATOR
                                                                                     << 8,
        .temperature = (real)p->o.temperature,
        .disallow_correct = p->o.disallow_correct,
        .logits = keep ? rtd_arena_take(arena, m->M * vocab, sizeof(real)) : NULL,
    };
    real gscale = train ? (real)(p->o.gen_weight / (j->b->slots + 1e-6)) : 0;
    rtd_lm_head_run(head, p->params.w, lane->g, &rows, acts.out, m->d, m->T, gscale, arena);
    if (counting) {
        rtd_encoder_backward_scratch(arena, enc, &m->t);
    } else if (gscale != 0 && m->M) { /* else the head has left m->d alone */
        rtd_encoder_backward(enc, p->params.w, lane->g, &m->t, &acts, m->d, arena, drop);
    }
    for (size_t k = 0; keep && !counting && k < m->M; k++)
        memcpy(p->keep_gen_logits + m->place[k] * vocab, rows.logits + k * vocab,
               vocab * sizeof *rows.logits);
    *loss += rows.loss;
    *correct += (double)rows.correct;
    arena->used = mark;
}

/* Put the samples in place and mark what differs from the original. */
static void corrupt(struct job *j, struct micro *m, struct rtd_pretrain_sums *sums)
{
    const struct rtd_masked_batch *b = j->b;
    memset(m->replaced, 0, m->T);
    for (size_t k = 0; k < m->M; k++) {
        int32_t original = m->original[k];
        int32_t id = b->sampled ? b->sampled[m->place[k]] : m->sampled[k];
        m->fake[m->row[k]] = id;
        m->replaced[m->row[k]] = id != original;
        sums->sampled_correct += id == original;
    }
}

static void count_tokens(struct job *j, const struct micro *m, struct rtd_pretrain_sums *sums)
{
    for (size_t s = 0; s < m->t.nseq; s++) {
        double loss = 0;
        for (size_t t = m->start[s]; t < m->start[s + 1]; t++) {
            double x = (double)m->logits[t];
            bool said = x > 0, truth = m->replaced[t];
            loss += (x > 0 ? x : 0) - x * truth + log1p(exp(-fabs(x)));
            sums->replaced += truth;
            sums->predicted += said;
            sums->both += said && truth;
            sums->agree += said == truth;
        }
        sums->disc_loss_means += loss / (1e-6 + m->start[s + 1] - m->start[s]);
    }
    for (size_t i = 0; i < m->t.nseq; i++) {
        size_t at = j->b->start[j->seq[m->from + i]];
        for (size_t t = m->start[i]; t < m->start[i + 1]; t++, at++) {
            if (j->scores)
                j->scores[at] = (float)m->logits[t];
            if (j->labels)
                j->labels[at] = m->replaced[t];
        }
    }
    keep_rows(j->p->keep_disc_logits, m->logits, 1, j, m);
}

static void run_discriminator(struct job *j, struct rtd_lane *lane, struct micro *m,
                              struct rtd_pretrain_sums *sums)
{
    struct rtd_pretrain *p = j->p;
    struct rtd_arena *arena = lane->arena;
    bool train = trains(j), counting = !arena->base;
    size_t mark = arena->used;
    struct rtd_tokens t = m->t;
    const struct rtd_pass pass = {.seed = p->o.seed}, *drop = train && p->o.drop ? &pass : NULL;
    struct rtd_acts acts;
    t.ids = m->fake;
    rtd_acts_take(&acts, arena, &p->disc, &t, true);
    double loss = 0;
    if (!counting) {
        rtd_encoder_forward(&p->disc, p->params.w, &t, &acts, drop);
        keep_hidden(j, 1, &p->disc, &acts, m);
    }
    real gscale = train ? (real)(p->o.disc_weight / (j->b->tokens + 1e-6)) : 0;
    rtd_disc_head_run(&p->head, p->params.w, lane->g, m->logits, m->replaced, &loss, acts.out, m->d,
                      m->T, gscale, arena);
    if (counting) {
        rtd_encoder_backward_scratch(arena, &p->disc, &t);
    } else {
        if (gscale != 0)
            rtd_encoder_backward(&p->disc, p->params.w, lane->g, &t, &acts, m->d, arena, drop);
        sums->disc_loss += loss;
        count_tokens(j, m, sums);
    }
    arena->used = mark;
}

static void run_micro(struct job *j, struct rtd_lane *lane, struct micro *m,
                      struct rtd_pretrain_sums *sums)
{
    struct rtd_pretrain *p = j->p;
    double unused = 0;
    bool counting = !lane->arena->base;
    run_mlm(j, lane, m, &p->gen, &p->lm, true, &sums->mlm_loss, &sums->mlm_correct);
    if (!counting)
        corrupt(j, m, sums);
    if (j->phase == RTD_PHASE_WARMUP)
        run_mlm(j, lane, m, &p->disc, &p->warmup_lm, false, &sums->warmup_loss, &unused);
    else
        run_discriminator(j, lane, m, sums);
}

/* Memory of a micro-batch: run its layout on an arena that only counts. */
static size_t micro_size(struct job *j, struct micro *m)
{
    struct rtd_arena count = {0};
    struct rtd_lane lane = {.arena = &count};
    struct rtd_pretrain_sums sums = {0};
    micro_take(m, &count, j);
    m->t = (struct rtd_tokens){.nseq = m->to - m->from, .start = j->start + m->from};
    run_micro(j, &lane, m, &sums);
    return count.peak;
}

static int run_lane(void *arg, struct rtd_lane *lane, struct rtd_err *err)
{
    struct job *j = arg;
    struct rtd_pretrain_sums *sums = &j->sums[lane->lane];
    size_t end;
    struct micro m = {0};
    rtd_lane_range(j->b->nseq, rtd_lanes_count(j->p->lanes), lane->lane, &m.from, &end);
    for (; m.from < end; m.from = m.to) {
        size_t limit = j->p->o.micro_sequences ? j->p->o.micro_sequences : SIZE_MAX;
        for (m.to = m.from + 1; m.to < end && m.to - m.from < limit; m.to++)
            if (j->start[m.to] - j->start[m.from] >= j->p->o.micro_tokens)
                break;
        int st = rtd_arena_need(lane->arena, micro_size(j, &m), err);
        if (st)
            return st;
        micro_take(&m, lane->arena, j);
        micro_fill(&m, j);
        run_micro(j, lane, &m, sums);
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

int rtd_pretrain_batch(struct rtd_pretrain *p, const struct rtd_masked_batch *b,
                       enum rtd_phase phase, real **grad, struct rtd_pretrain_sums *sums,
                       float *scores, uint8_t *labels, struct rtd_err *err)
{
    int lanes = rtd_lanes_count(p->lanes);
    struct rtd_pretrain_sums *part = calloc((size_t)lanes, sizeof *part);
    *sums = (struct rtd_pretrain_sums){0};
    if (!part)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    struct job j = {
        .p = p, .b = b, .phase = phase, .sums = part, .scores = scores, .labels = labels};
    int st = order_lanes(&j, lanes, err);
    if (!st)
        st = rtd_lanes_run(p->lanes, run_lane, &j, grad, err);
    rtd_lanes_add((double *)part, lanes, sizeof *part / sizeof(double));
    *sums = part[0];
    free(part);
    free(j.seq);
    sums->sequences = (double)b->nseq;
    sums->tokens = b->start[b->nseq];
    sums->slots = b->mstart[b->nseq];
    return st;
}

double rtd_pretrain_flops(const struct rtd_config *disc, const struct rtd_config *gen, size_t n,
                          size_t masked)
{
    double N = (double)n;
    return 3 * (rtd_flops_encoder(disc, N) + rtd_flops_discriminator_head(disc, N) +
                rtd_flops_encoder(gen, N) + rtd_flops_generator_head(gen, (double)masked));
}

size_t rtd_pretrain_memory(const struct rtd_pretrain *p, int workers, size_t max_length)
{
    size_t n = (p->o.micro_tokens + max_length - 1) / max_length;
    uint32_t *start = calloc(3 * (n + 1), sizeof *start);
    if (!start)
        return 0;
    uint32_t *mstart = start + n + 1, *seq = mstart + n + 1;
    for (size_t i = 0; i <= n; i++) {
        start[i] = (uint32_t)(i * max_length);
        mstart[i] = (uint32_t)(i * (max_length * 16 / 100 + 1));
        seq[i] = (uint32_t)i;
    }
    struct rtd_masked_batch b = {.nseq = n, .start = start, .mstart = mstart};
    struct job j = {.p = (struct rtd_pretrain *)p, .b = &b, .seq = seq, .start = start};
    struct micro m = {.to = n};
    size_t arena = micro_size(&j, &m);
    free(start);
    return (3 + (size_t)rtd_lanes_blocks(p->lanes)) * p->params.total * sizeof(real) +
           (size_t)workers * arena;
}
