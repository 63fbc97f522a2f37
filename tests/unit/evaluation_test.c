/* rtdtools - MIT licence
 *
 * The metrics of evaluation against the plainest computation of each from logits, samples and
 * labels; the area under the ROC curve against counting pairs; beginnings of streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "nn/kernels.h"
#include "pretrain/evaluation.h"

static uint32_t drawn;

static uint32_t below(uint32_t n)
{
    return rtd_below(rtd_rand32(3, RTD_RNG_SPLIT, 0, 0, 0, drawn++), n);
}

static double pairs(const struct rtd_scored *s, size_t n)
{
    double won = 0, all = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (s[i].label && !s[j].label) {
                all++;
                won += s[i].score > s[j].score ? 1 : s[i].score == s[j].score ? 0.5 : 0;
            }
    return won / all;
}

static void area_counts_pairs(void **state)
{
    (void)state;
    struct rtd_scored s[300];
    static const uint32_t kinds[] = {2, 5, 40, 1000000}; /* many ties, few, none */
    for (int round = 0; round < 40; round++) {
        size_t n = 2 + below(299);
        for (size_t i = 0; i < n; i++) {
            s[i].score = (float)below(kinds[round % 4]) / 8 - 3;
            s[i].label = below(7) == 0 || (s[i].score > 0 && below(2));
        }
        s[0].label = 0;
        s[1].label = 1;
        double want = pairs(s, n);
        assert_true(fabs(rtd_auc(s, n) - want) < 1e-12);
    }
    for (size_t i = 0; i < 10; i++)
        s[i] = (struct rtd_scored){(float)i, i >= 5};
    assert_true(rtd_auc(s, 10) == 1);
    for (size_t i = 0; i < 10; i++)
        s[i] = (struct rtd_scored){(float)i, i < 5};
    assert_true(rtd_auc(s, 10) == 0);
    for (size_t i = 0; i < 10; i++)
        s[i] = (struct rtd_scored){1, i % 2};
    assert_true(rtd_auc(s, 10) == 0.5);
    for (int label = 0; label < 2; label++) {
        for (size_t i = 0; i < 10; i++)
            s[i] = (struct rtd_scored){(float)i, (uint8_t)label};
        assert_true(isnan(rtd_auc(s, 10)));
    }
    assert_true(isnan(rtd_auc(s, 0)));
}

/* --- a whole evaluation ------------------------------------------------------------------------
 */

enum { VOCAB = 31, BATCHES = 3, MOST = 40, LONGEST = 9 };

static void *need(size_t n)
{
    void *p = calloc(n, 8);
    assert_non_null(p);
    return p;
}

/* n sequences of 1 to LONGEST tokens; some without a masked position. */
static void fill(struct rtd_batch_store *s, size_t n, uint64_t index)
{
    struct rtd_masked_batch *b = &s->b;
    b->nseq = n;
    b->start = need(n + 1);
    b->mstart = need(n + 1);
    b->ids = need(n * LONGEST);
    b->types = need(n * LONGEST);
    b->positions = need(n * LONGEST);
    b->originals = need(n * LONGEST);
    b->index = need(n);
    for (size_t i = 0; i < n; i++) {
        uint32_t length = 1 + below(LONGEST), at = b->start[i], slots = b->mstart[i];
        for (uint32_t t = 0; t < length; t++) {
            b->ids[at + t] = (int32_t)below(VOCAB);
            if (below(4) == 0) {
                b->positions[slots] = (int32_t)t;
                b->originals[slots++] = (int32_t)below(VOCAB);
            }
        }
        b->start[i + 1] = at + length;
        b->mstart[i + 1] = slots;
        b->index[i] = index + i;
    }
    b->tokens = b->start[n];
    b->slots = b->mstart[n];
}

struct totals {
    double tokens, slots, sequences, mlm, correct, sampled, disc, means;
    double replaced, said, both, agree;
};

static void count_slots(struct totals *t, const struct rtd_masked_batch *b, const float *logits,
                        uint8_t *labels, uint64_t seed)
{
    for (size_t s = 0; s < b->nseq; s++)
        for (uint32_t m = b->mstart[s]; m < b->mstart[s + 1]; m++) {
            const float *x = logits + (size_t)m * VOCAB;
            int32_t original = b->originals[m], best = 0, ignored;
            double sum = 0;
            for (int32_t v = 0; v < VOCAB; v++) {
                sum += exp((double)x[v]);
                if (x[v] > x[best])
                    best = v;
            }
            int32_t id = rtd_kernels_at(0)->gumbel(
                x, VOCAB, 1, -1, seed, RTD_RNG_EVAL_GUMBEL << 16 | RTD_NET_GENERATOR << 8,
                b->index[s], m - b->mstart[s], &ignored);
            labels[b->start[s] + (uint32_t)b->positions[m]] = id != original;
            t->mlm += log(sum) - (double)x[original];
            t->correct += best == original;
            t->sampled += id == original;
            t->slots++;
        }
}

static void count_tokens(struct totals *t, const struct rtd_masked_batch *b, const float *logits,
                         const uint8_t *labels)
{
    for (size_t s = 0; s < b->nseq; s++) {
        double sum = 0, n = b->start[s + 1] - b->start[s];
        for (uint32_t i = b->start[s]; i < b->start[s + 1]; i++) {
            double p = 1 / (1 + exp(-(double)logits[i]));
            bool said = p > 0.5;
            sum -= labels[i] ? log(p) : log(1 - p);
            t->replaced += labels[i];
            t->said += said;
            t->both += said && labels[i];
            t->agree += said == labels[i];
        }
        t->disc += sum;
        t->means += sum / n;
        t->tokens += n;
        t->sequences++;
    }
}

static struct rtd_pretrain *networks(struct rtd_pool *pool, struct rtd_err *err)
{
    struct rtd_config c;
    struct rtd_pretrain_options o;
    struct rtd_pretrain *p;
    rtd_config_init(&c);
    strcpy(c.model_type, "electra");
    c.vocab_size = VOCAB;
    c.embedding_size = c.hidden_size = 12;
    c.num_hidden_layers = 1;
    c.num_attention_heads = 2;
    c.intermediate_size = 20;
    c.max_position_embeddings = 16;
    c.type_vocab_size = 2;
    rtd_pretrain_defaults(&o); /* dropout is on: evaluation has none all the same */
    o.seed = 21;
    assert_int_equal(rtd_pretrain_new(&p, &c, &c, &o, pool, err), RTD_OK);
    rtd_params_init(&p->params, 4, 0.6);
    rtd_config_free(&c);
    return p;
}

static double metric(const struct rtd_sums *s, const char *name)
{
    return rtd_column_value(rtd_column_find(rtd_electra.eval_columns, name), s);
}

static void same(double got, double want)
{
    if (!(fabs(got - want) <= 2e-6 * fmax(1, fabs(want))))
        fail_msg("%.9g, not %.9g", got, want);
}

static void metrics_by_definition(void **state)
{
    (void)state;
    static const size_t sizes[BATCHES] = {MOST, 1, 7};
    struct rtd_err err = {0};
    struct rtd_pool *pool;
    assert_int_equal(rtd_pool_new(&pool, 2, &err), RTD_OK);
    struct rtd_pretrain *p = networks(pool, &err);
    struct rtd_batch_store store[BATCHES] = {0};
    struct rtd_evaluation e = {.batch = store, .n = BATCHES};
    struct rtd_scored *scored = need(BATCHES * MOST * LONGEST);
    struct totals t = {0};
    float *words = p->keep.gen_logits = need(MOST * LONGEST * VOCAB);
    float *logits = p->keep.disc_logits = need(MOST * LONGEST);
    size_t n = 0;
    for (size_t i = 0; i < BATCHES; i++) {
        uint8_t labels[MOST * LONGEST] = {0};
        struct rtd_sums ignored;
        fill(&store[i], sizes[i], 1000 * i);
        const struct rtd_masked_batch *b = &store[i].b;
        assert_int_equal(rtd_pretrain_batch(p, &rtd_electra, b, NULL, &ignored, &err), RTD_OK);
        count_slots(&t, b, words, labels, p->o.seed);
        count_tokens(&t, b, logits, labels);
        for (uint32_t k = 0; k < b->start[b->nseq]; k++)
            scored[n++] = (struct rtd_scored){logits[k], labels[k]};
        e.records += b->nseq;
        e.tokens += b->start[b->nseq];
    }
    p->keep.gen_logits = p->keep.disc_logits = NULL;
    struct rtd_sums m;
    assert_int_equal(rtd_evaluation_run(&e, p, &rtd_electra, &m, &err), RTD_OK);
    assert_true(t.said > 10 && t.replaced > 10 && t.sampled > 0 && t.correct > 0);
    same(metric(&m, "masked_lm_loss"), t.mlm / t.slots);
    same(metric(&m, "masked_lm_accuracy"), t.correct / t.slots);
    same(metric(&m, "sampled_masked_lm_accuracy"), t.sampled / t.slots);
    same(metric(&m, "disc_loss"), t.disc / t.tokens);
    same(metric(&m, "disc_loss_mean"), t.means / t.sequences);
    same(metric(&m, "disc_auc"), pairs(scored, n));
    same(metric(&m, "disc_accuracy"), t.agree / t.tokens);
    same(metric(&m, "disc_precision"), t.both / t.said);
    same(metric(&m, "disc_recall"), t.both / t.replaced);
    same(metric(&m, "replaced_rate"), t.replaced / t.tokens);

    /* a discriminator that never says "replaced": precision 0, not nothing */
    const struct rtd_param *bias = rtd_params_find(
        &p->params, RTD_NET_DISCRIMINATOR, "discriminator_predictions.dense_prediction.bias");
    p->params.w[bias->offset] = -100;
    assert_int_equal(rtd_evaluation_run(&e, p, &rtd_electra, &m, &err), RTD_OK);
    assert_true(metric(&m, "disc_precision") == 0 && metric(&m, "disc_recall") == 0);
    for (size_t i = 0; i < BATCHES; i++)
        rtd_batch_free(&store[i]);
    free(scored);
    free(words);
    free(logits);
    rtd_pretrain_free(p);
    rtd_pool_free(pool);
}

static void beginnings_are_compared(void **state)
{
    (void)state;
    struct rtd_batch_store a = {0}, b = {0};
    fill(&a, 20, 0);
    fill(&b, 6, 500);
    assert_false(rtd_same_start(&a.b, &b.b));
    /* b: the first six of a, masked in other places */
    for (size_t s = 0; s < 6; s++) {
        uint32_t from = a.b.start[s], n = a.b.start[s + 1] - from;
        b.b.start[s + 1] = b.b.start[s] + n;
        memcpy(b.b.ids + b.b.start[s], a.b.ids + from, n * sizeof *b.b.ids);
        for (uint32_t m = a.b.mstart[s]; m < a.b.mstart[s + 1]; m++)
            b.b.ids[b.b.start[s] + (uint32_t)a.b.positions[m]] = a.b.originals[m];
        b.b.mstart[s + 1] = b.b.mstart[s] + 1;
        b.b.positions[b.b.mstart[s]] = (int32_t)n - 1;
        b.b.originals[b.b.mstart[s]] = b.b.ids[b.b.start[s + 1] - 1];
        b.b.ids[b.b.start[s + 1] - 1] = 4;
    }
    assert_true(rtd_same_start(&a.b, &b.b));
    assert_true(rtd_same_start(&b.b, &a.b));
    b.b.originals[5]++;
    assert_false(rtd_same_start(&a.b, &b.b));
    b.b.nseq = 0;
    assert_false(rtd_same_start(&a.b, &b.b));
    rtd_batch_free(&a);
    rtd_batch_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(area_counts_pairs),
        cmocka_unit_test(metrics_by_definition),
        cmocka_unit_test(beginnings_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
