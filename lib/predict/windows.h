/* rtdtools - MIT licence
 *
 * A question with its context as sequences: [CLS] question [SEP] context [SEP], as many windows of
 * the context as it needs (BERT, arXiv 1810.04805, run_squad). */
#ifndef RTD_PREDICT_WINDOWS_H
#define RTD_PREDICT_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "predict/sequences.h"

struct rtd_window {
    uint32_t from, n; /* pieces of the context that it holds */
    uint32_t offset;  /* of the first of them in the sequence */
};

/* The windows of one question.  Zero-initialise; release with rtd_windows_free. */
struct rtd_windows {
    struct rtd_window *window; /* [n] */
    size_t n, cap;
    bool cut;              /* the question was too long */
    bool creeps;           /* so much is shared that each window is only a piece further */
    uint32_t *begin, *end; /* [pieces] bytes of the context */
    size_t pieces, piece_cap;
    struct rtd_encoding question, context;
};
void rtd_windows_free(struct rtd_windows *w);

struct rtd_window_options {
    size_t question; /* the question's most pieces; what is over is cut; 0: half of the sequence's
                        length, at most 64 */
    size_t shared;   /* pieces that two windows share; 0: a third of the sequence's length, at most
                        128, and at most half of what the question leaves */
};
/* The most pieces of a question in sequences of at most `length` tokens. */
size_t rtd_windows_question(const struct rtd_window_options *o, size_t length);
/* Replace w by the windows of a question, and append their sequences to s. */
int rtd_windows_make(struct rtd_windows *w, struct rtd_sequences *s, const char *question,
                     const char *context, const struct rtd_window_options *o, struct rtd_err *err);

/* Is window i the one in which piece p of the context has most context on its poorer side?  (Of
 * equals the first.) */
bool rtd_window_has_most(const struct rtd_windows *w, size_t i, uint32_t p);

/* The pieces that bytes [begin, end) of the context touch; false: none. */
bool rtd_windows_pieces(const struct rtd_windows *w, size_t begin, size_t end, uint32_t *first,
                        uint32_t *last);

struct rtd_span {
    uint32_t first, last; /* pieces of the context */
    double score;         /* start logit + end logit */
};
struct rtd_spans {
    struct rtd_span *best; /* [most] the caller's; the best first, of equal ones the earlier */
    size_t most, n;        /* room, and how many were found */
    double no_answer;      /* the least score of all windows at [CLS] */
};
/* The best spans of at most `longest` pieces; logits[i]: (tokens, 2) of window i.  A piece speaks
 * only in the window where it has most context. */
void rtd_best_spans(struct rtd_spans *s, const struct rtd_windows *w, const float *const *logits,
                    uint32_t longest);
/* sigmoid(no-answer score - best span's); 1 where there is none. */
double rtd_no_answer_probability(const struct rtd_spans *s);

#endif
