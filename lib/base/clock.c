/* rtdtools - MIT licence */
#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

double rtd_share(uint64_t i, uint64_t n)
{
    return i < n ? (double)i / (double)n : 1;
}

/* The number that text[0 .. n - 1] is, and nothing else. */
static bool number_in(const char *text, size_t n, double *x)
{
    char copy[64], *end;
    if (n == 0 || n >= sizeof copy || !strchr("+-.0123456789", *text))
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    *x = strtod(copy, &end);
    return *end == '\0' && isfinite(*x);
}

/* VALUE or VALUE@SHARE, n characters, behind the stages that are there. */
static int add_stage(struct rtd_stages *s, const char *option, const char *text, size_t n,
                     struct rtd_err *err)
{
    const char *at = memchr(text, '@', n);
    size_t length = at ? (size_t)(at - text) : n;
    struct rtd_stage *stage = &s->at[s->n];
    double before = s->n ? stage[-1].from : 0;
    if (length == 0 || length >= sizeof stage->value)
        return rtd_fail(err, RTD_EUSAGE, "%s: stage %d has %s", option, s->n + 1,
                        length ? "too long a value" : "no value");
    memcpy(stage->value, text, length);
    stage->value[length] = '\0';
    stage->from = 0;
    if (s->n == 0 && at)
        return rtd_fail(err, RTD_EUSAGE, "%s %.*s: the first stage begins with the run: no @",
                        option, (int)n, text);
    if (s->n > 0 && !at)
        return rtd_fail(err, RTD_EUSAGE,
                        "%s %s: wants the share of the run from which it holds, %s@0.5", option,
                        stage->value, stage->value);
    if (at && (!number_in(at + 1, n - length - 1, &stage->from) || stage->from <= before ||
               stage->from >= 1))
        return rtd_fail(err, RTD_EUSAGE, "%s %.*s: wants a share over %g and below 1", option,
                        (int)n, text, before);
    s->n++;
    return RTD_OK;
}

int rtd_stages_parse(struct rtd_stages *s, const char *option, const char *text,
                     struct rtd_err *err)
{
    *s = (struct rtd_stages){0};
    for (const char *next = text; next; text = next + 1) {
        next = strchr(text, ',');
        if (s->n == RTD_MOST_STAGES)
            return rtd_fail(err, RTD_EUSAGE, "%s: more than %d stages", option, RTD_MOST_STAGES);
        if (add_stage(s, option, text, next ? (size_t)(next - text) : strlen(text), err))
            return err->status;
    }
    return RTD_OK;
}

int rtd_stages_whole(const struct rtd_stages *s, const char *option, int64_t least, int64_t most,
                     int64_t number[RTD_MOST_STAGES], struct rtd_err *err)
{
    for (int i = 0; i < s->n; i++) {
        const char *v = s->at[i].value;
        char *end;
        errno = 0;
        number[i] = strtoll(v, &end, 10);
        if (errno || *end || !strchr("-0123456789", *v) || number[i] < least || number[i] > most)
            return rtd_fail(err, RTD_EUSAGE, "%s %s: wants a whole number from %lld to %lld",
                            option, v, (long long)least, (long long)most);
    }
    return RTD_OK;
}

int rtd_stages_at(const struct rtd_stages *s, double u)
{
    int i = s->n - 1;
    while (i > 0 && u < s->at[i].from)
        i--;
    return i;
}

double rtd_stages_lasts(const struct rtd_stages *s, int k)
{
    return (k + 1 < s->n ? s->at[k + 1].from : 1) - s->at[k].from;
}

int rtd_stretch_parse(struct rtd_stretch *s, const char *option, const char *text,
                      struct rtd_err *err)
{
    double x = 0;
    *s = (struct rtd_stretch){0};
    bool whole = text[strspn(text, "0123456789")] == '\0';
    bool ok = number_in(text, strlen(text), &x) && (whole ? x <= 1e12 : x > 0 && x < 1);
    if (!ok)
        return rtd_fail(err, RTD_EUSAGE, "%s %s: wants a number of steps, or a share below 1",
                        option, text);
    if (whole)
        s->steps = (uint64_t)x;
    else
        s->share = x;
    return RTD_OK;
}

int rtd_ramp_parse(struct rtd_ramp *r, const char *option, const char *text, double least,
                   double most, struct rtd_err *err)
{
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    bool ok = number_in(text, n, &r->from);
    r->to = r->from;
    if (ok && colon)
        ok = number_in(colon + 1, strlen(colon + 1), &r->to);
    if (!ok || r->from < least || r->from > most || r->to < least || r->to > most)
        return rtd_fail(err, RTD_EUSAGE, "%s %s: wants a number%s from %.15g to %.15g", option,
                        text, colon ? ", or FROM:TO," : "", least, most);
    return RTD_OK;
}

double rtd_ramp_at(const struct rtd_ramp *r, double u)
{
    return u < 1 ? r->from + u * (r->to - r->from) : r->to;
}
