/* rtdtools - MIT licence
 *
 * CoNLL files: a token a line, its tag in the last column, columns apart by tabs (or, where a line
 * has none, blanks), an empty line after each sentence.  Lines that begin with "#" and a blank or
 * tab before a sentence are comments, unless they have as many columns as its tokens; those of the
 * form "# intent = X" say the sentence's intent.  -DOCSTART- lines are left out. */
#ifndef RTD_GOLD_CONLL_H
#define RTD_GOLD_CONLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gold/bad_rows.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

struct rtd_sentence {
    size_t n;
    char **word;           /* [n], owned */
    char **tag;            /* [n], owned; all NULL where tags are not wanted */
    char *intent;          /* of a line "# intent = X", owned, or NULL */
    struct rtd_buf before; /* lines passed over since the sentence before: empty ones, -DOCSTART-,
                              comments */
    uint64_t line;         /* number of the first token's line */
    size_t number;         /* of the sentence in its file, from 0 */
    size_t cap;            /* private */
};
void rtd_sentence_free(struct rtd_sentence *s);

/* Columns count from 1; 0: the first, the last. */
struct rtd_conll_columns {
    int word, tag;
};
/* As --text and --label name them, by number; NULL: not.  RTD_EUSAGE: it is none. */
int rtd_conll_columns(struct rtd_conll_columns *c, const char *word, const char *tag,
                      struct rtd_err *err);

struct rtd_conll {
    const char *name;
    bool tags;                       /* wanted: a line needs two columns */
    struct rtd_conll_columns wanted; /* to be set after opening */
    size_t read;                     /* sentences so far, damaged ones included */
    uint64_t doubtful; /* line of the first token that might be a comment, in a file that has
                          comments; 0: none */
    bool damaged;      /* the last call failed for a sentence; reading may go on behind it */
    size_t words;      /* private, like the rest */
    bool other_words;  /* some do not count 1, 2, 3 in their sentence */
    struct rtd_lines lines;
    bool comments;          /* there were some */
    struct rtd_buf pending; /* lines that may be comments, each with its NUL */
    uint64_t pending_line;  /* number of the first of them */
    int columns;            /* of a token's line, as far as is known */
};
int rtd_conll_open(struct rtd_conll *c, const char *path, bool tags, struct rtd_err *err);
/* Replace s by the next sentence; s->n = 0 at the end.  RTD_EDATA with the line's number. */
int rtd_conll_next(struct rtd_conll *c, struct rtd_sentence *s, struct rtd_err *err);
/* When all was read: RTD_EDATA where the words' column is not stated, and the first one counts 1,
 * 2, 3 in every sentence, as in CoNLL-U. */
int rtd_conll_check_words(const struct rtd_conll *c, struct rtd_err *err);
void rtd_conll_close(struct rtd_conll *c);

/* All sentences of a file. */
struct rtd_sentences {
    struct rtd_sentence *s; /* [n], owned */
    size_t n;
    size_t total; /* with those that were left out, see bad_rows.h */
    int columns;  /* of the last token's line */
};
/* Those that are left in an open file, whose words are checked; */
int rtd_sentences_read(struct rtd_sentences *all, struct rtd_conll *c, struct rtd_bad_rows *bad,
                       struct rtd_err *err);
/* and those of a file by name, with their tags. */
int rtd_sentences_load(struct rtd_sentences *all, const char *path,
                       const struct rtd_conll_columns *columns, struct rtd_bad_rows *bad,
                       struct rtd_err *err);
void rtd_sentences_free(struct rtd_sentences *all);
/* The tags of all sentences, borrowed: a list of *n; NULL: no memory. */
char **rtd_sentences_tags(const struct rtd_sentences *all, size_t *n);

#endif
