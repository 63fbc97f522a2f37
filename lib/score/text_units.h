/* rtdtools - MIT licence
 *
 * Lists of words, and small helpers on Unicode text, for metrics that compare texts. */
#ifndef RTD_SCORE_TEXT_UNITS_H
#define RTD_SCORE_TEXT_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* The code point at s, and how many bytes it has; invalid bytes stand for themselves. */
int32_t rtd_code_point(const char *s, size_t *len);
bool rtd_is_space(int32_t c);     /* as Python's str.isspace */
bool rtd_is_word_char(int32_t c); /* as Python's \w, but for '_' */
/* Append s in lower case as Python's str.lower has it (a capital I with a dot becomes two
 * characters, a sigma at the end of a word the final one), and a NUL that does not count. */
int rtd_lower_case(struct rtd_buf *b, const char *s, struct rtd_err *err);

/* The parts of a text between white space. */
struct rtd_word_list {
    char *text;  /* owned */
    char **word; /* [n] into text; owned list */
    size_t n;
};
/* Takes a copy of text. */
int rtd_word_list_split(struct rtd_word_list *w, const char *text, struct rtd_err *err);
void rtd_word_list_free(struct rtd_word_list *w);

#endif
