/* rtdtools - MIT licence
 *
 * Decoding: tags against all sequences there are, spans against all spans, windows and their
 * context, token by token against all at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/incremental.h"
#include "model/network.h"
#include "predict/decoding.h"
#include "predict/viterbi.h"
#include "predict/windows.h"
#include "predict/word_pieces.h"

static struct rtd_tokenizer *tok;
static uint32_t drawn;

static double uniform(void)
{
    return rtd_unit(rtd_rand32(3, RTD_RNG_SPLIT, 0, 0, 0, drawn++));
}

static int setup(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_tok_settings s;
    rtd_tok_settings_default(&s, false);
    return rtd_tokenizer_load(&tok, "tests/golden/vocab97.txt", &s, &err);
}

static int teardown(void **state)
{
    (void)state;
    rtd_tokenizer_free(tok);
    return 0;
}

/* --- tags --- */

enum { WORDS = 4, LABELS = 7 };
static char names[9][4] = {"B-x", "B-y", "I-x", "I-y", "O", "E-x", "E-y", "S-x", "S-y"};
static char *const iob[] = {names[0], names[1], names[2], names[3], names[4]};
static char *const bioes[LABELS] = {names[0], names[5], names[6], names[2],
                                    names[4], names[7], names[1]};

static bool valid(char *const *label, const int *tag, size_t n, bool closed)
{
    for (size_t i = 0; i <= n; i++) {
        const char *a = i ? label[tag[i - 1]] : NULL, *b = i < n ? label[tag[i]] : NULL;
        bool open = a && strchr("BI", a[0]), same = a && b && strcmp(a + 1, b + 1) == 0;
        if (b && strchr("IE", b[0]) && !(open && same))
            return false;
        if (closed && open && !(b && strchr("IE", b[0]) && same))
            return false;
    }
    return true;
}

/* The best of all n^WORDS sequences that break no rule. */
static void brute_force(char *const *label, int n, const float *x, bool closed, int *best)
{
    double most = -INFINITY;
    int total = 1;
    for (int w = 0; w < WORDS; w++)
        total *= n;
    for (int code = 0; code < total; code++) {
        int tag[WORDS], c = code;
        double sum = 0;
        for (int w = 0; w < WORDS; w++, c /= n) {
            tag[w] = c % n;
            sum += (double)x[w * n + tag[w]];
        }
        if (valid(label, tag, WORDS, closed) && sum > most) {
            most = sum;
            memcpy(best, tag, sizeof tag);
        }
    }
}

static void one_scheme(char *const *label, int n, bool closed)
{
    struct rtd_err err = {0};
    struct rtd_viterbi v;
    struct rtd_tag_set set;
    assert_int_equal(rtd_tag_set_new(&set, label, n, NULL, &err), RTD_OK);
    assert_int_equal(set.scheme.closed, closed);
    assert_int_equal(rtd_viterbi_new(&v, &set, &err), RTD_OK);
    rtd_tag_set_free(&set);
    for (int round = 0; round < 300; round++) {
        float x[WORDS * LABELS];
        const float *row[WORDS];
        int got[WORDS], want[WORDS];
        for (int i = 0; i < WORDS * n; i++)
            x[i] = (float)(4 * uniform());
        for (int w = 0; w < WORDS; w++)
            row[w] = x + w * n;
        assert_int_equal(rtd_viterbi_run(&v, row, WORDS, got, &err), RTD_OK);
        brute_force(label, n, x, closed, want);
        assert_memory_equal(got, want, sizeof got);
    }
    rtd_viterbi_free(&v);
}

static void best_tags_of_all(void **state)
{
    (void)state;
    one_scheme(iob, 5, false);
    one_scheme(bioes, LABELS, true);
}

/* --- windows --- */

/* Every piece stands in a window, in exactly one of them with most context, at its place. */
static void windows_hold_everything(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_window_options o = {.question = 3, .shared = 4};
    for (int n = 0; n < 40; n++) {
        struct rtd_windows w = {0};
        struct rtd_sequences s;
        char context[100] = "";
        for (int i = 0; i < n; i++)
            strcat(context, i % 3 ? "a " : "b ");
        assert_int_equal(rtd_sequences_init(&s, tok, 16, 2, &err), RTD_OK);
        assert_int_equal(rtd_windows_make(&w, &s, "c d e f g", context, &o, &err), RTD_OK);
        assert_int_equal(w.pieces, n);
        assert_int_equal(s.n, w.n);
        for (uint32_t p = 0; p < (uint32_t)n; p++) {
            int most = 0;
            for (size_t i = 0; i < w.n; i++) {
                const struct rtd_window *k = &w.window[i];
                if (p < k->from || p >= k->from + k->n)
                    continue;
                most += rtd_window_has_most(&w, i, p);
                size_t at = s.start[i] + k->offset + p - k->from;
                assert_string_equal(rtd_tokenizer_piece(tok, s.ids[at]), p % 3 ? "a" : "b");
                assert_int_equal(s.types[at], 1);
            }
            assert_int_equal(most, 1);
            uint32_t first, last;
            assert_true(rtd_windows_pieces(&w, 2 * p, 2 * p + 1, &first, &last));
            assert_true(first == p && last == p);
        }
        rtd_windows_free(&w);
        rtd_sequences_free(&s);
    }
}

static int by_score(const void *a, const void *b)
{
    const struct rtd_span *x = a, *y = b;
    return x->score > y->score ? -1 : x->score < y->score;
}

static void best_spans_of_all(void **state)
{
    (void)state;
    enum { PIECES = 23, LONGEST = 5 };
    struct rtd_window window[3] = {{0, 12, 4}, {8, 12, 4}, {16, 7, 4}};
    struct rtd_windows w = {.window = window, .n = 3, .pieces = PIECES};
    for (int round = 0; round < 200; round++) {
        float x[3][40];
        const float *logits[3] = {x[0], x[1], x[2]};
        struct rtd_span all[23 * LONGEST], found[3];
        struct rtd_spans got = {.best = found, .most = 3};
        double none = INFINITY;
        size_t n = 0;
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 40; k++)
                x[i][k] = (float)uniform();
        for (size_t i = 0; i < 3; i++) {
            none = fmin(none, (double)x[i][0] + (double)x[i][1]);
            for (uint32_t a = 0; a < window[i].n; a++)
                for (uint32_t b = a; b < window[i].n && b < a + LONGEST; b++)
                    if (rtd_window_has_most(&w, i, window[i].from + a))
                        all[n++] = (struct rtd_span){window[i].from + a, window[i].from + b,
                                                     (double)x[i][2 * (4 + a)] +
                                                         (double)x[i][2 * (4 + b) + 1]};
        }
        qsort(all, n, sizeof *all, by_score);
        rtd_best_spans(&got, &w, logits, LONGEST);
        assert_true(got.n == 3 && got.no_answer == none);
        for (int k = 0; k < 3; k++)
            assert_true(found[k].first == all[k].first && found[k].last == all[k].last &&
                        found[k].score == all[k].score);
        assert_true(fabs(rtd_no_answer_probability(&got) - 1 / (1 + exp(all[0].score - none))) <
                    1e-12);
    }
}

/* Long sentences: every word is spoken for by a token with its own id, away from the edges of a
 * window where another window has it, too. */
static void long_sentences(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_word_pieces w = {0};
    struct rtd_sequences s;
    assert_int_equal(rtd_sequences_init(&s, tok, 18, 2, &err), RTD_OK);
    static const char *const words[] = {"a", "b", "c", "d", "\x01", "the"};
    for (int i = 0; i < 100; i++)
        assert_int_equal(rtd_word_pieces_add(&w, tok, words[i % 6], &err), RTD_OK);
    assert_int_equal(rtd_word_pieces_add_sequences(&w, &s, &err), RTD_OK);
    assert_true(s.n > 6 && s.longest <= 18);
    for (size_t i = 0; i < w.n; i++) {
        size_t q = 0;
        while (s.start[q + 1] <= w.token[i])
            q++;
        assert_int_equal(s.ids[w.token[i]], w.ids[w.first[i]]);
        size_t left = w.token[i] - s.start[q] - 1, right = s.start[q + 1] - 2 - w.token[i];
        assert_true(q == 0 || left >= 2);
        assert_true(q == s.n - 1 || right >= 1);
    }
    rtd_word_pieces_free(&w);
    rtd_sequences_free(&s);
}

/* --- token by token --- */

static struct rtd_network *random_network(int embedding)
{
    struct rtd_err err = {0};
    struct rtd_config c;
    struct rtd_network *net;
    struct rtd_head_spec spec = {.task = RTD_TASK_GENERATE, .name = "generate", .texts = 1};
    rtd_config_init(&c);
    c.vocab_size = 97;
    c.embedding_size = embedding;
    c.hidden_size = 24;
    c.num_hidden_layers = 3;
    c.num_attention_heads = 4;
    c.intermediate_size = 40;
    c.max_position_embeddings = 32;
    assert_int_equal(rtd_head_specs_store(&c, &spec, 1, &err), RTD_OK);
    assert_int_equal(rtd_network_new(&net, &c, false, &err), RTD_OK);
    rtd_params_init(&net->params, 7, 0.3);
    rtd_config_free(&c);
    return net;
}

/* Hidden states of a whole sequence under the prefix mask. */
static void whole(const struct rtd_network *net, const int32_t *ids, const uint8_t *types,
                  uint32_t n, uint32_t prefix, float *hidden)
{
    struct rtd_err err = {0};
    const uint32_t start[2] = {0, n};
    const uint64_t index = 0;
    struct rtd_tokens t = {1, start, ids, types, &index, &prefix};
    struct rtd_arena arena = {0};
    struct rtd_acts *acts = malloc(sizeof *acts);
    rtd_acts_take(acts, &arena, &net->enc, &t, false);
    assert_int_equal(rtd_arena_init(&arena, arena.peak, &err), RTD_OK);
    rtd_acts_take(acts, &arena, &net->enc, &t, false);
    rtd_encoder_forward(&net->enc, net->params.w, &t, acts, NULL);
    memcpy(hidden, acts->out, n * net->enc.h * sizeof *hidden);
    rtd_arena_free(&arena);
    free(acts);
}

static void close_to(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-5f))
            fail_msg("%.8g, not %.8g", (double)a[i], (double)b[i]);
}

/* Three targets behind one source and two behind another, changing places on the way; the second
 * source is shorter and begins later. */
static void step_by_step(void **state)
{
    (void)state;
    enum { CACHES = 2, STEPS = 10, BEAMS = 3, H = 24, LATER = 4, ALL = 9 + STEPS };
    static const uint32_t prefix[CACHES] = {9, 4};
    static const size_t beams[CACHES] = {BEAMS, 2};
    for (int embedding = 12; embedding <= H; embedding += 12) {
        struct rtd_network *net = random_network(embedding);
        struct rtd_err err = {0};
        struct rtd_cache cache[CACHES] = {0};
        struct rtd_cache *const both[CACHES] = {&cache[0], &cache[1]};
        struct rtd_arena work = {0};
        int32_t ids[CACHES][BEAMS][ALL], next[CACHES * BEAMS], kept[BEAMS][ALL];
        uint8_t types[CACHES][ALL];
        float want[ALL * H], got[CACHES * BEAMS * H];
        for (int c = 0; c < CACHES; c++)
            for (uint32_t i = 0; i < ALL; i++)
                types[c][i] = i >= prefix[c];
        for (uint32_t t = 0; t < STEPS; t++) {
            size_t n = t < LATER ? 1 : CACHES, rows = 0;
            for (size_t c = t ? 1 : 0; t % LATER == 0 && c < n && t <= LATER; c++) {
                for (int b = 0; b < BEAMS; b++)
                    for (int i = 0; i < ALL; i++)
                        ids[c][b][i] = 5 + i + 20 * (int)c;
                assert_int_equal(rtd_cache_start(&cache[c], &net->enc, net->params.w, ids[c][0],
                                                 types[c], prefix[c], beams[c], STEPS, got, &work,
                                                 &err),
                                 RTD_OK);
                whole(net, ids[c][0], types[c], prefix[c], prefix[c], want);
                close_to(got, want + (prefix[c] - 1) * H, H);
            }
            for (size_t c = 0; c < n; c++) {
                int m = (int)beams[c], from[BEAMS] = {(int)t % m, m - 1, ((int)t + 1) % m};
                if (cache[c].steps) {
                    memcpy(kept, ids[c], sizeof kept);
                    for (size_t b = 0; b < beams[c]; b++)
                        memcpy(ids[c][b], kept[from[b]], sizeof kept[0]);
                    rtd_cache_reorder(&cache[c], from, beams[c]);
                }
                for (size_t b = 0; b < beams[c]; b++)
                    next[rows++] = ids[c][b][prefix[c] + cache[c].steps] =
                        (int32_t)(5 + uniform() * 90);
            }
            assert_int_equal(
                rtd_cache_step(both, beams, n, net->params.w, next, 1, got, &work, &err), RTD_OK);
            rows = 0;
            for (size_t c = 0; c < n; c++)
                for (size_t b = 0; b < beams[c]; b++) {
                    uint32_t length = prefix[c] + (uint32_t)cache[c].steps;
                    whole(net, ids[c][b], types[c], length, prefix[c], want);
                    close_to(got + rows++ * H, want + (length - 1) * H, H);
                }
        }
        for (int c = 0; c < CACHES; c++)
            rtd_cache_free(&cache[c]);
        rtd_arena_free(&work);
        rtd_network_free(net);
    }
}

/* The mask: a source does not see its target, a target not what follows; bytes. */
static void causality(void **state)
{
    (void)state;
    enum { PREFIX = 6, ALL = 12, H = 24 };
    struct rtd_network *net = random_network(H);
    int32_t ids[ALL];
    uint8_t types[ALL] = {0};
    float a[ALL * H], b[ALL * H];
    for (int i = 0; i < ALL; i++)
        ids[i] = 10 + i;
    whole(net, ids, types, ALL, PREFIX, a);
    for (int changed = PREFIX; changed < ALL; changed++) {
        ids[changed] += 40;
        whole(net, ids, types, ALL, PREFIX, b);
        ids[changed] -= 40;
        assert_memory_equal(a, b, (size_t)changed * H * sizeof *a);
        assert_memory_not_equal(a + changed * H, b + changed * H, H * sizeof *a);
    }
    ids[PREFIX - 1] += 40; /* a source sees all of itself */
    whole(net, ids, types, ALL, PREFIX, b);
    assert_memory_not_equal(a, b, H * sizeof *a);
    rtd_network_free(net);
}

/* A wide enough beam finds the most probable text of all short ones. */
static void beams_search(void **state)
{
    (void)state;
    struct rtd_network *net = random_network(24);
    struct rtd_err err = {0};
    struct rtd_decoder d = {0};
    const int32_t ids[] = {2, 7, 8, 9, 3};
    const uint8_t types[5] = {0};
    struct rtd_decoded out = {0};
    const struct rtd_source one = {ids, types, 5, 0, &out};
    double last = -INFINITY;
    static const int beams[] = {1, 4, 32};
    for (int i = 0; i < 3; i++) {
        struct rtd_decoding o = {.beams = beams[i], .most = 3, .top_p = 1, .temperature = 1};
        struct rtd_sources list = {.source = &one, .n = 1, .threads = 1};
        assert_int_equal(rtd_decode_texts(&d, &list, net, 0, tok, &o, &err), RTD_OK);
        assert_true(out.score >= last - 1e-9);
        last = out.score;
        for (size_t k = 0; k < out.n; k++)
            assert_true(out.ids[k] > 4);
        assert_true(out.n == 0 || strncmp(rtd_tokenizer_piece(tok, out.ids[0]), "##", 2) != 0);
        free(out.ids);
    }
    struct rtd_decoding o = {.beams = 2, .most = 20, .no_repeat = 1, .least = 6};
    struct rtd_sources list = {.source = &one, .n = 1, .threads = 1};
    assert_int_equal(rtd_decode_texts(&d, &list, net, 0, tok, &o, &err), RTD_OK);
    for (size_t i = 0; i < out.n; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(out.ids[i], out.ids[k]);
    assert_true(out.n >= 5); /* the limit may have cut a word */
    free(out.ids);
    rtd_decoder_free(&d);
    rtd_network_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(best_tags_of_all),  cmocka_unit_test(windows_hold_everything),
        cmocka_unit_test(best_spans_of_all), cmocka_unit_test(long_sentences),
        cmocka_unit_test(step_by_step),      cmocka_unit_test(causality),
        cmocka_unit_test(beams_search),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
