/* rtdtools - MIT licence
 *
 * UTF-8. */
#include "base/utf8.h"

int rtd_utf8_step(const unsigned char *p, size_t n, uint32_t *c)
{
    unsigned char lead = p[0], lo = 0x80, hi = 0xbf;
    int more;
    *c = lead;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf) {
        more = 1;
        *c = lead & 0x1f;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        more = 2;
        *c = lead & 0x0f;
        lo = lead == 0xe0 ? 0xa0 : 0x80; /* no longer form than needed */
        hi = lead == 0xed ? 0x9f : 0xbf; /* no surrogates */
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        more = 3;
        *c = lead & 0x07;
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
        *c = *c << 6 | (p[i] & 0x3f);
        lo = 0x80;
        hi = 0xbf;
    }
    return more + 1;
}
