/* rtdtools - MIT licence
 *
 * Learning a WordPiece vocabulary: count the words of a text, then merge the most frequent pair of
 * neighbouring pieces until there are enough pieces (byte-pair encoding over words whose pieces
 * but the first begin with "##"), as Hugging Face's WordPieceTrainer does.
 *
 * Ties are broken so that the same words give the same vocabulary: of equally frequent pairs the
 * one whose left piece was made first, then whose right piece was; characters at the edge of the
 * alphabet's limit by code point.
 *
 * With a vocabulary to go on from, the words begin as it spells them, and what is merged is added
 * to it: no old piece gets another id.  The text's characters are then as good as the vocabulary's.
 *
 *     rtd_learner_new, rtd_learner_add for every line, rtd_learner_finish, rtd_learner_free */
#ifndef RTD_TEXT_LEARN_H
#define RTD_TEXT_LEARN_H

#include "base/mem.h"
#include "text/tokenizer.h"

struct rtd_learn_options {
    struct rtd_tok_settings set;      /* how words are made; those over max_word are not counted */
    const struct rtd_tokenizer *from; /* go on from its pieces; NULL: from characters; borrowed */
    bool take_unused;                 /* its [unusedN] are given up first */
    uint32_t size;           /* pieces, the five special ones among them; with `from` new ones */
    uint32_t limit_alphabet; /* characters, the most frequent ones; others make no pieces */
    uint64_t min_frequency;  /* a pair seen less often is not merged */
    size_t max_memory;       /* bytes; rare words are forgotten to stay below, roughly */
};
void rtd_learn_default(struct rtd_learn_options *o, bool cased);

struct rtd_learn_report {
    uint64_t words, different;  /* counted; of these different ones */
    uint64_t long_words;        /* of more than max_word characters: not counted */
    uint64_t forgotten;         /* words seen this often or less may be missing; 0: all are there */
    uint32_t alphabet, dropped; /* characters kept, and left out by the limit */
    uint64_t unspelt;           /* words with one that was left out: they will be [UNK]; with
                                   `from` those that it cannot spell */
    uint32_t pieces;            /* lines of the vocabulary; with `from` the new ones */
    uint64_t before, after;     /* with `from`: pieces that the text has, and has now */
    uint64_t bytes, broken;     /* of the text; of these those that were not UTF-8: dropped */
};

struct rtd_learner;
int rtd_learner_new(struct rtd_learner **l, const struct rtd_learn_options *o, struct rtd_err *err);
int rtd_learner_add(struct rtd_learner *l, const char *text, size_t len, struct rtd_err *err);
uint64_t rtd_learner_words(const struct rtd_learner *l); /* counted so far */
/* Append the vocabulary, a piece a line, to out: special pieces, characters, "##" characters, both
 * by code point (or the vocabulary gone on from), then merged pieces in the order they were found.
 * RTD_EDATA where the alphabet alone is larger than size.  Ends the learner's life but for report
 * and free. */
int rtd_learner_finish(struct rtd_learner *l, struct rtd_buf *out, struct rtd_learn_report *report,
                       struct rtd_err *err);
void rtd_learner_free(struct rtd_learner *l); /* NULL is fine */

#endif
