/* rtdtools - MIT licence
 *
 * JSON lines. */
#include "gold/json_row.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static void drop_fields(struct rtd_json_row *row)
{
    for (int i = 0; i < row->n; i++)
        free(row->field[i]);
    row->n = 0;
}

void rtd_json_row_free(struct rtd_json_row *row)
{
    drop_fields(row);
    free(row->field);
    rtd_json_free(&row->doc);
    *row = (struct rtd_json_row){0};
}

/* Where a message is about. */
struct place {
    const char *name;
    unsigned long long number;
};

static int add_text(struct rtd_json_row *row, const struct rtd_json *value, struct rtd_err *err)
{
    if (row->n == row->cap) {
        int cap = 2 * row->cap + 4;
        char **field = realloc(row->field, (size_t)cap * sizeof *field);
        if (!field)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        row->field = field;
        row->cap = cap;
    }
    char *text = rtd_json_copy(value);
    if (!text)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    /* A TSV has no place for them, and to the tokenizer they are blanks; offsets stay true. */
    for (char *p = text; (p = strpbrk(p, "\t\n\r"));)
        *p = ' ';
    row->field[row->n++] = text;
    return RTD_OK;
}

static int add_keys(struct rtd_json_row *row, const char *keys, const struct place *at,
                    struct rtd_err *err)
{
    const struct rtd_json *v;
    char key[256];
    for (const char *p = keys;; p++) {
        size_t len = strcspn(p, ",");
        if (len == 0 || len >= sizeof key)
            return rtd_fail(err, RTD_EUSAGE, "--text %s: want names of keys", keys);
        memcpy(key, p, len);
        key[len] = '\0';
        if (rtd_json_want(row->doc.root, key, RTD_JSON_TEXT, &v, at->name, at->number, err) ||
            add_text(row, v, err))
            return err->status;
        p += len;
        if (!*p)
            return RTD_OK;
    }
}

static int add_list(struct rtd_json_row *row, const char *key, const struct place *at,
                    struct rtd_err *err)
{
    const struct rtd_json *list;
    if (rtd_json_want(row->doc.root, key, RTD_JSON_LIST, &list, at->name, at->number, err))
        return err->status;
    struct rtd_json_walk w = rtd_json_walk(list);
    while (rtd_json_step(&w)) {
        if (w.value->kind != RTD_JSON_TEXT)
            return rtd_fail(err, RTD_EDATA, "%s: line %llu: \"%s\" does not hold text", at->name,
                            at->number, key);
        if (add_text(row, w.value, err))
            return err->status;
    }
    return RTD_OK;
}

int rtd_json_row_read(struct rtd_json_row *row, const char *line, size_t len, const char *keys,
                      const char *list, const char *name, unsigned long long number,
                      struct rtd_err *err)
{
    struct place at = {name, number};
    drop_fields(row);
    int st = rtd_json_read(&row->doc, line, len, name, number, err);
    if (!st)
        st = add_keys(row, keys, &at, err);
    if (!st && list)
        st = add_list(row, list, &at, err);
    return st;
}

json_t *rtd_json_text(const char *text, size_t len)
{
    static const char replacement[] = "\xef\xbf\xbd";
    json_t *string = json_stringn(text, len);
    char *repaired = string ? NULL : malloc(3 * len + 1), *at = repaired;
    if (!repaired)
        return string;
    for (size_t i = 0; i < len;) {
        uint32_t c;
        int n = rtd_utf8_step((const unsigned char *)text + i, len - i, &c);
        size_t taken = n > 0 ? (size_t)n : n < 0 ? (size_t)-n : len - i;
        at = n > 0 ? mempcpy(at, text + i, taken) : stpcpy(at, replacement);
        i += taken;
    }
    string = json_stringn(repaired, (size_t)(at - repaired));
    free(repaired);
    return string;
}
