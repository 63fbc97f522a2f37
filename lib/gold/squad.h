/* rtdtools - MIT licence
 *
 * SQuAD's JSON, versions 1.1 and 2.0: paragraphs, and questions about them.  Offsets count bytes
 * here (the file counts code points). */
#ifndef RTD_GOLD_SQUAD_H
#define RTD_GOLD_SQUAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct rtd_squad_answer {
    char *text;   /* owned */
    size_t start; /* in the context; SIZE_MAX: not found there */
};
struct rtd_squad_question {
    char *id, *question;             /* owned */
    const char *context;             /* borrowed from contexts */
    struct rtd_squad_answer *answer; /* [answers], owned; none: cannot be answered */
    size_t answers;
};
struct rtd_squad {
    struct rtd_squad_question *q; /* [n] */
    size_t n;
    char **context; /* [contexts], owned */
    size_t contexts;
    bool v2;         /* some question is marked as impossible, or has no answer */
    size_t moved;    /* answers that were not at answer_start, but elsewhere in the context */
    size_t missing;  /* answers that are nowhere in it */
    size_t answers;  /* of all questions */
    size_t blank;    /* of them, without text, as where a test set hides them */
    size_t repeated; /* questions whose id an earlier one has */
    const char *repeated_id; /* of the first of them */
};
/* RTD_EDATA: not of that form; the message names the place. */
int rtd_squad_load(struct rtd_squad *s, const char *path, struct rtd_err *err);
void rtd_squad_free(struct rtd_squad *s);

#endif
