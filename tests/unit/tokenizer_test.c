/* rtdtools - MIT licence
 *
 * The tokeniser against the reference's ids, its settings one by one, offsets, rubbish as text and
 * rubbish as vocabulary. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "text/charmap.h"
#include "text/tokenizer.h"

#define GOLDEN "tests/golden/tokenizer/"

static char path_buf[2][512];

/* A file of the large reference data, or NULL. */
static const char *shared(int k, const char *fmt, const char *a, const char *b)
{
    const char *dir = getenv("SHARED");
    int n = snprintf(path_buf[k], sizeof path_buf[k], "%s/", dir && *dir ? dir : "../shared");
    snprintf(path_buf[k] + n, sizeof path_buf[k] - (size_t)n, fmt, a, b);
    return rtd_exists(path_buf[k]) ? path_buf[k] : NULL;
}

static struct rtd_tokenizer *load(const char *path, const struct rtd_tok_settings *s)
{
    struct rtd_err err = {0};
    struct rtd_tokenizer *t;
    if (rtd_tokenizer_load(&t, path, s, &err))
        fail_msg("%s", err.text);
    return t;
}

/* One JSON value a line; the lines of the file. */
static json_t *read_lines(const char *path)
{
    struct rtd_err err = {0};
    struct rtd_lines l = {0};
    json_t *all = json_array();
    char *line;
    size_t len;
    if (rtd_lines_open(&l, path, 1 << 20, &err))
        fail_msg("%s", err.text);
    while (!rtd_lines_next(&l, &line, &len, &err) && line) {
        json_t *v = json_loadb(line, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(v);
        json_array_append_new(all, v);
    }
    assert_int_equal(err.status, 0);
    rtd_lines_close(&l);
    return all;
}

static void encode(const struct rtd_tokenizer *t, struct rtd_encoding *e, const char *s, size_t n)
{
    struct rtd_err err = {0};
    if (rtd_tokenizer_encode(t, e, s, n, &err))
        fail_msg("%s", err.text);
}

/* Begins and ends inside the text and never going back, words counting up by one; begin <= end,
 * and no letter of the text outside all pieces. */
static void check_offsets(const struct rtd_encoding *e, const char *s, size_t n)
{
    size_t covered = 0;
    for (size_t i = 0; i < e->n; i++) {
        assert_true(e->begin[i] < e->end[i] && e->end[i] <= n);
        if (i) {
            assert_true(e->begin[i] >= e->begin[i - 1] && e->end[i] >= e->end[i - 1]);
            assert_true(e->word[i] == e->word[i - 1] || e->word[i] == e->word[i - 1] + 1);
        } else {
            assert_int_equal(e->word[0], 0);
        }
        for (; covered < e->begin[i]; covered++)
            assert_true((unsigned char)s[covered] <= ' ' || (unsigned char)s[covered] >= 0x7F);
        if (covered < e->end[i])
            covered = e->end[i];
    }
    for (; covered < n; covered++)
        assert_true((unsigned char)s[covered] <= ' ' || (unsigned char)s[covered] >= 0x7F);
}

static bool same_ids(const struct rtd_encoding *e, const json_t *ids)
{
    if (json_array_size(ids) != e->n)
        return false;
    for (size_t i = 0; i < e->n; i++)
        if (json_integer_value(json_array_get(ids, i)) != e->ids[i])
            return false;
    return true;
}

/* Code points whose properties changed, or came, after the tables of the reference (Unicode 8):
 * what stands for them here is seen by us as they are by the reference. */
static const struct {
    uint32_t cp, as;
    const char *why;
} newer[] = {
    {0x08D5, 0x0378, "Mn since 9.0, unassigned before"},
    {0x09FD, 0x0378, "Po since 10.0"},
    {0x0AFC, 0x0378, "Mn since 10.0"},
    {0x1B7E, 0x0378, "Po since 14.0"},
    {0x2E46, 0x0378, "Po since 10.0"},
    {0x2E4C, 0x0378, "Po since 11.0"},
    {0x2E4D, 0x0378, "Po since 11.0"},
    {0x2E52, 0x0378, "Po since 13.0"},
    {0x2E55, 0x0378, "Ps since 14.0"},
    {0x2E5B, 0x0378, "Ps since 14.0"},
    {0x166D, 0x1400, "So since 12.0, punctuation before"},
};

static size_t as_reference_sees(char *out, const char *s, size_t n)
{
    size_t o = 0;
    for (const char *p = s, *end = s + n; p < end;) {
        uint32_t cp = 0;
        int k = rtd_utf8_step((const unsigned char *)p, (size_t)(end - p), &cp);
        assert_true(k > 0);
        for (size_t i = 0; i < sizeof newer / sizeof *newer; i++)
            if (newer[i].cp == cp)
                cp = newer[i].as;
        o += rtd_utf8_encode(out + o, cp);
        p += k;
    }
    return o;
}

/* Every line of a golden file; the number of lines that needed explaining. */
static int compare(const struct rtd_tokenizer *t, const char *text_path, const char *ids_path,
                   size_t lines, bool explain)
{
    json_t *text = read_lines(text_path), *ids = read_lines(ids_path);
    struct rtd_encoding e = {0};
    int explained = 0;

    assert_int_equal(json_array_size(text), lines);
    assert_int_equal(json_array_size(ids), lines);
    for (size_t i = 0; i < lines; i++) {
        const json_t *s = json_array_get(text, i);
        size_t n = json_string_length(s);
        encode(t, &e, json_string_value(s), n);
        check_offsets(&e, json_string_value(s), n);
        if (same_ids(&e, json_array_get(ids, i)))
            continue;
        if (explain) {
            char *other = malloc(2 * n + 8);
            n = as_reference_sees(other, json_string_value(s), n);
            encode(t, &e, other, n);
            free(other);
            explained++;
        }
        if (!explain || !same_ids(&e, json_array_get(ids, i)))
            fail_msg("%s: line %zu differs", ids_path, i + 1);
    }
    rtd_encoding_free(&e);
    json_decref(text);
    json_decref(ids);
    return explained;
}

static void golden_uncased(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    rtd_tok_settings_default(&s, false);
    struct rtd_tokenizer *t = load(GOLDEN "bert-base-uncased.txt.zst", &s);
    assert_int_equal(rtd_tokenizer_size(t), 30522);
    compare(t, GOLDEN "text.jsonl.zst", GOLDEN "text.uncased.jsonl.zst", 1593, false);
    assert_int_equal(
        compare(t, GOLDEN "random.jsonl.zst", GOLDEN "random.uncased.jsonl.zst", 400, true), 10);
    rtd_tokenizer_free(t);
}

static void golden_special_tokens(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    struct rtd_lines l = {0};
    struct rtd_err err = {0};
    struct rtd_encoding e = {0};
    char *line;
    size_t len;
    int lines = 0;

    rtd_tok_settings_default(&s, false);
    s.special_tokens = true;
    struct rtd_tokenizer *t = load(GOLDEN "bert-base-uncased.txt.zst", &s);
    json_t *text = read_lines(GOLDEN "text.jsonl.zst");
    assert_int_equal(rtd_lines_open(&l, GOLDEN "special-tokens.tsv", 1 << 20, &err), 0);
    for (; !rtd_lines_next(&l, &line, &len, &err) && line; lines++) {
        char *tab = strchr(line, '\t');
        assert_non_null(tab);
        const json_t *v = json_array_get(text, strtoul(line, NULL, 10));
        json_t *ids = json_loads(tab + 1, 0, NULL);
        encode(t, &e, json_string_value(v), json_string_length(v));
        assert_true(same_ids(&e, ids));
        json_decref(ids);
    }
    assert_true(lines > 0);
    encode(t, &e, "a[SEP][MASK]b [sep]", 19);
    assert_int_equal(e.ids[1], 102);
    assert_int_equal(e.ids[2], 103);
    assert_int_equal(e.n, 7); /* a [SEP] [MASK] b [ sep ] */
    assert_int_equal(e.begin[2], 6);
    assert_int_equal(e.end[2], 12);
    check_offsets(&e, "a[SEP][MASK]b [sep]", 19);
    rtd_lines_close(&l);
    rtd_encoding_free(&e);
    json_decref(text);
    rtd_tokenizer_free(t);
}

static void golden_shared(void **state)
{
    (void)state;
    static const char *const name[] = {"uncased", "cased", "multilingual-cased", "chinese"};
    const char *text, *ids;
    struct rtd_tok_settings s;
    if (!shared(0, "golden/tokenizer/text.jsonl", "", ""))
        skip(); /* golden/tokenizer is not there */
    for (int i = 0; i < 4; i++) {
        rtd_tok_settings_default(&s, i > 0);
        struct rtd_tokenizer *t =
            load(shared(0, "data/vocab/bert-base-%s.txt.zst", name[i], ""), &s);
        text = shared(0, "golden/tokenizer/text.jsonl", "", "");
        ids = shared(1, "golden/tokenizer/text.%s.jsonl", name[i], "");
        assert_non_null(ids);
        compare(t, text, ids, 1593, false);
        text = shared(0, "golden/tokenizer/random.jsonl", "", "");
        ids = shared(1, "golden/tokenizer/random.%s.jsonl", name[i], "");
        assert_non_null(ids);
        assert_int_equal(compare(t, text, ids, 400, true), i ? 8 : 10);
        rtd_tokenizer_free(t);
    }
    rtd_tok_settings_default(&s, false);
    s.special_tokens = true;
    struct rtd_tokenizer *t = load(shared(0, "data/vocab/bert-base-uncased.txt.zst", "", ""), &s);
    text = shared(0, "golden/tokenizer/text.jsonl", "", "");
    ids = shared(1, "golden/tokenizer/text.uncased-special-tokens.jsonl", "", "");
    compare(t, text, ids, 1593, false);
    rtd_tokenizer_free(t);
}

/* --- settings, on a small vocabulary --------------------------------------------------------- */

#define SPECIAL "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

static struct rtd_tokenizer *small(const char *pieces, const struct rtd_tok_settings *s)
{
    char text[4096];
    struct rtd_err err = {0};
    struct rtd_tokenizer *t;
    snprintf(text, sizeof text, SPECIAL "%s", pieces);
    if (rtd_tokenizer_new(&t, text, strlen(text), "v", s, &err))
        fail_msg("%s", err.text);
    return t;
}

/* The pieces of text, joined by blanks. */
static const char *pieces(const char *vocab, const struct rtd_tok_settings *s, const char *text)
{
    static char out[4096];
    struct rtd_tokenizer *t = small(vocab, s);
    struct rtd_encoding e = {0};
    size_t n = 0;
    encode(t, &e, text, strlen(text));
    check_offsets(&e, text, strlen(text));
    out[0] = 0;
    for (size_t i = 0; i < e.n; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", i ? " " : "",
                              rtd_tokenizer_piece(t, e.ids[i]));
    rtd_encoding_free(&e);
    rtd_tokenizer_free(t);
    return out;
}

static void greedy_longest_match(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    rtd_tok_settings_default(&s, false);
    const char *v = "un\n##aff\n##able\n##a\nunaf\n#\n##\nab\n##b\n##c\n##cd\n";
    assert_string_equal(pieces(v, &s, "unaffable"), "[UNK]"); /* unaf + fable: no way back */
    assert_string_equal(pieces(v, &s, "un unable"), "un un ##able");
    assert_string_equal(pieces(v, &s, "abc abcd abce"), "ab ##c ab ##cd [UNK]");
    assert_string_equal(pieces(v, &s, "##aff #"), "# # [UNK] #");
    assert_string_equal(pieces(v, &s, ""), "");
    assert_string_equal(pieces(v, &s, " \t\r\n "), "");
    assert_string_equal(pieces("ab\n", &s, "ab abb"), "ab [UNK]"); /* no ## at all */
}

static void longest_word(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    char text[512] = "";
    rtd_tok_settings_default(&s, false);
    s.max_word = 5;
    assert_string_equal(pieces("a\n##a\n", &s, "aaaaa aaaaaa"), "a ##a ##a ##a ##a [UNK]");
    /* characters are counted, not bytes, and after normalisation */
    assert_string_equal(pieces("ж\n##ж\n", &s, "жжжжж жжжжжж"), "ж ##ж ##ж ##ж ##ж [UNK]");
    assert_string_equal(pieces("a\n##a\n", &s, "áááaa"), "a ##a ##a ##a ##a");
    s.max_word = 100;
    memset(text, 'a', 100);
    assert_int_equal(strncmp(pieces("a\n##a\n", &s, text), "a ##a", 5), 0);
    text[100] = 'a';
    assert_string_equal(pieces("a\n##a\n", &s, text), "[UNK]");
}

#define SYLLABLE "\xEA\xB0\x80"         /* U+AC00 */
#define JAMO "\xE1\x84\x80\xE1\x85\xA1" /* U+1100 U+1161 */

static void case_and_accents(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    const char *v = "cafe\nCafe\nCafé\ncafé\ni\ni̇\nı\nß\nσας\nσασ\n" SYLLABLE "\n" JAMO "\n";
    rtd_tok_settings_default(&s, false);
    assert_string_equal(pieces(v, &s, "Café CAFE\xCC\x81 Cafe"), "cafe cafe cafe");
    assert_string_equal(pieces(v, &s, "İ I ẞ ı"), "i i ß ı");
    assert_string_equal(pieces(v, &s, "ΣΑΣ"), "σασ"); /* no final sigma */
    assert_string_equal(pieces(v, &s, SYLLABLE), JAMO);
    s.strip_accents = false;
    assert_string_equal(pieces(v, &s, "Café Cafe"), "café cafe");
    assert_string_equal(pieces(v, &s, "İ"), "i̇");
    assert_string_equal(pieces(v, &s, SYLLABLE), SYLLABLE);
    s.lower_case = false;
    assert_string_equal(pieces(v, &s, "Café Cafe İ"), "Café Cafe [UNK]");
    s.strip_accents = true;
    assert_string_equal(pieces(v, &s, "Café Cafe İ"), "Cafe Cafe [UNK]");
}

static void cleaning_and_splitting(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    const char *v = "a\nb\nab\n中\n##中\n##b\n.\n$\n「\n";
    rtd_tok_settings_default(&s, false);
    /* controls, U+FFFD, U+200B, U+00AD, private use vanish; white space of all kinds splits */
    assert_string_equal(pieces(v, &s,
                               "a\x01"
                               "b a\xEF\xBF\xBD"
                               "b a\xE2\x80\x8B"
                               "b a\xC2\xAD"
                               "b a\xEE\x80\x80"
                               "b"),
                        "ab ab ab ab ab");
    assert_string_equal(pieces(v, &s,
                               "a\xC2\xA0"
                               "b\xE2\x80\xA8"
                               "a\xE3\x80\x80"
                               "b\ta\nb\ra"),
                        "a b a b a b a");
    assert_string_equal(pieces(v, &s,
                               "a\x0B"
                               "b\x0C\x7F\xC2\x85"),
                        "ab");
    assert_string_equal(pieces(v, &s, "a.b$$「a"), "a . b $ $ 「 a");
    assert_string_equal(pieces(v, &s, "a中b中中"), "a 中 b 中 中");
    /* broken UTF-8 is dropped: a lone byte, a cut sequence, an overlong form, a surrogate */
    assert_string_equal(pieces(v, &s,
                               "a\xFF"
                               "b a\xE4\xB8"
                               "b a\xC0\x80"
                               "b a\xED\xA0\x80"
                               "b"),
                        "ab ab ab ab");
    /* the reference's sixth block begins at U+2B920, BERT's own at U+2B820 */
    assert_string_equal(pieces("a\n", &s,
                               "a\xF0\xAB\xA0\xA0"
                               "a"),
                        "[UNK]");
    assert_string_equal(pieces("a\n", &s,
                               "a\xF0\xAB\xA4\xA0"
                               "a"),
                        "a [UNK] a");
    s.chinese = false;
    assert_string_equal(pieces(v, &s, "中中 a中"), "中 ##中 a ##中");
}

/* Marks that stay are put into canonical order: U+302E (class 224, Mc) after U+093E's kin. */
static void canonical_order(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    rtd_tok_settings_default(&s, false);
    /* U+1D165 (class 216), U+302E (class 224): both spacing marks, so both stay */
    const char *v = "a\xF0\x9D\x85\xA5\xE3\x80\xAE\na\xE3\x80\xAE\xF0\x9D\x85\xA5\n";
    const char *ordered = "a\xF0\x9D\x85\xA5\xE3\x80\xAE";
    assert_string_equal(pieces(v, &s, ordered), ordered);
    assert_string_equal(pieces(v, &s, "a\xE3\x80\xAE\xF0\x9D\x85\xA5"), ordered);
    /* with an accent that goes between them */
    assert_string_equal(pieces(v, &s, "a\xE3\x80\xAE\xCC\x81\xF0\x9D\x85\xA5"), ordered);
    /* a mark of class 0 that goes (U+0901) ends the run */
    assert_string_equal(pieces(v, &s, "a\xE3\x80\xAE\xE0\xA4\x81\xF0\x9D\x85\xA5"),
                        "a\xE3\x80\xAE\xF0\x9D\x85\xA5");
    s.strip_accents = false;
    assert_string_equal(pieces(v, &s, "a\xE3\x80\xAE\xF0\x9D\x85\xA5"),
                        "a\xE3\x80\xAE\xF0\x9D\x85\xA5");
}

static void offsets_of_pieces(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    struct rtd_encoding e = {0};
    rtd_tok_settings_default(&s, false);
    struct rtd_tokenizer *t = small("un\n##cafe\n##s\n,\n中\n", &s);
    /*                  0123 45 67 8                                    */
    const char *text = " UNcaf\xC3\xA9s,\xE4\xB8\xAD x\xCC\x81y";
    encode(t, &e, text, strlen(text));
    static const struct {
        const char *piece;
        uint32_t begin, end, word;
    } want[] = {{"un", 1, 3, 0}, {"##cafe", 3, 8, 0}, {"##s", 8, 9, 0},
                {",", 9, 10, 1}, {"中", 10, 13, 2},   {"[UNK]", 14, 18, 3}};
    assert_int_equal(e.n, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(rtd_tokenizer_piece(t, e.ids[i]), want[i].piece);
        assert_int_equal(e.begin[i], want[i].begin);
        assert_int_equal(e.end[i], want[i].end);
        assert_int_equal(e.word[i], want[i].word);
    }
    encode(t, &e, " uncafes", 8);
    assert_int_equal(e.n, 3);
    for (size_t i = 0; i < 3; i++) {
        static const uint32_t at[] = {1, 3, 7, 8};
        assert_int_equal(e.begin[i], at[i]);
        assert_int_equal(e.end[i], at[i + 1]);
    }
    /* an accent written after its letter belongs to the letter's piece */
    encode(t, &e, "uncafe\xCC\x81s", 9);
    assert_int_equal(e.n, 3);
    assert_int_equal(e.end[1], 8);
    assert_int_equal(e.begin[2], 8);
    rtd_encoding_free(&e);
    rtd_tokenizer_free(t);
}

/* --- robustness ------------------------------------------------------------------------------ */

/* Any bytes, long and short, through every setting: offsets hold, and a working memory used before
 * by another tokeniser gives the ids of a fresh one. */
static void random_bytes(void **state)
{
    (void)state;
    static const char *const bits[] = {"the ",
                                       "Ünïcode",
                                       "\xCC\x81",
                                       "中文",
                                       "가각",
                                       ".",
                                       "\xE3\x80\xAE",
                                       "\xF0\x9D\x85\x9F",
                                       "≠",
                                       "İ",
                                       "[SEP]",
                                       "\xE0\xA4\x81",
                                       "≮x",
                                       "\xEF\xBF\xBD",
                                       "abcdefghijklmnopqrstuvwxyz",
                                       "\xE2\x80\x8D"};
    struct rtd_encoding used = {0};
    static char text[6000];
    for (unsigned set = 0; set < 16; set++) {
        struct rtd_tok_settings s = {.lower_case = set & 1,
                                     .strip_accents = set >> 1 & 1,
                                     .chinese = set >> 2 & 1,
                                     .special_tokens = set >> 3,
                                     .max_word = set & 1 ? 100 : 3};
        struct rtd_tokenizer *t =
            small("the\nun\nu\n##n\n##i\n##code\na\n##b\n##c\n中\n##文\n.\n", &s);
        for (unsigned round = 0; round < 60; round++) {
            struct rtd_encoding fresh = {0};
            size_t n = 0, want = rtd_rand32(7, RTD_RNG_SPLIT, 0, 0, round, set) % 5000;
            for (unsigned i = 0; n < want; i++) {
                uint32_t r = rtd_rand32(8, RTD_RNG_SPLIT, 0, set, round, i);
                if (r & 1 || round % 3 == 0) {
                    text[n++] = (char)(r >> 8);
                } else {
                    const char *b = bits[(r >> 8) % (sizeof bits / sizeof *bits)];
                    memcpy(text + n, b, strlen(b));
                    n += strlen(b);
                }
            }
            /* in a block of its own size, so that a sanitizer sees a byte too far */
            char *copy = malloc(n + 1);
            memcpy(copy, text, n);
            copy = realloc(copy, n ? n : 1);
            encode(t, &fresh, copy, n);
            check_offsets(&fresh, copy, n);
            encode(t, &used, copy, n);
            assert_int_equal(used.n, fresh.n);
            if (fresh.n) {
                assert_memory_equal(used.ids, fresh.ids, fresh.n * sizeof *fresh.ids);
                assert_memory_equal(used.begin, fresh.begin, fresh.n * sizeof *fresh.begin);
                assert_memory_equal(used.end, fresh.end, fresh.n * sizeof *fresh.end);
                assert_memory_equal(used.word, fresh.word, fresh.n * sizeof *fresh.word);
            }
            free(copy);
            rtd_encoding_free(&fresh);
        }
        rtd_tokenizer_free(t);
    }
    rtd_encoding_free(&used);
}

/* What one tokeniser left in the working memory is not taken for another's. */
static void caches_are_kept_apart(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    struct rtd_encoding e = {0};
    rtd_tok_settings_default(&s, false);
    struct rtd_tokenizer *a = small("ab\n", &s), *b = small("x\nab\n", &s);
    s.max_word = 1;
    struct rtd_tokenizer *c = small("ab\n", &s);
    const struct {
        const struct rtd_tokenizer *t;
        int32_t id;
    } run[] = {{a, 5}, {b, 6}, {a, 5}, {c, 1}, {a, 5}};
    for (size_t i = 0; i < sizeof run / sizeof *run; i++) {
        encode(run[i].t, &e, "ab", 2);
        assert_int_equal(e.ids[0], run[i].id);
    }
    rtd_encoding_free(&e);
    rtd_tokenizer_free(a);
    rtd_tokenizer_free(b);
    rtd_tokenizer_free(c);
}

/* A word far longer than any buffer, and more words than a batch. */
static void large_inputs(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    struct rtd_encoding e = {0};
    size_t n = 1 << 20;
    char *text = malloc(n);
    rtd_tok_settings_default(&s, false);
    struct rtd_tokenizer *t = small("a\n##a\n,\n", &s);
    memset(text, 'A', n);
    encode(t, &e, text, n);
    assert_int_equal(e.n, 1);
    assert_int_equal(e.end[0], n);
    for (size_t i = 0; i < n; i += 2)
        text[i] = ',';
    encode(t, &e, text, n);
    assert_int_equal(e.n, n);
    assert_int_equal(e.word[n - 1], n - 1);
    for (size_t i = 0; i + 1 < n; i += 2) { /* every letter with an accent */
        text[i] = (char)0xC3;
        text[i + 1] = (char)0xA1;
    }
    encode(t, &e, text, n);
    assert_int_equal(e.n, 1);
    rtd_encoding_free(&e);
    rtd_tokenizer_free(t);
    free(text);
}

static void bad_vocabularies(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *message;
    } bad[] = {
        {"", 0, "v: empty vocabulary"},
        {"a\nb\n", 4, "v: not a vocabulary: no piece [PAD]"},
        {"[PAD]\n[CLS]\n[SEP]\n[MASK]\n", 25, "v: not a vocabulary: no piece [UNK]"},
        {"\x28\xB5\x2F\xFD\x00\xFF", 6, "v: line 1: not a vocabulary: not UTF-8 text"},
        {SPECIAL "a\0b\n", 35, "v: line 6: not a vocabulary: not UTF-8 text"},
    };
    struct rtd_tok_settings s;
    rtd_tok_settings_default(&s, false);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rtd_err err = {0};
        struct rtd_tokenizer *t;
        assert_int_equal(rtd_tokenizer_new(&t, bad[i].text, bad[i].len, "v", &s, &err), RTD_EDATA);
        assert_null(t);
        assert_string_equal(err.text, bad[i].message);
    }
    struct rtd_err err = {0};
    struct rtd_tokenizer *t;
    assert_int_equal(rtd_tokenizer_load(&t, "no/such/file", &s, &err), RTD_ESYS);
}

/* As Hugging Face reads them: what stands later replaces what stood before; no text gives "". */
static void repeated_and_empty_lines(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    struct rtd_err err = {0};
    struct rtd_tokenizer *t;
    const char text[] = SPECIAL "a\n\nb\na\n[SEP]\n\n\n";
    size_t len;
    rtd_tok_settings_default(&s, false);
    assert_int_equal(rtd_tokenizer_new(&t, text, strlen(text), "v", &s, &err), RTD_OK);
    assert_int_equal(rtd_tokenizer_size(t), 10); /* empty lines at the end are none */
    assert_string_equal(rtd_tokenizer_vocab(t, &len), SPECIAL "a\n\nb\na\n[SEP]\n");
    assert_int_equal(rtd_tokenizer_id(t, "a"), 8);
    assert_int_equal(rtd_tokenizer_id(t, "b"), 7);
    assert_int_equal(rtd_tokenizer_id(t, ""), -1);
    assert_int_equal(rtd_tokenizer_special(t)->sep, 9);
    assert_string_equal(rtd_tokenizer_piece(t, 5), "a");
    assert_string_equal(rtd_tokenizer_piece(t, 6), "[UNK]");
    rtd_tokenizer_free(t);
}

static void vocabulary_is_kept(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    struct rtd_err err = {0};
    struct rtd_tokenizer *t;
    size_t len;
    const char dos[] = "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\nabc";
    rtd_tok_settings_default(&s, true);
    assert_int_equal(rtd_tokenizer_new(&t, dos, strlen(dos), "v", &s, &err), RTD_OK);
    assert_string_equal(rtd_tokenizer_vocab(t, &len), SPECIAL "abc\n");
    assert_int_equal(len, strlen(SPECIAL "abc\n"));
    assert_int_equal(rtd_tokenizer_size(t), 6);
    assert_int_equal(rtd_tokenizer_id(t, "abc"), 5);
    assert_int_equal(rtd_tokenizer_id(t, "ab"), -1);
    assert_int_equal(rtd_tokenizer_id(t, "abcd"), -1);
    assert_int_equal(rtd_tokenizer_id(t, ""), -1);
    assert_string_equal(rtd_tokenizer_piece(t, 5), "abc");
    assert_null(rtd_tokenizer_piece(t, 6));
    assert_null(rtd_tokenizer_piece(t, -1));
    const struct rtd_special_ids *id = rtd_tokenizer_special(t);
    assert_true(id->pad == 0 && id->unk == 1 && id->cls == 2 && id->sep == 3 && id->mask == 4);
    assert_false(rtd_tokenizer_settings(t)->lower_case);
    rtd_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_uncased),
        cmocka_unit_test(golden_special_tokens),
        cmocka_unit_test(golden_shared),
        cmocka_unit_test(greedy_longest_match),
        cmocka_unit_test(longest_word),
        cmocka_unit_test(case_and_accents),
        cmocka_unit_test(cleaning_and_splitting),
        cmocka_unit_test(canonical_order),
        cmocka_unit_test(offsets_of_pieces),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(caches_are_kept_apart),
        cmocka_unit_test(large_inputs),
        cmocka_unit_test(bad_vocabularies),
        cmocka_unit_test(vocabulary_is_kept),
        cmocka_unit_test(repeated_and_empty_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
