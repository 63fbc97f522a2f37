/* rtdtools - MIT licence
 *
 * Packing (pack.h).  Sentences and segments are kept as spans of tokens, not copied until they are
 * written out: a sentence much longer than an example then costs no more than its tokens. */
#include "corpus/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

struct span {
    const int32_t *p;
    size_t n;
};

struct spans {
    struct rtd_buf buf; /* of struct span */
    size_t count;
    size_t tokens;
};

struct packer_doc {
    uint64_t number;
    uint32_t example;
    const int32_t *ids; /* first token of the next sentence */
    const int32_t *lengths;
    uint32_t left; /* sentences not taken yet */
    struct span carry;
};

struct rtd_packer {
    uint32_t max_length;
    bool drop_overflow;
    uint64_t seed;
    int32_t cls, sep;
    struct packer_doc doc;
    struct spans segment[2], rest;
    /* Overflow that is not contiguous is copied together; the old carry may be part of the new. */
    struct rtd_buf carry[2];
    int carry_at;
    int32_t *ids;   /* [max_length] */
    uint8_t *types; /* [max_length] */
};

int rtd_packer_new(struct rtd_packer **out, uint32_t max_length, bool drop_overflow, uint64_t seed,
                   int32_t cls_id, int32_t sep_id, struct rtd_err *err)
{
    *out = NULL;
    if (max_length < RTD_PACK_MIN_LENGTH || max_length > RTD_PACK_MAX_LENGTH)
        return rtd_fail(err, RTD_EUSAGE, "length %u is not between %d and %d", max_length,
                        RTD_PACK_MIN_LENGTH, RTD_PACK_MAX_LENGTH);
    struct rtd_packer *p = calloc(1, sizeof *p);
    if (p) {
        p->ids = malloc(max_length * sizeof *p->ids);
        p->types = malloc(max_length);
    }
    if (!p || !p->ids || !p->types) {
        rtd_packer_free(p);
        return rtd_fail(err, RTD_ESYS, "no memory for packing");
    }
    p->max_length = max_length;
    p->drop_overflow = drop_overflow;
    p->seed = seed;
    p->cls = cls_id;
    p->sep = sep_id;
    *out = p;
    return RTD_OK;
}

void rtd_packer_free(struct rtd_packer *p)
{
    if (!p)
        return;
    for (int i = 0; i < 2; i++) {
        rtd_buf_free(&p->segment[i].buf);
        rtd_buf_free(&p->carry[i]);
    }
    rtd_buf_free(&p->rest.buf);
    free(p->ids);
    free(p->types);
    free(p);
}

void rtd_packer_begin(struct rtd_packer *p, uint64_t document, const int32_t *ids,
                      const int32_t *lengths, uint32_t sentences)
{
    p->doc =
        (struct packer_doc){.number = document, .ids = ids, .lengths = lengths, .left = sentences};
}

/* The next sentence of the document: the carry, then what is left.  An empty span at the end. */
static struct span take(struct packer_doc *d)
{
    struct span s = d->carry;
    d->carry = (struct span){0};
    while (!s.n && d->left) {
        s = (struct span){d->ids, (size_t)*d->lengths++};
        d->ids += s.n;
        d->left--;
    }
    return s;
}

/* Append, joining with the last span where the two lie side by side. */
static int add(struct spans *list, struct span s, struct rtd_err *err)
{
    struct span *last = list->count ? (struct span *)list->buf.data + list->count - 1 : NULL;
    list->tokens += s.n;
    if (last && last->p + last->n == s.p) {
        last->n += s.n;
        return RTD_OK;
    }
    list->count++;
    return rtd_buf_append(&list->buf, &s, sizeof s, err);
}

static void clear(struct spans *list)
{
    list->buf.len = list->count = list->tokens = 0;
}

/* Gather sentences and deal them out to the two segments. */
static int deal(struct rtd_packer *p, uint32_t target, const uint32_t coin[4], struct rtd_err *err)
{
    struct spans *one = &p->segment[0], *two = &p->segment[1];
    size_t aim = rtd_unit(coin[2]) < 0.1 ? SIZE_MAX : (target - 3) / 2;
    clear(one);
    clear(two);
    while (one->tokens + two->tokens < target) {
        struct span s = take(&p->doc);
        if (!s.n)
            break;
        bool first = !one->tokens || one->tokens + s.n < aim ||
                     (!two->tokens && one->tokens < aim && rtd_unit(coin[3]) < 0.5);
        if (add(first ? one : two, s, err))
            return err->status;
    }
    return RTD_OK;
}

/* Write the first `room` tokens of a segment to ids and its [SEP]; what does not fit goes to
 * rest. Returns the number of ids written. */
static uint32_t put(struct rtd_packer *p, const struct spans *list, size_t room, uint32_t at,
                    uint8_t type, struct rtd_err *err)
{
    const struct span *s = list->buf.data;
    uint32_t begin = at;
    for (size_t i = 0; i < list->count; i++) {
        size_t n = s[i].n < room ? s[i].n : room;
        memcpy(p->ids + at, s[i].p, n * sizeof *p->ids);
        at += (uint32_t)n;
        room -= n;
        if (n < s[i].n && add(&p->rest, (struct span){s[i].p + n, s[i].n - n}, err))
            return 0;
    }
    if (at == begin)
        return 0;
    p->ids[at++] = p->sep;
    memset(p->types + begin, type, at - begin);
    return at - begin;
}

/* Make one sentence of the overflow. */
static int carry_over(struct rtd_packer *p, struct rtd_err *err)
{
    const struct spans *rest = &p->rest;
    const struct span *s = rest->buf.data;
    if (rest->count <= 1 || p->drop_overflow) {
        p->doc.carry = rest->count && !p->drop_overflow ? s[0] : (struct span){0};
        return RTD_OK;
    }
    struct rtd_buf *to = &p->carry[p->carry_at ^= 1];
    to->len = 0;
    for (size_t i = 0; i < rest->count; i++)
        if (rtd_buf_append(to, s[i].p, s[i].n * sizeof *s[i].p, err))
            return err->status;
    p->doc.carry = (struct span){to->data, rest->tokens};
    return RTD_OK;
}

int rtd_packer_next(struct rtd_packer *p, struct rtd_example *ex, struct rtd_err *err)
{
    uint32_t coin[4];
    rtd_philox(coin, p->seed, RTD_RNG_PACK, 0, 0, p->doc.number, p->doc.example);
    uint32_t target = p->max_length;
    if (rtd_unit(coin[0]) < 0.05)
        target = RTD_PACK_MIN_TARGET + rtd_below(coin[1], p->max_length - RTD_PACK_MIN_TARGET + 1);

    *ex = (struct rtd_example){.target = target, .segments = 1};
    if (deal(p, target, coin, err))
        return err->status;
    if (!p->segment[0].tokens) {
        ex->end = true;
        return RTD_OK;
    }
    clear(&p->rest);
    p->ids[0] = p->cls;
    p->types[0] = 0;
    uint32_t n = 1 + put(p, &p->segment[0], p->max_length - 2, 1, 0, err);
    size_t room = n + 1 < p->max_length ? p->max_length - n - 1 : 0;
    uint32_t second = err->status ? 0 : put(p, &p->segment[1], room, n, 1, err);
    if (!err->status && !carry_over(p, err)) {
        ex->input_ids = p->ids;
        ex->token_type_ids = p->types;
        ex->n = n + second;
        ex->segments = second ? 2 : 1;
        ex->carried = p->drop_overflow ? 0 : (uint32_t)p->rest.tokens;
        p->doc.example++;
    }
    return err->status;
}
