/* rtdtools - MIT licence
 *
 * Filters on documents. */
#include "refine/document_filter.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/rng.h"

struct rtd_filter {
    struct rtd_filter_opts opts;
    struct rtd_filter_counts counts;
    uint64_t *seen;    /* open addressing, 0: empty */
    size_t size, used; /* size: a power of two */
    bool dropped;      /* what became of the document whose parts may follow: shorter, */
    bool away;         /* or in the other part */
};

int rtd_filter_new(struct rtd_filter **out, const struct rtd_filter_opts *opts, struct rtd_err *err)
{
    struct rtd_filter *f = *out = calloc(1, sizeof *f);
    if (!f)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    f->opts = *opts;
    return RTD_OK;
}

static uint64_t *slot(uint64_t *table, size_t size, uint64_t hash)
{
    size_t i = hash & (size - 1);
    while (table[i] && table[i] != hash)
        i = (i + 1) & (size - 1);
    return &table[i];
}

static int grow(struct rtd_filter *f, struct rtd_err *err)
{
    size_t size = f->size ? 2 * f->size : 1024;
    uint64_t *table = calloc(size, sizeof *table);
    if (!table)
        return rtd_fail(err, RTD_ESYS, "--dedup: not enough memory for %zu documents", f->used);
    for (size_t i = 0; i < f->size; i++)
        if (f->seen[i])
            *slot(table, size, f->seen[i]) = f->seen[i];
    free(f->seen);
    f->seen = table;
    f->size = size;
    return RTD_OK;
}

static int repeated(struct rtd_filter *f, uint64_t hash, bool *yes, struct rtd_err *err)
{
    int st = f->used >= f->size / 4 * 3 ? grow(f, err) : RTD_OK;
    if (st)
        return st;
    hash += hash == 0;
    uint64_t *s = slot(f->seen, f->size, hash);
    *yes = *s != 0;
    f->used += !*yes;
    *s = hash;
    return RTD_OK;
}

/* At least n characters? */
static bool long_enough(const struct rtd_document *doc, uint64_t n)
{
    if (doc->len < n)
        return false;
    uint64_t chars = 0;
    for (size_t i = 0; i < doc->len && chars < n; i++)
        chars += ((unsigned char)doc->text[i] & 0xc0) != 0x80;
    return chars >= n;
}

int rtd_filter_ask(struct rtd_filter *f, const struct rtd_document *doc, bool *keep,
                   struct rtd_err *err)
{
    *keep = false;
    uint64_t hash = f->opts.dedup || f->opts.part ? rtd_hash64(doc->text, doc->len) : 0;
    if (!doc->continued) {
        f->dropped = !long_enough(doc, f->opts.min_chars);
        f->away = false;
        if (f->opts.part) {
            bool held =
                rtd_unit(rtd_rand32(f->opts.seed, RTD_RNG_SPLIT, 0, 0, hash, 0)) < f->opts.holdout;
            f->away = held != (f->opts.part == 2);
        }
    }
    if (f->dropped) {
        f->counts.shorter++;
        return RTD_OK;
    }
    if (f->away) {
        f->counts.other_part++;
        return RTD_OK;
    }
    if (f->opts.dedup) {
        bool yes;
        int st = repeated(f, hash, &yes, err);
        if (st)
            return st;
        if (yes) {
            f->counts.repeated++;
            return RTD_OK;
        }
    }
    f->counts.kept++;
    *keep = true;
    return RTD_OK;
}

const struct rtd_filter_counts *rtd_filter_counts(const struct rtd_filter *f)
{
    return &f->counts;
}

void rtd_filter_free(struct rtd_filter *f)
{
    if (!f)
        return;
    free(f->seen);
    free(f);
}
