/* rtdtools - MIT licence */
#include "gold/bad_rows.h"

#include <stdlib.h>

#include "base/say.h"

int rtd_bad_row(struct rtd_bad_rows *b, struct rtd_err *err)
{
    if (!b || err->status != RTD_EDATA)
        return err->status;
    if (!b->named && !(b->named = calloc(RTD_BAD_NAMED, sizeof *b->named))) {
        *err = (struct rtd_err){0};
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    if (b->n < RTD_BAD_NAMED)
        b->named[b->n] = *err;
    b->n++;
    *err = (struct rtd_err){0};
    return RTD_OK;
}

static void forget(struct rtd_bad_rows *b)
{
    free(b->named);
    *b = (struct rtd_bad_rows){.skip = b->skip};
}

int rtd_bad_rows_end(struct rtd_bad_rows *b, uint64_t total, const char *name, const char *what,
                     struct rtd_err *err)
{
    unsigned long long n = b ? b->n : 0, all = total;
    if (n == 0)
        return RTD_OK;
    if (n == 1 && !b->skip)
        rtd_fail(err, RTD_EDATA, "%s", b->named[0].text);
    for (uint64_t i = 0; n > 1 && i < n && i < RTD_BAD_NAMED; i++)
        (b->skip ? rtd_note : rtd_complain)("%s", b->named[i].text);
    if (b->skip)
        rtd_say_loss(n, all, "%ss of %s left out; the first: %s", what, name, b->named[0].text);
    else if (n > 1)
        rtd_fail(err, RTD_EDATA,
                 "%s: %llu of %llu %s%s cannot be used (--skip-bad takes the others)", name, n, all,
                 what, rtd_s(all));
    forget(b);
    return err->status;
}

void rtd_bad_rows_free(struct rtd_bad_rows *b)
{
    forget(b);
}
