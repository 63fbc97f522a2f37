/* rtdtools - MIT licence */
#include "score/metrics_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "score/ngrams.h"
#include "score/porter.h"
#include "score/text_units.h"

/* A text as numbers: hashes of its words, or its code points. */
struct units {
    uint64_t *unit; /* owned */
    size_t n;
};

static int units_of_words(struct units *u, const struct rtd_word_list *w, struct rtd_err *err)
{
    u->n = w->n;
    u->unit = malloc((w->n + 1) * sizeof *u->unit);
    if (!u->unit)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < w->n; i++)
        u->unit[i] = rtd_hash64(w->word[i], strlen(w->word[i]));
    return RTD_OK;
}

/* --- BLEU --- */

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Punctuation that mteval-v13a sets apart wherever it stands. */
static bool apart(char c)
{
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
           (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

static int put(struct rtd_buf *b, const char *s, size_t n, struct rtd_err *err)
{
    return rtd_buf_append(b, s, n, err);
}

/* HTML's escapes, and characters set apart. */
static int pass_escapes(struct rtd_buf *out, const char *s, struct rtd_err *err)
{
    static const struct {
        const char *name;
        char is;
    } escape[] = {{"&quot;", '"'}, {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}};
    struct rtd_buf plain = {0};
    int st = put(&plain, " ", 1, err);
    while (*s && !st) {
        size_t len = 1;
        char c = *s;
        for (size_t i = 0; i < 4 && c == '&' && len == 1; i++)
            if (strncmp(s, escape[i].name, strlen(escape[i].name)) == 0) {
                c = escape[i].is;
                len = strlen(escape[i].name);
            }
        st = put(&plain, &c, 1, err);
        s += len;
    }
    if (!st)
        st = put(&plain, " ", 2, err); /* with the NUL */
    for (const char *p = plain.data; !st && *p; p++) {
        char three[3] = {' ', *p, ' '};
        st = apart(*p) ? put(out, three, 3, err) : put(out, p, 1, err);
    }
    rtd_buf_free(&plain);
    return st ? st : put(out, "", 1, err);
}

/* '.' and ',' are set apart but between digits, '-' behind a digit: three passes, each over pairs
 * that do not overlap, as the regular expressions of the original. */
static int pass_pairs(struct rtd_buf *out, const char *s, int pass, struct rtd_err *err)
{
    int st = RTD_OK;
    while (*s && !st) {
        char a = s[0], b = s[1];
        bool stop_a = a == '.' || a == ',', stop_b = b == '.' || b == ',';
        char five[5] = {' ', a, ' ', b, ' '};
        bool hit = b && (pass == 0   ? !digit(a) && stop_b
                         : pass == 1 ? stop_a && !digit(b)
                                     : digit(a) && b == '-');
        if (!hit)
            st = put(out, s, 1, err);
        else
            st = pass == 1 ? put(out, five, 4, err) : put(out, five + 1, 4, err);
        s += hit ? 2 : 1;
    }
    return st ? st : put(out, "", 1, err);
}

static int tokens_13a(struct units *u, const char *text, bool lower, struct rtd_err *err)
{
    struct rtd_buf b[5] = {{0}};
    struct rtd_word_list w = {0};
    int st = lower ? rtd_lower_case(&b[0], text, err) : put(&b[0], text, strlen(text) + 1, err);
    if (!st)
        st = pass_escapes(&b[1], b[0].data, err);
    for (int pass = 0; pass < 3 && !st; pass++)
        st = pass_pairs(&b[pass + 2], b[pass + 1].data, pass, err);
    if (!st)
        st = rtd_word_list_split(&w, b[4].data, err);
    if (!st)
        st = units_of_words(u, &w, err);
    rtd_word_list_free(&w);
    for (int i = 0; i < 5; i++)
        rtd_buf_free(&b[i]);
    return st;
}

/* Matches of one order, against the most of any reference. */
static int bleu_order(const struct units *text, const struct units *ref, size_t refs, size_t order,
                      uint64_t *right, uint64_t *all, struct rtd_err *err)
{
    struct rtd_ngrams g = {0}, most = {0}, one;
    int st = rtd_ngrams_new(&g, text->unit, text->n, order, err);
    if (!st)
        st = rtd_ngrams_new(&most, NULL, 0, order, err);
    for (size_t i = 0; i < refs && !st; i++) {
        st = rtd_ngrams_new(&one, ref[i].unit, ref[i].n, order, err);
        if (!st)
            st = rtd_ngrams_unite(&most, &one, err);
        rtd_ngrams_free(&one);
    }
    if (!st) {
        *right += rtd_ngrams_common(&g, &most);
        *all += g.n;
    }
    rtd_ngrams_free(&g);
    rtd_ngrams_free(&most);
    return st;
}

static size_t closest(size_t n, const struct units *ref, size_t refs)
{
    size_t best = ref[0].n;
    for (size_t i = 1; i < refs; i++) {
        size_t d = ref[i].n > n ? ref[i].n - n : n - ref[i].n, e = best > n ? best - n : n - best;
        if (d < e || (d == e && ref[i].n < best))
            best = ref[i].n;
    }
    return best;
}

static int bleu_row(struct rtd_bleu *b, const struct rtd_generated *row, bool lower,
                    uint64_t right[4], uint64_t all[4], struct rtd_err *err)
{
    struct units text = {0}, *ref = calloc(row->references, sizeof *ref);
    int st = ref ? tokens_13a(&text, row->text, lower, err)
                 : rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < row->references && !st; i++)
        st = tokens_13a(&ref[i], row->reference[i], lower, err);
    for (size_t order = 1; order <= 4 && !st; order++)
        st =
            bleu_order(&text, ref, row->references, order, &right[order - 1], &all[order - 1], err);
    if (!st) {
        b->length += text.n;
        b->reference_length += closest(text.n, ref, row->references);
    }
    for (size_t i = 0; ref && i < row->references; i++)
        free(ref[i].unit);
    free(ref);
    free(text.unit);
    return st;
}

int rtd_bleu_score(struct rtd_bleu *b, const struct rtd_generated *row, size_t n, bool lower_case,
                   struct rtd_err *err)
{
    uint64_t right[4] = {0}, all[4] = {0};
    double logs = 0, smooth = 1;
    *b = (struct rtd_bleu){0};
    for (size_t i = 0; i < n; i++)
        if (bleu_row(b, &row[i], lower_case, right, all, err))
            return err->status;
    b->brevity = b->length >= b->reference_length ? 1
                 : b->length ? exp(1 - (double)b->reference_length / (double)b->length)
                             : 0;
    bool any = right[0] || right[1] || right[2] || right[3];
    for (int k = 0; k < 4 && any; k++) {
        if (all[k] == 0)
            break;
        smooth *= right[k] ? 1 : 2;
        b->precision[k] =
            right[k] ? 100 * (double)right[k] / (double)all[k] : 100 / (smooth * (double)all[k]);
    }
    for (int k = 0; k < 4; k++)
        logs += b->precision[k] > 0 ? log(b->precision[k]) / 4 : -INFINITY;
    b->score = b->brevity * exp(logs);
    return RTD_OK;
}

/* --- chrF --- */

enum { CHARS = 6 };

static int code_points(struct units *u, const char *text, struct rtd_err *err)
{
    size_t len;
    u->n = 0;
    u->unit = malloc((strlen(text) + 1) * sizeof *u->unit);
    if (!u->unit)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (; *text; text += len) {
        int32_t c = rtd_code_point(text, &len);
        if (!rtd_is_space(c))
            u->unit[u->n++] = (uint64_t)(uint32_t)c;
    }
    return RTD_OK;
}

struct chrf_counts {
    double said[CHARS], gold[CHARS], right[CHARS];
};

static double chrf_f(const struct chrf_counts *c)
{
    double precision = 0, recall = 0, orders = 0;
    for (int i = 0; i < CHARS; i++)
        if (c->said[i] > 0 && c->gold[i] > 0) {
            precision += c->right[i] / c->said[i];
            recall += c->right[i] / c->gold[i];
            orders++;
        }
    if (precision + recall == 0)
        return 0;
    precision /= orders;
    recall /= orders;
    return 100 * 5 * precision * recall / (4 * precision + recall);
}

static int chrf_pair(struct chrf_counts *c, const struct units *text, const struct units *ref,
                     struct rtd_err *err)
{
    for (size_t order = 1; order <= CHARS; order++) {
        struct rtd_ngrams a, b = {0};
        int st = rtd_ngrams_new(&a, text->unit, text->n, order, err);
        if (!st)
            st = rtd_ngrams_new(&b, ref->unit, ref->n, order, err);
        if (!st) {
            c->said[order - 1] = b.n ? (double)a.n : 0;
            c->gold[order - 1] = (double)b.n;
            c->right[order - 1] = (double)rtd_ngrams_common(&a, &b);
        }
        rtd_ngrams_free(&a);
        rtd_ngrams_free(&b);
        if (st)
            return st;
    }
    return RTD_OK;
}

static int chrf_row(struct chrf_counts *sum, const struct rtd_generated *row, struct rtd_err *err)
{
    struct units text = {0}, ref = {0};
    struct chrf_counts best = {.said = {0}}, now;
    double most = -1;
    int st = code_points(&text, row->text, err);
    for (size_t i = 0; i < row->references && !st; i++) {
        st = code_points(&ref, row->reference[i], err);
        if (!st)
            st = chrf_pair(&now, &text, &ref, err);
        free(ref.unit);
        ref = (struct units){0};
        if (!st && chrf_f(&now) > most) {
            most = chrf_f(&now);
            best = now;
        }
    }
    for (int k = 0; k < CHARS && !st; k++) {
        sum->said[k] += best.said[k];
        sum->gold[k] += best.gold[k];
        sum->right[k] += best.right[k];
    }
    free(text.unit);
    return st;
}

int rtd_chrf_score(double *score, const struct rtd_generated *row, size_t n, struct rtd_err *err)
{
    struct chrf_counts sum = {.said = {0}};
    for (size_t i = 0; i < n; i++)
        if (chrf_row(&sum, &row[i], err))
            return err->status;
    *score = chrf_f(&sum);
    return RTD_OK;
}

/* --- ROUGE --- */

static int rouge_words(struct units *u, const char *text, bool stem, struct rtd_err *err)
{
    struct rtd_buf lower = {0};
    struct rtd_word_list w = {0};
    int st = rtd_lower_case(&lower, text, err);
    for (char *p = lower.data; !st && *p; p++)
        if (!(digit(*p) || (*p >= 'a' && *p <= 'z')))
            *p = ' ';
    if (!st)
        st = rtd_word_list_split(&w, lower.data, err);
    for (size_t i = 0; i < w.n && stem && !st; i++)
        if (strlen(w.word[i]) > 3)
            rtd_porter(w.word[i]);
    if (!st)
        st = units_of_words(u, &w, err);
    rtd_word_list_free(&w);
    rtd_buf_free(&lower);
    return st;
}

static double f_of(double right, double said, double gold)
{
    return right > 0 ? 2 * right / (said + gold) : 0;
}

static int overlap(double *f, const struct units *a, const struct units *b, size_t order,
                   struct rtd_err *err)
{
    struct rtd_ngrams x, y = {0};
    int st = rtd_ngrams_new(&x, a->unit, a->n, order, err);
    if (!st)
        st = rtd_ngrams_new(&y, b->unit, b->n, order, err);
    if (!st)
        *f = f_of((double)rtd_ngrams_common(&x, &y), (double)x.n, (double)y.n);
    rtd_ngrams_free(&x);
    rtd_ngrams_free(&y);
    return st;
}

/* Longest common subsequence. */
static int subsequence(double *f, const struct units *a, const struct units *b, struct rtd_err *err)
{
    size_t *row = calloc(b->n + 1, sizeof *row);
    if (!row)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < a->n; i++) {
        size_t corner = 0; /* row[k] of the line before */
        for (size_t k = 0; k < b->n; k++) {
            size_t above = row[k + 1];
            row[k + 1] = a->unit[i] == b->unit[k] ? corner + 1 : above > row[k] ? above : row[k];
            corner = above;
        }
    }
    *f = f_of((double)row[b->n], (double)a->n, (double)b->n);
    free(row);
    return RTD_OK;
}

static int rouge_row(struct rtd_rouge *sum, const struct rtd_generated *row, bool stem,
                     double share, struct rtd_err *err)
{
    struct units text = {0}, ref = {0};
    double best[3] = {0}, f[3];
    int st = rouge_words(&text, row->text, stem, err);
    for (size_t i = 0; i < row->references && !st; i++) {
        st = rouge_words(&ref, row->reference[i], stem, err);
        if (!st)
            st = overlap(&f[0], &text, &ref, 1, err);
        if (!st)
            st = overlap(&f[1], &text, &ref, 2, err);
        if (!st)
            st = subsequence(&f[2], &text, &ref, err);
        for (int k = 0; k < 3 && !st; k++)
            best[k] = fmax(best[k], f[k]);
        free(ref.unit);
        ref = (struct units){0};
    }
    sum->rouge1 += best[0] * share;
    sum->rouge2 += best[1] * share;
    sum->rougeL += best[2] * share;
    free(text.unit);
    return st;
}

int rtd_rouge_score(struct rtd_rouge *r, const struct rtd_generated *row, size_t n, bool stem,
                    struct rtd_err *err)
{
    *r = (struct rtd_rouge){0};
    for (size_t i = 0; i < n; i++)
        if (rouge_row(r, &row[i], stem, 1 / (double)n, err))
            return err->status;
    return RTD_OK;
}
