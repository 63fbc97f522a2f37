/* rtdtools - MIT licence
 *
 * Files of named tensors: what others write is read, structural damage is refused, and no cut and
 * no flipped byte of a file of our own goes unseen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "model/safetensors.h"
#include "support/integers.h"

static const char *path_in_tmp(const char *name)
{
    static char path[4096];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/%s", dir ? dir : "/tmp", name);
    return path;
}

/* Without fsync: these tests write thousands of files. */
static void put(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* A file from a header's text and a number of data bytes 0, 1, 2, ... */
static int open_made(const char *header, size_t bytes, struct rtd_err *err)
{
    size_t len = strlen(header);
    unsigned char *file = calloc(1, 8 + len + bytes);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)((uint64_t)len >> 8 * i);
    memcpy(file + 8, header, len);
    for (size_t i = 0; i < bytes; i++)
        file[8 + len + i] = (unsigned char)i;
    const char *path = path_in_tmp("made.safetensors");
    put(path, file, 8 + len + bytes);
    free(file);
    struct rtd_st *st;
    *err = (struct rtd_err){0};
    int rc = rtd_st_open(&st, path, err);
    rtd_st_close(st);
    return rc;
}

static void golden_is_read(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_st *f32, *bf16;
    assert_int_equal(rtd_st_open(&f32, "tests/golden/tiny/discriminator/model.safetensors", &err),
                     RTD_OK);
    assert_int_equal(rtd_st_open(&bf16, "tests/golden/forms/bf16/model.safetensors", &err), RTD_OK);
    assert_int_equal(rtd_st_count(f32), rtd_st_count(bf16));
    assert_false(rtd_st_verified(f32));
    for (int i = 0; i < rtd_st_count(f32); i++) {
        const struct rtd_st_tensor *t = rtd_st_at(f32, i), *u = rtd_st_find(bf16, t->name);
        assert_non_null(u);
        assert_int_equal(t->count, u->count);
        assert_int_equal(u->dtype, RTD_ST_BF16);
        float *a = malloc(t->count * sizeof *a), *b = malloc(t->count * sizeof *b);
        assert_int_equal(rtd_st_get_f32(f32, t, a, t->count, &err), RTD_OK);
        assert_int_equal(rtd_st_get_f32(bf16, u, b, t->count, &err), RTD_OK);
        for (size_t j = 0; j < t->count; j++)
            assert_true(fabsf(a[j] - b[j]) <= fabsf(a[j]) * 0x1p-8f);
        free(a);
        free(b);
    }
    assert_null(rtd_st_find(f32, "electra"));
    assert_int_equal(rtd_st_get_f32(f32, rtd_st_at(f32, 0), NULL, 3, &err), RTD_EDATA);
    rtd_st_close(f32);
    rtd_st_close(bf16);
}

static void numbers_are_converted(void **state)
{
    (void)state;
    static const uint16_t half[] = {0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001,
                                    0x03ff, 0x0400, 0x7c00, 0xfc00, 0x3555};
    static const float want[] = {0,          -0.0f,    1,        -2,        65504,      0x1p-24f,
                                 0x3ffp-24f, 0x1p-14f, INFINITY, -INFINITY, 0x1.554p-2f};
    static const double wide[] = {0.1, -1e300};
    static const int64_t big[] = {-5, 1LL << 40};
    static const int8_t small[] = {-128, 127};
    size_t n = sizeof half / sizeof half[0], two = 2;
    const char *path = path_in_tmp("numbers.safetensors");
    struct rtd_err err = {0};
    struct rtd_st_writer *w;
    struct rtd_st *st;
    float got[16];
    int32_t whole[2];
    assert_int_equal(rtd_st_writer_new(&w, &err), RTD_OK);
    assert_int_equal(rtd_st_add(w, "small", RTD_ST_I8, 1, &two, small, &err), RTD_OK);
    assert_int_equal(rtd_st_add(w, "half", RTD_ST_F16, 1, &n, half, &err), RTD_OK);
    assert_int_equal(rtd_st_add(w, "wide", RTD_ST_F64, 1, &two, wide, &err), RTD_OK);
    assert_int_equal(rtd_st_add(w, "big", RTD_ST_I64, 1, &two, big, &err), RTD_OK);
    assert_int_equal(rtd_st_add(w, "none", RTD_ST_F32, 1, (size_t[]){0}, NULL, &err), RTD_OK);
    assert_int_equal(rtd_st_add(w, "scalar", RTD_ST_F32, 0, NULL, want + 2, &err), RTD_OK);
    assert_int_equal(rtd_st_write(w, path, &err), RTD_OK);
    rtd_st_writer_free(w);
    assert_int_equal(rtd_st_open(&st, path, &err), RTD_OK);
    assert_true(rtd_st_verified(st));
    assert_int_equal(rtd_st_get_f32(st, rtd_st_find(st, "half"), got, n, &err), RTD_OK);
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(rtd_st_get_f32(st, rtd_st_find(st, "wide"), got, 2, &err), RTD_OK);
    assert_true(got[0] == 0.1f && got[1] == -INFINITY);
    assert_int_equal(rtd_st_get_f32(st, rtd_st_find(st, "none"), got, 0, &err), RTD_OK);
    assert_int_equal(rtd_st_get_f32(st, rtd_st_find(st, "scalar"), got, 1, &err), RTD_OK);
    assert_true(got[0] == 1);
    assert_true(integers_of(rtd_st_find(st, "small"), whole));
    assert_true(whole[0] == -128 && whole[1] == 127);
    assert_false(integers_of(rtd_st_find(st, "big"), whole));
    assert_int_equal(rtd_st_get_f32(st, rtd_st_find(st, "big"), got, 2, &err), RTD_EDATA);
    assert_false(integers_of(rtd_st_find(st, "wide"), whole));
    rtd_st_close(st);
}

#define T(name, shape, b, e) \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #b "," #e "]}"

static void structure_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t bytes;
        const char *says; /* NULL: fine */
    } cases[] = {
        {"{" T("a", "[2]", 0, 8) "," T("b", "[1,3]", 8, 20) "}   ", 20, NULL},
        {"{" T("b", "[1,3]", 8, 20) "," T("a", "[2]", 0, 8) "," T("z", "[0]", 8, 8) "}", 20, NULL},
        {"{}", 0, NULL},
        {"{}", 1, "1 bytes after the last tensor"},
        {"{" T("a", "[2]", 0, 8) "}", 9, "1 bytes after the last tensor"},
        {"{" T("a", "[2]", 0, 8) "}", 7, "ends at byte 8 of 7"},
        {"{" T("a", "[2]", 4, 12) "}", 12, "begins at byte 4, want 0"},
        {"{" T("a", "[2]", 0, 8) "," T("b", "[2]", 4, 12) "}", 12, "begins at byte 4, want 8"},
        {"{" T("a", "[2]", 0, 8) "," T("b", "[2]", 0, 8) "}", 8, "begins at byte 0, want 8"},
        {"{" T("a", "[2]", 0, 8) "," T("a", "[2]", 8, 16) "}", 16, "not a JSON object"},
        {"{" T("a", "[3]", 0, 8) "}", 8, "do not give 8 bytes"},
        {"{" T("a", "[2]", 8, 0) "}", 8, "want dtype, shape and data_offsets"},
        {"{" T("a", "[-2]", 0, 8) "}", 8, "impossible shape"},
        {"{" T("a", "[4611686018427387904,4611686018427387904]", 0, 8) "}", 8, "impossible shape"},
        {"{" T("a", "[1,1,1,1,1,1,1,1,2]", 0, 8) "}", 8, "more than 8 dimensions"},
        {"{\"a\":{\"dtype\":\"F4\",\"shape\":[8],\"data_offsets\":[0,8]}}", 8,
         "dtype F4 is not supported"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "want dtype, shape and data_offsets"},
        {"{\"a\":7}", 8, "want dtype, shape and data_offsets"},
        {"{\"__metadata__\":{\"x\":1}}", 0, "more than strings"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"rtd_digest\":\"00000000000000000000000000000000\"}}", 0,
         "checksum mismatch"},
        {"[]", 0, "not a JSON object"},
        {"{\"a\":", 0, "not a JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rtd_err err;
        int rc = open_made(cases[i].header, cases[i].bytes, &err);
        if (cases[i].says ? rc != RTD_EDATA || !strstr(err.text, cases[i].says) : rc != RTD_OK)
            fail_msg("%s: status %d, says \"%s\"", cases[i].header, rc, err.text);
    }
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_st *st;
    assert_int_equal(rtd_st_open(&st, "tests/golden/none", &err), RTD_ESYS);
    err = (struct rtd_err){0};
    assert_int_equal(rtd_st_open(&st, "tests/golden", &err), RTD_EDATA);
    err = (struct rtd_err){0};
    put(path_in_tmp("empty"), "", 0);
    assert_int_equal(rtd_st_open(&st, path_in_tmp("empty"), &err), RTD_EDATA);
    err = (struct rtd_err){0};
    put(path_in_tmp("text"), "PK\3\4 something else entirely", 29);
    assert_int_equal(rtd_st_open(&st, path_in_tmp("text"), &err), RTD_EDATA);
    assert_non_null(strstr(err.text, "not a safetensors file"));
}

static size_t write_sample(const char *path, char **file)
{
    static const float a[] = {1, 2, 3, 4, 5, 6}, b[] = {0.5f};
    static const int32_t ids[] = {7, 8};
    struct rtd_err err = {0};
    struct rtd_st_writer *w;
    size_t len;
    assert_int_equal(rtd_st_writer_new(&w, &err), RTD_OK);
    assert_int_equal(rtd_st_set_metadata(w, "step", "12", &err), RTD_OK);
    assert_int_equal(rtd_st_add(w, "a.weight", RTD_ST_F32, 2, (size_t[]){2, 3}, a, &err), RTD_OK);
    assert_int_equal(rtd_st_add(w, "a.bias", RTD_ST_F32, 1, (size_t[]){1}, b, &err), RTD_OK);
    assert_int_equal(rtd_st_add(w, "ids", RTD_ST_I32, 1, (size_t[]){2}, ids, &err), RTD_OK);
    assert_int_equal(rtd_st_add(w, "ids", RTD_ST_I32, 1, (size_t[]){2}, ids, &err), RTD_EDATA);
    err = (struct rtd_err){0};
    assert_int_equal(rtd_st_write(w, path, &err), RTD_OK);
    rtd_st_writer_free(w);
    assert_int_equal(rtd_read_file(path, 1 << 20, file, &len, &err), RTD_OK);
    return len;
}

static void same_tensors_give_same_bytes(void **state)
{
    (void)state;
    char *a, *b;
    size_t n = write_sample(path_in_tmp("one"), &a), m = write_sample(path_in_tmp("two"), &b);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    assert_int_equal((unsigned char)a[0] % 8, 0); /* data begins at a multiple of 8 */
    free(a);
    free(b);
}

/* Every length but the whole; every byte with each of its bits, and all of them, flipped. */
static void every_cut_and_flip_is_refused(void **state)
{
    (void)state;
    char *file;
    size_t n = write_sample(path_in_tmp("sound"), &file);
    const char *path = path_in_tmp("hurt");
    struct rtd_st *st;
    for (size_t cut = 0; cut < n; cut++) {
        struct rtd_err err = {0};
        put(path, file, cut);
        if (rtd_st_open(&st, path, &err) != RTD_EDATA)
            fail_msg("cut to %zu of %zu bytes: accepted", cut, n);
    }
    for (size_t at = 0; at < n; at++)
        for (int k = 0; k <= 8; k++) {
            struct rtd_err err = {0};
            int mask = k < 8 ? 1 << k : 255;
            file[at] = (char)(file[at] ^ mask);
            put(path, file, n);
            file[at] = (char)(file[at] ^ mask);
            if (rtd_st_open(&st, path, &err) != RTD_EDATA)
                fail_msg("byte %zu of %zu xor %d: accepted", at, n, mask);
        }
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_is_read),
        cmocka_unit_test(numbers_are_converted),
        cmocka_unit_test(structure_is_checked),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(same_tensors_give_same_bytes),
        cmocka_unit_test(every_cut_and_flip_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
