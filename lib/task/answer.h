/* rtdtools - MIT licence
 *
 * What the answering tools share: text in, line by line; a model; one answer a line out, in order,
 * the same bytes for any number of threads and any batching.  A tool gives the head it needs and
 * a function that prints the answers of a chunk of lines. */
#ifndef RTD_TASK_ANSWER_H
#define RTD_TASK_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/io.h"
#include "base/tool.h"
#include "model/directory.h"
#include "stream/stream.h"
#include "task/columns.h"
#include "task/infer.h"
#include "task/sequences.h"

struct rtd_answer_options {
    const char *model, *text, *out;
    bool header, json, tensor, line_buffered, force;
    int64_t length;  /* 0: the length the model was trained on, else its positions */
    int64_t threads; /* 0: all CPUs */
};

/* The rows of an option table for them. */
#define RTD_OPT_ANSWER(o)                                                                       \
    {RTD_OPT_STR, 'm', "model", "DIR", &(o)->model, 0, 0, "model directory", 0},                \
        {RTD_OPT_STR, 'o', "output", "FILE", &(o)->out, 0, 0, "write to FILE (default: -)", 0}, \
        {RTD_OPT_STR,                                                                           \
         0,                                                                                     \
         "text",                                                                                \
         "COL[,COL]",                                                                           \
         &(o)->text,                                                                            \
         0,                                                                                     \
         0,                                                                                     \
         "columns of the text, by number or, with --header, name",                              \
         0},                                                                                    \
        {RTD_OPT_FLAG,                                                                          \
         0,                                                                                     \
         "header",                                                                              \
         NULL,                                                                                  \
         &(o)->header,                                                                          \
         0,                                                                                     \
         0,                                                                                     \
         "row 1 of the input is a header; print one, too",                                      \
         0},                                                                                    \
        {RTD_OPT_FLAG, 0, "json", NULL, &(o)->json, 0, 0, "one JSON object a line", 0},         \
        {RTD_OPT_FLAG,                                                                          \
         0,                                                                                     \
         "tensor",                                                                              \
         NULL,                                                                                  \
         &(o)->tensor,                                                                          \
         0,                                                                                     \
         0,                                                                                     \
         "raw logits as a tensor stream of kind outputs",                                       \
         0},                                                                                    \
        {RTD_OPT_INT,                                                                           \
         0,                                                                                     \
         "length",                                                                              \
         "N",                                                                                   \
         &(o)->length,                                                                          \
         3,                                                                                     \
         1 << 20,                                                                               \
         "most tokens of a text (default: as the model was trained)",                           \
         0},                                                                                    \
        {RTD_OPT_INT,                                                                           \
         'j',                                                                                   \
         "threads",                                                                             \
         "N",                                                                                   \
         &(o)->threads,                                                                         \
         1,                                                                                     \
         1024,                                                                                  \
         "threads (default: all CPUs)",                                                         \
         0},                                                                                    \
        {RTD_OPT_FLAG,                                                                          \
         0,                                                                                     \
         "line-buffered",                                                                       \
         NULL,                                                                                  \
         &(o)->line_buffered,                                                                   \
         0,                                                                                     \
         0,                                                                                     \
         "answer every line at once",                                                           \
         0},                                                                                    \
    {                                                                                           \
        RTD_OPT_FLAG, 'f', "force", NULL, &(o)->force, 0, 0,                                    \
            "overwrite FILE; write binary to a terminal", 0                                     \
    }

/* Lines that are worked on together. */
struct rtd_chunk {
    size_t rows;
    char **text; /* [rows] the first text of each line, as it came */
    size_t cap;
    struct rtd_sequences seq;
    float *logits; /* see rtd_infer_run */
    size_t logits_cap;
};

struct rtd_answer {
    const struct rtd_answer_options *o;
    enum rtd_infer_head head;
    struct rtd_model_dir dir;
    struct rtd_pool *pool;
    struct rtd_infer *infer;
    struct rtd_chunk chunk;
    struct rtd_out *out;       /* NULL with --tensor */
    struct rtd_writer *writer; /* only with --tensor */
    uint64_t rows;             /* printed so far */
    int (*print)(struct rtd_answer *a, const struct rtd_chunk *c, void *arg, struct rtd_err *err);
    void *arg;
};

/* Open the model, check the head, start the threads.  Set print and arg after it. */
int rtd_answer_open(struct rtd_answer *a, const struct rtd_answer_options *o,
                    enum rtd_infer_head head, struct rtd_err *err);
/* Open the output, answer all lines of the files (none: standard input), commit.  header: the line
 * to print first with --header, without its end. */
int rtd_answer_run(struct rtd_answer *a, char **files, int n, const char *header,
                   struct rtd_err *err);
void rtd_answer_close(struct rtd_answer *a);

#endif
