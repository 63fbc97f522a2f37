/* rtdtools - MIT licence */
#include "pretrain/copy_meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "pretrain/evaluation.h"

enum { SEGMENTS = 128, EXAMPLES = 32, TRIES = 8 };
enum { POSITION, COPY, REPLACEMENT }; /* draws, all of seed 0 */

static uint32_t draw(uint32_t what, uint64_t index, uint32_t element, uint32_t n)
{
    return rtd_below(rtd_rand32(0, RTD_RNG_COPY, RTD_NET_NONE, what, index, element), n);
}

/* --- making --- */

/* First segments end to end. */
struct segments {
    size_t n;
    uint32_t start[SEGMENTS + 1];
    uint64_t index[SEGMENTS]; /* record numbers */
    int32_t *ids;             /* owned */
};

static void unmask(int32_t *ids, const struct rtd_masked_batch *b, size_t s)
{
    memcpy(ids, b->ids + b->start[s], (b->start[s + 1] - b->start[s]) * sizeof *ids);
    for (uint32_t m = b->mstart[s]; m < b->mstart[s + 1]; m++)
        ids[b->positions[m]] = b->originals[m];
}

static int collect(struct segments *a, const struct rtd_masked_batch *b, size_t room,
                   const struct rtd_tokeniser *tok, struct rtd_err *err)
{
    *a = (struct segments){.ids = malloc((b->start[b->nseq] + 1) * sizeof *a->ids)};
    if (!a->ids)
        return rtd_fail(err, RTD_ESYS, "not enough memory for the copy meter");
    for (size_t s = 0; s < b->nseq && a->n < SEGMENTS; s++) {
        size_t length = b->start[s + 1] - b->start[s], n = 0;
        int32_t *ids = a->ids + a->start[a->n]; /* first the whole example */
        unmask(ids, b, s);
        if (ids[0] == tok->cls_id)
            while (n < room && n + 1 < length && ids[n + 1] != tok->sep_id)
                n++;
        memmove(ids, ids + 1, n * sizeof *ids);
        if (n == 0)
            continue;
        a->index[a->n] = b->index[s];
        a->start[a->n + 1] = a->start[a->n] + (uint32_t)n;
        a->n++;
    }
    return RTD_OK;
}

/* Room for nseq sequences of so many tokens together, any of which may be masked. */
static int make_store(struct rtd_batch_store *s, size_t nseq, size_t tokens, struct rtd_err *err)
{
    struct rtd_masked_batch *b = &s->b;
    b->start = calloc(nseq + 1, sizeof *b->start);
    b->mstart = calloc(nseq + 1, sizeof *b->mstart);
    b->index = calloc(nseq + 1, sizeof *b->index);
    b->ids = calloc(tokens + 1, sizeof *b->ids);
    b->types = calloc(tokens + 1, 1);
    b->positions = calloc(tokens + 1, sizeof *b->positions);
    b->originals = calloc(tokens + 1, sizeof *b->originals);
    if (b->start && b->mstart && b->index && b->ids && b->types && b->positions && b->originals)
        return RTD_OK;
    return rtd_fail(err, RTD_ESYS, "not enough memory for the copy meter");
}

static void add_token(struct rtd_masked_batch *b, int32_t id, uint8_t type)
{
    b->ids[b->start[b->nseq + 1]] = id;
    b->types[b->start[b->nseq + 1]++] = type;
}

static void begin(struct rtd_masked_batch *b, uint64_t index)
{
    b->index[b->nseq] = index;
    b->start[b->nseq + 1] = b->start[b->nseq];
    b->mstart[b->nseq + 1] = b->mstart[b->nseq];
}

static void end(struct rtd_masked_batch *b)
{
    b->nseq++;
    b->tokens = b->start[b->nseq];
    b->slots = b->mstart[b->nseq];
}

/* What stands in place of token i of a segment: drawn from all tokens until it is another. */
static int32_t replacement(const struct segments *a, size_t s, uint32_t i)
{
    int32_t original = a->ids[a->start[s] + i], id = original;
    for (uint32_t t = 0; t < TRIES && id == original; t++)
        id = a->ids[draw(REPLACEMENT, a->index[s], i * TRIES + t, a->start[a->n])];
    return id;
}

/* How a token is asked for. */
enum form { MASKED, REPLACED, CAUSAL };

/* Segment s once or twice, and 15% of one copy's tokens, at least one, masked or replaced; or all
 * tokens of the last copy, as they are, to be predicted. */
static void add_segment(struct rtd_masked_batch *b, const struct segments *a, size_t s,
                        enum rtd_copies copies, enum form form, const struct rtd_tokeniser *tok,
                        uint8_t second_type)
{
    const int32_t *ids = a->ids + a->start[s];
    uint32_t n = a->start[s + 1] - a->start[s], wanted = (uint32_t)(0.15 * n + 0.5), copy = 0;
    if (copies == RTD_COPY_TWICE)
        copy = form == CAUSAL ? 1 : draw(COPY, a->index[s], 0, 2);
    begin(b, a->index[s]);
    add_token(b, tok->cls_id, 0);
    for (uint8_t c = 0; c < (copies == RTD_COPY_TWICE ? 2 : 1); c++) {
        for (uint32_t i = 0; i < n; i++)
            add_token(b, ids[i], c ? second_type : 0);
        add_token(b, tok->sep_id, c ? second_type : 0);
    }
    wanted = form == CAUSAL ? n : wanted ? wanted : 1;
    for (uint32_t i = 0; i < n; i++) { /* each subset of that size is as likely as any other */
        if (draw(POSITION, a->index[s], i, n - i) >= wanted)
            continue;
        uint32_t at = 1 + copy * (n + 1) + i, slot = b->mstart[b->nseq + 1]++;
        if (form != CAUSAL)
            b->ids[b->start[b->nseq] + at] = form == MASKED ? tok->mask_id : replacement(a, s, i);
        b->positions[slot] = (int32_t)at;
        b->originals[slot] = ids[i];
        wanted--;
    }
    end(b);
}

static int make_tests(struct rtd_copy_meter *m, const struct segments *a,
                      const struct rtd_tokeniser *tok, uint8_t second_type, struct rtd_err *err)
{
    for (enum rtd_copies c = 0; c < RTD_COPIES; c++) {
        size_t tokens = 2 * a->start[a->n] + 3 * a->n;
        if (make_store(&m->masked[c], a->n, tokens, err) ||
            make_store(&m->replaced[c], a->n, tokens, err) ||
            make_store(&m->causal[c], a->n, tokens, err))
            return err->status;
        for (size_t s = 0; s < a->n; s++) {
            add_segment(&m->masked[c].b, a, s, c, MASKED, tok, second_type);
            add_segment(&m->replaced[c].b, a, s, c, REPLACED, tok, second_type);
            add_segment(&m->causal[c].b, a, s, c, CAUSAL, tok, second_type);
        }
    }
    return RTD_OK;
}

static int make_plain(struct rtd_copy_meter *m, const struct rtd_masked_batch *b,
                      struct rtd_err *err)
{
    size_t n = b->nseq < EXAMPLES ? b->nseq : EXAMPLES;
    struct rtd_masked_batch *plain = &m->plain.b;
    if (make_store(&m->plain, n, b->start[n], err))
        return err->status;
    for (size_t s = 0; s < n; s++) {
        begin(plain, b->index[s]);
        unmask(plain->ids + plain->start[s], b, s);
        memcpy(plain->types + plain->start[s], b->types + b->start[s],
               b->start[s + 1] - b->start[s]);
        plain->start[s + 1] += b->start[s + 1] - b->start[s];
        end(plain);
    }
    return RTD_OK;
}

int rtd_copy_meter_init(struct rtd_copy_meter *m, const struct rtd_masked_batch *examples,
                        const struct rtd_tokeniser *tok, size_t max_length,
                        const struct rtd_config *config, struct rtd_err *err)
{
    struct segments a;
    size_t most = (size_t)config->max_position_embeddings;
    most = max_length && max_length < most ? max_length : most;
    *m = (struct rtd_copy_meter){0};
    int st = collect(&a, examples, most > 3 ? (most - 3) / 2 : 0, tok, err);
    if (!st)
        st = make_tests(m, &a, tok, config->type_vocab_size > 1, err);
    if (!st)
        st = make_plain(m, examples, err);
    free(a.ids);
    if (st)
        rtd_copy_meter_fini(m);
    return st;
}

void rtd_copy_meter_fini(struct rtd_copy_meter *m)
{
    for (enum rtd_copies c = 0; c < RTD_COPIES; c++) {
        rtd_batch_free(&m->masked[c]);
        rtd_batch_free(&m->replaced[c]);
        rtd_batch_free(&m->causal[c]);
    }
    rtd_batch_free(&m->plain);
}

/* --- measuring --- */

/* own: struct rtd_trained_heads.  The sum is a whole number, so that lanes do not matter. */
static void fill_in(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                    const struct rtd_micro *m, struct rtd_sums *sums)
{
    const struct rtd_trained_heads *heads = own;
    struct rtd_arena *arena = lane->arena;
    struct rtd_tokens t = m->t;
    struct rtd_acts acts;
    size_t mark = arena->used;
    uint32_t *row = rtd_arena_take(arena, m->M, sizeof *row);
    uint32_t *prefix = rtd_arena_take(arena, t.nseq, sizeof *prefix);
    rtd_acts_take(&acts, arena, &p->disc, &m->t, false);
    if (arena->base) {
        memset(prefix, 0, t.nseq * sizeof *prefix);
        t.prefix = heads->lm_causal ? prefix : NULL;
        for (size_t k = 0; k < m->M; k++)
            row[k] = m->row[k] - heads->lm_causal;
        rtd_encoder_forward(&p->disc, p->params.w, &t, &acts, NULL);
    }
    struct rtd_lm_rows rows = {.M = m->M, .row = row, .target = m->original};
    rtd_lm_head_run(heads->lm, p->params.w, NULL, &rows, acts.out, NULL, m->T, 0, arena);
    sums->of[RTD_SUM_OWN] += (double)rows.correct;
    arena->used = mark;
}

static int accuracy(const struct rtd_batch_store *s, struct rtd_pretrain *p,
                    const struct rtd_trained_heads *heads, double *value, struct rtd_err *err)
{
    struct rtd_sums sums;
    int st = rtd_pretrain_run(p, fill_in, heads, &s->b, NULL, &sums, err);
    *value = sums.of[RTD_SUM_OWN] / sums.of[RTD_SUM_SLOTS]; /* none: NaN */
    return st;
}

struct detection {
    const struct rtd_disc_head *head;
    real *logits; /* of the batch's tokens */
};

static void detect(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                   const struct rtd_micro *m, struct rtd_sums *sums)
{
    const struct detection *o = own;
    struct rtd_arena *arena = lane->arena;
    struct rtd_acts acts;
    size_t mark = arena->used;
    real *logits = rtd_arena_take(arena, m->T, sizeof *logits);
    (void)sums;
    rtd_acts_take(&acts, arena, &p->disc, &m->t, false);
    if (arena->base)
        rtd_encoder_forward(&p->disc, p->params.w, &m->t, &acts, NULL);
    rtd_disc_head_run(o->head, p->params.w, NULL, logits, NULL, NULL, acts.out, NULL, m->T, 0,
                      arena);
    if (arena->base)
        rtd_micro_keep(m, o->logits, logits, 1);
    arena->used = mark;
}

/* The tokens of the copies in which some are replaced, and which those are; returns their number.
 */
static size_t score(struct rtd_scored *scored, const struct rtd_masked_batch *b,
                    enum rtd_copies copies, const real *logits)
{
    size_t k = 0;
    for (size_t s = 0; s < b->nseq; s++) {
        uint32_t length = b->start[s + 1] - b->start[s], slot = b->mstart[s];
        uint32_t n = copies == RTD_COPY_TWICE ? (length - 3) / 2 : length - 2;
        uint32_t from = (uint32_t)b->positions[slot] > n ? n + 2 : 1;
        for (uint32_t t = from; t < from + n; t++) {
            uint32_t at = b->start[s] + t;
            bool here = slot < b->mstart[s + 1] && (uint32_t)b->positions[slot] == t;
            scored[k++] = (struct rtd_scored){(float)logits[at],
                                              (uint8_t)(here && b->ids[at] != b->originals[slot])};
            slot += here;
        }
    }
    return k;
}

static int auc(const struct rtd_batch_store *s, enum rtd_copies copies, struct rtd_pretrain *p,
               const struct rtd_disc_head *head, double *value, struct rtd_err *err)
{
    const struct rtd_masked_batch *b = &s->b;
    size_t tokens = b->start[b->nseq] + 1;
    struct rtd_scored *scored = malloc(tokens * sizeof *scored);
    struct detection o = {.head = head, .logits = malloc(tokens * sizeof *o.logits)};
    struct rtd_sums sums;
    int st = RTD_OK;
    if (!scored || !o.logits)
        st = rtd_fail(err, RTD_ESYS, "not enough memory for the copy meter");
    if (!st)
        st = rtd_pretrain_run(p, detect, &o, b, NULL, &sums, err);
    if (!st)
        *value = rtd_auc(scored, score(scored, b, copies, o.logits));
    free(scored);
    free(o.logits);
    return st;
}

/* Of rows of probabilities of n tokens, the mean as a share of log n. */
static double entropy(const real *p, size_t rows, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < rows * n; i++)
        if (p[i] > 0)
            sum -= (double)p[i] * log((double)p[i]);
    return sum / (double)rows / log((double)n);
}

/* own: (examples, layers), their entropies */
static void look(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                 const struct rtd_micro *m, struct rtd_sums *sums)
{
    double *const *share = own;
    struct rtd_acts acts;
    size_t mark = lane->arena->used, layers = (size_t)p->disc.layers, at = 0;
    (void)sums;
    rtd_acts_take(&acts, lane->arena, &p->disc, &m->t, true);
    if (lane->arena->base)
        rtd_encoder_forward(&p->disc, p->params.w, &m->t, &acts, NULL);
    for (size_t s = 0; lane->arena->base && s < m->t.nseq; s++) {
        size_t n = m->t.start[s + 1] - m->t.start[s], rows = n * p->disc.heads;
        for (size_t i = 0; i < layers; i++)
            (*share)[m->seq[s] * layers + i] = entropy(acts.layer[i].p + at, rows, n);
        at += rows * n;
    }
    lane->arena->used = mark;
}

static int entropies(const struct rtd_copy_meter *m, struct rtd_pretrain *p, double *mean,
                     struct rtd_err *err)
{
    const struct rtd_masked_batch *b = &m->plain.b;
    size_t layers = (size_t)p->disc.layers;
    double *share = malloc((b->nseq * layers + 1) * sizeof *share);
    struct rtd_sums sums;
    if (!share)
        return rtd_fail(err, RTD_ESYS, "not enough memory for the copy meter");
    int st = rtd_pretrain_run(p, look, &share, b, NULL, &sums, err);
    for (size_t i = 0; i < layers && !st; i++) {
        double sum = 0, n = 0;
        for (size_t s = 0; s < b->nseq; s++)
            if (b->start[s + 1] - b->start[s] > 1) { /* a lone token looks at itself */
                sum += share[s * layers + i];
                n++;
            }
        mean[i] = sum / n;
    }
    free(share);
    return st;
}

int rtd_copy_meter_run(const struct rtd_copy_meter *m, struct rtd_pretrain *p,
                       const struct rtd_objective *objective, struct rtd_copy_result *r,
                       struct rtd_err *err)
{
    struct rtd_trained_heads heads = {0};
    if (objective->heads)
        heads = objective->heads(p);
    const struct rtd_batch_store *words = heads.lm_causal     ? m->causal
                                          : heads.lm_replaced ? m->replaced
                                                              : m->masked;
    int st = RTD_OK;
    for (enum rtd_copies c = 0; c < RTD_COPIES && !st; c++) {
        r->accuracy[c] = r->auc[c] = (double)NAN;
        if (heads.lm)
            st = accuracy(&words[c], p, &heads, &r->accuracy[c], err);
        if (heads.disc && !st)
            st = auc(&m->replaced[c], c, p, heads.disc, &r->auc[c], err);
    }
    return st ? st : entropies(m, p, r->entropy, err);
}

static void print(FILE *f, bool names, const char *name, double value)
{
    if (names)
        fprintf(f, "\t%s", name);
    else if (isnan(value))
        fprintf(f, "\t");
    else
        fprintf(f, "\t%.6g", value);
}

void rtd_copy_meter_print(FILE *f, int layers, const struct rtd_copy_result *r)
{
    char name[40];
    print(f, !r, "copy_accuracy", r ? r->accuracy[RTD_COPY_TWICE] : 0);
    print(f, !r, "copy_accuracy_alone", r ? r->accuracy[RTD_COPY_ALONE] : 0);
    print(f, !r, "copy_auc", r ? r->auc[RTD_COPY_TWICE] : 0);
    print(f, !r, "copy_auc_alone", r ? r->auc[RTD_COPY_ALONE] : 0);
    for (int i = 0; i < layers; i++) {
        snprintf(name, sizeof name, "attention_entropy_%d", i + 1);
        print(f, !r, name, r ? r->entropy[i] : 0);
    }
}
