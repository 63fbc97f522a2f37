/* rtdtools - MIT licence
 *
 * Chance in pre-training: initial weights, every site of dropout in both networks, none in the
 * heads, samples and labels.  The sites are seen from outside: weights are chosen so that what a
 * site dropped can be read off the hidden states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "nn/kernels.h"
#include "support/stats.h"
#include "model/network.h"
#include "objective/masked_lm.h"

static struct rtd_err err;

/* --- a pair of networks ------------------------------------------------------------------------
 */

static struct rtd_config configuration(int embedding, int hidden, int layers, int heads)
{
    struct rtd_config c;
    rtd_config_init(&c);
    strcpy(c.model_type, "electra");
    c.vocab_size = 50;
    c.embedding_size = embedding;
    c.hidden_size = hidden;
    c.num_hidden_layers = layers;
    c.num_attention_heads = heads;
    c.intermediate_size = 2 * hidden;
    c.max_position_embeddings = 16;
    c.type_vocab_size = 2;
    return c;
}

static struct rtd_pretrain *make(const struct rtd_config *disc, const struct rtd_config *gen,
                                 bool drop, struct rtd_pool **pool)
{
    struct rtd_pretrain_options o;
    struct rtd_pretrain *p;
    rtd_pretrain_defaults(&o);
    o.drop = drop;
    o.seed = 77;
    assert_int_equal(rtd_pool_new(pool, 1, &err), RTD_OK);
    assert_int_equal(rtd_pretrain_new(&p, disc, gen, &o, *pool, &err), RTD_OK);
    return p;
}

static real *tensor(const struct rtd_pretrain *p, int net, const char *name)
{
    const struct rtd_param *t = rtd_params_find(&p->params, net, name);
    assert_non_null(t);
    return p->params.w + t->offset;
}

/* A tensor of layer i. */
static real *of_layer(const struct rtd_pretrain *p, int net, int i, const char *name)
{
    char full[128];
    snprintf(full, sizeof full, "electra.encoder.layer.%d.%s", i, name);
    return tensor(p, net, full);
}

/* --- initial weights ---------------------------------------------------------------------------
 */

static bool ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

/* Said once more, apart from the table: which tensors have Glorot's distribution. */
static bool is_glorot(const char *name)
{
    return ends(name, "embeddings_project.weight") || ends(name, "dense_prediction.weight") ||
           !strncmp(name, "classifier.", 11);
}

static void check_normal(const struct rtd_param *t, const float *w, double sd)
{
    double sum = 0, squares = 0, most = 0, n = (double)t->count;
    uint64_t inside = 0;
    for (size_t i = 0; i < t->count; i++) {
        double x = w[i] / sd;
        most = fmax(most, fabs(x));
        sum += x;
        squares += x * x;
        inside += fabs(x) < 1;
    }
    /* of a standard normal truncated at 2: P(|x| < 1), variance, fourth moment */
    double p = erf(sqrt(0.5)) / erf(sqrt(2)), density = exp(-2) / sqrt(2 * M_PI);
    double var = 1 - 4 * density / erf(sqrt(2)), fourth = 3 * var - 16 * density / erf(sqrt(2));
    assert_true(most <= 2 + 1e-6);
    assert_true(n < 1000 || most > 1.9);
    assert_true(fabs(sum / sqrt(n * var)) < 4);
    assert_true(fabs((squares / n - var) / sqrt((fourth - var * var) / n)) < 4);
    assert_true(fabs(stats_binomial_z(inside, t->count, p)) < 4);
}

static void check_uniform(const struct rtd_param *t, const float *w)
{
    double limit = sqrt(6.0 / (double)(t->dims[0] + t->dims[1]));
    uint64_t bin[10] = {0};
    for (size_t i = 0; i < t->count; i++) {
        assert_true(fabs((double)w[i]) <= limit);
        bin[(int)fmin(9, (w[i] / limit + 1) * 5)]++;
    }
    assert_true(t->count < 50 || fabs(stats_uniform_z(bin, 10)) < 4);
}

static void check_initial(const struct rtd_params *p, double sd)
{
    int normal = 0, glorot = 0;
    for (int i = 0; i < p->n; i++) {
        const struct rtd_param *t = &p->item[i];
        const float *w = p->w + t->offset;
        if (t->ndim == 2 && is_glorot(t->name)) {
            check_uniform(t, w);
            glorot++;
        } else if (t->ndim == 2) {
            check_normal(t, w, sd);
            normal++;
        } else {
            for (size_t k = 0; k < t->count; k++)
                assert_true(w[k] == (ends(t->name, "LayerNorm.weight") ? 1 : 0));
        }
        assert_int_equal(t->decay, t->ndim == 2);
    }
    assert_true(normal > 0 && glorot > 0);
}

static double correlation(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb) * sqrt((double)n); /* about standard normal */
}

static void initial_weights(void **state)
{
    (void)state;
    struct rtd_pool *pool;
    struct rtd_config disc = configuration(48, 64, 2, 4), gen = configuration(48, 64, 2, 2);
    disc.vocab_size = gen.vocab_size = 997;
    struct rtd_pretrain *p = make(&disc, &gen, true, &pool);
    rtd_params_init(&p->params, 5, 0.02);
    check_initial(&p->params, 0.02);
    float *first = malloc(p->params.total * sizeof *first);
    memcpy(first, p->params.w, p->params.total * sizeof *first);
    /* tensors of one shape, in one network and in both, have nothing to do with one another */
    const float *query = of_layer(p, RTD_NET_DISCRIMINATOR, 0, "attention.self.query.weight");
    const float *others[] = {of_layer(p, RTD_NET_DISCRIMINATOR, 0, "attention.self.key.weight"),
                             of_layer(p, RTD_NET_DISCRIMINATOR, 1, "attention.self.query.weight"),
                             of_layer(p, RTD_NET_GENERATOR, 0, "attention.self.query.weight")};
    for (int i = 0; i < 3; i++)
        assert_true(fabs(correlation(query, others[i], 64 * 64)) < 4);
    /* the same seed gives the same, another one something else, in every tensor */
    rtd_params_init(&p->params, 5, 0.02);
    assert_memory_equal(first, p->params.w, p->params.total * sizeof *first);
    rtd_params_init(&p->params, 6, 0.02);
    for (int i = 0; i < p->params.n; i++) {
        const struct rtd_param *t = &p->params.item[i];
        if (t->ndim == 2 && t->count > 100)
            assert_true(fabs(correlation(first + t->offset, p->params.w + t->offset, t->count)) <
                        4);
    }
    rtd_params_init(&p->params, 6, 0.5);
    check_initial(&p->params, 0.5);
    free(first);
    rtd_pretrain_free(p);

    static const char *const labels[] = {"a", "b", "c"};
    struct rtd_network *net;
    strcpy(disc.architecture, "ElectraForSequenceClassification");
    assert_int_equal(rtd_config_set_labels(&disc, labels, 3, &err), RTD_OK);
    assert_int_equal(rtd_network_new(&net, &disc, false, &err), RTD_OK);
    rtd_params_init(&net->params, 5, 0.02);
    check_initial(&net->params, 0.02);
    rtd_network_free(net);
    rtd_pool_free(pool);
    rtd_config_free(&disc);
    rtd_config_free(&gen);
}

/* --- batches -----------------------------------------------------------------------------------
 */

enum { SEQUENCES = 60, LENGTH = 7, SLOTS = 3, TOKENS = SEQUENCES * LENGTH, H = 16 };

static struct {
    uint32_t start[SEQUENCES + 1], mstart[SEQUENCES + 1];
    int32_t ids[TOKENS], fake[TOKENS], positions[SEQUENCES * SLOTS], originals[SEQUENCES * SLOTS];
    int32_t sampled[SEQUENCES * SLOTS];
    uint8_t types[TOKENS], labels[TOKENS];
    uint64_t index[SEQUENCES];
} a;

/* Tokens 10 + t at place t.  Of the three chosen positions the first shows [MASK] (4), the second
 * its token, the third a random one; samples are given if asked for: the first equals the
 * original in every other sequence. */
static struct rtd_masked_batch make_batch(bool given)
{
    memset(&a, 0, sizeof a);
    for (uint32_t s = 0; s < SEQUENCES; s++) {
        static const int32_t places[SLOTS] = {1, 3, 4};
        for (uint32_t t = 0; t < LENGTH; t++) {
            a.ids[s * LENGTH + t] = a.fake[s * LENGTH + t] = 10 + (int32_t)t;
            a.types[s * LENGTH + t] = t > 3;
        }
        for (uint32_t k = 0; k < SLOTS; k++) {
            uint32_t m = s * SLOTS + k, cell = s * LENGTH + (uint32_t)places[k];
            a.positions[m] = places[k];
            a.originals[m] = a.ids[cell];
            a.sampled[m] = k == 0 && s % 2 ? a.originals[m] : 20 + (int32_t)(m % 7);
            if (k != 1)
                a.ids[cell] = k ? 33 : 4;
            a.fake[cell] = a.sampled[m];
            a.labels[cell] = a.sampled[m] != a.originals[m];
        }
        a.start[s + 1] = (s + 1) * LENGTH;
        a.mstart[s + 1] = (s + 1) * SLOTS;
        a.index[s] = 1000 + 5 * (uint64_t)s + ((uint64_t)s << 33);
    }
    return (struct rtd_masked_batch){.nseq = SEQUENCES,
                                     .tokens = TOKENS,
                                     .slots = SEQUENCES * SLOTS,
                                     .start = a.start,
                                     .mstart = a.mstart,
                                     .ids = a.ids,
                                     .types = a.types,
                                     .positions = a.positions,
                                     .originals = a.originals,
                                     .index = a.index,
                                     .sampled = given ? a.sampled : NULL};
}

/* --- dropout -----------------------------------------------------------------------------------
 */

/* 1 where the site keeps: the kernels' own tests say that this is right for a given site. */
static void kept(float *mask, const struct rtd_pretrain *p, int net, int purpose, int layer,
                 size_t s, size_t row0, size_t rows, size_t columns, double rate)
{
    struct rtd_drop d = {.seed = p->o.seed, .index = a.index[s], .row0 = (uint32_t)row0};
    d.site = (uint32_t)purpose << 16 | (uint32_t)net << 8 | (uint32_t)layer;
    rtd_drop_rate(&d, rate);
    for (size_t i = 0; i < rows * columns; i++)
        mask[i] = 1;
    rtd_kernels_at(0)->dropout(mask, rows, columns, &d);
    for (size_t i = 0; i < rows * columns; i++)
        mask[i] = mask[i] != 0;
}

static void fill(float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value;
}

struct look {
    struct rtd_pretrain *p;
    struct rtd_pool *pool;
    float *hidden[2][3]; /* [0 generator, 1 discriminator][layer] (TOKENS, H) */
};

/* Networks of two layers and the given rates, their hidden states kept; weights by init. */
static struct look look_new(int embedding, double hidden_rate, double attention_rate)
{
    struct look l;
    struct rtd_config disc = configuration(embedding, H, 2, 2);
    struct rtd_config gen = configuration(embedding, H, 2, 1);
    disc.hidden_dropout_prob = gen.hidden_dropout_prob = hidden_rate;
    disc.attention_probs_dropout_prob = gen.attention_probs_dropout_prob = attention_rate;
    l.p = make(&disc, &gen, true, &l.pool);
    rtd_params_init(&l.p->params, 1, 0.2);
    for (int net = 0; net < 2; net++)
        for (int i = 0; i < 3; i++)
            l.p->keep.hidden[net][i] = l.hidden[net][i] = calloc(TOKENS * H, sizeof(float));
    rtd_config_free(&disc);
    rtd_config_free(&gen);
    return l;
}

static void look_run(struct look *l)
{
    struct rtd_masked_batch b = make_batch(true);
    struct rtd_sums sums;
    real *grad;
    assert_int_equal(rtd_pretrain_batch(l->p, &rtd_electra, &b, &grad, &sums, &err), RTD_OK);
}

static void look_free(struct look *l)
{
    for (int net = 0; net < 2; net++)
        for (int i = 0; i < 3; i++)
            free(l->hidden[net][i]);
    rtd_pretrain_free(l->p);
    rtd_pool_free(l->pool);
}

static const int nets[2] = {RTD_NET_GENERATOR, RTD_NET_DISCRIMINATOR};

/* After the LayerNorm (its result is 1 everywhere here) and before the projection. */
static void embeddings_site(int embedding)
{
    const double rate = 0.3;
    struct look l = look_new(embedding, rate, 0);
    size_t e = (size_t)embedding;
    fill(tensor(l.p, RTD_NET_DISCRIMINATOR, "electra.embeddings.LayerNorm.weight"), e, 0);
    fill(tensor(l.p, RTD_NET_DISCRIMINATOR, "electra.embeddings.LayerNorm.bias"), e, 1);
    for (int net = 0; net < 2 && embedding != H; net++) { /* a projection that copies */
        float *w = tensor(l.p, nets[net], "electra.embeddings_project.weight");
        for (size_t i = 0; i < H; i++)
            for (size_t k = 0; k < e; k++)
                w[i * e + k] = i == k;
    }
    look_run(&l);
    double scale = 65536 / (65536 - round(rate * 65536));
    for (int net = 0; net < 2; net++) {
        uint64_t dropped = 0;
        for (size_t s = 0; s < SEQUENCES; s++) {
            float mask[LENGTH * H];
            kept(mask, l.p, nets[net], RTD_RNG_DROP_EMBED, 0, s, 0, LENGTH, e, rate);
            for (size_t i = 0; i < LENGTH * e; i++) {
                double x = l.hidden[net][0][(s * LENGTH + i / e) * H + i % e];
                assert_true(mask[i] ? fabs(x - scale) < 1e-5 : x == 0);
                dropped += x == 0;
            }
        }
        assert_true(fabs(stats_binomial_z(dropped, TOKENS * e, rate)) < 4);
    }
    look_free(&l);
}

static void dropout_of_embeddings(void **state)
{
    (void)state;
    embeddings_site(H);
    embeddings_site(9);
}

/* Passes over one network and the same records drop by keys of their own. */
static void passes_have_keys_of_their_own(void **state)
{
    (void)state;
    const double rate = 0.3;
    struct look l = look_new(H, rate, 0);
    const struct rtd_encoder *enc = &l.p->disc;
    struct rtd_masked_batch b = make_batch(true);
    struct rtd_tokens t = {
        .nseq = SEQUENCES, .start = b.start, .ids = b.ids, .types = b.types, .index = b.index};
    struct rtd_arena arena = {0};
    struct rtd_acts acts;
    fill(tensor(l.p, RTD_NET_DISCRIMINATOR, "electra.embeddings.LayerNorm.weight"), H, 0);
    fill(tensor(l.p, RTD_NET_DISCRIMINATOR, "electra.embeddings.LayerNorm.bias"), H, 1);
    rtd_acts_take(&acts, &arena, enc, &t, true);
    assert_int_equal(rtd_arena_init(&arena, arena.peak, &err), RTD_OK);
    rtd_acts_take(&acts, &arena, enc, &t, true);
    for (uint32_t number = 0; number < 16; number += 5) {
        const struct rtd_pass pass = {.seed = l.p->o.seed, .number = number};
        rtd_encoder_forward(enc, l.p->params.w, &t, &acts, &pass);
        for (size_t s = 0; s < SEQUENCES; s++) {
            float mask[LENGTH * H];
            kept(mask, l.p, RTD_NET_DISCRIMINATOR | (int)number << 4, RTD_RNG_DROP_EMBED, 0, s, 0,
                 LENGTH, H, rate);
            for (size_t i = 0; i < LENGTH * H; i++)
                assert_int_equal(acts.layer[0].x[s * LENGTH * H + i] != 0, mask[i]);
        }
    }
    rtd_arena_free(&arena);
    look_free(&l);
}

/* A sub-layer's output: the dense layer gives 1000 in all columns but the first, whatever its
 * input; what comes in beside it is 200 in the first column, and 0. */
static void output_site(bool ffn)
{
    static const char *const dense[2] = {"attention.output.dense", "output.dense"};
    const double rate = 0.2;
    char name[64];
    struct look l = look_new(H, rate, 0);
    fill(tensor(l.p, RTD_NET_DISCRIMINATOR, "electra.embeddings.LayerNorm.weight"), H, 0);
    for (int net = 0; net < 2; net++)
        for (int i = 0; i < 2; i++) {
            for (int k = 0; k < 2; k++) {
                snprintf(name, sizeof name, "%s.weight", dense[k]);
                fill(of_layer(l.p, nets[net], i, name), k ? 2 * H * H : H * H, 0);
            }
            snprintf(name, sizeof name, "%s.bias", dense[ffn]);
            fill(of_layer(l.p, nets[net], i, name) + 1, H - 1, 1000);
            /* the LayerNorm in front of the sub-layer makes its residual */
            if (ffn) {
                fill(of_layer(l.p, nets[net], i, "attention.output.LayerNorm.weight"), H, 0);
                of_layer(l.p, nets[net], i, "attention.output.LayerNorm.bias")[0] = 200;
            }
        }
    look_run(&l);
    double scale = 65536 / (65536 - round(rate * 65536));
    for (int net = 0; net < 2; net++)
        for (int i = 0; i < 2; i++) {
            uint64_t dropped = 0;
            for (size_t s = 0; s < SEQUENCES; s++) {
                float mask[LENGTH * H];
                kept(mask, l.p, nets[net], ffn ? RTD_RNG_DROP_FFN : RTD_RNG_DROP_ATTNOUT, i, s, 0,
                     LENGTH, H, rate);
                for (size_t t = 0; t < LENGTH; t++) {
                    const float *y = l.hidden[net][i + 1] + (s * LENGTH + t) * H;
                    double low = y[0], high = y[0];
                    for (size_t c = 1; c < H; c++) {
                        low = fmin(low, y[c]);
                        high = fmax(high, y[c]);
                    }
                    for (size_t c = 1; c < H; c++) {
                        bool keeps = y[c] > y[0] + 0.1;
                        assert_int_equal(keeps, mask[t * H + c]);
                        dropped += !keeps;
                    }
                    /* 0, 200 and 1000 times the scale, but for the LayerNorm behind them */
                    if (ffn && high > y[0] && low < y[0])
                        assert_true(fabs((high - low) / (y[0] - low) - 5 * scale) < 1e-3);
                }
            }
            assert_true(fabs(stats_binomial_z(dropped, TOKENS * (H - 1), rate)) < 4);
        }
    look_free(&l);
}

static void dropout_of_outputs(void **state)
{
    (void)state;
    output_site(false);
    output_site(true);
}

/* Attention probabilities, after the softmax: all 1 / LENGTH here.  Every position has a column of
 * its own, and the values are passed on as they are, so that place (i, j) of the matrix is column
 * j of row i, for the first head; for the second one, of width 8, too. */
static void dropout_of_attention(void **state)
{
    (void)state;
    const double rate = 0.35;
    for (int layer = 0; layer < 2; layer++) {
        struct look l = look_new(H, 0, rate);
        uint64_t dropped[2] = {0};
        for (int net = 0; net < 2; net++) {
            size_t heads = net ? 2 : 1, width = H / heads;
            for (int i = 0; i < 2; i++) {
                fill(of_layer(l.p, nets[net], i, "attention.self.query.weight"), H * H, 0);
                float *v = of_layer(l.p, nets[net], i, "attention.self.value.weight");
                float *o = of_layer(l.p, nets[net], i, "attention.output.dense.weight");
                fill(v, H * H, 0);
                fill(o, H * H, 0);
                fill(of_layer(l.p, nets[net], i, "output.dense.weight"), 2 * H * H, 0);
                for (size_t c = 0; c < H && i == layer; c++) {
                    v[c * H + c % width] = 1; /* each head sees the columns of the places */
                    o[c * H + c] = 1000;
                }
            }
        }
        /* embeddings: place t has one high column, t, whatever the token */
        fill(tensor(l.p, RTD_NET_DISCRIMINATOR, "electra.embeddings.word_embeddings.weight"),
             50 * H, 0);
        fill(tensor(l.p, RTD_NET_DISCRIMINATOR, "electra.embeddings.token_type_embeddings.weight"),
             2 * H, 0);
        float *place =
            tensor(l.p, RTD_NET_DISCRIMINATOR, "electra.embeddings.position_embeddings.weight");
        for (size_t t = 0; t < 16; t++)
            for (size_t c = 0; c < H; c++)
                place[t * H + c] = t == c;
        look_run(&l);
        for (int net = 0; net < 2; net++) {
            size_t heads = net ? 2 : 1, width = H / heads;
            for (size_t s = 0; s < SEQUENCES; s++)
                for (size_t head = 0; head < heads; head++) {
                    float mask[LENGTH * LENGTH];
                    kept(mask, l.p, nets[net], RTD_RNG_DROP_ATTN, layer, s, head * LENGTH, LENGTH,
                         LENGTH, rate);
                    for (size_t t = 0; t < LENGTH; t++) {
                        const float *y =
                            l.hidden[net][layer + 1] + (s * LENGTH + t) * H + head * width;
                        for (size_t j = 0; j < LENGTH; j++) {
                            /* column LENGTH is no place's: what a dropped one looks like */
                            bool keeps = y[j] > y[LENGTH] + 0.1;
                            assert_int_equal(keeps, mask[t * LENGTH + j]);
                            dropped[net] += !keeps;
                        }
                    }
                }
            assert_true(fabs(stats_binomial_z(dropped[net], TOKENS * LENGTH * heads, rate)) < 4);
        }
        look_free(&l);
    }
}

static double gelu(double x)
{
    return 0.5 * x * (1 + erf(x * sqrt(0.5)));
}

/* From the hidden states the heads compute what they would without dropout. */
static void no_dropout_in_heads(void **state)
{
    (void)state;
    struct look l = look_new(H, 0.4, 0.4);
    struct rtd_pretrain *p = l.p;
    float *logits = p->keep.disc_logits = calloc(TOKENS, sizeof *logits);
    float *words = p->keep.gen_logits = calloc(SEQUENCES * SLOTS * 50, sizeof *words);
    look_run(&l);
    const float *dense = tensor(p, RTD_NET_DISCRIMINATOR, "discriminator_predictions.dense.weight");
    const float *out =
        tensor(p, RTD_NET_DISCRIMINATOR, "discriminator_predictions.dense_prediction.weight");
    for (size_t t = 0; t < TOKENS; t++) {
        double sum = 0;
        for (size_t i = 0; i < H; i++) {
            double u = 0;
            for (size_t k = 0; k < H; k++)
                u += (double)dense[i * H + k] * l.hidden[1][2][t * H + k];
            sum += gelu(u) * out[i];
        }
        assert_true(fabs(sum - logits[t]) < 1e-4);
    }
    dense = tensor(p, RTD_NET_GENERATOR, "generator_predictions.dense.weight");
    const float *table =
        tensor(p, RTD_NET_DISCRIMINATOR, "electra.embeddings.word_embeddings.weight");
    for (size_t m = 0; m < SEQUENCES * SLOTS; m++) {
        const float *x = l.hidden[0][2] + (m / SLOTS * LENGTH + (size_t)a.positions[m]) * H;
        double y[H], mean = 0, var = 0;
        for (size_t i = 0; i < H; i++) {
            double u = 0;
            for (size_t k = 0; k < H; k++)
                u += (double)dense[i * H + k] * x[k];
            y[i] = gelu(u);
            mean += y[i] / H;
        }
        for (size_t i = 0; i < H; i++)
            var += (y[i] - mean) * (y[i] - mean) / H;
        for (size_t v = 0; v < 50; v++) {
            double sum = 0;
            for (size_t i = 0; i < H; i++)
                sum += (y[i] - mean) / sqrt(var + 1e-12) * table[v * H + i];
            assert_true(fabs(sum - words[m * 50 + v]) < 1e-3);
        }
    }
    free(logits);
    free(words);
    look_free(&l);
}

/* Evaluation has no dropout, and training with rates of 0 is the same forward pass. */
static void no_dropout_in_evaluation(void **state)
{
    (void)state;
    struct look with = look_new(H, 0.4, 0.4), without = look_new(H, 0, 0);
    struct rtd_masked_batch b = make_batch(true);
    struct rtd_sums sums[3];
    real *grad;
    float scores[3][TOKENS];
    for (int i = 0; i < 3; i++) { /* an evaluation, training without rates and with them */
        struct rtd_pretrain *p = i == 1 ? without.p : with.p;
        p->keep.disc_logits = scores[i];
        assert_int_equal(
            rtd_pretrain_batch(p, &rtd_electra, &b, i == 0 ? NULL : &grad, &sums[i], &err), RTD_OK);
    }
    assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
    assert_memory_equal(&sums[0], &sums[1], sizeof sums[0]);
    assert_memory_not_equal(scores[0], scores[2], sizeof scores[0]);
    assert_true(sums[0].of[RTD_SUM_MLM_LOSS] != sums[2].of[RTD_SUM_MLM_LOSS]);
    look_free(&with);
    look_free(&without);
}

/* --- samples, labels, the discriminator's input ------------------------------------------------
 */

/* The discriminator sees the originals with the samples in all chosen places. */
static void expect_input(const struct look *l, const int32_t *fake)
{
    const float *word =
        tensor(l->p, RTD_NET_DISCRIMINATOR, "electra.embeddings.word_embeddings.weight");
    const float *place =
        tensor(l->p, RTD_NET_DISCRIMINATOR, "electra.embeddings.position_embeddings.weight");
    const float *type =
        tensor(l->p, RTD_NET_DISCRIMINATOR, "electra.embeddings.token_type_embeddings.weight");
    for (size_t t = 0; t < TOKENS; t++) {
        double z[H], mean = 0, var = 0;
        for (size_t c = 0; c < H; c++) {
            z[c] = (double)word[fake[t] * H + (int)c] + place[t % LENGTH * H + c] +
                   type[a.types[t] * H + c];
            mean += z[c] / H;
        }
        for (size_t c = 0; c < H; c++)
            var += (z[c] - mean) * (z[c] - mean) / H;
        for (size_t c = 0; c < H; c++)
            assert_true(fabs((z[c] - mean) / sqrt(var + 1e-12) - l->hidden[1][0][t * H + c]) <
                        1e-4);
    }
}

static void samples_and_labels(void **state)
{
    (void)state;
    struct look l = look_new(H, 0, 0);
    struct rtd_sums sums;
    uint8_t labels[TOKENS];
    real *grad;
    struct rtd_masked_batch b = make_batch(true);
    l.p->keep.replaced = labels;
    assert_int_equal(rtd_pretrain_batch(l.p, &rtd_electra, &b, &grad, &sums, &err), RTD_OK);
    assert_memory_equal(labels, a.labels, TOKENS);
    expect_input(&l, a.fake);
    assert_true(sums.of[RTD_SUM_SAMPLED_CORRECT] == SEQUENCES / 2.0);
    assert_true(rtd_column_value(rtd_column_find(rtd_electra.columns, "replaced_rate"), &sums) ==
                SEQUENCES * 2.5 / TOKENS);

    /* drawn from the generator's distribution, with keys of their own in training and evaluation */
    const struct rtd_kernels *k = rtd_kernels();
    float *logits = l.p->keep.gen_logits = calloc(SEQUENCES * SLOTS * 50, sizeof *logits);
    int differ = 0;
    int32_t first[SEQUENCES * SLOTS];
    for (int run = 0; run < 4; run++) { /* training, evaluation, temperature, disallow-correct */
        l.p->o.temperature.from = run == 2 ? 5 : 1; /* at the start of a run */
        l.p->o.disallow_correct = run == 3;
        b = make_batch(false);
        assert_int_equal(
            rtd_pretrain_batch(l.p, &rtd_electra, &b, run == 1 ? NULL : &grad, &sums, &err),
            RTD_OK);
        double equal = 0;
        for (uint32_t m = 0; m < SEQUENCES * SLOTS; m++) {
            uint32_t s = m / SLOTS, cell = s * LENGTH + (uint32_t)a.positions[m];
            int purpose = run == 1 ? RTD_RNG_EVAL_GUMBEL : RTD_RNG_GUMBEL;
            int32_t best, id = k->gumbel(logits + m * 50, 50, run == 2 ? 5 : 1,
                                         run == 3 ? a.originals[m] : -1, 77,
                                         (uint32_t)purpose << 16 | RTD_NET_GENERATOR << 8,
                                         a.index[s], m % SLOTS, &best);
            assert_int_equal(labels[cell], id != a.originals[m]);
            a.fake[cell] = id;
            equal += id == a.originals[m];
            if (run == 0)
                first[m] = id;
            else
                differ += id != first[m];
        }
        assert_true(sums.of[RTD_SUM_SAMPLED_CORRECT] == equal && (run != 3 || equal == 0));
        expect_input(&l, a.fake);
    }
    assert_true(differ > SEQUENCES * SLOTS); /* of three times as many */
    free(logits);
    look_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_weights),          cmocka_unit_test(dropout_of_embeddings),
        cmocka_unit_test(dropout_of_outputs),       cmocka_unit_test(passes_have_keys_of_their_own),
        cmocka_unit_test(dropout_of_attention),     cmocka_unit_test(no_dropout_in_heads),
        cmocka_unit_test(no_dropout_in_evaluation), cmocka_unit_test(samples_and_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
