/* rtdtools - MIT licence
 *
 * Masked words of a text, filled in by a masked language model. */
#ifndef RTD_PREDICT_INFILL_H
#define RTD_PREDICT_INFILL_H

#include "predict/decoding.h"

/* A piece for each of the m tokens at[] of a sequence, by a masked language model: the most
 * probable, or a draw. */
int rtd_fill_masks(struct rtd_decoder *d, int32_t *filled, const struct rtd_network *net, int head,
                   const struct rtd_tokenizer *tok, const int32_t *ids, const uint8_t *types,
                   size_t n, const uint32_t *at, size_t m, uint64_t index,
                   const struct rtd_decoding *o, struct rtd_err *err);

#endif
