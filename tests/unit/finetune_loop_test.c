/* rtdtools - MIT licence
 *
 * Sequences, batches and schedules of fine-tuning. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "finetune/loop.h"
#include "finetune/batch.h"

static struct rtd_tokenizer *tok;

static int setup(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_tok_settings s;
    rtd_tok_settings_default(&s, false);
    return rtd_tokenizer_load(&tok, "tests/golden/vocab97.txt", &s, &err);
}

static int teardown(void **state)
{
    (void)state;
    rtd_tokenizer_free(tok);
    return 0;
}

/* The sequence as pieces with types: "[CLS]0 a0 [SEP]0 b1 [SEP]1". */
static void show(char *out, const struct rtd_sequences *s, size_t i)
{
    out[0] = '\0';
    for (size_t t = s->start[i]; t < s->start[i + 1]; t++) {
        strcat(out, t > s->start[i] ? " " : "");
        strcat(out, rtd_tokenizer_piece(tok, s->ids[t]));
        strcat(out, s->types[t] ? "1" : "0");
    }
}

static void pairs_are_cut_at_the_longer(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t length;
        const char *want;
        size_t cut;
    } cases[] = {
        {"a b c", NULL, 9, "[CLS]0 a0 b0 c0 [SEP]0", 0},
        {"a b c", NULL, 5, "[CLS]0 a0 b0 c0 [SEP]0", 0},
        {"a b c", NULL, 4, "[CLS]0 a0 b0 [SEP]0", 1},
        {"", NULL, 4, "[CLS]0 [SEP]0", 0},
        {"a", "", 4, "[CLS]0 a0 [SEP]0 [SEP]1", 0},
        {"a b", "c d", 7, "[CLS]0 a0 b0 [SEP]0 c1 d1 [SEP]1", 0},
        {"a b", "c d", 6, "[CLS]0 a0 [SEP]0 c1 d1 [SEP]1", 1},
        {"a b", "c d", 5, "[CLS]0 a0 [SEP]0 c1 [SEP]1", 1},
        {"a b", "c d", 4, "[CLS]0 [SEP]0 c1 [SEP]1", 1},
        {"a b", "c d", 3, "[CLS]0 [SEP]0 [SEP]1", 1},
        {"a b c d e", "f", 6, "[CLS]0 a0 b0 [SEP]0 f1 [SEP]1", 1},
        {"a", "b c d e f", 6, "[CLS]0 a0 [SEP]0 b1 c1 [SEP]1", 1},
        {"a b c d e", "f g h", 7, "[CLS]0 a0 b0 [SEP]0 f1 g1 [SEP]1", 1},
        {"a b c d e", "f g h", 8, "[CLS]0 a0 b0 c0 [SEP]0 f1 g1 [SEP]1", 1},
        {"f g h", "a b c d e", 8, "[CLS]0 f0 g0 [SEP]0 a1 b1 c1 [SEP]1", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rtd_sequences s;
        struct rtd_err err = {0};
        char got[400];
        assert_int_equal(rtd_sequences_init(&s, tok, cases[i].length, 2, &err), RTD_OK);
        assert_int_equal(rtd_sequences_add(&s, "the", NULL, &err), RTD_OK);
        assert_int_equal(rtd_sequences_add(&s, cases[i].a, cases[i].b, &err), RTD_OK);
        show(got, &s, 1);
        assert_string_equal(got, cases[i].want);
        assert_int_equal(s.cut, cases[i].cut);
        rtd_sequences_free(&s);
    }
}

static void a_model_without_types_gets_none(void **state)
{
    (void)state;
    struct rtd_sequences s;
    struct rtd_err err = {0};
    char got[200];
    assert_int_equal(rtd_sequences_init(&s, tok, 9, 1, &err), RTD_OK);
    assert_int_equal(rtd_sequences_add(&s, "a", "b", &err), RTD_OK);
    show(got, &s, 0);
    assert_string_equal(got, "[CLS]0 a0 [SEP]0 b0 [SEP]0");
    rtd_sequences_free(&s);
}

/* Every order of 4 rows equally often; every epoch and seed another one. */
static void orders_are_uniform(void **state)
{
    (void)state;
    enum { DRAWS = 24000 };
    unsigned count[256] = {0};
    uint32_t order[64], again[64], seen = 0;
    for (uint64_t epoch = 0; epoch < DRAWS; epoch++) {
        rtd_epoch_order(order, 4, 3, 0, epoch);
        count[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]]++;
    }
    double chi = 0, want = DRAWS / 24.0;
    for (int i = 0; i < 256; i++)
        if (count[i]) {
            seen++;
            chi += (count[i] - want) * (count[i] - want) / want;
        }
    assert_int_equal(seen, 24);
    assert_true(chi < 49.7); /* 23 degrees of freedom, p = 0.001 */
    rtd_epoch_order(order, 64, 1, 0, 1);
    rtd_epoch_order(again, 64, 1, 0, 2);
    assert_memory_not_equal(order, again, sizeof order);
    rtd_epoch_order(again, 64, 2, 0, 1);
    assert_memory_not_equal(order, again, sizeof order);
    rtd_epoch_order(again, 64, 1, 1, 1);
    assert_memory_not_equal(order, again, sizeof order);
    rtd_epoch_order(again, 64, 1, 0, 1);
    assert_memory_equal(order, again, sizeof order);
}

/* Each row once, with its tokens and its label; lanes differ by less than the longest row. */
static void batches_hold_their_rows(void **state)
{
    (void)state;
    enum { N = 41, LANES = 4 };
    struct rtd_err err = {0};
    struct rtd_examples e = {0};
    struct rtd_finetune_batch b = {0};
    uint32_t rows[N];
    bool seen[N] = {false};
    size_t lane[LANES] = {0};
    assert_int_equal(rtd_sequences_init(&e.seq, tok, 32, 2, &err), RTD_OK);
    e.target[0] = (struct rtd_example_targets){.task = RTD_TASK_CLASSIFY, .outputs = 5};
    e.target[0].label = calloc(N, sizeof(int32_t));
    e.targets = 1;
    e.units = N;
    for (int i = 0; i < N; i++) {
        char text[128] = "";
        for (int k = 0; k < i * 7 % 27; k++)
            strcat(text, k % 2 ? "the " : "a ");
        assert_int_equal(rtd_sequences_add(&e.seq, text, i % 3 ? NULL : "of", &err), RTD_OK);
        e.target[0].label[i] = i % 5;
    }
    rtd_epoch_order(rows, N, 1, 0, 7);
    assert_int_equal(rtd_finetune_batch_fill(&b, &e, rows, N, LANES, 7, &err), RTD_OK);
    assert_int_equal(b.view.nseq, N);
    for (size_t i = 0; i < N; i++) {
        size_t row = b.view.index[i] & 0xffffffffff, from = e.seq.start[row];
        size_t len = e.seq.start[row + 1] - from;
        assert_int_equal(b.view.index[i] >> 40, 7);
        assert_false(seen[row]);
        seen[row] = true;
        assert_int_equal(b.view.target[0].label[i], row % 5);
        assert_int_equal(b.view.start[i + 1] - b.view.start[i], len);
        assert_memory_equal(b.view.ids + b.view.start[i], e.seq.ids + from, len * 4);
        assert_memory_equal(b.view.types + b.view.start[i], e.seq.types + from, len);
    }
    for (size_t i = 0; i < N; i++)
        lane[i % LANES] += b.view.start[i + 1] - b.view.start[i];
    for (int l = 1; l < LANES; l++)
        assert_true(labs((long)lane[l] - (long)lane[0]) < (long)e.seq.longest);
    rtd_finetune_batch_free(&b);
    rtd_examples_free(&e);
}

/* Swapped pairs follow their originals with the same label; unknown labels are marked. */
static void examples_from_tables(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    char *a[] = {"a", "c", ""}, *b[] = {"b", "d", "e"}, *label[] = {"x", "y", "z"};
    char *known[] = {"x", "y"}, *other[] = {"w"}, name[] = "t", got[200];
    size_t number[] = {0, 1, 2};
    struct rtd_table t = {.name = name,
                          .rows = 3,
                          .ntext = 2,
                          .text = {a, b},
                          .label = label,
                          .number = number,
                          .total = 3,
                          .first_line = 2};
    struct rtd_examples e;
    struct rtd_head_spec spec = {.task = RTD_TASK_CLASSIFY, .label = known, .outputs = 2};
    assert_int_equal(rtd_examples_from_table(&e, &t, &spec, 0, tok, 9, 2, true, &err), RTD_OK);
    assert_int_equal(e.seq.n, 6);
    show(got, &e.seq, 2);
    assert_string_equal(got, "[CLS]0 c0 [SEP]0 d1 [SEP]1");
    show(got, &e.seq, 3);
    assert_string_equal(got, "[CLS]0 d0 [SEP]0 c1 [SEP]1");
    static const int32_t want[] = {0, 0, 1, 1, -1, -1};
    assert_memory_equal(e.target[0].label, want, sizeof want);
    assert_int_equal(e.target[0].unknown, 2);
    assert_int_equal(e.empty, 1);
    rtd_examples_free(&e);
    t.ntext = 1;
    assert_int_equal(rtd_examples_from_table(&e, &t, &spec, 0, tok, 9, 2, true, &err), RTD_EUSAGE);
    err = (struct rtd_err){0};
    spec.label = other;
    spec.outputs = 1;
    assert_int_equal(rtd_examples_from_table(&e, &t, &spec, 0, tok, 9, 2, false, &err), RTD_EDATA);
    assert_non_null(strstr(err.text, "no label of it ('x', ...)"));
}

static void recipes_and_steps(void **state)
{
    (void)state;
    struct rtd_finetune_loop_options o;
    struct rtd_examples many = {.units = 2000}, few = {.units = 320};
    const struct rtd_finetune_set set[2] = {{.train = &many}, {.train = &few}};
    uint64_t warmup, epoch;
    assert_false(rtd_finetune_recipe(&o, "HF"));
    assert_true(rtd_finetune_recipe(&o, "electra"));
    assert_true(!o.loss_mean && !o.bias_correction && o.warmup_multiplies && o.layer_decay == 0.8);
    assert_true(rtd_finetune_recipe(&o, "hf"));
    assert_true(o.loss_mean && o.bias_correction && !o.warmup_multiplies && o.layer_decay == 1);
    o.epochs = 3;
    assert_int_equal(rtd_finetune_steps(&o, set, 1, &warmup, &epoch), 189);
    assert_int_equal(warmup, 19);
    assert_int_equal(rtd_finetune_steps(&o, set + 1, 1, &warmup, &epoch), 30);
    assert_int_equal(warmup, 3);
    assert_int_equal(rtd_finetune_steps(&o, set, 2, &warmup, &epoch), 219);
    assert_int_equal(epoch, 73);
    o.max_steps = 20;
    assert_int_equal(rtd_finetune_steps(&o, set + 1, 1, &warmup, &epoch), 20);
    assert_int_equal(warmup, 2);
    o.warmup = 0;
    rtd_finetune_steps(&o, set + 1, 1, &warmup, &epoch);
    assert_int_equal(warmup, 0);
    /* The first step of a warm-up has rate 0: an only step has none. */
    o.warmup = 0.1;
    o.max_steps = 1;
    assert_int_equal(rtd_finetune_steps(&o, set + 1, 1, &warmup, &epoch), 1);
    assert_int_equal(warmup, 0);
    o.max_steps = 2;
    assert_int_equal(rtd_finetune_steps(&o, set + 1, 1, &warmup, &epoch), 2);
    assert_int_equal(warmup, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_cut_at_the_longer),
        cmocka_unit_test(a_model_without_types_gets_none),
        cmocka_unit_test(orders_are_uniform),
        cmocka_unit_test(batches_hold_their_rows),
        cmocka_unit_test(examples_from_tables),
        cmocka_unit_test(recipes_and_steps),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
