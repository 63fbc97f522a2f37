/* rtdtools - MIT licence
 *
 * Do a vocabulary and the settings it is used with belong together?  Where text is lower-cased and
 * its accents are stripped, no word is ever spelt with a piece that has a capital or an accent. */
#ifndef RTD_TEXT_REACH_H
#define RTD_TEXT_REACH_H

#include "text/tokenizer.h"

struct rtd_reach {
    uint32_t pieces;   /* all, but those in brackets */
    uint32_t lost;     /* of these, changed by normalising: they are never used */
    uint32_t capitals; /* have a capital letter */
    const char *first; /* of the lost; borrowed from the tokenizer; NULL: there is none */
};
/* Warns where over a hundredth is lost.  name: the vocabulary's. */
int rtd_reach(const struct rtd_tokenizer *t, const char *name, struct rtd_reach *r,
              struct rtd_err *err);

#endif
