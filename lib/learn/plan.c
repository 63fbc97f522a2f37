/* rtdtools - MIT licence */
#include "learn/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_LANES = 8, MOST_WARMUP = 10000 }; /* (steps) unless others are asked for */

#define BETA2_BATCH 32 /* where the batch changes, unless another is given */

static int check_clock(const struct rtd_plan *p, const char *text, int64_t tokens,
                       struct rtd_err *err)
{
    if (p->batch.n > 1 && tokens)
        return rtd_fail(err, RTD_EUSAGE, "--batch-tokens: not with a --batch that changes");
    if (p->batch.n > 1 && !p->by_record)
        return rtd_fail(err, RTD_EUSAGE, "--batch %s: shares of --records N, not of --steps", text);
    if (tokens && p->by_record)
        return rtd_fail(err, RTD_EUSAGE, "--batch-tokens: by --steps, not by --records");
    return RTD_OK;
}

int rtd_plan_batch(struct rtd_plan *p, const char *text, int64_t tokens, int64_t *lanes,
                   struct rtd_err *err)
{
    int64_t size[RTD_MOST_STAGES], divides = MOST_LANES;
    if (rtd_stages_parse(&p->batch, "--batch", text, err) ||
        rtd_stages_whole(&p->batch, "--batch", 1, 1 << 24, size, err) ||
        check_clock(p, text, tokens, err))
        return err->status;
    for (int i = 0; i < p->batch.n && !tokens; i++) /* a small one has fewer parts */
        divides = (size[i] & -size[i]) < divides ? size[i] & -size[i] : divides;
    if (!*lanes)
        *lanes = divides;
    if (*lanes & (*lanes - 1))
        return rtd_fail(err, RTD_EUSAGE, "--lanes %lld: wants a power of two", (long long)*lanes);
    for (int i = 0; i < p->batch.n; i++) {
        p->sequences[i] = (size_t)size[i];
        if (!tokens && size[i] % *lanes)
            return rtd_fail(err, RTD_EUSAGE, "--batch %lld: wants a multiple of --lanes %lld",
                            (long long)size[i], (long long)*lanes);
    }
    if (tokens)
        snprintf(p->batch.at[0].value, RTD_STAGE_VALUE, "%lld", (long long)tokens);
    p->batch_tokens = (size_t)tokens;
    if (p->batch.n > 1 && !(p->beta2_batch > 0))
        p->beta2_batch = BETA2_BATCH;
    return RTD_OK;
}

int rtd_plan_rate(struct rtd_plan *p, const char *text, struct rtd_err *err)
{
    struct rtd_ramp last = {0.2, 0.2};
    bool wsd = !strncmp(text, "wsd", 3) && (!text[3] || text[3] == ':');
    if (wsd && text[3] && rtd_ramp_parse(&last, "--schedule wsd", text + 4, 1e-6, 1 - 1e-6, err))
        return err->status;
    if ((!wsd && strcmp(text, "linear") && strcmp(text, "constant")) ||
        (wsd && text[3] && strchr(text + 4, ':')))
        return rtd_fail(err, RTD_EUSAGE, "--schedule %s: wants linear, constant or wsd[:SHARE]",
                        text);
    p->schedule.hold = wsd ? 1 - last.from : !strcmp(text, "constant");
    return RTD_OK;
}

static int check_batches(const struct rtd_plan *p, struct rtd_err *err)
{
    for (int i = 0; i < p->batch.n && p->by_record; i++) {
        double lasts = rtd_stages_lasts(&p->batch, i) * (double)p->schedule.steps;
        if ((double)p->sequences[i] > lasts + 1e-6)
            return rtd_fail(err, RTD_EUSAGE,
                            "--batch %zu: more than the %.0f records that it is for",
                            p->sequences[i], lasts);
    }
    return RTD_OK;
}

static int fit_warmup(struct rtd_plan *p, struct rtd_err *err)
{
    struct rtd_schedule *c = &p->schedule;
    uint64_t step = p->by_record ? p->sequences[0] : 1, tenth = c->steps / 10;
    c->warmup = tenth < MOST_WARMUP * step ? tenth : MOST_WARMUP * step;
    if (p->warmup && p->warmup->steps > 0 && p->batch.n > 1)
        return rtd_fail(err, RTD_EUSAGE,
                        "--warmup %llu: a step is no fixed part of this run: give a share of it",
                        (unsigned long long)p->warmup->steps);
    if (p->warmup && p->warmup->share > 0)
        c->warmup = (uint64_t)llround(p->warmup->share * (double)c->steps);
    else if (p->warmup)
        c->warmup = p->warmup->steps * step;
    if (c->warmup > 0 && c->steps < 2 * step)
        return rtd_fail(err, RTD_EUSAGE, "--warmup %llu: the only step would have rate 0",
                        (unsigned long long)(c->warmup / step));
    return RTD_OK;
}

int rtd_plan_fit(struct rtd_plan *p, uint64_t total, struct rtd_err *err)
{
    p->schedule.steps = total;
    int st = check_batches(p, err);
    return st ? st : fit_warmup(p, err);
}

size_t rtd_plan_sequences(const struct rtd_plan *p, uint64_t i)
{
    return p->sequences[rtd_stages_at(&p->batch, rtd_share(i, p->schedule.steps))];
}

double rtd_plan_beta2(const struct rtd_plan *p, size_t sequences)
{
    return p->beta2_batch > 0 ? pow(p->beta2, (double)sequences / p->beta2_batch) : p->beta2;
}
