/* rtdtools - MIT licence
 *
 * Byte sources: the window every source has, and the source at the bottom, a file or a pipe. */
#include "intake/archive_internal.h"

#include <stdlib.h>
#include <string.h>

int rtd_bytes_init(struct rtd_bytes *b, const char *name, struct rtd_err *err)
{
    b->name = name;
    b->pos = b->len = 0;
    b->end = false;
    b->window = malloc(RTD_WINDOW);
    return b->window ? RTD_OK : rtd_fail(err, RTD_ESYS, "%s: not enough memory", name);
}

static int fill(struct rtd_bytes *b, struct rtd_err *err)
{
    size_t got = 0;
    int st = b->read(b, b->window + b->len, RTD_WINDOW - b->len, &got, err);
    b->len += got;
    b->end = !st && got == 0;
    return st;
}

int rtd_bytes_peek(struct rtd_bytes *b, size_t n, const unsigned char **p, size_t *got,
                   struct rtd_err *err)
{
    *p = NULL;
    *got = 0;
    if (b->pos && b->len - b->pos < n) { /* make room */
        memmove(b->window, b->window + b->pos, b->len - b->pos);
        b->len -= b->pos;
        b->pos = 0;
    }
    while (b->len - b->pos < n && !b->end) {
        int st = fill(b, err);
        if (st)
            return st;
    }
    size_t have = b->len - b->pos;
    *p = b->window + b->pos;
    *got = have < n ? have : n;
    return RTD_OK;
}

int rtd_bytes_take(struct rtd_bytes *b, const unsigned char **p, size_t *got, struct rtd_err *err)
{
    *p = NULL;
    *got = 0;
    if (b->pos == b->len && !b->end) {
        b->pos = b->len = 0;
        int st = fill(b, err);
        if (st)
            return st;
    }
    *p = b->window + b->pos;
    *got = b->len - b->pos;
    b->pos = b->len;
    return RTD_OK;
}

void rtd_bytes_close(struct rtd_bytes *b)
{
    if (!b)
        return;
    free(b->window);
    b->close(b);
}

struct in_bytes {
    struct rtd_bytes base;
    struct rtd_in *in;
};

static int in_read(struct rtd_bytes *b, void *buf, size_t n, size_t *got, struct rtd_err *err)
{
    return rtd_in_read_some(((struct in_bytes *)b)->in, buf, n, got, err);
}

static void in_close(struct rtd_bytes *b)
{
    rtd_in_close(((struct in_bytes *)b)->in);
    free(b);
}

int rtd_bytes_from_in(struct rtd_bytes **b, struct rtd_in *in, struct rtd_err *err)
{
    struct in_bytes *s = calloc(1, sizeof *s);
    if (!s || rtd_bytes_init(&s->base, rtd_in_name(in), err)) {
        free(s);
        rtd_in_close(in);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    s->base.read = in_read;
    s->base.close = in_close;
    s->in = in;
    *b = &s->base;
    return RTD_OK;
}
