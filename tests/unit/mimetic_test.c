/* rtdtools - MIT licence
 *
 * Mimetic initial values do what start/mimetic.h says: looking at neighbours, then at what has the
 * same neighbours, so that a word is found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/rng.h"
#include "start/mimetic.h"

enum { VOCAB = 60, N = 33, MIDDLE = 16, HIDDEN = 7 };

static struct rtd_params params;
static struct rtd_encoder enc;
static struct rtd_lm_head head;

static void lay_out(int e, int h, int heads)
{
    struct rtd_err err = {0};
    struct rtd_config c;
    rtd_config_init(&c);
    c.vocab_size = VOCAB;
    c.embedding_size = e;
    c.hidden_size = h;
    c.num_attention_heads = heads;
    c.num_hidden_layers = 2;
    c.intermediate_size = 2 * h;
    c.max_position_embeddings = 128;
    params = (struct rtd_params){0};
    rtd_encoder_layout(&enc, &params, &c, RTD_NET_DISCRIMINATOR, "electra.", NULL);
    rtd_lm_head_layout(&head, &params, &enc, RTD_NET_DISCRIMINATOR, "x", "x.bias");
    assert_int_equal(rtd_params_alloc(&params, &err), RTD_OK);
    rtd_params_init(&params, 1, 0.02);
    rtd_config_free(&c);
}

/* How much of its attention a token gives to the one `step` behind it, on the mean. */
static double share(const real *p, size_t n, long step)
{
    double sum = 0;
    size_t rows = 0;
    for (long i = 0; i < (long)n; i++)
        if (i + step >= 0 && i + step < (long)n) {
            sum += (double)p[i * (long)n + i + step];
            rows++;
        }
    return sum / (double)rows;
}

/* Sixteen words, a mark, the same words again, one of them hidden: what the heads of the first two
 * layers look at. */
struct looks {
    double before, behind; /* the mean share of attention that a neighbour gets */
    double found;          /* what the hidden word gives to where it stands openly */
};

static struct looks run(void)
{
    struct rtd_err err = {0};
    struct looks l;
    int32_t ids[N];
    uint8_t types[N] = {0};
    uint32_t start[2] = {0, N};
    uint64_t index[1] = {0};
    for (int i = 0; i < N; i++)
        ids[i] = i < MIDDLE ? 5 + i : i == MIDDLE ? 3 : 5 + i - MIDDLE - 1;
    ids[MIDDLE + 1 + HIDDEN] = 4;
    struct rtd_tokens t = {.nseq = 1, .start = start, .ids = ids, .types = types, .index = index};
    struct rtd_arena count = {0}, arena = {0};
    struct rtd_acts acts;
    rtd_acts_take(&acts, &count, &enc, &t, true);
    assert_int_equal(rtd_arena_need(&arena, count.peak, &err), RTD_OK);
    rtd_acts_take(&acts, &arena, &enc, &t, true);
    rtd_encoder_forward(&enc, params.w, &t, &acts, NULL);
    l.before = share(acts.layer[0].p, N, -1);
    l.behind = share(acts.layer[0].p + N * N, N, 1);
    l.found = (double)acts.layer[1].p[(MIDDLE + 1 + HIDDEN) * N + HIDDEN];
    rtd_arena_free(&arena);
    return l;
}

static void looks(void **state)
{
    (void)state;
    static const int shape[][3] = {{128, 256, 4}, {256, 256, 4}, {128, 128, 2}};
    static const double least[] = {0.1, 0.06, 0.033};
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        struct rtd_err err = {0};
        lay_out(shape[i][0], shape[i][1], shape[i][2]);
        struct looks l = run();
        assert_true(l.before < 0.04 && l.behind < 0.04 && l.found < 0.04); /* everywhere alike */
        assert_int_equal(rtd_mimetic_values(&enc, &head, params.w, 1, 0.02, &err), RTD_OK);
        l = run();
        assert_true(l.before > 0.4 && l.behind > 0.4 && l.found > least[i]);
        for (size_t k = 0; k < head.e * head.h; k++)
            assert_true(fabs(params.w[head.dense_w + k] - (k / head.h == k % head.h)) < 0.1);
        rtd_params_free(&params);
    }
}

/* A function of the seed alone, and only in the tensors that the header names. */
static void what_changes(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    for (int again = 0; again < 2; again++) {
        static real kept[1 << 20];
        lay_out(128, 128, 2);
        assert_true(params.total <= sizeof kept / sizeof *kept);
        assert_int_equal(rtd_mimetic_values(&enc, &head, params.w, 1, 0.02, &err), RTD_OK);
        if (again)
            assert_memory_equal(kept, params.w, params.total * sizeof *kept);
        memcpy(kept, params.w, params.total * sizeof *kept);
        rtd_params_init(&params, 1, 0.02);
        for (int i = 0; i < params.n; i++) {
            const struct rtd_param *t = &params.item[i];
            static const char *const own[] = {"word_emb", "position_emb",
                                              "query.w",  "key.w",
                                              "value.w",  "attention.output.dense.w",
                                              "x.dense.w"};
            bool may = false;
            for (size_t k = 0; k < sizeof own / sizeof *own; k++)
                may |= strstr(t->name, own[k]) != NULL;
            if (!may)
                assert_memory_equal(kept + t->offset, params.w + t->offset,
                                    t->count * sizeof *kept);
        }
        rtd_params_free(&params);
    }
}

static void refusals(void **state)
{
    (void)state;
    static const int shape[][3] = {{64, 64, 1}, {128, 64, 2}, {8, 64, 2}};
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        struct rtd_err err = {0};
        lay_out(shape[i][0], shape[i][1], shape[i][2]);
        assert_int_equal(rtd_mimetic_values(&enc, NULL, params.w, 1, 0.02, &err), RTD_EUSAGE);
        rtd_params_free(&params);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks),
        cmocka_unit_test(what_changes),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
