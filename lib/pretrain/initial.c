/* rtdtools - MIT licence */
#include "pretrain/initial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/io.h"
#include "start/frequencies.h"
#include "start/mimetic.h"
#include "start/piece_vectors.h"

enum { COUNTS_MAX = 1 << 30 }; /* bytes */

/* --- the word table --- */

/* The vectors that there are become rows of the table, their standard deviation made `scale`; other
 * rows stay, and what is right of them. */
static int set_words(real *table, size_t columns, struct rtd_piece_vectors *x, double scale,
                     struct rtd_err *err)
{
    size_t width = x->width, n = 0;
    double squares = 0;
    if (rtd_piece_vectors_centre(x, err))
        return err->status;
    for (size_t p = 0; p < x->pieces; p++)
        n += rtd_piece_vector(x, p);
    for (size_t i = 0; i < x->pieces * width; i++)
        squares += (double)x->v[i] * x->v[i];
    double factor = scale / sqrt(squares / (double)(n * width));
    for (size_t p = 0; p < x->pieces; p++)
        if (rtd_piece_vector(x, p))
            for (size_t i = 0; i < width; i++)
                table[p * columns + i] = (real)(factor * x->v[p * width + i]);
    return n ? RTD_OK : rtd_fail(err, RTD_EDATA, "all vectors are the same");
}

static int read_words(struct rtd_pretrain *p, const struct rtd_initial *in, const char *vocabulary,
                      struct rtd_err *err)
{
    struct rtd_piece_vectors x;
    struct rtd_err e = {0};
    int st = rtd_piece_vectors_read(&x, in->embeddings, err);
    if (!st && strcmp(x.vocabulary_digest, vocabulary))
        st = rtd_fail(err, RTD_EDATA, "%s: its vocabulary is not the stream's", in->embeddings);
    size_t e_words = in->mimetic ? rtd_mimetic_words(p->disc.e, p->disc.h) : p->disc.e;
    if (!st && x.width != e_words)
        st = rtd_fail(err, RTD_EUSAGE, "%s: vectors of width %zu, but --embedding %zu%s wants %zu",
                      in->embeddings, x.width, p->disc.e,
                      in->mimetic ? " with --init-layers mimetic" : "", e_words);
    if (!st && set_words(p->params.w + p->disc.word, p->disc.e, &x, in->embeddings_scale, &e))
        st = rtd_fail(err, e.status, "%s: %s", in->embeddings, e.text);
    rtd_piece_vectors_free(&x);
    return st;
}

/* --- the position table --- */

/* Vaswani et al., arXiv 1706.03762, section 3.5: a sine and a cosine to each wave length, here
 * times the root of 2, so that the squares of a row have the mean `size` squared. */
static void set_sinusoids(real *table, size_t positions, size_t width, double size)
{
    for (size_t at = 0; at < positions; at++)
        for (size_t i = 0; i < width; i++) {
            double angle = (double)at / pow(10000, (double)(i / 2 * 2) / (double)width);
            table[at * width + i] = (real)(size * M_SQRT2 * (i % 2 ? cos(angle) : sin(angle)));
        }
}

/* --- all of them --- */

int rtd_initial_values(struct rtd_pretrain *p, const struct rtd_initial *in,
                       const struct rtd_header *h, struct rtd_err *err)
{
    double range = p->disc_config.initializer_range;
    rtd_params_init(&p->params, p->o.seed, range);
    if (in->embeddings && read_words(p, in, h->tok.digest, err))
        return err->status;
    if (in->sinusoid)
        set_sinusoids(p->params.w + p->disc.position, p->disc.positions, p->disc.e,
                      in->embeddings ? in->embeddings_scale : range);
    const struct rtd_lm_head *lm = p->disc_lm.vocab ? &p->disc_lm : NULL;
    if (in->piece_counts && !lm && !p->lm.vocab)
        return rtd_fail(err, RTD_EUSAGE, "--piece-counts: this run trains no language model");
    if (in->mimetic && rtd_mimetic_values(&p->disc, lm, p->params.w, p->o.seed, range, err))
        return err->status;
    if (in->piece_counts && lm &&
        rtd_frequency_bias(p->params.w + lm->bias, in->piece_counts, h, err))
        return err->status;
    if (in->piece_counts && p->lm.vocab)
        return rtd_frequency_bias(p->params.w + p->lm.bias, in->piece_counts, h, err);
    return RTD_OK;
}

static json_t *digest_of_counts(const char *path, struct rtd_err *err)
{
    char *data, hex[33];
    size_t len;
    if (rtd_read_file(path, COUNTS_MAX, &data, &len, err))
        return NULL;
    rtd_digest_hex(hex, data, len);
    free(data);
    return json_string(hex);
}

static json_t *digest_of_vectors(const char *path, struct rtd_err *err)
{
    struct rtd_piece_vectors x;
    json_t *digest = NULL;
    if (!rtd_piece_vectors_read(&x, path, err))
        digest = json_string(x.digest);
    rtd_piece_vectors_free(&x);
    return digest;
}

int rtd_initial_describe(json_t **options, const struct rtd_initial *in, bool resume,
                         struct rtd_err *err)
{
    json_t *j = *options = json_object();
    bool bad = !j;
    if (in->embeddings) {
        bool gone = resume && !rtd_exists(in->embeddings);
        bad |= json_object_set_new(j, "embeddings",
                                   gone ? json_null() : digest_of_vectors(in->embeddings, err));
        bad |= json_object_set_new(j, "embeddings-scale", json_real(in->embeddings_scale));
    }
    if (in->piece_counts) {
        bool gone = resume && !rtd_exists(in->piece_counts);
        bad |= json_object_set_new(j, "piece-counts",
                                   gone ? json_null() : digest_of_counts(in->piece_counts, err));
    }
    if (in->mimetic)
        bad |= json_object_set_new(j, "init-layers", json_string("mimetic"));
    if (in->sinusoid)
        bad |= json_object_set_new(j, "init-positions", json_string("sinusoid"));
    return err->status ? err->status : bad ? rtd_fail(err, RTD_ESYS, "not enough memory") : RTD_OK;
}
