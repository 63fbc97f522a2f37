/* rtdtools - MIT licence
 *
 * Metrics of generated texts against one or more references each. */
#ifndef RTD_SCORE_METRICS_TEXT_H
#define RTD_SCORE_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A row: a text, and what it may be compared with. */
struct rtd_generated {
    const char *text;
    char *const *reference; /* [references] */
    size_t references;      /* at least 1 */
};

/* BLEU of a corpus (Papineni et al. 2002) as sacreBLEU computes it: tokeniser 13a, orders 1 to 4,
 * exponential smoothing, closest reference length; in percent. */
struct rtd_bleu {
    double score, precision[4], brevity;
    uint64_t length, reference_length;
};
int rtd_bleu_score(struct rtd_bleu *b, const struct rtd_generated *row, size_t n, bool lower_case,
                   struct rtd_err *err);

/* chrF2 of a corpus (Popovic 2015) as sacreBLEU computes it: character n-grams up to 6, beta 2, the
 * best reference of each row; in percent. */
int rtd_chrf_score(double *score, const struct rtd_generated *row, size_t n, struct rtd_err *err);

/* ROUGE (Lin 2004) as the package rouge_score computes it: lower case, runs of [a-z0-9], F measure
 * of the best reference, mean over the rows; with Porter's stemmer on words of over 3 letters. */
struct rtd_rouge {
    double rouge1, rouge2, rougeL;
};
int rtd_rouge_score(struct rtd_rouge *r, const struct rtd_generated *row, size_t n, bool stem,
                    struct rtd_err *err);

#endif
