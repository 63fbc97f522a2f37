/* rtdtools - MIT licence
 *
 * Label maps. */
#include "gold/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void rtd_labels_free(struct rtd_labels *l)
{
    for (int i = 0; i < l->n; i++)
        free(l->name[i]);
    free(l->name);
    free(l->order);
    *l = (struct rtd_labels){0};
}

bool rtd_parse_number(const char *s, double *x)
{
    char *end;
    *x = strtod(s, &end);
    return end != s && *end == '\0' && isfinite(*x);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "1" and "1.0" are the same number but different labels. */
static int by_number(const void *a, const void *b)
{
    double x = 0, y = 0;
    rtd_parse_number(*(char *const *)a, &x);
    rtd_parse_number(*(char *const *)b, &y);
    return x < y ? -1 : x > y ? 1 : by_text(a, b);
}

struct entry {
    const char *name;
    int number;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int make_order(struct rtd_labels *l)
{
    struct entry *e = malloc(((size_t)l->n + 1) * sizeof *e);
    l->order = malloc(((size_t)l->n + 1) * sizeof *l->order);
    if (!e || !l->order) {
        free(e);
        return -1;
    }
    for (int i = 0; i < l->n; i++)
        e[i] = (struct entry){l->name[i], i};
    qsort(e, (size_t)l->n, sizeof *e, by_name);
    for (int i = 0; i < l->n; i++)
        l->order[i] = e[i].number;
    free(e);
    return 0;
}

const char *rtd_label_fault(const char *text)
{
    const char *end = text + strlen(text);
    uint32_t c;
    int n;
    for (const char *p = text; p < end; p += n) {
        n = rtd_utf8_step((const unsigned char *)p, (size_t)(end - p), &c);
        if (n <= 0)
            return "is not UTF-8";
        if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
            return "holds a control character";
    }
    return NULL;
}

static int check_text(const char *s, struct rtd_err *err)
{
    char shown[64];
    const char *fault = rtd_label_fault(s);
    return fault ? rtd_fail(err, RTD_EDATA, "label '%s' %s",
                            rtd_mask_text(shown, sizeof shown, s, strlen(s)), fault)
                 : RTD_OK;
}

int rtd_labels_set(struct rtd_labels *l, char *const *names, int n, struct rtd_err *err)
{
    *l = (struct rtd_labels){.name = calloc((size_t)n + 1, sizeof *l->name)};
    bool ok = l->name != NULL;
    for (int i = 0; i < n && ok; i++) {
        if (check_text(names[i], err)) {
            rtd_labels_free(l);
            return err->status;
        }
        l->name[i] = strdup(names[i]);
        ok = l->name[i] != NULL;
        l->n += ok;
    }
    if (!ok || make_order(l)) {
        rtd_labels_free(l);
        return rtd_fail(err, RTD_ESYS, "labels: no memory");
    }
    return RTD_OK;
}

int rtd_labels_collect(struct rtd_labels *l, char *const *values, size_t n, struct rtd_err *err)
{
    char **all = malloc((n + 1) * sizeof *all);
    *l = (struct rtd_labels){0};
    if (!all)
        return rtd_fail(err, RTD_ESYS, "labels: no memory");
    memcpy(all, values, n * sizeof *all);
    qsort(all, n, sizeof *all, by_text);
    size_t distinct = 0;
    bool numbers = true;
    for (size_t i = 0; i < n; i++) {
        double x;
        if (distinct && strcmp(all[distinct - 1], all[i]) == 0)
            continue;
        numbers &= rtd_parse_number(all[i], &x);
        all[distinct++] = all[i];
    }
    if (numbers)
        qsort(all, distinct, sizeof *all, by_number);
    int st = rtd_labels_set(l, all, (int)distinct, err);
    free(all);
    return st;
}

/* name has len bytes. */
static int find(const struct rtd_labels *l, const char *name, size_t len)
{
    int lo = 0, hi = l->n;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        const char *here = l->name[l->order[mid]];
        int cmp = strncmp(name, here, len);
        if (cmp == 0 && here[len] == '\0')
            return l->order[mid];
        if (cmp <= 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return -1;
}

int rtd_labels_find(const struct rtd_labels *l, const char *name)
{
    return find(l, name, strlen(name));
}

int rtd_labels_split(const struct rtd_labels *l, float *flags, const char *joined)
{
    int unknown = 0;
    for (int i = 0; i < l->n; i++)
        flags[i] = 0;
    while (*joined) {
        size_t len = strcspn(joined, ",");
        int label = len ? find(l, joined, len) : -1;
        if (label >= 0)
            flags[label] = 1;
        else if (len)
            unknown++;
        joined += len + (joined[len] == ',');
    }
    return unknown;
}
