/* rtdtools - MIT licence
 *
 * parity DIR: compare our networks, losses, gradients and updates with those that a reference
 * implementation left in DIR (discriminator/, generator/, classify/, tag/, answer/ and the
 * .safetensors files beside them).  Compares whatever of these DIR holds; a tensor too many, one
 * missing, or nothing compared is a failure (1); a set of kernels that this CPU lacks is wrong
 * usage (2).
 *
 * parity --reference FILE MODEL_DIR: the same for one encoder: every hidden_i, pooler_output and
 * mean_embedding that FILE holds for its input_ids.
 *
 * Tolerances: forward, max abs difference <= 2e-5 of the tensor's largest absolute value;
 * gradients, relative L2 <= 1e-4, or 1e-8 of the global norm where the true gradient is zero;
 * parameters and moments after updates, relative L2 <= 1e-4; losses and norms 1e-4. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/rng.h"
#include "nn/choice.h"
#include "model/directory.h"
#include "finetune/loss.h"
#include "learn/optimizer.h"
#include "objective/pretrain.h"

#include "support/reference.h"

static double worst_gradient, worst_update, worst_scalar;

/* --- comparing --- */
static void compare_scalar(const char *what, double ours, double ref)
{
    double rel = fabs(ours - ref) / fmax(fabs(ref), 1e-30);
    worst_scalar = fmax(worst_scalar, rel);
    verdict(rel <= 1e-4, "scalar", what, rel, 1e-4);
}

static const char *net_prefix(const struct rtd_param *t, bool nets)
{
    return !nets ? "" : t->net == RTD_NET_DISCRIMINATOR ? "discriminator." : "generator.";
}

/* Every parameter's part of `block` against "PREFIX[NET.]NAME"; `floor` is the absolute L2 error
 * allowed where the reference is (nearly) zero. */
static void compare_block(const char *what, struct rtd_st *st, const char *prefix,
                          const struct rtd_params *p, const real *block, bool nets, double floor,
                          double *worst)
{
    for (int i = 0; i < p->n; i++) {
        const struct rtd_param *t = &p->item[i];
        char name[256];
        size_t n;
        snprintf(name, sizeof name, "%s%s%s", prefix, net_prefix(t, nets), t->name);
        float *ref = floats(st, name, &n);
        double diff = 0, norm = 0;
        for (size_t k = 0; k < t->count; k++) {
            double d = (double)block[t->offset + k] - ref[k];
            diff += d * d;
            norm += (double)ref[k] * ref[k];
        }
        diff = sqrt(diff);
        norm = sqrt(norm);
        bool ok = n == t->count && (diff <= 1e-4 * norm || diff <= floor);
        if (diff > floor)
            *worst = fmax(*worst, diff / norm);
        verdict(ok, what, name, diff / norm, 1e-4);
        free(ref);
    }
}

/* No tensor of the reference's files is left uncompared. */
static void no_extra(const char *dir)
{
    static const char *const files[] = {"pretrain.safetensors",       "pretrain_grads.safetensors",
                                        "pretrain_steps.safetensors", "finetune_steps.safetensors",
                                        "classify.safetensors",       "tag.safetensors",
                                        "answer.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct rtd_st *st = open_st(dir, files[i]);
        json_t *seen = st ? json_object_get(read_names, rtd_st_name(st)) : NULL;
        for (int k = 0; st && k < rtd_st_count(st); k++) {
            const char *name = rtd_st_at(st, k)->name;
            verdict(json_object_get(seen, name) != NULL, "extra tensor", name, 1, 0);
        }
        rtd_st_close(st);
    }
}

static double meta(struct rtd_st *st, const char *key)
{
    const char *s = json_string_value(json_object_get(rtd_st_metadata(st), key));
    if (!s) {
        rtd_fail(&err, 1, "%s: no %s in its metadata", rtd_st_name(st), key);
        die();
    }
    return strcmp(s, "yes") == 0 ? 1 : strcmp(s, "no") == 0 ? 0 : atof(s);
}

/* --- models --- */
struct setting {
    int lanes;
    size_t micro; /* sequences a micro-batch; 0: by tokens */
    struct rtd_pool *pool;
};

/* What stands in a model's file beside the parameters of its network: the generator's copies of
 * the tied tensors, which must be the discriminator's. */
static void check_rest(const struct rtd_params *p, int net, const struct rtd_st *st)
{
    for (int i = 0; i < rtd_st_count(st); i++) {
        const struct rtd_st_tensor *t = rtd_st_at(st, i);
        if (rtd_params_find(p, net, t->name) || strstr(t->name, "position_ids"))
            continue;
        const char *name = strcmp(t->name, "generator_lm_head.weight")
                               ? t->name
                               : "electra.embeddings.word_embeddings.weight";
        const struct rtd_param *tied =
            net == RTD_NET_GENERATOR ? rtd_params_find(p, RTD_NET_DISCRIMINATOR, name) : NULL;
        bool same = tied && tied->count == t->count;
        float *x = need(malloc((t->count + 1) * sizeof *x));
        if (same && rtd_st_get_f32(st, t, x, t->count, &err))
            die();
        for (size_t k = 0; k < t->count && same; k++)
            same = (real)x[k] == p->w[tied->offset + k];
        verdict(same, tied ? "tied tensor" : "extra tensor", t->name, 1, 0);
        free(x);
    }
}

static void load_into(struct rtd_params *p, int net, const char *dir, const char *sub)
{
    char path[4096];
    struct rtd_st *st;
    snprintf(path, sizeof path, "%s/%s/model.safetensors", dir, sub);
    if (rtd_st_open(&st, path, &err) || rtd_params_load(p, net, st, &err))
        die();
    check_rest(p, net, st);
    rtd_st_close(st);
}

static struct rtd_config load_config(const char *dir, const char *sub)
{
    char path[4096];
    struct rtd_config c;
    snprintf(path, sizeof path, "%s/%s", dir, sub);
    if (rtd_config_load(&c, path, &err))
        die();
    return c;
}

static struct rtd_pretrain *load_pretrain(const char *dir, const struct setting *s)
{
    struct rtd_config d = load_config(dir, "discriminator"), g = load_config(dir, "generator");
    struct rtd_pretrain_options o;
    struct rtd_pretrain *p;
    rtd_pretrain_defaults(&o);
    o.drop = false;
    o.lanes = s->lanes;
    o.micro_sequences = s->micro;
    if (rtd_pretrain_new(&p, &d, &g, &o, s->pool, &err))
        die();
    load_into(&p->params, RTD_NET_DISCRIMINATOR, dir, "discriminator");
    load_into(&p->params, RTD_NET_GENERATOR, dir, "generator");
    rtd_config_free(&d);
    rtd_config_free(&g);
    return p;
}

static struct rtd_masked_batch masked_batch(const struct ragged *r)
{
    return (struct rtd_masked_batch){.nseq = r->N,
                                     .tokens = (double)r->tokens,
                                     .slots = (double)r->slots,
                                     .start = r->start,
                                     .mstart = r->mstart,
                                     .ids = r->masked,
                                     .types = r->types,
                                     .positions = r->positions,
                                     .originals = r->originals,
                                     .index = r->index,
                                     .sampled = r->sampled};
}

static double metric(const struct rtd_sums *s, const char *name)
{
    return rtd_column_value(rtd_column_find(rtd_electra.columns, name), s);
}

static void compare_labels(struct rtd_st *st, const struct ragged *r, const uint8_t *ours)
{
    size_t d[2], wrong = 0;
    int32_t *replaced = ints(st, "", "is_replaced", d);
    for (size_t t = 0; t < r->tokens; t++)
        wrong += ours[t] != replaced[r->cell[t]];
    verdict(wrong == 0, "labels", "is_replaced", (double)wrong, 0);
    free(replaced);
    note_read(st, "fake_input_ids"); /* follows from input_ids, masked_lm_positions, sampled_ids */
}

static void check_pretrain(const char *dir, const struct setting *s)
{
    struct rtd_st *st = open_st(dir, "pretrain.safetensors");
    struct rtd_st *gst = open_st(dir, "pretrain_grads.safetensors");
    if (!st) {
        rtd_st_close(gst);
        return;
    }
    struct rtd_pretrain *p = load_pretrain(dir, s);
    struct ragged r = read_batch(st, "", true);
    struct rtd_masked_batch b = masked_batch(&r);
    size_t V = p->lm.vocab;
    p->keep.gen_logits = need(calloc(r.slots * V, sizeof(real)));
    p->keep.disc_logits = need(calloc(r.tokens, sizeof(real)));
    p->keep.replaced = need(malloc(r.tokens));
    for (int net = 0; net < 2; net++) {
        const struct rtd_encoder *enc = net ? &p->disc : &p->gen;
        for (int i = 0; i <= enc->layers; i++)
            p->keep.hidden[net][i] = need(calloc(r.tokens * enc->h, sizeof(real)));
    }
    struct rtd_sums sums;
    real *grad;
    if (rtd_pretrain_batch(p, &rtd_electra, &b, &grad, &sums, &err))
        die();
    compare_labels(st, &r, p->keep.replaced);
    free(p->keep.replaced);
    compare_rows("forward", "generator_logits", st, p->keep.gen_logits, r.slots, V, r.slot);
    compare_rows("forward", "discriminator_logits", st, p->keep.disc_logits, r.tokens, 1, r.cell);
    for (int net = 0; net < 2; net++) {
        const struct rtd_encoder *enc = net ? &p->disc : &p->gen;
        for (int i = 0; i <= enc->layers; i++) {
            char name[64];
            snprintf(name, sizeof name, "%s_hidden_%d", net ? "disc" : "gen", i);
            compare_rows("forward", name, st, p->keep.hidden[net][i], r.tokens, enc->h, r.cell);
            free(p->keep.hidden[net][i]);
            p->keep.hidden[net][i] = NULL;
        }
    }
    free(p->keep.gen_logits);
    free(p->keep.disc_logits);
    size_t n;
    double mlm = metric(&sums, "masked_lm_loss"), disc = metric(&sums, "disc_loss");
    float *loss = floats(st, "mlm_loss", &n);
    compare_scalar("mlm_loss", mlm, loss[0]);
    free(loss);
    loss = floats(st, "disc_loss", &n);
    compare_scalar("disc_loss", disc, loss[0]);
    free(loss);
    loss = floats(st, "loss", &n);
    compare_scalar("loss", mlm + 50 * disc, loss[0]);
    free(loss);
    if (gst) {
        double norm = meta(gst, "global_norm");
        compare_block("gradient", gst, "", &p->params, grad, true, 1e-8 * norm, &worst_gradient);
        rtd_st_close(gst);
    }
    free_batch(&r);
    rtd_st_close(st);
    rtd_pretrain_free(p);
}

static void check_pretrain_steps(const char *dir, const struct setting *s)
{
    struct rtd_st *st = open_st(dir, "pretrain_steps.safetensors");
    if (!st)
        return;
    struct rtd_pretrain *p = load_pretrain(dir, s);
    struct rtd_optimizer o;
    struct rtd_schedule sched = {.lr = meta(st, "lr"),
                                 .steps = (uint64_t)meta(st, "total_steps"),
                                 .warmup = (uint64_t)meta(st, "warmup_steps"),
                                 .multiply = true};
    if (rtd_optimizer_init(&o, &p->params, &err))
        die();
    o.weight_decay = meta(st, "weight_decay");
    o.clip = meta(st, "clip");
    o.eps = meta(st, "eps");
    p->o.disc_weight = meta(st, "disc_weight");
    size_t n;
    float *record = floats(st, "record", &n);
    for (size_t t = 0; t < n / 5; t++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "batch%zu.", t);
        struct ragged r = read_batch(st, prefix, true);
        struct rtd_masked_batch b = masked_batch(&r);
        struct rtd_sums sums;
        real *grad;
        double norm, lr = rtd_schedule_lr(&sched, t);
        if (rtd_pretrain_batch(p, &rtd_electra, &b, &grad, &sums, &err) ||
            rtd_optimizer_step(&o, &p->params, grad, NULL, lr, t, s->pool, &norm, &err))
            die();
        double mlm = metric(&sums, "masked_lm_loss"), disc = metric(&sums, "disc_loss");
        compare_scalar("step mlm_loss", mlm, record[t * 5]);
        compare_scalar("step disc_loss", disc, record[t * 5 + 1]);
        compare_scalar("step loss", mlm + p->o.disc_weight * disc, record[t * 5 + 2]);
        if (lr > 0 || record[t * 5 + 3] > 0)
            compare_scalar("step lr", lr, record[t * 5 + 3]);
        compare_scalar("step grad_norm", norm, record[t * 5 + 4]);
        struct {
            const char *what, *format;
            const real *block;
        } part[] = {{"parameter", "after%zu.", p->params.w},
                    {"first moment", "m%zu.", o.m},
                    {"second moment", "v%zu.", o.v}};
        for (int k = 0; k < 3; k++) {
            char name[160];
            snprintf(prefix, sizeof prefix, part[k].format, t + 1);
            snprintf(name, sizeof name, "%sdiscriminator.electra.embeddings.LayerNorm.weight",
                     prefix);
            if (!rtd_st_find(st, name))
                continue;
            /* moments of a zero gradient: as for gradients, against the (clipped) norm */
            double floor = k == 0 ? 0 : k == 1 ? 1e-8 : 1e-16;
            compare_block(part[k].what, st, prefix, &p->params, part[k].block, true, floor,
                          &worst_update);
        }
        free_batch(&r);
    }
    free(record);
    rtd_optimizer_free(&o);
    rtd_pretrain_free(p);
    rtd_st_close(st);
}

static struct rtd_finetune_net *load_finetune(const char *dir, const char *sub,
                                              const struct setting *s)
{
    struct rtd_config c = load_config(dir, sub);
    struct rtd_finetune_net_options o;
    struct rtd_finetune_net *f;
    struct rtd_network *net;
    rtd_finetune_net_defaults(&o);
    o.drop = false;
    o.loss_mean = false;
    o.lanes = s->lanes;
    o.micro_sequences = s->micro;
    if (rtd_network_new(&net, &c, false, &err) || rtd_finetune_net_new(&f, net, &o, s->pool, &err))
        die();
    load_into(&net->params, RTD_NET_DISCRIMINATOR, dir, sub);
    rtd_config_free(&c);
    return f;
}

static struct rtd_batch_view task_batch(const struct ragged *r, const struct rtd_target *target)
{
    return (struct rtd_batch_view){.nseq = r->N,
                                   .units = r->N,
                                   .start = r->start,
                                   .ids = r->ids,
                                   .types = r->types,
                                   .index = r->index,
                                   .ntarget = 1,
                                   .target = target};
}

static void check_finetune_steps(const char *dir, const struct setting *s)
{
    struct rtd_st *st = open_st(dir, "finetune_steps.safetensors");
    if (!st)
        return;
    struct rtd_finetune_net *f = load_finetune(dir, "classify", s);
    struct rtd_params *p = &f->net->params;
    struct rtd_optimizer o;
    struct rtd_schedule sched = {.lr = meta(st, "lr"),
                                 .steps = (uint64_t)meta(st, "total_steps"),
                                 .warmup = (uint64_t)meta(st, "warmup_steps"),
                                 .multiply = true};
    if (rtd_optimizer_init(&o, p, &err))
        die();
    o.weight_decay = meta(st, "weight_decay");
    o.clip = meta(st, "clip");
    o.eps = meta(st, "eps");
    o.layer_decay = 0.8; /* in words in the metadata: "0.8: head and anything not listed 1; ..." */
    o.layers = f->net->enc.layers;
    size_t n;
    float *record = floats(st, "record", &n);
    for (size_t t = 0; t < n / 3; t++) {
        char prefix[32], name[160];
        size_t d[2];
        snprintf(prefix, sizeof prefix, "batch%zu.", t);
        struct ragged r = read_batch(st, prefix, false);
        int32_t *labels = ints(st, prefix, "labels", d);
        const struct rtd_target target = {.label = labels};
        struct rtd_batch_view b = task_batch(&r, &target);
        real *grad;
        double loss, norm, lr = rtd_schedule_lr(&sched, t);
        if (rtd_finetune_net_gradient(f, &b, &grad, &loss, &err) ||
            rtd_optimizer_step(&o, p, grad, rtd_lanes_touched(f->lanes), lr, t, s->pool, &norm,
                               &err))
            die();
        compare_scalar("fine-tuning loss", loss, record[t * 3]);
        if (lr > 0 || record[t * 3 + 1] > 0)
            compare_scalar("fine-tuning lr", lr, record[t * 3 + 1]);
        compare_scalar("fine-tuning grad_norm", norm, record[t * 3 + 2]);
        snprintf(prefix, sizeof prefix, "after%zu.", t + 1);
        snprintf(name, sizeof name, "%selectra.embeddings.LayerNorm.weight", prefix);
        if (rtd_st_find(st, name)) {
            compare_block("parameter", st, prefix, p, p->w, false, 0, &worst_update);
        }
        free(labels);
        free_batch(&r);
    }
    free(record);
    rtd_optimizer_free(&o);
    rtd_finetune_net_free(f);
    rtd_st_close(st);
}

/* classify/, tag/ or answer/: the logits of its head on pretrain.safetensors' sequences. */
static void check_task(const char *dir, const char *sub, const struct setting *s)
{
    char file[64];
    snprintf(file, sizeof file, "%s.safetensors", sub);
    struct rtd_st *st = open_st(dir, "pretrain.safetensors"), *out = open_st(dir, file);
    if (!st || !out) {
        rtd_st_close(st);
        rtd_st_close(out);
        return;
    }
    struct rtd_finetune_net *f = load_finetune(dir, sub, s);
    const struct rtd_head *head = &f->net->head[0];
    size_t outputs = (size_t)head->spec.outputs;
    struct ragged r = read_batch(st, "", false);
    const struct rtd_target target = {0};
    struct rtd_batch_view b = task_batch(&r, &target);
    size_t rows = head->shape.form->per_sequence ? r.N : r.tokens;
    real *logits = need(calloc(rows * outputs, sizeof *logits)), *one = NULL;
    size_t *row = need(calloc(r.N, sizeof *row));
    for (size_t i = 0; i < r.N; i++)
        row[i] = i;
    if (rtd_finetune_net_logits(f, &b, &logits, NULL, &err))
        die();
    if (head->spec.task == RTD_TASK_ANSWER) {
        one = need(calloc(rows, sizeof *one));
        for (size_t k = 0; k < 2; k++) {
            for (size_t i = 0; i < rows; i++)
                one[i] = logits[i * 2 + k];
            compare_rows("task", k ? "end_logits" : "start_logits", out, one, rows, 1, r.cell);
        }
    } else {
        compare_rows("task", "logits", out, logits, rows, outputs,
                     head->shape.form->per_sequence ? row : r.cell);
    }
    free(logits);
    free(one);
    free(row);
    free_batch(&r);
    rtd_finetune_net_free(f);
    rtd_st_close(st);
    rtd_st_close(out);
}

/* --- published encoders --- */

/* rows of width h: mean over each sequence, of length 1. */
static void mean_rows(real *out, const real *x, const struct ragged *r, size_t h)
{
    for (size_t s = 0; s < r->N; s++) {
        real *row = out + s * h;
        double norm = 0;
        memset(row, 0, h * sizeof *row);
        for (size_t t = r->start[s]; t < r->start[s + 1]; t++)
            for (size_t c = 0; c < h; c++)
                row[c] += x[t * h + c];
        for (size_t c = 0; c < h; c++)
            norm += (double)row[c] * (double)row[c];
        for (size_t c = 0; c < h; c++)
            row[c] = (real)((double)row[c] / sqrt(norm));
    }
}

static void pooler_rows(real *out, const struct rtd_network *net, const real *hidden,
                        const struct ragged *r)
{
    size_t h = net->enc.h;
    real *x = need(calloc(r->N * h, sizeof *x)), *u = need(calloc(r->N * h, sizeof *u));
    for (size_t s = 0; s < r->N; s++)
        memcpy(x + s * h, hidden + r->start[s] * h, h * sizeof *x);
    rtd_linear(u, x, net->params.w + net->pooler.dense_w, r->N, h, h, 0);
    rtd_kernels()->bias_act_fwd(out, u, net->params.w + net->pooler.dense_b, r->N, h, RTD_TANH);
    free(x);
    free(u);
}

/* FILE: input_ids, token_type_ids, attention_mask, and hidden_i, pooler_output, mean_embedding, as
 * the encoder in `dir` gives them. */
static void check_reference(const char *file, const char *dir)
{
    struct rtd_model_dir m;
    struct rtd_network *net;
    struct rtd_st *st;
    if (rtd_model_dir_open(&m, dir, 0, &err) || rtd_network_new(&net, &m.config, true, &err) ||
        rtd_network_load(net, m.weights, &err) || rtd_st_open(&st, file, &err))
        die();
    struct ragged r = read_batch(st, "", false);
    struct rtd_tokens t = {
        .nseq = r.N, .start = r.start, .ids = r.ids, .types = r.types, .index = r.index};
    struct rtd_arena arena = {0};
    struct rtd_acts acts;
    size_t h = net->enc.h, *row = need(calloc(r.N, sizeof *row));
    real *pooled = need(calloc(r.N * h, sizeof *pooled));
    for (size_t i = 0; i < r.N; i++)
        row[i] = i;
    rtd_acts_take(&acts, &arena, &net->enc, &t, true);
    if (rtd_arena_init(&arena, arena.peak, &err))
        die();
    rtd_acts_take(&acts, &arena, &net->enc, &t, true);
    rtd_encoder_forward(&net->enc, net->params.w, &t, &acts, NULL);
    for (int i = 0; i < rtd_st_count(st); i++) {
        const char *name = rtd_st_at(st, i)->name;
        int layer, end = 0;
        if (sscanf(name, "hidden_%d%n", &layer, &end) == 1 && !name[end] && layer >= 0 &&
            layer <= net->enc.layers) {
            compare_rows("reference", name, st,
                         layer < net->enc.layers ? acts.layer[layer].x : acts.out, r.tokens, h,
                         r.cell);
        } else if (strcmp(name, "pooler_output") == 0 && net->has_pooler) {
            pooler_rows(pooled, net, acts.out, &r);
            compare_rows("reference", name, st, pooled, r.N, h, row);
        } else if (strcmp(name, "mean_embedding") == 0) {
            mean_rows(pooled, acts.out, &r, h);
            compare_rows("reference", name, st, pooled, r.N, h, row);
        } else if (strcmp(name, "input_ids") && strcmp(name, "attention_mask") &&
                   strcmp(name, "token_type_ids")) {
            verdict(false, "unknown tensor", name, 1, 0);
        }
    }
    free(pooled);
    free(row);
    rtd_arena_free(&arena);
    free_batch(&r);
    rtd_st_close(st);
    rtd_network_free(net);
    rtd_model_dir_close(&m);
}

static void check_all(const char *dir)
{
    static const struct setting settings[] = {{1, 0, NULL}, {1, 1, NULL}, {1, 2, NULL},
                                              {2, 1, NULL}, {2, 2, NULL}, {4, 0, NULL},
                                              {4, 1, NULL}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct setting s = settings[i];
        if (rtd_pool_new(&s.pool, 1 + (int)i % 2, &err))
            die();
        check_pretrain(dir, &s);
        check_pretrain_steps(dir, &s);
        check_finetune_steps(dir, &s);
        check_task(dir, "classify", &s);
        check_task(dir, "tag", &s);
        check_task(dir, "answer", &s);
        rtd_pool_free(s.pool);
    }
    no_extra(dir);
}

int main(int argc, char **argv)
{
    bool reference = argc == 4 && strcmp(argv[1], "--reference") == 0;
    if (argc != 2 && !reference) {
        fprintf(stderr, "usage: parity DIR\n       parity --reference FILE MODEL_DIR\n");
        return 2;
    }
    const char *dir = argv[argc - 1];
    if (rtd_choose(&err)) {
        fprintf(stderr, "parity: %s\n", err.text);
        return 2;
    }
    read_names = need(json_object());
    if (reference)
        check_reference(argv[2], dir);
    else
        check_all(dir);
    json_decref(read_names);
    printf("%s (%s): %d comparisons, %d failed; worst forward %.2g, gradient %.2g, update %.2g, "
           "scalar %.2g\n",
           dir, rtd_kernels()->name, compared, failed, worst_forward, worst_gradient, worst_update,
           worst_scalar);
    if (compared == 0)
        fprintf(stderr, "parity: %s: nothing to compare\n", dir);
    return compared == 0 || failed ? 1 : 0;
}
