/* rtdtools - MIT licence
 *
 * The loop of the answering tools. */
#include "task/answer.h"

#include <stdlib.h>
#include <string.h>

#include "nn/kernels.h"

enum { CHUNK_ROWS = 2048, CHUNK_TOKENS = 1 << 16 };

static int texts_a_row(const struct rtd_config *c)
{
    const json_t *own = json_object_get(c->extra, "rtdtools");
    return json_integer_value(json_object_get(own, "texts")) == 2 ? 2 : 1;
}

/* --length, else what the model was trained on, else its positions; more than the first warns. */
static int choose_length(const struct rtd_answer *a, size_t *length, struct rtd_err *err)
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

int rtd_answer_open(struct rtd_answer *a, const struct rtd_answer_options *o,
                    enum rtd_infer_head head, struct rtd_err *err)
{
    size_t length;
    *a = (struct rtd_answer){.o = o, .head = head};
    if (!o->model)
        return rtd_fail(err, RTD_EUSAGE, "-m DIR is needed");
    if (o->tensor && o->json)
        return rtd_fail(err, RTD_EUSAGE, "--tensor and --json exclude each other");
    if (rtd_kernels_check(err))
        return err->status;
    int st = rtd_model_dir_open(&a->dir, o->model, RTD_DIR_TOKENIZER, err);
    if (!st)
        st = choose_length(a, &length, err);
    if (!st)
        st = rtd_pool_new(&a->pool, o->threads ? (int)o->threads : rtd_cpu_count(), err);
    if (!st)
        st = rtd_infer_open(&a->infer, &a->dir, head, a->pool, err);
    if (!st)
        st = rtd_sequences_init(&a->chunk.seq, a->dir.tok, length, a->dir.config.type_vocab_size,
                                err);
    if (st)
        rtd_answer_close(a);
    return st;
}

static void drop_rows(struct rtd_chunk *c)
{
    for (size_t i = 0; i < c->rows; i++)
        free(c->text[i]);
    c->rows = 0;
    rtd_sequences_clear(&c->seq);
}

void rtd_answer_close(struct rtd_answer *a)
{
    if (a->chunk.seq.start)
        drop_rows(&a->chunk);
    free(a->chunk.text);
    free(a->chunk.logits);
    rtd_sequences_free(&a->chunk.seq);
    rtd_infer_close(a->infer);
    rtd_pool_free(a->pool);
    rtd_model_dir_close(&a->dir);
    a->infer = NULL;
    a->pool = NULL;
    a->chunk = (struct rtd_chunk){0};
}

/* --- the tensor stream --- */

static int open_writer(struct rtd_answer *a, struct rtd_err *err)
{
    struct rtd_header h;
    uint32_t labels = (uint32_t)a->dir.config.num_labels;
    bool token = a->head == RTD_INFER_DISC;
    rtd_header_init(&h, "outputs");
    rtd_header_add_field(&h, "logits", RTD_F32, token ? "tokens" : NULL, token ? 0 : 1, &labels);
    int st = rtd_header_provenance(&h, rtd_tool_name(), NULL, err);
    if (!st)
        st = rtd_writer_open(&a->writer, a->o->out, a->o->force ? RTD_OUT_FORCE : 0, &h, 1, err);
    rtd_header_free(&h);
    return st;
}

static int write_tensors(struct rtd_answer *a, const struct rtd_chunk *c, struct rtd_err *err)
{
    size_t labels = (size_t)a->dir.config.num_labels;
    for (size_t i = 0; i < c->rows; i++) {
        uint32_t tokens = c->seq.start[i + 1] - c->seq.start[i];
        const void *data = c->logits + (a->head == RTD_INFER_DISC ? c->seq.start[i] : i * labels);
        if (rtd_writer_append(a->writer, a->rows + i, &data, &tokens, err))
            return err->status;
    }
    return RTD_OK;
}

/* --- chunks --- */

static int answer_chunk(struct rtd_answer *a, struct rtd_err *err)
{
    struct rtd_chunk *c = &a->chunk;
    if (c->rows == 0)
        return RTD_OK;
    size_t want = a->head == RTD_INFER_DISC ? c->seq.start[c->rows]
                                            : c->rows * (size_t)a->dir.config.num_labels;
    if (want > c->logits_cap) {
        float *logits = realloc(c->logits, want * sizeof *logits);
        if (!logits)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        c->logits = logits;
        c->logits_cap = want;
    }
    int st = rtd_infer_run(a->infer, &c->seq, c->logits, err);
    if (!st)
        st = a->writer ? write_tensors(a, c, err) : a->print(a, c, a->arg, err);
    if (!st && a->o->line_buffered)
        st = a->writer ? rtd_writer_flush(a->writer, err) : rtd_out_flush(a->out, err);
    a->rows += c->rows;
    drop_rows(c);
    return st;
}

static int add_row(struct rtd_answer *a, const char *first, const char *second, struct rtd_err *err)
{
    struct rtd_chunk *c = &a->chunk;
    if (c->rows == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 64;
        char **text = realloc(c->text, cap * sizeof *text);
        if (!text)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        c->text = text;
        c->cap = cap;
    }
    c->text[c->rows] = strdup(first);
    if (!c->text[c->rows])
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    c->rows++;
    return rtd_sequences_add(&c->seq, first, second, err);
}

static bool chunk_full(const struct rtd_answer *a)
{
    const struct rtd_chunk *c = &a->chunk;
    return a->o->line_buffered || c->rows >= CHUNK_ROWS || c->seq.start[c->rows] >= CHUNK_TOKENS;
}

/* An empty line is a row of empty texts; any other needs the columns asked for. */
static int take_line(struct rtd_answer *a, const struct rtd_columns *cols,
                     const struct rtd_row *row, const char *name, unsigned long long number,
                     struct rtd_err *err)
{
    const char *text[2] = {"", NULL};
    bool empty = row->n == 1 && !row->field[0][0];
    for (int i = 0; i < cols->ntext; i++) {
        if (!empty && cols->text[i] >= row->n)
            return rtd_fail(err, RTD_EDATA, "%s: line %llu: no column %d, only %d", name, number,
                            cols->text[i] + 1, row->n);
        text[i] = empty ? "" : row->field[cols->text[i]];
    }
    return add_row(a, text[0], text[1], err);
}

static int answer_file(struct rtd_answer *a, const char *path, struct rtd_err *err)
{
    struct rtd_lines lines;
    struct rtd_columns cols = {0};
    struct rtd_row row = {0};
    struct rtd_columns_spec spec = {.text = a->o->text,
                                    .want_text = true,
                                    .header = a->o->header ? RTD_HEADER_YES : RTD_HEADER_NO,
                                    .texts = texts_a_row(&a->dir.config)};
    if (!a->o->header && rtd_columns_resolve(&cols, &spec, NULL, path, err))
        return err->status;
    int st = rtd_lines_open(&lines, path, RTD_LINE_MAX, err);
    if (st)
        return st;
    while (!st) {
        char *line;
        size_t len;
        st = rtd_lines_next(&lines, &line, &len, err);
        if (st || !line)
            break;
        st = rtd_row_split(&row, line, len, path, lines.number, err);
        if (!st && lines.number == 1 && a->o->header) {
            st = rtd_columns_resolve(&cols, &spec, &row, path, err);
            continue;
        }
        if (!st)
            st = take_line(a, &cols, &row, path, lines.number, err);
        if (!st && chunk_full(a))
            st = answer_chunk(a, err);
        if (!st && rtd_stop_signal())
            st = RTD_ESIGNAL;
    }
    rtd_lines_close(&lines);
    rtd_row_free(&row);
    return st;
}

static int answer_files(struct rtd_answer *a, char **files, int n, struct rtd_err *err)
{
    char *standard[] = {"-"};
    if (n == 0) {
        files = standard;
        n = 1;
        if (rtd_refuse_tty_stdin(err))
            return err->status;
    }
    int st = RTD_OK;
    for (int i = 0; i < n && !st; i++)
        st = answer_file(a, files[i], err);
    if (!st)
        st = answer_chunk(a, err);
    return st;
}

int rtd_answer_run(struct rtd_answer *a, char **files, int n, const char *header,
                   struct rtd_err *err)
{
    int st = a->o->tensor ? open_writer(a, err)
                          : rtd_out_open(&a->out, a->o->out, a->o->force ? RTD_OUT_FORCE : 0, err);
    if (st)
        return st;
    if (a->out && a->o->header && !a->o->json)
        st = rtd_out_printf(a->out, err, "%s\n", header);
    if (!st)
        st = answer_files(a, files, n, err);
    if (a->chunk.seq.cut)
        rtd_warn("%zu of %llu texts were longer than %zu tokens and cut", a->chunk.seq.cut,
                 (unsigned long long)a->rows, a->chunk.seq.length);
    if (a->writer) {
        if (!st)
            return rtd_writer_end(a->writer, err);
        rtd_writer_abort(a->writer, err);
    } else {
        if (!st)
            return rtd_out_commit(a->out, err);
        rtd_out_abort(a->out);
    }
    return st;
}
