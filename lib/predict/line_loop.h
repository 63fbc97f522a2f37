/* rtdtools - MIT licence
 *
 * What the answering tools share: text in, line by line; a model; one answer a line out, in order,
 * the same bytes for any number of threads and any batching.  A tool says which heads it can use,
 * how a line becomes sequences, and how answers are printed.
 *
 * A line that cannot be answered (too few columns, not JSON, ...) gets a message with its number
 * and an empty answer; the others are answered, and the tool ends with RTD_EDATA.  With --strict it
 * stops there. */
#ifndef RTD_PREDICT_LINE_LOOP_H
#define RTD_PREDICT_LINE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/io.h"
#include "model/directory.h"
#include "stream/stream.h"
#include "predict/infer.h"
#include "predict/sequences.h"

struct rtd_line_options {
    const char *model, *head, *text, *out;
    bool header, jsonl, json, tensor, line_buffered, strict, force;
    bool plain_text; /* special pieces in a text are text */
    int64_t length;  /* 0: the length the model was trained on, else its positions */
    int64_t threads; /* 0: all CPUs */
};

/* Lines that are worked on together. */
struct rtd_line_batch {
    size_t rows;
    char **text;   /* [rows] the first text of each line, as it came; "" for a bad line */
    size_t *first; /* [rows + 1] first sequence of each row; none: a bad line */
    size_t cap;
    struct rtd_sequences seq;
    float *logits[RTD_MAX_HEADS]; /* of head[i], see rtd_infer_run */
    size_t logits_cap[RTD_MAX_HEADS];
};

struct rtd_line_loop;

/* What a tool brings. */
struct rtd_line_tool {
    unsigned tasks;  /* bits 1 << enum rtd_task: a head for one of them is needed; 0: none */
    int texts;       /* fields of a line: 1, 2, or 0 for as the model says; more may be there */
    bool all_fields; /* add gets every field of a line, unless --text chooses */
    const char
        *pairs; /* the option that makes it read pairs, where its texts are single; may be NULL */
    const char *keys;     /* of --jsonl without --text; NULL: text, or text_a,text_b */
    const char *list_key; /* of --jsonl: further fields are this list's texts; may be NULL */
    /* Append the sequences of a line to batch.seq; NULL: the text, or the pair.  RTD_EDATA, with
     * nothing appended: the line cannot be answered. */
    int (*add)(struct rtd_line_loop *a, char *const *field, int n, void *arg, struct rtd_err *err);
    /* Compute; NULL: the logits of all chosen heads. */
    int (*run)(struct rtd_line_loop *a, struct rtd_line_batch *c, void *arg, struct rtd_err *err);
    /* Print a line for each row of the batch. */
    int (*print)(struct rtd_line_loop *a, const struct rtd_line_batch *c, void *arg,
                 struct rtd_err *err);
    void (*drop)(void *arg); /* the batch's rows are done with; may be NULL */
    void *arg;
};

struct rtd_line_loop {
    const struct rtd_line_options *o;
    struct rtd_line_tool tool;
    struct rtd_model_dir dir;
    struct rtd_pool *pool;
    struct rtd_infer *infer;
    const struct rtd_network *net;  /* of infer */
    int head[RTD_MAX_HEADS], heads; /* that are run; a tool may add some after opening */
    size_t length;                  /* the most tokens of a sequence */
    struct rtd_line_batch batch;
    struct rtd_out *out;       /* NULL with --tensor */
    struct rtd_writer *writer; /* only with --tensor */
    const float
        *hidden;    /* set by run: (sequences, width), what --tensor writes instead of logits */
    uint32_t width; /* 0: logits */
    uint64_t rows;  /* printed so far */
    uint64_t bad;   /* of them, not answered */
    uint64_t cut;   /* of them, with a text that was too long */
    /* the line that is read */
    const char *file;
    unsigned long long line;
    size_t cut_before; /* batch.seq.cut where its row begins */
};

/* Open the model, find the head, start the threads. */
int rtd_line_loop_open(struct rtd_line_loop *a, const struct rtd_line_options *o,
                       const struct rtd_line_tool *tool, struct rtd_err *err);
/* Open the output, answer all lines of the files (none: standard input), commit.  header: the line
 * to print first with --header, without its end. */
int rtd_line_loop_run(struct rtd_line_loop *a, char **files, int n, const char *header,
                      struct rtd_err *err);
/* The same for rows that do not come line by line: next adds one row by rtd_line_loop_begin_row and
 * rtd_line_loop_end_row, or sets *more to false at the end. */
typedef int rtd_next_row(struct rtd_line_loop *a, void *source, bool *more, struct rtd_err *err);
int rtd_line_loop_run_rows(struct rtd_line_loop *a, rtd_next_row *next, void *source,
                           const char *header, struct rtd_err *err);
/* Begin a row that has this text; its sequences are appended to batch.seq; end it.  status: what
 * went wrong in between (RTD_EDATA: the row stays empty). */
int rtd_line_loop_begin_row(struct rtd_line_loop *a, const char *text, struct rtd_err *err);
int rtd_line_loop_end_row(struct rtd_line_loop *a, int status, struct rtd_err *err);
void rtd_line_loop_close(struct rtd_line_loop *a);

#endif
