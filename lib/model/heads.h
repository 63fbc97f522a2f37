/* rtdtools - MIT licence
 *
 * What sits on an encoder: the generator's language-model head with the tied embedding table, the
 * discriminator's head, and the heads of tasks, in Hugging Face's shapes.  Loss and gradient are
 * computed together, so that logits over a vocabulary never leave the cache for long. */
#ifndef RTD_MODEL_HEADS_H
#define RTD_MODEL_HEADS_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "model/encoder.h"
#include "model/params.h"

/* --- masked language model: dense h -> e, activation, LayerNorm, times the word table, bias --- */
struct rtd_lm_head {
    size_t h, e, vocab;
    size_t dense_w, dense_b, ln_w, ln_b, word, bias; /* offsets; word is the encoder's table */
    enum rtd_activation act;                         /* always GELU, as in Hugging Face */
    real eps;
};

/* Names: PREFIX.dense.weight, PREFIX.dense.bias, PREFIX.LayerNorm.*, and BIAS for the output bias.
 */
void rtd_lm_head_layout(struct rtd_lm_head *head, struct rtd_params *p,
                        const struct rtd_encoder *enc, int net, const char *prefix,
                        const char *bias);

/* The rows of a micro-batch that the head looks at. */
struct rtd_lm_rows {
    size_t M;
    const uint32_t *row;   /* [M] token number in the micro-batch */
    const int32_t *target; /* [M] the original ids */
    double smoothing;      /* of the targets, see rtd_xent */
    /* sampling (sampled NULL: none) */
    const uint64_t *index; /* [M] record number */
    const uint32_t *slot;  /* [M] number of the masked position in its record */
    int32_t *sampled;      /* [M] out: a draw from the head's distribution */
    uint64_t seed;
    uint32_t site; /* purpose << 16 | network << 8 */
    real temperature;
    bool disallow_correct; /* never draw the target */
    /* results */
    double loss;    /* out: summed cross-entropy with the targets */
    size_t correct; /* out: rows whose arg max is the target */
    real *logits;   /* (M, vocab) out, or NULL: only tests and tools want them */
};

/* hidden (T,h).  gscale: factor of the loss in the total, per row (0: forward only).  With gscale,
 * adds into g and overwrites d (T,h) with the gradient of hidden. */
void rtd_lm_head_run(const struct rtd_lm_head *head, const real *w, real *g,
                     struct rtd_lm_rows *rows, const real *hidden, real *d, size_t T, real gscale,
                     struct rtd_arena *arena);

/* --- discriminator: dense h -> h, gelu, dense -> 1 --- */
struct rtd_disc_head {
    size_t h;
    size_t dense_w, dense_b, out_w, out_b;
    enum rtd_activation act;
};

void rtd_disc_head_layout(struct rtd_disc_head *head, struct rtd_params *p,
                          const struct rtd_encoder *enc);
/* Overwrites logits (T).  With labels (T, 0 or 1): *loss = summed sigmoid cross-entropy; with
 * gscale != 0 also adds into g and overwrites d (T,h). */
void rtd_disc_head_run(const struct rtd_disc_head *head, const real *w, real *g, real *logits,
                       const uint8_t *labels, double *loss, const real *hidden, real *d, size_t T,
                       real gscale, struct rtd_arena *arena);

/* --- tasks --- */
/* One dense layer on every token, after dropout: `classifier` of token classification,
 * `qa_outputs` (without dropout). */
struct rtd_token_head {
    size_t h, labels, w, b;
    double drop; /* rate in training */
};
void rtd_token_head_layout(struct rtd_token_head *head, struct rtd_params *p,
                           const struct rtd_encoder *enc, const char *name, int labels);
/* Overwrites logits (T, labels).  x (T,h) takes the input after dropout; not used, and may be NULL,
 * when drop is false. */
void rtd_token_head_fwd(const struct rtd_token_head *head, const real *w, real *logits, real *x,
                        const struct rtd_tokens *t, const real *hidden, bool drop, uint64_t seed);
/* dlogits (T, labels); adds into g and into d (T,h).  hidden and x as in forward. */
void rtd_token_head_bwd(const struct rtd_token_head *head, const real *w, real *g, real *d,
                        const real *dlogits, const real *x, const struct rtd_tokens *t,
                        const real *hidden, struct rtd_arena *arena, bool drop, uint64_t seed);

/* BERT's pooler: tanh of a dense layer on the first token. */
struct rtd_pooler {
    size_t dense_w, dense_b;
};
void rtd_pooler_layout(struct rtd_pooler *pooler, struct rtd_params *p,
                       const struct rtd_encoder *enc, const char *prefix);

/* Classification of a sequence by its first token.  ELECTRA: dropout, dense, gelu, dropout, dense;
 * BERT: the pooler, dropout, dense. */
struct rtd_class_head {
    size_t h, labels;
    size_t dense_w, dense_b, out_w, out_b;
    enum rtd_activation act;
    bool drop_first;
    double drop; /* rate in training */
};
/* pooler NULL: ELECTRA's.  Names: NAME.dense.*, NAME.out_proj.*, or only NAME.* above a pooler. */
void rtd_class_head_layout(struct rtd_class_head *head, struct rtd_params *p,
                           const struct rtd_encoder *enc, const struct rtd_pooler *pooler,
                           const char *name, int labels);
/* Kept from forward to backward for n sequences; take it from an arena (or count). */
struct rtd_class_acts {
    real *x, *u, *y; /* (n,h) each */
};
void rtd_class_acts_take(struct rtd_class_acts *a, struct rtd_arena *arena,
                         const struct rtd_class_head *head, size_t n);
/* Overwrites logits (nseq, labels) from the first token of every sequence. */
void rtd_class_head_fwd(const struct rtd_class_head *head, const real *w, real *logits,
                        struct rtd_class_acts *a, const struct rtd_tokens *t, const real *hidden,
                        bool drop, uint64_t seed);
/* dlogits (nseq, labels); adds into g and into d (T,h). */
void rtd_class_head_bwd(const struct rtd_class_head *head, const real *w, real *g, real *d,
                        const real *dlogits, const struct rtd_class_acts *a,
                        const struct rtd_tokens *t, struct rtd_arena *arena, bool drop,
                        uint64_t seed);

#endif
