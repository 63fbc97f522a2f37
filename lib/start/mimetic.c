/* rtdtools - MIT licence */
#include "start/mimetic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"

/* Twice as sharp, and kept from their own token, heads find twice as much at the start and learn
 * more slowly. */
#define PLACE_SIZE 1.2  /* of positions, in standard deviations of words */
#define WORD_LEFT 0.1   /* of words where positions are */
#define PLACE_SHARP 1.7 /* of queries and keys that compare positions */
#define MATCH_SHARP 1.5 /* of those that compare neighbours */
#define FAR 0.5         /* of what a second neighbour writes, the first one's being 1 */
#define FASTEST 2.0     /* radians a token, the highest frequency */
#define SLOWEST 0.02    /* the lowest */

/* A part of a token's numbers. */
struct part {
    size_t from, n;
};

struct plan {
    const struct rtd_encoder *enc;
    real *w;
    uint64_t seed;
    size_t d;                         /* numbers of a head */
    struct part word, place, free[2]; /* free: what stands before a token, what behind */
    double *m;                        /* [d, h] scratch */
};

static size_t places(size_t e)
{
    return e / 4 & ~(size_t)1;
}

size_t rtd_mimetic_words(size_t e, size_t h)
{
    return (h > e ? e : h - h / 4) - places(e);
}

static void lay_out(struct plan *p)
{
    size_t words = rtd_mimetic_words(p->enc->e, p->enc->h), used = words + places(p->enc->e);
    size_t half = (p->enc->h - used) / 2;
    p->word = (struct part){0, words};
    p->place = (struct part){words, used - words};
    p->free[0] = (struct part){used, half};
    p->free[1] = (struct part){used + half, p->enc->h - used - half};
}

static double frequency(const struct plan *p, size_t i)
{
    size_t n = p->place.n / 2;
    return FASTEST * pow(SLOWEST / FASTEST, n > 1 ? (double)i / (double)(n - 1) : 0);
}

/* --- embeddings --- */

/* Root of the mean square of the first n numbers of every row. */
static double size_of(const real *x, size_t rows, size_t columns, size_t n)
{
    double squares = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < n; k++)
            squares += (double)x[i * columns + k] * (double)x[i * columns + k];
    return sqrt(squares / (double)(rows * n));
}

static void set_embeddings(const struct plan *p)
{
    const struct rtd_encoder *enc = p->enc;
    real *words = p->w + enc->word, *places = p->w + enc->position;
    double size = PLACE_SIZE * M_SQRT2 * size_of(words, enc->vocab, enc->e, p->word.n);
    for (size_t i = 0; i < enc->vocab; i++)
        for (size_t k = p->word.n; k < enc->e; k++)
            words[i * enc->e + k] *= (real)WORD_LEFT;
    memset(places, 0, enc->positions * enc->e * sizeof *places);
    for (size_t at = 0; at < enc->positions; at++)
        for (size_t i = 0; i < p->place.n / 2; i++) {
            double angle = frequency(p, i) * (double)at;
            real *x = places + at * enc->e + p->place.from + 2 * i;
            x[0] = (real)(size * sin(angle));
            x[1] = (real)(size * cos(angle));
        }
}

/* w (rows, columns) becomes noise of that size and the identity. */
static void set_identity(real *w, size_t rows, size_t columns, double noise)
{
    double had = size_of(w, rows, columns, columns);
    for (size_t i = 0; i < rows * columns; i++)
        w[i] = (real)((double)w[i] * noise / had + (i / columns == i % columns));
}

/* --- layers --- */

enum matrix { QUERY, KEY, VALUE };

/* Row i of a head's query, key or value. */
static real *row(const struct plan *p, int layer, enum matrix of, size_t head, size_t i)
{
    return p->w + p->enc->layer[layer].qkv_w + (of * p->enc->h + head * p->d + i) * p->enc->h;
}

/* p->m [d, n]: orthonormal rows (of n numbers, where there are more rows the rest is zero), a
 * function of the seed and of what they are for. */
static size_t draw(const struct plan *p, size_t n, int layer, size_t head, const char *what)
{
    char name[64];
    size_t rows = n < p->d ? n : p->d;
    snprintf(name, sizeof name, "mimetic.%d.%zu.%s", layer, head, what);
    uint64_t index = rtd_hash64(name, strlen(name));
    for (size_t i = 0; i < rows; i++) {
        double *x = p->m + i * n, squares = 0;
        for (size_t k = 0; k < n; k++) {
            uint32_t u[4];
            rtd_philox(u, p->seed, RTD_RNG_INIT, (uint32_t)p->enc->net, 0, index,
                       (uint32_t)(i * n + k));
            x[k] = sqrt(-2 * log((u[0] + 0.5) * 0x1p-32)) * cos(2 * M_PI * rtd_unit(u[1]));
        }
        for (size_t j = 0; j < i; j++) {
            double dot = 0;
            for (size_t k = 0; k < n; k++)
                dot += x[k] * p->m[j * n + k];
            for (size_t k = 0; k < n; k++)
                x[k] -= dot * p->m[j * n + k];
        }
        for (size_t k = 0; k < n; k++)
            squares += x[k] * x[k];
        for (size_t k = 0; k < n; k++)
            x[k] /= sqrt(squares);
    }
    return rows;
}

/* The head looks at the token `step` behind its own: a query is its position's sinusoids, turned.
 */
static void look_aside(const struct plan *p, size_t head, double step)
{
    for (size_t i = 0; i < p->place.n / 2 && 2 * i + 1 < p->d; i++) {
        size_t at = p->place.from + 2 * i;
        double s = PLACE_SHARP * sin(frequency(p, i) * step);
        double c = PLACE_SHARP * cos(frequency(p, i) * step);
        real *q = row(p, 0, QUERY, head, 2 * i), *k = row(p, 0, KEY, head, 2 * i);
        q[at] += (real)c;
        q[at + 1] += (real)s;
        k[at] += (real)PLACE_SHARP;
        q += p->enc->h;
        k += p->enc->h;
        q[at] -= (real)s;
        q[at + 1] += (real)c;
        k[at + 1] += (real)PLACE_SHARP;
    }
}

/* The head looks at tokens that are alike in this part, its own among them. */
static void look_alike(const struct plan *p, int layer, size_t head, struct part x)
{
    size_t rows = draw(p, x.n, layer, head, "match");
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < x.n; k++) {
            real add = (real)(MATCH_SHARP * p->m[i * x.n + k]);
            row(p, layer, QUERY, head, i)[x.from + k] += add;
            row(p, layer, KEY, head, i)[x.from + k] += add;
        }
}

/* What the head sees of `x` it takes in; give() writes it out. */
static void take(const struct plan *p, int layer, size_t head, struct part x, const char *what)
{
    size_t rows = draw(p, x.n, layer, head, what);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < x.n; k++)
            row(p, layer, VALUE, head, i)[x.from + k] += (real)p->m[i * x.n + k];
}

static void give(const struct plan *p, int layer, size_t head, struct part x, double size,
                 const char *what)
{
    size_t rows = draw(p, x.n, layer, head, what);
    real *out = p->w + p->enc->layer[layer].attn_w; /* (h, h) */
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < x.n; k++)
            out[(x.from + k) * p->enc->h + head * p->d + i] += (real)(size * p->m[i * x.n + k]);
}

static void set_layers(const struct plan *p)
{
    static const double step[4] = {-1, 1, -2, 2};
    for (size_t head = 0; head < (p->enc->heads < 4 ? 2 : 4); head++) {
        look_aside(p, head, step[head]);
        take(p, 0, head, p->word, "take");
        give(p, 0, head, p->free[head % 2], head < 2 ? 1 : FAR, "give");
    }
    for (size_t head = 0; head < 2 && p->enc->layers > 1; head++) {
        look_alike(p, 1, head, p->free[head]);
        take(p, 1, head, p->word, "word");
        give(p, 1, head, p->word, 1, "word"); /* the same rows: back to where it stood */
    }
}

int rtd_mimetic_values(const struct rtd_encoder *enc, const struct rtd_lm_head *head, real *w,
                       uint64_t seed, double range, struct rtd_err *err)
{
    struct plan p = {.enc = enc, .w = w, .seed = seed, .d = enc->h / enc->heads};
    if (enc->heads < 2 || enc->h < enc->e || enc->e < 16)
        return rtd_fail(err, RTD_EUSAGE,
                        "mimetic initial values want two heads, embeddings of at least 16, and "
                        "layers that are not narrower");
    p.m = malloc(p.d * enc->h * sizeof *p.m);
    if (!p.m)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    lay_out(&p);
    set_embeddings(&p);
    if (enc->project)
        set_identity(w + enc->proj_w, enc->h, enc->e, range);
    set_layers(&p);
    if (head)
        set_identity(w + head->dense_w, enc->e, enc->h, range);
    free(p.m);
    return RTD_OK;
}
