/* rtdtools - MIT licence
 *
 * The files of a model directory that say how its texts become pieces: vocab.txt, tokenizer.json,
 * tokenizer_config.json, special_tokens_map.json, and of others' added_tokens.json and
 * sentence_bert_config.json.
 *
 * tokenizer.json decides pieces, added pieces and rules wherever it stands; what
 * tokenizer_config.json states of case, accents and ideographs wins over it where its class is
 * Bert's or Electra's; vocab.txt is read where there is no tokenizer.json.  A directory that we
 * sealed under such a class has the same in vocab.txt, which is read sooner.  A rule that is not
 * ours to follow is refused by name (RTD_EDATA): nothing that would change an id is passed over. */
#ifndef RTD_TEXT_TOKENIZER_FILES_H
#define RTD_TEXT_TOKENIZER_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "text/tokenizer.h"

struct rtd_tok_files {
    char *vocab; /* text of a vocab.txt; owned; NULL: there is no vocabulary */
    size_t len;
    char *name; /* the file that it comes from; owned */
    struct rtd_tok_settings settings;
    struct rtd_added
        *added; /* [nadded], their texts owned; id -1: the vocabulary's, or a new one */
    size_t nadded;
    int32_t cls, sep; /* what they have to be; -1: anything */
    int max_length;   /* tokens of a sequence; 0: nothing is said */
};

/* vocab: a vocab.txt in place of the directory's own and of its tokenizer.json; may be NULL.
 * sealed: the files are as we wrote them.  After a failure f is empty. */
int rtd_tok_files_read(struct rtd_tok_files *f, const char *dir, const char *vocab, bool sealed,
                       struct rtd_err *err);
void rtd_tok_files_free(struct rtd_tok_files *f);

/* The tokenizer that they make, for a table of vocab_size rows; NULL without a vocabulary.
 * RTD_EDATA: more pieces than rows; an added piece without a row. */
int rtd_tok_files_open(struct rtd_tokenizer **t, const struct rtd_tok_files *f, int vocab_size,
                       struct rtd_err *err);

/* Write vocab.txt, tokenizer.json, tokenizer_config.json and special_tokens_map.json into an
 * existing directory.  model_type: bert or electra. */
int rtd_tok_files_write(const char *dir, const struct rtd_tokenizer *t, const char *model_type,
                        int max_length, struct rtd_err *err);

#endif
