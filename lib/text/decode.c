/* rtdtools - MIT licence */
#include "text/decode.h"

#include <string.h>

int rtd_decode(const struct rtd_vocab *v, const int32_t *ids, size_t n, struct rtd_buf *out,
               struct rtd_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *piece = rtd_vocab_piece(v, ids[i]);
        if (!piece)
            return rtd_fail(err, RTD_EDATA, "id %d is outside the vocabulary of %u pieces", ids[i],
                            v->n);
        if (i && piece[0] == '#' && piece[1] == '#' && piece[2])
            piece += 2;
        else if (i && rtd_buf_append(out, " ", 1, err))
            return err->status;
        if (rtd_buf_append(out, piece, strlen(piece), err))
            return err->status;
    }
    return RTD_OK;
}
