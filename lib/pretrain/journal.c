/* rtdtools - MIT licence */
#include "pretrain/journal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

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
    if (!st && step > 0 && rtd_exists(path)) {
        struct rtd_lines l;
        char *line;
        size_t len;
        st = rtd_lines_open(&l, path, 1 << 16, err);
        while (!st && !(st = rtd_lines_next(&l, &line, &len, err)) && line) {
            char *end;
            uint64_t at = strtoull(line, &end, 10);
            if (end == line || *end != '\t' || at > step)
                continue; /* the header, a cut last line, or steps that will be done again */
            st = rtd_buf_append(&text, line, len, err);
            if (!st)
                st = rtd_buf_append(&text, "\n", 1, err);
        }
        if (l.in)
            rtd_lines_close(&l);
    }
    if (!st)
        st = rtd_write_file(path, text.data, text.len, err);
    rtd_buf_free(&text);
    if (!st && !(*f = fopen(path, "ae")))
        st = rtd_fail_sys(err, "%s: cannot open", path);
    return st;
}

int rtd_journal_flush(FILE *f, const char *dir, const char *name, struct rtd_err *err)
{
    if (fflush(f) || ferror(f))
        return rtd_fail_sys(err, "%s/%s: cannot write", dir, name);
    return RTD_OK;
}
