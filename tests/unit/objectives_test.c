/* rtdtools - MIT licence
 *
 * What objectives ask, held against each other and against their definitions: causal modelling sees
 * nothing of what follows and nothing of masks, a mixed batch is the sum of its two parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "objective/pretrain.h"

enum { VOCAB = 31, MOST = 40, LONGEST = 9 };

static struct rtd_err err;
static struct rtd_pool *pool;
static uint32_t drawn;

static uint32_t below(uint32_t n)
{
    return rtd_below(rtd_rand32(3, RTD_RNG_SPLIT, 0, 0, 0, drawn++), n);
}

static struct rtd_pretrain_options defaults(const char *objectives)
{
    struct rtd_pretrain_options o;
    rtd_pretrain_defaults(&o); /* dropout is on: an evaluation has none all the same */
    o.seed = 21;
    assert_int_equal(rtd_phases_parse(&o.phases, "--objective", objectives, &err), RTD_OK);
    return o;
}

/* Weights depend on tensors' names alone: networks of several objectives have the same. */
static struct rtd_pretrain *networks(const struct rtd_pretrain_options *o)
{
    struct rtd_config c;
    struct rtd_pretrain *p;
    rtd_config_init(&c);
    strcpy(c.model_type, "electra");
    c.vocab_size = VOCAB;
    c.embedding_size = c.hidden_size = 12;
    c.num_hidden_layers = 2;
    c.num_attention_heads = 2;
    c.intermediate_size = 20;
    c.max_position_embeddings = 16;
    c.type_vocab_size = 2;
    assert_int_equal(rtd_pretrain_new(&p, &c, &c, o, pool, &err), RTD_OK);
    rtd_params_init(&p->params, 4, 0.6);
    rtd_config_free(&c);
    return p;
}

/* --- batches --- */

struct store {
    uint32_t start[MOST + 1], mstart[MOST + 1];
    int32_t ids[MOST * LONGEST], positions[MOST * LONGEST], originals[MOST * LONGEST];
    uint8_t types[MOST * LONGEST];
    uint64_t index[MOST];
    struct rtd_masked_batch b;
};

static struct rtd_masked_batch *view(struct store *s, size_t nseq)
{
    s->b = (struct rtd_masked_batch){.nseq = nseq,
                                     .tokens = s->start[nseq],
                                     .slots = s->mstart[nseq],
                                     .start = s->start,
                                     .mstart = s->mstart,
                                     .ids = s->ids,
                                     .types = s->types,
                                     .positions = s->positions,
                                     .originals = s->originals,
                                     .index = s->index};
    return &s->b;
}

/* n sequences of 1 to LONGEST tokens; some without a masked position. */
static struct rtd_masked_batch *fill(struct store *s, size_t n)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < n; i++) {
        uint32_t length = 1 + below(LONGEST), at = s->start[i], slots = s->mstart[i];
        for (uint32_t t = 0; t < length; t++) {
            s->ids[at + t] = (int32_t)below(VOCAB);
            s->types[at + t] = (uint8_t)below(2);
            if (below(4) == 0) {
                s->positions[slots] = (int32_t)t;
                s->originals[slots++] = (int32_t)below(VOCAB);
            }
        }
        s->start[i + 1] = at + length;
        s->mstart[i + 1] = slots;
        s->index[i] = 1000 + 7 * i;
    }
    return view(s, n);
}

/* Those of the sequences whose bit in `which` is `bit`. */
static struct rtd_masked_batch *part(struct store *to, const struct store *s, const bool *which,
                                     bool bit)
{
    size_t n = 0;
    memset(to, 0, sizeof *to);
    for (size_t i = 0; i < s->b.nseq; i++) {
        if (which[i] != bit)
            continue;
        uint32_t at = to->start[n], slot = to->mstart[n];
        for (uint32_t t = s->start[i]; t < s->start[i + 1]; t++, at++) {
            to->ids[at] = s->ids[t];
            to->types[at] = s->types[t];
        }
        for (uint32_t m = s->mstart[i]; m < s->mstart[i + 1]; m++, slot++) {
            to->positions[slot] = s->positions[m];
            to->originals[slot] = s->originals[m];
        }
        to->index[n] = s->index[i];
        to->start[++n] = at;
        to->mstart[n] = slot;
    }
    return view(to, n);
}

/* One sequence of n tokens, its slots those before them. */
static struct rtd_masked_batch *beginning(struct store *to, const struct store *s, size_t i,
                                          uint32_t n)
{
    bool which[MOST] = {0};
    which[i] = true;
    part(to, s, which, true);
    to->start[1] = n;
    while (to->mstart[1] && (uint32_t)to->positions[to->mstart[1] - 1] >= n)
        to->mstart[1]--;
    return view(to, 1);
}

/* --- measuring --- */

static struct rtd_sums evaluate(struct rtd_pretrain *p, const struct rtd_masked_batch *b)
{
    struct rtd_sums s;
    assert_int_equal(rtd_pretrain_batch(p, rtd_phases_last(&p->o.phases), b, NULL, &s, &err),
                     RTD_OK);
    return s;
}

/* A column's sum (over: what it goes over). */
static double sum(const struct rtd_pretrain *p, const struct rtd_sums *s, const char *name,
                  bool over)
{
    const struct rtd_column *c = rtd_column_find(rtd_phases_last(&p->o.phases)->eval_columns, name);
    assert_non_null(c);
    return s->of[over ? c->over : c->sum];
}

static void same(double got, double want)
{
    if (!(fabs(got - want) <= 2e-5 * fmax(1, fabs(want))))
        fail_msg("%.9g, not %.9g", got, want);
}

/* --- causal --- */

static void causal_sees_no_future(void **state)
{
    (void)state;
    struct rtd_pretrain_options causal_options = defaults("clm"), masked_options = defaults("mlm");
    struct rtd_pretrain *clm = networks(&causal_options), *mlm = networks(&masked_options);
    struct store all, one;
    fill(&all, 6);
    double total = 0, tokens = 0;
    for (size_t i = 0; i < 6; i++) {
        uint32_t n = all.start[i + 1] - all.start[i];
        double before = 0;
        for (uint32_t k = 1; k <= n; k++) {
            struct rtd_sums s = evaluate(clm, beginning(&one, &all, i, k));
            double loss = sum(clm, &s, "clm_loss", false);
            assert_true(sum(clm, &s, "clm_loss", true) == k - 1);
            if (k == 2) { /* of one word, the first: what masked LM says of it */
                struct rtd_sums first;
                int32_t id[2] = {one.ids[0], one.ids[1]};
                for (uint32_t m = 0; m < one.mstart[1]; m++)
                    id[one.positions[m]] = one.originals[m];
                beginning(&one, &all, i, 1);
                one.ids[0] = id[0];
                one.originals[0] = id[1];
                one.positions[0] = 0;
                one.mstart[1] = 1;
                first = evaluate(mlm, view(&one, 1));
                same(loss, sum(mlm, &first, "masked_lm_loss", false));
            }
            if (k == n) {
                total += loss;
                tokens += k - 1;
            } else { /* the same loss, whatever comes, is a part of the longer one's */
                beginning(&one, &all, i, k + 1);
                struct rtd_sums longer = evaluate(clm, view(&one, 1));
                assert_true(sum(clm, &longer, "clm_loss", false) > loss);
                assert_true(loss >= before);
            }
            before = loss;
        }
    }
    struct rtd_sums s = evaluate(clm, view(&all, 6));
    same(sum(clm, &s, "clm_loss", false), total);
    assert_true(sum(clm, &s, "clm_loss", true) == tokens);
    /* masks are nothing to it */
    for (size_t i = 0; i < 6; i++) {
        for (uint32_t m = all.mstart[i]; m < all.mstart[i + 1]; m++)
            all.ids[all.start[i] + (uint32_t)all.positions[m]] = all.originals[m];
    }
    memset(all.mstart, 0, sizeof all.mstart);
    s = evaluate(clm, view(&all, 6));
    same(sum(clm, &s, "clm_loss", false), total);
    rtd_pretrain_free(clm);
    rtd_pretrain_free(mlm);
}

/* Which sequences a mixed batch reads causally: those whose loss changes when the share does. */
static void mixed_is_both(void **state)
{
    (void)state;
    struct store all, some;
    bool causal[MOST] = {0};
    struct rtd_pretrain_options o = defaults("mixed"), clm_options = defaults("clm"),
                                mlm_options = defaults("mlm");
    struct rtd_pretrain *clm = networks(&clm_options), *mlm = networks(&mlm_options);
    fill(&all, MOST);
    size_t before = 0;
    static const double shares[] = {0, 0.25, 0.5, 0.75, 1};
    for (int k = 0; k < 5; k++) {
        size_t n = 0;
        o.clm_share = shares[k];
        struct rtd_pretrain *p = networks(&o);
        for (size_t i = 0; i < MOST; i++) {
            bool which[MOST] = {0};
            which[i] = true;
            struct rtd_sums s = evaluate(p, part(&some, &all, which, true));
            bool was = causal[i];
            causal[i] =
                sum(p, &s, "clm_loss", true) > 0 ||
                (all.start[i + 1] - all.start[i] == 1 && sum(p, &s, "masked_lm_loss", true) == 0 &&
                 all.mstart[i + 1] > all.mstart[i]);
            n += causal[i];
            if (k > 0 && was)
                assert_true(causal[i]);
        }
        struct rtd_sums s = evaluate(p, view(&all, MOST));
        struct rtd_sums c = evaluate(clm, part(&some, &all, causal, true));
        same(sum(p, &s, "clm_loss", false), sum(clm, &c, "clm_loss", false));
        same(sum(p, &s, "clm_accuracy", false), sum(clm, &c, "clm_accuracy", false));
        struct rtd_sums m = evaluate(mlm, part(&some, &all, causal, false));
        same(sum(p, &s, "masked_lm_loss", false), sum(mlm, &m, "masked_lm_loss", false));
        same(sum(p, &s, "masked_lm_accuracy", false), sum(mlm, &m, "masked_lm_accuracy", false));
        const struct rtd_objective *mixed = rtd_phases_last(&o.phases);
        double parts = 0;
        if (shares[k] > 0)
            parts += shares[k] * rtd_clm.loss(clm, &c);
        if (shares[k] < 1)
            parts += (1 - shares[k]) * rtd_mlm.loss(mlm, &m);
        same(mixed->loss(p, &s), parts);
        assert_true(n >= before);
        before = n;
        rtd_pretrain_free(p);
    }
    rtd_pretrain_free(clm);
    rtd_pretrain_free(mlm);
}

/* --- replaced words --- */

static real *tensor(const struct rtd_pretrain *p, int net, const char *name)
{
    const struct rtd_param *t = rtd_params_find(&p->params, net, name);
    assert_non_null(t);
    return p->params.w + t->offset;
}

/* Of a word that is shown with probability a that it stays, and p that the head says it. */
static void all_tokens_copies(void **state)
{
    (void)state;
    struct rtd_pretrain_options all_options = defaults("all-tokens-mlm"),
                                some_options = defaults("replace-mlm");
    struct rtd_pretrain *all = networks(&all_options), *some = networks(&some_options);
    real *w = tensor(all, RTD_NET_NONE, "gate.weight"), *b = tensor(all, RTD_NET_NONE, "gate.bias");
    memset(w, 0, 12 * sizeof *w);
    for (int round = 0; round < 60; round++) {
        struct store s;
        int32_t sampled = (int32_t)below(VOCAB);
        fill(&s, 1);
        s.start[1] = s.mstart[1] = 1;
        s.positions[0] = 0;
        s.originals[0] = round % 2 ? sampled : (sampled + 1) % VOCAB;
        view(&s, 1);
        s.b.sampled = &sampled;
        struct rtd_sums r = evaluate(some, &s.b);
        double p = exp(-sum(some, &r, "replaced_lm_loss", false));
        *b = (real)((double)below(100) / 10 - 5);
        double a = 1 / (1 + exp(-(double)*b));
        double want = -log(a * (s.originals[0] == sampled) + (1 - a) * p);
        r = evaluate(all, &s.b);
        same(sum(all, &r, "all_tokens_loss", false), want);
        same(sum(all, &r, "copy_gate", false), a);
        if (exp(-want) > 0.5)
            assert_true(sum(all, &r, "all_tokens_accuracy", false) == 1);
        if (s.originals[0] != sampled && a > 0.5)
            assert_true(sum(all, &r, "all_tokens_accuracy", false) == 0);
        /* without the gate it is the other objective */
        *b = -40;
        r = evaluate(all, &s.b);
        same(sum(all, &r, "all_tokens_loss", false), -log(p));
        struct rtd_sums other = evaluate(some, &s.b);
        assert_true(sum(all, &r, "all_tokens_accuracy", false) ==
                    sum(some, &other, "replaced_lm_accuracy", false));
    }
    /* every token is asked for */
    struct store s;
    struct rtd_sums r = evaluate(all, fill(&s, MOST));
    assert_true(sum(all, &r, "all_tokens_loss", true) == s.b.tokens);
    rtd_pretrain_free(all);
    rtd_pretrain_free(some);
}

/* electra-15 is electra where it was masked. */
static void only_masked_are_judged(void **state)
{
    (void)state;
    struct rtd_pretrain_options all_options = defaults("electra"),
                                some_options = defaults("electra-15");
    struct rtd_pretrain *all = networks(&all_options), *some = networks(&some_options);
    struct store s;
    const struct rtd_masked_batch *b = fill(&s, MOST);
    real logits[MOST * LONGEST], at[MOST * LONGEST];
    uint8_t replaced[MOST * LONGEST], judged[MOST * LONGEST];
    memset(judged, RTD_NOT_JUDGED, sizeof judged);
    all->keep.disc_logits = logits;
    all->keep.replaced = replaced;
    some->keep.disc_logits = at;
    some->keep.replaced = judged;
    evaluate(all, b);
    struct rtd_sums r = evaluate(some, b);
    double loss = 0, right = 0;
    for (size_t i = 0, m = 0; i < MOST; i++)
        for (uint32_t t = s.start[i]; t < s.start[i + 1]; t++) {
            bool masked = m < s.mstart[i + 1] && (uint32_t)s.positions[m] == t - s.start[i];
            assert_true(judged[t] == (masked ? replaced[t] : RTD_NOT_JUDGED));
            if (!masked)
                continue;
            double x = (double)logits[t];
            assert_true(fabs(x - (double)at[t]) < 1e-5);
            loss += log1p(exp(replaced[t] ? -x : x));
            right += (x > 0) == replaced[t];
            m++;
        }
    same(sum(some, &r, "disc_loss", false), loss);
    assert_true(sum(some, &r, "disc_loss", true) == s.b.slots);
    assert_true(sum(some, &r, "disc_accuracy", false) == right);
    rtd_pretrain_free(all);
    rtd_pretrain_free(some);
}

static int set_up(void **state)
{
    (void)state;
    return rtd_pool_new(&pool, 2, &err);
}

static int tear_down(void **state)
{
    (void)state;
    rtd_pool_free(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causal_sees_no_future),
        cmocka_unit_test(mixed_is_both),
        cmocka_unit_test(all_tokens_copies),
        cmocka_unit_test(only_masked_are_judged),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
