/* rtdtools - MIT licence
 *
 * archive.h: every format and packing, from a file and from a pipe, gives the same texts; cut
 * anywhere it is refused. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/rng.h"
#include "intake/archive.h"

static char path[300];

/* The members: texts, and others that are none of our business.  `big` does not compress well, so
 * that packings have more than one window of bytes. */
static struct {
    const char *name;
    int type;
    char *text;
    size_t len;
} members[] = {
    {"a.txt", AE_IFREG, NULL, 0},       {"dir", AE_IFDIR, NULL, 0},
    {"dir/big.txt", AE_IFREG, NULL, 0}, {"dir/b.bin", AE_IFREG, NULL, 0},
    {"z.txt", AE_IFREG, NULL, 0},
};
enum { MEMBERS = sizeof members / sizeof *members, BIG = 200000 };

static int setup(void **state)
{
    (void)state;
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/archive-%d", dir ? dir : "/tmp", (int)getpid());
    static const char first[] = "first text\n\nwith \xc3\xa9\n";
    members[0].text = strdup(first);
    members[0].len = sizeof first - 1;
    members[2].text = malloc(BIG);
    members[2].len = BIG;
    for (uint32_t i = 0; i < BIG; i++) {
        uint32_t x = rtd_rand32(1, RTD_RNG_SPLIT, 0, 0, 0, i);
        members[2].text[i] = x % 61 == 0 ? '\n' : (char)(' ' + rtd_below(x, 95));
    }
    members[3].text = calloc(1, 1000);
    members[3].len = 1000;
    members[4].text = malloc(2048); /* ends at a block, in bytes that could be an end */
    memset(members[4].text, 'z', 2048);
    members[4].len = 2048;
    return members[2].text && members[3].text && members[4].text ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < MEMBERS; i++)
        free(members[i].text);
    unlink(path);
    return 0;
}

/* --- making archives --- */
static la_ssize_t grow(struct archive *a, void *arg, const void *data, size_t len)
{
    (void)a;
    struct rtd_err err = {0};
    return rtd_buf_append(arg, data, len, &err) ? -1 : (la_ssize_t)len;
}

/* format NULL: only the big text, packed; only: this member alone, or -1. */
static struct rtd_buf make(const char *format, const char *filter, int only)
{
    struct rtd_buf out = {0};
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format_by_name(a, format ? format : "raw"), ARCHIVE_OK);
    if (filter)
        assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
    archive_write_set_bytes_per_block(a, 512);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open(a, &out, NULL, grow, NULL), ARCHIVE_OK);
    for (int i = 0; i < MEMBERS; i++) {
        if (only >= 0 ? i != only : (format ? !strcmp(format, "ar") && i == 1 : i != 2))
            continue;
        struct archive_entry *e = archive_entry_new();
        const char *name = members[i].name;
        if (format && !strcmp(format, "ar") && strchr(name, '/'))
            name = strchr(name, '/') + 1;
        archive_entry_set_pathname(e, name);
        archive_entry_set_filetype(e, (unsigned)members[i].type);
        archive_entry_set_perm(e, members[i].type == AE_IFDIR ? 0755 : 0644);
        archive_entry_set_mtime(e, 1000000000, 0);
        archive_entry_set_size(e, (la_int64_t)members[i].len);
        assert_true(archive_write_header(a, e) >= ARCHIVE_WARN);
        if (members[i].len)
            assert_int_equal(archive_write_data(a, members[i].text, members[i].len),
                             members[i].len);
        archive_entry_free(e);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return out;
}

static void store(const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* --- reading them --- */

/* All texts, each after its name and a NUL. */
static int read_all(const char *name, struct rtd_buf *out, struct rtd_archive_counts *counts,
                    struct rtd_err *err)
{
    static const struct rtd_archive_opts opts;
    struct rtd_archive *a;
    const char *source;
    int st = rtd_archive_open(&a, name, &opts, err);
    while (!st && !(st = rtd_archive_next(a, &source, err)) && source) {
        const void *p;
        size_t n = 1;
        if (strchr(source, '/'))
            source = strchr(source, '/') + 1;
        rtd_buf_append(out, source, strlen(source) + 1, err);
        while (!st && n) {
            st = rtd_archive_read(a, &p, &n, err);
            if (!st && n)
                st = rtd_buf_append(out, p, n, err);
        }
    }
    if (a && counts)
        *counts = *rtd_archive_counts(a);
    rtd_archive_close(a);
    return st;
}

struct writer {
    int fd;
    const char *data;
    size_t len;
};
static void *write_pipe(void *arg)
{
    struct writer *w = arg;
    while (w->len) { /* odd pieces */
        ssize_t n = write(w->fd, w->data, w->len < 4099 ? w->len : 4099);
        if (n <= 0)
            break;
        w->data += n;
        w->len -= (size_t)n;
    }
    close(w->fd);
    return NULL;
}

static int read_pipe(const struct rtd_buf *b, struct rtd_buf *out, struct rtd_err *err)
{
    int fd[2];
    char name[32];
    pthread_t thread;
    assert_int_equal(pipe(fd), 0);
    struct writer w = {fd[1], b->data, b->len};
    assert_int_equal(pthread_create(&thread, NULL, write_pipe, &w), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", fd[0]);
    int st = read_all(name, out, NULL, err);
    char rest[1000];
    while (read(fd[0], rest, sizeof rest) > 0)
        continue;
    close(fd[0]);
    pthread_join(thread, NULL);
    return st;
}

static void expect_texts(const struct rtd_buf *b)
{
    struct rtd_buf out = {0}, want = {0};
    struct rtd_err err = {0};
    struct rtd_archive_counts counts;
    for (int i = 0; i < MEMBERS; i++) {
        const char *slash = strchr(members[i].name, '/');
        if (i == 1 || i == 3)
            continue;
        const char *name = slash ? slash + 1 : members[i].name;
        rtd_buf_append(&want, name, strlen(name) + 1, &err);
        rtd_buf_append(&want, members[i].text, members[i].len, &err);
    }
    store(b->data, b->len);
    assert_int_equal(read_all(path, &out, &counts, &err), RTD_OK);
    assert_int_equal(counts.texts, 3);
    assert_int_equal(counts.binary, 1);
    assert_int_equal(out.len, want.len);
    assert_memory_equal(out.data, want.data, out.len);
    out.len = 0;
    assert_int_equal(read_pipe(b, &out, &err), RTD_OK);
    assert_int_equal(out.len, want.len);
    assert_memory_equal(out.data, want.data, out.len);
    rtd_buf_free(&out);
    rtd_buf_free(&want);
}

static void test_formats(void **state)
{
    (void)state;
    static const char *const formats[] = {"ustar", "pax",  "gnutar", "v7tar", "zip", "7zip",
                                          "cpio",  "newc", "odc",    "ar",    "xar", "iso9660"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!strcmp(formats[i], "iso9660") || !strcmp(formats[i], "v7tar")) {
            struct rtd_buf b = make(formats[i], NULL, 0); /* short names, one member */
            struct rtd_buf out = {0};
            struct rtd_err err = {0};
            store(b.data, b.len);
            assert_int_equal(read_all(path, &out, NULL, &err), RTD_OK);
            assert_memory_equal((char *)out.data + out.len - members[0].len, members[0].text,
                                members[0].len);
            rtd_buf_free(&out);
            rtd_buf_free(&b);
            continue;
        }
        struct rtd_buf b = make(formats[i], NULL, -1);
        expect_texts(&b);
        rtd_buf_free(&b);
    }
}

static const char *const filters[] = {"gzip", "bzip2", "xz",  "lzma",
                                      "lzip", "zstd",  "lz4", "compress"};
enum { FILTERS = sizeof filters / sizeof *filters };

static void test_packed_archives(void **state)
{
    (void)state;
    for (int i = 0; i < FILTERS; i++)
        for (int k = 0; k < 3; k++) {
            static const char *const inner[] = {"ustar", "newc", "zip"};
            struct rtd_buf b = make(inner[k], filters[i], -1);
            expect_texts(&b);
            rtd_buf_free(&b);
        }
}

/* A packed text; with zeros, with a second stream, with garbage after it; cut; changed. */
static void test_packed_texts(void **state)
{
    (void)state;
    for (int i = 0; i < FILTERS; i++) {
        struct rtd_buf b = make(NULL, filters[i], -1), out = {0}, changed = {0};
        struct rtd_err err = {0};
        assert_int_equal(read_pipe(&b, &out, &err), RTD_OK);
        const char *text = (char *)out.data + strlen(out.data) + 1;
        assert_memory_equal(text, members[2].text, BIG);
        if (!strcmp(filters[i], "compress")) { /* has neither length nor checksum */
            rtd_buf_free(&b);
            rtd_buf_free(&out);
            continue;
        }
        for (int k = 0; k < 40; k++) {
            struct rtd_buf cut = {b.data, b.len * (size_t)k / 40, 0};
            err = (struct rtd_err){0};
            out.len = 0;
            cut.len += k ? 0 : 15; /* shorter than its magic it would be text */
            assert_int_equal(read_pipe(&cut, &out, &err), RTD_EDATA);
            rtd_buf_append(&changed, b.data, b.len, &err);
            /* not in the magic: these are words in blocks that may not be packed */
            ((char *)changed.data)[k ? b.len * (size_t)k / 40 : 20] ^= (char)(1 << k % 8);
            err = (struct rtd_err){0};
            out.len = 0;
            int st = read_pipe(&changed, &out, &err);
            /* a changed bit without a meaning, as in a time stamp; lzma has no checksum, and
             * libarchive's zstd writer makes none */
            if (st == RTD_OK && strcmp(filters[i], "zstd") && strcmp(filters[i], "lzma")) {
                text = (char *)out.data + strlen(out.data) + 1;
                assert_memory_equal(text, members[2].text, BIG);
            } else {
                assert_true(st == RTD_EDATA || st == RTD_OK);
            }
            changed.len = 0;
        }
        for (size_t k = 1; k <= 3; k++) { /* at its end */
            struct rtd_buf cut = {b.data, b.len - k, 0};
            err = (struct rtd_err){0};
            out.len = 0;
            assert_int_equal(read_pipe(&cut, &out, &err), RTD_EDATA);
        }
        err = (struct rtd_err){0};
        rtd_buf_append(&changed, b.data, b.len, &err);
        rtd_buf_append(&changed, b.data, 7, &err); /* a second stream, cut in its head */
        out.len = 0;
        assert_int_equal(read_pipe(&changed, &out, &err), RTD_EDATA);
        changed.len = b.len;
        rtd_buf_append(&changed, "garbage", 7, &err);
        err = (struct rtd_err){0};
        out.len = 0;
        assert_int_equal(read_pipe(&changed, &out, &err), RTD_EDATA);
        rtd_buf_free(&b);
        rtd_buf_free(&out);
        rtd_buf_free(&changed);
    }
}

/* libarchive calls any 512-byte boundary the end of a tar. */
static void test_cut_tar(void **state)
{
    (void)state;
    static const char *const formats[] = {"ustar", "pax", "gnutar"};
    for (int i = 0; i < 3; i++) {
        for (int only = -1; only <= 4; only += only < 0 ? 4 : 1) { /* all; one: zeros, or z.txt */
            struct rtd_buf b = make(formats[i], NULL, only), out = {0};
            for (size_t k = 512; k < b.len; k += only < 0 ? 512 * 7 : 512) {
                struct rtd_err err = {0};
                store(b.data, k);
                out.len = 0;
                if (only >= 0 || k % 1024)
                    assert_int_equal(read_all(path, &out, NULL, &err), RTD_EDATA);
                out.len = 0;
                err = (struct rtd_err){0};
                struct rtd_buf cut = {b.data, k, 0};
                assert_int_equal(read_pipe(&cut, &out, &err), RTD_EDATA);
            }
            for (size_t k = b.len - 1024; k < b.len; k += 100) {
                struct rtd_err err = {0};
                struct rtd_buf cut = {b.data, k, 0};
                out.len = 0;
                assert_int_equal(read_pipe(&cut, &out, &err), RTD_EDATA);
            }
            rtd_buf_free(&b);
            rtd_buf_free(&out);
        }
    }
}

/* Two tars in one file have the members of both. */
static void test_joined_tars(void **state)
{
    (void)state;
    struct rtd_buf b = make("ustar", NULL, 0), c = make("pax", NULL, 4), out = {0};
    struct rtd_err err = {0};
    rtd_buf_append(&b, c.data, c.len, &err);
    assert_int_equal(read_pipe(&b, &out, &err), RTD_OK);
    assert_int_equal(out.len, members[0].len + 6 + members[4].len + 6);
    b.len -= 512;
    out.len = 0;
    assert_int_equal(read_pipe(&b, &out, &err), RTD_EDATA);
    rtd_buf_free(&b);
    rtd_buf_free(&c);
    rtd_buf_free(&out);
}

static void test_cut_others(void **state)
{
    (void)state;
    static const char *const formats[] = {"zip", "7zip", "newc", "odc", "xar"};
    for (int i = 0; i < 5; i++) {
        struct rtd_buf b = make(formats[i], NULL, 0), out = {0};
        for (size_t k = 80; k < b.len; k += 1 + b.len / 100) {
            struct rtd_err err = {0};
            struct rtd_buf cut = {b.data, k, 0};
            out.len = 0;
            if (read_pipe(&cut, &out, &err) ==
                RTD_OK) { /* padding, or the last checksum of a xar */
                assert_true(i >= 2 && b.len - k < 512);
                assert_int_equal(out.len, 6 + members[0].len);
                assert_memory_equal((char *)out.data + 6, members[0].text, members[0].len);
            } else {
                assert_int_equal(err.status, RTD_EDATA);
            }
        }
        rtd_buf_free(&b);
        rtd_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),      cmocka_unit_test(test_packed_archives),
        cmocka_unit_test(test_packed_texts), cmocka_unit_test(test_cut_tar),
        cmocka_unit_test(test_joined_tars),  cmocka_unit_test(test_cut_others),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
