/* rtdtools - MIT licence */
#include "start/frequencies.h"

#include <math.h>
#include <stdlib.h>

#include "start/piece_numbers.h"

int rtd_frequency_bias(real *bias, const char *path, const struct rtd_header *h,
                       struct rtd_err *err)
{
    double *count, all = 0;
    int st = rtd_piece_numbers_read(&count, path, h, 0, err);
    for (uint32_t i = 0; !st && i < h->tok.vocab_size; i++)
        all += count[i];
    if (!st && !(all > 0 && isfinite(all)))
        st = rtd_fail(err, RTD_EDATA, "%s: no piece is counted", path);
    for (uint32_t i = 0; !st && i < h->tok.vocab_size; i++)
        bias[i] = (real)log((count[i] + 1) / (all + h->tok.vocab_size));
    free(count);
    return st;
}
