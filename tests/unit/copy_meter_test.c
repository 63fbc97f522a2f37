/* rtdtools - MIT licence
 *
 * The copy meter: what it asks, and what it says of a network built by hand that looks up every
 * token at the same place of the other segment, of one that looks everywhere alike, and of a new
 * one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "pretrain/copy_meter.h"

/* Examples are [CLS] 9 tokens [SEP] 3 tokens [SEP]; of the 9 there is room for 6 twice. */
enum { CLS = 2, SEP, MASK, WORDS, VOCAB = 24, LENGTH = 15, FIRST = 9, HALF = 6, EXAMPLES = 100 };
/* The network's dimensions: a token, the token it found, its position. */
enum { OWN = 0, FOUND = VOCAB, PLACE = 2 * VOCAB, WIDTH = PLACE + LENGTH + 1 };

static const struct rtd_tokeniser tok = {.cls_id = CLS, .sep_id = SEP, .mask_id = MASK};

static void examples(struct rtd_batch_store *s)
{
    struct rtd_masked_batch *b = &s->b;
    b->start = calloc(EXAMPLES + 1, sizeof *b->start);
    b->mstart = calloc(EXAMPLES + 1, sizeof *b->mstart);
    b->ids = calloc(EXAMPLES * LENGTH, sizeof *b->ids);
    b->types = calloc(EXAMPLES * LENGTH, 1);
    b->positions = calloc(EXAMPLES * LENGTH, sizeof *b->positions);
    b->originals = calloc(EXAMPLES * LENGTH, sizeof *b->originals);
    b->index = calloc(EXAMPLES, sizeof *b->index);
    b->nseq = EXAMPLES;
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        int32_t *ids = b->ids + i * LENGTH;
        for (uint32_t t = 0; t < LENGTH; t++) {
            uint32_t word = rtd_rand32(8, RTD_RNG_SPLIT, 0, 0, i, t);
            ids[t] = (int32_t)(WORDS + rtd_below(word, VOCAB - WORDS));
            b->types[i * LENGTH + t] = t > FIRST + 1;
        }
        ids[0] = CLS;
        ids[FIRST + 1] = ids[LENGTH - 1] = SEP;
        b->start[i + 1] = (i + 1) * LENGTH;
        b->index[i] = 500 + i;
        b->positions[2 * i] = 1 + (int32_t)(i % FIRST); /* masked: one of each segment */
        b->positions[2 * i + 1] = LENGTH - 2;
        for (uint32_t m = 2 * i; m < 2 * i + 2; m++) {
            b->originals[m] = ids[b->positions[m]];
            ids[b->positions[m]] = MASK;
        }
        b->mstart[i + 1] = 2 * (i + 1);
    }
}

static void config(struct rtd_config *c)
{
    rtd_config_init(c);
    strcpy(c->model_type, "electra");
    c->vocab_size = VOCAB;
    c->embedding_size = c->hidden_size = WIDTH;
    c->num_hidden_layers = 1;
    c->num_attention_heads = 1;
    c->intermediate_size = 4;
    c->max_position_embeddings = LENGTH + 1;
    c->type_vocab_size = 2;
}

static struct rtd_pretrain *network(struct rtd_pool *pool, int lanes, size_t micro)
{
    struct rtd_config c;
    struct rtd_pretrain_options o;
    struct rtd_pretrain *p;
    struct rtd_err err = {0};
    config(&c);
    rtd_pretrain_defaults(&o); /* with dropout, of which a measure has none */
    o.phases.at[0].objective = &rtd_mlm_warmup;
    o.phases.at[o.phases.n++] = (struct rtd_phase){&rtd_clm, 0.4};
    o.phases.at[o.phases.n++] = (struct rtd_phase){&rtd_electra, 0.5};
    o.lanes = lanes;
    o.micro_tokens = micro;
    assert_int_equal(rtd_pretrain_new(&p, &c, &c, &o, pool, &err), RTD_OK);
    rtd_config_free(&c);
    return p;
}

static real *tensor(struct rtd_pretrain *p, const char *name)
{
    for (int i = 0; i < p->params.n; i++)
        if (p->params.item[i].net != RTD_NET_GENERATOR && !strcmp(p->params.item[i].name, name))
            return p->params.w + p->params.item[i].offset;
    fail_msg("no %s", name);
    return NULL;
}

static void put(struct rtd_pretrain *p, const char *name, int row, int column, double x)
{
    tensor(p, name)[row * WIDTH + column] = (real)x;
}

/* A LayerNorm that leaves a vector of `ones` ones and else zeros as it is. */
static void neutral(struct rtd_pretrain *p, const char *weight, const char *bias, double ones)
{
    real *w = tensor(p, weight), *b = tensor(p, bias);
    double mean = ones / WIDTH;
    for (int i = 0; i < WIDTH; i++) {
        w[i] = (real)sqrt(mean * (1 - mean));
        b[i] = (real)mean;
    }
}

#define LAYER "electra.encoder.layer.0."
static void build_copier(struct rtd_pretrain *p)
{
    memset(p->params.w, 0, p->params.total * sizeof(real));
    neutral(p, "electra.embeddings.LayerNorm.weight", "electra.embeddings.LayerNorm.bias", 2);
    neutral(p, LAYER "attention.output.LayerNorm.weight", LAYER "attention.output.LayerNorm.bias",
            3);
    neutral(p, LAYER "output.LayerNorm.weight", LAYER "output.LayerNorm.bias", 3);
    for (int v = 0; v < VOCAB; v++) {
        put(p, "electra.embeddings.word_embeddings.weight", v, OWN + v, 1);
        put(p, LAYER "attention.self.value.weight", FOUND + v, OWN + v, 1);
        put(p, LAYER "attention.output.dense.weight", FOUND + v, FOUND + v, 1);
        put(p, "warmup.dense.weight", OWN + v, FOUND + v, 10);
        put(p, "discriminator_predictions.dense.weight", v, OWN + v, 10);
        put(p, "discriminator_predictions.dense.weight", v, FOUND + v, -10);
        put(p, "discriminator_predictions.dense_prediction.weight", 0, v, 1);
    }
    for (int i = 0; i < LENGTH; i++) { /* the last [SEP] has no other place to look at */
        put(p, "electra.embeddings.position_embeddings.weight", i, PLACE + i, 1);
        put(p, LAYER "attention.self.key.weight", PLACE + i, PLACE + i, 30 * sqrt(WIDTH));
        if (i <= 2 * HALF + 1)
            put(p, LAYER "attention.self.query.weight",
                PLACE + (i <= HALF ? i + HALF + 1 : i - HALF - 1), PLACE + i, 1);
    }
    for (int i = 0; i < WIDTH; i++)
        tensor(p, "warmup.LayerNorm.weight")[i] = 1;
}

struct fixture {
    struct rtd_pool *pool;
    struct rtd_batch_store examples;
    struct rtd_copy_meter meter;
};

static int set_up(void **state)
{
    struct fixture *f = *state = calloc(1, sizeof *f);
    struct rtd_config c;
    struct rtd_err err = {0};
    config(&c);
    examples(&f->examples);
    assert_int_equal(rtd_pool_new(&f->pool, 2, &err), RTD_OK);
    assert_int_equal(rtd_copy_meter_init(&f->meter, &f->examples.b, &tok, LENGTH, &c, &err),
                     RTD_OK);
    rtd_config_free(&c);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rtd_copy_meter_fini(&f->meter);
    rtd_batch_free(&f->examples);
    rtd_pool_free(f->pool);
    free(f);
    return 0;
}

static void measure(const struct fixture *f, struct rtd_pretrain *p,
                    const struct rtd_objective *objective, struct rtd_copy_result *r)
{
    struct rtd_err err = {0};
    assert_int_equal(rtd_copy_meter_run(&f->meter, p, objective, r, &err), RTD_OK);
}

/* Token t of example s as it was. */
static int32_t original(const struct rtd_masked_batch *b, size_t s, int32_t t)
{
    for (uint32_t m = b->mstart[s]; m < b->mstart[s + 1]; m++)
        if (b->positions[m] == t)
            return b->originals[m];
    return b->ids[b->start[s] + (uint32_t)t];
}

static void check_question(const struct rtd_masked_batch *b, const struct rtd_masked_batch *from,
                           size_t s, int copies, bool masks, int *second)
{
    const int32_t *ids = b->ids + b->start[s];
    int32_t at = b->positions[b->mstart[s]];
    assert_int_equal(b->start[s + 1] - b->start[s], 1 + copies * (HALF + 1));
    assert_int_equal(b->mstart[s + 1] - b->mstart[s], 1); /* 15% of 6 */
    assert_int_equal(b->index[s], from->index[s]);
    assert_int_equal(ids[0], CLS);
    for (int32_t t = 1; t < 1 + copies * (HALF + 1); t++) {
        int32_t place = (t - 1) % (HALF + 1);
        int32_t want = place == HALF ? SEP : original(from, s, 1 + place);
        assert_int_equal(b->types[b->start[s] + (uint32_t)t], t > HALF + 1);
        assert_int_equal(original(b, s, t), want);
        if (t == at) {
            assert_true(place < HALF);
            assert_true(masks ? ids[t] == MASK : ids[t] != want && ids[t] >= WORDS);
        }
    }
    *second += at > HALF + 1;
}

static void it_asks_for_a_token_of_one_copy(void **state)
{
    const struct fixture *f = *state;
    const struct rtd_masked_batch *b = &f->examples.b;
    for (int masks = 0; masks < 2; masks++)
        for (int c = 0; c < RTD_COPIES; c++) {
            const struct rtd_batch_store *s = masks ? f->meter.masked : f->meter.replaced;
            int second = 0;
            assert_int_equal(s[c].b.nseq, EXAMPLES);
            for (size_t i = 0; i < EXAMPLES; i++)
                check_question(&s[c].b, b, i, 1 + c, masks, &second);
            assert_true(c == RTD_COPY_ALONE ? second == 0 : second > 30 && second < 70);
        }
    for (size_t s = 0; s < f->meter.plain.b.nseq; s++)
        for (int32_t t = 0; t < LENGTH; t++)
            assert_int_equal(f->meter.plain.b.ids[s * LENGTH + (size_t)t], original(b, s, t));
    assert_true(f->meter.plain.b.nseq > 0 && f->meter.plain.b.mstart[f->meter.plain.b.nseq] == 0);
}

static void it_knows_who_copies(void **state)
{
    const struct fixture *f = *state;
    struct rtd_pretrain *p = network(f->pool, 4, 100);
    struct rtd_copy_result words, tokens;
    build_copier(p);
    measure(f, p, &rtd_mlm_warmup, &words);
    measure(f, p, &rtd_electra, &tokens);
    assert_true(words.accuracy[RTD_COPY_TWICE] == 1);
    assert_true(words.accuracy[RTD_COPY_ALONE] < 0.3);
    assert_true(isnan(words.auc[RTD_COPY_TWICE]) && isnan(words.auc[RTD_COPY_ALONE]));
    assert_true(tokens.auc[RTD_COPY_TWICE] == 1);
    assert_true(fabs(tokens.auc[RTD_COPY_ALONE] - 0.5) < 0.15);
    assert_true(isnan(tokens.accuracy[RTD_COPY_TWICE]));
    /* one row of 15 looks everywhere alike, the others at one place */
    assert_true(fabs(words.entropy[0] - 1.0 / LENGTH) < 1e-4);
    assert_true(words.entropy[0] == tokens.entropy[0]);

    for (int i = 0; i < LENGTH; i++) /* it looks at the place itself: nothing is found */
        for (int k = 0; k < LENGTH; k++)
            put(p, LAYER "attention.self.query.weight", PLACE + k, PLACE + i, i == k);
    measure(f, p, &rtd_mlm_warmup, &words);
    assert_true(words.accuracy[RTD_COPY_TWICE] == 0 && words.entropy[0] < 1e-4);

    memset(tensor(p, LAYER "attention.self.query.weight"), 0, WIDTH * WIDTH * sizeof(real));
    measure(f, p, &rtd_electra, &tokens);
    assert_true(fabs(tokens.entropy[0] - 1) < 1e-6);
    rtd_pretrain_free(p);
}

/* A head that has but one answer to [MASK]: its objective has other words there. */
static void it_replaces_for_who_never_saw_a_mask(void **state)
{
    const struct fixture *f = *state;
    struct rtd_pretrain *p = network(f->pool, 4, 100);
    struct rtd_copy_result r;
    build_copier(p);
    put(p, "warmup.dense.weight", OWN + WORDS, OWN + MASK, 30);
    measure(f, p, &rtd_replace_mlm, &r);
    assert_true(r.accuracy[RTD_COPY_TWICE] == 1 && r.accuracy[RTD_COPY_ALONE] < 0.3);
    measure(f, p, &rtd_mlm_warmup, &r);
    assert_true(r.accuracy[RTD_COPY_TWICE] < 0.3);
    rtd_pretrain_free(p);
}

/* Position `from` looks at position `at` alone. */
static void look(struct rtd_pretrain *p, int from, int at)
{
    put(p, LAYER "attention.self.query.weight", PLACE + at, PLACE + from, 1);
}

static void it_knows_who_foretells(void **state)
{
    const struct fixture *f = *state;
    const size_t queries = WIDTH * WIDTH * sizeof(real);
    struct rtd_pretrain *p = network(f->pool, 4, 100);
    struct rtd_copy_result r;
    build_copier(p);
    memset(tensor(p, LAYER "attention.self.query.weight"), 0, queries);
    for (int i = HALF + 1; i <= 2 * HALF; i++) /* at what followed in the first copy */
        look(p, i, i - HALF);
    measure(f, p, &rtd_clm, &r);
    assert_true(r.accuracy[RTD_COPY_TWICE] == 1 && r.accuracy[RTD_COPY_ALONE] < 0.3);
    assert_true(isnan(r.auc[RTD_COPY_TWICE]));

    memset(tensor(p, LAYER "attention.self.query.weight"), 0, queries);
    for (int i = 0; i <= 2 * HALF; i++) /* at the answer itself, which nobody may see */
        look(p, i, i + 1);
    measure(f, p, &rtd_clm, &r);
    assert_true(r.accuracy[RTD_COPY_TWICE] < 0.3 && r.accuracy[RTD_COPY_ALONE] < 0.3);
    rtd_pretrain_free(p);
}

static void a_new_network_does_not(void **state)
{
    static const int lanes[] = {1, 2, 8};
    static const size_t micro[] = {1, 5000, 64};
    const struct fixture *f = *state;
    struct rtd_copy_result first = {0};
    for (size_t i = 0; i < 3; i++) {
        struct rtd_pretrain *p = network(f->pool, lanes[i], micro[i]);
        struct rtd_copy_result words = {0}, tokens = {0};
        rtd_params_init(&p->params, 4, 0.02);
        measure(f, p, &rtd_mlm_warmup, &words);
        measure(f, p, &rtd_electra, &tokens);
        assert_true(words.entropy[0] > 0.999 && words.entropy[0] < 1);
        for (int c = 0; c < RTD_COPIES; c++) {
            assert_true(words.accuracy[c] < 0.2);
            assert_true(fabs(tokens.auc[c] - 0.5) < 0.15);
            words.auc[c] = tokens.auc[c];
        }
        /* whatever the lanes and micro-batches, to the last bit */
        if (i == 0)
            first = words;
        assert_memory_equal(&words, &first, sizeof first);
        rtd_pretrain_free(p);
    }
}

static void columns(char *out, size_t size, int layers, const struct rtd_copy_result *r)
{
    FILE *f = fmemopen(out, size, "w");
    assert_non_null(f);
    rtd_copy_meter_print(f, layers, r);
    assert_int_equal(fclose(f), 0);
}

static void it_prints_what_is_defined(void **state)
{
    const struct rtd_copy_result r = {{0.25, (double)NAN}, {(double)NAN, 0.5}, {1, 0.75}};
    char text[200] = "";
    (void)state;
    columns(text, sizeof text, 2, NULL);
    assert_string_equal(text, "\tcopy_accuracy\tcopy_accuracy_alone\tcopy_auc\tcopy_auc_alone"
                              "\tattention_entropy_1\tattention_entropy_2");
    columns(text, sizeof text, 2, &r);
    assert_string_equal(text, "\t\t0.25\t0.5\t\t1\t0.75");
}

/* No room for two segments, no [CLS], nothing between [CLS] and [SEP], and one token alone. */
static void nothing_to_ask(void **state)
{
    const struct fixture *f = *state;
    struct rtd_pretrain *p = network(f->pool, 2, 50);
    struct rtd_config c;
    struct rtd_err err = {0};
    rtd_params_init(&p->params, 4, 0.02);
    config(&c);
    for (int i = 0; i < 4; i++) {
        struct rtd_batch_store s = {0};
        struct rtd_copy_meter m;
        struct rtd_copy_result r;
        examples(&s);
        for (size_t k = 0; k < EXAMPLES; k++) {
            if (i == 1)
                s.b.ids[s.b.start[k]] = WORDS;
            if (i == 2)
                s.b.ids[s.b.start[k] + 1] = SEP;
            if (i == 3)
                s.b.start[k + 1] = (uint32_t)k + 1;
            if (i >= 2)
                s.b.mstart[k + 1] = 0;
        }
        assert_int_equal(rtd_copy_meter_init(&m, &s.b, &tok, i ? LENGTH : 4, &c, &err), RTD_OK);
        assert_int_equal(rtd_copy_meter_run(&m, p, &rtd_mlm_warmup, &r, &err), RTD_OK);
        assert_true(isnan(r.accuracy[RTD_COPY_TWICE]) && isnan(r.accuracy[RTD_COPY_ALONE]));
        assert_true(i == 3 ? isnan(r.entropy[0]) : r.entropy[0] > 0.999);
        assert_int_equal(rtd_copy_meter_run(&m, p, &rtd_electra, &r, &err), RTD_OK);
        assert_true(isnan(r.auc[RTD_COPY_TWICE]) && isnan(r.auc[RTD_COPY_ALONE]));
        rtd_copy_meter_fini(&m);
        rtd_batch_free(&s);
    }
    rtd_config_free(&c);
    rtd_pretrain_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_asks_for_a_token_of_one_copy),
        cmocka_unit_test(it_knows_who_copies),
        cmocka_unit_test(it_replaces_for_who_never_saw_a_mask),
        cmocka_unit_test(it_knows_who_foretells),
        cmocka_unit_test(a_new_network_does_not),
        cmocka_unit_test(it_prints_what_is_defined),
        cmocka_unit_test(nothing_to_ask),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
