/* rtdtools - MIT licence
 *
 * Building token sequences. */
#include "predict/sequences.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int rtd_sequences_init(struct rtd_sequences *s, const struct rtd_tokenizer *tok, size_t length,
                       int type_vocab_size, struct rtd_err *err)
{
    *s = (struct rtd_sequences){.tok = tok,
                                .length = length,
                                .types_known =
                                    rtd_tokenizer_settings(tok)->one_segment ? 1 : type_vocab_size};
    s->start = calloc(1, sizeof *s->start);
    return s->start ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
}

void rtd_sequences_free(struct rtd_sequences *s)
{
    free(s->start);
    free(s->cut_yet);
    free(s->ids);
    free(s->types);
    free(s->begin);
    free(s->end);
    rtd_encoding_free(&s->enc[0]);
    rtd_encoding_free(&s->enc[1]);
    *s = (struct rtd_sequences){0};
}

void rtd_sequences_clear(struct rtd_sequences *s)
{
    s->n = 0;
    s->start[0] = 0;
}

static bool resize(void *list, size_t n, size_t size)
{
    void **p = list;
    void *more = realloc(*p, n * size);
    if (more)
        *p = more;
    return more != NULL;
}

static int reserve(struct rtd_sequences *s, size_t tokens, struct rtd_err *err)
{
    size_t used = s->start[s->n], want = used + tokens;
    bool ok = want <= UINT32_MAX;
    if (ok && s->n + 2 > s->seq_cap) {
        size_t cap = 2 * s->seq_cap + 64;
        ok = resize(&s->start, cap, sizeof *s->start) &&
             resize(&s->cut_yet, cap, sizeof *s->cut_yet);
        s->seq_cap = ok ? cap : s->seq_cap;
    }
    if (ok && want > s->token_cap) {
        size_t cap = want + want / 2 + 1024;
        ok = resize(&s->ids, cap, sizeof *s->ids) && resize(&s->types, cap, sizeof *s->types) &&
             resize(&s->begin, cap, sizeof *s->begin) && resize(&s->end, cap, sizeof *s->end);
        s->token_cap = ok ? cap : s->token_cap;
    }
    return ok ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory for %zu tokens", want);
}

/* The sequence that ends before token `end` is complete. */
static void finish(struct rtd_sequences *s, size_t end)
{
    size_t len = end - s->start[s->n];
    s->longest = len > s->longest ? len : s->longest;
    s->cut_yet[s->n++] = s->cut;
    s->start[s->n] = (uint32_t)end;
}

static void put_special(struct rtd_sequences *s, size_t at, int32_t id, uint8_t type)
{
    s->ids[at] = id;
    s->types[at] = type;
    s->begin[at] = s->end[at] = 0;
}

/* n of its pieces: the first ones, or the last. */
static void put_text(struct rtd_sequences *s, size_t at, const struct rtd_encoding *e, size_t n,
                     uint8_t type)
{
    size_t from = rtd_tokenizer_settings(s->tok)->cut_left ? e->n - n : 0;
    if (n == 0)
        return;
    memcpy(s->ids + at, e->ids + from, n * sizeof *s->ids);
    memcpy(s->begin + at, e->begin + from, n * sizeof *s->begin);
    memcpy(s->end + at, e->end + from, n * sizeof *s->end);
    memset(s->types + at, type, n);
}

void rtd_sequences_count(struct rtd_sequences *s, struct rtd_encoding *e)
{
    rtd_read_counts_add(&s->read, &e->counts);
    e->counts = (struct rtd_read_counts){0};
}

int rtd_sequences_add(struct rtd_sequences *s, const char *a, const char *b, struct rtd_err *err)
{
    const struct rtd_special_ids *ids = rtd_tokenizer_special(s->tok);
    size_t specials = b ? 3 : 2, room = s->length - specials, na, nb = 0;
    if (rtd_tokenizer_encode(s->tok, &s->enc[0], a, strlen(a), err) ||
        (b && rtd_tokenizer_encode(s->tok, &s->enc[1], b, strlen(b), err)))
        return err->status;
    rtd_sequences_count(s, &s->enc[0]);
    rtd_sequences_count(s, &s->enc[1]);
    na = s->enc[0].n;
    nb = b ? s->enc[1].n : 0;
    s->cut += na + nb > room;
    if (na + nb > room) { /* the shorter one may have half of it */
        size_t *shorter = na <= nb ? &na : &nb, *longer = na <= nb ? &nb : &na;
        *shorter = *shorter < room / 2 ? *shorter : room / 2;
        *longer = room - *shorter;
    }
    if (reserve(s, na + nb + specials, err))
        return err->status;
    size_t at = s->start[s->n];
    uint8_t second = s->types_known > 1 ? 1 : 0;
    put_special(s, at++, ids->cls, 0);
    put_text(s, at, &s->enc[0], na, 0);
    at += na;
    put_special(s, at++, ids->sep, 0);
    if (b) {
        put_text(s, at, &s->enc[1], nb, second);
        at += nb;
        put_special(s, at++, ids->sep, second);
    }
    finish(s, at);
    return RTD_OK;
}

static void put_ids(struct rtd_sequences *s, size_t at, const int32_t *ids, size_t n, uint8_t type)
{
    for (size_t i = 0; i < n; i++)
        put_special(s, at + i, ids[i], type);
}

int rtd_sequences_add_ids(struct rtd_sequences *s, const int32_t *a, size_t na, const int32_t *b,
                          size_t nb, struct rtd_err *err)
{
    const struct rtd_special_ids *ids = rtd_tokenizer_special(s->tok);
    size_t n = na + nb + (b ? 3 : 2);
    uint8_t second = s->types_known > 1 ? 1 : 0;
    if (reserve(s, n, err))
        return err->status;
    size_t at = s->start[s->n];
    put_special(s, at++, ids->cls, 0);
    put_ids(s, at, a, na, 0);
    at += na;
    put_special(s, at++, ids->sep, 0);
    if (b) {
        put_ids(s, at, b, nb, second);
        at += nb;
        put_special(s, at++, ids->sep, second);
    }
    finish(s, at);
    return RTD_OK;
}
