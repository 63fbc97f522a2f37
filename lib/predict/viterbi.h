/* rtdtools - MIT licence
 *
 * The best sequence of tags that breaks no rule of their scheme (gold/tags.h): Viterbi (Forney
 * 1973) over log-probabilities. */
#ifndef RTD_PREDICT_VITERBI_H
#define RTD_PREDICT_VITERBI_H

#include "gold/tags.h"

struct rtd_viterbi {
    int n;
    bool *begin, *end; /* [n] may begin, may end a sequence */
    int *before;       /* [n, n]: the tags that may stand before tag j ... */
    int *nbefore;      /* [n]: ... and how many */
    double *score;     /* [2, n] */
    int *back;         /* [words, n] */
    size_t cap;
};
/* set: not needed afterwards. */
int rtd_viterbi_new(struct rtd_viterbi *v, const struct rtd_tag_set *set, struct rtd_err *err);
void rtd_viterbi_free(struct rtd_viterbi *v);
/* row[w]: logits (n) of word w; tag[w]: the best sequence's.  Where the labels allow no valid
 * sequence at all: each word's best tag. */
int rtd_viterbi_run(struct rtd_viterbi *v, const float *const *row, size_t words, int *tag,
                    struct rtd_err *err);

#endif
