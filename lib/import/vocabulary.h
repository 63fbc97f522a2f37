/* rtdtools - MIT licence
 *
 * The vocabulary and the tokeniser's settings of a directory that another program saved. */
#ifndef RTD_IMPORT_VOCABULARY_H
#define RTD_IMPORT_VOCABULARY_H

#include <stddef.h>

#include "base/err.h"
#include "text/tokenizer.h"

struct rtd_vocabulary {
    char *text; /* of a vocab.txt; owned; NULL: there is none */
    size_t len;
    char *name; /* the file that it comes from; owned */
    struct rtd_tok_settings settings;
};
/* file: a vocab.txt, or NULL for DIR/vocab.txt, else DIR/tokenizer.json (a WordPiece model; others
 * are refused by name).  Settings come from tokenizer_config.json, else from tokenizer.json. */
int rtd_vocabulary_find(struct rtd_vocabulary *v, const char *dir, const char *file,
                        struct rtd_err *err);
/* RTD_EDATA: it has not so many pieces, or is none. */
int rtd_vocabulary_check(const struct rtd_vocabulary *v, int size, struct rtd_err *err);
void rtd_vocabulary_free(struct rtd_vocabulary *v);

#endif
