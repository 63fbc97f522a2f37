/* rtdtools - MIT licence */
#include "text/wordcount.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* The place of a word, or the free one where it belongs. */
static struct rtd_counted *find(struct rtd_counted *word, size_t cap, const char *bytes,
                                uint32_t hash, const char *s, uint32_t len)
{
    size_t i = hash & (cap - 1);
    while (word[i].count &&
           (word[i].hash != hash || word[i].len != len || memcmp(bytes + word[i].off, s, len)))
        i = (i + 1) & (cap - 1);
    return &word[i];
}

/* Move the words seen more than `rare` times into tables of cap places. */
static int rebuild(struct rtd_wordcount *c, size_t cap, uint64_t rare, struct rtd_err *err)
{
    struct rtd_counted *word = calloc(cap, sizeof *word);
    struct rtd_buf bytes = {0};
    size_t n = 0;
    if (!word)
        return rtd_fail_sys(err, "words");
    for (size_t i = 0; i < c->cap; i++) {
        struct rtd_counted w = c->word[i];
        size_t k = w.hash & (cap - 1);
        if (!w.count || w.count <= rare)
            continue;
        if (rare) { /* forgotten words leave holes in the text: close them */
            if (rtd_buf_append(&bytes, (char *)c->bytes.data + w.off, w.len, err)) {
                free(word);
                rtd_buf_free(&bytes);
                return err->status;
            }
            w.off = bytes.len - w.len;
        }
        while (word[k].count)
            k = (k + 1) & (cap - 1);
        word[k] = w;
        n++;
    }
    if (rare) {
        rtd_buf_free(&c->bytes);
        c->bytes = bytes;
    }
    free(c->word);
    c->word = word;
    c->cap = cap;
    c->n = n;
    return RTD_OK;
}

static int forget(struct rtd_wordcount *c, struct rtd_err *err)
{
    size_t keep = 0;
    uint64_t rare = 0;
    do {
        rare++;
        keep = 0;
        for (size_t i = 0; i < c->cap; i++)
            keep += c->word[i].count > rare;
    } while (keep > c->n / 2);
    if (rare > c->forgotten)
        c->forgotten = rare;
    return rebuild(c, c->cap, rare, err);
}

int rtd_wordcount_add(struct rtd_wordcount *c, const char *s, uint32_t len, struct rtd_err *err)
{
    uint32_t hash = (uint32_t)rtd_hash64(s, len);
    if (c->cap) {
        struct rtd_counted *w = find(c->word, c->cap, c->bytes.data, hash, s, len);
        if (w->count) {
            w->count++;
            return RTD_OK;
        }
    }
    if (c->n >= c->cap / 8 * 5) {
        size_t cap = c->cap ? 2 * c->cap : 1 << 16;
        /* Twice the table, and the old one while it is copied. */
        bool fits = (cap + c->cap) * sizeof *c->word + c->bytes.cap <= c->max_bytes || !c->cap;
        if (fits ? rebuild(c, cap, 0, err) : forget(c, err))
            return err->status;
    } else if (c->cap * sizeof *c->word + 2 * (c->bytes.len + len) > c->max_bytes &&
               c->n > c->cap / 8) {
        if (forget(c, err))
            return err->status;
    }
    struct rtd_counted *w = find(c->word, c->cap, c->bytes.data, hash, s, len);
    if (rtd_buf_append(&c->bytes, s, len, err))
        return err->status;
    *w = (struct rtd_counted){1, c->bytes.len - len, len, hash};
    c->n++;
    return RTD_OK;
}

static int by_text(const void *a, const void *b, void *arg)
{
    const struct rtd_wordcount *c = arg;
    const struct rtd_counted *x = a, *y = b;
    uint32_t n = x->len < y->len ? x->len : y->len;
    int d = memcmp(rtd_wordcount_text(c, x), rtd_wordcount_text(c, y), n);
    return d ? d : (x->len > y->len) - (x->len < y->len);
}

void rtd_wordcount_sort(struct rtd_wordcount *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->cap; i++)
        if (c->word[i].count)
            c->word[n++] = c->word[i];
    if (n)
        qsort_r(c->word, n, sizeof *c->word, by_text, c);
}

void rtd_wordcount_free(struct rtd_wordcount *c)
{
    free(c->word);
    rtd_buf_free(&c->bytes);
    c->word = NULL;
    c->n = c->cap = 0;
}
