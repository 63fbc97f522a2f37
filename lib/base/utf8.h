/* rtdtools - MIT licence
 *
 * UTF-8, decoded in one place. */
#ifndef RTD_BASE_UTF8_H
#define RTD_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* One character at p (n >= 1 bytes): its length and *c; 0: it goes on beyond n; negative: minus the
 * number of bytes to be replaced by one U+FFFD (the maximal part of a character, as in WHATWG's and
 * Python's decoders). */
int rtd_utf8_step(const unsigned char *p, size_t n, uint32_t *c);

#endif
