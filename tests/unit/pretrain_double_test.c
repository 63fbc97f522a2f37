/* rtdtools - MIT licence
 *
 * Gradients of whole losses against finite differences, in double: pre-training (both networks,
 * both heads, shared embeddings, the warm-up phase) and every task of fine-tuning; dropout off and
 * on with the same masks; several lanes and micro-batches.  Samples are given, so that the loss is
 * a smooth function of the weights.
 *
 * The difference is the fourth-order one, (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h.  With
 * weights of order 1 and h = 3e-4 its truncation error is about h^4 = 1e-14 times a fifth
 * derivative (large where a LayerNorm sees a few close numbers), and rounding adds 1e-16 times the
 * loss over h, which is some 1e-11 for losses of order 50.  So 2e-9 of the tensor's largest
 * gradient, or 2e-10 where that is tiny, leaves room for that and for nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "finetune/loss.h"
#include "objective/pretrain.h"

#define STEP 3e-4
#define RELATIVE 2e-9
#define ABSOLUTE 2e-10

/* A tensor of at most PER_ELEMENT numbers is checked in each of them, any other in a few and along
 * DIRECTIONS; all tensors of a problem together along WHOLE. */
enum { PER_ELEMENT = 24, DIRECTIONS = 2, FEW = 2, WHOLE = 5 };

static uint32_t drawn;

static double uniform(void)
{
    return rtd_unit(rtd_rand32(11, RTD_RNG_SPLIT, 0, 0, 0, drawn++));
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(uniform() * n);
}

/* --- a loss as a function of one block of parameters --- */
struct problem {
    struct rtd_params *params;
    bool each; /* look at every tensor for itself */
    double (*loss)(const struct problem *, real **grad);
    struct rtd_pretrain *pre;
    const struct rtd_masked_batch *masked;
    const struct rtd_objective *objective;
    struct rtd_finetune_net *fine;
    const struct rtd_batch_view *task;
};

static double pretrain_loss(const struct problem *q, real **grad)
{
    struct rtd_err err = {0};
    struct rtd_sums s;
    assert_int_equal(rtd_pretrain_batch(q->pre, q->objective, q->masked, grad, &s, &err), RTD_OK);
    return q->objective->loss(q->pre, &s);
}

static double finetune_loss(const struct problem *q, real **grad)
{
    struct rtd_err err = {0};
    double sum;
    assert_int_equal(rtd_finetune_net_gradient(q->fine, q->task, grad, &sum, &err), RTD_OK);
    return q->fine->o.loss_mean ? sum / q->task->target[0].count : sum;
}

/* The difference along u (count numbers from offset; NULL: element k alone). */
static double difference(const struct problem *q, size_t offset, size_t count, size_t k,
                         const double *u)
{
    real *w = q->params->w + offset, *grad;
    static const double at[4] = {1, -1, 2, -2}, weight[4] = {8, -8, -1, 1};
    double sum = 0, *old = malloc(count * sizeof *old);
    assert_non_null(old);
    memcpy(old, w, count * sizeof *old);
    for (int i = 0; i < 4; i++) {
        for (size_t e = 0; u && e < count; e++)
            w[e] = old[e] + at[i] * STEP * u[e];
        if (!u)
            w[k] = old[k] + at[i] * STEP;
        sum += weight[i] * q->loss(q, &grad);
    }
    memcpy(w, old, count * sizeof *old);
    free(old);
    return sum / (12 * STEP);
}

static double worst;

static void same(const char *name, size_t k, double fd, double g, double scale)
{
    double error = fabs(fd - g), limit = fmax(RELATIVE * scale, ABSOLUTE);
    worst = fmax(worst, error / limit);
    if (!(error <= limit))
        fail_msg("%s, element or direction %zu: difference %.12g, gradient %.12g, limit %.2g", name,
                 k, fd, g, limit);
}

/* A random direction of length 1, so that the step along it is no larger than for an element. */
static void direction(double *u, size_t n)
{
    double sum = 0;
    for (size_t e = 0; e < n; e++) {
        u[e] = uniform() - 0.5;
        sum += u[e] * u[e];
    }
    for (size_t e = 0; e < n; e++)
        u[e] /= sqrt(sum);
}

static void check_tensor(const struct problem *q, const struct rtd_param *t, const real *g)
{
    double scale = 0, *u = malloc(t->count * sizeof *u);
    assert_non_null(u);
    for (size_t k = 0; k < t->count; k++)
        scale = fmax(scale, fabs(g[k]));
    bool all = t->count <= PER_ELEMENT;
    for (size_t i = 0; i < (all ? t->count : FEW); i++) {
        size_t k = all ? i : below((uint32_t)t->count);
        same(t->name, k, difference(q, t->offset, t->count, k, NULL), g[k], scale);
    }
    for (size_t d = 0; d < DIRECTIONS && !all; d++) {
        double along = 0;
        direction(u, t->count);
        for (size_t k = 0; k < t->count; k++)
            along += u[k] * g[k];
        same(t->name, d, difference(q, t->offset, t->count, 0, u), along, scale);
    }
    free(u);
}

/* All tensors at once, each with a direction of its own of the same length. */
static void check_whole(const struct problem *q, const real *g)
{
    double *u = calloc(q->params->total, sizeof *u);
    assert_non_null(u);
    for (size_t d = 0; d < WHOLE; d++) {
        double along = 0, scale = 0;
        for (int i = 0; i < q->params->n; i++) {
            const struct rtd_param *t = &q->params->item[i];
            direction(u + t->offset, t->count);
            for (size_t k = t->offset; k < t->offset + t->count; k++) {
                along += u[k] * g[k];
                scale = fmax(scale, fabs(g[k]));
            }
        }
        same("all tensors", d, difference(q, 0, q->params->total, 0, u), along, scale);
    }
    free(u);
}

static void check(const struct problem *q)
{
    real *grad;
    drawn = 12345;
    q->loss(q, &grad);
    double *g = malloc(q->params->total * sizeof *g);
    assert_non_null(g);
    memcpy(g, grad, q->params->total * sizeof *g);
    for (int i = 0; i < q->params->n && q->each; i++)
        check_tensor(q, &q->params->item[i], g + q->params->item[i].offset);
    check_whole(q, g);
    free(g);
}

/* --- networks and batches --- */
struct shape {
    int embedding, hidden, heads, ffn, layers, generator, generator_layers, generator_heads;
    int vocab, positions, types, sequences;
    double hidden_drop, attention_drop;
};

static const struct shape projected = {5, 9, 3, 13, 2, 7, 1, 1, 23, 11, 2, 5, 0.2, 0.3};
static const struct shape square = {7, 7, 7, 11, 1, 7, 2, 1, 19, 11, 3, 5, 0.25, 0.1};
static const struct shape large = {20, 36, 4, 97, 2, 28, 2, 2, 211, 41, 2, 25, 0.1, 0.1};

static struct rtd_config configuration(const struct shape *s)
{
    struct rtd_config c;
    rtd_config_init(&c);
    strcpy(c.model_type, "electra");
    c.vocab_size = s->vocab;
    c.embedding_size = s->embedding;
    c.hidden_size = s->hidden;
    c.num_hidden_layers = s->layers;
    c.num_attention_heads = s->heads;
    c.intermediate_size = s->ffn;
    c.max_position_embeddings = s->positions;
    c.type_vocab_size = s->types;
    c.hidden_dropout_prob = s->hidden_drop;
    c.attention_probs_dropout_prob = s->attention_drop;
    return c;
}

/* Weights of order 1 everywhere, LayerNorm gains around 1: every path carries weight. */
static void fill(const struct rtd_params *p)
{
    for (int i = 0; i < p->n; i++) {
        const struct rtd_param *t = &p->item[i];
        double spread = t->ndim == 2 ? 2 / sqrt((double)t->dims[1]) : 1;
        for (size_t k = 0; k < t->count; k++)
            p->w[t->offset + k] = spread * (uniform() - 0.5) + (t->init == RTD_INIT_ONE);
    }
}

/* Sequences of 1, 2, 3, ... tokens up to the number of positions; none, some or all of the inner
 * ones are masked; a third of the samples are the original. */
struct batch {
    struct rtd_masked_batch b;
    int32_t *sampled, *labels;
};

static void *zeros(size_t n)
{
    void *x = calloc(n, 8);
    assert_non_null(x);
    return x;
}

static struct batch make_batch(const struct shape *s)
{
    struct batch a = {.b = {.nseq = (size_t)s->sequences}};
    size_t n = a.b.nseq, cells = n * (size_t)s->positions;
    uint32_t vocab = (uint32_t)s->vocab;
    a.b.start = zeros(n + 1);
    a.b.mstart = zeros(n + 1);
    a.b.ids = zeros(cells);
    a.b.types = zeros(cells);
    a.b.positions = zeros(cells);
    a.b.originals = zeros(cells);
    a.b.index = zeros(n);
    a.sampled = zeros(cells);
    a.labels = zeros(n);
    static const int lengths[5] = {7, 1, 3, 11, 2};
    for (size_t i = 0; i < n; i++) {
        int length = n == 5 ? lengths[i] : 1 + (int)below((uint32_t)s->positions);
        uint32_t at = a.b.start[i], slots = a.b.mstart[i];
        for (int t = 0; t < length; t++) {
            a.b.ids[at + (uint32_t)t] = (int32_t)below(vocab);
            a.b.types[at + (uint32_t)t] = (uint8_t)below((uint32_t)s->types);
            if (i % 3 != 2 && t > 0 && uniform() < 0.4) {
                int32_t original = (int32_t)below(vocab), other = (int32_t)below(vocab);
                a.b.positions[slots] = t;
                a.b.originals[slots] = original;
                a.sampled[slots++] = uniform() < 0.3 ? original : other;
            }
        }
        a.b.start[i + 1] = at + (uint32_t)length;
        a.b.mstart[i + 1] = slots;
        a.b.index[i] = 1000 + 3 * i;
        a.labels[i] = (int32_t)below(3);
    }
    a.b.tokens = a.b.start[n];
    a.b.slots = a.b.mstart[n];
    a.b.sampled = a.sampled;
    return a;
}

static void free_batch(struct batch *a)
{
    void *all[] = {a->b.start,     a->b.mstart, a->b.ids,   a->b.types, a->b.positions,
                   a->b.originals, a->b.index,  a->sampled, a->labels};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

struct variant {
    bool each, drop;
    const struct rtd_objective *objective;
    double gen_weight, disc_weight;
    int lanes;
    size_t micro; /* sequences */
};

static void pretrain(const struct shape *s, const struct variant *v)
{
    struct rtd_err err = {0};
    struct rtd_pool *pool;
    struct rtd_config disc = configuration(s), gen = configuration(s);
    struct rtd_pretrain_options o;
    struct problem q = {.each = v->each, .loss = pretrain_loss, .objective = v->objective};
    gen.hidden_size = s->generator;
    gen.num_hidden_layers = s->generator_layers;
    gen.num_attention_heads = s->generator_heads;
    gen.intermediate_size = 4 * s->generator;
    rtd_pretrain_defaults(&o);
    o.gen_weight = v->gen_weight;
    o.disc_weight = v->disc_weight;
    o.clm_share = 0.3;
    o.contrast_temperature = 0.6;
    o.drop = v->drop;
    o.lanes = v->lanes;
    o.micro_sequences = v->micro;
    o.micro_tokens = 100000;
    o.phases.at[0].objective = v->objective;
    if (v->objective == &rtd_mlm_warmup) /* which ELECTRA follows */
        o.phases.at[o.phases.n++] = (struct rtd_phase){&rtd_electra, 0.5};
    drawn = 0;
    assert_int_equal(rtd_pool_new(&pool, 1, &err), RTD_OK);
    assert_int_equal(rtd_pretrain_new(&q.pre, &disc, &gen, &o, pool, &err), RTD_OK);
    q.params = &q.pre->params;
    fill(q.params);
    struct batch a = make_batch(s);
    q.masked = &a.b;
    check(&q);
    free_batch(&a);
    rtd_pretrain_free(q.pre);
    rtd_pool_free(pool);
    rtd_config_free(&disc);
    rtd_config_free(&gen);
}

static void each_tensor_projected(void **state)
{
    (void)state;
    pretrain(&projected, &(struct variant){true, true, &rtd_electra, 1, 50, 1, 0});
}

static void each_tensor_square(void **state)
{
    (void)state;
    pretrain(&square, &(struct variant){true, false, &rtd_electra, 1, 50, 1, 0});
}

static void warm_up_phase(void **state)
{
    (void)state;
    pretrain(&projected, &(struct variant){true, true, &rtd_mlm_warmup, 0.7, 50, 2, 2});
    pretrain(&square, &(struct variant){false, false, &rtd_mlm_warmup, 1, 50, 1, 0});
}

static void masked_lm_alone(void **state)
{
    (void)state;
    pretrain(&projected, &(struct variant){true, true, &rtd_mlm, 0.7, 50, 2, 2});
    pretrain(&square, &(struct variant){false, false, &rtd_mlm, 1, 50, 1, 0});
}

static void causal(void **state)
{
    (void)state;
    pretrain(&projected, &(struct variant){true, true, &rtd_clm, 0.7, 50, 2, 2});
    pretrain(&square, &(struct variant){false, false, &rtd_clm, 1, 50, 1, 0});
    pretrain(&projected, &(struct variant){false, true, &rtd_mixed, 1, 50, 4, 1});
    pretrain(&projected, &(struct variant){true, true, &rtd_mixed, 0.7, 50, 2, 4});
}

static void replaced_words(void **state)
{
    (void)state;
    static const struct rtd_objective *const objectives[] = {&rtd_electra_15, &rtd_replace_mlm,
                                                             &rtd_all_tokens_mlm};
    for (size_t i = 0; i < 3; i++) {
        pretrain(&projected, &(struct variant){true, true, objectives[i], 0.7, 20, 2, 2});
        pretrain(&square, &(struct variant){false, false, objectives[i], 1, 50, 1, 0});
    }
}

static void texts_by_their_crops(void **state)
{
    (void)state;
    pretrain(&projected, &(struct variant){true, true, &rtd_contrast, 0.7, 50, 2, 2});
    pretrain(&square, &(struct variant){false, false, &rtd_contrast, 1, 50, 1, 0});
}

static void weights_lanes_micro_batches(void **state)
{
    (void)state;
    static const struct variant variants[] = {
        {false, false, &rtd_electra, 1, 50, 1, 1}, {false, true, &rtd_electra, 0.3, 7, 4, 1},
        {false, false, &rtd_electra, 0, 7, 2, 2},  {false, true, &rtd_electra, 2, 0, 8, 2},
        {false, true, &rtd_electra, 1, 50, 8, 0},
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        pretrain(&projected, &variants[i]);
        pretrain(&square, &variants[i]);
    }
}

/* More masked rows than are in memory at once, wide rows, many sequences. */
static void large_batch(void **state)
{
    (void)state;
    pretrain(&large, &(struct variant){false, false, &rtd_electra, 1, 50, 1, 0});
    pretrain(&large, &(struct variant){false, true, &rtd_electra, 1, 50, 4, 5});
    pretrain(&large, &(struct variant){false, true, &rtd_mlm_warmup, 1, 50, 1, 0});
}

/* What the heads are told of a batch, for any task: labels, values, tags, spans, units of one to
 * three sequences. */
struct told {
    int32_t *label, *token, (*span)[2];
    float *value, weight[3];
    uint32_t *unit, *prefix;
    size_t units;
};

static struct told tell(const struct batch *a)
{
    size_t n = a->b.nseq, tokens = a->b.start[n];
    struct told t = {.weight = {0.5f, 2, 1.25f}};
    t.label = zeros(n);
    t.value = zeros(3 * n);
    t.token = zeros(tokens);
    t.span = zeros(n);
    t.unit = zeros(n + 1);
    t.prefix = zeros(n);
    for (size_t i = 0; i < 3 * n; i++)
        t.value[i] = (float)uniform();
    for (size_t i = 0; i < tokens; i++)
        t.token[i] = (int32_t)below(4) - 1;
    for (size_t i = 0; i < n; i++)
        t.prefix[i] = 1 + below(a->b.start[i + 1] - a->b.start[i]);
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 2; k++)
            t.span[i][k] = (int32_t)below(a->b.start[i + 1] - a->b.start[i]);
    for (size_t at = 0; at < n; t.units++) {
        t.unit[t.units] = (uint32_t)at;
        t.label[at] = 1; /* the right candidate */
        at += 1 + below(3);
    }
    t.unit[t.units] = (uint32_t)n;
    return t;
}

static void free_told(struct told *t)
{
    free(t->label);
    free(t->value);
    free(t->token);
    free(t->span);
    free(t->unit);
    free(t->prefix);
}

struct tuning {
    enum rtd_task task;
    bool bert, each, drop, mean, both; /* both: with a second head that tags */
    double smoothing;
    int lanes;
    size_t micro;
};

static struct rtd_network *network_for(const struct shape *s, const struct tuning *v)
{
    char *labels[] = {(char[]){"a"}, (char[]){"b"}, (char[]){"c"}};
    static const int outputs[] = {
        [RTD_TASK_CLASSIFY] = 3, [RTD_TASK_REGRESS] = 1, [RTD_TASK_MULTILABEL] = 3,
        [RTD_TASK_TAG] = 3,      [RTD_TASK_ANSWER] = 2,  [RTD_TASK_RANK] = 1,
        [RTD_TASK_GENERATE] = 0};
    struct rtd_err err = {0};
    struct rtd_config c = configuration(s);
    struct rtd_network *net;
    struct rtd_head_spec spec[2] = {
        {.task = v->task, .texts = 1, .range = 1, .outputs = outputs[v->task]},
        {.task = RTD_TASK_TAG,
         .name = "slots",
         .texts = 1,
         .range = 1,
         .label = labels,
         .outputs = 3}};
    if (outputs[v->task] == 3)
        spec[0].label = labels;
    if (v->both || v->task == RTD_TASK_GENERATE)
        strcpy(spec[0].name, "first");
    c.classifier_dropout = 0.15;
    if (v->bert) {
        strcpy(c.model_type, "bert");
        c.hidden_size = c.embedding_size;
        c.num_attention_heads = 1;
    }
    assert_int_equal(rtd_head_specs_store(&c, spec, v->both ? 2 : 1, &err), RTD_OK);
    assert_int_equal(rtd_network_new(&net, &c, false, &err), RTD_OK);
    rtd_config_free(&c);
    return net;
}

/* -sum of want(i) log softmax(x)(i), want being label with smoothing. */
static double cross_entropy(const real *x, size_t stride, size_t n, size_t label, double smoothing)
{
    double sum = 0, loss = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)x[i * stride]);
    for (size_t i = 0; i < n; i++)
        loss -= ((i == label) * (1 - smoothing) + smoothing / (double)n) *
                log(exp((double)x[i * stride]) / sum);
    return loss;
}

/* Loss of sequence (rank: of unit) s by its definition, from the logits x of the whole batch. */
static double by_definition(const struct rtd_batch_view *b, enum rtd_task task, size_t s,
                            const real *x, double smoothing)
{
    const struct rtd_target *g = b->target;
    size_t from = b->start[s], n = b->start[s + 1] - from, right = 0, first, count;
    double loss = 0;
    switch (task) {
    case RTD_TASK_CLASSIFY:
        return cross_entropy(x + 3 * s, 1, 3, (size_t)g->label[s], smoothing);
    case RTD_TASK_REGRESS:
        return pow((double)x[s] - (double)g->value[s], 2);
    case RTD_TASK_MULTILABEL:
        for (size_t i = 3 * s; i < 3 * s + 3; i++) {
            double p = 1 / (1 + exp(-(double)x[i])),
                   want = (double)g->value[i] * (1 - smoothing) + smoothing / 2;
            loss -= (want * log(p) + (1 - want) * log(1 - p)) / 3;
        }
        return loss;
    case RTD_TASK_TAG:
        for (size_t t = from; t < from + n; t++)
            if (g->token[t] >= 0)
                loss += (double)g->weight[g->token[t]] *
                        cross_entropy(x + 3 * t, 1, 3, (size_t)g->token[t], smoothing);
        return loss;
    case RTD_TASK_RANK:
        first = b->unit[s];
        count = b->unit[s + 1] - first;
        while (right < count && !g->label[first + right])
            right++;
        return cross_entropy(x + first, 1, count, right, smoothing);
    default: /* answer: no smoothing */
        return (cross_entropy(x + 2 * from, 2, n, (size_t)g->span[s][0], 0) +
                cross_entropy(x + 2 * from + 1, 2, n, (size_t)g->span[s][1], 0)) /
               2;
    }
}

/* The loss itself, of which the differences are: weights of labels would not show in them. */
static void check_value(const struct problem *q, const struct tuning *v)
{
    const struct rtd_batch_view *b = q->task;
    struct rtd_err err = {0};
    size_t tokens = b->start[b->nseq];
    real *logits[2] = {zeros(3 * tokens), NULL};
    double got, want = 0;
    assert_int_equal(rtd_finetune_net_logits(q->fine, b, logits, &got, &err), RTD_OK);
    for (size_t s = 0; s < b->units; s++)
        want += by_definition(b, v->task, s, logits[0], v->smoothing);
    if (!(fabs(got - want) <= 1e-12 * fabs(want)))
        fail_msg("loss of task %d: %.17g, not %.17g", v->task, got, want);
    free(logits[0]);
}

static void finetune(const struct shape *s, const struct tuning *v)
{
    struct rtd_err err = {0};
    struct rtd_pool *pool;
    struct rtd_finetune_net_options o;
    struct problem q = {.each = v->each, .loss = finetune_loss};
    rtd_finetune_net_defaults(&o);
    o.drop = v->drop;
    o.loss_mean = v->mean;
    o.smoothing = v->smoothing;
    o.lanes = v->lanes;
    o.micro_sequences = v->micro;
    drawn = 0;
    assert_int_equal(rtd_pool_new(&pool, 1, &err), RTD_OK);
    struct rtd_network *net = network_for(s, v);
    assert_int_equal(rtd_finetune_net_new(&q.fine, net, &o, pool, &err), RTD_OK);
    q.params = &net->params;
    fill(q.params);
    struct batch a = make_batch(s);
    struct told t = tell(&a);
    bool rank = v->task == RTD_TASK_RANK, token = v->task == RTD_TASK_TAG;
    struct rtd_target target[2];
    for (int i = 0; i < 2; i++)
        target[i] = (struct rtd_target){.head = i,
                                        .label = rank ? t.label : a.labels,
                                        .value = t.value,
                                        .token = t.token,
                                        .span = (const int32_t(*)[2])t.span,
                                        .weight = token ? t.weight : NULL,
                                        .count = rank ? (double)t.units : 7.5};
    struct rtd_batch_view b = {.nseq = a.b.nseq,
                               .start = a.b.start,
                               .ids = a.b.ids,
                               .types = a.b.types,
                               .index = a.b.index,
                               .prefix = v->task == RTD_TASK_GENERATE ? t.prefix : NULL,
                               .units = rank ? t.units : a.b.nseq,
                               .unit = rank ? t.unit : NULL,
                               .ntarget = v->both ? 2 : 1,
                               .target = target};
    q.task = &b;
    check(&q);
    if (!v->both && v->task != RTD_TASK_GENERATE)
        check_value(&q, v);
    free_batch(&a);
    free_told(&t);
    rtd_finetune_net_free(q.fine);
    rtd_pool_free(pool);
}

static void classification(void **state)
{
    (void)state;
    const enum rtd_task k = RTD_TASK_CLASSIFY;
    finetune(&projected, &(struct tuning){k, false, true, true, true, false, 0, 4, 2});
    finetune(&projected, &(struct tuning){k, false, false, false, false, false, 0.1, 1, 0});
    finetune(&square, &(struct tuning){k, true, true, true, false, false, 0, 1, 1});
    finetune(&large, &(struct tuning){k, false, false, true, true, false, 0, 2, 0});
}

static void other_tasks(void **state)
{
    (void)state;
    static const enum rtd_task tasks[] = {RTD_TASK_REGRESS, RTD_TASK_MULTILABEL, RTD_TASK_TAG,
                                          RTD_TASK_ANSWER,  RTD_TASK_RANK,       RTD_TASK_GENERATE};
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++) {
        finetune(&projected, &(struct tuning){tasks[i], false, true, true, true, false, 0, 2, 2});
        finetune(&square, &(struct tuning){tasks[i], true, false, true, false, false, 0.2, 1, 0});
        if (tasks[i] != RTD_TASK_GENERATE) {
            finetune(&projected,
                     &(struct tuning){tasks[i], false, false, false, true, true, 0, 1, 1});
        }
    }
}

/* The tests above are worth what their tolerance is: how much of it was needed. */
static void tolerance_is_sharp(void **state)
{
    (void)state;
    print_message("largest error: %.2g of the limit\n", worst);
    assert_true(worst > 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tensor_projected),
        cmocka_unit_test(each_tensor_square),
        cmocka_unit_test(warm_up_phase),
        cmocka_unit_test(masked_lm_alone),
        cmocka_unit_test(causal),
        cmocka_unit_test(replaced_words),
        cmocka_unit_test(texts_by_their_crops),
        cmocka_unit_test(weights_lanes_micro_batches),
        cmocka_unit_test(large_batch),
        cmocka_unit_test(classification),
        cmocka_unit_test(other_tasks),
        cmocka_unit_test(tolerance_is_sharp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
