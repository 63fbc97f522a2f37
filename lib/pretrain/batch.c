/* rtdtools - MIT licence */
#include "pretrain/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void rtd_batch_clear(struct rtd_batch_store *s)
{
    s->b.nseq = 0;
    s->b.tokens = s->b.slots = 0;
    if (s->b.start)
        s->b.start[0] = s->b.mstart[0] = 0;
}

/* Grow an array of *cap + 1 items (starts have one more than sequences) to hold `need`. */
static bool grow(void *array, size_t size, size_t cap)
{
    void **p = array;
    void *q = realloc(*p, (cap + 1) * size);
    if (q)
        *p = q;
    return q != NULL;
}

static int reserve(struct rtd_batch_store *s, size_t tokens, size_t slots, struct rtd_err *err)
{
    struct rtd_masked_batch *b = &s->b;
    bool ok = true, fresh = !b->start;
    if (fresh || b->nseq + 1 > s->seq_cap) {
        s->seq_cap = s->seq_cap ? s->seq_cap * 2 : 128;
        ok = grow(&b->start, sizeof *b->start, s->seq_cap) &&
             grow(&b->mstart, sizeof *b->mstart, s->seq_cap) &&
             grow(&b->index, sizeof *b->index, s->seq_cap);
        if (ok && fresh)
            b->start[0] = b->mstart[0] = 0;
    }
    if (ok && b->start[b->nseq] + tokens > s->token_cap) {
        s->token_cap = (b->start[b->nseq] + tokens) * 3 / 2;
        ok = grow(&b->ids, sizeof *b->ids, s->token_cap) &&
             grow(&b->types, sizeof *b->types, s->token_cap);
    }
    if (ok && (!b->positions || b->mstart[b->nseq] + slots > s->slot_cap)) {
        s->slot_cap = (b->mstart[b->nseq] + slots) * 3 / 2 + 16;
        ok = grow(&b->positions, sizeof *b->positions, s->slot_cap) &&
             grow(&b->originals, sizeof *b->originals, s->slot_cap);
    }
    return ok ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory for a batch");
}

/* A masked example, borrowed. */
struct example {
    uint64_t index;
    size_t n, slots;
    const int32_t *ids;                   /* [n] */
    const uint8_t *types;                 /* [n] */
    const int32_t *positions, *originals; /* [slots] */
};

static struct example of_record(const struct rtd_reader *in, const struct rtd_record *rec)
{
    const struct rtd_header *h = rtd_reader_header(in);
    /* the order of fields and axes of the kind masked, checked by rtd_header_expect */
    int ids = rtd_header_field(h, "input_ids"), types = rtd_header_field(h, "token_type_ids");
    int pos = rtd_header_field(h, "masked_lm_positions"),
        orig = rtd_header_field(h, "masked_lm_ids");
    return (struct example){.index = rec->index,
                            .n = rec->lengths[h->fields[ids].axis],
                            .slots = rec->lengths[h->fields[pos].axis],
                            .ids = rec->data[ids],
                            .types = rec->data[types],
                            .positions = rec->data[pos],
                            .originals = rec->data[orig]};
}

static struct example of_batch(const struct rtd_masked_batch *b, size_t k)
{
    uint32_t at = b->start[k], mat = b->mstart[k];
    return (struct example){.index = b->index[k],
                            .n = b->start[k + 1] - at,
                            .slots = b->mstart[k + 1] - mat,
                            .ids = b->ids + at,
                            .types = b->types + at,
                            .positions = b->positions + mat,
                            .originals = b->originals + mat};
}

/* What the stream's own checks cannot know: the rows of the position and type tables. */
static int check_example(const struct rtd_reader *in, const struct example *e,
                         const struct rtd_config *config, struct rtd_err *err)
{
    const char *name = rtd_reader_name(in);
    unsigned long long index = (unsigned long long)e->index;
    if (e->n == 0)
        return rtd_fail(err, RTD_EDATA, "%s: record %llu: an empty sequence", name, index);
    if (e->n > (size_t)config->max_position_embeddings)
        return rtd_fail(err, RTD_EDATA, "%s: record %llu: %zu tokens, but --positions %d", name,
                        index, e->n, config->max_position_embeddings);
    for (size_t i = 0; i < e->n; i++)
        if (e->types[i] >= config->type_vocab_size)
            return rtd_fail(err, RTD_EDATA, "%s: record %llu: token type %d, but there are %d",
                            name, index, e->types[i], config->type_vocab_size);
    return RTD_OK;
}

static int append(struct rtd_batch_store *s, const struct example *e, struct rtd_err *err)
{
    int st = reserve(s, e->n, e->slots, err);
    if (st)
        return st;
    struct rtd_masked_batch *b = &s->b;
    uint32_t at = b->start[b->nseq], mat = b->mstart[b->nseq];
    memcpy(b->ids + at, e->ids, e->n * sizeof *b->ids);
    memcpy(b->types + at, e->types, e->n);
    if (e->slots) {
        memcpy(b->positions + mat, e->positions, e->slots * sizeof *b->positions);
        memcpy(b->originals + mat, e->originals, e->slots * sizeof *b->originals);
    }
    b->tokens += (double)e->n;
    b->slots += (double)e->slots;
    b->index[b->nseq++] = e->index;
    b->start[b->nseq] = at + (uint32_t)e->n;
    b->mstart[b->nseq] = mat + (uint32_t)e->slots;
    return RTD_OK;
}

int rtd_batch_copy(struct rtd_batch_store *s, const struct rtd_masked_batch *from, size_t k,
                   struct rtd_err *err)
{
    struct example e = of_batch(from, k);
    return append(s, &e, err);
}

int rtd_batch_add(struct rtd_batch_store *s, const struct rtd_reader *in,
                  const struct rtd_record *rec, const struct rtd_config *config,
                  struct rtd_err *err)
{
    struct example e = of_record(in, rec);
    int st = check_example(in, &e, config, err);
    return st ? st : append(s, &e, err);
}

void rtd_batch_free(struct rtd_batch_store *s)
{
    free(s->b.start);
    free(s->b.mstart);
    free(s->b.ids);
    free(s->b.types);
    free(s->b.positions);
    free(s->b.originals);
    free(s->b.index);
    *s = (struct rtd_batch_store){0};
}

static bool full(const struct rtd_batcher *r, const struct rtd_masked_batch *b)
{
    if (b->nseq == 0 || b->nseq % r->lanes)
        return false;
    return r->tokens ? b->start[b->nseq] >= r->tokens : b->nseq == r->sequences;
}

/* Of all that a record teaches: tells whether another stream has the same at this index. */
static uint64_t hash_of(const struct example *e)
{
    uint64_t hash[4] = {rtd_hash64(e->ids, e->n * sizeof *e->ids), rtd_hash64(e->types, e->n),
                        rtd_hash64(e->positions, e->slots * sizeof *e->positions),
                        rtd_hash64(e->originals, e->slots * sizeof *e->originals)};
    return rtd_hash64(hash, sizeof hash);
}

/* Records up to the position were trained on.  *skip: this one is. */
static int resume_at(struct rtd_batcher *r, const struct rtd_record *rec, bool *skip,
                     struct rtd_err *err)
{
    const char *name = rtd_reader_name(r->in);
    unsigned long long index = (unsigned long long)rec->index;
    struct example e = of_record(r->in, rec);
    *skip = rec->index <= r->at.last;
    if (rec->index == r->at.last && r->at.record && hash_of(&e) != r->at.record)
        return rtd_fail(err, RTD_EDATA,
                        "%s: record %llu is not the one that the checkpoint was trained on: "
                        "another stream",
                        name, index);
    if (!*skip && rec->index != r->at.last + r->at.stride)
        return rtd_fail(err, RTD_EDATA,
                        "%s: record %llu comes where the checkpoint wants %llu: another stream, or "
                        "too much skipped",
                        name, index, (unsigned long long)(r->at.last + r->at.stride));
    r->resumed = *skip;
    return RTD_OK;
}

/* Append the stream's next record that was not trained on; r->ended: there is none. */
static int read_one(struct rtd_batcher *r, struct rtd_batch_store *s, struct rtd_err *err)
{
    struct rtd_record rec = {0};
    bool skip;
    do {
        skip = false;
        int st = r->ended ? RTD_OK : rtd_reader_next(r->in, &rec, err);
        if (st)
            return st;
        r->ended |= rec.end;
        if (!r->ended && r->resumed && resume_at(r, &rec, &skip, err))
            return err->status;
    } while (skip);
    return r->ended ? RTD_OK : rtd_batch_add(s, r->in, &rec, r->config, err);
}

int rtd_batcher_ahead(struct rtd_batcher *r, size_t n, bool *end, struct rtd_err *err)
{
    int st = RTD_OK;
    while (r->ahead.b.nseq - r->taken < n && !r->ended && !st)
        st = read_one(r, &r->ahead, err);
    *end = r->ahead.b.nseq - r->taken < n;
    return st;
}

int rtd_batcher_index(struct rtd_batcher *r, uint64_t *index, bool *end, struct rtd_err *err)
{
    *end = false;
    if (r->at.consumed) {
        *index = r->at.last + r->at.stride;
        return RTD_OK;
    }
    int st = rtd_batcher_ahead(r, 1, end, err);
    if (!st && !*end)
        *index = r->ahead.b.index[r->taken];
    return st;
}

static int take_one(struct rtd_batcher *r, struct rtd_batch_store *s, struct rtd_err *err)
{
    if (r->taken == r->ahead.b.nseq)
        return read_one(r, s, err);
    int st = rtd_batch_copy(s, &r->ahead.b, r->taken++, err);
    if (r->taken == r->ahead.b.nseq) {
        rtd_batch_free(&r->ahead);
        r->taken = 0;
    }
    return st;
}

int rtd_batcher_next(struct rtd_batcher *r, struct rtd_batch_store *s, bool *end,
                     struct rtd_err *err)
{
    const struct rtd_masked_batch *b = &s->b;
    rtd_batch_clear(s);
    *end = false;
    while (!full(r, b)) {
        size_t before = b->nseq;
        int st = take_one(r, s, err);
        if (st)
            return st;
        if (b->nseq == before) {
            *end = true;
            r->dropped = before;
            return RTD_OK;
        }
        struct example e = of_batch(b, before);
        if (e.n > r->longest)
            r->longest = e.n;
    }
    uint64_t before = b->nseq > 1 ? b->index[b->nseq - 2] : r->at.last;
    if (b->nseq > 1 || r->at.consumed)
        r->at.stride = b->index[b->nseq - 1] - before;
    else
        r->at.stride = rtd_reader_stride(r->in);
    struct example last = of_batch(b, b->nseq - 1);
    r->at.last = last.index;
    r->at.record = hash_of(&last);
    r->at.consumed += b->nseq;
    return RTD_OK;
}
