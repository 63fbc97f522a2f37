/* rtdtools - MIT licence
 *
 * The transformer encoder of BERT and ELECTRA (post-LayerNorm; arXiv 1810.04805, 2003.10555),
 * forward and backward, over a micro-batch of sequences laid end to end: no padding anywhere.
 *
 * Layout: rtd_encoder_layout adds the tensors to the table of parameters and remembers where they
 * are.  Then, for each micro-batch: rtd_encoder_forward with activations taken from an arena,
 * rtd_encoder_backward with the same.  An encoder is immutable after layout and may be used by
 * several threads, each with an arena of its own. */
#ifndef RTD_MODEL_ENCODER_H
#define RTD_MODEL_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/config.h"
#include "model/params.h"
#include "nn/kernels.h"

/* A micro-batch: sequences end to end. */
struct rtd_tokens {
    size_t nseq;
    const uint32_t *start;  /* [nseq + 1] first token of each sequence; start[nseq] = all tokens */
    const int32_t *ids;     /* [tokens], each in [0, vocab_size) */
    const uint8_t *types;   /* [tokens], each in [0, type_vocab_size) */
    const uint64_t *index;  /* [nseq] record numbers: the keys of dropout */
    const uint32_t *prefix; /* [nseq], or NULL: every token sees every other.  The first prefix[s]
                               tokens see each other, a later one all up to itself (UniLM's
                               sequence-to-sequence mask, arXiv 1905.03197, section 2.3) */
};

/* Offsets into a block of parameters. */
struct rtd_layer {
    size_t qkv_w, qkv_b; /* query, key, value end to end: (3h, h) and (3h) */
    size_t attn_w, attn_b, ln1_w, ln1_b;
    size_t ffn1_w, ffn1_b, ffn2_w, ffn2_b, ln2_w, ln2_b;
};

enum { RTD_MAX_LAYERS = 128 };

struct rtd_encoder {
    int net;               /* RTD_NET_*: the key of dropout */
    size_t e, h, f, heads; /* widths: embedding, hidden, feed-forward; number of heads */
    int layers;
    enum rtd_activation act;
    real eps;
    size_t word, position, type, ln_w, ln_b; /* embedding tables and their LayerNorm */
    bool project;                            /* e != h: embeddings_project */
    size_t proj_w, proj_b;
    struct rtd_layer layer[RTD_MAX_LAYERS];
    uint32_t vocab, positions, types; /* rows of the tables */
    double hidden_drop, attn_drop;    /* rates in training */
};

/* Add the encoder's tensors to p under `prefix` ("electra.", "bert." or ""), for network net.
 * With share != NULL its embedding tables and their LayerNorm are used instead of own ones (same
 * widths). */
void rtd_encoder_layout(struct rtd_encoder *enc, struct rtd_params *p, const struct rtd_config *c,
                        int net, const char *prefix, const struct rtd_encoder *share);

/* Activations of one layer, kept for backward; T tokens. */
struct rtd_layer_acts {
    real *x;   /* (T,h) input */
    real *qkv; /* (T,3h) */
    real *p;   /* per sequence and head an (n,n) block of attention probabilities */
    real *ctx; /* (T,h) */
    real *z1, *mean1, *rstd1, *x1;
    real *u, *g; /* (T,f) before and after the activation function */
    real *z2, *mean2, *rstd2;
};

struct rtd_acts {
    size_t T, max_n;
    bool keep;                     /* every layer has its own memory; else layers share it */
    real *ez, *emean, *erstd, *ey; /* embeddings: (T,e); ey after LayerNorm and dropout */
    struct rtd_layer_acts layer[RTD_MAX_LAYERS];
    real *out; /* (T,h) the last layer's output */
    real *pd;  /* scratch (max_n, max_n) */
};

/* Take the memory of one micro-batch from the arena (or only count, see mem.h; then t->start need
 * not begin at 0).  keep = true for training. */
void rtd_acts_take(struct rtd_acts *a, struct rtd_arena *arena, const struct rtd_encoder *enc,
                   const struct rtd_tokens *t, bool keep);

/* Dropout in one pass over a network; where a function takes NULL for it, nothing is dropped. */
struct rtd_pass {
    uint64_t seed;
    uint32_t
        number; /* 0 .. 15: passes over the same network and record, in one objective, differ */
};

/* Run the encoder with the values in block w; a->out is the result.  With keep, a->layer[i].x is
 * the input of layer i. */
void rtd_encoder_forward(const struct rtd_encoder *enc, const real *w, const struct rtd_tokens *t,
                         struct rtd_acts *a, const struct rtd_pass *drop);

/* d (T,h): in, the gradient of a->out; destroyed.  Adds into g, a block laid out like w.  Scratch
 * comes from the arena and is given back. */
void rtd_encoder_backward(const struct rtd_encoder *enc, const real *w, real *g,
                          const struct rtd_tokens *t, const struct rtd_acts *a, real *d,
                          struct rtd_arena *arena, const struct rtd_pass *drop);
/* Take (or count) the scratch of backward, for sizing an arena. */
void rtd_encoder_backward_scratch(struct rtd_arena *arena, const struct rtd_encoder *enc,
                                  const struct rtd_tokens *t);

/* --- the parts, for who works through a text in another order (incremental.h) --- */

/* The attention of a layer: ctx (T,h) from queries, keys and values qkv (T,3h). */
struct rtd_attention {
    void (*run)(void *arg, int layer, const real *qkv, real *ctx);
    void *arg;
};
/* Layer i on T rows: x (T,h) to out (T,h), which may be x.  Of l all but p is written; where no
 * backward pass follows, z1 and z2, mean1 and mean2, rstd1 and rstd2 may be the same memory.  t:
 * whose tokens the rows are; looked at for dropout alone. */
void rtd_encoder_layer(const struct rtd_encoder *enc, const real *w, int i, real *out,
                       const real *x, size_t T, const struct rtd_layer_acts *l,
                       const struct rtd_attention *attention, const struct rtd_tokens *t,
                       const struct rtd_pass *drop);
/* z (e): the sum of a token's three embeddings, which the LayerNorm is still to follow. */
void rtd_embed_token(const struct rtd_encoder *enc, const real *w, real *z, int32_t id,
                     uint8_t type, size_t position);
/* embeddings_project: y (T,e) to x (T,h). */
void rtd_embed_project(const struct rtd_encoder *enc, const real *w, real *x, const real *y,
                       size_t T);

/* y (M,N) = x (M,K) W^T + beta * y, W stored (N,K) as Hugging Face does. */
void rtd_linear(real *y, const real *x, const real *w, size_t M, size_t N, size_t K, real beta);
/* dx (M,K) = beta * dx + dy W (NULL: not wanted); dw (N,K) += dy^T x. */
void rtd_linear_bwd(real *dx, real *dw, const real *dy, const real *x, const real *w, size_t M,
                    size_t N, size_t K, real beta);

#endif
