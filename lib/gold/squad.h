/* rtdtools - MIT licence
 *
 * SQuAD's JSON, versions 1.1 and 2.0: paragraphs, and questions about them.  A question's answers
 * are a list of objects with text and answer_start, or, as Hugging Face writes it, an object of two
 * such lists.  No answer is said by is_impossible or an empty list; answers that are not there are
 * a fault of the record.  An id is a text or a number.  Offsets count bytes here (the file counts
 * code points). */
#ifndef RTD_GOLD_SQUAD_H
#define RTD_GOLD_SQUAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gold/bad_rows.h"
#include "base/err.h"

/* How far from answer_start an answer is looked for that is not there, in bytes: without a limit
 * the work could grow with the square of the file. */
enum { RTD_SQUAD_SEARCH = 1 << 16 };

struct rtd_squad_answer {
    char *text;   /* owned */
    size_t start; /* in the context; SIZE_MAX: not found there */
};
struct rtd_squad_question {
    char *id, *question;             /* owned */
    const char *context;             /* borrowed from contexts */
    struct rtd_squad_answer *answer; /* [answers], owned; none: cannot be answered */
    size_t answers;
    size_t number; /* of the question in its file, from 0; no gaps but for bad records */
};
struct rtd_squad {
    struct rtd_squad_question *q; /* [n] */
    size_t n;
    size_t total;   /* with those that were left out, see bad_rows.h */
    char **context; /* [contexts], owned */
    size_t contexts;
    bool v2;         /* some question is marked as impossible, or has no answer */
    size_t moved;    /* answers that were not at answer_start, but elsewhere in the context */
    size_t missing;  /* answers that were not found in it */
    size_t answers;  /* of all questions */
    size_t blank;    /* of them, without text, as where a test set hides them */
    size_t repeated; /* questions whose id an earlier one has */
    const char *repeated_id; /* of the first of them */
};
/* answers: they are wanted (else a test set without any will do).  RTD_EDATA: not of that form; the
 * message names the place, as jq would find it. */
int rtd_squad_load(struct rtd_squad *s, const char *path, bool answers, struct rtd_bad_rows *bad,
                   struct rtd_err *err);
void rtd_squad_free(struct rtd_squad *s);

#endif
