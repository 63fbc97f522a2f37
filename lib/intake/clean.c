/* rtdtools - MIT licence
 *
 * Cleaning of characters. */
#include "intake/clean.h"

#include <string.h>

#include "base/utf8.h"

static bool plain(unsigned char c)
{
    return (c >= 0x20 && c < 0x7f) || c == '\t';
}

/* One character that is not plain; n bytes of it at p.  Returns the new end of the output. */
static unsigned char *put(struct rtd_clean *c, uint32_t ch, const unsigned char *p, int n,
                          unsigned char *o)
{
    bool first = !c->started, after_cr = c->after_cr;
    c->started = true;
    c->after_cr = false;
    if (ch == 0xfeff && (first || !c->repair_only)) {
        c->controls += !first;
        return o;
    }
    if (!c->repair_only) {
        if (ch == '\n' && after_cr)
            return o;
        if (ch == '\n' || ch == '\r' || ch == 0x85 || ch == 0x2028 || ch == 0x2029) {
            c->after_cr = ch == '\r';
            *o++ = '\n';
            return o;
        }
        if (ch == '\v' || ch == '\f') {
            *o++ = ' ';
            return o;
        }
        if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0)) {
            c->controls++;
            return o;
        }
    }
    memcpy(o, p, (size_t)n);
    return o + n;
}

static unsigned char *replace(struct rtd_clean *c, unsigned char *o)
{
    c->bad++;
    c->started = true;
    c->after_cr = false;
    memcpy(o, "\xef\xbf\xbd", 3);
    return o + 3;
}

int rtd_clean_add(struct rtd_clean *c, const void *data, size_t len, bool last, struct rtd_buf *out,
                  struct rtd_err *err)
{
    const unsigned char *p = data, *end = p + len;
    /* at worst each byte becomes the three of U+FFFD */
    int st = rtd_buf_reserve(out, 3 * (len + sizeof c->carry), err);
    if (st)
        return st;
    unsigned char *base = out->data, *o = base + out->len;
    uint32_t ch;
    while (c->ncarry && (p < end || last)) {
        unsigned char joined[8];
        unsigned have = c->ncarry;
        memcpy(joined, c->carry, have);
        size_t extra = (size_t)(end - p) < 4 ? (size_t)(end - p) : 4;
        if (extra)
            memcpy(joined + have, p, extra);
        int k = rtd_utf8_step(joined, have + extra, &ch);
        if (k == 0 && !last) { /* still unfinished: the piece was that short */
            memcpy(c->carry, joined, have + extra);
            c->ncarry = have + (unsigned)extra;
            p = end;
            break;
        }
        int used = k > 0 ? k : k < 0 ? -k : (int)(have + extra);
        o = k > 0 ? put(c, ch, joined, k, o) : replace(c, o);
        c->ncarry = 0; /* the carried part was valid so far, so all of it is used */
        p += used - (int)have;
    }
    while (p < end) {
        const unsigned char *run = p;
        while (p < end && plain(*p))
            p++;
        if (p > run) {
            memcpy(o, run, (size_t)(p - run));
            o += p - run;
            c->started = true;
            c->after_cr = false;
            continue;
        }
        int k = rtd_utf8_step(p, (size_t)(end - p), &ch);
        if (k == 0 && !last) {
            c->ncarry = (unsigned)(end - p);
            memcpy(c->carry, p, c->ncarry);
            break;
        }
        o = k > 0 ? put(c, ch, p, k, o) : replace(c, o);
        p = k > 0 ? p + k : k < 0 ? p - k : end;
    }
    out->len = (size_t)(o - base);
    return RTD_OK;
}
