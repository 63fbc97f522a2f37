/* rtdtools - MIT licence */
#include "pretrain/journal.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

/* Does the file end with a line's end?  A full disk may have cut the last line. */
static bool ends_whole(const char *path)
{
    FILE *f = fopen(path, "re");
    bool whole = f && fseek(f, -1, SEEK_END) == 0 && getc(f) == '\n';
    if (f)
        fclose(f);
    return whole;
}

static size_t columns(const char *line)
{
    size_t n = 1;
    for (; *line; line++)
        n += *line == '\t';
    return n;
}

/* Column number i of a line, or its end. */
static const char *field(const char *line, size_t i)
{
    for (; i > 0 && line; i--)
        line = (line = strchr(line, '\t')) ? line + 1 : NULL;
    return line ? line : "";
}

/* The number of the column whose name is n bytes; as many as there are: none. */
static size_t find(const char *header, const char *name, size_t n)
{
    size_t i = 0, all = columns(header);
    while (i < all && (strncmp(field(header, i), name, n) || !strchr("\t", field(header, i)[n])))
        i++;
    return i;
}

/* A line under the header `was`, as one under `header`: another version has other columns. */
static int append(struct rtd_buf *text, const char *line, const char *was, const char *header,
                  struct rtd_err *err)
{
    int st = RTD_OK;
    for (size_t i = 0; i < columns(header) && !st; i++) {
        const char *name = field(header, i);
        const char *value = field(line, find(was, name, strcspn(name, "\t")));
        st = i ? rtd_buf_append(text, "\t", 1, err) : RTD_OK;
        if (!st)
            st = rtd_buf_append(text, value, strcspn(value, "\t"), err);
    }
    return st ? st : rtd_buf_append(text, "\n", 1, err);
}

/* The lines of a file up to a step. */
static int keep(struct rtd_buf *text, const char *path, const char *header, uint64_t step,
                struct rtd_err *err)
{
    struct rtd_lines l;
    char *line, *was = NULL;
    size_t len, last = 0;
    int st = rtd_lines_open(&l, path, 1 << 16, err);
    while (!st && !(st = rtd_lines_next(&l, &line, &len, err)) && line) {
        char *end;
        uint64_t at = strtoull(line, &end, 10);
        last = 0;
        if (!was && !(was = strdup(line)))
            st = rtd_fail(err, RTD_ESYS, "not enough memory");
        if (st || end == line || at > step || columns(line) != columns(was))
            continue; /* the header, a line that was cut, or steps that will be done again */
        last = text->len;
        st = append(text, line, was, header, err);
    }
    if (l.in)
        rtd_lines_close(&l);
    free(was);
    if (last && !ends_whole(path)) /* cut within its last number */
        text->len = last;
    return st;
}

int rtd_journal_open(FILE **f, const char *dir, const char *name, const char *header, uint64_t step,
                     struct rtd_err *err)
{
    char path[PATH_MAX];
    struct rtd_buf text = {0};
    *f = NULL;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int st = rtd_buf_append(&text, header, strlen(header), err);
    if (!st)
        st = rtd_buf_append(&text, "\n", 1, err);
    if (!st && step > 0 && rtd_exists(path))
        st = keep(&text, path, header, step, err);
    if (!st)
        st = rtd_write_file(path, text.data, text.len, err);
    rtd_buf_free(&text);
    if (!st && !(*f = fopen(path, "ae")))
        st = rtd_fail_sys(err, "%s: cannot open", path);
    return st;
}

int rtd_journal_last(const char *dir, const char *name, const char *column, double *x,
                     struct rtd_err *err)
{
    char path[PATH_MAX], *line;
    struct rtd_lines l;
    size_t len, at = SIZE_MAX;
    *x = 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int st = rtd_lines_open(&l, path, 1 << 16, err);
    while (!st && !(st = rtd_lines_next(&l, &line, &len, err)) && line) {
        if (at == SIZE_MAX) /* the header */
            at = find(line, column, strlen(column));
        else
            *x = strtod(field(line, at), NULL);
    }
    if (l.in)
        rtd_lines_close(&l);
    return st;
}

int rtd_journal_flush(FILE *f, const char *dir, const char *name, struct rtd_err *err)
{
    if (fflush(f) || ferror(f))
        return rtd_fail_sys(err, "%s/%s: cannot write", dir, name);
    return RTD_OK;
}
