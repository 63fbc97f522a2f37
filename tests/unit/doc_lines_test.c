/* rtdtools - MIT licence
 *
 * doc_lines.h: plain text and the stream that corpus-shard makes of it give the same events, and
 * every event, the end and every failure included, sets pointer and length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/utf8.h"
#include "corpus/shard.h"
#include "intake/document.h"
#include "text/doc_lines.h"

static char text_path[300], stream_path[310];

static int setup(void **state)
{
    (void)state;
    const char *dir = getenv("TMPDIR");
    snprintf(text_path, sizeof text_path, "%s/lines-%d", dir ? dir : "/tmp", (int)getpid());
    snprintf(stream_path, sizeof stream_path, "%s.ts", text_path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(text_path);
    unlink(stream_path);
    return 0;
}

static void store(const char *text, size_t len)
{
    FILE *f = fopen(text_path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* "line/line|line|": lines trimmed, '|' after a document.  Out-parameters begin as garbage. */
static int events(char *path, struct rtd_buf *out, struct rtd_err *err)
{
    struct rtd_doc_lines *d;
    static char junk[] = "junk";
    out->len = 0;
    int st = rtd_doc_lines_open(&d, &path, 1, err);
    while (!st) {
        enum rtd_doc_event event = (enum rtd_doc_event)99;
        const char *line = junk;
        size_t len = 12345;
        st = rtd_doc_lines_next(d, &event, &line, &len, err);
        if (st || event != RTD_EVENT_LINE) {
            assert_null(line);
            assert_int_equal(len, 0);
        }
        if (st || event == RTD_EVENT_FINISHED)
            break;
        if (event == RTD_EVENT_LINE) {
            assert_true(line != junk && len > 0 && len < 12345);
            size_t lead = rtd_leading_blanks(line, len);
            rtd_buf_append(out, line + lead, rtd_trim_end(line + lead, len - lead), err);
            rtd_buf_append(out, "/", 1, err);
        } else {
            assert_int_equal(event, RTD_EVENT_END);
            rtd_buf_append(out, "|", 1, err);
        }
    }
    rtd_doc_lines_close(d);
    assert_int_equal(rtd_buf_append(out, "", 1, err), RTD_OK);
    return st;
}

static int keep(void *shards, const struct rtd_document *doc, struct rtd_err *err)
{
    return rtd_shards_add(shards, doc, err);
}

static void shard(const char *text, size_t len)
{
    struct rtd_doc_opts opts = {RTD_UNIT_BLANK, NULL, NULL, 1000};
    struct rtd_shard_opts so = {.path = stream_path, .force = true, .max_bytes = 1000};
    struct rtd_err err = {0};
    struct rtd_doc_builder *b;
    struct rtd_shards *s;
    assert_int_equal(rtd_shards_open(&s, &so, &err), RTD_OK);
    assert_int_equal(rtd_doc_builder_new(&b, &opts, keep, s, &err), RTD_OK);
    rtd_doc_builder_begin(b, "test", "");
    assert_int_equal(rtd_doc_builder_add(b, text, len, &err), RTD_OK);
    assert_int_equal(rtd_doc_builder_finish(b, &err), RTD_OK);
    rtd_doc_builder_free(b);
    assert_int_equal(rtd_shards_end(s, &err), RTD_OK);
}

static void test_both_doors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"one\n \ntwo\n", "one/|two/|"},
        {"one\n\t\ntwo", "one/|two/|"},
        {"one\r\n \r\ntwo\r\n", "one/|two/|"},
        {"one\n ", "one/|"},
        {" \n\t\none\n\n\n \n", "one/|"},
        {"one\ntwo\n\xc2\xa0\nthree", "one/two/|three/|"},
        {"one\n\xe3\x80\x80 \nthree", "one/|three/|"},
        {"one\n\f\nthree\n\v\n", "one/|three/|"},
        {"a", "a/|"},
        {"a\n\n\n\n\nb\n\n\n", "a/|b/|"},
    };
    struct rtd_buf got = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rtd_err err = {0};
        store(cases[i].text, strlen(cases[i].text));
        assert_int_equal(events(text_path, &got, &err), RTD_OK);
        assert_string_equal(got.data, cases[i].want);
        shard(cases[i].text, strlen(cases[i].text));
        assert_int_equal(events(stream_path, &got, &err), RTD_OK);
        assert_string_equal(got.data, cases[i].want);
    }
    rtd_buf_free(&got);
}

static void test_failures(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " ", "\n \n\t\n"};
    struct rtd_buf got = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rtd_err err = {0};
        store(bad[i], strlen(bad[i]));
        assert_int_equal(events(text_path, &got, &err), RTD_EDATA);
    }
    struct rtd_err err = {0};
    store("one\n \ntw\0o\n", 10);
    assert_int_equal(events(text_path, &got, &err), RTD_EDATA);
    rtd_buf_free(&got);
}

/* The reader of lines below it. */
static void test_lines(void **state)
{
    (void)state;
    static char junk[] = "junk";
    struct rtd_lines l;
    struct rtd_err err = {0};
    char *line = junk;
    size_t len = 12345;
    store("a\n0123456789\nb", 14);
    assert_int_equal(rtd_lines_open(&l, text_path, 5, &err), RTD_OK);
    assert_int_equal(rtd_lines_next(&l, &line, &len, &err), RTD_OK);
    assert_int_equal(len, 1);
    line = junk;
    len = 12345;
    assert_int_equal(rtd_lines_next(&l, &line, &len, &err), RTD_EDATA);
    assert_true(l.too_long && !line && !len);
    err = (struct rtd_err){0};
    assert_int_equal(rtd_lines_next(&l, &line, &len, &err), RTD_OK);
    assert_int_equal(len, 1);
    line = junk;
    len = 12345;
    assert_int_equal(rtd_lines_next(&l, &line, &len, &err), RTD_OK);
    assert_true(!line && !len);
    rtd_lines_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_doors),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
