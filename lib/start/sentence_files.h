/* rtdtools - MIT licence
 *
 * The files of sentence-transformers beside a model, held in memory, so that they go with it where
 * it is written again. */
#ifndef RTD_START_SENTENCE_FILES_H
#define RTD_START_SENTENCE_FILES_H

#include <stddef.h>

#include "base/err.h"
#include "model/embedding.h"

struct rtd_sentence_files {
    struct rtd_modules modules; /* what modules.json lists */
    struct rtd_sentence_file {
        char *folder;     /* "1_Pooling"; "": at the top; owned */
        const char *name; /* "config.json" */
        char *data;       /* [len], owned */
        size_t len;
    } * file; /* [n] */
    size_t n; /* 0: there are none */
};

/* Those that DIR holds: modules.json, the files of its modules, prompts, the longest text; they are
 * taken as they are, embedding.h reads them.  After a failure f is empty. */
int rtd_sentence_files_read(struct rtd_sentence_files *f, const char *dir, struct rtd_err *err);
/* Into an existing directory, in which the transformer's own files lie at the top. */
int rtd_sentence_files_write(const struct rtd_sentence_files *f, const char *dir,
                             struct rtd_err *err);
void rtd_sentence_files_free(struct rtd_sentence_files *f);

#endif
