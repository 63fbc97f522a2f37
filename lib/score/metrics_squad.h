/* rtdtools - MIT licence
 *
 * SQuAD's metrics, as its scripts of versions 1.1 and 2.0 compute them (in percent there and here):
 * exact match and F1 over words, after lower-casing and taking off ASCII punctuation, articles and
 * superfluous white space. */
#ifndef RTD_SCORE_METRICS_SQUAD_H
#define RTD_SCORE_METRICS_SQUAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "score/text_units.h"

/* A text that is compared with gold answers. */
struct rtd_squad_text {
    struct rtd_word_list words; /* normalised */
    char **sorted;              /* [words.n], into words; owned list */
};
int rtd_squad_text(struct rtd_squad_text *t, const char *text, struct rtd_err *err);
void rtd_squad_text_free(struct rtd_squad_text *t);

/* One pair of texts: *exact 0 or 1, *f1 in 0..1.  v2: two empty texts agree. */
int rtd_squad_compare(const char *gold, const struct rtd_squad_text *said, bool v2, double *exact,
                      double *f1, struct rtd_err *err);

/* Does the text hold anything after normalisation? */
int rtd_squad_is_empty(const char *text, bool *empty, struct rtd_err *err);

struct rtd_squad_item { /* one question */
    double exact, f1;   /* of its answer, before the threshold: the best over the gold answers */
    double no_answer;   /* probability */
    size_t place;       /* of equal ones, see rtd_squad_scores */
    bool has_answer;    /* in the gold data */
    bool said_something;
};
struct rtd_squad_scores {
    double exact, f1;
    size_t total, has, no; /* questions: all, with an answer, without */
    double has_exact, has_f1, no_exact, no_f1;
    double best_exact, best_exact_thresh, best_f1, best_f1_thresh;
};
/* v2: answers whose no_answer is over the threshold count as none.  Questions are swept in order of
 * no_answer, equal ones by place, then as they stand here. */
int rtd_squad_scores(struct rtd_squad_scores *s, const struct rtd_squad_item *item, size_t n,
                     bool v2, double threshold, struct rtd_err *err);

#endif
