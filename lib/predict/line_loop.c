/* rtdtools - MIT licence
 *
 * The loop of the answering tools. */
#include "predict/line_loop.h"

#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "base/say.h"
#include "base/stop.h"
#include "nn/choice.h"
#include "nn/gemm.h"
#include "predict/line_input.h"

enum { BATCH_ROWS = 2048, BATCH_TOKENS = 1 << 16 };

/* --length, else what the model was trained on, else its positions; more than the first warns. */
static int choose_length(const struct rtd_line_loop *a, size_t *length, struct rtd_err *err)
{
    int trained = rtd_config_trained_length(&a->dir.config);
    int positions = a->dir.config.max_position_embeddings;
    *length = trained ? (size_t)trained : (size_t)a->dir.max_length;
    if (a->o->length) {
        if (a->o->length > positions)
            return rtd_fail(err, RTD_EUSAGE, "--length %lld: the model has %d positions",
                            (long long)a->o->length, positions);
        if (trained && a->o->length > trained)
            rtd_warn("%s was trained on at most %d tokens; --length %lld uses more", a->dir.path,
                     trained, (long long)a->o->length);
        *length = (size_t)a->o->length;
    }
    if (*length < 3)
        return rtd_fail(err, RTD_EDATA, "%s: too few positions: %zu", a->dir.path, *length);
    return RTD_OK;
}

/* --text names as many columns as the tool has texts, unless that is the model's affair. */
static int check_text(const struct rtd_line_loop *a, struct rtd_err *err)
{
    int n = 1;
    for (const char *p = a->o->text; p && *p; p++)
        n += *p == ',';
    if (a->o->text && !a->tool.all_fields && a->tool.texts && n != a->tool.texts)
        return rtd_fail(err, RTD_EUSAGE, "--text %s: want %s", a->o->text,
                        a->tool.texts == 1 ? "one column" : "two columns");
    return RTD_OK;
}

/* The one head that fits; several of one task need a name. */
static int choose_head(struct rtd_line_loop *a, struct rtd_err *err)
{
    if (!a->tool.tasks)
        return RTD_OK;
    a->head[0] = rtd_network_head(a->net, a->tool.tasks, a->o->head, a->dir.path, err);
    a->heads = 1;
    if (!err->status && !a->tool.texts)
        a->tool.texts = a->net->head[a->head[0]].spec.texts;
    return err->status;
}

int rtd_line_loop_open(struct rtd_line_loop *a, const struct rtd_line_options *o,
                       const struct rtd_line_tool *tool, struct rtd_err *err)
{
    *a = (struct rtd_line_loop){.o = o, .tool = *tool};
    if (!o->model)
        return rtd_fail(err, RTD_EUSAGE, "-m DIR is needed");
    if (o->tensor && o->json)
        return rtd_fail(err, RTD_EUSAGE, "--tensor and --json exclude each other");
    if (o->jsonl && o->header)
        return rtd_fail(err, RTD_EUSAGE, "--jsonl and --header exclude each other");
    if (check_text(a, err) || rtd_choose(err))
        return err->status;
    int threads = o->threads ? (int)o->threads : rtd_cpu_count();
    int st = rtd_model_dir_open(&a->dir, o->model,
                                RTD_DIR_TOKENIZER | (o->plain_text ? RTD_DIR_PLAIN_TEXT : 0), err);
    if (!st)
        st = choose_length(a, &a->length, err);
    if (!st)
        st = rtd_gemm_reserve(threads, err);
    if (!st)
        st = rtd_pool_new(&a->pool, threads, err);
    if (!st)
        st = rtd_infer_open(&a->infer, &a->dir, a->pool, a->tool.tasks != 0, err);
    if (!st) {
        a->net = rtd_infer_network(a->infer);
        st = choose_head(a, err);
    }
    if (!st)
        st = rtd_sequences_init(&a->batch.seq, a->dir.tok, a->length, a->dir.config.type_vocab_size,
                                err);
    if (st)
        rtd_line_loop_close(a);
    return st;
}

static void drop_rows(struct rtd_line_loop *a)
{
    struct rtd_line_batch *c = &a->batch;
    for (size_t i = 0; i < c->rows; i++)
        free(c->text[i]);
    c->rows = 0;
    rtd_sequences_clear(&c->seq);
    if (a->tool.drop)
        a->tool.drop(a->tool.arg);
}

void rtd_line_loop_close(struct rtd_line_loop *a)
{
    if (a->batch.seq.start)
        drop_rows(a);
    free(a->batch.text);
    free(a->batch.first);
    for (int i = 0; i < RTD_MAX_HEADS; i++)
        free(a->batch.logits[i]);
    rtd_sequences_free(&a->batch.seq);
    rtd_infer_close(a->infer);
    rtd_pool_free(a->pool);
    rtd_model_dir_close(&a->dir);
    a->infer = NULL;
    a->pool = NULL;
    a->batch = (struct rtd_line_batch){0};
}

/* --- the tensor stream --- */

/* A record for every row of the input: head 0's logits of its sequences, or of their tokens; or one
 * vector of hidden states. */
static int open_writer(struct rtd_line_loop *a, struct rtd_err *err)
{
    const struct rtd_head *head = a->width ? NULL : &a->net->head[a->head[0]];
    struct rtd_header h;
    uint32_t outputs = head ? (uint32_t)head->spec.outputs : a->width;
    bool token = head && !head->shape.form->per_sequence;
    rtd_header_init(&h, "outputs");
    rtd_header_add_field(&h, head ? "logits" : "hidden", RTD_F32, token ? "tokens" : NULL,
                         token && outputs == 1 ? 0 : 1, &outputs);
    int st = rtd_header_provenance(&h, rtd_tool_name(), NULL, err);
    if (!st)
        st = rtd_writer_open(&a->writer, a->o->out, a->o->force ? RTD_OUT_FORCE : 0, &h, 1, err);
    rtd_header_free(&h);
    return st;
}

/* Where row i's numbers begin. */
static const float *row_numbers(const struct rtd_line_loop *a, const struct rtd_line_batch *c,
                                size_t i)
{
    if (a->width)
        return a->hidden + c->first[i] * a->width;
    const struct rtd_head *head = &a->net->head[a->head[0]];
    size_t row = head->shape.form->per_sequence ? c->first[i] : c->seq.start[c->first[i]];
    return c->logits[0] + row * (size_t)head->spec.outputs;
}

static int write_tensors(struct rtd_line_loop *a, const struct rtd_line_batch *c,
                         struct rtd_err *err)
{
    for (size_t i = 0; i < c->rows; i++) {
        uint32_t tokens = c->seq.start[c->first[i + 1]] - c->seq.start[c->first[i]];
        const void *data = row_numbers(a, c, i);
        if (c->first[i] == c->first[i + 1])
            return rtd_fail(err, RTD_EDATA, "row %llu has no answer, and --tensor no empty records",
                            (unsigned long long)(a->rows + i + 1));
        if (rtd_writer_append(a->writer, a->rows + i, &data, &tokens, err))
            return err->status;
    }
    return RTD_OK;
}

/* --- batches --- */

static int run_heads(struct rtd_line_loop *a, struct rtd_line_batch *c, struct rtd_err *err)
{
    for (int i = 0; i < a->heads; i++) {
        const struct rtd_head *head = &a->net->head[a->head[i]];
        size_t rows = head->shape.form->per_sequence ? c->seq.n : c->seq.start[c->seq.n];
        size_t want = rows * (size_t)head->spec.outputs;
        if (want > c->logits_cap[i]) {
            float *logits = realloc(c->logits[i], want * sizeof *logits);
            if (!logits)
                return rtd_fail(err, RTD_ESYS, "not enough memory");
            c->logits[i] = logits;
            c->logits_cap[i] = want;
        }
    }
    return rtd_infer_run(a->infer, &c->seq, a->head, a->heads, c->logits, err);
}

static int answer_batch(struct rtd_line_loop *a, struct rtd_err *err)
{
    struct rtd_line_batch *c = &a->batch;
    if (c->rows == 0)
        return RTD_OK;
    int st = a->tool.run ? a->tool.run(a, c, a->tool.arg, err) : run_heads(a, c, err);
    if (!st)
        st = a->writer ? write_tensors(a, c, err) : a->tool.print(a, c, a->tool.arg, err);
    if (!st && a->o->line_buffered)
        st = a->writer ? rtd_writer_flush(a->writer, err) : rtd_out_flush(a->out, err);
    a->rows += c->rows;
    drop_rows(a);
    return st;
}

int rtd_line_loop_begin_row(struct rtd_line_loop *a, const char *text, struct rtd_err *err)
{
    struct rtd_line_batch *c = &a->batch;
    if (c->rows == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 64;
        char **texts = realloc(c->text, cap * sizeof *texts);
        if (texts)
            c->text = texts;
        size_t *first = realloc(c->first, (cap + 1) * sizeof *first);
        if (first)
            c->first = first;
        if (!texts || !first)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        c->cap = cap;
    }
    c->text[c->rows] = strdup(text);
    if (!c->text[c->rows])
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    c->first[c->rows++] = c->seq.n;
    a->cut_before = c->seq.cut;
    return RTD_OK;
}

int rtd_line_loop_end_row(struct rtd_line_loop *a, int status, struct rtd_err *err)
{
    if (status) {
        if (a->o->strict || a->o->tensor || status != RTD_EDATA)
            return status;
        rtd_warn("%s", err->text);
        *err = (struct rtd_err){0};
        a->bad++;
    }
    a->batch.first[a->batch.rows] = a->batch.seq.n;
    a->cut += a->batch.seq.cut > a->cut_before;
    return RTD_OK;
}

static int add_row(struct rtd_line_loop *a, char *const *field, int n, struct rtd_err *err)
{
    if (rtd_line_loop_begin_row(a, field[0], err))
        return err->status;
    int st = a->tool.add ? a->tool.add(a, field, n, a->tool.arg, err)
                         : rtd_sequences_add(&a->batch.seq, field[0], n > 1 ? field[1] : NULL, err);
    return rtd_line_loop_end_row(a, st, err);
}

/* A row without sequences, for a line that failed. */
static int add_bad_row(struct rtd_line_loop *a, struct rtd_err *err)
{
    struct rtd_err none = {0};
    if (rtd_line_loop_begin_row(a, "", &none))
        return rtd_fail(err, none.status, "%s", none.text);
    return rtd_line_loop_end_row(a, err->status, err);
}

static bool batch_full(const struct rtd_line_loop *a)
{
    const struct rtd_line_batch *c = &a->batch;
    return a->o->line_buffered || c->rows >= BATCH_ROWS || c->seq.start[c->seq.n] >= BATCH_TOKENS;
}

/* One row after the other, until there is none. */
static int take_rows(struct rtd_line_loop *a, rtd_next_row *next, void *source, struct rtd_err *err)
{
    bool more = true;
    int st = RTD_OK;
    while (!st && more) {
        st = next(a, source, &more, err);
        if (!st && batch_full(a))
            st = answer_batch(a, err);
        if (!st && rtd_stop_signal())
            st = RTD_ESIGNAL;
    }
    return st;
}

static int next_line(struct rtd_line_loop *a, void *source, bool *more, struct rtd_err *err)
{
    struct rtd_line_input *in = source;
    enum rtd_line_event event;
    int st = rtd_line_input_next(in, &event, err);
    a->file = in->path;
    a->line = in->number;
    *more = event != RTD_LINE_END;
    if (st || event == RTD_LINE_END || event == RTD_LINE_HEADER)
        return st;
    return event == RTD_LINE_ROW ? add_row(a, in->field, in->n, err) : add_bad_row(a, err);
}

/* Columns that nobody asked for and nobody read, such as the second text of a pair. */
static void report_unread(const struct rtd_line_loop *a, const struct rtd_line_input *in)
{
    bool one = in->format.texts == 1;
    const char *pairs = one && a->tool.pairs ? a->tool.pairs : "";
    rtd_say_loss(in->unread, in->rows,
                 "line%s with columns that are not read: the text%s (--text names others%s%s%s)",
                 rtd_s(in->rows), one ? " is column 1" : "s are columns 1 and 2",
                 *pairs ? "; " : "", pairs, *pairs ? " reads pairs" : "");
}

static int answer_files(struct rtd_line_loop *a, char **files, int n, struct rtd_err *err)
{
    struct rtd_line_input in = {.format = {.text = a->o->text,
                                           .keys = a->tool.keys         ? a->tool.keys
                                                   : a->tool.texts == 2 ? "text_a,text_b"
                                                                        : "text",
                                           .list = a->tool.list_key,
                                           .texts = a->tool.texts,
                                           .all_fields = a->tool.all_fields,
                                           .header = a->o->header,
                                           .json = a->o->jsonl}};
    char *standard[] = {"-"};
    int st = RTD_OK;
    if (n == 0) {
        files = standard;
        n = 1;
        if (rtd_refuse_tty_stdin(err))
            return err->status;
    }
    for (int i = 0; i < n && !st; i++) {
        st = rtd_line_input_open(&in, files[i], err);
        if (st)
            break;
        st = take_rows(a, next_line, &in, err);
        rtd_line_input_close(&in);
    }
    if (!st)
        st = answer_batch(a, err);
    if (!st)
        report_unread(a, &in);
    rtd_line_input_free(&in);
    return st;
}

static int open_output(struct rtd_line_loop *a, const char *header, struct rtd_err *err)
{
    int st = a->o->tensor ? open_writer(a, err)
                          : rtd_out_open(&a->out, a->o->out, a->o->force ? RTD_OUT_FORCE : 0, err);
    if (!st && a->out && a->o->header && !a->o->json)
        st = rtd_out_printf(a->out, err, "%s\n", header);
    return st;
}

/* Commit, or with a failure drop the output; say what was cut and what was bad. */
static int close_output(struct rtd_line_loop *a, int st, struct rtd_err *err)
{
    if (st) {
        if (a->writer)
            rtd_writer_abort(a->writer, err);
        else
            rtd_out_abort(a->out);
        return st;
    }
    rtd_read_counts_say(&a->batch.seq.read, "", "");
    rtd_say_loss(a->cut, a->rows, "line%s longer than %zu tokens, cut", rtd_s(a->rows),
                 a->batch.seq.length);
    if (a->batch.seq.spread)
        rtd_warn("%zu of %llu line%s longer than %zu tokens, read in windows", a->batch.seq.spread,
                 (unsigned long long)a->rows, rtd_s(a->rows), a->batch.seq.length);
    st = a->writer ? rtd_writer_end(a->writer, err) : rtd_out_commit(a->out, err);
    if (!st && a->bad)
        st = rtd_fail(err, RTD_EDATA, "%llu of %llu line%s could not be answered",
                      (unsigned long long)a->bad, (unsigned long long)a->rows, rtd_s(a->rows));
    return st;
}

int rtd_line_loop_run(struct rtd_line_loop *a, char **files, int n, const char *header,
                      struct rtd_err *err)
{
    int st = open_output(a, header, err);
    if (!st)
        st = answer_files(a, files, n, err);
    return a->out || a->writer ? close_output(a, st, err) : st;
}

int rtd_line_loop_run_rows(struct rtd_line_loop *a, rtd_next_row *next, void *source,
                           const char *header, struct rtd_err *err)
{
    int st = open_output(a, header, err);
    if (!st)
        st = take_rows(a, next, source, err);
    if (!st)
        st = answer_batch(a, err);
    return a->out || a->writer ? close_output(a, st, err) : st;
}
