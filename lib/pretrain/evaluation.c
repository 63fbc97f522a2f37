/* rtdtools - MIT licence */
#include "pretrain/evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EVAL_BATCH = 128 };

/* Token t of sequence s as it was before masking; *slot walks along with t. */
static int32_t original(const struct rtd_masked_batch *b, size_t s, uint32_t t, uint32_t *slot)
{
    if (*slot < b->mstart[s + 1] && (uint32_t)b->positions[*slot] == t)
        return b->originals[(*slot)++];
    return b->ids[b->start[s] + t];
}

bool rtd_same_start(const struct rtd_masked_batch *a, const struct rtd_masked_batch *b)
{
    size_t n = a->nseq < b->nseq ? a->nseq : b->nseq;
    for (size_t s = 0; s < n; s++) {
        uint32_t length = a->start[s + 1] - a->start[s], x = a->mstart[s], y = b->mstart[s];
        if (length != b->start[s + 1] - b->start[s])
            return false;
        for (uint32_t t = 0; t < length; t++)
            if (original(a, s, t, &x) != original(b, s, t, &y))
                return false;
    }
    return n > 0;
}

static int load_records(struct rtd_evaluation *e, struct rtd_reader *in, size_t limit,
                        const struct rtd_config *config, struct rtd_err *err)
{
    for (;;) {
        struct rtd_record rec;
        int st = rtd_reader_next(in, &rec, err);
        if (st || rec.end)
            return st;
        if (limit && e->records == limit)
            return RTD_OK;
        if (e->records % EVAL_BATCH == 0) {
            void *more = realloc(e->batch, (e->n + 1) * sizeof *e->batch);
            if (!more)
                return rtd_fail(err, RTD_ESYS, "not enough memory for the evaluation stream");
            e->batch = more;
            e->batch[e->n++] = (struct rtd_batch_store){0};
        }
        st = rtd_batch_add(&e->batch[e->n - 1], in, &rec, config, err);
        if (st)
            return st;
        e->records++;
    }
}

int rtd_evaluation_load(struct rtd_evaluation *e, const char *path, size_t limit,
                        const struct rtd_header *train, const struct rtd_config *config,
                        struct rtd_err *err)
{
    *e = (struct rtd_evaluation){0};
    struct rtd_reader *in;
    int st = rtd_reader_open(&in, path, err);
    if (st)
        return st;
    const struct rtd_header *h = rtd_reader_header(in);
    st = rtd_header_expect(h, "masked", path, err);
    if (!st && strcmp(h->tok.digest, train->tok.digest))
        st = rtd_fail(err, RTD_EDATA, "%s: its vocabulary is not the training stream's", path);
    if (!st)
        st = load_records(e, in, limit, config, err);
    rtd_reader_close(in);
    if (!st && e->records == 0)
        st = rtd_fail(err, RTD_EDATA, "%s: no records to evaluate on", path);
    if (!st)
        st = rtd_copy_meter_init(&e->copy, &e->batch[0].b, &train->tok, train->max_length, config,
                                 err);
    if (st) {
        rtd_evaluation_free(e);
        return st;
    }
    for (size_t i = 0; i < e->n; i++)
        e->tokens += e->batch[i].b.start[e->batch[i].b.nseq];
    return RTD_OK;
}

void rtd_evaluation_free(struct rtd_evaluation *e)
{
    for (size_t i = 0; i < e->n; i++)
        rtd_batch_free(&e->batch[i]);
    free(e->batch);
    rtd_copy_meter_fini(&e->copy);
    *e = (struct rtd_evaluation){0};
}

static int by_score(const void *a, const void *b)
{
    float x = ((const struct rtd_scored *)a)->score, y = ((const struct rtd_scored *)b)->score;
    return (x > y) - (x < y);
}

double rtd_auc(struct rtd_scored *s, size_t n)
{
    qsort(s, n, sizeof *s, by_score);
    double positives = 0, below = 0, area = 0;
    for (size_t i = 0; i < n;) {
        size_t j = i;
        double pos = 0, neg = 0;
        for (; j < n && s[j].score == s[i].score; j++) {
            pos += s[j].label != 0;
            neg += s[j].label == 0;
        }
        area += pos * (below + neg / 2);
        below += neg;
        positives += pos;
        i = j;
    }
    return positives > 0 && below > 0 ? area / (positives * below) : (double)NAN;
}

int rtd_evaluation_run(const struct rtd_evaluation *e, struct rtd_pretrain *p,
                       const struct rtd_objective *objective, struct rtd_sums *sums,
                       struct rtd_err *err)
{
    struct rtd_scored *scored = malloc(e->tokens * sizeof *scored);
    real *score = calloc(e->tokens, sizeof *score);
    uint8_t *label = malloc(e->tokens);
    size_t at = 0, n = 0;
    int st = RTD_OK;
    *sums = (struct rtd_sums){0};
    if (!scored || !score || !label)
        st = rtd_fail(err, RTD_ESYS, "not enough memory to evaluate");
    else
        memset(label, RTD_NOT_JUDGED, e->tokens);
    for (size_t i = 0; i < e->n && !st; i++) {
        struct rtd_sums s;
        p->keep.disc_logits = score + at;
        p->keep.replaced = label + at;
        st = rtd_pretrain_batch(p, objective, &e->batch[i].b, NULL, &s, err);
        for (int k = 0; k < RTD_SUMS; k++)
            sums->of[k] += s.of[k];
        at += e->batch[i].b.start[e->batch[i].b.nseq];
    }
    p->keep.disc_logits = NULL;
    p->keep.replaced = NULL;
    for (size_t i = 0; i < e->tokens && !st; i++)
        if (label[i] != RTD_NOT_JUDGED)
            scored[n++] = (struct rtd_scored){(float)score[i], label[i]};
    if (!st)
        sums->of[RTD_SUM_AUC] = rtd_auc(scored, n);
    free(scored);
    free(score);
    free(label);
    return st;
}
