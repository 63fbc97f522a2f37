/* rtdtools - MIT licence
 *
 * UTF-8. */
#include "base/utf8.h"

int rtd_utf8_broken(const unsigned char *p, size_t n)
{
    unsigned char lead = p[0], lo = 0x80, hi = 0xbf;
    int more;
    if (lead >= 0xc2 && lead <= 0xdf) {
        more = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        more = 2;
        lo = lead == 0xe0 ? 0xa0 : 0x80; /* no longer form than needed */
        hi = lead == 0xed ? 0x9f : 0xbf; /* no surrogates */
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        more = 3;
        lo = lead == 0xf0 ? 0x90 : 0x80;
        hi = lead == 0xf4 ? 0x8f : 0xbf; /* not above U+10FFFF */
    } else {
        return -1;
    }
    for (int i = 1; i <= more; i++) {
        if ((size_t)i >= n)
            return 0;
        if (p[i] < lo || p[i] > hi)
            return -i;
        lo = 0x80;
        hi = 0xbf;
    }
    return more + 1;
}

bool rtd_utf8_valid(const char *s, size_t n)
{
    uint32_t c;
    for (size_t i = 0; i < n;) {
        int k = rtd_utf8_step((const unsigned char *)s + i, n - i, &c);
        if (k <= 0)
            return false;
        i += (size_t)k;
    }
    return true;
}

/* The length of the blank at s, 0 if there is none. */
static size_t blank_at(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    if (len == 0)
        return 0;
    if (p[0] == ' ' || p[0] == '\t')
        return 1;
    if (len >= 2 && p[0] == 0xc2 && p[1] == 0xa0)
        return 2;
    if (len < 3)
        return 0;
    bool blank = (p[0] == 0xe1 && p[1] == 0x9a && p[2] == 0x80) ||                   /* U+1680 */
                 (p[0] == 0xe2 && p[1] == 0x80 && (p[2] <= 0x8a || p[2] == 0xaf)) || /* 2000-200A */
                 (p[0] == 0xe2 && p[1] == 0x81 && p[2] == 0x9f) ||                   /* U+205F */
                 (p[0] == 0xe3 && p[1] == 0x80 && p[2] == 0x80);                     /* U+3000 */
    return blank ? 3 : 0;
}

size_t rtd_leading_blanks(const char *s, size_t len)
{
    size_t i = 0, k;
    while ((k = blank_at(s + i, len - i)))
        i += k;
    return i;
}

size_t rtd_trim_end(const char *s, size_t len)
{
    for (;;) {
        size_t k = 0;
        for (size_t n = 1; n <= 3 && n <= len && !k; n++)
            k = blank_at(s + len - n, n) == n ? n : 0;
        if (!k)
            return len;
        len -= k;
    }
}

bool rtd_is_blank(const char *s, size_t len)
{
    for (size_t i = 0, k; i < len; i += k) {
        k = s[i] == '\r' || s[i] == '\v' || s[i] == '\f' ? 1 : blank_at(s + i, len - i);
        if (!k)
            return false;
    }
    return true;
}
