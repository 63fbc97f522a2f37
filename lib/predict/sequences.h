/* rtdtools - MIT licence
 *
 * Texts and pairs of texts as token sequences: [CLS] a [SEP], or [CLS] a [SEP] b [SEP], laid end to
 * end.  What is too long is cut, at its end or where the tokenizer says so at its beginning: a text
 * to what there is room for; of a pair the longer, and where both are over half of the room both,
 * the shorter one (of equals the first) to its half rounded down. */
#ifndef RTD_PREDICT_SEQUENCES_H
#define RTD_PREDICT_SEQUENCES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "text/tokenizer.h"

struct rtd_sequences {
    size_t n;        /* sequences */
    uint32_t *start; /* [n + 1] first token of each; start[n] = all tokens */
    int32_t *ids;    /* [tokens] */
    uint8_t *types;  /* [tokens] 0, and 1 for b and its [SEP] */
    uint32_t *begin; /* [tokens] bytes of the text that a piece stands for; 0, 0 for [CLS], [SEP] */
    uint32_t *end;
    size_t cut;                  /* sequences that were cut */
    size_t *cut_yet;             /* [n] of them, those up to and with each */
    size_t spread;               /* texts that became several sequences, as windows */
    size_t longest;              /* tokens */
    struct rtd_read_counts read; /* what became of the texts */
    /* private */
    size_t seq_cap, token_cap;
    const struct rtd_tokenizer *tok; /* borrowed */
    size_t length;
    int types_known;
    struct rtd_encoding enc[2];
};

/* length: the most tokens of a sequence, at least 3; type_vocab_size: of the model (1: no types).
 */
int rtd_sequences_init(struct rtd_sequences *s, const struct rtd_tokenizer *tok, size_t length,
                       int type_vocab_size, struct rtd_err *err);
/* Append a, or the pair a, b (b NULL: single). */
int rtd_sequences_add(struct rtd_sequences *s, const char *a, const char *b, struct rtd_err *err);
/* Append [CLS] a [SEP], or with b != NULL [CLS] a [SEP] b [SEP], of pieces that fit; begin and end
 * of them are 0. */
int rtd_sequences_add_ids(struct rtd_sequences *s, const int32_t *a, size_t na, const int32_t *b,
                          size_t nb, struct rtd_err *err);
/* Count the texts that e has encoded, and let it count anew. */
void rtd_sequences_count(struct rtd_sequences *s, struct rtd_encoding *e);
void rtd_sequences_clear(struct rtd_sequences *s); /* keeps the memory; cut, longest, read too */
void rtd_sequences_free(struct rtd_sequences *s);

#endif
