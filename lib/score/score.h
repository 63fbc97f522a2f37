/* rtdtools - MIT licence
 *
 * Predictions against gold answers, both read from files: what evaluate does for each task. */
#ifndef RTD_SCORE_SCORE_H
#define RTD_SCORE_SCORE_H

#include <jansson.h>

#include "score/metrics_text.h"
#include "gold/squad.h"

struct rtd_score_options {
    const char *gold, *slots;            /* files; slots: joint */
    const char *predictions, *no_answer; /* files; no_answer: answer, may be NULL */
    const char *label, *positive;        /* columns and classes, may be NULL */
    double threshold;                    /* of no-answer */
    bool confusion, per_class;
};

/* Each gives an object of metrics, in the order of printing; *out is the caller's.  RTD_EDATA: the
 * files do not belong together. */
int rtd_score_numbers(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_labels(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_tags(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_joint(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_answers(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_rankings(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_texts(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);

/* --- their parts, for tests and training --- */
/* predictions {id: text}, or a list of texts (null: none) in gold's order; no_answer {id:
 * probability} or NULL.  *unanswered: questions without a prediction (version 1.1 counts them as
 * wrong, 2.0 leaves them out). */
int rtd_squad_judge(json_t **out, const struct rtd_squad *gold, const json_t *predictions,
                    const json_t *no_answer, double threshold, size_t *unanswered,
                    struct rtd_err *err);
int rtd_texts_judge(json_t **out, const struct rtd_generated *row, size_t n, struct rtd_err *err);

#endif
