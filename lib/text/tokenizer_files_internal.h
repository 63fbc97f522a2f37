/* rtdtools - MIT licence
 *
 * What the readers of a tokeniser's files share. */
#ifndef RTD_TEXT_TOKENIZER_FILES_INTERNAL_H
#define RTD_TEXT_TOKENIZER_FILES_INTERNAL_H

#include "base/json.h"
#include "text/tokenizer_files.h"

/* Case and accents as the files state them: BertNormalizer's own, with what comes before it. */
struct rtd_tok_case {
    bool lower;       /* BertNormalizer's lowercase */
    bool lower_first; /* text is lower-cased before it */
    int strip;        /* its strip_accents; -1: as lower */
};

/* tokenizer.json: pieces, added pieces, rules. */
int rtd_tok_json_read(struct rtd_tok_files *f, struct rtd_tok_case *c, const char *path,
                      struct rtd_err *err);

/* Take an added piece, in the place of one of the same text. */
int rtd_tok_files_add(struct rtd_tok_files *f, const struct rtd_added *a, struct rtd_err *err);
/* Its flags; `text`: "content" where it is NULL. */
int rtd_tok_added_read(struct rtd_added *a, const struct rtd_json *o, const char *name,
                       struct rtd_err *err);

/* A member that is true or false; absent or null: *out stays. */
int rtd_tok_flag(const struct rtd_json *o, const char *key, bool *out, const char *name,
                 struct rtd_err *err);
/* A member that is text; else NULL. */
const char *rtd_tok_text(const struct rtd_json *o, const char *key);

#endif
