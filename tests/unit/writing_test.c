/* rtdtools - MIT licence
 *
 * Texts that a model writes: search against every text there is, draws against their distribution,
 * masks against the whole network, and the way from pieces back to text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/rng.h"
#include "support/stats.h"
#include "predict/decoding.h"
#include "predict/detokenise.h"
#include "predict/infill.h"

enum { VOCAB = 40, H = 24, PREFIX = 5, SEP = 3 };

static struct rtd_tokenizer *tok; /* VOCAB pieces, letters and words */
static struct rtd_network *net;
static const int32_t source[PREFIX] = {2, 7, 8, 9, SEP};

static int setup(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_tok_settings s;
    struct rtd_lines l = {0};
    struct rtd_config c;
    struct rtd_head_spec spec = {.task = RTD_TASK_GENERATE, .name = "generate", .texts = 1};
    char vocab[1000] = "", *line;
    size_t len;
    assert_int_equal(rtd_lines_open(&l, "tests/golden/vocab97.txt", 100, &err), RTD_OK);
    for (int i = 0; i < 97 && !rtd_lines_next(&l, &line, &len, &err) && line; i++)
        if (i < 31 || (i >= 60 && i < 68) || i == 93) { /* only the last goes on with a word */
            strcat(vocab, line);
            strcat(vocab, "\n");
        }
    rtd_lines_close(&l);
    rtd_tok_settings_default(&s, false);
    if (rtd_tokenizer_new(&tok, vocab, strlen(vocab), "vocab", &s, &err))
        fail_msg("%s", err.text);
    rtd_config_init(&c);
    c.vocab_size = VOCAB;
    c.embedding_size = H;
    c.hidden_size = H;
    c.num_hidden_layers = 2;
    c.num_attention_heads = 4;
    c.intermediate_size = 40;
    c.max_position_embeddings = 16;
    assert_int_equal(rtd_head_specs_store(&c, &spec, 1, &err), RTD_OK);
    assert_int_equal(rtd_network_new(&net, &c, false, &err), RTD_OK);
    rtd_params_init(&net->params, 5, 0.8);
    rtd_config_free(&c);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rtd_tokenizer_free(tok);
    rtd_network_free(net);
    return 0;
}

/* Logits of token `at` of source and then what was written; prefix 0: no mask, the text as it is.
 */
static void logits_at(const int32_t *ids, uint32_t n, uint32_t prefix, uint32_t at, float *x)
{
    struct rtd_err err = {0};
    const uint32_t start[2] = {0, n};
    const uint64_t index = 0;
    uint8_t types[16] = {0};
    const int32_t target = 0;
    for (uint32_t i = prefix; i < n && prefix; i++)
        types[i] = 1;
    struct rtd_tokens t = {1, start, ids, types, &index, prefix ? &prefix : NULL};
    struct rtd_lm_rows r = {.M = 1, .row = &at, .target = &target, .logits = x};
    struct rtd_arena arena = {0};
    struct rtd_acts *acts = malloc(sizeof *acts);
    rtd_acts_take(acts, &arena, &net->enc, &t, false);
    rtd_lm_head_run(&net->head[0].shape.as.lm, NULL, NULL, &r, NULL, NULL, n, 0, &arena);
    assert_int_equal(rtd_arena_init(&arena, arena.peak, &err), RTD_OK);
    rtd_acts_take(acts, &arena, &net->enc, &t, false);
    rtd_encoder_forward(&net->enc, net->params.w, &t, acts, NULL);
    rtd_lm_head_run(&net->head[0].shape.as.lm, net->params.w, NULL, &r, acts->out, NULL, n, 0,
                    &arena);
    rtd_arena_free(&arena);
    free(acts);
}

static bool goes_on(int id)
{
    return strncmp(rtd_tokenizer_piece(tok, id), "##", 2) == 0;
}

/* What may follow n written pieces: neither [PAD], [UNK], [CLS], [MASK] (ids 0, 1, 2, 4) nor, at
 * the beginning, the rest of a word.  Log-probabilities among those, -INFINITY for others. */
static void next(const int32_t *written, uint32_t n, double temperature, double *p)
{
    int32_t ids[16];
    float x[VOCAB];
    double sum = 0;
    memcpy(ids, source, sizeof source);
    for (uint32_t i = 0; i < n; i++)
        ids[PREFIX + i] = written[i];
    logits_at(ids, PREFIX + n, PREFIX, PREFIX + n - 1, x);
    for (int v = 0; v < VOCAB; v++) {
        bool may = v > 4 || v == SEP;
        p[v] = may && !(n == 0 && goes_on(v)) ? (double)x[v] / temperature : -INFINITY;
        sum += exp(p[v]);
    }
    for (int v = 0; v < VOCAB; v++)
        p[v] -= log(sum);
}

static struct rtd_decoded write(const struct rtd_decoding *o, uint64_t index)
{
    static struct rtd_decoder d;
    struct rtd_err err = {0};
    struct rtd_decoded out = {0};
    const uint8_t types[PREFIX] = {0};
    const struct rtd_source one = {source, types, PREFIX, index, &out};
    struct rtd_sources list = {.source = &one, .n = 1, .threads = 1};
    assert_int_equal(rtd_decode_texts(&d, &list, net, 0, tok, o, &err), RTD_OK);
    rtd_decoder_free(&d);
    return out;
}

/* What is written together is what is written alone, to the bit. */
static void together_as_alone(void **state)
{
    (void)state;
    enum { TEXTS = 200, LONGEST = 12 };
    static const struct rtd_decoding how[] = {
        {.beams = 1, .most = 11},
        {.beams = 5, .most = 8, .length_penalty = 1, .no_repeat = 2},
        {.beams = 64, .most = 5, .length_penalty = 0.5},
        {.sample = true, .most = 9, .top_p = 0.9, .temperature = 1, .seed = 3},
    };
    static struct rtd_decoder d, other;
    static int32_t ids[TEXTS][LONGEST];
    static const uint8_t types[LONGEST];
    struct rtd_source list[TEXTS];
    struct rtd_decoded out[TEXTS], alone;
    struct rtd_err err = {0};
    for (size_t h = 0; h < sizeof how / sizeof how[0]; h++) {
        size_t lengths[20] = {0}, kinds = 0;
        for (size_t i = 0; i < TEXTS; i++) {
            size_t n = 3 + rtd_below(rtd_rand32(7, 0, 0, 0, i, 0), LONGEST - 2);
            for (size_t k = 0; k < n; k++)
                ids[i][k] =
                    k == 0 ? 2
                    : k < n - 1
                        ? 5 + (int32_t)rtd_below(rtd_rand32(7, 0, 0, 0, i, 1 + (uint32_t)k), 30)
                        : SEP;
            out[i] = (struct rtd_decoded){0};
            list[i] = (struct rtd_source){ids[i], types, n, i, &out[i]};
        }
        struct rtd_sources all = {.source = list, .n = TEXTS, .threads = 1};
        assert_int_equal(rtd_decode_texts(&d, &all, net, 0, tok, &how[h], &err), RTD_OK);
        for (size_t i = 0; i < TEXTS; i++) {
            struct rtd_source one = list[i];
            struct rtd_sources single = {.source = &one, .n = 1, .threads = 1};
            alone = (struct rtd_decoded){0};
            one.out = &alone;
            assert_int_equal(rtd_decode_texts(&other, &single, net, 0, tok, &how[h], &err), RTD_OK);
            assert_int_equal(alone.n, out[i].n);
            assert_memory_equal(alone.ids, out[i].ids, alone.n * sizeof *alone.ids);
            assert_memory_equal(&alone.score, &out[i].score, sizeof alone.score);
            kinds += lengths[alone.n]++ == 0;
            free(alone.ids);
            free(out[i].ids);
        }
        assert_true(kinds > 1); /* they do not all end at once */
        rtd_decoder_free(&d);
        rtd_decoder_free(&other);
    }
}

/* The best text that begins with what was written so far and has at most `most` pieces. */
static double best_of_all(int32_t *written, uint32_t n, uint32_t most, double sum)
{
    double p[VOCAB], best;
    next(written, n, 1, p);
    best = sum + p[SEP];
    for (int32_t v = 0; v < VOCAB; v++) {
        if (!(p[v] > -INFINITY) || v == SEP)
            continue;
        written[n] = v;
        best =
            fmax(best, n + 1 < most ? best_of_all(written, n + 1, most, sum + p[v]) : sum + p[v]);
    }
    return best;
}

static void the_best_of_all_texts(void **state)
{
    (void)state;
    int32_t written[3];
    double best = best_of_all(written, 0, 3, 0);
    struct rtd_decoded out = write(&(struct rtd_decoding){.beams = 64, .most = 3}, 0);
    if (!(fabs(out.score - best) < 1e-5))
        fail_msg("beams of 64: %.8g, the best is %.8g", out.score, best);
    free(out.ids);
}

/* Greedy: the most probable piece each time, and its score by the length penalty. */
static void greedy_step_by_step(void **state)
{
    (void)state;
    static const double penalty[] = {0, 1, 0.6};
    for (int k = 0; k < 3; k++) {
        struct rtd_decoded out =
            write(&(struct rtd_decoding){.beams = 1, .most = 6, .length_penalty = penalty[k]}, 0);
        int32_t written[8];
        uint32_t n = 0;
        double p[VOCAB], sum = 0;
        bool ended = false;
        while (n < 6 && !ended) {
            int best = 0;
            next(written, n, 1, p);
            for (int v = 1; v < VOCAB; v++)
                best = p[v] > p[best] ? v : best;
            sum += p[best];
            ended = best == SEP;
            written[n++] = best;
        }
        assert_true(fabs(out.score - sum / pow(n, penalty[k])) < 1e-5);
        assert_true(out.n <= n - ended);
        assert_memory_equal(out.ids, written, out.n * sizeof *written);
        free(out.ids);
    }
}

/* z of the first pieces drawn against the distribution p (0 where none may be drawn). */
static double distance(const uint64_t *count, const double *p, double draws)
{
    double chi2 = 0, df = -1;
    for (int v = 0; v < VOCAB; v++) {
        if (p[v] == 0)
            assert_int_equal(count[v], 0);
        if (p[v] * draws < 5)
            continue;
        chi2 += pow((double)count[v] - p[v] * draws, 2) / (p[v] * draws);
        df++;
    }
    return (cbrt(chi2 / df) - (1 - 2 / (9 * df))) / sqrt(2 / (9 * df));
}

/* Keep the k largest, then the fewest that have top_p together. */
static void keep(double *p, int k, double top_p)
{
    double kept[VOCAB] = {0}, sum = 0, before = 0;
    for (int n = 0; n < k; n++) {
        int best = 0;
        for (int v = 1; v < VOCAB; v++)
            best = p[v] > p[best] ? v : best;
        kept[best] = p[best];
        sum += p[best];
        p[best] = 0;
    }
    memset(p, 0, VOCAB * sizeof *p);
    for (double total = sum; before < top_p * total;) {
        int best = 0;
        for (int v = 1; v < VOCAB; v++)
            best = kept[v] > kept[best] ? v : best;
        before += p[best] = kept[best];
        kept[best] = 0;
    }
    for (int v = 0; v < VOCAB; v++)
        p[v] /= before;
}

static void draws_follow_their_distribution(void **state)
{
    (void)state;
    enum { DRAWS = 6000 };
    static const struct {
        double temperature, top_p;
        int top_k;
    } ways[] = {{1, 1, 0}, {2.5, 1, 0}, {1, 1, 6}, {2, 0.7, 0}, {2, 0.8, 12}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct rtd_decoding o = {.sample = true,
                                 .most = 1,
                                 .temperature = ways[i].temperature,
                                 .top_p = ways[i].top_p,
                                 .top_k = ways[i].top_k,
                                 .seed = 3};
        uint64_t count[VOCAB] = {0};
        double p[VOCAB];
        for (uint64_t k = 0; k < DRAWS; k++) {
            struct rtd_decoded out = write(&o, k);
            /* a word that would go on is cut by the limit: told by its score */
            count[out.n ? out.ids[0] : SEP]++;
            free(out.ids);
        }
        next(NULL, 0, o.temperature, p);
        for (int v = 0; v < VOCAB; v++)
            p[v] = exp(p[v]);
        keep(p, o.top_k ? o.top_k : VOCAB, o.top_p);
        for (int v = 0; v < VOCAB; v++) { /* first pieces that the model goes on with are cut */
            double then[VOCAB];
            int best = 0;
            if (v == SEP || p[v] == 0)
                continue;
            next(&(int32_t){v}, 1, 1, then);
            for (int u = 1; u < VOCAB; u++)
                best = then[u] > then[best] ? u : best;
            if (goes_on(best)) {
                p[SEP] += p[v];
                p[v] = 0;
            }
        }
        double z = distance(count, p, DRAWS);
        if (!(fabs(z) < 4))
            fail_msg("draws of kind %zu: z = %g", i, z);
    }
}

static void masks_are_filled_by_what_is_most_probable(void **state)
{
    (void)state;
    int32_t ids[8] = {2, 7, 4, 9, 4, 11, 12, SEP}, filled[2], seen = -1, others = 0;
    const uint32_t at[2] = {2, 4};
    const uint8_t types[8] = {0};
    struct rtd_decoder d = {0};
    struct rtd_err err = {0};
    for (int i = 5; i < 35; i++) {
        ids[1] = i;
        ids[6] = 40 - i;
        assert_int_equal(rtd_fill_masks(&d, filled, net, 0, tok, ids, types, 8, at, 2, 0,
                                        &(struct rtd_decoding){.beams = 1}, &err),
                         RTD_OK);
        for (int k = 0; k < 2; k++) {
            float x[VOCAB];
            int best = 5;
            logits_at(ids, 8, 0, at[k], x);
            for (int v = 5; v < VOCAB; v++)
                best = x[v] > x[best] ? v : best;
            assert_int_equal(filled[k], best);
            others += filled[k] != seen;
            seen = filled[k];
        }
    }
    assert_true(others > 10);
    rtd_decoder_free(&d);
}

/* A text of pieces is the same pieces again, whatever they are. */
static void pieces_to_text_and_back(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_tok_settings s;
    struct rtd_tokenizer *big;
    struct rtd_lines l = {0};
    struct rtd_encoding a = {0}, b = {0};
    size_t len, lines = 0;
    char *line;
    rtd_tok_settings_default(&s, false);
    assert_int_equal(
        rtd_tokenizer_load(&big, "tests/golden/tokenizer/bert-base-uncased.txt.zst", &s, &err),
        RTD_OK);
    assert_int_equal(rtd_lines_open(&l, "tests/golden/tokenizer/text.jsonl.zst", 1 << 20, &err),
                     RTD_OK);
    while (!rtd_lines_next(&l, &line, &len, &err) && line) {
        json_t *v = json_loadb(line, len, JSON_DECODE_ANY, NULL);
        const char *text = json_string_value(v);
        if (!text) /* holds a NUL */
            continue;
        assert_int_equal(rtd_tokenizer_encode(big, &a, text, strlen(text), &err), RTD_OK);
        size_t n = 0;
        for (size_t i = 0; i < a.n; i++) /* what was not known cannot come back */
            if (a.ids[i] != rtd_tokenizer_special(big)->unk)
                a.ids[n++] = a.ids[i];
        char *again = rtd_text_of_pieces(big, a.ids, n);
        assert_int_equal(rtd_tokenizer_encode(big, &b, again, strlen(again), &err), RTD_OK);
        if (b.n != n || memcmp(a.ids, b.ids, n * sizeof *a.ids) != 0)
            fail_msg("\"%s\" became \"%s\"", text, again);
        free(again);
        lines++;
        json_decref(v);
    }
    assert_int_equal(err.status, RTD_OK);
    assert_true(lines > 500);
    rtd_lines_close(&l);
    rtd_encoding_free(&a);
    rtd_encoding_free(&b);

    static const char *const texts[][2] = {
        {"The price (in pounds) is 20-25, isn't it?", "the price (in pounds) is 20-25, isn't it?"},
        {"and/or [see: below]; no!", "and/or [see: below]; no!"},
        {"50 % of it", "50% of it"},
        {"\"so\" he said", "\" so \" he said"},
        {"a - b", "a-b"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rtd_encoding e = {0};
        assert_int_equal(rtd_tokenizer_encode(big, &e, texts[i][0], strlen(texts[i][0]), &err), 0);
        char *text = rtd_text_of_pieces(big, e.ids, e.n);
        assert_string_equal(text, texts[i][1]);
        free(text);
        rtd_encoding_free(&e);
    }
    rtd_tokenizer_free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_of_all_texts),
        cmocka_unit_test(greedy_step_by_step),
        cmocka_unit_test(draws_follow_their_distribution),
        cmocka_unit_test(masks_are_filled_by_what_is_most_probable),
        cmocka_unit_test(together_as_alone),
        cmocka_unit_test(pieces_to_text_and_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
