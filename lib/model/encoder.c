/* rtdtools - MIT licence */
#include "model/encoder.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "nn/gemm.h"

void rtd_encoder_layout(struct rtd_encoder *enc, struct rtd_params *p, const struct rtd_config *c,
                        int net, const char *prefix, const struct rtd_encoder *share)
{
    size_t e = (size_t)c->embedding_size, h = (size_t)c->hidden_size;
    size_t f = (size_t)c->intermediate_size;
    *enc = (struct rtd_encoder){
        .net = net,
        .e = e,
        .h = h,
        .f = f,
        .heads = (size_t)c->num_attention_heads,
        .layers = c->num_hidden_layers,
        .act = (enum rtd_activation)c->hidden_act, /* the two enums agree in order */
        .eps = (real)c->layer_norm_eps,
        .project = e != h,
        .vocab = (uint32_t)c->vocab_size,
        .positions = (uint32_t)c->max_position_embeddings,
        .types = (uint32_t)c->type_vocab_size,
        .hidden_drop = c->hidden_dropout_prob,
        .attn_drop = c->attention_probs_dropout_prob,
    };
    if (share) {
        enc->word = share->word;
        enc->position = share->position;
        enc->type = share->type;
        enc->ln_w = share->ln_w;
        enc->ln_b = share->ln_b;
    } else {
        enc->word = rtd_params_add(p, net, 0, RTD_INIT_NORMAL, 0, enc->vocab, e,
                                   "%sembeddings.word_embeddings.weight", prefix);
        enc->position = rtd_params_add(p, net, 0, RTD_INIT_NORMAL, 0, enc->positions, e,
                                       "%sembeddings.position_embeddings.weight", prefix);
        enc->type = rtd_params_add(p, net, 0, RTD_INIT_NORMAL, 0, enc->types, e,
                                   "%sembeddings.token_type_embeddings.weight", prefix);
        enc->ln_w = rtd_params_add(p, net, 0, RTD_INIT_ONE, 0, e, 0,
                                   "%sembeddings.LayerNorm.weight", prefix);
        enc->ln_b = rtd_params_add(p, net, 0, RTD_INIT_ZERO, 0, e, 0, "%sembeddings.LayerNorm.bias",
                                   prefix);
    }
    if (enc->project) {
        enc->proj_w = rtd_params_add(p, net, 0, RTD_INIT_GLOROT, 0, h, e,
                                     "%sembeddings_project.weight", prefix);
        enc->proj_b =
            rtd_params_add(p, net, 0, RTD_INIT_ZERO, 0, h, 0, "%sembeddings_project.bias", prefix);
    }
    for (int i = 0; i < enc->layers; i++) {
        struct rtd_layer *l = &enc->layer[i];
        static const char *const part[3] = {"query", "key", "value"};
        for (int k = 0; k < 3; k++) {
            size_t at =
                rtd_params_add(p, net, k ? RTD_PACKED : 0, RTD_INIT_NORMAL, i + 1, h, h,
                               "%sencoder.layer.%d.attention.self.%s.weight", prefix, i, part[k]);
            if (k == 0)
                l->qkv_w = at;
        }
        for (int k = 0; k < 3; k++) {
            size_t at =
                rtd_params_add(p, net, k ? RTD_PACKED : 0, RTD_INIT_ZERO, i + 1, h, 0,
                               "%sencoder.layer.%d.attention.self.%s.bias", prefix, i, part[k]);
            if (k == 0)
                l->qkv_b = at;
        }
#define ADD(field, init, d0, d1, name) \
    l->field = rtd_params_add(p, net, 0, init, i + 1, d0, d1, "%sencoder.layer.%d." name, prefix, i)
        ADD(attn_w, RTD_INIT_NORMAL, h, h, "attention.output.dense.weight");
        ADD(attn_b, RTD_INIT_ZERO, h, 0, "attention.output.dense.bias");
        ADD(ln1_w, RTD_INIT_ONE, h, 0, "attention.output.LayerNorm.weight");
        ADD(ln1_b, RTD_INIT_ZERO, h, 0, "attention.output.LayerNorm.bias");
        ADD(ffn1_w, RTD_INIT_NORMAL, f, h, "intermediate.dense.weight");
        ADD(ffn1_b, RTD_INIT_ZERO, f, 0, "intermediate.dense.bias");
        ADD(ffn2_w, RTD_INIT_NORMAL, h, f, "output.dense.weight");
        ADD(ffn2_b, RTD_INIT_ZERO, h, 0, "output.dense.bias");
        ADD(ln2_w, RTD_INIT_ONE, h, 0, "output.LayerNorm.weight");
        ADD(ln2_b, RTD_INIT_ZERO, h, 0, "output.LayerNorm.bias");
#undef ADD
    }
}

static real *take(struct rtd_arena *arena, size_t n)
{
    return rtd_arena_take(arena, n, sizeof(real));
}

static size_t sequence_length(const struct rtd_tokens *t, size_t s)
{
    return t->start[s + 1] - t->start[s];
}

static size_t token_count(const struct rtd_tokens *t)
{
    return t->start[t->nseq] - t->start[0];
}

static size_t longest(const struct rtd_tokens *t)
{
    size_t n = 0;
    for (size_t s = 0; s < t->nseq; s++)
        if (sequence_length(t, s) > n)
            n = sequence_length(t, s);
    return n;
}

void rtd_acts_take(struct rtd_acts *a, struct rtd_arena *arena, const struct rtd_encoder *enc,
                   const struct rtd_tokens *t, bool keep)
{
    size_t T = token_count(t), h = enc->h, squares = 0;
    a->T = T;
    a->keep = keep;
    a->max_n = longest(t);
    for (size_t s = 0; s < t->nseq; s++)
        squares += sequence_length(t, s) * sequence_length(t, s);
    a->ez = take(arena, T * enc->e);
    a->emean = take(arena, T);
    a->erstd = take(arena, T);
    a->ey = take(arena, T * enc->e);
    real *x = enc->project ? take(arena, T * h) : a->ey;
    for (int i = 0; i < enc->layers; i++) {
        struct rtd_layer_acts *l = &a->layer[i];
        if (i > 0 && !keep) {
            *l = a->layer[0];
            l->x = a->out;
            continue;
        }
        l->x = x;
        l->qkv = take(arena, T * 3 * h);
        l->p = take(arena, squares * enc->heads);
        l->ctx = take(arena, T * h);
        l->z1 = take(arena, T * h);
        l->mean1 = take(arena, T);
        l->rstd1 = take(arena, T);
        l->x1 = take(arena, T * h);
        l->u = take(arena, T * enc->f);
        l->g = take(arena, T * enc->f);
        l->z2 = take(arena, T * h);
        l->mean2 = take(arena, T);
        l->rstd2 = take(arena, T);
        x = take(arena, T * h);
        a->out = x;
    }
    a->pd = take(arena, a->max_n * a->max_n);
}

void rtd_linear(real *y, const real *x, const real *w, size_t M, size_t N, size_t K, real beta)
{
    rtd_gemm(false, true, M, N, K, 1, x, K, w, K, beta, y, N);
}

void rtd_linear_bwd(real *dx, real *dw, const real *dy, const real *x, const real *w, size_t M,
                    size_t N, size_t K, real beta)
{
    if (dx)
        rtd_gemm(false, false, M, K, N, 1, dy, N, w, K, beta, dx, K);
    rtd_gemm(true, false, N, K, M, 1, dy, N, x, K, 1, dw, K);
}

/* The dropout site of a record, or NULL. */
static const struct rtd_drop *site(struct rtd_drop *d, const struct rtd_encoder *enc,
                                   const struct rtd_pass *drop, double rate, uint32_t purpose,
                                   int layer, uint64_t index)
{
    if (!drop || rate == 0)
        return NULL;
    *d = (struct rtd_drop){.seed = drop->seed, .index = index};
    d->site = purpose << 16 | drop->number << 12 | (uint32_t)enc->net << 8 | (uint32_t)layer;
    rtd_drop_rate(d, rate);
    return d;
}

void rtd_embed_token(const struct rtd_encoder *enc, const real *w, real *z, int32_t id,
                     uint8_t type, size_t position)
{
    size_t e = enc->e;
    const real *word = w + enc->word + (size_t)id * e, *place = w + enc->position + position * e;
    const real *segment = w + enc->type + type * e;
    for (size_t c = 0; c < e; c++)
        z[c] = word[c] + segment[c] + place[c];
}

void rtd_embed_project(const struct rtd_encoder *enc, const real *w, real *x, const real *y,
                       size_t T)
{
    rtd_linear(x, y, w + enc->proj_w, T, enc->h, enc->e, 0);
    rtd_kernels()->add_bias(x, w + enc->proj_b, T, enc->h);
}

static void embed_fwd(const struct rtd_encoder *enc, const real *w, const struct rtd_tokens *t,
                      struct rtd_acts *a, const struct rtd_pass *drop)
{
    const struct rtd_kernels *k = rtd_kernels();
    size_t e = enc->e;
    for (size_t s = 0; s < t->nseq; s++) {
        size_t from = t->start[s], n = sequence_length(t, s);
        for (size_t i = 0; i < n; i++)
            rtd_embed_token(enc, w, a->ez + (from + i) * e, t->ids[from + i], t->types[from + i],
                            i);
        struct rtd_drop d;
        k->layernorm_fwd(a->ey + from * e, a->emean + from, a->erstd + from, a->ez + from * e,
                         w + enc->ln_w, w + enc->ln_b, n, e, enc->eps);
        if (site(&d, enc, drop, enc->hidden_drop, RTD_RNG_DROP_EMBED, 0, t->index[s]))
            k->dropout(a->ey + from * e, n, e, &d);
    }
    if (enc->project)
        rtd_embed_project(enc, w, a->layer[0].x, a->ey, a->T);
}

/* Scores (n,n) that the prefix mask forbids: exp makes them 0, forwards and backwards. */
static void mask_scores(real *p, size_t n, size_t prefix)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i < prefix ? prefix : i + 1; k < n; k++)
            p[i * n + k] = -INFINITY;
}

/* The attention of whole sequences. */
struct whole {
    const struct rtd_encoder *enc;
    const struct rtd_tokens *t;
    const struct rtd_acts *a;
    const struct rtd_pass *drop;
};

static void attend_whole(void *arg, int layer, const real *all, real *ctx)
{
    const struct whole *b = arg;
    const struct rtd_encoder *enc = b->enc;
    const struct rtd_tokens *t = b->t;
    const struct rtd_kernels *k = rtd_kernels();
    size_t h = enc->h, width = h / enc->heads;
    real scale = 1 / (real)sqrt((double)width), *p = b->a->layer[layer].p;
    for (size_t s = 0; s < t->nseq; s++) {
        size_t from = t->start[s], n = sequence_length(t, s);
        const real *qkv = all + from * 3 * h;
        for (size_t head = 0; head < enc->heads; head++, p += n * n) {
            const real *q = qkv + head * width, *key = q + h, *v = key + h;
            struct rtd_drop d;
            const struct rtd_drop *dp =
                site(&d, enc, b->drop, enc->attn_drop, RTD_RNG_DROP_ATTN, layer, t->index[s]);
            d.row0 = (uint32_t)(head * n);
            rtd_gemm(false, true, n, n, width, 1, q, 3 * h, key, 3 * h, 0, p, n);
            if (t->prefix)
                mask_scores(p, n, t->prefix[s]);
            k->softmax_fwd(p, b->a->pd, n, n, scale, dp);
            rtd_gemm(false, false, n, width, n, 1, dp ? b->a->pd : p, n, v, 3 * h, 0,
                     ctx + from * h + head * width, h);
        }
    }
}

/* What a sub-layer ends with: y = LayerNorm(dropout(z + bias) + x), kept in z. */
struct norm {
    size_t bias, w, b; /* offsets */
    uint32_t purpose;  /* of the dropout */
    int layer;
};

static void add_norm(const struct rtd_encoder *enc, const real *w, const struct norm *o, real *y,
                     real *z, real *mean, real *rstd, const real *x, size_t T,
                     const struct rtd_tokens *t, const struct rtd_pass *drop)
{
    size_t h = enc->h;
    for (size_t s = 0; s < (drop ? t->nseq : 1); s++) { /* without dropout rows are all alike */
        size_t from = drop ? t->start[s] : 0, n = drop ? sequence_length(t, s) : T, at = from * h;
        struct rtd_drop d;
        rtd_kernels()->residual_layernorm_fwd(
            y + at, z + at, mean + from, rstd + from, x + at, w + o->bias, w + o->w, w + o->b, n, h,
            enc->eps,
            site(&d, enc, drop, enc->hidden_drop, o->purpose, o->layer, drop ? t->index[s] : 0));
    }
}

void rtd_encoder_layer(const struct rtd_encoder *enc, const real *w, int i, real *out,
                       const real *x, size_t T, const struct rtd_layer_acts *l,
                       const struct rtd_attention *attention, const struct rtd_tokens *t,
                       const struct rtd_pass *drop)
{
    const struct rtd_kernels *k = rtd_kernels();
    const struct rtd_layer *o = &enc->layer[i];
    const struct norm first = {o->attn_b, o->ln1_w, o->ln1_b, RTD_RNG_DROP_ATTNOUT, i};
    const struct norm second = {o->ffn2_b, o->ln2_w, o->ln2_b, RTD_RNG_DROP_FFN, i};
    size_t h = enc->h, f = enc->f;
    rtd_linear(l->qkv, x, w + o->qkv_w, T, 3 * h, h, 0);
    k->add_bias(l->qkv, w + o->qkv_b, T, 3 * h);
    attention->run(attention->arg, i, l->qkv, l->ctx);
    rtd_linear(l->z1, l->ctx, w + o->attn_w, T, h, h, 0);
    add_norm(enc, w, &first, l->x1, l->z1, l->mean1, l->rstd1, x, T, t, drop);
    rtd_linear(l->u, l->x1, w + o->ffn1_w, T, f, h, 0);
    k->bias_act_fwd(l->g, l->u, w + o->ffn1_b, T, f, enc->act);
    rtd_linear(l->z2, l->g, w + o->ffn2_w, T, h, f, 0);
    add_norm(enc, w, &second, out, l->z2, l->mean2, l->rstd2, l->x1, T, t, drop);
}

void rtd_encoder_forward(const struct rtd_encoder *enc, const real *w, const struct rtd_tokens *t,
                         struct rtd_acts *a, const struct rtd_pass *drop)
{
    struct whole whole = {.enc = enc, .t = t, .a = a, .drop = drop};
    const struct rtd_attention attention = {.run = attend_whole, .arg = &whole};
    embed_fwd(enc, w, t, a, drop);
    if (!a->keep && enc->layers > 0) /* the embeddings enter where every layer's output goes */
        memcpy(a->out, a->layer[0].x, a->T * enc->h * sizeof(real));
    for (int i = 0; i < enc->layers; i++) {
        real *x = a->keep ? a->layer[i].x : a->out;
        real *out = !a->keep || i + 1 == enc->layers ? a->out : a->layer[i + 1].x;
        rtd_encoder_layer(enc, w, i, out, x, a->T, &a->layer[i], &attention, t, drop);
    }
}

struct scratch {
    real *dz;   /* (T,h) */
    real *wide; /* (T, max(f, 3h)) */
    real *dctx; /* (T,h) */
    real *dp;   /* (n,n) */
    real *pd;   /* (n,n) */
    real *de;   /* (T,e) */
};

static void take_scratch(struct scratch *s, struct rtd_arena *arena, const struct rtd_encoder *enc,
                         const struct rtd_tokens *t)
{
    size_t T = token_count(t), n = longest(t);
    size_t wide = enc->f > 3 * enc->h ? enc->f : 3 * enc->h;
    s->dz = take(arena, T * enc->h);
    s->wide = take(arena, T * wide);
    s->dctx = take(arena, T * enc->h);
    s->dp = take(arena, n * n);
    s->pd = take(arena, n * n);
    s->de = enc->project ? take(arena, T * enc->e) : NULL;
}

void rtd_encoder_backward_scratch(struct rtd_arena *arena, const struct rtd_encoder *enc,
                                  const struct rtd_tokens *t)
{
    struct scratch s;
    take_scratch(&s, arena, enc, t);
}

static void attention_bwd(const struct rtd_encoder *enc, const struct rtd_tokens *t,
                          const struct rtd_acts *a, int layer, struct scratch *b,
                          const struct rtd_pass *drop)
{
    const struct rtd_kernels *k = rtd_kernels();
    const struct rtd_layer_acts *l = &a->layer[layer];
    size_t h = enc->h, width = h / enc->heads;
    real scale = 1 / (real)sqrt((double)width);
    const real *p = l->p;
    for (size_t s = 0; s < t->nseq; s++) {
        size_t from = t->start[s], n = sequence_length(t, s);
        for (size_t head = 0; head < enc->heads; head++, p += n * n) {
            const real *q = l->qkv + from * 3 * h + head * width, *key = q + h, *v = key + h;
            real *dq = b->wide + from * 3 * h + head * width, *dk = dq + h, *dv = dk + h;
            const real *dctx = b->dctx + from * h + head * width;
            struct rtd_drop d;
            const struct rtd_drop *dp =
                site(&d, enc, drop, enc->attn_drop, RTD_RNG_DROP_ATTN, layer, t->index[s]);
            d.row0 = (uint32_t)(head * n);
            rtd_gemm(false, true, n, n, width, 1, dctx, h, v, 3 * h, 0, b->dp, n);
            k->softmax_bwd(b->dp, b->pd, p, n, n, scale, dp);
            rtd_gemm(true, false, n, width, n, 1, dp ? b->pd : p, n, dctx, h, 0, dv, 3 * h);
            rtd_gemm(false, false, n, width, n, 1, b->dp, n, key, 3 * h, 0, dq, 3 * h);
            rtd_gemm(true, false, n, width, n, 1, b->dp, n, q, 3 * h, 0, dk, 3 * h);
        }
    }
}

static void embed_bwd(const struct rtd_encoder *enc, const real *w, real *g,
                      const struct rtd_tokens *t, const struct rtd_acts *a, real *d,
                      struct scratch *b, const struct rtd_pass *drop)
{
    const struct rtd_kernels *k = rtd_kernels();
    size_t e = enc->e;
    real *de = d;
    if (enc->project) {
        de = b->de;
        k->bias_bwd(g + enc->proj_b, d, a->T, enc->h);
        rtd_linear_bwd(de, g + enc->proj_w, d, a->ey, w + enc->proj_w, a->T, enc->h, e, 0);
    }
    for (size_t s = 0; s < t->nseq; s++) {
        size_t from = t->start[s], n = sequence_length(t, s);
        struct rtd_drop dr;
        if (site(&dr, enc, drop, enc->hidden_drop, RTD_RNG_DROP_EMBED, 0, t->index[s]))
            k->dropout(de + from * e, n, e, &dr);
        k->layernorm_bwd(de + from * e, g + enc->ln_w, g + enc->ln_b, de + from * e,
                         a->ez + from * e, w + enc->ln_w, a->emean + from, a->erstd + from, n, e);
        for (size_t i = 0; i < n; i++) {
            const real *row = de + (from + i) * e;
            k->add(g + enc->word + (size_t)t->ids[from + i] * e, row, e);
            k->add(g + enc->type + t->types[from + i] * e, row, e);
            k->add(g + enc->position + i * e, row, e);
        }
    }
}

void rtd_encoder_backward(const struct rtd_encoder *enc, const real *w, real *g,
                          const struct rtd_tokens *t, const struct rtd_acts *a, real *d,
                          struct rtd_arena *arena, const struct rtd_pass *drop)
{
    const struct rtd_kernels *k = rtd_kernels();
    size_t T = a->T, h = enc->h, f = enc->f, mark = arena->used;
    struct scratch b;
    take_scratch(&b, arena, enc, t);
    for (int i = enc->layers - 1; i >= 0; i--) {
        const struct rtd_layer *o = &enc->layer[i];
        const struct rtd_layer_acts *l = &a->layer[i];
        for (size_t s = 0; s < t->nseq; s++) {
            size_t from = t->start[s], n = sequence_length(t, s), at = from * h;
            struct rtd_drop dr;
            k->residual_layernorm_bwd(
                b.dz + at, d + at, g + o->ffn2_b, g + o->ln2_w, g + o->ln2_b, d + at, l->z2 + at,
                w + o->ln2_w, l->mean2 + from, l->rstd2 + from, n, h,
                site(&dr, enc, drop, enc->hidden_drop, RTD_RNG_DROP_FFN, i, t->index[s]));
        }
        rtd_linear_bwd(b.wide, g + o->ffn2_w, b.dz, l->g, w + o->ffn2_w, T, h, f, 0);
        k->bias_act_bwd(b.wide, g + o->ffn1_b, l->u, T, f, enc->act);
        rtd_linear_bwd(d, g + o->ffn1_w, b.wide, l->x1, w + o->ffn1_w, T, f, h, 1);
        for (size_t s = 0; s < t->nseq; s++) {
            size_t from = t->start[s], n = sequence_length(t, s), at = from * h;
            struct rtd_drop dr;
            k->residual_layernorm_bwd(
                b.dz + at, d + at, g + o->attn_b, g + o->ln1_w, g + o->ln1_b, d + at, l->z1 + at,
                w + o->ln1_w, l->mean1 + from, l->rstd1 + from, n, h,
                site(&dr, enc, drop, enc->hidden_drop, RTD_RNG_DROP_ATTNOUT, i, t->index[s]));
        }
        rtd_linear_bwd(b.dctx, g + o->attn_w, b.dz, l->ctx, w + o->attn_w, T, h, h, 0);
        attention_bwd(enc, t, a, i, &b, drop);
        k->bias_bwd(g + o->qkv_b, b.wide, T, 3 * h);
        rtd_linear_bwd(d, g + o->qkv_w, b.wide, l->x, w + o->qkv_w, T, 3 * h, h, 1);
    }
    embed_bwd(enc, w, g, t, a, d, &b, drop);
    arena->used = mark;
}
