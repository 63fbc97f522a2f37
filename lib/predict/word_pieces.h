/* rtdtools - MIT licence
 *
 * Words as pieces, for what is said of whole words: a word's first piece stands for it.  Sentences
 * longer than the model are cut into windows that overlap. */
#ifndef RTD_PREDICT_WORD_PIECES_H
#define RTD_PREDICT_WORD_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "predict/sequences.h"

/* A sentence.  Zero-initialise; release with rtd_word_pieces_free. */
struct rtd_word_pieces {
    size_t n;        /* words */
    uint32_t *first; /* [n + 1] first piece of each */
    uint32_t *begin; /* [n] bytes of the line, where the words come from one */
    uint32_t *end;   /* [n] */
    uint32_t
        *token; /* [n] out, by rtd_word_pieces_add_sequences: the token that speaks for the word */
    size_t cap;
    int32_t *ids; /* [pieces] */
    size_t pieces, piece_cap;
    struct rtd_encoding enc;
};
void rtd_word_pieces_clear(struct rtd_word_pieces *w); /* keeps the memory */
void rtd_word_pieces_free(struct rtd_word_pieces *w);
/* Append a word as it stands; one without pieces counts as [UNK]. */
int rtd_word_pieces_add(struct rtd_word_pieces *w, const struct rtd_tokenizer *tok,
                        const char *word, struct rtd_err *err);
/* The words of a line of text, as BERT splits it. */
int rtd_word_pieces_line(struct rtd_word_pieces *w, const struct rtd_tokenizer *tok,
                         const char *line, struct rtd_err *err);
/* Append the sentence to s, whole or as windows ([CLS] pieces [SEP], segment 0) that share a
 * quarter of their pieces; a word in two of them is spoken for where it has more of its context.
 * A text of several counts in s->spread, a single word that is too long in s->cut. */
int rtd_word_pieces_add_sequences(struct rtd_word_pieces *w, struct rtd_sequences *s,
                                  struct rtd_err *err);

#endif
