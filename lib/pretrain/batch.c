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

/* What the stream's own checks cannot know: the rows of the position and type tables. */
static int check_record(const struct rtd_reader *in, const struct rtd_record *rec, size_t n,
                        const uint8_t *types, const struct rtd_config *config, struct rtd_err *err)
{
    const char *name = rtd_reader_name(in);
    unsigned long long index = (unsigned long long)rec->index;
    if (n == 0)
        return rtd_fail(err, RTD_EDATA, "%s: record %llu: an empty sequence", name, index);
    if (n > (size_t)config->max_position_embeddings)
        return rtd_fail(err, RTD_EDATA, "%s: record %llu: %zu tokens, but --positions %d", name,
                        index, n, config->max_position_embeddings);
    for (size_t i = 0; i < n; i++)
        if (types[i] >= config->type_vocab_size)
            return rtd_fail(err, RTD_EDATA, "%s: record %llu: token type %d, but there are %d",
                            name, index, types[i], config->type_vocab_size);
    return RTD_OK;
}

int rtd_batch_add(struct rtd_batch_store *s, const struct rtd_reader *in,
                  const struct rtd_record *rec, const struct rtd_config *config,
                  struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(in);
    /* the order of fields and axes of the kind masked, checked by rtd_header_expect */
    int ids = rtd_header_field(h, "input_ids"), types = rtd_header_field(h, "token_type_ids");
    int pos = rtd_header_field(h, "masked_lm_positions"),
        orig = rtd_header_field(h, "masked_lm_ids");
    size_t n = rec->lengths[h->fields[ids].axis], m = rec->lengths[h->fields[pos].axis];
    int st = check_record(in, rec, n, rec->data[types], config, err);
    if (!st)
        st = reserve(s, n, m, err);
    if (st)
        return st;
    struct rtd_masked_batch *b = &s->b;
    uint32_t at = b->start[b->nseq], mat = b->mstart[b->nseq];
    memcpy(b->ids + at, rec->data[ids], n * sizeof *b->ids);
    memcpy(b->types + at, rec->data[types], n);
    if (m) {
        memcpy(b->positions + mat, rec->data[pos], m * sizeof *b->positions);
        memcpy(b->originals + mat, rec->data[orig], m * sizeof *b->originals);
    }
    b->tokens += (double)n;
    b->slots += (double)m;
    b->index[b->nseq++] = rec->index;
    b->start[b->nseq] = at + (uint32_t)n;
    b->mstart[b->nseq] = mat + (uint32_t)m;
    return RTD_OK;
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
static uint64_t record_hash(const struct rtd_reader *in, const struct rtd_record *rec)
{
    static const char *const names[] = {"input_ids", "token_type_ids", "masked_lm_positions",
                                        "masked_lm_ids"};
    const struct rtd_header *h = rtd_reader_header(in);
    uint64_t hash[4];
    for (int i = 0; i < 4; i++) {
        int f = rtd_header_field(h, names[i]);
        size_t n = rec->lengths[h->fields[f].axis];
        hash[i] = rtd_hash64(rec->data[f], n * rtd_dtype_size(h->fields[f].dtype));
    }
    return rtd_hash64(hash, sizeof hash);
}

/* Records up to the position were trained on.  *skip: this one is. */
static int resume_at(struct rtd_batcher *r, const struct rtd_record *rec, bool *skip,
                     struct rtd_err *err)
{
    const char *name = rtd_reader_name(r->in);
    unsigned long long index = (unsigned long long)rec->index;
    *skip = rec->index <= r->at.last;
    if (rec->index == r->at.last && r->at.record && record_hash(r->in, rec) != r->at.record)
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

int rtd_batcher_next(struct rtd_batcher *r, struct rtd_batch_store *s, bool *end,
                     struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(r->in);
    rtd_batch_clear(s);
    *end = false;
    while (!full(r, &s->b)) {
        struct rtd_record rec;
        int st = rtd_reader_next(r->in, &rec, err);
        if (st)
            return st;
        if (rec.end) {
            *end = true;
            r->dropped = s->b.nseq;
            return RTD_OK;
        }
        bool skip = false;
        if (r->resumed && resume_at(r, &rec, &skip, err))
            return err->status;
        if (skip)
            continue;
        size_t n = rec.lengths[h->fields[rtd_header_field(h, "input_ids")].axis];
        st = rtd_batch_add(s, r->in, &rec, r->config, err);
        if (st)
            return st;
        if (n > r->longest)
            r->longest = n;
        r->record = record_hash(r->in, &rec);
    }
    const struct rtd_masked_batch *b = &s->b;
    uint64_t before = b->nseq > 1 ? b->index[b->nseq - 2] : r->at.last;
    if (b->nseq > 1 || r->at.consumed)
        r->at.stride = b->index[b->nseq - 1] - before;
    else
        r->at.stride = rtd_reader_stride(r->in);
    r->at.last = b->index[b->nseq - 1];
    r->at.record = r->record;
    r->at.consumed += b->nseq;
    return RTD_OK;
}
