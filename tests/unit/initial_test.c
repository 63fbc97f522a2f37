/* rtdtools - MIT licence
 *
 * Where a run's weights start: word tables from vectors of pieces, sinusoids as positions, and that
 * everything else is as ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "start/piece_vectors.h"
#include "model/safetensors.h"
#include "pretrain/initial.h"

enum { PIECES = 12, WIDTH = 6, POSITIONS = 9 };
static const char vocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\n##e\n\xc3\xa4\n\"\n";
static const bool has[PIECES] = {[5] = 1, [6] = 1, [8] = 1, [9] = 1, [10] = 1, [11] = 1};

static struct rtd_pool *pool;
static struct rtd_pretrain *p;
static float *usual; /* what rtd_params_init gives */
static char path[4096];
static struct rtd_header header;

static int set_up(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_config disc, gen;
    struct rtd_pretrain_options o;
    rtd_config_init(&disc);
    disc.vocab_size = PIECES;
    disc.embedding_size = WIDTH;
    disc.hidden_size = 8;
    disc.num_attention_heads = 2;
    disc.num_hidden_layers = 1;
    disc.intermediate_size = 8;
    disc.max_position_embeddings = POSITIONS;
    rtd_pretrain_defaults(&o);
    assert_int_equal(rtd_generator_config(&gen, &disc, 4, &err), RTD_OK);
    assert_int_equal(rtd_pool_new(&pool, 1, &err), RTD_OK);
    assert_int_equal(rtd_pretrain_new(&p, &disc, &gen, &o, pool, &err), RTD_OK);
    rtd_params_init(&p->params, o.seed, 0.02);
    usual = malloc(p->params.total * sizeof *usual);
    memcpy(usual, p->params.w, p->params.total * sizeof *usual);
    rtd_config_free(&disc);
    rtd_config_free(&gen);
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/vectors.safetensors", dir ? dir : "/tmp");
    header.tok = (struct rtd_tokeniser){
        .vocab = (char *)vocabulary, .vocab_len = sizeof vocabulary - 1, .vocab_size = PIECES};
    rtd_digest_hex(header.tok.digest, vocabulary, sizeof vocabulary - 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rtd_pretrain_free(p);
    rtd_pool_free(pool);
    free(usual);
    return 0;
}

/* Numbers with a mean and a size of their own; rows of zeros where there is no vector. */
static void make_vectors(float *v, size_t width)
{
    for (size_t i = 0; i < PIECES * width; i++)
        v[i] = has[i / width] ? (float)(7 + 3 * sin(1.7 * (double)i)) : 0;
}

static void put(const float *v, size_t pieces, size_t width)
{
    struct rtd_err err = {0};
    struct rtd_out *out;
    assert_int_equal(rtd_out_open(&out, path, RTD_OUT_FORCE, &err), RTD_OK);
    assert_int_equal(rtd_piece_vectors_write(out, v, pieces, width, vocabulary,
                                             sizeof vocabulary - 1, "[]", &err),
                     RTD_OK);
    assert_int_equal(rtd_out_commit(out, &err), RTD_OK);
}

static void start(const struct rtd_initial *in)
{
    struct rtd_err err = {0};
    memset(p->params.w, 0xff, p->params.total * sizeof *p->params.w);
    assert_int_equal(rtd_initial_values(p, in, &header, &err), RTD_OK);
}

/* All tensors but those at these offsets are the usual ones. */
static void check_rest(size_t but, size_t or)
{
    for (int i = 0; i < p->params.n; i++) {
        const struct rtd_param *t = &p->params.item[i];
        if (t->offset != but && t->offset != or)
            assert_memory_equal(p->params.w + t->offset, usual + t->offset,
                                t->count * sizeof *usual);
    }
}

static void words(void **state)
{
    (void)state;
    float v[PIECES * WIDTH];
    make_vectors(v, WIDTH);
    put(v, PIECES, WIDTH);
    start(&(struct rtd_initial){.embeddings = path, .embeddings_scale = 0.05});
    check_rest(p->disc.word, p->disc.word);
    const real *table = p->params.w + p->disc.word;
    double squares = 0, mean[WIDTH] = {0},
           factor = (table[5 * WIDTH] - table[6 * WIDTH]) / (double)(v[5 * WIDTH] - v[6 * WIDTH]);
    size_t n = 0;
    for (size_t i = 0; i < PIECES * WIDTH; i++) {
        if (!has[i / WIDTH]) {
            assert_true(table[i] == usual[p->disc.word + i]);
            continue;
        }
        mean[i % WIDTH] += table[i];
        squares += (double)table[i] * table[i];
        n++;
        /* scaled and moved alike */
        assert_true(fabs(table[i] - table[5 * WIDTH + i % WIDTH] -
                         factor * (v[i] - v[5 * WIDTH + i % WIDTH])) < 1e-6);
    }
    assert_true(factor > 0 && fabs(sqrt(squares / (double)n) - 0.05) < 1e-6);
    for (size_t i = 0; i < WIDTH; i++)
        assert_true(fabs(mean[i]) < 1e-6);
}

static void positions(void **state)
{
    (void)state;
    float v[PIECES * WIDTH];
    make_vectors(v, WIDTH);
    put(v, PIECES, WIDTH);
    for (int with = 0; with < 2; with++) {
        double size = with ? 0.3 : 0.02;
        start(&(struct rtd_initial){
            .embeddings = with ? path : NULL, .embeddings_scale = 0.3, .sinusoid = true});
        check_rest(p->disc.position, with ? p->disc.word : p->disc.position);
        const real *at = p->params.w + p->disc.position;
        for (size_t row = 0; row < POSITIONS; row++, at += WIDTH) {
            double squares = 0;
            for (size_t i = 0; i < WIDTH; i++)
                squares += at[i] * at[i];
            assert_true(fabs(sqrt(squares / WIDTH) / size - 1) < 1e-6);
            assert_true(fabs(at[0] / (size * sqrt(2)) - sin((double)row)) < 1e-5);
            assert_true(fabs(at[3] / (size * sqrt(2)) - cos((double)row / cbrt(10000))) < 1e-5);
        }
    }
}

static void nothing_asked_for(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_initial in = {.embeddings_scale = 0.05};
    json_t *j;
    start(&in);
    check_rest(SIZE_MAX, SIZE_MAX);
    assert_int_equal(rtd_initial_describe(&j, &in, false, &err), RTD_OK);
    assert_int_equal(json_object_size(j), 0);
    json_decref(j);
}

static void refused(int status, const char *why)
{
    struct rtd_err err = {0};
    struct rtd_initial in = {.embeddings = path, .embeddings_scale = 0.05};
    assert_int_equal(rtd_initial_values(p, &in, &header, &err), status);
    assert_non_null(strstr(err.text, why));
    assert_memory_equal(err.text, path, strlen(path)); /* by its name */
}

/* The generator's output biases are the logarithms of what each piece's share is, one more counted
 * of each; nothing else changes. */
static void counts(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_initial in = {.piece_counts = path};
    FILE *f = fopen(path, "w");
    fputs("a\t6\n##e\t2\n", f); /* 8, and 12 more of 12 pieces */
    fclose(f);
    start(&in);
    check_rest(p->lm.bias, p->lm.bias);
    for (size_t i = 0; i < PIECES; i++) {
        double want = log((i == 5 ? 7 : i == 9 ? 3 : 1) / 20.0);
        assert_true(fabs((double)p->params.w[p->lm.bias + i] - want) < 1e-6);
    }
    json_t *j;
    assert_int_equal(rtd_initial_describe(&j, &in, false, &err), RTD_OK);
    assert_int_equal(strlen(json_string_value(json_object_get(j, "piece-counts"))), 32);
    json_decref(j);
    remove(path);
    assert_int_equal(rtd_initial_values(p, &in, &header, &err), RTD_ESYS);
    f = fopen(path, "w");
    fputs("a\t0\n", f);
    fclose(f);
    err = (struct rtd_err){0};
    assert_int_equal(rtd_initial_values(p, &in, &header, &err), RTD_EDATA);
    assert_non_null(strstr(err.text, "no piece is counted"));
}

static void refusals(void **state)
{
    (void)state;
    float v[PIECES * (WIDTH + 1)];
    make_vectors(v, WIDTH + 1);
    put(v, PIECES, WIDTH + 1);
    refused(RTD_EUSAGE, "vectors of width 7, but --embedding 6");
    make_vectors(v, WIDTH);
    put(v, PIECES - 1, WIDTH);
    refused(RTD_EDATA, "11 vectors, but 12 pieces");
    v[7 * WIDTH] = NAN;
    put(v, PIECES, WIDTH);
    refused(RTD_EDATA, "not finite");
    memset(v, 0, sizeof v);
    put(v, PIECES, WIDTH);
    refused(RTD_EDATA, "all vectors are the same");
    for (size_t i = 0; i < PIECES * WIDTH; i++)
        v[i] = 2;
    put(v, PIECES, WIDTH);
    refused(RTD_EDATA, "all vectors are the same");
    make_vectors(v, WIDTH);
    put(v, PIECES, WIDTH);
    header.tok.digest[0] ^= 1;
    refused(RTD_EDATA, "its vocabulary is not the stream's");
    header.tok.digest[0] ^= 1;

    struct rtd_err err = {0};
    struct rtd_st_writer *w;
    const char *const other[][2] = {{"rtd_vocabulary", "a\n"},
                                    {"rtd_vocabulary_digest", header.tok.digest}};
    for (int i = 0; i < 2; i++) { /* tensors of something else, and two halves that do not fit */
        assert_int_equal(rtd_st_writer_new(&w, &err), RTD_OK);
        for (int k = 0; k <= i; k++)
            assert_int_equal(rtd_st_set_metadata(w, other[k][0], other[k][1], &err), RTD_OK);
        assert_int_equal(rtd_st_write(w, path, &err), RTD_OK);
        rtd_st_writer_free(w);
        refused(RTD_EDATA,
                i ? "is not the digest of" : "its metadata has no rtd_vocabulary_digest");
    }
    remove(path);
    refused(RTD_ESYS, "cannot open");
}

/* What a run's options say: the content of the file, and null where only a resumed run can do
 * without. */
static void described(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_initial in = {.embeddings = path, .embeddings_scale = 0.05, .sinusoid = true};
    float v[PIECES * WIDTH];
    json_t *j[3];
    make_vectors(v, WIDTH);
    for (int i = 0; i < 3; i++) {
        v[5 * WIDTH] = i == 2 ? 3 : 4;
        put(v, PIECES, WIDTH);
        assert_int_equal(rtd_initial_describe(&j[i], &in, false, &err), RTD_OK);
    }
    assert_true(json_equal(j[0], j[1]) && !json_equal(j[0], j[2]));
    assert_string_equal(json_string_value(json_object_get(j[0], "init-positions")), "sinusoid");
    assert_true(json_real_value(json_object_get(j[0], "embeddings-scale")) == 0.05);
    for (int i = 0; i < 3; i++)
        json_decref(j[i]);
    remove(path);
    assert_int_equal(rtd_initial_describe(&j[0], &in, true, &err), RTD_OK);
    assert_true(json_is_null(json_object_get(j[0], "embeddings")));
    json_decref(j[0]);
    assert_int_equal(rtd_initial_describe(&j[0], &in, false, &err), RTD_ESYS);
    json_decref(j[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),  cmocka_unit_test(positions), cmocka_unit_test(nothing_asked_for),
        cmocka_unit_test(counts), cmocka_unit_test(refusals),  cmocka_unit_test(described),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
