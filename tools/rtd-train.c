/* rtdtools - MIT licence
 *
 * rtd-train: train a generator and a discriminator together on a masked stream. */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "nn/choice.h"
#include "nn/gemm.h"
#include "pretrain/checkpoint.h"
#include "pretrain/presets.h"
#include "pretrain/trainer.h"

struct options {
    const char *out, *size, *eval, *objective, *embeddings, *piece_counts, *positions_start,
        *layers_start, *init, *init_generator, *generator, *temperature;
    const char *batch, *warmup, *schedule;
    bool resume, force, disallow_correct, plan;
    int64_t steps, records, mlm_warmup, batch_tokens, seed, lanes, threads, micro_tokens;
    int64_t layers, hidden, heads, ffn, embedding, generator_hidden, generator_layers, positions;
    int64_t log_every, save_every, eval_every, eval_limit, keep;
    double time, lr, weight_decay, clip, beta1, beta2, beta2_batch, eps, embeddings_scale, average;
    double gen_weight, disc_weight, clm_share, contrast_temperature, dropout, init_range;
};

static struct options o = {
    .size = "small",
    .objective = "electra",
    .schedule = "linear",
    .seed = 1,
    .micro_tokens = 512,
    .positions = 512,
    .log_every = 100,
    .save_every = 1000,
    .eval_every = 1000,
    .keep = 5,
    .weight_decay = 0.01,
    .clip = 1,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .eps = 1e-6,
    .gen_weight = 1,
    .disc_weight = 50,
    .generator = "joint",
    .temperature = "1",
    .clm_share = 0.5,
    .contrast_temperature = 0.1,
    .dropout = 0.1,
    .init_range = 0.02,
    .embeddings_scale = 0.05,
    .positions_start = "normal",
    .layers_start = "normal",
};

static char sizes[160], objectives[160]; /* what --help says of --size and --objective */

static struct rtd_opt table[] = {
    {RTD_OPT_STR, 'o', "output", "DIR", &o.out, 0, 0, "the run's directory (required)", 0},
    {RTD_OPT_INT, 0, "steps", "N", &o.steps, 1, 1e12, "updates in all", 0},
    {RTD_OPT_INT, 0, "records", "N", &o.records, 1, 1e15, "instead: records in all", 0},
    {RTD_OPT_SECS, 0, "time", "TIME", &o.time, 1e-3, 1e8,
     "instead: as many records as fit into TIME (8h; s, m, h or d)", 0},
    {RTD_OPT_FLAG, 0, "plan", NULL, &o.plan, 0, 0,
     "print how many records and bytes of memory, and end", 0},
    {RTD_OPT_FLAG, 0, "resume", NULL, &o.resume, 0, 0, "go on from DIR's newest checkpoint", 0},
    {RTD_OPT_FLAG, 'f', "force", NULL, &o.force, 0, 0, "start anew where DIR holds a run", 0},
    {RTD_OPT_STR, 0, "eval", "FILE", &o.eval, 0, 0, "held-out masked stream to evaluate on", 0},
    {RTD_OPT_INT, 0, "eval-limit", "N", &o.eval_limit, 0, 0, "its first N records only", 0},
    {RTD_OPT_INT, 0, "eval-every", "N", &o.eval_every, 1, 1e12,
     "steps between evaluations (default: 1000)", 0},
    {RTD_OPT_INT, 0, "log-every", "N", &o.log_every, 1, 1e12,
     "steps between lines of metrics.tsv (default: 100)", 0},
    {RTD_OPT_INT, 0, "save-every", "N", &o.save_every, 0, 0,
     "steps between checkpoints, 0: never (default: 1000)", 0},
    {RTD_OPT_INT, 0, "keep", "N", &o.keep, 1, 1e6, "newest checkpoints to keep (default: 5)", 0},
    {RTD_OPT_INT, 'j', "threads", "N", &o.threads, 1, 1024, "threads (default: all CPUs)", 0},
    {RTD_OPT_INT, 0, "seed", "N", &o.seed, 0, 0, "seed of all randomness (default: 1)", 0},
    RTD_OPT_COMMON_VERBOSE,
    {RTD_OPT_STR, 0, "init", "DIR", &o.init, 0, 0,
     "go on from this electra's or bert's shape and weights", 0},
    {RTD_OPT_STR, 0, "init-generator", "DIR", &o.init_generator, 0, 0,
     "and from this generator's (default: DIR/../generator, or a new one)", 0},
    {RTD_OPT_GROUP, 0, NULL, NULL, NULL, 0, 0, "Shape", 0},
    {RTD_OPT_STR, 0, "size", "NAME", &o.size, 0, 0, sizes, 0},
    {RTD_OPT_INT, 0, "layers", "N", &o.layers, 1, 127, "layers of both networks", 0},
    {RTD_OPT_INT, 0, "hidden", "N", &o.hidden, 1, 16384, "discriminator's width", 0},
    {RTD_OPT_INT, 0, "heads", "N", &o.heads, 1, 1024, "attention heads (default: hidden / 64)", 0},
    {RTD_OPT_INT, 0, "ffn", "N", &o.ffn, 1, 65536, "feed-forward width (default: 4 x hidden)", 0},
    {RTD_OPT_INT, 0, "embedding", "N", &o.embedding, 1, 16384, "embedding width", 0},
    {RTD_OPT_INT, 0, "generator-hidden", "N", &o.generator_hidden, 1, 16384,
     "generator's width (default: hidden / 4)", 0},
    {RTD_OPT_INT, 0, "generator-layers", "N", &o.generator_layers, 1, 127, "generator's layers", 0},
    {RTD_OPT_INT, 0, "positions", "N", &o.positions, 8, 1 << 20,
     "rows of the position table (default: 512)", 0},
    {RTD_OPT_REAL, 0, "dropout", "F", &o.dropout, 0, 0.9,
     "all dropout rates (default: 0.1, or --init's)", 0},
    {RTD_OPT_REAL, 0, "init-range", "F", &o.init_range, 1e-6, 1,
     "standard deviation of initial weights (default: 0.02, or --init's)", 0},
    {RTD_OPT_STR, 0, "embeddings", "FILE", &o.embeddings, 0, 0,
     "start the word table from vectors that piece-vectors made", 0},
    {RTD_OPT_REAL, 0, "embeddings-scale", "F", &o.embeddings_scale, 1e-6, 1,
     "their standard deviation in the table (default: 0.05)", 0},
    {RTD_OPT_STR, 0, "piece-counts", "FILE", &o.piece_counts, 0, 0,
     "start language models knowing how frequent pieces are: ts-info --pieces", 0},
    {RTD_OPT_STR, 0, "init-positions", "KIND", &o.positions_start, 0, 0,
     "start the position table as normal, like the rest, or sinusoid (default: normal)", 0},
    {RTD_OPT_STR, 0, "init-layers", "KIND", &o.layers_start, 0, 0,
     "start the layers as normal, or mimetic: looking at neighbours (default: normal)", 0},
    {RTD_OPT_GROUP, 0, NULL, NULL, NULL, 0, 0, "Training", 0},
    {RTD_OPT_STR, 0, "batch", "N[,N@F...]", &o.batch, 0, 0,
     "sequences a step, from share F of --records on (default: by size)", 0},
    {RTD_OPT_INT, 0, "batch-tokens", "N", &o.batch_tokens, 1, 1 << 30,
     "instead: sequences until at least N tokens", 0},
    {RTD_OPT_REAL, 0, "lr", "F", &o.lr, 1e-12, 10,
     "learning rate (default: by size, or 1e-4 with --init)", 0},
    {RTD_OPT_STR, 0, "warmup", "N|F", &o.warmup, 0, 0,
     "warm-up: steps, or a share of the run (default: a tenth, at most 10000 steps)", 0},
    {RTD_OPT_STR, 0, "schedule", "NAME", &o.schedule, 0, 0,
     "linear: falling to 0; wsd[:F]: in the last share F (0.2); constant (default: linear)", 0},
    {RTD_OPT_STR, 0, "objective", "NAME[,NAME@SHARE...]", &o.objective, 0, 0, objectives, 0},
    {RTD_OPT_INT, 0, "mlm-warmup", "N", &o.mlm_warmup, 0, 1e12,
     "first N steps: masked LM for both networks (default: 0)", 0},
    {RTD_OPT_REAL, 0, "average", "F", &o.average, 0.01, 1,
     "the models are the mean of the weights over the last share F (default: the last)", 0},
    {RTD_OPT_REAL, 0, "weight-decay", "F", &o.weight_decay, 0, 1, "(default: 0.01)", 0},
    {RTD_OPT_REAL, 0, "clip", "F", &o.clip, 0, 1e9,
     "global norm of gradients, 0: no limit (default: 1)", 0},
    {RTD_OPT_REAL, 0, "beta1", "F", &o.beta1, 0, 0.999999, "Adam (default: 0.9)", 0},
    {RTD_OPT_REAL, 0, "beta2", "F", &o.beta2, 0, 0.999999, "Adam (default: 0.999)", 0},
    {RTD_OPT_REAL, 0, "beta2-batch", "N", &o.beta2_batch, 1, 1e9,
     "sequences that beta2 is for (default: those of a step; 32 where they change)", 0},
    {RTD_OPT_REAL, 0, "eps", "F", &o.eps, 1e-15, 1, "Adam (default: 1e-6)", 0},
    {RTD_OPT_REAL, 0, "gen-weight", "F", &o.gen_weight, 0, 1e6,
     "weight of the generator's loss (default: 1)", 0},
    {RTD_OPT_REAL, 0, "disc-weight", "F", &o.disc_weight, 0, 1e6,
     "weight of the discriminator's loss (default: 50)", 0},
    {RTD_OPT_REAL, 0, "clm-share", "F", &o.clm_share, 0, 1, "of objective mixed (default: 0.5)", 0},
    {RTD_OPT_REAL, 0, "contrast-temperature", "F", &o.contrast_temperature, 1e-3, 1e3,
     "contrast: what cosines are divided by (default: 0.1)", 0},
    {RTD_OPT_STR, 0, "generator", "WHAT", &o.generator, 0, 0,
     "joint, unigram, or a model that is given and stays (default: joint)", 0},
    {RTD_OPT_STR, 0, "temperature", "F[:F]", &o.temperature, 0, 0,
     "of the generator's samples, at first and at last (default: 1)", 0},
    {RTD_OPT_FLAG, 0, "disallow-correct", NULL, &o.disallow_correct, 0, 0,
     "never sample the original token", 0},
    {RTD_OPT_INT, 0, "lanes", "N", &o.lanes, 1, 4096,
     "parts of a batch, a power of two; decides rounding, not -j (default: 8 or what divides it)",
     0},
    {RTD_OPT_INT, 0, "micro-tokens", "N", &o.micro_tokens, 1, 1 << 24,
     "tokens of a micro-batch; decides rounding (default: 512)", 0},
    {RTD_OPT_END, 0, NULL, NULL, NULL, 0, 0, NULL, 0},
};

static const struct rtd_usage usage = {
    .synopsis = "-o DIR {--steps N | --records N | --time TIME} [--size NAME] [OPTIONS] [FILE]",
    .purpose = "Pre-train ELECTRA on a stream of masked examples.",
    .notes = "DIR/discriminator and DIR/generator appear only when step N was reached. How many\n"
             "steps a stream is good for: ts-info --count FILE, divided by the batch; ts-cat\n"
             "--repeat makes more passes.",
};

/* The given value, or the preset's where the option was not given. */
static int pick(int64_t given, int preset)
{
    return given ? (int)given : preset;
}

/* Options of shape may only repeat what the run goes on from. */
static int check_shape(const struct rtd_start *s, const struct rtd_preset *p, struct rtd_err *err)
{
    const struct rtd_config *d = &s->from.config;
    const struct rtd_config *g = s->generator.path ? &s->generator.config : NULL;
    const struct {
        const char *option;
        int64_t given;
        int preset, has;
    } shape[] = {{"layers", o.layers, p->layers, d->num_hidden_layers},
                 {"hidden", o.hidden, p->hidden, d->hidden_size},
                 {"heads", o.heads, p->heads, d->num_attention_heads},
                 {"ffn", o.ffn, p->ffn, d->intermediate_size},
                 {"embedding", o.embedding, p->embedding, d->embedding_size},
                 {"positions", rtd_opt_seen(table, "positions") ? o.positions : 0, 0,
                  d->max_position_embeddings},
                 {"generator-hidden", g ? o.generator_hidden : 0, 0, g ? g->hidden_size : 0},
                 {"generator-layers", g ? o.generator_layers : 0, 0, g ? g->num_hidden_layers : 0}};
    bool sized = rtd_opt_seen(table, "size");
    for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++) {
        const char *dir = i < 6 ? s->from.path : s->generator.path;
        if (shape[i].given && shape[i].given != shape[i].has)
            return rtd_fail(err, RTD_EUSAGE, "--%s %lld: it is %d in %s", shape[i].option,
                            (long long)shape[i].given, shape[i].has, dir);
        if (sized && shape[i].preset && shape[i].preset != shape[i].has)
            return rtd_fail(err, RTD_EUSAGE, "--size %s: %s %d, but %d in %s", o.size,
                            shape[i].option, shape[i].preset, shape[i].has, dir);
    }
    return RTD_OK;
}

static void set_dropout(struct rtd_config *c)
{
    if (rtd_opt_seen(table, "dropout"))
        c->hidden_dropout_prob = c->attention_probs_dropout_prob = o.dropout;
}

/* The shape of what the run goes on from. */
static int take_shape(struct rtd_trainer *t, const struct rtd_preset *p, struct rtd_err *err)
{
    const struct rtd_start *s = t->start;
    struct rtd_config *d = &t->disc;
    if (check_shape(s, p, err) || rtd_config_copy(d, &s->from.config, err))
        return err->status;
    if (rtd_opt_seen(table, "init-range"))
        d->initializer_range = o.init_range;
    set_dropout(d);
    if (s->generator.path) {
        if (!rtd_config_copy(&t->gen, &s->generator.config, err))
            set_dropout(&t->gen);
        return err->status;
    }
    int quarter = d->hidden_size >= 4 ? d->hidden_size / 4 : 1;
    int st = rtd_generator_config(&t->gen, d, pick(o.generator_hidden, quarter), err);
    t->gen.num_hidden_layers = pick(o.generator_layers, d->num_hidden_layers);
    return st;
}

/* Open what the run goes on from, if it does. */
static int open_start(struct rtd_trainer *t, struct rtd_start *s, struct rtd_err *err)
{
    bool generates = rtd_generator_learns(&t->o);
    if (!o.init)
        return o.init_generator ? rtd_fail(err, RTD_EUSAGE, "--init-generator: only with --init")
                                : RTD_OK;
    static const char *const others[] = {"embeddings", "piece-counts", "init-positions",
                                         "init-layers"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (rtd_opt_seen(table, others[i]))
            return rtd_fail(err, RTD_EUSAGE, "--%s: not with --init, which has weights", others[i]);
    if (o.init_generator && !generates)
        return rtd_fail(err, RTD_EUSAGE, "--init-generator: --objective %s trains none",
                        o.objective);
    char models[PATH_MAX] = "";
    t->start = s;
    if (o.resume && !o.plan && rtd_checkpoint_models(models, o.out, err))
        return err->status;
    return rtd_start_open(s, o.init, o.init_generator, generates, models[0] ? models : NULL, err);
}

static int shape(struct rtd_trainer *t, const struct rtd_preset *p, struct rtd_err *err)
{
    if (t->start)
        return take_shape(t, p, err);
    struct rtd_config *d = &t->disc;
    rtd_config_init(d);
    strcpy(d->model_type, "electra");
    strcpy(d->architecture, "ElectraForPreTraining");
    d->vocab_size = 1; /* the stream's is filled in later */
    d->num_hidden_layers = pick(o.layers, p->layers);
    d->hidden_size = pick(o.hidden, p->hidden);
    d->num_attention_heads = pick(o.heads, !o.hidden        ? p->heads
                                           : o.hidden >= 64 ? (int)o.hidden / 64
                                                            : 1);
    d->intermediate_size = pick(o.ffn, o.hidden ? 4 * (int)o.hidden : p->ffn);
    d->embedding_size = pick(o.embedding, p->embedding);
    d->max_position_embeddings = (int)o.positions;
    d->hidden_dropout_prob = d->attention_probs_dropout_prob = o.dropout;
    d->initializer_range = o.init_range;
    int quarter = o.hidden >= 4 ? (int)o.hidden / 4 : 1;
    int st = rtd_generator_config(
        &t->gen, d, pick(o.generator_hidden, o.hidden ? quarter : p->generator_hidden), err);
    t->gen.num_hidden_layers = pick(o.generator_layers, d->num_hidden_layers);
    return st;
}

/* Everything that decides the result, in the words of the options, but for what the plan adds; what
 * came later than the first runs only where it is asked for. */
static json_t *describe(const struct rtd_trainer *t)
{
    const struct rtd_config *d = &t->disc, *g = &t->gen;
    const struct rtd_plan *p = &t->plan;
    json_t *j = json_pack("{s:s, s:s, s:f, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:b}",
                          "generator", t->o.frozen ? t->o.frozen->digest : o.generator, "objective",
                          o.objective, "lr", p->schedule.lr, "mlm-warmup", (json_int_t)o.mlm_warmup,
                          "batch-tokens", (json_int_t)o.batch_tokens, "weight-decay",
                          o.weight_decay, "clip", o.clip, "beta1", o.beta1, "beta2", o.beta2, "eps",
                          o.eps, "gen-weight", o.gen_weight, "disc-weight", o.disc_weight,
                          "temperature", o.temperature, "disallow-correct", o.disallow_correct);
    json_t *s = json_pack(
        "{s:f, s:f, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:o}",
        "clm-share", o.clm_share, "contrast-temperature", o.contrast_temperature, "seed",
        (json_int_t)o.seed, "lanes", (json_int_t)o.lanes, "micro-tokens",
        (json_int_t)o.micro_tokens, "layers", d->num_hidden_layers, "hidden", d->hidden_size,
        "heads", d->num_attention_heads, "ffn", d->intermediate_size, "embedding",
        d->embedding_size, "generator-hidden", g->hidden_size, "generator-layers",
        g->num_hidden_layers, "positions", d->max_position_embeddings, "dropout",
        d->hidden_dropout_prob, "attention-dropout", d->attention_probs_dropout_prob, "init-range",
        d->initializer_range, "batch",
        p->batch.n > 1 ? json_string(o.batch) : json_integer((json_int_t)p->sequences[0]));
    bool ok = j && s && json_object_update(j, s) == 0;
    if (ok && p->schedule.hold > 0)
        ok = json_object_set_new(j, "schedule", json_string(o.schedule)) == 0;
    if (ok && o.average > 0)
        ok = json_object_set_new(j, "average", json_real(o.average)) == 0;
    if (ok && p->beta2_batch > 0)
        ok = json_object_set_new(j, "beta2-batch", json_real(p->beta2_batch)) == 0;
    if (ok && t->start) /* null: as it was */
        ok = json_object_update_new(
                 j, json_pack("{s:s?, s:s?}", "init", t->start->digest[0] ? t->start->digest : NULL,
                              "init-generator",
                              t->start->digest[0] ? t->start->generator_digest : NULL)) == 0;
    json_decref(s);
    if (ok)
        return j;
    json_decref(j);
    return NULL;
}

/* Where the weights start, and that in words among the run's options. */
static int initial(struct rtd_trainer *t, struct rtd_err *err)
{
    json_t *words;
    t->initial = (struct rtd_initial){.embeddings = o.embeddings,
                                      .embeddings_scale = o.embeddings_scale,
                                      .piece_counts = o.piece_counts,
                                      .sinusoid = !strcmp(o.positions_start, "sinusoid"),
                                      .mimetic = !strcmp(o.layers_start, "mimetic")};
    if (!t->initial.sinusoid && strcmp(o.positions_start, "normal"))
        return rtd_fail(err, RTD_EUSAGE, "--init-positions %s: wants normal or sinusoid",
                        o.positions_start);
    if (!t->initial.mimetic && strcmp(o.layers_start, "normal"))
        return rtd_fail(err, RTD_EUSAGE, "--init-layers %s: wants normal or mimetic",
                        o.layers_start);
    if (t->initial.mimetic && t->initial.sinusoid)
        return rtd_fail(err, RTD_EUSAGE,
                        "--init-positions: --init-layers mimetic has positions of its own");
    if (!o.embeddings && rtd_opt_seen(table, "embeddings-scale"))
        return rtd_fail(err, RTD_EUSAGE, "--embeddings-scale: only with --embeddings");
    int st = rtd_initial_describe(&words, &t->initial, o.resume, err);
    json_object_update(t->options, words);
    json_decref(words);
    return st;
}

/* What is learnt when. */
static int phases(struct rtd_phases *p, const struct rtd_plan *plan, struct rtd_err *err)
{
    int st = rtd_phases_parse(p, "--objective", o.objective, err);
    if (st || !o.mlm_warmup)
        return st;
    if (p->n > 1 || p->at[0].objective != &rtd_electra)
        return rtd_fail(err, RTD_EUSAGE, "--mlm-warmup: goes with --objective electra alone");
    if (plan->batch.n > 1)
        return rtd_fail(err, RTD_EUSAGE,
                        "--mlm-warmup %lld: a step is no fixed part of this run: give --objective "
                        "mlm-warmup,electra@SHARE",
                        (long long)o.mlm_warmup);
    if (o.time > 0)
        return rtd_fail(err, RTD_EUSAGE,
                        "--mlm-warmup: not with --time: give --objective mlm-warmup,electra@SHARE");
    uint64_t first = (uint64_t)o.mlm_warmup * (o.records ? plan->sequences[0] : 1);
    uint64_t all = (uint64_t)(o.records ? o.records : o.steps);
    if (first > all)
        return rtd_fail(err, RTD_EUSAGE, "--mlm-warmup %lld: more than --%s",
                        (long long)o.mlm_warmup, o.records ? "records" : "steps");
    p->at[0].objective = &rtd_mlm_warmup;
    p->at[p->n++] = (struct rtd_phase){&rtd_electra, rtd_share(first, all)};
    return RTD_OK;
}

static int train(struct rtd_trainer *t, const char *path, struct rtd_err *err)
{
    struct rtd_reader *in = NULL;
    struct rtd_pool *pool = NULL;
    int threads = o.threads ? (int)o.threads : rtd_cpu_count(), st = rtd_choose(err);
    if (!st)
        st = rtd_reader_open(&in, path, err);
    if (!st)
        st = rtd_gemm_reserve(threads, err);
    if (!st)
        st = rtd_pool_new(&pool, threads, err);
    if (!st)
        st = rtd_trainer_run(t, in, pool, err);
    rtd_reader_close(in);
    rtd_pool_free(pool);
    return st;
}

static int run(const char *path, struct rtd_err *err)
{
    char names[120];
    const struct rtd_preset *p = rtd_preset_find(o.size);
    struct rtd_stretch warmup;
    struct rtd_start start = {0};
    struct rtd_frozen frozen = {0};
    rtd_preset_names(names, sizeof names);
    if (!o.out && !o.plan)
        return rtd_fail(err, RTD_EUSAGE, "-o DIR is required");
    if (!o.steps && !o.records && !o.time)
        return rtd_fail(
            err, RTD_EUSAGE,
            "--steps N is required: `ts-info --count FILE` counts the examples of one "
            "pass, `ts-cat --repeat` makes more passes; or --records N, or --time TIME");
    if ((o.steps > 0) + (o.records > 0) + (o.time > 0) > 1)
        return rtd_fail(err, RTD_EUSAGE, "--steps, --records, --time: one of them");
    if (!p)
        return rtd_fail(err, RTD_EUSAGE, "--size %s: wants one of %s", o.size, names);
    if (o.warmup && rtd_stretch_parse(&warmup, "--warmup", o.warmup, err))
        return err->status;
    struct rtd_trainer t = {
        .dir = o.out,
        .resume = o.resume && !o.plan,
        .force = o.force,
        .seconds = o.time,
        .only_plan = o.plan,
        .plan = {.by_record = !o.steps,
                 .schedule = {.lr = o.lr > 0                                 ? o.lr
                                    : o.init && !rtd_opt_seen(table, "size") ? 1e-4
                                                                             : p->lr,
                              .multiply = true},
                 .warmup = o.warmup ? &warmup : NULL,
                 .beta2 = o.beta2,
                 .beta2_batch = o.beta2_batch},
        .weight_decay = o.weight_decay,
        .clip = o.clip,
        .beta1 = o.beta1,
        .eps = o.eps,
        .average = o.average,
        .log_every = (uint64_t)o.log_every,
        .save_every = (uint64_t)o.save_every,
        .eval_every = (uint64_t)o.eval_every,
        .keep = (int)o.keep,
        .eval = o.eval,
        .eval_limit = (size_t)o.eval_limit,
    };
    char batch[16];
    snprintf(batch, sizeof batch, "%d", p->batch);
    if (rtd_plan_batch(&t.plan, o.batch ? o.batch : batch, o.batch_tokens, &o.lanes, err) ||
        rtd_plan_rate(&t.plan, o.schedule, err))
        return err->status;
    rtd_pretrain_defaults(&t.o);
    t.o.gen_weight = o.gen_weight;
    t.o.disc_weight = o.disc_weight;
    t.o.clm_share = o.clm_share;
    t.o.contrast_temperature = o.contrast_temperature;
    t.o.disallow_correct = o.disallow_correct;
    t.o.seed = (uint64_t)o.seed;
    t.o.lanes = (int)o.lanes;
    t.o.micro_tokens = (size_t)o.micro_tokens;
    int st = phases(&t.o.phases, &t.plan, err);
    if (!st)
        st = rtd_ramp_parse(&t.o.temperature, "--temperature", o.temperature, 1e-3, 1e3, err);
    if (!st)
        st = rtd_generator_choose(&t.o, &frozen, "--generator", o.generator, err);
    if (!st)
        st = open_start(&t, &start, err);
    if (!st)
        st = shape(&t, p, err);
    t.o.drop = t.disc.hidden_dropout_prob > 0 || t.disc.attention_probs_dropout_prob > 0 ||
               t.gen.hidden_dropout_prob > 0 || t.gen.attention_probs_dropout_prob > 0;
    if (!st && !(t.options = describe(&t)))
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st && !o.time)
        st = rtd_trainer_fit(&t, (uint64_t)(o.records ? o.records : o.steps), err);
    if (!st)
        st = initial(&t, err);
    if (!st)
        st = train(&t, path, err);
    if (!st && o.plan &&
        (printf("%s\t%llu\tmemory\t%zu\n", t.plan.by_record ? "records" : "steps",
                (unsigned long long)t.plan.schedule.steps, t.memory) < 0 ||
         fflush(stdout)))
        st = rtd_fail_sys(err, "cannot write");
    json_decref(t.options);
    rtd_config_free(&t.disc);
    rtd_config_free(&t.gen);
    rtd_start_close(&start);
    rtd_frozen_close(&frozen);
    return st;
}

int main(int argc, char **argv)
{
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("rtd-train", argc, argv);
    char names[120];
    snprintf(sizes, sizeof sizes, "%s (default: %s)", rtd_preset_names(names, sizeof names),
             o.size);
    snprintf(objectives, sizeof objectives, "what is learnt: %s (default: %s)",
             rtd_objective_names(names, sizeof names), o.objective);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st && argc - first > 1)
        st = rtd_fail(&err, RTD_EUSAGE, "wants one stream, not %d", argc - first);
    if (!st && first == argc)
        st = rtd_refuse_tty_stdin(&err);
    if (!st)
        st = run(first < argc ? argv[first] : NULL, &err);
    return rtd_tool_end(&err, st);
}
