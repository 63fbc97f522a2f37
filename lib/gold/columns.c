/* rtdtools - MIT licence
 *
 * Splitting rows, finding columns. */
#include "gold/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/say.h"

enum { NAME_MAX_LEN = 256, WANTED_MAX = 3 };

int rtd_row_split(struct rtd_row *row, char *line, size_t len, const char *name,
                  unsigned long long number, struct rtd_err *err)
{
    if (memchr(line, '\0', len))
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: binary data (a NUL byte)", name, number);
    row->n = 0;
    for (char *p = line;; p++) {
        if (row->n == row->cap) {
            int cap = row->cap ? 2 * row->cap : 16;
            char **field = realloc(row->field, (size_t)cap * sizeof *field);
            if (!field)
                return rtd_fail(err, RTD_ESYS, "%s: line %llu: no memory", name, number);
            row->field = field;
            row->cap = cap;
        }
        row->field[row->n++] = p;
        p = strchr(p, '\t');
        if (!p)
            return RTD_OK;
        *p = '\0';
    }
}

void rtd_row_free(struct rtd_row *row)
{
    free(row->field);
    *row = (struct rtd_row){0};
}

/* A column asked for: its number, or its name and where row 1 has it. */
struct wanted {
    char name[NAME_MAX_LEN];
    bool numbered;
    int at; /* -1: not found */
};

static int parse_wanted(struct wanted *w, const char *item, size_t len, const char *option,
                        struct rtd_err *err)
{
    if (len == 0 || len >= NAME_MAX_LEN)
        return rtd_fail(err, RTD_EUSAGE, "--%s: want names or numbers of columns", option);
    memcpy(w->name, item, len);
    w->name[len] = '\0';
    w->numbered = strspn(w->name, "0123456789") == len;
    w->at = -1;
    if (w->numbered) {
        long number = len > 6 ? 0 : strtol(w->name, NULL, 10);
        if (number < 1)
            return rtd_fail(err, RTD_EUSAGE, "--%s %s: columns count from 1", option, w->name);
        w->at = (int)number - 1;
    }
    return RTD_OK;
}

/* "COL" or "COL,COL" (or only one where most is 1) */
static int parse_list(struct wanted *w, int *n, int most, const char *list, const char *option,
                      struct rtd_err *err)
{
    for (const char *p = list;; p++) {
        size_t len = strcspn(p, ",");
        if (*n == most)
            return rtd_fail(err, RTD_EUSAGE, "--%s %s: want %s", option, list,
                            most == 1 ? "one column" : "one column or two");
        if (parse_wanted(&w[*n], p, len, option, err))
            return err->status;
        ++*n;
        p += len;
        if (!*p)
            return RTD_OK;
    }
}

static bool find_all(struct wanted *w, int n, const struct rtd_row *row)
{
    bool all = true;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < row->n && !w[i].numbered && w[i].at < 0; k++)
            if (strcmp(row->field[k], w[i].name) == 0)
                w[i].at = k;
        all &= w[i].at >= 0;
    }
    return all;
}

static bool has(const struct rtd_row *row, const char *name)
{
    for (int k = 0; k < row->n; k++)
        if (strcmp(row->field[k], name) == 0)
            return true;
    return false;
}

/* "no column X; row 1 holds 'a', 'b', ..." */
static int not_found(const struct wanted *w, const struct rtd_row *row, bool with_default,
                     const char *name, struct rtd_err *err)
{
    char list[256], one[64], shown[80];
    size_t used = 0;
    for (int k = 0; k < row->n && used < sizeof list - 80; k++) {
        rtd_mask_text(one, 40, row->field[k], strlen(row->field[k]));
        used += (size_t)snprintf(list + used, sizeof list - used, "%s'%s'", k ? ", " : "", one);
    }
    return rtd_fail(err, RTD_EDATA,
                    "%s: line 1: no column %s%s; it holds %s (columns go by name or by number)",
                    name, rtd_mask_text(shown, sizeof shown, w->name, strlen(w->name)),
                    with_default ? " (or text_a and text_b)" : "", list);
}

int rtd_columns_resolve(struct rtd_columns *c, const struct rtd_columns_spec *s,
                        const struct rtd_row *first, const char *name, struct rtd_err *err)
{
    struct wanted w[WANTED_MAX];
    int n = 0, ntext = 0;
    bool blind = s->header == RTD_HEADER_NO; /* row 1 says nothing */
    *c = (struct rtd_columns){.label = -1, .width = blind ? 0 : first->n};
    if (s->want_text && s->text && parse_list(w, &n, 2, s->text, "text", err))
        return err->status;
    bool default_text = s->want_text && !s->text;
    if (default_text) {
        bool pair = s->texts == 2 || (!blind && s->texts == 0 && !has(first, "text") &&
                                      has(first, "text_a") && has(first, "text_b"));
        bool named = s->header == RTD_HEADER_GUESS ||
                     (s->header == RTD_HEADER_YES &&
                      (pair ? has(first, "text_a") && has(first, "text_b") : has(first, "text")));
        const char *list = named ? (pair ? "text_a,text_b" : "text") : (pair ? "1,2" : "1");
        if (parse_list(w, &n, 2, list, "text", err))
            return err->status;
        c->by_name = named;
    }
    ntext = n;
    if (s->want_label && parse_list(w, &n, n + 1, s->label ? s->label : "label", "label", err))
        return err->status;

    bool names = false;
    for (int i = 0; i < n; i++)
        names |= !w[i].numbered;
    if (names && blind)
        return rtd_fail(err, RTD_EUSAGE, "a column by name needs --header");
    bool found = blind || find_all(w, n, first);
    for (int i = 0; i < n && !found; i++)
        if (w[i].at < 0)
            return not_found(&w[i], first, default_text && i < ntext && s->texts == 0, name, err);
    for (int i = 0; i < n && !blind; i++)
        if (w[i].at >= first->n)
            return rtd_fail(err, RTD_EDATA, "%s: line 1: %d column%s, none is number %d", name,
                            first->n, rtd_s((uint64_t)first->n), w[i].at + 1);
    c->header = s->header == RTD_HEADER_YES || (s->header == RTD_HEADER_GUESS && names);
    c->ntext = ntext;
    for (int i = 0; i < ntext; i++)
        c->text[i] = w[i].at;
    if (s->want_label)
        c->label = w[ntext].at;
    return RTD_OK;
}
