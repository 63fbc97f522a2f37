/* rtdtools - MIT licence
 *
 * Bad records. */
#include "intake/bad.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/say.h"

enum { NAMED = 10 };

const struct rtd_bad rtd_bad_default = {.share = 0.001, .least = 10};

int rtd_bad_parse(struct rtd_bad *b, const char *text, struct rtd_err *err)
{
    char *end;
    errno = 0;
    if (*text && !text[strspn(text, "0123456789")]) {
        b->share = 0;
        b->least = strtoull(text, NULL, 10);
        if (!errno)
            return RTD_OK;
    }
    double x = strtod(text, &end);
    bool percent = *end == '%';
    if (*text < '0' || *text > '9' || end[percent] || !(x >= 0 && x <= (percent ? 100 : 1))) {
        char shown[40];
        return rtd_fail(err, RTD_EUSAGE,
                        "--max-bad %s: want a number, or a share such as 0.01 or 1%%",
                        rtd_mask_text(shown, sizeof shown, text, strlen(text)));
    }
    b->share = percent ? x / 100 : x;
    b->least = 0;
    return RTD_OK;
}

int rtd_bad_pass(struct rtd_bad *b, struct rtd_err *err)
{
    if (err->status != RTD_EDATA || b->strict)
        return err->status;
    if (b->bad++ < NAMED)
        rtd_warn("%s: left out", err->text);
    *err = (struct rtd_err){0};
    return RTD_OK;
}

int rtd_bad_judge(const struct rtd_bad *b, const char *name, struct rtd_err *err)
{
    if (b->bad && b->bad == b->records)
        return rtd_fail(err, RTD_EDATA,
                        "%s: none of %llu record%s can be taken: want a JSON object a line (jq -c "
                        "'.[]' makes lines of a list, jq -c . of other forms)",
                        name, (unsigned long long)b->records, rtd_s(b->records));
    if (b->bad > b->least && (double)b->bad > b->share * (double)b->records)
        return rtd_fail(err, RTD_EDATA,
                        "%s: %llu of %llu records cannot be taken, more than --max-bad allows",
                        name, (unsigned long long)b->bad, (unsigned long long)b->records);
    rtd_say_loss(b->bad, b->records, "records left out: they cannot be taken");
    return RTD_OK;
}
