/* rtdtools - MIT licence */
#include "pretrain/loop.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/process.h"
#include "base/rng.h"
#include "base/say.h"
#include "base/stop.h"
#include "nn/choice.h"
#include "pretrain/checkpoint.h"
#include "pretrain/evaluation.h"
#include "pretrain/journal.h"

#define METRICS_HEADER                                                                         \
    "step\ttokens\tlr\tloss\tmasked_lm_loss\tmasked_lm_accuracy\tsampled_masked_lm_accuracy\t" \
    "disc_loss\tdisc_accuracy\treplaced_rate\twarmup_loss\tgrad_norm"
#define EVAL_HEADER                                                                     \
    "step\tmasked_lm_loss\tmasked_lm_accuracy\tsampled_masked_lm_accuracy\tdisc_loss\t" \
    "disc_loss_mean\tdisc_auc\tdisc_accuracy\tdisc_precision\tdisc_recall\treplaced_rate"

enum { SPEED_AFTER = 20 }; /* steps before the speed is said */

struct session {
    struct rtd_trainer *t;
    struct rtd_pool *pool;
    struct rtd_run run;
    struct rtd_optimizer opt;
    struct rtd_batcher batcher;
    struct rtd_batch_store store;
    struct rtd_evaluation eval;
    FILE *metrics, *evals;
    uint64_t saved;       /* step of the newest checkpoint; UINT64_MAX: none */
    uint64_t first_step;  /* of this process */
    double began, tokens; /* of this process; sequence tokens trained on */
};

static int prepare_directory(struct rtd_trainer *t, int *lock, struct rtd_err *err)
{
    static const char *const ours[] = {"checkpoint", "discriminator", "generator", "metrics.tsv",
                                       "eval.tsv"};
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
    snprintf(path, sizeof path, "%s/discriminator", t->dir);
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

static int build(struct session *s, struct rtd_reader *in, struct rtd_err *err)
{
    struct rtd_trainer *t = s->t;
    const struct rtd_header *h = rtd_reader_header(in);
    int st = rtd_header_expect(h, "masked", rtd_reader_name(in), err);
    if (st)
        return st;
    t->disc.vocab_size = t->gen.vocab_size = (int)h->tok.vocab_size;
    t->disc.pad_token_id = t->gen.pad_token_id = h->tok.pad_id;
    if ((uint32_t)t->disc.max_position_embeddings < h->max_length)
        return rtd_fail(err, RTD_EUSAGE, "%s: sequences of up to %u tokens, but --positions %d",
                        rtd_reader_name(in), h->max_length, t->disc.max_position_embeddings);
    st = rtd_config_check(&t->disc, "discriminator", err);
    if (!st)
        st = rtd_config_check(&t->gen, "generator", err);
    if (!st)
        st = rtd_pretrain_new(&s->run.p, &t->disc, &t->gen, &t->o, s->pool, err);
    if (!st)
        st = rtd_optimizer_init(&s->opt, &s->run.p->params, err);
    if (st)
        return st;
    s->opt.weight_decay = t->weight_decay;
    s->opt.clip = t->clip;
    s->opt.beta1 = t->beta1;
    s->opt.beta2 = t->beta2;
    s->opt.eps = t->eps;
    s->run.dir = t->dir;
    s->run.opt = &s->opt;
    s->run.h = h;
    s->run.options = t->options;
    s->batcher = (struct rtd_batcher){.in = in,
                                      .config = &s->run.p->disc_config,
                                      .lanes = (size_t)t->o.lanes,
                                      .sequences = t->batch,
                                      .tokens = t->batch_tokens,
                                      .at.stride = 1};
    rtd_params_init(&s->run.p->params, t->o.seed, t->disc.initializer_range);
    warn_static_masks(h);
    return RTD_OK;
}

static int resume(struct session *s, struct rtd_err *err)
{
    int skipped;
    int st = rtd_checkpoint_load(&s->run, &skipped, err);
    if (st)
        return st;
    if (skipped)
        rtd_warn("%s: %d newer checkpoint%s damaged: going on from step %llu", s->t->dir, skipped,
                 skipped > 1 ? "s are" : " is", (unsigned long long)s->run.step);
    if (s->run.other_kernels)
        rtd_warn("%s: the checkpoint was made with other kernels: the result will differ in its "
                 "last digits",
                 s->t->dir);
    s->batcher.at = s->run.at;
    s->batcher.resumed = s->run.at.consumed > 0;
    s->batcher.longest = s->run.longest;
    return RTD_OK;
}

static void announce(const struct session *s)
{
    const struct rtd_trainer *t = s->t;
    const struct rtd_config *d = &t->disc, *g = &t->gen;
    size_t length = s->run.h->max_length ? s->run.h->max_length : 128;
    size_t masked = (size_t)(0.15 * (double)length + 0.5), net[2] = {0, 0};
    for (int i = 0; i < s->run.p->params.n; i++)
        net[s->run.p->params.item[i].net != RTD_NET_DISCRIMINATOR] +=
            s->run.p->params.item[i].count;
    rtd_say("discriminator: %d x %d, %d heads, FFN %d, embedding %d, %.2f M parameters; generator: "
            "%d x %d, %d heads, %.2f M more",
            d->num_hidden_layers, d->hidden_size, d->num_attention_heads, d->intermediate_size,
            d->embedding_size, (double)net[0] / 1e6, g->num_hidden_layers, g->hidden_size,
            g->num_attention_heads, (double)net[1] / 1e6);
    char batch[64];
    snprintf(batch, sizeof batch, t->batch_tokens ? "%zu token%s" : "%zu sequence%s",
             t->batch_tokens ? t->batch_tokens : t->batch,
             rtd_s(t->batch_tokens ? t->batch_tokens : t->batch));
    rtd_say("%llu step%s of %s (vocabulary %d, sequences of up to %zu tokens), lr %g, warm-up %llu "
            "step%s%s, %llu of masked-LM warm-up",
            (unsigned long long)t->schedule.steps, rtd_s(t->schedule.steps), batch, d->vocab_size,
            length, t->schedule.lr, (unsigned long long)t->schedule.warmup,
            rtd_s(t->schedule.warmup), t->schedule.multiply ? " times linear decay" : "",
            (unsigned long long)t->mlm_warmup);
    rtd_say(
        "kernels %s, %d threads, %d lanes; %.1f MFLOP a token; about %.0f MB of memory",
        rtd_choice(), rtd_pool_size(s->pool), t->o.lanes,
        rtd_pretrain_flops(d, g, length, masked) / (double)length / 1e6,
        (double)rtd_pretrain_memory(s->run.p, rtd_pool_size(s->pool), length) / 1e6);
}

static int save(struct session *s, struct rtd_err *err)
{
    if (s->saved == s->run.step)
        return RTD_OK;
    s->run.longest = s->batcher.longest;
    rtd_hold_signals(true);
    int st = rtd_checkpoint_save(&s->run, s->t->keep, err);
    rtd_hold_signals(false);
    if (!st)
        s->saved = s->run.step;
    return st;
}

static int evaluate(struct session *s, struct rtd_err *err)
{
    struct rtd_pretrain_metrics m;
    int st = rtd_evaluation_run(&s->eval, s->run.p, &m, err);
    if (st)
        return st;
    fprintf(s->evals, "%llu\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n",
            (unsigned long long)s->run.step, m.masked_lm_loss, m.masked_lm_accuracy,
            m.sampled_masked_lm_accuracy, m.disc_loss, m.disc_loss_mean, m.disc_auc,
            m.disc_accuracy, m.disc_precision, m.disc_recall, m.replaced_rate);
    rtd_info(1,
             "step %llu: evaluation: masked_lm_loss %.4f, masked_lm_accuracy %.4f, disc_loss "
             "%.4f, disc_auc %.4f",
             (unsigned long long)s->run.step, m.masked_lm_loss, m.masked_lm_accuracy, m.disc_loss,
             m.disc_auc);
    return rtd_journal_flush(s->evals, s->t->dir, "eval.tsv", err);
}

static double loss_of(const struct rtd_trainer *t, const struct rtd_pretrain_sums *u, bool warm)
{
    double mlm = u->mlm_loss / (u->slots + 1e-6);
    return t->o.gen_weight * (mlm + (warm ? u->warmup_loss / (u->slots + 1e-6) : 0)) +
           (warm ? 0 : t->o.disc_weight * u->disc_loss / (u->tokens + 1e-6));
}

static int log_step(struct session *s, const struct rtd_pretrain_sums *u, double lr, double norm,
                    bool warm, struct rtd_err *err)
{
    double slots = u->slots + 1e-6, tokens = u->tokens + 1e-6;
    fprintf(s->metrics, "%llu\t%.0f\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t",
            (unsigned long long)s->run.step, u->tokens, lr, loss_of(s->t, u, warm),
            u->mlm_loss / slots, u->mlm_correct / slots, u->sampled_correct / slots);
    if (warm) /* the discriminator's own objective has not begun: no numbers for it */
        fprintf(s->metrics, "\t\t\t%.6g\t%.6g\n", u->warmup_loss / slots, norm);
    else
        fprintf(s->metrics, "%.6g\t%.6g\t%.6g\t\t%.6g\n", u->disc_loss / tokens, u->agree / tokens,
                u->replaced / tokens, norm);
    return rtd_journal_flush(s->metrics, s->t->dir, "metrics.tsv", err);
}

static void show(const struct session *s, const struct rtd_pretrain_sums *u, bool warm)
{
    const struct rtd_trainer *t = s->t;
    uint64_t done = s->run.step - s->first_step;
    double speed = s->tokens / (rtd_now() - s->began);
    if (done == SPEED_AFTER)
        rtd_say("%.0f tokens a step, %.0f tokens/s, about %.1f minutes to go",
                s->tokens / (double)done, speed,
                (double)(t->schedule.steps - s->run.step) * (rtd_now() - s->began) / (double)done /
                    60);
    double mlm = u->mlm_loss / (u->slots + 1e-6), disc = u->disc_loss / (u->tokens + 1e-6);
    if (rtd_take_usr1())
        rtd_say("step %llu of %llu: mlm %.4f, disc %.4f, %.0f tokens/s",
                (unsigned long long)s->run.step, (unsigned long long)t->schedule.steps, mlm, disc,
                speed);
    if (warm)
        rtd_progress(s->run.step, t->schedule.steps, "steps",
                     "warm-up, mlm %.3f and %.3f, %.0f tokens/s", mlm,
                     u->warmup_loss / (u->slots + 1e-6), speed);
    else
        rtd_progress(s->run.step, t->schedule.steps, "steps", "mlm %.3f, disc %.4f, %.0f tokens/s",
                     mlm, disc, speed);
}

/* One update.  *end: the stream ended before the batch was full. */
static int step(struct session *s, bool *end, struct rtd_err *err)
{
    struct rtd_trainer *t = s->t;
    struct rtd_pretrain_sums u;
    real *grad;
    double norm, lr = rtd_schedule_lr(&t->schedule, s->run.step);
    bool warm = s->run.step < t->mlm_warmup, first = s->batcher.at.consumed == 0;
    int st = rtd_batcher_next(&s->batcher, &s->store, end, err);
    if (st || *end)
        return st;
    if (first && s->eval.n && rtd_same_start(&s->store.b, &s->eval.batch[0].b))
        return rtd_fail(err, RTD_EDATA,
                        "%s: begins with the examples of the training stream: "
                        "hold other documents out",
                        t->eval);
    st = rtd_pretrain_batch(s->run.p, &s->store.b, warm ? RTD_PHASE_WARMUP : RTD_PHASE_ELECTRA,
                            &grad, &u, NULL, NULL, err);
    if (!st && !isfinite(loss_of(t, &u, warm)))
        st = rtd_fail(err, RTD_ENUMERIC, "step %llu: the loss is not finite: try a lower --lr",
                      (unsigned long long)s->run.step + 1);
    if (!st)
        st = rtd_optimizer_step(&s->opt, &s->run.p->params, grad, NULL, lr, s->run.step, s->pool,
                                &norm, err);
    if (st)
        return st;
    s->run.step++;
    s->run.at = s->batcher.at;
    s->tokens += u.tokens;
    bool last = s->run.step == t->schedule.steps;
    if (t->log_every && (s->run.step % t->log_every == 0 || last))
        st = log_step(s, &u, lr, norm, warm, err);
    if (!st && s->eval.n && t->eval_every && (s->run.step % t->eval_every == 0 || last))
        st = evaluate(s, err);
    show(s, &u, warm);
    return st;
}

static int stopped(struct session *s, struct rtd_err *err)
{
    struct rtd_err e = {0};
    if (save(s, &e))
        return rtd_fail(err, e.status, "%s", e.text);
    rtd_say("stopped at step %llu of %llu: checkpoint saved", (unsigned long long)s->run.step,
            (unsigned long long)s->t->schedule.steps);
    return rtd_fail(err, RTD_ESIGNAL, "stopped by a signal");
}

/* The stream ended, or broke as err says: nothing done so far is lost. */
static int broken(struct session *s, bool end, struct rtd_err *err)
{
    struct rtd_err e = {0};
    const char *saved = "";
    if (s->run.step > 0)
        saved = save(s, &e) ? "; checkpoint not saved" : "; checkpoint saved";
    if (e.status)
        rtd_warn("%s", e.text);
    if (!end)
        return err->status;
    return rtd_fail(
        err, RTD_EDATA, "%s: stream ended at step %llu of %llu (%llu records left over)%s",
        rtd_reader_name(s->batcher.in), (unsigned long long)s->run.step,
        (unsigned long long)s->t->schedule.steps, (unsigned long long)s->batcher.dropped, saved);
}

static int loop(struct session *s, struct rtd_err *err)
{
    struct rtd_trainer *t = s->t;
    int st = RTD_OK;
    while (s->run.step < t->schedule.steps && !st) {
        bool end = false;
        if (rtd_stop_signal())
            return stopped(s, err);
        st = step(s, &end, err);
        if (st && rtd_stop_signal()) { /* Ctrl-C reaches every stage: a cut stream is expected */
            *err = (struct rtd_err){0};
            return stopped(s, err);
        }
        if (st == RTD_EDATA || end)
            return broken(s, end, err);
        if (!st && ((t->save_every && s->run.step % t->save_every == 0) || rtd_take_usr2()))
            st = save(s, err);
    }
    return st;
}

static int run_locked(struct session *s, struct rtd_reader *in, struct rtd_err *err)
{
    struct rtd_trainer *t = s->t;
    int st = build(s, in, err);
    if (!st && t->eval)
        st = rtd_evaluation_load(&s->eval, t->eval, t->eval_limit, rtd_reader_header(in), &t->disc,
                                 err);
    if (!st && t->resume)
        st = resume(s, err);
    if (st)
        return st;
    announce(s);
    st = rtd_journal_open(&s->metrics, t->dir, "metrics.tsv", METRICS_HEADER, s->run.step, err);
    if (!st && t->eval)
        st = rtd_journal_open(&s->evals, t->dir, "eval.tsv", EVAL_HEADER, s->run.step, err);
    s->saved = t->resume ? s->run.step : UINT64_MAX;
    s->first_step = s->run.step;
    s->began = rtd_now();
    if (!st)
        st = loop(s, err);
    if (!st) {
        s->run.longest = s->batcher.longest;
        rtd_hold_signals(true); /* the last step is done: so is the run, in a moment */
        st = rtd_checkpoint_finish(&s->run, err);
        rtd_hold_signals(false);
    }
    rtd_progress_end();
    if (!st)
        rtd_say("done: %llu step%s, %.1f M tokens in %.1f minutes: %s/discriminator",
                (unsigned long long)(s->run.step - s->first_step),
                rtd_s(s->run.step - s->first_step), s->tokens / 1e6, (rtd_now() - s->began) / 60,
                t->dir);
    return st;
}

int rtd_trainer_run(struct rtd_trainer *t, struct rtd_reader *in, struct rtd_pool *pool,
                    struct rtd_err *err)
{
    struct session s = {.t = t, .pool = pool};
    int lock = -1, st = prepare_directory(t, &lock, err);
    if (!st && t->resume && finished(t)) {
        s.run = (struct rtd_run){.dir = t->dir, .h = rtd_reader_header(in), .options = t->options};
        st = rtd_checkpoint_same(&s.run, err);
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
    rtd_optimizer_free(&s.opt);
    rtd_pretrain_free(s.run.p);
    if (lock >= 0)
        close(lock);
    return st;
}
