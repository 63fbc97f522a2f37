/* rtdtools - MIT licence */
#include "pretrain/trainer.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/process.h"
#include "base/rng.h"
#include "base/say.h"
#include "nn/choice.h"
#include "pretrain/loop.h"
#include "pretrain/publish.h"
#include "pretrain/speed.h"

static int prepare_directory(struct rtd_trainer *t, int *lock, struct rtd_err *err)
{
    static const char *const ours[] = {"checkpoint",  "discriminator", "generator",
                                       "metrics.tsv", "eval.tsv",      "run.json"};
    char path[PATH_MAX];
    bool used = false;
    int st = rtd_mkdirs(t->dir, err);
    if (!st)
        st = rtd_lock_dir(t->dir, lock, err);
    if (!st)
        st = rtd_checkpoint_clean(t->dir, err);
    for (size_t i = 0; i < sizeof ours / sizeof *ours && !st; i++) {
        snprintf(path, sizeof path, "%s/%s", t->dir, ours[i]);
        used |= rtd_exists(path);
        if (t->force && !t->resume)
            st = rtd_remove_tree(path, err);
    }
    if (!st && used && !t->force && !t->resume)
        st = rtd_fail(err, RTD_EUSAGE,
                      "%s: holds a run already: --resume continues it, -f starts "
                      "anew",
                      t->dir);
    return st;
}

static bool finished(const struct rtd_trainer *t)
{
    char path[PATH_MAX];
    const char *last = "";
    for (const struct rtd_published *net = rtd_published(&t->o); net->name; net++)
        last = net->name;
    snprintf(path, sizeof path, "%s/%s", t->dir, last);
    return rtd_exists(path);
}

/* A repeat after mask-gen would show the same masks in every pass. */
static void warn_static_masks(const struct rtd_header *h)
{
    bool masked = false;
    for (size_t i = 0; i < json_array_size(h->provenance); i++) {
        json_t *stage = json_array_get(h->provenance, i);
        const char *tool = json_string_value(json_object_get(stage, "tool"));
        if (tool && !strcmp(tool, "mask-gen"))
            masked = true;
        else if (masked && json_integer_value(json_object_get(stage, "repeat")) > 1)
            rtd_warn("the stream was repeated after mask-gen: every pass has the same masks");
    }
}

int rtd_trainer_fit(struct rtd_trainer *t, uint64_t total, struct rtd_err *err)
{
    if (rtd_plan_fit(&t->plan, total, err))
        return err->status;
    if (json_object_set_new(t->options, t->plan.by_record ? "records" : "steps",
                            json_integer((json_int_t)total)) ||
        json_object_set_new(t->options, "warmup",
                            json_integer((json_int_t)t->plan.schedule.warmup)))
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    return RTD_OK;
}

static int build(struct rtd_session *s, struct rtd_reader *in, struct rtd_err *err)
{
    struct rtd_trainer *t = s->t;
    const struct rtd_header *h = rtd_reader_header(in);
    int st = rtd_header_expect(h, "masked", rtd_reader_name(in), err);
    if (st)
        return st;
    if (t->start && rtd_start_meet(t->start, h, rtd_reader_name(in), err))
        return err->status;
    t->disc.vocab_size = t->gen.vocab_size = t->start ? t->start->rows : (int)h->tok.vocab_size;
    t->disc.pad_token_id = t->gen.pad_token_id = h->tok.pad_id;
    if ((uint32_t)t->disc.max_position_embeddings < h->max_length)
        return rtd_fail(err, RTD_EUSAGE, "%s: sequences of up to %u tokens, but %s %d",
                        rtd_reader_name(in), h->max_length,
                        t->start ? "the model's positions are" : "--positions",
                        t->disc.max_position_embeddings);
    st = rtd_config_check(&t->disc, "discriminator", err);
    if (!st)
        st = rtd_config_check(&t->gen, "generator", err);
    if (!st && t->o.frozen)
        st = rtd_frozen_meet(t->o.frozen, &t->disc, h->tok.vocab, h->tok.vocab_len,
                             rtd_reader_name(in), err);
    if (!st)
        st = rtd_pretrain_new(&s->now.p, &t->disc, &t->gen, &t->o, s->pool, err);
    if (!st)
        st = rtd_optimizer_init(&s->opt, &s->now.p->params, err);
    s->average.share = t->average;
    if (!st)
        st = rtd_average_init(&s->average, &s->now.p->params, err);
    if (!st)
        st = rtd_watch_init(&s->watch, (size_t)t->disc.vocab_size, err);
    if (st)
        return st;
    s->opt.weight_decay = t->weight_decay;
    s->opt.clip = t->clip;
    s->opt.beta1 = t->beta1;
    s->opt.eps = t->eps;
    s->now.dir = t->dir;
    s->now.opt = &s->opt;
    s->now.average = &s->average;
    s->now.h = h;
    s->now.options = t->options;
    s->now.start = t->start;
    s->batcher = (struct rtd_batcher){.in = in,
                                      .config = &s->now.p->disc_config,
                                      .lanes = (size_t)t->o.lanes,
                                      .tokens = t->plan.batch_tokens,
                                      .at.stride = 1};
    warn_static_masks(h);
    return RTD_OK;
}

/* From the newest checkpoint. */
static int resume(struct rtd_session *s, struct rtd_err *err)
{
    int skipped, st = rtd_checkpoint_load(&s->now, &skipped, err);
    if (st)
        return st;
    if (skipped)
        rtd_warn("%s: %d newer checkpoint%s damaged: going on from step %llu", s->t->dir, skipped,
                 skipped > 1 ? "s are" : " is", (unsigned long long)s->now.step);
    if (s->now.other_kernels)
        rtd_warn("%s: the checkpoint was made with other kernels: the result will differ in its "
                 "last digits",
                 s->t->dir);
    if (s->now.other_version)
        rtd_warn("%s: the checkpoint was made by another version: the result will differ in its "
                 "last digits",
                 s->t->dir);
    s->batcher.at = s->now.at;
    s->batcher.resumed = s->now.at.consumed > 0;
    s->batcher.longest = s->now.longest;
    s->saved = s->now.step;
    return RTD_OK;
}

/* From a checkpoint or from the beginning: there, too, where there is none yet, so that one command
 * can be given again and again. */
static int start(struct rtd_session *s, struct rtd_err *err)
{
    const struct rtd_trainer *t = s->t;
    bool any = false;
    if (t->resume && rtd_checkpoint_any(t->dir, &any, err))
        return err->status;
    if (t->resume && !any)
        rtd_say("%s: no checkpoint yet: starting anew", t->dir);
    if (!any && rtd_initial_values(s->now.p, &t->initial, s->now.h, err))
        return err->status;
    if (t->start && rtd_start_load(t->start, &s->now.p->params, err))
        return err->status;
    return any ? resume(s, err) : RTD_OK;
}

static void say_schedule(const struct rtd_session *s, size_t length)
{
    const struct rtd_plan *p = &s->t->plan;
    const struct rtd_schedule *c = &p->schedule;
    const char *unit = p->by_record ? "record" : "step";
    char text[400], fall[40] = "linear decay";
    size_t n = (size_t)snprintf(text, sizeof text, "%s", p->batch.at[0].value);
    for (int i = 1; i < p->batch.n; i++) /* at most 8 x (31 + 15) */
        n += (size_t)snprintf(text + n, sizeof text - n, ", %s from %.3g%%", p->batch.at[i].value,
                              100 * p->batch.at[i].from);
    if (c->hold > 0)
        snprintf(fall, sizeof fall, c->hold < 1 ? "linear decay from %.3g%%" : "no decay",
                 100 * c->hold);
    rtd_say("%llu %s%s%s of %s %s (vocabulary %d, sequences of up to %zu tokens), lr %g, warm-up "
            "%llu %s%s%s%s",
            (unsigned long long)c->steps, unit, rtd_s(c->steps), p->by_record ? " in steps" : "",
            text, p->batch_tokens ? "tokens" : "sequences", s->t->disc.vocab_size, length, c->lr,
            (unsigned long long)c->warmup, unit, rtd_s(c->warmup),
            c->multiply && c->hold < 1 ? " times " : ", ", fall);
}

/* Tokens of a sequence at most, and its masked slots, as mask-gen says of the stream: at most, and
 * (of a share that changes) on the whole. */
static size_t length_of(const struct rtd_header *h, size_t *most, size_t *mean)
{
    size_t length = h->max_length ? h->max_length : 128;
    double share = 0.15;
    *most = length * 16 / 100 + 1;
    for (size_t i = 0; i < json_array_size(h->provenance); i++) {
        json_t *stage = json_array_get(h->provenance, i), *end;
        const char *tool = json_string_value(json_object_get(stage, "tool"));
        json_t *from = json_object_get(stage, "mask_prob");
        json_int_t limit = json_integer_value(json_object_get(stage, "max_predictions"));
        if (!tool || strcmp(tool, "mask-gen") || !json_is_real(from) || limit <= 0)
            continue;
        end = json_object_get(stage, "mask_prob_end");
        share = (json_real_value(from) + json_real_value(end ? end : from)) / 2;
        *most = (size_t)limit < length ? (size_t)limit : length;
    }
    *mean = (size_t)(share * (double)length + 0.5);
    return length;
}

/* In bytes. */
static size_t memory(const struct rtd_session *s)
{
    size_t most, mean, length = length_of(s->now.h, &most, &mean);
    size_t average = s->average.w ? s->now.p->params.total * sizeof *s->average.w : 0;
    return average + rtd_pretrain_memory(s->now.p, rtd_pool_size(s->pool), length, most);
}

static void announce(const struct rtd_session *s)
{
    const struct rtd_trainer *t = s->t;
    const struct rtd_config *d = &t->disc, *g = &t->gen;
    size_t most, masked, length = length_of(s->now.h, &most, &masked), net[2] = {0, 0};
    for (int i = 0; i < s->now.p->params.n; i++)
        net[s->now.p->params.item[i].net != RTD_NET_DISCRIMINATOR] +=
            s->now.p->params.item[i].count;
    char phases[400], generator[120] = "no generator";
    if (rtd_generator_learns(&t->o))
        snprintf(generator, sizeof generator, "generator: %d x %d, %d head%s, %.2f M more",
                 g->num_hidden_layers, g->hidden_size, g->num_attention_heads,
                 rtd_s((uint64_t)g->num_attention_heads), (double)net[1] / 1e6);
    rtd_say("discriminator: %d x %d, %d head%s, FFN %d, embedding %d, %.2f M parameters; %s",
            d->num_hidden_layers, d->hidden_size, d->num_attention_heads,
            rtd_s((uint64_t)d->num_attention_heads), d->intermediate_size, d->embedding_size,
            (double)net[0] / 1e6, generator);
    rtd_say("objective: %s", rtd_phases_say(&t->o.phases, phases, sizeof phases));
    say_schedule(s, length);
    rtd_say("kernels %s, %d thread%s, %d lane%s; %.1f MFLOP a token; about %.0f MB of memory",
            rtd_choice(), rtd_pool_size(s->pool), rtd_s((uint64_t)rtd_pool_size(s->pool)),
            t->o.lanes, rtd_s((uint64_t)t->o.lanes),
            rtd_phases_last(&t->o.phases)->flops(s->now.p, length, masked) / (double)length / 1e6,
            (double)memory(s) / 1e6);
}

/* As long as the time allows. */
static int fit_time(struct rtd_session *s, struct rtd_err *err)
{
    uint64_t records;
    double tokens;
    int st = rtd_speed_records(s, s->t->seconds, &records, &tokens, err);
    if (!st)
        rtd_say("%.1f minutes are good for %llu records, %.2f M tokens", s->t->seconds / 60,
                (unsigned long long)records, tokens / 1e6);
    return st ? st : rtd_trainer_fit(s->t, records, err);
}

/* A run by time that is taken up has the records that it was given at its beginning. */
static int fit_again(struct rtd_trainer *t, struct rtd_err *err)
{
    uint64_t records;
    bool any;
    int st = rtd_checkpoint_records(t->dir, &records, err);
    if (!st)
        st = rtd_checkpoint_any(t->dir, &any, err);
    if (!st && any && !records)
        st = rtd_fail(err, RTD_EDATA, "%s: no run.json: give --records N", t->dir);
    return st || !records ? st : rtd_trainer_fit(t, records, err);
}

static int run_locked(struct rtd_session *s, struct rtd_reader *in, struct rtd_err *err)
{
    struct rtd_trainer *t = s->t;
    int st = build(s, in, err);
    if (!st && t->eval)
        st = rtd_evaluation_load(&s->eval, t->eval, t->eval_limit, rtd_reader_header(in), &t->disc,
                                 err);
    if (!st)
        st = start(s, err);
    if (!st && !t->plan.schedule.steps)
        st = fit_time(s, err);
    if (!st && t->only_plan)
        t->memory = memory(s);
    if (st || t->only_plan)
        return st;
    announce(s);
    st = rtd_checkpoint_name_run(&s->now, err);
    if (!st)
        st = rtd_session_open_journals(s, err);
    if (!st)
        st = rtd_session_run(s, err);
    rtd_progress_end();
    if (!st)
        rtd_say("done: %llu step%s, %.1f M tokens in %.1f minutes: %s/discriminator",
                (unsigned long long)(s->now.step - s->first_step),
                rtd_s(s->now.step - s->first_step), s->tokens / 1e6, (rtd_now() - s->began) / 60,
                t->dir);
    return st;
}

int rtd_trainer_run(struct rtd_trainer *t, struct rtd_reader *in, struct rtd_pool *pool,
                    struct rtd_err *err)
{
    struct rtd_session s = {.t = t, .pool = pool, .saved = UINT64_MAX};
    int lock = -1, st = t->only_plan ? RTD_OK : prepare_directory(t, &lock, err);
    if (!st && t->resume && t->seconds > 0)
        st = fit_again(t, err);
    if (!st && t->resume && finished(t)) {
        s.now = (struct rtd_checkpoint){
            .dir = t->dir, .h = rtd_reader_header(in), .options = t->options};
        st = rtd_checkpoint_same(&s.now, err);
        if (!st)
            rtd_say("%s: finished already", t->dir);
    } else if (!st) {
        st = run_locked(&s, in, err);
    }
    if (s.metrics)
        fclose(s.metrics);
    if (s.evals)
        fclose(s.evals);
    rtd_evaluation_free(&s.eval);
    rtd_batch_free(&s.store);
    rtd_batch_free(&s.batcher.ahead);
    rtd_optimizer_free(&s.opt);
    rtd_average_free(&s.average);
    rtd_watch_fini(&s.watch);
    rtd_pretrain_free(s.now.p);
    if (lock >= 0)
        close(lock);
    return st;
}
