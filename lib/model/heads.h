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
    /* a copy mechanism (input NULL: none): the word that is shown stays with the probability
     * sigmoid(gate), else the head says what it is.  loss and correct are then of both together. */
    const int32_t *input; /* [M] */
    const real *gate;     /* [M] */
    real *dgate;          /* [M] out: gradient of gate, where there is one */
    /* results */
    double loss;    /* out: summed cross-entropy with the targets */
    size_t correct; /* out: rows of which the target is the most probable */
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
                          const struct rtd_encoder *enc, int net);
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

/* A head of one of the forms. */
struct rtd_head_shape {
    const struct rtd_head_form *form;
    int from, to; /* its own entries of the table of parameters; a pooler is none of them */
    union {
        struct rtd_class_head cls;
        struct rtd_token_head token;
        struct rtd_disc_head disc;
        struct rtd_lm_head lm;
    } as;
};

/* Where and how a head is laid out. */
struct rtd_head_place {
    struct rtd_params *params;
    const struct rtd_encoder *enc;
    const struct rtd_pooler *pooler; /* NULL: none */
    const char *name, *bias;         /* its tensors' names begin so; bias: of a language model */
    int outputs;
    double drop; /* rate in training */
};

/* Memory of a head for one micro-batch: what forward keeps for backward. */
struct rtd_head_acts {
    real *x; /* the input after dropout: (n,h), or of every token; may be NULL without dropout */
    real *u, *y; /* (n,h) each */
};

/* A form of heads: how one is laid out and run.  A row of logits is a sequence's or a token's. */
struct rtd_head_form {
    bool per_sequence;
    void (*layout)(struct rtd_head_shape *head, const struct rtd_head_place *at);
    /* The rest is NULL for a language model, see rtd_lm_head_run.  train: backward will follow. */
    void (*take)(struct rtd_head_acts *a, struct rtd_arena *arena,
                 const struct rtd_head_shape *head, const struct rtd_tokens *t, bool train);
    /* Overwrites logits (rows, outputs).  With an arena that only counts nothing but its scratch is
     * taken. */
    void (*forward)(const struct rtd_head_shape *head, const real *w, real *logits,
                    struct rtd_head_acts *a, const struct rtd_tokens *t, const real *hidden,
                    struct rtd_arena *arena, bool drop, uint64_t seed);
    /* dlogits as logits; adds into g and into d (T,h).  NULL: not trained as a task. */
    void (*backward)(const struct rtd_head_shape *head, const real *w, real *g, real *d,
                     const real *dlogits, const struct rtd_head_acts *a, const struct rtd_tokens *t,
                     const real *hidden, struct rtd_arena *arena, bool drop, uint64_t seed);
};
extern const struct rtd_head_form rtd_class_form, rtd_token_form, rtd_language_form,
    rtd_detector_form;

#endif
