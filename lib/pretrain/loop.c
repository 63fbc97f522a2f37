/* rtdtools - MIT licence */
#include "pretrain/loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "base/say.h"
#include "base/stop.h"
#include "pretrain/journal.h"
#include "pretrain/publish.h"

enum { SPEED_AFTER = 20 }; /* steps before the speed is said */

/* --- the clock --- */

/* What lies behind the run, of t->plan.schedule.steps. */
static uint64_t behind(const struct rtd_session *s)
{
    if (!s->t->plan.by_record)
        return s->now.step;
    return s->now.at.consumed ? s->now.at.last + s->now.at.stride : 0;
}

/* "step 3 of 10", or "step 3, record 24 of 80" */
static const char *place(const struct rtd_session *s, char text[80])
{
    unsigned long long step = (unsigned long long)s->now.step,
                       all = (unsigned long long)s->t->plan.schedule.steps;
    if (s->t->plan.by_record)
        snprintf(text, 80, "step %llu, record %llu of %llu", step, (unsigned long long)behind(s),
                 all);
    else
        snprintf(text, 80, "step %llu of %llu", step, all);
    return text;
}

/* What the clock says of the next batch. */
struct moment {
    uint64_t at;
    size_t sequences;
    const struct rtd_objective *objective;
    bool over; /* there is none: the run is complete */
};

/* The first batch of a run by records: its stream need not begin at the clock's zero. */
static int check_start(struct rtd_session *s, const struct moment *m, struct rtd_err *err)
{
    unsigned long long at = (unsigned long long)m->at,
                       all = (unsigned long long)s->t->plan.schedule.steps;
    const char *name = rtd_reader_name(s->batcher.in);
    if (m->over)
        return rtd_fail(err, RTD_EDATA,
                        "%s: begins with record %llu: too late for a run of %llu records", name, at,
                        all);
    if (m->at >= rtd_reader_stride(s->batcher.in))
        rtd_warn(
            "%s: begins with record %llu of %llu: so does the run, as if those before had been "
            "learnt",
            name, at, all);
    s->first_at = m->at; /* what was skipped took no time */
    return RTD_OK;
}

static int look(struct rtd_session *s, struct moment *m, bool *end, struct rtd_err *err)
{
    const struct rtd_trainer *t = s->t;
    uint64_t all = t->plan.schedule.steps, needs = 1;
    *end = false;
    m->at = s->now.step;
    int st = t->plan.by_record ? rtd_batcher_index(&s->batcher, &m->at, end, err) : RTD_OK;
    if (st || *end)
        return st;
    m->sequences = rtd_plan_sequences(&t->plan, m->at);
    m->objective = rtd_phases_at(&t->o.phases, rtd_share(m->at, all));
    if (t->plan.by_record) { /* up to the index of its last record */
        bool first = s->batcher.at.consumed == 0;
        uint64_t stride = first ? rtd_reader_stride(s->batcher.in) : s->batcher.at.stride;
        needs = (m->sequences - 1) * stride + 1;
    }
    m->over = m->at >= all || all - m->at < needs;
    return t->plan.by_record && !s->batcher.at.consumed ? check_start(s, m, err) : RTD_OK;
}

/* --- what is written and said --- */

/* metrics.tsv, or eval.tsv, with the name of every column. */
static int open_journal(struct rtd_session *s, FILE **f, const char *name, bool evaluation,
                        struct rtd_err *err)
{
    char *header = NULL;
    size_t size;
    FILE *text = open_memstream(&header, &size);
    if (!text)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    fprintf(text, evaluation ? "step\t" : "step\ttokens\tlr\tloss\t");
    rtd_columns_print(text, evaluation, NULL, NULL);
    if (evaluation)
        rtd_copy_meter_print(text, s->now.p->disc.layers, NULL);
    else
        fprintf(text,
                "\tgrad_norm\trecords\ttokens_so_far\tflops\tcore_seconds\ttokens_per_second");
    int st = fclose(text) ? rtd_fail(err, RTD_ESYS, "not enough memory") : RTD_OK;
    if (!st)
        st = rtd_journal_open(f, s->t->dir, name, header, s->now.step, err);
    free(header);
    return st;
}

int rtd_session_open_journals(struct rtd_session *s, struct rtd_err *err)
{
    int st = open_journal(s, &s->metrics, "metrics.tsv", false, err);
    if (!st)
        st = rtd_journal_last(s->t->dir, "metrics.tsv", "core_seconds", &s->cores_before, err);
    if (!st && s->eval.n)
        st = open_journal(s, &s->evals, "eval.tsv", true, err);
    return st;
}

/* "mlm 3.1416, disc 0.1234" */
static void brief(char *out, size_t size, const struct rtd_column *list, const struct rtd_sums *u)
{
    size_t n = 0;
    out[0] = '\0';
    for (; list->name; list++)
        if (list->brief && n < size)
            n += (size_t)snprintf(out + n, size - n, "%s%s %.4f", n ? ", " : "", list->brief,
                                  rtd_column_value(list, u));
}

static int evaluate(struct rtd_session *s, const struct rtd_objective *o, struct rtd_err *err)
{
    struct rtd_copy_result copy;
    struct rtd_sums u;
    char text[200];
    rtd_average_swap(&s->average, &s->now.p->params);
    int st = rtd_evaluation_run(&s->eval, s->now.p, o, &u, err);
    if (!st)
        st = rtd_copy_meter_run(&s->eval.copy, s->now.p, o, &copy, err);
    rtd_average_swap(&s->average, &s->now.p->params);
    if (st)
        return st;
    fprintf(s->evals, "%llu\t", (unsigned long long)s->now.step);
    rtd_columns_print(s->evals, true, o, &u);
    rtd_copy_meter_print(s->evals, s->now.p->disc.layers, &copy);
    fprintf(s->evals, "\n");
    brief(text, sizeof text, o->eval_columns, &u);
    rtd_info(1, "step %llu: evaluation: %s", (unsigned long long)s->now.step, text);
    return rtd_journal_flush(s->evals, s->t->dir, "eval.tsv", err);
}

static int log_step(struct rtd_session *s, const struct rtd_objective *o, const struct rtd_sums *u,
                    double lr, double norm, struct rtd_err *err)
{
    fprintf(s->metrics, "%llu\t%.0f\t%.6g\t%.6g\t", (unsigned long long)s->now.step,
            u->of[RTD_SUM_TOKENS], lr, o->loss(s->now.p, u));
    rtd_columns_print(s->metrics, false, o, u);
    double now = rtd_now(), tokens = s->tokens - s->logged_tokens;
    fprintf(s->metrics, "\t%.6g\t%llu\t%.0f\t%.10g\t%.2f\t%.6g\n", norm,
            (unsigned long long)s->now.at.consumed, s->now.tokens, s->now.flops,
            s->cores_before + rtd_cpu_now(), tokens / (now - s->logged));
    s->logged = now;
    s->logged_tokens = s->tokens;
    return rtd_journal_flush(s->metrics, s->t->dir, "metrics.tsv", err);
}

/* A run by time goes on to its end on a slower machine, too, and says when that will be.  Where the
 * batch grows, its speed is that of the last size. */
static void check_time(struct rtd_session *s, double seconds)
{
    const struct rtd_trainer *t = s->t;
    uint64_t at = behind(s), all = t->plan.schedule.steps;
    double from = rtd_share(s->first_at, all), u = rtd_share(at, all), to_go;
    if (s->slow || !(t->seconds > 0) || u >= 1 || u - from < 0.1 * (1 - from) ||
        rtd_stages_at(&t->plan.batch, u) < t->plan.batch.n - 1)
        return;
    to_go = seconds * (1 - u) / (u - from);
    s->slow = seconds + to_go > t->seconds * (1 - from);
    if (s->slow)
        rtd_warn("slower than planned: about %.1f minutes to go until record %llu", to_go / 60,
                 (unsigned long long)all);
}

static void show(struct rtd_session *s, const struct rtd_objective *o, const struct rtd_sums *u)
{
    uint64_t done = s->now.step - s->first_step, at = behind(s), all = s->t->plan.schedule.steps;
    double seconds = rtd_now() - s->began, speed = s->tokens / seconds;
    char text[200], where[80];
    if (done == SPEED_AFTER)
        rtd_say("%.0f tokens a step, %.0f tokens/s, about %.1f minutes to go",
                s->tokens / (double)done, speed,
                at < all ? (double)(all - at) * seconds / (double)(at - s->first_at) / 60 : 0);
    check_time(s, seconds);
    brief(text, sizeof text, o->columns, u);
    if (rtd_take_usr1())
        rtd_say("%s: %s, %.0f tokens/s", place(s, where), text, speed);
    rtd_progress(at, all, s->t->plan.by_record ? "records" : "steps", "%s, %.0f tokens/s", text,
                 speed);
}

/* --- steps --- */

static int save(struct rtd_session *s, struct rtd_err *err)
{
    if (s->saved == s->now.step)
        return RTD_OK;
    s->now.longest = s->batcher.longest;
    rtd_hold_signals(true);
    int st = rtd_checkpoint_save(&s->now, s->t->keep, err);
    rtd_hold_signals(false);
    if (!st)
        s->saved = s->now.step;
    return st;
}

/* What the batch took. */
static double flops(const struct rtd_session *s, const struct rtd_objective *o)
{
    const struct rtd_masked_batch *b = &s->store.b;
    double sum = 0;
    for (size_t i = 0; i < b->nseq; i++)
        sum += o->flops(s->now.p, b->start[i + 1] - b->start[i], b->mstart[i + 1] - b->mstart[i]);
    return sum;
}

/* One update.  *end: the stream ended before the batch was full. */
static int step(struct rtd_session *s, const struct moment *m, bool *end, struct rtd_err *err)
{
    struct rtd_trainer *t = s->t;
    const struct rtd_objective *o = m->objective;
    struct rtd_sums u;
    real *grad;
    double norm, lr = rtd_schedule_lr(&t->plan.schedule, m->at);
    bool first = s->batcher.at.consumed == 0;
    s->batcher.sequences = m->sequences;
    int st = rtd_batcher_next(&s->batcher, &s->store, end, err);
    if (st || *end)
        return st;
    s->opt.beta2 = rtd_plan_beta2(&t->plan, s->store.b.nseq);
    if (first && s->eval.n && rtd_same_start(&s->store.b, &s->eval.batch[0].b))
        return rtd_fail(err, RTD_EDATA,
                        "%s: begins with the examples of the training stream: "
                        "hold other documents out",
                        t->eval);
    s->store.b.done = rtd_share(m->at, t->plan.schedule.steps);
    st = rtd_pretrain_batch(s->now.p, o, &s->store.b, &grad, &u, err);
    if (!st && !isfinite(o->loss(s->now.p, &u)))
        st = rtd_fail(err, RTD_ENUMERIC, "step %llu: the loss is not finite: try a lower --lr",
                      (unsigned long long)s->now.step + 1);
    if (!st)
        st = rtd_optimizer_step(&s->opt, &s->now.p->params, grad, NULL, lr, s->now.step, s->pool,
                                &norm, err);
    if (st)
        return st;
    s->now.step++;
    s->now.at = s->batcher.at;
    s->tokens += u.of[RTD_SUM_TOKENS];
    s->now.tokens += u.of[RTD_SUM_TOKENS];
    s->now.flops += flops(s, o);
    rtd_watch_step(&s->watch, o, &u, &s->store.b, norm, m->at >= t->plan.schedule.warmup);
    struct moment next;
    st = look(s, &next, end, err); /* where it was read on from is known: nothing is read */
    uint64_t all = t->plan.schedule.steps;
    rtd_average_step(&s->average, &s->now.p->params, rtd_share(m->at, all),
                     rtd_share(next.at, all));
    if (!st && t->log_every && (s->now.step % t->log_every == 0 || next.over))
        st = log_step(s, o, &u, lr, norm, err);
    if (!st && s->eval.n && t->eval_every && (s->now.step % t->eval_every == 0 || next.over))
        st = evaluate(s, o, err);
    show(s, o, &u);
    return st;
}

/* --- how it ends --- */

static int stopped(struct rtd_session *s, struct rtd_err *err)
{
    struct rtd_err e = {0};
    char where[80];
    if (save(s, &e))
        return rtd_fail(err, e.status, "%s", e.text);
    rtd_say("stopped at %s: checkpoint saved", place(s, where));
    return rtd_fail(err, RTD_ESIGNAL, "stopped by a signal");
}

/* The stream ended before its time, or err says what failed: what is done shall not be lost, and
 * where it is, the message says so.  `unsaved`: it was the checkpoint that failed. */
static int broken(struct rtd_session *s, bool end, bool unsaved, struct rtd_err *err)
{
    unsigned long long step = (unsigned long long)s->now.step;
    struct rtd_err e = {0}, why = *err;
    char lost[sizeof e.text + 64] = "", where[80];
    bool saved = step > 0 && !unsaved && !save(s, &e);
    if (step > 0 && !saved)
        snprintf(lost, sizeof lost, "; step %llu is not saved%s%s", step, unsaved ? "" : ": ",
                 e.text);
    *err = (struct rtd_err){0};
    if (end)
        return rtd_fail(err, RTD_EDATA, "%s: stream ended at %s (%llu records left over)%s%s",
                        rtd_reader_name(s->batcher.in), place(s, where),
                        (unsigned long long)s->batcher.dropped,
                        step || !s->batcher.dropped ? "" : ": less than a batch",
                        saved ? "; checkpoint saved" : lost);
    if (saved)
        rtd_say("%s: checkpoint saved", place(s, where));
    return rtd_fail(err, why.status, "%s%s", why.text, lost);
}

/* err says what of a step is no number: what is good is that which was saved before. */
static int not_finite(const struct rtd_session *s, struct rtd_err *err)
{
    struct rtd_err why = *err;
    *err = (struct rtd_err){0};
    if (s->saved == UINT64_MAX)
        return rtd_fail(err, why.status, "%s; no checkpoint has been saved", why.text);
    return rtd_fail(err, why.status, "%s; the last good checkpoint is %s/checkpoint/step-%llu",
                    why.text, s->t->dir, (unsigned long long)s->saved);
}

static int publish(struct rtd_session *s, struct rtd_err *err)
{
    s->now.longest = s->batcher.longest;
    rtd_hold_signals(true); /* the last step is done: so is the run, in a moment */
    rtd_average_swap(&s->average, &s->now.p->params);
    int st = rtd_publish(&s->now, err);
    rtd_average_swap(&s->average, &s->now.p->params);
    rtd_hold_signals(false);
    return st == RTD_ESYS ? broken(s, false, false, err) : st;
}

int rtd_session_run(struct rtd_session *s, struct rtd_err *err)
{
    const struct rtd_trainer *t = s->t;
    s->first_step = s->now.step;
    s->first_at = behind(s);
    s->began = s->logged = rtd_now();
    for (;;) {
        struct moment m;
        bool end = false;
        if (rtd_stop_signal())
            return stopped(s, err);
        int st = look(s, &m, &end, err);
        if (!st && !end && m.over)
            return publish(s, err);
        if (!st && !end)
            st = step(s, &m, &end, err);
        if (st && rtd_stop_signal()) { /* Ctrl-C reaches every stage: a cut stream is expected */
            *err = (struct rtd_err){0};
            return stopped(s, err);
        }
        if (st == RTD_EDATA || st == RTD_ESYS || end)
            return broken(s, end, false, err);
        if (st)
            return st == RTD_ENUMERIC ? not_finite(s, err) : st;
        bool due = t->save_every && s->now.step % t->save_every == 0;
        if ((due || rtd_take_usr2()) && save(s, err))
            return broken(s, false, true, err);
    }
}
