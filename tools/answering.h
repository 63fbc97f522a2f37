/* rtdtools - MIT licence
 *
 * What the answering tools' option tables share. */
#ifndef RTD_TOOLS_ANSWERING_H
#define RTD_TOOLS_ANSWERING_H

#include "cli/tool.h"
#include "predict/line_loop.h"

/* The rows of an option table for them; some tools have no choice of heads, or no tensors. */
#define RTD_OPT_ANSWER_PLAIN(o)                                                                 \
    {RTD_OPT_STR, 'm', "model", "DIR", &(o)->model, 0, 0, "model directory", 0},                \
        {RTD_OPT_STR, 'o', "output", "FILE", &(o)->out, 0, 0, "write to FILE (default: -)", 0}, \
        {RTD_OPT_STR,                                                                           \
         0,                                                                                     \
         "text",                                                                                \
         "COL[,COL]",                                                                           \
         &(o)->text,                                                                            \
         0,                                                                                     \
         0,                                                                                     \
         "columns of the text, by number or, with --header, name; keys of --jsonl",             \
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
        {RTD_OPT_FLAG,                                                                          \
         0,                                                                                     \
         "plain-text",                                                                          \
         NULL,                                                                                  \
         &(o)->plain_text,                                                                      \
         0,                                                                                     \
         0,                                                                                     \
         "[SEP] and its like in a text are text, whatever the model says",                      \
         0},                                                                                    \
        {RTD_OPT_FLAG,                                                                          \
         0,                                                                                     \
         "jsonl",                                                                               \
         NULL,                                                                                  \
         &(o)->jsonl,                                                                           \
         0,                                                                                     \
         0,                                                                                     \
         "a line of the input is a JSON object",                                                \
         0},                                                                                    \
        {RTD_OPT_FLAG, 0, "json", NULL, &(o)->json, 0, 0, "print a JSON object a line", 0},     \
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
        {RTD_OPT_FLAG,                                                                          \
         0,                                                                                     \
         "strict",                                                                              \
         NULL,                                                                                  \
         &(o)->strict,                                                                          \
         0,                                                                                     \
         0,                                                                                     \
         "stop at the first line that cannot be answered",                                      \
         0},                                                                                    \
    {                                                                                           \
        RTD_OPT_FLAG, 'f', "force", NULL, &(o)->force, 0, 0,                                    \
            "overwrite FILE; write binary to a terminal", 0                                     \
    }
#define RTD_OPT_ANSWER(o) RTD_OPT_ANSWER_PLAIN(o), RTD_OPT_ANSWER_HEAD(o), RTD_OPT_ANSWER_TENSOR(o)
#define RTD_OPT_ANSWER_HEAD(o)                            \
    {                                                     \
        RTD_OPT_STR, 0, "head", "NAME", &(o)->head, 0, 0, \
            "which head, of a model that has several", 0  \
    }
#define RTD_OPT_ANSWER_TENSOR(o)                               \
    {                                                          \
        RTD_OPT_FLAG, 0, "tensor", NULL, &(o)->tensor, 0, 0,   \
            "raw logits as a tensor stream of kind outputs", 0 \
    }

#endif
