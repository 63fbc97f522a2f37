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
    size_t tokens; /* of them */
    struct span carry;
};

struct rtd_packer {
    struct rtd_pack_options o;
    int32_t cls, sep;
    struct packer_doc doc;
    struct spans segment[2], rest;
    /* Overflow that is not contiguous is copied together; the old carry may be part of the new. */
    struct rtd_buf carry[2];
    int carry_at;
    int32_t *ids;   /* [max_length] */
    uint8_t *types; /* [max_length] */
};

int rtd_packer_new(struct rtd_packer **out, const struct rtd_pack_options *o, int32_t cls_id,
                   int32_t sep_id, struct rtd_err *err)
{
    *out = NULL;
    if (o->max_length < RTD_PACK_MIN_LENGTH || o->max_length > RTD_PACK_MAX_LENGTH)
        return rtd_fail(err, RTD_EUSAGE, "length %u is not between %d and %d", o->max_length,
                        RTD_PACK_MIN_LENGTH, RTD_PACK_MAX_LENGTH);
    struct rtd_packer *p = calloc(1, sizeof *p);
    if (p) {
        p->ids = malloc(o->max_length * sizeof *p->ids);
        p->types = malloc(o->max_length);
    }
    if (!p || !p->ids || !p->types) {
        rtd_packer_free(p);
        return rtd_fail(err, RTD_ESYS, "no memory for packing");
    }
    p->o = *o;
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
    for (uint32_t i = 0; i < sentences; i++)
        p->doc.tokens += (size_t)lengths[i];
}

/* The next sentence of the document: the carry, then what is left.  An empty span at the end. */
static struct span take(struct packer_doc *d)
{
    struct span s = d->carry;
    d->carry = (struct span){0};
    while (!s.n && d->left) {
        s = (struct span){d->ids, (size_t)*d->lengths++};
        d->ids += s.n;
        d->tokens -= s.n;
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

/* Gather sentences for `target` tokens and deal them out to the two segments, of which the first
 * has `aim`. */
static int deal(struct rtd_packer *p, uint32_t target, size_t aim, const uint32_t coin[4],
                struct rtd_err *err)
{
    struct spans *one = &p->segment[0], *two = &p->segment[1];
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
    if (rest->count <= 1 || p->o.drop_overflow) {
        p->doc.carry = rest->count && !p->o.drop_overflow ? s[0] : (struct span){0};
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

/* Copy up to n tokens that come next in the document, without taking them; how many. */
static size_t look_ahead(const struct packer_doc *d, int32_t *to, size_t n)
{
    size_t carried = d->carry.n < n ? d->carry.n : n;
    size_t next = d->tokens < n - carried ? d->tokens : n - carried;
    if (carried)
        memcpy(to, d->carry.p, carried * sizeof *to);
    if (next)
        memcpy(to + carried, d->ids, next * sizeof *to);
    return carried + next;
}

/* Write a second segment of tokens of the first, ids[1 .. n], and its [SEP]; the number of ids. */
static uint32_t put_related(struct rtd_packer *p, enum rtd_related kind, uint32_t n,
                            const uint32_t coin[4])
{
    const int32_t *first = p->ids + 1;
    int32_t *to = p->ids + n + 2;
    uint32_t from = 0, len = n;
    if (kind == RTD_RELATED_CROP && n > 1) {
        len = n - 1 - rtd_below(coin[2], n / 2);
        from = rtd_below(coin[3], n - len + 1);
    } else if (kind == RTD_RELATED_NEAR && n > 1) {
        from = n - 1 - rtd_below(coin[2], n / 2);
        len = n - from;
    }
    memcpy(to, first + from, len * sizeof *to);
    if (kind == RTD_RELATED_NEAR)
        len += (uint32_t)look_ahead(&p->doc, to + len, n - len);
    to[len++] = p->sep;
    memset(p->types + n + 2, 1, len);
    return len;
}

int rtd_packer_next(struct rtd_packer *p, struct rtd_example *ex, struct rtd_err *err)
{
    uint32_t coin[4], of[4], longest = p->o.max_length, target = longest;
    enum rtd_related kind = RTD_RELATED_NONE;
    rtd_philox(coin, p->o.seed, RTD_RNG_PACK, 0, 0, p->doc.number, p->doc.example);
    if (rtd_unit(coin[0]) < 0.05)
        target = RTD_PACK_MIN_TARGET + rtd_below(coin[1], longest - RTD_PACK_MIN_TARGET + 1);
    rtd_philox(of, p->o.seed, RTD_RNG_RELATED, 0, 0, p->doc.number, p->doc.example);
    if (rtd_unit(of[0]) < p->o.related)
        kind = p->o.kind[rtd_below(of[1], p->o.kinds)];

    *ex = (struct rtd_example){.target = target, .segments = 1};
    size_t half = (target - 3) / 2, all = SIZE_MAX;
    if (kind ? deal(p, (uint32_t)half, all, coin, err)
             : deal(p, target, rtd_unit(coin[2]) < 0.1 ? all : half, coin, err))
        return err->status;
    if (!p->segment[0].tokens) {
        ex->end = true;
        return RTD_OK;
    }
    clear(&p->rest);
    p->ids[0] = p->cls;
    p->types[0] = 0;
    uint32_t n = 1 + put(p, &p->segment[0], kind ? (longest - 3) / 2 : longest - 2, 1, 0, err);
    size_t room = n + 1 < longest ? longest - n - 1 : 0;
    uint32_t second = err->status ? 0 : put(p, &p->segment[1], room, n, 1, err);
    if (!err->status && !carry_over(p, err)) {
        second = kind ? put_related(p, kind, n - 2, of) : second;
        ex->input_ids = p->ids;
        ex->token_type_ids = p->types;
        ex->n = n + second;
        ex->segments = second ? 2 : 1;
        ex->carried = p->o.drop_overflow ? 0 : (uint32_t)p->rest.tokens;
        ex->related = kind;
        p->doc.example++;
    }
    return err->status;
}
