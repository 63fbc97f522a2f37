/* rtdtools - MIT licence
 *
 * Checkpoints of google-research/electra: both networks in one table, kernels transposed. */
#ifndef RTD_IMPORT_GOOGLE_H
#define RTD_IMPORT_GOOGLE_H

#include "import/import.h"
#include "import/weights.h"
#include "model/config.h"
#include "text/tokenizer_files.h"

/* Write dir/discriminator and, where the checkpoint has one, dir/generator. */
int rtd_google_import(const char *prefix, const char *dir, const struct rtd_import_options *o,
                      const struct rtd_tok_files *v, struct rtd_err *err);

/* In import.c: one model directory of these parts, checked for completeness. */
int rtd_import_write(const char *dir, const struct rtd_config *c, const struct rtd_weights *all,
                     const struct rtd_tok_files *v, struct rtd_err *err);

#endif
