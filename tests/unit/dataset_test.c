/* rtdtools - MIT licence
 *
 * From files to what a network is told: targets of texts, weights of labels, drawn candidates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "finetune/dataset.h"

static struct rtd_tokenizer *tok;
static char path[] = "/tmp/rtd_dataset_XXXXXX";

static int setup(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_tok_settings s;
    rtd_tok_settings_default(&s, false);
    s.special_tokens = true; /* as a model's are */
    int fd = mkstemp(path);
    close(fd);
    return fd < 0 || rtd_tokenizer_load(&tok, "tests/golden/vocab97.txt", &s, &err);
}

static int teardown(void **state)
{
    (void)state;
    rtd_tokenizer_free(tok);
    return unlink(path);
}

static struct rtd_dataset load(struct rtd_dataset_options o, const char *text)
{
    struct rtd_err err = {0};
    struct rtd_dataset d;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    o.name = "";
    o.train = path;
    o.length = 16;
    o.tok = tok;
    o.type_vocab_size = 2;
    if (rtd_dataset_load(&d, &o, &err))
        fail_msg("%s", err.text);
    return d;
}

/* What token t of sequence s shall predict, or "-". */
static const char *told(const struct rtd_dataset *d, size_t s, size_t t)
{
    int32_t id = d->train.target[0].token[d->train.seq.start[s] + t];
    return id < 0 ? "-" : rtd_tokenizer_piece(tok, id);
}

static void targets_end_only_where_they_end(void **state)
{
    (void)state;
    struct rtd_dataset d = load((struct rtd_dataset_options){.task = "generate", .target = 3},
                                "source\ttarget\na b\tc d\na b\tc d e\na b\tc d e f g\n");
    static const char *const want[3][9] = {
        {"-", "-", "-", "c", "d", "[SEP]", "-"},      /* [CLS] a b [SEP] c d [SEP] */
        {"-", "-", "-", "c", "d", "e", "[SEP]", "-"}, /* exactly as long as may be */
        {"-", "-", "-", "c", "d", "e", "-", "-"},     /* cut: no end is learnt */
    };
    assert_int_equal(d.train.seq.n, 3);
    assert_int_equal(d.train.seq.cut, 1);
    for (size_t s = 0; s < 3; s++) {
        assert_int_equal(d.train.prefix[s], 4);
        for (size_t t = 0; t < d.train.seq.start[s + 1] - d.train.seq.start[s]; t++)
            assert_string_equal(told(&d, s, t), want[s][t]);
    }
    rtd_dataset_free(&d);
}

/* A special piece is one in a source, and text in what is to be written. */
static void special_pieces_of_a_target_are_text(void **state)
{
    (void)state;
    struct rtd_dataset d = load((struct rtd_dataset_options){.task = "generate", .target = 9},
                                "source\ttarget\na [SEP] b\tc [SEP]\n");
    static const char *const want[] = {"-", "-",   "-",   "-",     "c",     "[UNK]",
                                       "s", "##e", "##p", "[UNK]", "[SEP]", "-"};
    assert_int_equal(d.train.prefix[0], 5);
    assert_int_equal(d.train.seq.start[1], 12);
    assert_int_equal(d.train.seq.ids[2], rtd_tokenizer_special(tok)->sep);
    for (size_t t = 0; t < 12; t++)
        assert_string_equal(told(&d, 0, t), want[t]);
    rtd_dataset_free(&d);
}

static void rare_labels_weigh_more(void **state)
{
    (void)state;
    struct rtd_dataset d = load((struct rtd_dataset_options){.task = "classify", .balanced = true},
                                "text\tlabel\na\tx\nb\tx\nc\tx\nd\ty\ne\tx\nf\tz\n");
    const float *w = d.train.target[0].weight; /* 6 / (3 labels * count) */
    assert_int_equal(d.spec[0].outputs, 3);
    for (int i = 0; i < 3; i++)
        assert_true(fabs((double)w[i] - (d.spec[0].label[i][0] == 'x' ? 0.5 : 2)) < 1e-6);
    rtd_dataset_free(&d);
    d = load((struct rtd_dataset_options){.task = "tag", .balanced = true},
             "a\tO\nb\tO\nc\tB-p\n\nd\tO\n\n");
    w = d.train.target[0].weight;
    for (int i = 0; i < d.spec[0].outputs; i++) {
        double n = d.spec[0].label[i][0] == 'O' ? 3 : d.spec[0].label[i][0] == 'B' ? 1 : 0;
        assert_true(fabs((double)w[i] - (n > 0 ? 4 / (d.spec[0].outputs * n) : 0)) < 1e-6);
    }
    rtd_dataset_free(&d);
    /* one of several tasks, which has no labels */
    d = load((struct rtd_dataset_options){.task = "rank", .balanced = true},
             "query\tcandidate\tlabel\nq\ta\t1\nq\tb\t0\n");
    assert_null(d.train.target[0].weight);
    rtd_dataset_free(&d);
}

/* What was cut, and the longest, of what is left under a cap. */
static void a_cap_counts_what_it_keeps(void **state)
{
    (void)state;
    struct rtd_dataset d = load((struct rtd_dataset_options){.task = "classify", .max_tokens = 24},
                                "text\tlabel\na\tx\na b c d e f g h i j k l m n o p\ty\nb\tx\n"
                                "b b c d e f g h i j k l m n o p\ty\nc b\tx\nd\ty\n");
    size_t cut = 0, longest = 0;
    for (size_t i = 0; i < d.train.seq.n; i++) {
        size_t len = d.train.seq.start[i + 1] - d.train.seq.start[i];
        cut += len == 16;
        longest = len > longest ? len : longest;
    }
    assert_in_range(d.train.seq.n, 1, 5);
    assert_int_equal(d.train.seq.cut, cut);
    assert_int_equal(d.train.seq.longest, longest);
    rtd_dataset_free(&d);
}

/* Four drawn candidates for each right one; none has the right one's text. */
static void drawn_candidates_are_others(void **state)
{
    (void)state;
    struct rtd_dataset d = load(
        (struct rtd_dataset_options){.task = "rank", .negatives = 4, .seed = 1},
        "query\tcandidate\tlabel\nq\ta\t1\nr\tb\t1\ns\ta\t1\nt\tc\t1\nu\ta\t1\nv\td\t1\nw\te\t1\n");
    const struct rtd_examples *e = &d.train;
    assert_int_equal(e->units, 7);
    for (size_t u = 0; u < e->units; u++) {
        size_t from, to, right = 0;
        rtd_examples_unit(e, u, &from, &to);
        assert_int_equal(to - from, 5);
        for (size_t s = from; s < to; s++)
            right += e->target[0].label[s] == 1;
        assert_int_equal(right, 1);
        for (size_t s = from; s < to; s++) /* [CLS] query [SEP] candidate [SEP] */
            for (size_t t = from; t < s; t++)
                if (e->target[0].label[s] == 1 || e->target[0].label[t] == 1)
                    assert_int_not_equal(e->seq.ids[e->seq.start[s] + 3],
                                         e->seq.ids[e->seq.start[t] + 3]);
    }
    rtd_dataset_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_end_only_where_they_end),
        cmocka_unit_test(special_pieces_of_a_target_are_text),
        cmocka_unit_test(rare_labels_weigh_more),
        cmocka_unit_test(a_cap_counts_what_it_keeps),
        cmocka_unit_test(drawn_candidates_are_others),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
