/* rtdtools - MIT licence
 *
 * Answers to SQuAD's questions, as answer prints them: {id: text}, or a line for each question in
 * the file's order; and beside them {id: probability that there is no answer}. */
#ifndef RTD_GOLD_SQUAD_ANSWERS_H
#define RTD_GOLD_SQUAD_ANSWERS_H

#include "gold/squad.h"

struct rtd_squad_said {
    char *text;       /* owned; NULL: nothing was said of this question */
    bool left_out;    /* what was said is bad, see bad_rows.h */
    double no_answer; /* probability; 0 where there is no such file */
    size_t place;     /* of the probability in its file */
};
struct rtd_squad_answers {
    struct rtd_squad_said *a; /* [gold's n] */
    size_t n;
    bool by_id;
};

/* no_answer: a file, or NULL.  RTD_EDATA: not of that form, another number of lines than of
 * questions, no probability for a question that was answered. */
int rtd_squad_answers_load(struct rtd_squad_answers *s, const struct rtd_squad *gold,
                           const char *predictions, const char *no_answer, struct rtd_bad_rows *bad,
                           struct rtd_err *err);
void rtd_squad_answers_free(struct rtd_squad_answers *s);

#endif
