/* rtdtools - MIT licence
 *
 * document.h and document_filter.h: documents do not depend on how their bytes arrive; nothing is
 * lost in a split; the filters keep their promises. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "refine/document_filter.h"

/* Documents as text: each followed by '|', a further part preceded by '+'. */
static int collect(void *arg, const struct rtd_document *doc, struct rtd_err *err)
{
    struct rtd_buf *b = arg;
    int st = doc->continued ? rtd_buf_append(b, "+", 1, err) : RTD_OK;
    if (!st)
        st = rtd_buf_append(b, doc->text, doc->len, err);
    return st ? st : rtd_buf_append(b, "|", 1, err);
}

static struct rtd_buf documents(const struct rtd_doc_opts *opts, const char *s, size_t len,
                                size_t piece, int want)
{
    struct rtd_buf out = {0};
    struct rtd_err err = {0};
    struct rtd_doc_builder *d;
    assert_int_equal(rtd_doc_builder_new(&d, opts, collect, &out, &err), RTD_OK);
    rtd_doc_builder_begin(d, "test", "");
    int st = RTD_OK;
    for (size_t i = 0, n; !st && i < len; i += n) {
        n = piece && len - i > piece ? piece : len - i;
        st = rtd_doc_builder_add(d, s + i, n, &err);
    }
    if (!st)
        st = rtd_doc_builder_finish(d, &err);
    assert_int_equal(st, want);
    rtd_doc_builder_free(d);
    assert_int_equal(rtd_buf_append(&out, "", 1, &err), RTD_OK);
    return out;
}

static void expect(enum rtd_doc_unit unit, const char *key, size_t max, const char *in,
                   const char *want)
{
    struct rtd_bad none = {.strict = true};
    struct rtd_doc_opts opts = {unit, key, &none, max};
    for (size_t piece = 0; piece < 9; piece++) {
        struct rtd_buf out = documents(&opts, in, strlen(in), piece, RTD_OK);
        assert_string_equal(out.data, want);
        rtd_buf_free(&out);
    }
}

static void test_units(void **state)
{
    (void)state;
    const char *in = "\n  a \n b\n \t\xe3\x80\x80\n\nc\r\n\r\nd";
    expect(RTD_UNIT_BLANK, NULL, 1000, in, "a\nb|c|d|");
    expect(RTD_UNIT_LINE, NULL, 1000, in, "a|b|c|d|");
    expect(RTD_UNIT_FILE, NULL, 1000, in, "a\nb\nc\nd|");
    expect(RTD_UNIT_BLANK, NULL, 1000, "", "");
    expect(RTD_UNIT_BLANK, NULL, 1000, " \n\n\n", "");
}

static void test_json(void **state)
{
    (void)state;
    expect(RTD_UNIT_BLANK, "text", 1000,
           "{\"text\": \"a\\n\\nb\\r\\n c\\u0000d\", \"x\": 1}\n\n"
           "  {\"y\": [], \"text\": \"\\u00e9\xe2\x80\xa8\xf0\x9f\x98\x80\"}\r\n{\"text\": \" \"}",
           "a\nb\ncd|\xc3\xa9\n\xf0\x9f\x98\x80|");
    const char *bad[] = {"{\"text\": 1}\n",       "{\"Text\": \"a\"}", "[\"text\"]",
                         "{\"text\": \"a\"",      "\"text\"",          "text\n",
                         "{\"text\": \"a\"} x\n", "{\"text\": null}"};
    struct rtd_bad none = {.strict = true};
    struct rtd_doc_opts opts = {RTD_UNIT_BLANK, "text", &none, 1000};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rtd_buf out = documents(&opts, bad[i], strlen(bad[i]), 0, RTD_EDATA);
        rtd_buf_free(&out);
    }
}

static void test_split(void **state)
{
    (void)state;
    expect(RTD_UNIT_BLANK, NULL, 16, "0123456789\nabcdefghij\n\nx", "0123456789|+abcdefghij|x|");
    expect(RTD_UNIT_BLANK, NULL, 16, "01234567 9abcdef ghijklm\nx\n\ny",
           "01234567 9abcdef|+ghijklm\nx|y|");
    expect(RTD_UNIT_BLANK, NULL, 16, "0123456789abcdef\n\nx", "0123456789abcdef|x|");
    /* a character is not cut */
    expect(RTD_UNIT_LINE, NULL, 16,
           "0123456789abcd\xe2\x82\xac"
           "e\nz",
           "0123456789abcd|+\xe2\x82\xac"
           "e|z|");
    /* blanks alone make no part, and their line is none that parts documents */
    expect(RTD_UNIT_BLANK, NULL, 16, "0123456789abcdef                        \nx",
           "0123456789abcdef|+x|");
    expect(RTD_UNIT_BLANK, NULL, 16, "a\n                                      \nb", "a|b|");
}

/* Random text with long and short lines: same parts for all pieces, all words there. */
static void test_pieces(void **state)
{
    (void)state;
    static const char *const words[] = {" ",
                                        " ",
                                        "\n",
                                        "\n\n",
                                        "a",
                                        "bc",
                                        "\xc3\xa9",
                                        "longer-word",
                                        "\xe4\xb8\xad\xe6\x96\x87",
                                        "\xf0\x9f\x98\x80",
                                        "\xff",
                                        "\r"};
    for (uint64_t round = 0; round < 100; round++) {
        struct rtd_buf in = {0};
        struct rtd_err err = {0};
        for (uint32_t i = 0; i < 150; i++) {
            uint32_t x = rtd_rand32(2, RTD_RNG_SPLIT, 0, 0, round, i);
            const char *w = words[rtd_below(x, sizeof words / sizeof *words)];
            assert_int_equal(rtd_buf_append(&in, w, strlen(w), &err), RTD_OK);
        }
        for (size_t max = 16; max < 80; max += 21) {
            struct rtd_doc_opts opts = {RTD_UNIT_BLANK, NULL, NULL, max};
            struct rtd_doc_opts wide = {RTD_UNIT_BLANK, NULL, NULL, 1 << 20};
            struct rtd_buf one = documents(&opts, in.data, in.len, 0, RTD_OK);
            struct rtd_buf all = documents(&wide, in.data, in.len, 0, RTD_OK);
            for (size_t piece = 1; piece < 40; piece += 3) {
                struct rtd_buf out = documents(&opts, in.data, in.len, piece, RTD_OK);
                assert_string_equal(out.data, one.data);
                rtd_buf_free(&out);
            }
            /* without "|+", line ends and blanks both are the same */
            char *a = one.data, *b = all.data;
            size_t len = 0;
            for (; *a || *b;) {
                while (*a == ' ' || *a == '\n' || (*a == '|' && a[1] == '+') || *a == '+') {
                    len = *a == '+' ? 0 : len;
                    a++;
                }
                while (*b == ' ' || *b == '\n')
                    b++;
                assert_int_equal(*a, *b);
                len = *a == '|' ? 0 : len + 1;
                assert_true(len <= max);
                if (*a) {
                    a++;
                    b++;
                }
            }
            rtd_buf_free(&one);
            rtd_buf_free(&all);
        }
        rtd_buf_free(&in);
    }
}

static bool ask(struct rtd_filter *f, const char *text, bool continued)
{
    struct rtd_document doc = {text, strlen(text), "", continued};
    struct rtd_err err = {0};
    bool keep;
    assert_int_equal(rtd_filter_ask(f, &doc, &keep, &err), RTD_OK);
    return keep;
}

static struct rtd_filter *filter(struct rtd_filter_opts o)
{
    struct rtd_filter *f;
    struct rtd_err err = {0};
    assert_int_equal(rtd_filter_new(&f, &o, &err), RTD_OK);
    return f;
}

static void test_min_chars(void **state)
{
    (void)state;
    struct rtd_filter *f = filter((struct rtd_filter_opts){.min_chars = 3});
    assert_true(ask(f, "abc", false));
    assert_true(ask(f, "a", true));
    assert_false(ask(f, "\xc3\xa9\xc3\xa9", false));
    assert_true(ask(f, "\xc3\xa9\xc3\xa9\xc3\xa9", false));
    assert_int_equal(rtd_filter_counts(f)->shorter, 1);
    rtd_filter_free(f);
}

static void test_dedup(void **state)
{
    (void)state;
    struct rtd_filter *f = filter((struct rtd_filter_opts){.dedup = true});
    char text[32];
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "document %d", i);
            assert_int_equal(ask(f, text, false), pass == 0);
        }
    assert_int_equal(rtd_filter_counts(f)->repeated, 5000);
    rtd_filter_free(f);
}

static void test_holdout(void **state)
{
    (void)state;
    enum { N = 20000 };
    char text[32];
    int differ = 0;
    for (int step = 0; step <= 4; step++) {
        double share = step == 4 ? 1.0 : 0.1 * step;
        struct rtd_filter_opts o = {.holdout = share, .part = 1, .seed = 1};
        struct rtd_filter *train = filter(o);
        o.part = 2;
        struct rtd_filter *test = filter(o);
        o.seed = 2;
        struct rtd_filter *other = filter(o);
        int held = 0;
        for (int i = 0; i < N; i++) {
            snprintf(text, sizeof text, "document %d", i);
            bool out = ask(test, text, false);
            assert_int_equal(ask(train, text, false), !out);
            assert_int_equal(ask(test, "any further part", true), out);
            held += out;
            differ += ask(other, text, false) != out;
        }
        assert_true(fabs(held - share * N) <= 4 * sqrt(share * (1 - share) * N));
        rtd_filter_free(train);
        rtd_filter_free(test);
        rtd_filter_free(other);
    }
    assert_true(differ > 0.15 * N); /* the seed has an effect */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),     cmocka_unit_test(test_json),
        cmocka_unit_test(test_split),     cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_min_chars), cmocka_unit_test(test_dedup),
        cmocka_unit_test(test_holdout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
