/* rtdtools - MIT licence
 *
 * Clean characters from any bytes.  Wrong UTF-8 becomes U+FFFD (one for each maximal part of a
 * character, as in WHATWG's and Python's decoders); CR LF, CR, U+0085, U+2028 and U+2029 become
 * line ends; vertical tab and form feed become blanks; other control characters, NUL and U+FEFF
 * are dropped. */
#ifndef RTD_INTAKE_CLEAN_H
#define RTD_INTAKE_CLEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* Zero-initialise, and again for each text. */
struct rtd_clean {
    bool repair_only;       /* only mend UTF-8 and drop a leading U+FEFF: for JSON lines */
    bool started, after_cr; /* inside */
    unsigned char carry[4]; /* a character cut by the end of the last piece */
    unsigned ncarry;
    uint64_t bad;      /* U+FFFD put for wrong bytes */
    uint64_t controls; /* characters dropped */
};

/* Append the clean form of a piece to out; `last`: no more follows, what is unfinished is wrong. */
int rtd_clean_add(struct rtd_clean *c, const void *data, size_t len, bool last, struct rtd_buf *out,
                  struct rtd_err *err);

#endif
