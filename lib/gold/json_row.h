/* rtdtools - MIT licence
 *
 * A line of JSON as a row of texts: {"text": "..."}, or other keys, or a key that holds a list of
 * texts; and a text as JSON. */
#ifndef RTD_GOLD_JSON_ROW_H
#define RTD_GOLD_JSON_ROW_H

#include <jansson.h>
#include <stddef.h>

#include "base/json.h"

/* Zero-initialise; reading reuses the memory. */
struct rtd_json_row {
    char *
        *field; /* [n] texts, owned; a tab or line break in a text is a blank here, U+0000 U+FFFD */
    int n, cap;
    struct rtd_json_doc doc; /* private */
};

/* keys: "KEY" or "KEY,KEY", each a string in the object; list: a key of an array of strings that
 * come after them, or NULL.  Other keys are not looked at.  RTD_EDATA: the line is no such object;
 * the message begins with name and line number. */
int rtd_json_row_read(struct rtd_json_row *row, const char *line, size_t len, const char *keys,
                      const char *list, const char *name, unsigned long long number,
                      struct rtd_err *err);
void rtd_json_row_free(struct rtd_json_row *row);

/* The text as a JSON string, U+FFFD for every byte that is no part of UTF-8.  NULL: no memory. */
json_t *rtd_json_text(const char *text, size_t len);

#endif
