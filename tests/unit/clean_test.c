/* rtdtools - MIT licence
 *
 * clean.h: what becomes of each kind of character, wherever the input is cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "intake/clean.h"

/* Clean s in pieces of `piece` bytes (0: one). */
static struct rtd_buf clean(const void *s, size_t len, size_t piece, struct rtd_clean *c)
{
    struct rtd_buf out = {0};
    struct rtd_err err = {0};
    for (size_t i = 0, n; i < len; i += n) {
        n = piece && len - i > piece ? piece : len - i;
        char *copy = malloc(n); /* so that a sanitizer sees a read beyond the piece */
        memcpy(copy, (const char *)s + i, n);
        assert_int_equal(rtd_clean_add(c, copy, n, false, &out, &err), RTD_OK);
        free(copy);
    }
    assert_int_equal(rtd_clean_add(c, "", 0, true, &out, &err), RTD_OK);
    return out;
}

#define BAD "\xef\xbf\xbd"
static const struct {
    const char *in;
    size_t len;
    const char *out;
    unsigned bad, controls;
} table[] = {
#define IN(s) s, sizeof(s) - 1
    {IN("plain\ttext ~\n"), "plain\ttext ~\n", 0, 0},
    {IN("a\r\nb\rc\n\r\r\nd"), "a\nb\nc\n\n\nd", 0, 0},
    {IN("\xef\xbb\xbf"
        "a\xef\xbb\xbf"
        "b"),
     "ab", 0, 1},
    {IN("a\0b\x01\x7f\x1b"
        "c"),
     "abc", 0, 4},
    {IN("a\vb\fc"), "a b c", 0, 0},
    {IN("a\xc2\x85"
        "b\xe2\x80\xa8"
        "c\xe2\x80\xa9"
        "d\xc2\x80"
        "e"),
     "a\nb\nc\nde", 0, 1},
    {IN("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 0, 0},
    {IN("a\xff"
        "b\x80"
        "c"),
     "a" BAD "b" BAD "c", 2, 0},
    {IN("\xc0\xaf\xe0\x80\x80\xed\xa0\x80"), BAD BAD BAD BAD BAD BAD BAD BAD, 8, 0},
    {IN("\xf4\x90\x80\x80\xf5"), BAD BAD BAD BAD BAD, 5, 0},
    {IN("\xe2\x82"
        "a\xf0\x9f\x98"
        "b\xf0\x9f\xe2\x82\xac"),
     BAD "a" BAD "b" BAD "\xe2\x82\xac", 3, 0},
    {IN("cut \xf0\x9f\x98"), "cut " BAD, 1, 0},
    {IN("\xef\xbb"), BAD, 1, 0},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (size_t piece = 0; piece < 6; piece++) {
            struct rtd_clean c = {0};
            struct rtd_buf out = clean(table[i].in, table[i].len, piece, &c);
            assert_int_equal(out.len, strlen(table[i].out));
            assert_memory_equal(out.data, table[i].out, out.len);
            assert_int_equal(c.bad, table[i].bad);
            assert_int_equal(c.controls, table[i].controls);
            rtd_buf_free(&out);
        }
}

static void test_repair_only(void **state)
{
    (void)state;
    static const char in[] = "\xef\xbb\xbf{\"a\":\"\xe2\x80\xa8\xff\"}\r\n\xef\xbb\xbf";
    static const char want[] = "{\"a\":\"\xe2\x80\xa8" BAD "\"}\r\n\xef\xbb\xbf";
    struct rtd_clean c = {.repair_only = true};
    struct rtd_buf out = clean(in, sizeof in - 1, 2, &c);
    assert_int_equal(out.len, sizeof want - 1);
    assert_memory_equal(out.data, want, out.len);
    rtd_buf_free(&out);
}

/* Random bytes rich in leads and continuations: always valid, and the same for all pieces. */
static void test_random(void **state)
{
    (void)state;
    static const unsigned char rich[] = "\x00\x0a\x0d\x41\x7f\x80\x85\x90\x9f\xa0\xbb\xbf\xc0\xc2"
                                        "\xe0\xe2\xed\xef\xf0\xf4\xf5\xff";
    for (uint64_t round = 0; round < 300; round++) {
        unsigned char in[200];
        for (uint32_t i = 0; i < sizeof in; i++) {
            uint32_t x = rtd_rand32(1, RTD_RNG_SPLIT, 0, 0, round, i);
            in[i] = round % 2 ? (unsigned char)x : rich[rtd_below(x, sizeof rich - 1)];
        }
        struct rtd_clean c = {0};
        struct rtd_buf whole = clean(in, sizeof in, 0, &c);
        for (size_t i = 0; i < whole.len;) {
            uint32_t ch;
            int k = rtd_utf8_step((unsigned char *)whole.data + i, whole.len - i, &ch);
            assert_true(k > 0);
            assert_true(ch == '\n' || ch == '\t' || (ch >= 0x20 && !(ch >= 0x7f && ch < 0xa0)));
            i += (size_t)k;
        }
        for (size_t piece = 1; piece < 8; piece++) {
            struct rtd_clean d = {0};
            struct rtd_buf out = clean(in, sizeof in, piece, &d);
            assert_int_equal(out.len, whole.len);
            assert_memory_equal(out.data, whole.data, out.len);
            assert_int_equal(d.bad, c.bad);
            rtd_buf_free(&out);
        }
        rtd_buf_free(&whole);
    }
}

static void test_trim(void **state)
{
    (void)state;
    static const char s[] = " \t\xc2\xa0\xe3\x80\x80"
                            "a b\xe2\x80\x83 \xe2\x81\x9f\xe1\x9a\x80";
    size_t lead = rtd_leading_blanks(s, sizeof s - 1);
    assert_int_equal(lead, 7);
    assert_int_equal(rtd_trim_end(s + lead, sizeof s - 1 - lead), 3);
    assert_int_equal(rtd_trim_end("   ", 3), 0);
    assert_int_equal(rtd_trim_end("", 0), 0);
    assert_int_equal(rtd_leading_blanks("\xe3\x80\x81", 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_repair_only),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_trim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
