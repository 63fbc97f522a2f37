/* rtdtools - MIT licence
 *
 * The five special pieces, in one table. */
#ifndef RTD_STREAM_SPECIAL_H
#define RTD_STREAM_SPECIAL_H

enum rtd_special { RTD_PAD, RTD_UNK, RTD_CLS, RTD_SEP, RTD_MASK, RTD_SPECIALS };

struct rtd_special_piece {
    const char *text; /* as it stands in a vocabulary */
    const char *key;  /* what Hugging Face's files call it */
};
extern const struct rtd_special_piece rtd_special_piece[RTD_SPECIALS];

#endif
