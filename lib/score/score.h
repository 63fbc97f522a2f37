/* rtdtools - MIT licence
 *
 * Predictions against gold answers, both read from files: what evaluate does for each task. */
#ifndef RTD_SCORE_SCORE_H
#define RTD_SCORE_SCORE_H

#include <jansson.h>

#include "gold/squad_answers.h"
#include "score/metrics_text.h"

struct rtd_score_options {
    const char *gold, *slots;            /* files; slots: joint */
    const char *predictions, *no_answer; /* files; no_answer: answer, may be NULL */
    const char *text, *label, *positive; /* columns and classes, may be NULL; text: tag */
    const char *scheme;                  /* of tags, see gold/tags.h; NULL: as found */
    double threshold;                    /* of no-answer */
    bool skip_bad;                       /* leave out records that cannot be used */
    bool confusion, per_class;
};

/* Each gives an object of metrics, in the order of printing; *out is the caller's.  RTD_EDATA: the
 * files do not belong together. */
int rtd_score_classes(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_numbers(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_labels(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_tags(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_joint(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_answers(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_rankings(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
int rtd_score_texts(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);

/* --- their parts, for tests and training --- */
/* *unanswered: questions without a prediction (version 1.1 counts them as wrong, 2.0 leaves them
 * out). */
int rtd_squad_judge(json_t **out, const struct rtd_squad *gold,
                    const struct rtd_squad_answers *said, double threshold, size_t *unanswered,
                    struct rtd_err *err);
int rtd_texts_judge(json_t **out, const struct rtd_generated *row, size_t n, struct rtd_err *err);

#endif
