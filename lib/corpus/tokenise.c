/* rtdtools - MIT licence */
#include "corpus/tokenise.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    PART = 32 << 10,   /* bytes of text a task encodes, at least */
    BATCH = 16 * PART, /* and a batch for each worker holds */
    BATCHES = 3,       /* being read, encoded, written */
};

/* A line, or the end of a document. */
struct item {
    size_t off; /* into the batch's text */
    uint32_t len;
    uint32_t tokens; /* set by encoding */
    bool end;
};

/* Items that one task encodes. */
struct part {
    size_t first, last; /* items first .. last-1 */
    struct rtd_buf ids; /* i32 */
    struct rtd_err err;
};

struct batch {
    struct rtd_buf text, items; /* bytes; struct item */
    struct part *part;
    size_t parts, cap;
    bool last; /* the input has ended */
};

struct job {
    struct rtd_doc_lines *in;
    struct rtd_writer *out;
    const struct rtd_tokenizer *t;
    struct rtd_tokenise_counts *counts;
    struct rtd_encoding *encoding; /* [workers] */
    size_t batch_bytes, max_document;
    struct batch batch[BATCHES];
    struct batch *reading, *encoding_now, *writing; /* NULL: nothing to do */
    bool has_read;                                  /* in this step; the calling thread's alone */
    struct rtd_err read_err, write_err;
    /* the record being put together */
    struct rtd_buf ids, sentences; /* i32 */
    bool was_split;
    uint64_t index;
};

/* --- reading -------------------------------------------------------------------------------- */

static int add_part(struct batch *b, size_t first, size_t last, struct rtd_err *err)
{
    if (b->parts == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 64;
        struct part *p = realloc(b->part, cap * sizeof *p);
        if (!p)
            return rtd_fail_sys(err, "batch");
        memset(p + b->cap, 0, (cap - b->cap) * sizeof *p);
        b->part = p;
        b->cap = cap;
    }
    struct part *p = &b->part[b->parts++];
    p->first = first;
    p->last = last;
    p->ids.len = 0;
    p->err.status = 0;
    return RTD_OK;
}

static int read_batch(struct job *j, struct batch *b, struct rtd_err *err)
{
    size_t first = 0, n = 0, from = 0;

    b->text.len = b->items.len = b->parts = 0;
    while (b->text.len < j->batch_bytes && !b->last) {
        enum rtd_doc_event event;
        struct item item = {.off = b->text.len};
        const char *line;
        size_t len;
        if (rtd_doc_lines_next(j->in, &event, &line, &len, err))
            return err->status;
        if (event == RTD_EVENT_FINISHED) {
            b->last = true;
            break;
        }
        item.len = (uint32_t)len;
        item.end = event == RTD_EVENT_END;
        if (rtd_buf_append(&b->text, line, len, err) ||
            rtd_buf_append(&b->items, &item, sizeof item, err))
            return err->status;
        n++;
        if (b->text.len - from >= PART) {
            if (add_part(b, first, n, err))
                return err->status;
            first = n;
            from = b->text.len;
        }
    }
    return n > first ? add_part(b, first, n, err) : RTD_OK;
}

/* --- encoding ------------------------------------------------------------------------------- */

static void encode_part(struct job *j, struct part *p, struct rtd_encoding *e)
{
    const struct batch *b = j->encoding_now;
    struct item *item = b->items.data;

    for (size_t i = p->first; i < p->last; i++) {
        if (item[i].end)
            continue;
        if (rtd_tokenizer_encode(j->t, e, (const char *)b->text.data + item[i].off, item[i].len,
                                 &p->err) ||
            rtd_buf_append(&p->ids, e->ids, e->n * sizeof *e->ids, &p->err))
            return;
        item[i].tokens = (uint32_t)e->n;
    }
}

/* --- writing -------------------------------------------------------------------------------- */

static int write_record(struct job *j, struct rtd_err *err)
{
    const void *data[] = {j->ids.data, j->sentences.data};
    const uint32_t lengths[] = {(uint32_t)(j->ids.len / sizeof(int32_t)),
                                (uint32_t)(j->sentences.len / sizeof(int32_t))};
    if (rtd_writer_append(j->out, j->index++, data, lengths, err))
        return err->status;
    j->counts->records++;
    j->counts->sentences += lengths[1];
    j->counts->tokens += lengths[0];
    j->ids.len = j->sentences.len = 0;
    return RTD_OK;
}

/* How many of ids[0..n-1] make a record when n are too many: up to the last start of a word. */
static size_t cut(const struct job *j, const int32_t *ids)
{
    for (size_t n = j->max_document; n; n--) {
        const char *piece = rtd_tokenizer_piece(j->t, ids[n]);
        if (!rtd_tokenizer_inside(j->t, piece))
            return n;
    }
    return j->max_document;
}

static int add_sentence(struct job *j, const int32_t *ids, size_t n, struct rtd_err *err)
{
    while (n) {
        size_t have = j->ids.len / sizeof *ids, take = n > j->max_document ? cut(j, ids) : n;
        int32_t len = (int32_t)take;
        if (have && have + n > j->max_document) {
            j->was_split = true;
            if (write_record(j, err))
                return err->status;
        }
        if (rtd_buf_append(&j->ids, ids, take * sizeof *ids, err) ||
            rtd_buf_append(&j->sentences, &len, sizeof len, err))
            return err->status;
        ids += take;
        n -= take;
    }
    return RTD_OK;
}

static int write_batch(struct job *j, struct batch *b, struct rtd_err *err)
{
    const struct item *item = b->items.data;
    for (size_t k = 0; k < b->parts; k++) {
        const struct part *p = &b->part[k];
        const int32_t *ids = p->ids.data;
        if (p->err.status)
            return rtd_fail(err, p->err.status, "%s", p->err.text);
        for (size_t i = p->first; i < p->last; i++) {
            if (item[i].end) {
                j->counts->documents++;
                if (write_record(j, err))
                    return err->status;
                j->counts->split += j->was_split;
                j->was_split = false;
                continue;
            }
            j->counts->empty_lines += !item[i].tokens;
            j->counts->lines++;
            if (add_sentence(j, ids, item[i].tokens, err))
                return err->status;
            ids += item[i].tokens;
        }
    }
    return RTD_OK;
}

/* --- all at once ---------------------------------------------------------------------------- */

/* The calling thread reads: it is the one whose blocked read a signal ends. */
static void read_once(struct job *j)
{
    if (!j->has_read && j->reading)
        read_batch(j, j->reading, &j->read_err);
    j->has_read = true;
}

/* Task 0 writes, the others encode a part each. */
static void work(void *arg, int task, int worker)
{
    struct job *j = arg;
    if (task)
        encode_part(j, &j->encoding_now->part[task - 1], &j->encoding[worker]);
    else if (j->writing)
        write_batch(j, j->writing, &j->write_err);
    if (worker == 0)
        read_once(j);
}

static int run(struct job *j, struct rtd_pool *pool,
               void (*watch)(const struct rtd_tokenise_counts *), struct rtd_err *err)
{
    bool ended = false;
    for (unsigned step = 0; !ended || j->encoding_now || j->writing; step++) {
        j->reading = ended ? NULL : &j->batch[step % BATCHES];
        j->has_read = false;
        rtd_pool_run(pool, work, j, 1 + (j->encoding_now ? (int)j->encoding_now->parts : 0));
        read_once(j);
        /* What was read first is reported first. */
        if (j->write_err.status)
            return rtd_fail(err, j->write_err.status, "%s", j->write_err.text);
        if (j->read_err.status)
            return rtd_fail(err, j->read_err.status, "%s", j->read_err.text);
        ended = ended || j->reading->last;
        j->writing = j->encoding_now;
        j->encoding_now = j->reading;
        if (watch)
            watch(j->counts);
    }
    return RTD_OK;
}

int rtd_tokenise(struct rtd_doc_lines *in, struct rtd_writer *out, const struct rtd_tokenizer *t,
                 struct rtd_pool *pool, size_t max_document,
                 void (*watch)(const struct rtd_tokenise_counts *),
                 struct rtd_tokenise_counts *counts, struct rtd_err *err)
{
    size_t workers = (size_t)rtd_pool_size(pool);
    struct job *j = calloc(1, sizeof *j);

    *counts = (struct rtd_tokenise_counts){0};
    if (!j || !(j->encoding = calloc(workers, sizeof *j->encoding))) {
        rtd_fail_sys(err, "tokenise");
        goto out;
    }
    j->in = in;
    j->out = out;
    j->t = t;
    j->counts = counts;
    j->max_document = max_document;
    j->batch_bytes = workers * BATCH;
    run(j, pool, watch, err);
    for (size_t i = 0; i < workers; i++)
        rtd_read_counts_add(&counts->read, &j->encoding[i].counts);
out:
    for (size_t i = 0; j && j->encoding && i < workers; i++)
        rtd_encoding_free(&j->encoding[i]);
    for (int i = 0; j && i < BATCHES; i++) {
        struct batch *b = &j->batch[i];
        for (size_t k = 0; k < b->cap; k++)
            rtd_buf_free(&b->part[k].ids);
        rtd_buf_free(&b->text);
        rtd_buf_free(&b->items);
        free(b->part);
    }
    if (j) {
        rtd_buf_free(&j->ids);
        rtd_buf_free(&j->sentences);
        free(j->encoding);
    }
    free(j);
    return err->status;
}
