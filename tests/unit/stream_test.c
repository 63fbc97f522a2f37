/* rtdtools - MIT licence
 *
 * Tensor streams: what is written is read back, in every shape. */
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

static char path[300];

static int setup(void **state)
{
    (void)state;
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/stream_test.%ld", dir ? dir : "/tmp", (long)getpid());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void ok(int st, const struct rtd_err *err)
{
    if (st)
        fail_msg("%s", err->text);
}

static void make_header(struct rtd_header *h, const char *kind)
{
    struct rtd_err err = {0};
    rtd_header_init(h, kind);
    rtd_header_standard(h, kind);
    if (strcmp(kind, "documents"))
        ok(rtd_header_set_vocab(h, vocab, strlen(vocab), "vocab", &err), &err);
    ok(rtd_header_provenance(h, "test", json_pack("{s:f}", "rate", 0.15), &err), &err);
}

static struct rtd_writer *start(const struct rtd_header *h, uint32_t stride)
{
    struct rtd_err err = {0};
    struct rtd_writer *w;
    ok(rtd_writer_open(&w, path, RTD_OUT_FORCE, h, stride, &err), &err);
    return w;
}

static void finish(struct rtd_writer *w)
{
    struct rtd_err err = {0};
    ok(rtd_writer_end(w, &err), &err);
}

static struct rtd_reader *reopen(void)
{
    struct rtd_err err = {0};
    struct rtd_reader *r;
    ok(rtd_reader_open(&r, path, &err), &err);
    return r;
}

static bool next(struct rtd_reader *r, struct rtd_record *rec)
{
    struct rtd_err err = {0};
    ok(rtd_reader_next(r, rec, &err), &err);
    return !rec->end;
}

static void put_text(struct rtd_writer *w, uint64_t index, const void *text, uint32_t len)
{
    struct rtd_err err = {0};
    const void *data[] = {text};
    ok(rtd_writer_append(w, index, data, &len, &err), &err);
}

static void test_empty_stream(void **state)
{
    (void)state;
    static const char *const kinds[] = {"documents", "tokens", "examples", "masked"};
    for (size_t k = 0; k < 4; k++) {
        struct rtd_header h;
        struct rtd_record rec;
        struct rtd_err err = {0};
        make_header(&h, kinds[k]);
        finish(start(&h, 1));
        struct rtd_reader *r = reopen();
        ok(rtd_header_expect(rtd_reader_header(r), kinds[k], "x", &err), &err);
        ok(rtd_header_same(&h, "a", rtd_reader_header(r), "b", &err), &err);
        assert_false(next(r, &rec));
        assert_false(next(r, &rec)); /* the end stays the end */
        assert_int_equal(rtd_reader_totals(r)->records, 0);
        assert_int_equal(rtd_reader_totals(r)->frames, 0);
        assert_int_equal(strlen(rtd_reader_digest(r)), 32);
        rtd_reader_close(r);
        rtd_header_free(&h);
    }
}

static void test_header_travels(void **state)
{
    (void)state;
    struct rtd_header h, copy;
    struct rtd_err err = {0};
    make_header(&h, "masked");
    h.max_length = 77;
    h.max_frame = 4096;
    h.tok.lower_case = h.tok.chinese = true;
    h.tok.max_word = 100;
    ok(rtd_header_copy(&copy, &h, &err), &err);
    rtd_header_free(&h); /* the copy stands alone */
    finish(start(&copy, 1));
    struct rtd_reader *r = reopen();
    const struct rtd_header *g = rtd_reader_header(r);
    ok(rtd_header_same(&copy, "a", g, "b", &err), &err);
    assert_string_equal(g->kind, "masked");
    assert_int_equal(g->nfields, 4);
    assert_int_equal(g->naxes, 2);
    assert_int_equal(g->max_length, 77);
    assert_int_equal(g->max_frame, 4096);
    assert_int_equal(g->tok.vocab_size, 8);
    assert_int_equal(g->tok.vocab_len, strlen(vocab));
    assert_string_equal(g->tok.vocab, vocab);
    assert_int_equal(g->tok.pad_id, 0);
    assert_int_equal(g->tok.mask_id, 4);
    assert_true(g->tok.lower_case && g->tok.chinese && !g->tok.strip_accents);
    assert_int_equal(g->tok.max_word, 100);
    assert_true(json_equal(g->provenance, copy.provenance));
    const json_t *first = json_array_get(g->provenance, 0);
    assert_string_equal(json_string_value(json_object_get(first, "tool")), "test");
    assert_true(json_real_value(json_object_get(first, "rate")) == 0.15);
    rtd_reader_close(r);
    rtd_header_free(&copy);
}

/* Required fields and any of the optional ones; the version says whether they are there. */
static void test_optional_fields(void **state)
{
    (void)state;
    static const char *const kinds[] = {"documents", "tokens", "examples", "masked"};
    static const int optional[] = {3, 1, 0, 1}, old[] = {1, 0, 0, 0}; /* source is of 1.0 */
    for (int k = 0; k < 4; k++)
        for (unsigned set = 0; set < 1u << optional[k]; set++) {
            struct rtd_header h;
            struct rtd_err err = {0};
            unsigned char pre[12];
            make_header(&h, kinds[k]);
            int required = h.nfields;
            for (int n = 0; n < optional[k]; n++)
                if (set >> n & 1)
                    rtd_header_add_optional(&h, rtd_kind_optional(kinds[k], n));
            assert_null(rtd_kind_optional(kinds[k], optional[k]));
            finish(start(&h, 1));
            FILE *f = fopen(path, "rb");
            assert_non_null(f);
            assert_int_equal(fread(pre, 1, sizeof pre, f), sizeof pre);
            fclose(f);
            assert_int_equal(pre[10], (set >> old[k]) != 0);
            struct rtd_reader *r = reopen();
            ok(rtd_header_expect(rtd_reader_header(r), kinds[k], "x", &err), &err);
            assert_int_equal(rtd_reader_header(r)->nfields, h.nfields);
            rtd_reader_close(r);
            /* one of another type, one too few, one that nobody knows */
            if (h.nfields > required) {
                h.fields[required].dtype = RTD_F32;
                assert_int_equal(rtd_header_expect(&h, kinds[k], "x.ts", &err), RTD_EDATA);
                assert_non_null(strstr(err.text, "of another type"));
                err = (struct rtd_err){0};
            }
            rtd_header_become(&h, kinds[k]);
            assert_int_equal(h.nfields, required);
            rtd_header_add_field(&h, "other", RTD_U8, "bytes", 0, NULL);
            assert_int_equal(rtd_header_expect(&h, kinds[k], "x.ts", &err), RTD_EDATA);
            assert_non_null(strstr(err.text, "other is no field"));
            err = (struct rtd_err){0};
            h.nfields = required - 1;
            assert_int_equal(rtd_header_expect(&h, kinds[k], "x.ts", &err), RTD_EDATA);
            assert_non_null(strstr(err.text, "is missing"));
            rtd_header_free(&h);
        }
}

static void differs(const struct rtd_header *a, const struct rtd_header *b, const char *what)
{
    struct rtd_err err = {0};
    assert_int_equal(rtd_header_same(a, "first", b, "second", &err), RTD_EDATA);
    if (!strstr(err.text, what) || !strstr(err.text, "second"))
        fail_msg("\"%s\" does not name %s", err.text, what);
}

static void test_header_differences(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_header a, b;
    make_header(&a, "masked");
    ok(rtd_header_copy(&b, &a, &err), &err);
    b.max_length = 5;
    differs(&a, &b, "max_length");
    b.max_length = 0;
    b.tok.strip_accents = true;
    differs(&a, &b, "strip_accents");
    b.tok.strip_accents = false;
    b.tok.max_word = 7;
    differs(&a, &b, "max_word");
    b.tok.max_word = 0;
    b.tok.cls_id = 5;
    differs(&a, &b, "special");
    b.tok.cls_id = a.tok.cls_id;
    b.fields[2].dtype = RTD_U32;
    differs(&a, &b, "fields");
    rtd_header_become(&b, "examples");
    differs(&a, &b, "examples");
    assert_int_equal(rtd_header_expect(&b, "masked", "x.ts", &err), RTD_EDATA);
    assert_string_equal(err.text, "x.ts: stream holds examples, wants masked");
    rtd_header_become(&b, "masked");
    static const char other[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\nd\n";
    err = (struct rtd_err){0};
    ok(rtd_header_set_vocab(&b, other, strlen(other), "other", &err), &err);
    differs(&a, &b, "vocabulary");
    static const char lacking[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n";
    assert_int_equal(rtd_header_set_vocab(&b, lacking, strlen(lacking), "v.txt", &err), RTD_EDATA);
    assert_string_equal(err.text, "v.txt: no piece [MASK] in the vocabulary");
    rtd_header_free(&a);
    rtd_header_free(&b);
}

/* Records of lengths 0, 1, 2, ... along one axis and others along the next, in frames of every
 * size: the reader gives them back whole, and the bytes do not depend on anything else. */
static void test_ragged(void **state)
{
    (void)state;
    enum { RECORDS = 200 };
    static const uint64_t frame[] = {64, 128, 1000, 4096, 0};
    for (size_t k = 0; k < sizeof frame / sizeof frame[0]; k++) {
        struct rtd_header h;
        struct rtd_record rec;
        struct rtd_err err = {0};
        int32_t ids[64], pos[64], old[64];
        uint8_t types[64];
        make_header(&h, "masked");
        h.max_frame = frame[k];
        struct rtd_writer *w = start(&h, 1);
        for (uint32_t i = 0; i < RECORDS; i++) {
            uint32_t n = i * 7 % 60, m = n ? i * 5 % n : 0;
            uint32_t lengths[] = {n, m};
            const void *data[] = {ids, types, pos, old};
            for (uint32_t j = 0; j < n; j++) {
                ids[j] = (int32_t)((i + j) % 8);
                types[j] = (uint8_t)(j & 1);
                pos[j] = (int32_t)j;
                old[j] = (int32_t)(i % 8);
            }
            ok(rtd_writer_append(w, i, data, lengths, &err), &err);
        }
        struct rtd_totals wrote = *rtd_writer_totals(w);
        finish(w);
        struct rtd_reader *r = reopen();
        for (uint32_t i = 0; i < RECORDS; i++) {
            uint32_t n = i * 7 % 60, m = n ? i * 5 % n : 0;
            assert_true(next(r, &rec));
            assert_int_equal(rec.index, i);
            assert_int_equal(rec.lengths[0], n);
            assert_int_equal(rec.lengths[1], m);
            for (uint32_t j = 0; j < n; j++) {
                assert_int_equal(((const int32_t *)rec.data[0])[j], (i + j) % 8);
                assert_int_equal(((const uint8_t *)rec.data[1])[j], j & 1);
            }
            for (uint32_t j = 0; j < m; j++) {
                assert_int_equal(((const int32_t *)rec.data[2])[j], j);
                assert_int_equal(((const int32_t *)rec.data[3])[j], i % 8);
            }
        }
        assert_false(next(r, &rec));
        const struct rtd_totals *t = rtd_reader_totals(r);
        assert_int_equal(t->records, RECORDS);
        assert_int_equal(wrote.records, RECORDS);
        assert_int_equal(t->axis[0], wrote.axis[0]);
        assert_int_equal(t->axis[1], wrote.axis[1]);
        assert_true(frame[k] ? t->frames > 10 : t->frames == 1);
        rtd_reader_close(r);
        rtd_header_free(&h);
    }
}

/* Fixed dimensions, all types, a field without an axis. */
static void test_dimensions(void **state)
{
    (void)state;
    static const uint32_t two[] = {2}, cube[] = {2, 3};
    struct rtd_header h;
    struct rtd_record rec;
    struct rtd_err err = {0};
    rtd_header_init(&h, "outputs");
    rtd_header_add_field(&h, "flag", RTD_U8, NULL, 0, NULL);
    rtd_header_add_field(&h, "offsets", RTD_I32, "tokens", 1, two);
    rtd_header_add_field(&h, "hidden", RTD_F32, "tokens", 2, cube);
    rtd_header_add_field(&h, "logits", RTD_F32, NULL, 1, two);
    rtd_header_add_field(&h, "when", RTD_I64, NULL, 0, NULL);
    rtd_header_add_field(&h, "hash", RTD_U32, "words", 0, NULL);
    assert_int_equal(h.fields[2].width, 6);
    struct rtd_writer *w = start(&h, 1);
    for (uint32_t i = 0; i < 5; i++) {
        uint8_t flag = (uint8_t)(250 + i);
        int32_t offsets[8];
        float hidden[24], logits[2] = {(float)i, -0.5f};
        int64_t when = INT64_MIN + i;
        uint32_t hash[4] = {i, UINT32_MAX, 0, 7}, lengths[] = {i, 4 - i};
        for (int j = 0; j < 8; j++)
            offsets[j] = j - 4;
        for (int j = 0; j < 24; j++)
            hidden[j] = (float)j / 3;
        const void *data[] = {&flag, offsets, hidden, logits, &when, hash};
        ok(rtd_writer_append(w, i, data, lengths, &err), &err);
    }
    finish(w);
    struct rtd_reader *r = reopen();
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(next(r, &rec));
        assert_int_equal(*(const uint8_t *)rec.data[0], 250 + i);
        for (uint32_t j = 0; j < 2 * i; j++)
            assert_int_equal(((const int32_t *)rec.data[1])[j], (int)j - 4);
        for (uint32_t j = 0; j < 6 * i; j++)
            assert_true(((const float *)rec.data[2])[j] == (float)j / 3);
        assert_true(((const float *)rec.data[3])[0] == (float)i);
        assert_true(*(const int64_t *)rec.data[4] == INT64_MIN + i);
        assert_int_equal(rec.lengths[1], 4 - i);
        if (i < 4)
            assert_int_equal(*(const uint32_t *)rec.data[5], i);
    }
    assert_false(next(r, &rec));
    rtd_reader_close(r);
    rtd_header_free(&h);
}

static void test_indices(void **state)
{
    (void)state;
    static const uint64_t index[] = {
        3, 10, 17, 24, 25, 26, 27, 1000, (uint64_t)1 << 40, ((uint64_t)1 << 40) + 7, INT64_MAX};
    enum { N = sizeof index / sizeof index[0] };
    struct rtd_header h;
    struct rtd_record rec;
    struct rtd_err err = {0};
    make_header(&h, "documents");
    struct rtd_writer *w = start(&h, 7);
    for (size_t i = 0; i < N; i++)
        put_text(w, index[i], "x", 1);
    uint32_t one = 1;
    const void *data[] = {"x"};
    assert_int_equal(rtd_writer_append(w, 5, data, &one, &err), RTD_EDATA); /* goes back */
    err = (struct rtd_err){0};
    assert_int_equal(rtd_writer_append(w, UINT64_MAX, data, &one, &err), RTD_EDATA);
    finish(w);
    struct rtd_reader *r = reopen();
    for (size_t i = 0; i < N; i++) {
        assert_true(next(r, &rec));
        assert_true(rec.index == index[i]);
        if (i < 4)
            assert_int_equal(rtd_reader_stride(r), 7);
    }
    assert_false(next(r, &rec));
    assert_true(rtd_reader_totals(r)->frames < N);
    rtd_reader_close(r);
    rtd_header_free(&h);
}

/* The announced stride is a hint: what the records show counts. */
static void test_stride_is_seen(void **state)
{
    (void)state;
    struct rtd_header h;
    struct rtd_record rec;
    make_header(&h, "documents");
    struct rtd_writer *w = start(&h, 1);
    for (uint64_t i = 0; i < 1000; i++)
        put_text(w, 2 + 5 * i, "y", 1);
    finish(w);
    struct rtd_reader *r = reopen();
    for (uint64_t i = 0; i < 1000; i++) {
        assert_true(next(r, &rec));
        assert_int_equal(rec.index, 2 + 5 * i);
        assert_int_equal(rtd_reader_stride(r), 5);
    }
    assert_false(next(r, &rec));
    assert_int_equal(rtd_reader_totals(r)->frames, 1);
    rtd_reader_close(r);
    rtd_header_free(&h);
}

/* A frame is full to the byte; a record larger than a frame has one of its own. */
static void test_frame_size(void **state)
{
    (void)state;
    struct rtd_header h;
    struct rtd_record rec;
    static char text[5000];
    memset(text, 'z', sizeof text);
    make_header(&h, "documents");
    h.max_frame = 1024; /* 64 of lengths, 960 of text */
    struct rtd_writer *w = start(&h, 1);
    put_text(w, 0, text, 480);
    put_text(w, 1, text, 480); /* fits exactly */
    put_text(w, 2, text, 1);   /* does not any more */
    put_text(w, 3, text, 5000);
    put_text(w, 4, NULL, 0);
    put_text(w, 5, text, 960);
    put_text(w, 6, text, 961);
    finish(w);
    static const uint32_t lengths[] = {480, 480, 1, 5000, 0, 960, 961};
    struct rtd_reader *r = reopen();
    for (uint32_t i = 0; i < 7; i++) {
        assert_true(next(r, &rec));
        assert_int_equal(rec.lengths[0], lengths[i]);
        for (uint32_t j = 0; j < lengths[i]; j++)
            assert_int_equal(((const char *)rec.data[0])[j], 'z');
    }
    assert_false(next(r, &rec));
    assert_int_equal(rtd_reader_totals(r)->frames, 5); /* 0 1 | 2 | 3 | 4 5 | 6 */
    rtd_reader_close(r);
    rtd_header_free(&h);
}

static void test_too_large(void **state)
{
    (void)state;
    struct rtd_header h;
    struct rtd_err err = {0};
    uint32_t len = (1u << 30) - 63; /* and 64 of lengths: over 1 GiB */
    const void *data[] = {""};      /* refused before it is looked at */
    make_header(&h, "documents");
    unlink(path);
    struct rtd_writer *w = start(&h, 1);
    assert_int_equal(rtd_writer_append(w, 0, data, &len, &err), RTD_EDATA);
    assert_non_null(strstr(err.text, "record 0 takes"));
    rtd_writer_abort(w, &err);
    assert_false(rtd_exists(path)); /* an aborted file never comes into being */
    rtd_header_free(&h);
}

static void refused(struct rtd_writer *w, const int32_t *ids, uint32_t n, const int32_t *pos,
                    uint32_t m, const char *why)
{
    struct rtd_err err = {0};
    uint8_t types[16] = {0};
    uint32_t lengths[] = {n, m};
    const void *data[] = {ids, types, pos, ids};
    assert_int_equal(rtd_writer_append(w, 0, data, lengths, &err), RTD_EDATA);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void test_contents(void **state)
{
    (void)state;
    struct rtd_header h;
    make_header(&h, "masked");
    h.max_length = 4;
    struct rtd_writer *w = start(&h, 1);
    refused(w, (int32_t[]){1, 8}, 2, NULL, 0, "input_ids: id 8 outside the vocabulary of 8");
    refused(w, (int32_t[]){-1, 2}, 2, NULL, 0, "input_ids: id -1 outside");
    refused(w, (int32_t[]){1, 2}, 2, (int32_t[]){1, 1}, 2, "masked_lm_positions: 1 does not");
    refused(w, (int32_t[]){1, 2}, 2, (int32_t[]){-1, 1}, 2, "masked_lm_positions: -1 does not");
    refused(w, (int32_t[]){1, 2}, 2, (int32_t[]){0, 2}, 2, "masked_lm_positions: 2 outside");
    refused(w, (int32_t[]){1, 2, 3, 4, 5}, 5, NULL, 0, "5 tokens, the header's max_length is 4");
    finish(w); /* nothing of it was taken */
    struct rtd_reader *r = reopen();
    struct rtd_record rec;
    assert_false(next(r, &rec));
    rtd_reader_close(r);
    rtd_header_become(&h, "tokens");
    w = start(&h, 1);
    const void *data[] = {(int32_t[]){1, 2, 3}, (int32_t[]){1, 1}};
    struct rtd_err err = {0};
    assert_int_equal(rtd_writer_append(w, 0, data, (uint32_t[]){3, 2}, &err), RTD_EDATA);
    assert_non_null(strstr(err.text, "sum is 2, not the 3 tokens"));
    const void *zero[] = {(int32_t[]){1, 2, 3}, (int32_t[]){3, 0}};
    err = (struct rtd_err){0};
    assert_int_equal(rtd_writer_append(w, 0, zero, (uint32_t[]){3, 2}, &err), RTD_EDATA);
    assert_non_null(strstr(err.text, "a sentence of 0 tokens"));
    rtd_writer_abort(w, &err);
    rtd_header_free(&h);
}

static void test_same_bytes(void **state)
{
    (void)state;
    char *one, *two;
    size_t n, m;
    struct rtd_header h;
    struct rtd_err err = {0};
    for (int pass = 0; pass < 2; pass++) {
        make_header(&h, "documents");
        struct rtd_writer *w = start(&h, 1);
        for (uint64_t i = 0; i < 50; i++)
            put_text(w, i, "some text", (uint32_t)(i % 9));
        finish(w);
        ok(rtd_read_file(path, 1 << 20, pass ? &two : &one, pass ? &m : &n, &err), &err);
        rtd_header_free(&h);
    }
    assert_int_equal(n, m);
    assert_memory_equal(one, two, n);
    assert_int_equal(n % 64, 0);
    assert_true(rtd_stream_magic(one, n));
    assert_false(rtd_stream_magic(one, 7));
    free(one);
    free(two);
}

/* A writer flushed half-way gives its records to a reader that is already there. */
static void test_flush(void **state)
{
    (void)state;
    struct rtd_header h;
    struct rtd_err err = {0};
    struct rtd_record rec;
    make_header(&h, "documents");
    struct rtd_writer *w = start(&h, 1);
    put_text(w, 0, "a", 1);
    ok(rtd_writer_flush(w, &err), &err);
    ok(rtd_writer_flush(w, &err), &err); /* no empty frame */
    put_text(w, 1, "b", 1);
    finish(w);
    struct rtd_reader *r = reopen();
    assert_true(next(r, &rec));
    assert_true(next(r, &rec));
    assert_int_equal(rec.index, 1);
    assert_false(next(r, &rec));
    assert_int_equal(rtd_reader_totals(r)->frames, 2);
    rtd_reader_close(r);
    rtd_header_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_stream),    cmocka_unit_test(test_header_travels),
        cmocka_unit_test(test_optional_fields), cmocka_unit_test(test_header_differences),
        cmocka_unit_test(test_ragged),          cmocka_unit_test(test_dimensions),
        cmocka_unit_test(test_indices),         cmocka_unit_test(test_stride_is_seen),
        cmocka_unit_test(test_frame_size),      cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_contents),        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_flush),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
