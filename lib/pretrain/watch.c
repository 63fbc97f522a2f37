/* rtdtools - MIT licence */
#include "pretrain/watch.h"

#include <math.h>
#include <stdlib.h>

#include "base/say.h"

#define WINDOW 250000.0 /* tokens */
#define LEARNT 0.15     /* nats that a language model is to be better than frequencies are ... */
#define WELL 0.5        /* ... and that it was better before it fell back */
#define RISEN 10.0      /* times the least norm of the gradient */
#define BASE 0.99       /* of the base rate's entropy */
enum { PATIENCE = 8, DISC_PATIENCE = 16 }; /* windows */

static const char *const losses[RTD_WATCH_LOSSES] = {"masked_lm_loss", "warmup_loss"};

int rtd_watch_init(struct rtd_watch *w, size_t vocab, struct rtd_err *err)
{
    *w = (struct rtd_watch){
        .window = WINDOW, .vocab = vocab, .seen = calloc(vocab, sizeof *w->seen)};
    return w->seen ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
}

void rtd_watch_fini(struct rtd_watch *w)
{
    free(w->seen);
    *w = (struct rtd_watch){0};
}

static void begin_window(struct rtd_watch *w)
{
    w->tokens = w->steps = w->norm = w->disc_loss = w->replaced = 0;
    for (int i = 0; i < RTD_WATCH_LOSSES; i++)
        w->loss[i] = w->over[i] = 0;
}

static double value(const struct rtd_objective *o, const char *name, const struct rtd_sums *u)
{
    const struct rtd_column *c = rtd_column_find(o->columns, name);
    return c ? rtd_column_value(c, u) : 0;
}

/* Of what was to be predicted so far: the loss of whom knows its frequencies alone. */
static double entropy(const struct rtd_watch *w)
{
    double n = 0, sum = 0;
    for (size_t i = 0; i < w->vocab; i++) {
        double k = (double)w->seen[i];
        n += k;
        sum += k > 0 ? k * log(k) : 0;
    }
    return n > 0 ? log(n) - sum / n : 0;
}

static void look_at_loss(struct rtd_watch *w, int i, double millions)
{
    double loss = w->loss[i] / w->over[i], known = entropy(w);
    bool back = loss > known - LEARNT;
    if (back && w->least[i] < known - WELL && !w->said_collapsed[i]) {
        w->said_collapsed[i] = true;
        rtd_warn(
            "%s has collapsed after %.1f M tokens: %.3f, after %.3f before; the frequencies of "
            "the words alone give %.3f: go back to an earlier checkpoint with a lower --lr",
            losses[i], millions, loss, w->least[i], known);
    } else if (back && w->windows >= PATIENCE && w->least[i] >= known - WELL && !w->said_stuck[i]) {
        w->said_stuck[i] = true;
        rtd_warn(
            "%s is stuck after %.1f M tokens: %.3f, and the frequencies of the words alone give "
            "%.3f: a lower --lr, a longer --warmup or --embeddings get over it",
            losses[i], millions, loss, known);
    }
    if (loss < w->least[i])
        w->least[i] = loss;
}

static void look_at_base(struct rtd_watch *w, double millions)
{
    double loss = w->disc_loss / w->tokens, p = w->replaced / w->tokens;
    double base = p > 0 && p < 1 ? -p * log(p) - (1 - p) * log(1 - p) : 0;
    if (w->windows < DISC_PATIENCE || loss < BASE * base || w->said_base || !(base > 0))
        return;
    w->said_base = true;
    rtd_warn("the discriminator is at the base rate after %.1f M tokens: its loss, %.4f, is what "
             "saying %.1f%% of every word gives, %.4f: more masked LM before it (--objective "
             "mlm-warmup,electra@0.9), or a lower --disc-weight",
             millions, loss, 100 * p, base);
}

static void look_at_norm(struct rtd_watch *w, double millions)
{
    double norm = w->norm / w->steps;
    if (norm > RISEN * w->least_norm && !w->said_norm) {
        w->said_norm = true;
        rtd_warn(
            "the norm of the gradient has risen from %.3g to %.3g after %.1f M tokens: a lower "
            "--lr may be needed",
            w->least_norm, norm, millions);
    }
    w->least_norm = fmin(w->least_norm, norm);
}

static void end_window(struct rtd_watch *w)
{
    double millions = (double)++w->windows * w->window / 1e6;
    for (int i = 0; i < RTD_WATCH_LOSSES; i++)
        if (w->over[i] > 0)
            look_at_loss(w, i, millions);
    if (rtd_column_find(w->objective->columns, "disc_loss"))
        look_at_base(w, millions);
    look_at_norm(w, millions);
    begin_window(w);
}

void rtd_watch_step(struct rtd_watch *w, const struct rtd_objective *o, const struct rtd_sums *u,
                    const struct rtd_masked_batch *b, double norm, bool warm)
{
    double tokens = u->of[RTD_SUM_TOKENS];
    for (size_t k = 0; k < b->mstart[b->nseq]; k++)
        w->seen[b->originals[k]]++;
    if (w->objective != o) {
        w->objective = o;
        w->windows = 0;
        w->least_norm = INFINITY;
        for (int i = 0; i < RTD_WATCH_LOSSES; i++)
            w->least[i] = INFINITY;
        begin_window(w);
    }
    if (!warm)
        return;
    w->tokens += tokens;
    w->steps++;
    w->norm += norm;
    w->disc_loss += value(o, "disc_loss", u) * tokens;
    w->replaced += value(o, "replaced_rate", u) * tokens;
    for (int i = 0; i < RTD_WATCH_LOSSES; i++) {
        const struct rtd_column *c = rtd_column_find(o->columns, losses[i]);
        w->loss[i] += c ? u->of[c->sum] : 0;
        w->over[i] += c ? u->of[c->over] : 0;
    }
    if (w->tokens >= w->window)
        end_window(w);
}
