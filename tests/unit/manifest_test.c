/* rtdtools - MIT licence
 *
 * manifest.h: sums do not depend on order, and no change to the file is read over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/io.h"
#include "corpus/manifest.h"

static char path[300];

static int setup(void **state)
{
    (void)state;
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/manifest-%d.json", dir ? dir : "/tmp", (int)getpid());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void test_total(void **state)
{
    (void)state;
    struct rtd_total a = {0}, b = {0}, one = {0}, twice = {0};
    char x[33], y[33];
    rtd_total_digest(&a, x);
    assert_string_equal(x, "00000000000000000000000000000000");
    rtd_total_add(&one, "hello", 5);
    rtd_total_digest(&one, x);
    rtd_digest_hex(y, "hello", 5);
    assert_string_equal(x, y);
    unsigned __int128 sum = 0; /* as the manual says it */
    for (int i = 0; i < 100; i++) {
        char text[16], high[17] = "";
        rtd_digest_hex(x, text, (size_t)snprintf(text, sizeof text, "%d", i));
        memcpy(high, x, 16);
        sum += (unsigned __int128)strtoull(high, NULL, 16) << 64 | strtoull(x + 16, NULL, 16);
        rtd_total_add(&a, text, (size_t)snprintf(text, sizeof text, "%d", i));
        struct rtd_total t = {0};
        rtd_total_add(&t, text, (size_t)snprintf(text, sizeof text, "%d", 99 - i));
        rtd_total_join(&b, &t);
    }
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.low == (uint64_t)sum && a.high == (uint64_t)(sum >> 64));
    assert_int_equal(a.bytes, 190);
    twice = a;
    rtd_total_add(&twice, "7", 1);
    rtd_total_digest(&a, x);
    rtd_total_digest(&twice, y);
    assert_string_not_equal(x, y);
}

static void write_one(struct rtd_manifest *m, size_t shards)
{
    struct rtd_err err = {0};
    *m = (struct rtd_manifest){0};
    for (size_t i = 0; i < shards; i++) {
        struct rtd_total t = {0};
        char name[64], text[16];
        snprintf(name, sizeof name, "shard-%05zu.ts.zst", i);
        for (size_t k = 0; k <= i; k++)
            rtd_total_add(&t, text, (size_t)snprintf(text, sizeof text, "%zu.%zu", i, k));
        assert_int_equal(rtd_manifest_append(m, name, &t, &err), RTD_OK);
    }
    assert_int_equal(rtd_manifest_write(m, path, &err), RTD_OK);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t shards = 0; shards < 6; shards++) {
        struct rtd_manifest m, back;
        struct rtd_err err = {0};
        write_one(&m, shards);
        assert_int_equal(rtd_manifest_read(&back, path, &err), RTD_OK);
        assert_int_equal(back.n, shards);
        assert_memory_equal(&back.total, &m.total, sizeof m.total);
        for (size_t i = 0; i < shards; i++)
            assert_string_equal(back.shards[i].name, m.shards[i].name);
        rtd_manifest_free(&m);
        rtd_manifest_free(&back);
    }
}

static void refuse(const char *text, size_t len)
{
    struct rtd_manifest m;
    struct rtd_err err = {0};
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rtd_manifest_read(&m, path, &err), RTD_EDATA);
    assert_non_null(strstr(err.text, path));
}

static void test_cut_and_flip(void **state)
{
    (void)state;
    struct rtd_manifest m;
    struct rtd_err err = {0};
    char *text;
    size_t len;
    write_one(&m, 2);
    assert_int_equal(rtd_read_file(path, 1 << 20, &text, &len, &err), RTD_OK);
    for (size_t i = 0; i < len; i++)
        refuse(text, i);
    for (size_t i = 0; i < len; i++) {
        text[i] ^= (char)(1 << i % 8);
        refuse(text, len);
        text[i] ^= (char)(1 << i % 8);
    }
    text[len] = '\n'; /* in place of the NUL */
    refuse(text, len + 1);
    free(text);
    rtd_manifest_free(&m);
}

/* Right digest, wrong content: names that lead elsewhere, sums that do not fit. */
static void test_forged(void **state)
{
    (void)state;
    static const char total[] = "\"documents\": 0, \"bytes\": 0, "
                                "\"digest\": \"00000000000000000000000000000000\"";
    const char *names[] = {"../x.ts.zst", "/etc/passwd", "", ".", "a/b", "a\\nb", "A"};
    char text[1000], digest[33];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int n = snprintf(text, sizeof text,
                         "{\"manifest\": 1, \"kind\": \"documents\",\n%s,\n\"shards\": [\n"
                         "{\"name\": \"%s\", %s}]",
                         total, names[i], total);
        rtd_digest_hex(digest, text, (size_t)n);
        n += snprintf(text + n, sizeof text - (size_t)n, ",\n\"check\": \"%s\"}\n", digest);
        refuse(text, (size_t)n);
    }
    int n = snprintf(text, sizeof text, "{\"manifest\": 2, %s, \"shards\": []", total);
    rtd_digest_hex(digest, text, (size_t)n);
    n += snprintf(text + n, sizeof text - (size_t)n, ",\n\"check\": \"%s\"}\n", digest);
    refuse(text, (size_t)n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_total),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_cut_and_flip),
        cmocka_unit_test(test_forged),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
