/* rtdtools - MIT licence
 *
 * UTF-8, decoded and encoded in one place, and its blanks. */
#ifndef RTD_BASE_UTF8_H
#define RTD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What rtd_utf8_step says of n bytes that do not begin with a whole character. */
int rtd_utf8_broken(const unsigned char *p, size_t n);

/* One character at p (n >= 1 bytes): its length and *c; 0: it goes on beyond n; negative: minus the
 * number of bytes to be replaced by one U+FFFD (the maximal part of a character, as in WHATWG's and
 * Python's decoders).  Overlong forms, surrogates and values over U+10FFFF are broken. */
static inline int rtd_utf8_step(const unsigned char *p, size_t n, uint32_t *c)
{
    uint32_t x = p[0];
    if (x < 0x80) {
        *c = x;
        return 1;
    }
    if (n >= 2 && x < 0xe0 && x >= 0xc2 && (p[1] & 0xc0) == 0x80) {
        *c = (x & 31) << 6 | (p[1] & 63u);
        return 2;
    }
    if (n >= 3 && x < 0xf0 && x >= 0xe0 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80) {
        x = (x & 15) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u);
        *c = x;
        if (x >= 0x800 && (x < 0xd800 || x > 0xdfff))
            return 3;
    } else if (n >= 4 && x < 0xf5 && x >= 0xf0 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80 &&
               (p[3] & 0xc0) == 0x80) {
        x = (x & 7) << 18 | (p[1] & 63u) << 12 | (p[2] & 63u) << 6 | (p[3] & 63u);
        *c = x;
        if (x >= 0x10000 && x <= 0x10ffff)
            return 4;
    }
    *c = p[0];
    return rtd_utf8_broken(p, n);
}

/* Are all n bytes UTF-8? */
bool rtd_utf8_valid(const char *s, size_t n);

/* Encode a code point into p (room for 4 bytes); its length. */
static inline unsigned rtd_utf8_encode(char *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        p[0] = (char)(0xc0 | c >> 6);
        p[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        p[0] = (char)(0xe0 | c >> 12);
        p[1] = (char)(0x80 | (c >> 6 & 63));
        p[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    p[0] = (char)(0xf0 | c >> 18);
    p[1] = (char)(0x80 | (c >> 12 & 63));
    p[2] = (char)(0x80 | (c >> 6 & 63));
    p[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* Blanks of any script (also tab and no-break space, not line ends) off both ends of valid UTF-8;
 * both return bytes: what remains of a line whose end is trimmed; what leads it. */
size_t rtd_trim_end(const char *s, size_t len);
size_t rtd_leading_blanks(const char *s, size_t len);
/* Nothing but such blanks, or \r, \v, \f: a line that parts documents. */
bool rtd_is_blank(const char *s, size_t len);

#endif
