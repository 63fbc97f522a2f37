/* rtdtools - MIT licence
 *
 * A tokenizer, as making it and encoding with it see it. */
#ifndef RTD_TEXT_TOKENIZER_INTERNAL_H
#define RTD_TEXT_TOKENIZER_INTERNAL_H

#include "text/charmap.h"
#include "text/tokenizer.h"
#include "text/vocab.h"

struct rtd_tokenizer {
    struct rtd_tok_settings set;
    struct rtd_vocab vocab;
    struct rtd_charmap *map;
    struct rtd_special_ids special;
    uint32_t inner;    /* node of "##", where the pieces inside a word start; or RTD_TRIE_NONE */
    uint64_t identity; /* of vocabulary and settings: whose words a cache holds */
    struct rtd_added *added; /* [nadded] the special ones first; their texts are owned */
    size_t nadded;
    int32_t ids; /* one more than the greatest id */
    struct rtd_added_set in_text, in_normalised;
    /* Where pieces are looked for in normalised text: to make it, and to split what is between
     * them; else NULL. */
    struct rtd_charmap *normalise, *split;
};

#endif
