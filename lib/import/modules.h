/* rtdtools - MIT licence
 *
 * The files of sentence-transformers on their way in. */
#ifndef RTD_IMPORT_MODULES_H
#define RTD_IMPORT_MODULES_H

#include <stddef.h>

#include "base/err.h"

/* Copy what says how a text becomes a vector from one directory to another: modules.json, what it
 * names, prompts, the longest text; weights in safetensors, the transformer's files at the top.
 * What is not computed here is copied and said, so that embed refuses it as it refuses the source;
 * what is broken is RTD_EDATA.  hidden: width of the encoder. */
int rtd_import_modules(const char *source, const char *to, size_t hidden, struct rtd_err *err);

#endif
