/* rtdtools - MIT licence
 *
 * Every cut and every changed byte of a stream is refused, with one line that says where; plain
 * and compressed, for every kind. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "stream/stream.h"

static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\nc\n";
static const char *const kinds[] = {"documents", "tokens", "examples", "masked"};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static char path[2][300]; /* plain, compressed; damaged in place */

static int setup(void **state)
{
    (void)state;
    const char *dir = getenv("TMPDIR");
    for (int z = 0; z < 2; z++)
        snprintf(path[z], sizeof path[z], "%s/stream_damage.%ld.ts%s", dir ? dir : "/tmp",
                 (long)getpid(), z ? ".zst" : "");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int z = 0; z < 2; z++)
        unlink(path[z]);
    return 0;
}

static void ok(int st, const struct rtd_err *err)
{
    if (st)
        fail_msg("%s", err->text);
}

/* Five records in three frames. */
static void write_stream(const char *file, const char *kind)
{
    struct rtd_header h;
    struct rtd_err err = {0};
    struct rtd_writer *w;
    int32_t ids[] = {2, 5, 6, 7, 3}, sentences[] = {1, 4}, pos[] = {1, 3};
    uint8_t types[] = {0, 0, 0, 0, 1};
    rtd_header_init(&h, kind);
    rtd_header_standard(&h, kind);
    if (strcmp(kind, "documents"))
        ok(rtd_header_set_vocab(&h, vocab, strlen(vocab), "vocab", &err), &err);
    ok(rtd_header_provenance(&h, "test", NULL, &err), &err);
    ok(rtd_writer_open(&w, file, RTD_OUT_FORCE, &h, 1, &err), &err);
    for (uint64_t i = 0; i < 5; i++) {
        const void *documents[] = {"A text."}, *tokens[] = {ids, sentences};
        const void *masked[] = {ids, types, pos, ids};
        uint32_t seven[] = {7}, five_two[] = {5, 2};
        const void *const *data = !strcmp(kind, "documents") ? documents
                                  : !strcmp(kind, "tokens")  ? tokens
                                                             : masked;
        ok(rtd_writer_append(w, i, data, data == documents ? seven : five_two, &err), &err);
        if (i == 1 || i == 3)
            ok(rtd_writer_flush(w, &err), &err);
    }
    ok(rtd_writer_end(w, &err), &err);
    rtd_header_free(&h);
}

/* Read to the end or to the first error: its status. */
static int drain(const char *file, struct rtd_err *err)
{
    struct rtd_reader *r;
    struct rtd_record rec = {0};
    int st = rtd_reader_open(&r, file, err);
    if (st)
        return st;
    while (!st && !rec.end)
        st = rtd_reader_next(r, &rec, err);
    if (st) { /* and it stays refused */
        struct rtd_err again = {0};
        assert_int_equal(rtd_reader_next(r, &rec, &again), st);
        assert_false(rec.end);
    }
    rtd_reader_close(r);
    return st;
}

static void refused(const char *file, const char *how, size_t at)
{
    struct rtd_err err = {0};
    int st = drain(file, &err);
    if (st != RTD_EDATA)
        fail_msg("%s, %s at %zu: status %d, %s", file, how, at, st, err.text);
    size_t n = strlen(file);
    if (strncmp(err.text, file, n) || strncmp(err.text + n, ": ", 2) || strchr(err.text, '\n') ||
        !(strstr(err.text, ": frame ") || strstr(err.text, ": header: ") ||
          strstr(err.text, "not a tensor stream")))
        fail_msg("%s, %s at %zu: does not say where: %s", file, how, at, err.text);
}

static unsigned char *load(const char *file, size_t *len)
{
    static unsigned char bytes[1 << 16];
    FILE *f = fopen(file, "rb");
    assert_non_null(f);
    *len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(*len > 100 && *len < sizeof bytes);
    return bytes;
}

static void cut_everywhere(const char *file)
{
    size_t len;
    struct rtd_err err = {0};
    load(file, &len);
    ok(drain(file, &err), &err);
    for (size_t n = len; n-- > 0;) {
        if (truncate(file, (off_t)n))
            fail_msg("cannot cut %s", file);
        refused(file, "cut", n);
    }
}

static void test_cut(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        for (int z = 0; z < 2; z++) {
            write_stream(path[z], kinds[k]);
            cut_everywhere(path[z]);
        }
}

/* zstd has more than one encoding of the same bytes (a larger window, unused bits): a change from
 * one to another changes nothing that the file holds.  That much is allowed, and counted. */
static bool harmless(const char *file, const char *plain, size_t len)
{
    char *data;
    size_t n;
    struct rtd_err err = {0};
    if (rtd_read_file(file, 1 << 16, &data, &n, &err))
        return false;
    bool same = n == len && !memcmp(data, plain, n);
    free(data);
    return same;
}

static void flip_everywhere(const char *file, bool zstd)
{
    size_t len, plain_len;
    char *plain;
    struct rtd_err err = {0};
    int fd = open(file, O_RDWR), harmless_flips = 0;
    assert_true(fd >= 0);
    ok(rtd_read_file(file, 1 << 16, &plain, &plain_len, &err), &err);
    const unsigned char *bytes = load(file, &len);
    for (size_t i = 0; i < len; i++) {
        const unsigned char flips[] = {(unsigned char)(1u << i % 8), 0xff};
        for (int k = 0; k < 2; k++) {
            unsigned char c = bytes[i] ^ flips[k];
            assert_int_equal(pwrite(fd, &c, 1, (off_t)i), 1);
            if (zstd && harmless(file, plain, plain_len))
                harmless_flips++;
            else
                refused(file, k ? "inverted" : "flipped", i);
        }
        assert_int_equal(pwrite(fd, bytes + i, 1, (off_t)i), 1);
    }
    ok(drain(file, &err), &err); /* all is as it was */
    assert_true(zstd ? (size_t)harmless_flips < len / 20 : harmless_flips == 0);
    free(plain);
    close(fd);
}

static void test_flip(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        for (int z = 0; z < 2; z++) {
            write_stream(path[z], kinds[k]);
            flip_everywhere(path[z], z);
        }
}

static void append(const char *file, const void *data, size_t n)
{
    FILE *f = fopen(file, "ab");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void test_trailing(void **state)
{
    (void)state;
    for (int z = 0; z < 2; z++) {
        write_stream(path[z], "masked");
        append(path[z], "", 1);
        refused(path[z], "a byte more", 0);
        write_stream(path[z], "masked");
        size_t n;
        const unsigned char *bytes = load(path[z], &n);
        append(path[z], bytes, n);
        refused(path[z], "twice", 0);
    }
}

/* What a failed writer leaves is never taken for a whole stream, and says who failed. */
static void test_abort(void **state)
{
    (void)state;
    static const char *const reasons[][2] = {
        {"x: no such thing", "-: upstream rtdtools failed: x: no such thing"},
        {"upstream seq-pack failed: a: b", "-: upstream seq-pack failed: a: b"},
        {"", "-: upstream rtdtools failed: stopped without a reason"},
    };
    for (size_t k = 0; k < sizeof reasons / sizeof reasons[0]; k++) {
        struct rtd_header h;
        struct rtd_writer *w;
        struct rtd_err err = {0}, why = {.status = RTD_EDATA};
        int fd = open(path[0], O_RDWR | O_CREAT | O_TRUNC, 0600), out = dup(STDOUT_FILENO);
        assert_true(fd >= 0 && out >= 0);
        snprintf(why.text, sizeof why.text, "%s", reasons[k][0]);
        rtd_header_init(&h, "documents");
        rtd_header_standard(&h, "documents");
        fflush(stdout);
        dup2(fd, STDOUT_FILENO); /* to standard output: a file would not come into being */
        int st = rtd_writer_open(&w, "-", 0, &h, 1, &err);
        if (!st)
            rtd_writer_abort(w, &why);
        dup2(out, STDOUT_FILENO);
        close(out);
        close(fd);
        rtd_header_free(&h);
        ok(st, &err);
        assert_int_equal(drain(path[0], &err), RTD_EDATA);
        const char *text = strstr(err.text, ": upstream");
        assert_non_null(text);
        assert_string_equal(text, reasons[k][1] + 1);
    }
    rtd_writer_abort(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_flip),
        cmocka_unit_test(test_trailing),
        cmocka_unit_test(test_abort),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
