/* rtdtools - MIT licence
 *
 * bench [-j N] [SIZE LENGTH BATCH STEPS]...: speed of training as a share of the limit of the
 * machine's kernels (tests/support/speed.h), medians of steps that are taken by turns with slices
 * of the limit, at least nine.
 *
 * FLOPs: those of rtd_electra (products only, training = 3 x forward).  Sequences have exactly
 * LENGTH real tokens and round(0.15 LENGTH) masked; the vocabulary has 30,522 pieces; dropout is
 * on; a step includes the optimiser. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/pool.h"
#include "base/process.h"
#include "base/rng.h"
#include "model/flops.h"
#include "learn/optimizer.h"
#include "pretrain/presets.h"
#include "finetune/loss.h"
#include "objective/pretrain.h"
#include "support/reference.h"
#include "support/speed.h"

enum { MOST_STEPS = 1000 };

/* Of steps that are taken by turns with slices of the limit. */
struct pace {
    double share[MOST_STEPS], seconds[MOST_STEPS], limit[MOST_STEPS], update[MOST_STEPS];
    int steps;
};

static void note(struct pace *p, double limit, double flops, double seconds, double update)
{
    p->limit[p->steps] = limit;
    p->seconds[p->steps] = seconds;
    p->share[p->steps] = flops / seconds / limit;
    p->update[p->steps++] = update / seconds;
}

/* "2,400 tokens/s, 168.0 GFLOP/s of 234.0: 71.8% of the limit (update 3.1% of the time)" */
static void print_pace(struct pace *p, double tokens, double flops)
{
    double seconds = speed_median(p->seconds, p->steps);
    printf("%.0f tokens/s, %.1f GFLOP/s of %.1f: %.1f%% of the limit (update %.1f%% of the time)",
           tokens / seconds, flops / seconds / 1e9, speed_median(p->limit, p->steps) / 1e9,
           100 * speed_median(p->share, p->steps), 100 * speed_median(p->update, p->steps));
}

static struct rtd_masked_batch make_masked(size_t n, size_t length, uint64_t step, int vocab)
{
    size_t masked = (size_t)(0.15 * (double)length + 0.5);
    struct rtd_masked_batch b = {.nseq = n};
    b.start = calloc(n + 1, sizeof *b.start);
    b.mstart = calloc(n + 1, sizeof *b.mstart);
    b.ids = calloc(n * length, sizeof *b.ids);
    b.types = calloc(n * length, 1);
    b.positions = calloc(n * masked, sizeof *b.positions);
    b.originals = calloc(n * masked, sizeof *b.originals);
    b.index = calloc(n, sizeof *b.index);
    b.tokens = (double)(n * length);
    b.slots = (double)(n * masked);
    if (!b.start || !b.mstart || !b.ids || !b.types || !b.positions || !b.originals || !b.index)
        die();
    for (size_t s = 0; s < n; s++) {
        b.start[s + 1] = (uint32_t)((s + 1) * length);
        b.mstart[s + 1] = (uint32_t)((s + 1) * masked);
        b.index[s] = step * n + s;
        for (size_t i = 0; i < length; i++) /* frequent ids are more likely, as in text */
            b.ids[s * length + i] =
                (int32_t)(rtd_unit(rtd_rand32(1, 0, 0, 0, b.index[s], (uint32_t)i)) *
                          rtd_unit(rtd_rand32(1, 0, 0, 1, b.index[s], (uint32_t)i)) * vocab);
        for (size_t k = 0; k < masked; k++) {
            b.positions[s * masked + k] = (int32_t)(k * length / masked);
            b.originals[s * masked + k] = b.ids[s * length + k * length / masked];
        }
    }
    return b;
}

static void free_masked(struct rtd_masked_batch *b)
{
    free(b->start);
    free(b->mstart);
    free(b->ids);
    free(b->types);
    free(b->positions);
    free(b->originals);
    free(b->index);
}

static void pretrain(const char *size, size_t length, size_t batch, int steps,
                     struct rtd_pool *pool)
{
    const struct rtd_preset *s = rtd_preset_find(size);
    if (!s || steps < 1 || steps > MOST_STEPS) {
        fprintf(stderr, "bench: no size %s, or not 1 to %d steps\n", size, MOST_STEPS);
        exit(2);
    }
    struct rtd_config d, g;
    struct rtd_pretrain_options o;
    struct rtd_pretrain *p;
    struct rtd_optimizer opt;
    rtd_config_init(&d);
    d.vocab_size = 30522;
    d.num_hidden_layers = s->layers;
    d.hidden_size = s->hidden;
    d.num_attention_heads = s->heads;
    d.intermediate_size = s->ffn;
    d.embedding_size = s->embedding;
    rtd_pretrain_defaults(&o);
    if (rtd_generator_config(&g, &d, s->generator_hidden, &err) ||
        rtd_pretrain_new(&p, &d, &g, &o, pool, &err) || rtd_optimizer_init(&opt, &p->params, &err))
        die();
    rtd_params_init(&p->params, 1, 0.02);
    size_t masked = (size_t)(0.15 * (double)length + 0.5);
    double flops = rtd_electra.flops(p, length, masked) * (double)batch;
    struct pace pace = {.steps = 0};
    for (int t = 0; t <= steps; t++) { /* step 0 warms up and is not counted */
        double limit = speed_limit(pool);
        struct rtd_masked_batch b = make_masked(batch, length, (uint64_t)t, d.vocab_size);
        struct rtd_sums sums;
        real *grad;
        double norm, at = rtd_now();
        if (rtd_pretrain_batch(p, &rtd_electra, &b, &grad, &sums, &err))
            die();
        double middle = rtd_now();
        if (rtd_optimizer_step(&opt, &p->params, grad, NULL, 1e-4, (uint64_t)t, pool, &norm, &err))
            die();
        if (t > 0)
            note(&pace, limit, flops, rtd_now() - at, rtd_now() - middle);
        free_masked(&b);
    }
    printf("pre-training %s, length %zu, batch %zu: ", size, length, batch);
    print_pace(&pace, (double)(batch * length), flops);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("; peak memory %.0f MB\n", (double)used.ru_maxrss * 1024 / 1e6);
    fflush(stdout);
    rtd_optimizer_free(&opt);
    rtd_pretrain_free(p);
    rtd_config_free(&d);
    rtd_config_free(&g);
}

/* --- fine-tuning --- */

struct tuning {
    const char *name, *model_type;
    int layers, hidden, heads, ffn, embedding, labels;
    size_t length, batch;
    int steps;
};

/* A classifier on sequences of one length; the optimiser's time and traffic on a line of their own.
 */
static void finetune(const struct tuning *u, struct rtd_pool *pool)
{
    struct rtd_config c;
    struct rtd_network *net;
    struct rtd_finetune_net_options o;
    struct rtd_finetune_net *f;
    struct rtd_optimizer opt;
    char label[160][12], *labels[160];
    struct rtd_head_spec spec = {
        .task = RTD_TASK_CLASSIFY, .label = labels, .outputs = u->labels, .texts = 1, .range = 1};
    rtd_config_init(&c);
    snprintf(c.model_type, sizeof c.model_type, "%s", u->model_type);
    c.vocab_size = 30522;
    c.num_hidden_layers = u->layers;
    c.hidden_size = u->hidden;
    c.num_attention_heads = u->heads;
    c.intermediate_size = u->ffn;
    c.embedding_size = u->embedding;
    for (int i = 0; i < u->labels; i++) {
        snprintf(label[i], sizeof label[i], "%d", i);
        labels[i] = label[i];
    }
    rtd_finetune_net_defaults(&o);
    if (rtd_head_specs_store(&c, &spec, 1, &err) || rtd_network_new(&net, &c, false, &err) ||
        rtd_finetune_net_new(&f, net, &o, pool, &err) ||
        rtd_optimizer_init(&opt, &net->params, &err))
        die();
    rtd_params_init(&net->params, 1, 0.02);
    int32_t *answer = calloc(u->batch, sizeof *answer);
    double flops =
        3 * (rtd_flops_encoder(&c, (double)u->length) + rtd_flops_head(&c, (double)u->length)) *
        (double)u->batch;
    double touched = 0, norm, loss;
    struct pace pace = {.steps = 0};
    for (int t = 0; t <= u->steps && answer; t++) {
        double limit = speed_limit(pool);
        struct rtd_masked_batch b = make_masked(u->batch, u->length, (uint64_t)t, c.vocab_size);
        const struct rtd_target target = {.label = answer, .count = (double)u->batch};
        struct rtd_batch_view q = {.nseq = u->batch,
                                   .units = u->batch,
                                   .start = b.start,
                                   .ids = b.ids,
                                   .types = b.types,
                                   .index = b.index,
                                   .ntarget = 1,
                                   .target = &target};
        real *grad;
        for (size_t i = 0; i < u->batch; i++)
            answer[i] = (int32_t)((i + (size_t)t) % (size_t)u->labels);
        double at = rtd_now();
        if (rtd_finetune_net_gradient(f, &q, &grad, &loss, &err))
            die();
        double middle = rtd_now();
        if (rtd_optimizer_step(&opt, &net->params, grad, rtd_lanes_touched(f->lanes), 1e-4,
                               (uint64_t)t, pool, &norm, &err))
            die();
        if (t > 0)
            note(&pace, limit, flops, rtd_now() - at, rtd_now() - middle);
        free_masked(&b);
    }
    for (size_t r = 0; r < (size_t)c.vocab_size; r++)
        touched += opt.ever[r];
    double table = (double)c.vocab_size * c.embedding_size;
    double bytes = 4 * (7 * ((double)net->params.total - table) + 7 * touched * c.embedding_size +
                        2 * (table - touched * c.embedding_size));
    printf("fine-tuning %s, length %zu, batch %zu: ", u->name, u->length, u->batch);
    print_pace(&pace, (double)(u->length * u->batch), flops);
    printf("\n  its optimiser: %.0f MB a step at %.1f GB/s\n", bytes / 1e6,
           bytes / 1e9 /
               (speed_median(pace.update, pace.steps) * speed_median(pace.seconds, pace.steps)));
    fflush(stdout);
    free(answer);
    rtd_optimizer_free(&opt);
    rtd_finetune_net_free(f);
    rtd_config_free(&c);
}

int main(int argc, char **argv)
{
    static char *standard[] = {"small", "128", "128", "9"};
    int threads = rtd_cpu_count(), first = 1;
    if (argc > 2 && !strcmp(argv[1], "-j")) {
        threads = atoi(argv[2]);
        first = 3;
    }
    char **job = argc > first ? argv + first : standard;
    int jobs = argc > first ? (argc - first) / 4 : 1;
    if (threads < 1 || (argc > first && (argc - first) % 4)) {
        fprintf(stderr, "usage: bench [-j N] [SIZE LENGTH BATCH STEPS]...\n");
        return 2;
    }
    struct rtd_pool *pool = speed_start(threads);
    for (int i = 0; i < jobs; i++, job += 4)
        pretrain(job[0], (size_t)atol(job[1]), (size_t)atol(job[2]), atoi(job[3]), pool);
    static const struct tuning tunings[] = {
        {"ELECTRA-Small", "electra", 12, 256, 4, 1024, 128, 2, 128, 32, 9},
        {"MiniLM-L6", "bert", 6, 384, 12, 1536, 384, 2, 128, 32, 9},
        {"MiniLM-L6, 150 labels", "bert", 6, 384, 12, 1536, 384, 150, 11, 32, 40},
    };
    for (size_t i = 0; i < sizeof tunings / sizeof tunings[0] && argc <= first; i++)
        finetune(&tunings[i], pool);
    rtd_pool_free(pool);
    return 0;
}
