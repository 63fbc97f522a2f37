/* rtdtools - MIT licence
 *
 * BERT tokenisation: clean, normalise, split, greedy longest-match WordPiece.  Exact to Hugging
 * Face's tokenizers (golden files), words over max_word characters are [UNK]. */
#ifndef RTD_TEXT_TOKENIZER_H
#define RTD_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "text/added.h"

/* Where words end. */
enum rtd_split {
    RTD_SPLIT_BERT,   /* at blanks, and on both sides of each punctuation mark */
    RTD_SPLIT_RUNS,   /* at blanks, and between letters and runs of other characters */
    RTD_SPLIT_BLANKS, /* at blanks alone */
    RTD_SPLIT_NEVER,  /* nowhere: a text is one word */
};

struct rtd_tok_settings {
    bool lower_case;     /* default true */
    bool strip_accents;  /* default: as lower_case */
    bool chinese;        /* blanks around CJK ideographs; default true */
    bool special_tokens; /* recognise "[SEP]" etc. written in the text; default false */
    uint32_t max_word;   /* default 100 */
    /* What the tokenizers of others may have, and a stream cannot say: */
    bool keep_controls;   /* text is not cleaned; default false */
    bool cut_left;        /* a text that is too long loses its beginning; default false */
    bool one_segment;     /* both texts of a pair have type 0; default false */
    enum rtd_split split; /* default RTD_SPLIT_BERT */
    char prefix[16];      /* of a piece that continues a word; default "##" */
};
void rtd_tok_settings_default(struct rtd_tok_settings *s, bool cased);

struct rtd_tokenizer; /* immutable after new: may be shared by threads */

/* vocab: the text of a vocab.txt, one piece a line, id = line number from 0 (man/vocab.5).  `name`
 * is for messages.  RTD_EDATA where it is not one: a special piece missing, not UTF-8.  load also
 * reads a file compressed with zstd. */
int rtd_tokenizer_new(struct rtd_tokenizer **t, const char *vocab, size_t len, const char *name,
                      const struct rtd_tok_settings *s, struct rtd_err *err);
int rtd_tokenizer_load(struct rtd_tokenizer **t, const char *path, const struct rtd_tok_settings *s,
                       struct rtd_err *err);
/* Look for these in the text, too (the five special pieces always are); one of the same text as one
 * that is there takes its place; one that is a piece of the vocabulary has its id.  Copied.  Before
 * the tokenizer is shared. */
int rtd_tokenizer_add(struct rtd_tokenizer *t, const struct rtd_added *list, size_t n,
                      struct rtd_err *err);
const struct rtd_added *rtd_tokenizer_added(const struct rtd_tokenizer *t, size_t *n);
void rtd_tokenizer_free(struct rtd_tokenizer *t);

struct rtd_special_ids {
    int32_t pad, unk, cls, sep, mask; /* all present, or rtd_tokenizer_new fails */
};
const struct rtd_special_ids *rtd_tokenizer_special(const struct rtd_tokenizer *t);
uint32_t rtd_tokenizer_size(const struct rtd_tokenizer *t); /* ids, those of added pieces too */
const struct rtd_tok_settings *rtd_tokenizer_settings(const struct rtd_tokenizer *t);
/* Piece of an id, NUL-terminated, borrowed; [UNK] for one between others that has none, NULL for
 * one behind them. */
const char *rtd_tokenizer_piece(const struct rtd_tokenizer *t, int32_t id);
/* The letters of a piece that continues a word; NULL: it begins one. */
const char *rtd_tokenizer_inside(const struct rtd_tokenizer *t, const char *piece);
int32_t rtd_tokenizer_id(const struct rtd_tokenizer *t, const char *piece); /* -1: absent */
/* The text of vocab.txt, line ends made "\n": what belongs into a stream or a model directory. */
const char *rtd_tokenizer_vocab(const struct rtd_tokenizer *t, size_t *len);

/* What became of texts as they turned into pieces. */
struct rtd_read_counts {
    uint64_t tokens, unknown; /* unknown: of them, [UNK] */
    uint64_t bytes, broken;   /* broken: of them, not UTF-8: dropped */
};
void rtd_read_counts_add(struct rtd_read_counts *c, const struct rtd_read_counts *more);
/* A line each for bytes that were dropped and tokens that are [UNK], by rtd_say_loss.  where: " of"
 * which texts; why: ": " and a reason for the latter; "": nothing is said of it. */
void rtd_read_counts_say(const struct rtd_read_counts *c, const char *where, const char *why);

/* Result and working memory of encode; one per thread.  Zero-initialise. */
enum rtd_read_special {
    RTD_READ_AS_SET, /* as the tokenizer's settings say */
    RTD_READ_NONE,   /* they are text */
    RTD_READ_MASK,   /* only [MASK] is not */
};
struct rtd_encoding {
    enum rtd_read_special special; /* what is made of special pieces in the text; may be set */
    int32_t *ids;                  /* [n] */
    uint32_t *begin;               /* [n] byte offsets into the text: the piece's source */
    uint32_t *end;                 /* [n] */
    uint32_t *word; /* [n] number of the word (after splitting) the piece belongs to */
    size_t n, cap;
    struct rtd_read_counts counts; /* of all texts so far; may be reset */
    void *scratch;                 /* private */
};
/* Replace enc's contents by the pieces of text (no [CLS], [SEP] added).  Invalid UTF-8 bytes are
 * treated as U+FFFD (dropped, as BERT does). */
int rtd_tokenizer_encode(const struct rtd_tokenizer *t, struct rtd_encoding *enc, const char *text,
                         size_t len, struct rtd_err *err);
void rtd_encoding_free(struct rtd_encoding *enc);
/* The pieces of a word as it stands, nothing normalised or split, of any length; inside: of letters
 * that stand behind others.  ids has room for len; how many there are, 0: it cannot be spelt. */
size_t rtd_tokenizer_spell(const struct rtd_tokenizer *t, const char *word, uint32_t len,
                           bool inside, int32_t *ids);

#endif
