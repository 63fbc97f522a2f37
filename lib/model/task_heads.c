/* rtdtools - MIT licence
 *
 * The heads of tasks, in the shapes of Hugging Face's Electra classes. */
#include <string.h>

#include "base/rng.h"
#include "model/heads.h"
#include "nn/gemm.h"

void rtd_token_head_layout(struct rtd_token_head *head, struct rtd_params *p,
                           const struct rtd_encoder *enc, const char *name, int labels)
{
    int depth = enc->layers + 1;
    *head = (struct rtd_token_head){.h = enc->h, .labels = (size_t)labels};
    head->w = rtd_params_add(p, enc->net, 0, RTD_INIT_GLOROT, depth, head->labels, enc->h,
                             "%s.weight", name);
    head->b =
        rtd_params_add(p, enc->net, 0, RTD_INIT_ZERO, depth, head->labels, 0, "%s.bias", name);
}

void rtd_token_head_fwd(const struct rtd_token_head *head, const real *w, real *logits,
                        const real *hidden, size_t T)
{
    rtd_linear(logits, hidden, w + head->w, T, head->labels, head->h, 0);
    rtd_kernels()->add_bias(logits, w + head->b, T, head->labels);
}

void rtd_class_head_layout(struct rtd_class_head *head, struct rtd_params *p,
                           const struct rtd_encoder *enc, const struct rtd_config *c)
{
    int depth = enc->layers + 1;
    size_t h = enc->h;
    *head = (struct rtd_class_head){.h = h, .labels = (size_t)c->num_labels};
    head->drop = c->classifier_dropout >= 0 ? c->classifier_dropout : c->hidden_dropout_prob;
    head->dense_w =
        rtd_params_add(p, enc->net, 0, RTD_INIT_GLOROT, depth, h, h, "classifier.dense.weight");
    head->dense_b =
        rtd_params_add(p, enc->net, 0, RTD_INIT_ZERO, depth, h, 0, "classifier.dense.bias");
    head->out_w = rtd_params_add(p, enc->net, 0, RTD_INIT_GLOROT, depth, head->labels, h,
                                 "classifier.out_proj.weight");
    head->out_b = rtd_params_add(p, enc->net, 0, RTD_INIT_ZERO, depth, head->labels, 0,
                                 "classifier.out_proj.bias");
}

void rtd_class_acts_take(struct rtd_class_acts *a, struct rtd_arena *arena,
                         const struct rtd_class_head *head, size_t n)
{
    a->x = rtd_arena_take(arena, n * head->h, sizeof(real));
    a->u = rtd_arena_take(arena, n * head->h, sizeof(real));
    a->y = rtd_arena_take(arena, n * head->h, sizeof(real));
}

/* The dropout in front of dense (site 0) or of out_proj (site 1), on one row a sequence. */
static void head_dropout(const struct rtd_class_head *head, real *x, const struct rtd_tokens *t,
                         uint32_t number, bool drop, uint64_t seed)
{
    if (!drop || head->drop == 0)
        return;
    for (size_t s = 0; s < t->nseq; s++) {
        struct rtd_drop d = {.seed = seed, .index = t->index[s]};
        d.site = RTD_RNG_DROP_HEAD << 16 | RTD_NET_DISCRIMINATOR << 8 | number;
        rtd_drop_rate(&d, head->drop);
        rtd_kernels()->dropout(x + s * head->h, 1, head->h, &d);
    }
}

void rtd_class_head_fwd(const struct rtd_class_head *head, const real *w, real *logits,
                        struct rtd_class_acts *a, const struct rtd_tokens *t, const real *hidden,
                        bool drop, uint64_t seed)
{
    const struct rtd_kernels *k = rtd_kernels();
    size_t h = head->h, n = t->nseq;
    for (size_t s = 0; s < n; s++)
        memcpy(a->x + s * h, hidden + t->start[s] * h, h * sizeof(real));
    head_dropout(head, a->x, t, 0, drop, seed);
    rtd_linear(a->u, a->x, w + head->dense_w, n, h, h, 0);
    k->bias_act_fwd(a->y, a->u, w + head->dense_b, n, h, RTD_GELU);
    head_dropout(head, a->y, t, 1, drop, seed);
    rtd_linear(logits, a->y, w + head->out_w, n, head->labels, h, 0);
    k->add_bias(logits, w + head->out_b, n, head->labels);
}

void rtd_class_head_bwd(const struct rtd_class_head *head, const real *w, real *g, real *d,
                        const real *dlogits, const struct rtd_class_acts *a,
                        const struct rtd_tokens *t, struct rtd_arena *arena, bool drop,
                        uint64_t seed)
{
    const struct rtd_kernels *k = rtd_kernels();
    size_t h = head->h, n = t->nseq, mark = arena->used;
    real *dy = rtd_arena_take(arena, n * h, sizeof *dy);
    real *dx = rtd_arena_take(arena, n * h, sizeof *dx);
    if (!arena->base) { /* only counting */
        arena->used = mark;
        return;
    }
    k->bias_bwd(g + head->out_b, dlogits, n, head->labels);
    rtd_linear_bwd(dy, g + head->out_w, dlogits, a->y, w + head->out_w, n, head->labels, h, 0);
    head_dropout(head, dy, t, 1, drop, seed);
    k->bias_act_bwd(dy, g + head->dense_b, a->u, n, h, RTD_GELU);
    rtd_linear_bwd(dx, g + head->dense_w, dy, a->x, w + head->dense_w, n, h, h, 0);
    head_dropout(head, dx, t, 0, drop, seed);
    memset(d, 0, t->start[n] * h * sizeof *d);
    for (size_t s = 0; s < n; s++)
        memcpy(d + t->start[s] * h, dx + s * h, h * sizeof *d);
    arena->used = mark;
}
