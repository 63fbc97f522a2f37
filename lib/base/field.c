/* rtdtools - MIT licence */
#include "base/field.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static bool is_plain(uint32_t c, const char *others)
{
    return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x2028 && c != 0x2029 &&
           !(c < 0x80 && strchr(others, (int)c));
}

/* How c is written; returns behind it. */
static char *put(char *to, uint32_t c)
{
    const char *short_form = c == '\t' ? "\\t" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : NULL;
    if (short_form)
        return stpcpy(to, short_form);
    return to + sprintf(to, c < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)c);
}

char *rtd_field(const char *text, const char *others)
{
    size_t len = strlen(text);
    char *field = malloc(4 * len + 1), *to = field; /* two bytes become six at most */
    if (!field)
        return NULL;
    for (size_t i = 0; i < len;) {
        uint32_t c;
        int n = rtd_utf8_step((const unsigned char *)text + i, len - i, &c);
        size_t taken = n > 0 ? (size_t)n : 1;
        to = n <= 0 || is_plain(c, others) ? mempcpy(to, text + i, taken) : put(to, c);
        i += taken;
    }
    *to = '\0';
    return field;
}

int rtd_out_field(struct rtd_out *out, const char *text, const char *others, struct rtd_err *err)
{
    char *field = rtd_field(text, others);
    int st = field ? rtd_out_write(out, field, strlen(field), err)
                   : rtd_fail(err, RTD_ESYS, "not enough memory");
    free(field);
    return st;
}
