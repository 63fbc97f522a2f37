/* rtdtools - MIT licence */
#include "start/piece_vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/safetensors.h"

static const char tensor[] = "vectors", text[] = "rtd_vocabulary",
                  text_digest[] = "rtd_vocabulary_digest", made[] = "rtd_provenance";

static int read_vocabulary(struct rtd_piece_vectors *x, const struct rtd_st *st,
                           struct rtd_err *err)
{
    const json_t *about = rtd_st_metadata(st), *pieces = json_object_get(about, text);
    const char *digest = json_string_value(json_object_get(about, text_digest));
    if (!digest || !json_is_string(pieces))
        return rtd_fail(err, RTD_EDATA, "%s: no vectors of pieces: its metadata has no %s",
                        rtd_st_name(st), digest ? text : text_digest);
    x->vocabulary_len = json_string_length(pieces);
    rtd_digest_hex(x->vocabulary_digest, json_string_value(pieces), x->vocabulary_len);
    if (strcmp(digest, x->vocabulary_digest))
        return rtd_fail(err, RTD_EDATA, "%s: %s is not the digest of %s", rtd_st_name(st),
                        text_digest, text);
    x->vocabulary = strdup(json_string_value(pieces));
    return x->vocabulary ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
}

/* As many as a stream's header counts. */
static size_t lines(const char *vocabulary, size_t len)
{
    size_t n = len && vocabulary[len - 1] != '\n';
    for (size_t i = 0; i < len; i++)
        n += vocabulary[i] == '\n';
    return n;
}

static int read_vectors(struct rtd_piece_vectors *x, const struct rtd_st *st, struct rtd_err *err)
{
    const struct rtd_st_tensor *t = rtd_st_find(st, tensor);
    if (!t || t->dtype != RTD_ST_F32 || t->ndim != 2 || !t->count)
        return rtd_fail(err, RTD_EDATA, "%s: no tensor %s, f32 (pieces, width)", rtd_st_name(st),
                        tensor);
    x->pieces = t->dims[0];
    x->width = t->dims[1];
    if (x->pieces != lines(x->vocabulary, x->vocabulary_len))
        return rtd_fail(err, RTD_EDATA, "%s: %zu vectors, but %zu pieces", rtd_st_name(st),
                        x->pieces, lines(x->vocabulary, x->vocabulary_len));
    x->v = rtd_alloc_aligned(t->count, sizeof *x->v);
    if (!x->v)
        return rtd_fail(err, RTD_ESYS, "not enough memory for %zu vectors", x->pieces);
    rtd_digest_hex(x->digest, t->data, t->bytes);
    if (rtd_st_get_f32(st, t, x->v, t->count, err))
        return err->status;
    for (size_t i = 0; i < t->count; i++)
        if (!isfinite(x->v[i]))
            return rtd_fail(err, RTD_EDATA, "%s: %s holds numbers that are not finite",
                            rtd_st_name(st), tensor);
    return RTD_OK;
}

int rtd_piece_vectors_read(struct rtd_piece_vectors *x, const char *path, struct rtd_err *err)
{
    struct rtd_st *st;
    *x = (struct rtd_piece_vectors){0};
    if (!rtd_st_open(&st, path, err)) {
        if (!read_vocabulary(x, st, err))
            read_vectors(x, st, err);
        rtd_st_close(st);
    }
    return err->status;
}

void rtd_piece_vectors_free(struct rtd_piece_vectors *x)
{
    free(x->v);
    free(x->vocabulary);
    *x = (struct rtd_piece_vectors){0};
}

bool rtd_piece_vector(const struct rtd_piece_vectors *x, size_t piece)
{
    for (size_t i = 0; i < x->width; i++)
        if (x->v[piece * x->width + i] != 0)
            return true;
    return false;
}

int rtd_piece_vectors_centre(struct rtd_piece_vectors *x, struct rtd_err *err)
{
    size_t width = x->width, n = 0;
    double *mean = calloc(width, sizeof *mean);
    if (!mean)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t p = 0; p < x->pieces; p++) {
        n += rtd_piece_vector(x, p);
        for (size_t i = 0; i < width; i++)
            mean[i] += x->v[p * width + i]; /* of zeros nothing */
    }
    for (size_t p = 0; p < x->pieces; p++)
        if (rtd_piece_vector(x, p))
            for (size_t i = 0; i < width; i++)
                x->v[p * width + i] -= (float)(mean[i] / (double)n);
    free(mean);
    return RTD_OK;
}

int rtd_piece_vectors_write(struct rtd_out *out, const float *v, size_t pieces, size_t width,
                            const char *vocabulary, size_t vocabulary_len, const char *provenance,
                            struct rtd_err *err)
{
    struct rtd_st_writer *w;
    char digest[33];
    rtd_digest_hex(digest, vocabulary, vocabulary_len);
    int st = rtd_st_writer_new(&w, err);
    if (!st)
        st = rtd_st_set_metadata(w, text_digest, digest, err);
    if (!st)
        st = rtd_st_set_metadata(w, made, provenance, err);
    if (!st)
        st = rtd_st_set_metadata(w, text, vocabulary, err);
    if (!st)
        st = rtd_st_add(w, tensor, RTD_ST_F32, 2, (size_t[]){pieces, width}, v, err);
    if (!st)
        st = rtd_st_write_to(w, out, err);
    rtd_st_writer_free(w);
    return st;
}
