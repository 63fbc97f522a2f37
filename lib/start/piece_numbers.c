/* rtdtools - MIT licence */
#include "start/piece_numbers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "text/vocab.h"

enum { LINE_MAX_BYTES = 1 << 20 };

/* A line: the number stands behind the last tab, for a piece may hold one. */
static int take_line(double *number_of, const struct rtd_vocab *v, char *line, size_t len,
                     const char *where, uint64_t number, struct rtd_err *err)
{
    char shown[64], *tab = memrchr(line, '\t', len), *end;
    double x = tab ? strtod(tab + 1, &end) : -1;
    if (!tab || end == tab + 1 || *end || !isfinite(x) || x < 0)
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: not a piece, a tab and a number", where,
                        (unsigned long long)number);
    int32_t id = rtd_vocab_id(v, line, (size_t)(tab - line));
    rtd_mask_text(shown, sizeof shown, line, (size_t)(tab - line));
    if (id < 0)
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: '%s' is no piece of the vocabulary", where,
                        (unsigned long long)number, shown);
    if (number_of[id] >= 0)
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: '%s' is there twice", where,
                        (unsigned long long)number, shown);
    number_of[id] = x;
    return RTD_OK;
}

int rtd_piece_numbers_read(double **out, const char *path, const struct rtd_header *h,
                           double otherwise, struct rtd_err *err)
{
    struct rtd_vocab v = {0};
    struct rtd_lines lines;
    char *line;
    size_t len;
    *out = NULL;
    if (!h->tok.vocab)
        return rtd_fail(err, RTD_EDATA,
                        "%s: numbers of pieces, but the stream carries no vocabulary", path);
    if (rtd_lines_open(&lines, path, LINE_MAX_BYTES, err))
        return err->status;
    int st = rtd_vocab_init(&v, h->tok.vocab, h->tok.vocab_len, path, err);
    double *x = st ? NULL : malloc((h->tok.vocab_size + 1) * sizeof *x);
    if (!st && !x)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    for (uint32_t i = 0; !st && i < h->tok.vocab_size; i++)
        x[i] = -1; /* not named */
    while (!st && !(st = rtd_lines_next(&lines, &line, &len, err)) && line)
        st = take_line(x, &v, line, len, path, lines.number, err);
    for (uint32_t i = 0; !st && i < h->tok.vocab_size; i++)
        x[i] = x[i] < 0 ? otherwise : x[i];
    rtd_lines_close(&lines);
    rtd_vocab_fini(&v);
    if (st)
        free(x);
    else
        *out = x;
    return st;
}
