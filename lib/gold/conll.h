/* rtdtools - MIT licence
 *
 * CoNLL files: a token a line, its tag in the last column, columns apart by tabs (or, where a line
 * has none, blanks), an empty line after each sentence.  -DOCSTART- lines are left out.  A line
 * "# key = value" before a sentence belongs to it. */
#ifndef RTD_GOLD_CONLL_H
#define RTD_GOLD_CONLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

struct rtd_sentence {
    size_t n;
    char **word;           /* [n], owned */
    char **tag;            /* [n], owned; all NULL where tags are not wanted */
    char *intent;          /* of a line "# intent = X", owned, or NULL */
    struct rtd_buf before; /* lines passed over since the sentence before: empty, -DOCSTART- */
    uint64_t line;         /* number of the first token's line */
    size_t cap;            /* private */
};
void rtd_sentence_free(struct rtd_sentence *s);

struct rtd_conll {
    struct rtd_lines lines;
    const char *name;
    bool tags;  /* wanted: a line needs two columns, and a tag is O or PREFIX-TYPE */
    int column; /* of the tag: 1 is the second; 0: the last */
};
int rtd_conll_open(struct rtd_conll *c, const char *path, bool tags, struct rtd_err *err);
/* Replace s by the next sentence; s->n = 0 at the end.  RTD_EDATA with the line's number; reading
 * may go on behind the damaged sentence. */
int rtd_conll_next(struct rtd_conll *c, struct rtd_sentence *s, struct rtd_err *err);
void rtd_conll_close(struct rtd_conll *c);

/* All sentences of a file. */
struct rtd_sentences {
    struct rtd_sentence *s; /* [n], owned */
    size_t n;
};
int rtd_sentences_load(struct rtd_sentences *all, const char *path, bool tags, struct rtd_err *err);
void rtd_sentences_free(struct rtd_sentences *all);

#endif
