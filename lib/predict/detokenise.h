/* rtdtools - MIT licence
 *
 * Pieces that a model wrote, as people write. */
#ifndef RTD_PREDICT_DETOKENISE_H
#define RTD_PREDICT_DETOKENISE_H

#include <stddef.h>
#include <stdint.h>

#include "text/tokenizer.h"

/* Pieces as a text: words apart by blanks, but none before . , ! ? ; : ) ] } % and behind ( [ {,
 * none around - / ' where letters or digits stand on both sides.  The caller's to free. */
char *rtd_text_of_pieces(const struct rtd_tokenizer *tok, const int32_t *ids, size_t n);

#endif
