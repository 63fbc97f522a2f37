/* rtdtools - MIT licence
 *
 * UTF-8, decoded in one place, and its blanks. */
#ifndef RTD_BASE_UTF8_H
#define RTD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One character at p (n >= 1 bytes): its length and *c; 0: it goes on beyond n; negative: minus the
 * number of bytes to be replaced by one U+FFFD (the maximal part of a character, as in WHATWG's and
 * Python's decoders). */
int rtd_utf8_step(const unsigned char *p, size_t n, uint32_t *c);

/* Blanks of any script (also tab and no-break space, not line ends) off both ends of valid UTF-8;
 * both return bytes: what remains of a line whose end is trimmed; what leads it. */
size_t rtd_trim_end(const char *s, size_t len);
size_t rtd_leading_blanks(const char *s, size_t len);
/* Nothing but such blanks, or \r, \v, \f: a line that parts documents. */
bool rtd_is_blank(const char *s, size_t len);

#endif
