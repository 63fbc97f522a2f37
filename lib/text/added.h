/* rtdtools - MIT licence
 *
 * Pieces that are looked for in a text itself, before it is split into words: [SEP] and its like,
 * and tokens that were added to a vocabulary (Hugging Face's AddedToken, whose rules these are). */
#ifndef RTD_TEXT_ADDED_H
#define RTD_TEXT_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "text/trie.h"

struct rtd_added {
    const char *text; /* not empty */
    int32_t id;
    bool special;                 /* read only where special pieces are */
    bool normalised;              /* looked for in the normalised text, normalised itself */
    bool single_word;             /* not with a letter beside it */
    bool strip_left, strip_right; /* takes the blanks on that side with it */
};

/* What a text is searched for: from left to right, of several the longest. */
struct rtd_added_set {
    const struct rtd_added *list; /* borrowed */
    struct rtd_trie trie;         /* what is looked for -> place in list */
    bool first[256];              /* does one begin with this byte? */
    size_t n;                     /* none: nothing is found */
    bool others;                  /* some are not special */
};
/* look[i] is what stands for list[i] in the text; "" and what is there already: never found. */
int rtd_added_set_init(struct rtd_added_set *s, const struct rtd_added *list, char *const *look,
                       size_t n, struct rtd_err *err);
void rtd_added_set_fini(struct rtd_added_set *s);

/* Which special ones are read. */
struct rtd_added_read {
    bool special; /* all, or ... */
    int32_t only; /* ... this one alone; -1: none */
};

struct rtd_added_at {
    size_t begin, end; /* bytes of the text, with the blanks that go with it */
    const struct rtd_added *piece;
};
/* Search text[at->end .. len-1], what is before being done with; false: there is no more. */
bool rtd_added_next(const struct rtd_added_set *s, const struct rtd_added_read *read,
                    const char *text, size_t len, struct rtd_added_at *at);

#endif
