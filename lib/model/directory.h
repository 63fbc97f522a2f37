/* rtdtools - MIT licence
 *
 * A model is a directory in the layout Hugging Face reads: config.json, model.safetensors,
 * and the tokeniser's files (text/tokenizer_files.h).
 *
 * Directories we write are sealed: model.safetensors holds the digests of the small files beside
 * it (and its own, see safetensors.h), verified on opening when present.  Directories saved by
 * others carry none and are checked for structure only.
 *
 * Writing:  rtd_tmpdir, rtd_model_dir_write_common, rtd_st_writer_new, rtd_st_add...,
 *           rtd_model_dir_finish, rtd_commit_dir */
#ifndef RTD_MODEL_DIRECTORY_H
#define RTD_MODEL_DIRECTORY_H

#include <stddef.h>

#include "base/err.h"
#include "model/config.h"
#include "model/safetensors.h"
#include "text/tokenizer.h"

struct rtd_model_dir {
    char *path;
    struct rtd_config config;
    struct rtd_st *weights;
    struct rtd_tokenizer *tok; /* NULL: the directory holds none */
    int max_length;            /* of a sequence, as the files say; at most the positions */
};

enum {
    RTD_DIR_TOKENIZER = 1,  /* without one: RTD_EDATA */
    RTD_DIR_PLAIN_TEXT = 2, /* special pieces in a text are text, whatever the files say */
};

/* Open and verify.  RTD_EDATA: damage, an unsupported shape, weights of another shape than
 * config.json says, a vocabulary of more pieces than its vocab_size (fewer: the table's last rows
 * are never used).  After a failure m is empty. */
int rtd_model_dir_open(struct rtd_model_dir *m, const char *dir, int flags, struct rtd_err *err);
void rtd_model_dir_close(struct rtd_model_dir *m);

/* The small files, into an existing directory.  tok NULL: config.json only. */
int rtd_model_dir_write_common(const char *dir, const struct rtd_config *c,
                               const struct rtd_tokenizer *tok, int max_length,
                               struct rtd_err *err);
/* Seal and write DIR/model.safetensors; the small files must be there. */
int rtd_model_dir_finish(const char *dir, struct rtd_st_writer *w, struct rtd_err *err);

/* Seal a directory again after its small files were changed on purpose. */
int rtd_model_dir_accept(const char *dir, struct rtd_err *err);

#endif
