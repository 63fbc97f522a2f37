/* rtdtools - MIT licence
 *
 * From sources to texts: greedy decoding, beam search, sampling; several texts at once, so that a
 * weight that is read serves all of them. */
#ifndef RTD_PREDICT_DECODING_H
#define RTD_PREDICT_DECODING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/incremental.h"
#include "model/network.h"
#include "predict/next_piece.h"
#include "text/tokenizer.h"

enum { RTD_DECODER_ROWS = 64 }; /* tokens of a step: beams of all texts that are written together */

/* Memory for one thread.  Zero-initialise; release with rtd_decoder_free. */
struct rtd_decoder {
    struct rtd_cache cache[RTD_DECODER_ROWS]; /* of each text that is being written */
    struct rtd_arena work;
    float *hidden, *logits; /* (rows, h), (rows, vocab) */
    size_t room;            /* rows that they have room for */
};
void rtd_decoder_free(struct rtd_decoder *d);
/* Room for so many rows of hidden (h wide) and logits (vocab wide). */
int rtd_decoder_reserve(struct rtd_decoder *d, size_t rows, size_t h, size_t vocab,
                        struct rtd_err *err);
/* d->logits of the first rows of d->hidden; none for rows of the table that are no piece. */
int rtd_decoder_logits(struct rtd_decoder *d, const struct rtd_network *net,
                       const struct rtd_lm_head *lm, const struct rtd_tokenizer *tok, size_t rows,
                       struct rtd_err *err);

struct rtd_decoded {
    int32_t *ids; /* [n] of whole words, without [SEP]; owned */
    size_t n;
    double score; /* see length_penalty; sampling: the summed log-probability */
};

struct rtd_source {
    const int32_t *ids; /* [n]: [CLS] ... [SEP]; borrowed */
    const uint8_t *types;
    size_t n;
    uint64_t index; /* key of sampling */
    struct rtd_decoded *out;
};
/* What one or more threads write texts for: each takes the next one when it has room. */
struct rtd_sources {
    const struct rtd_source *source; /* [n] */
    size_t n;
    size_t threads;      /* that share it, at least 1 */
    atomic_size_t taken; /* 0 at the beginning */
};

/* Texts for sources that no other thread takes, until none is left; head: number of the
 * language-model head.  A text does not depend on those that are written beside it.  Never in a
 * text: [PAD], [CLS], [MASK], [UNK]; a text begins with a whole word, and a word that the limit
 * cuts is left out.  Of several hypotheses the search stops when as many as there are beams are
 * finished. */
int rtd_decode_texts(struct rtd_decoder *d, struct rtd_sources *list, const struct rtd_network *net,
                     int head, const struct rtd_tokenizer *tok, const struct rtd_decoding *o,
                     struct rtd_err *err);

#endif
