/* rtdtools - MIT licence */
#include "stream/special.h"

const struct rtd_special_piece rtd_special_piece[RTD_SPECIALS] = {
    [RTD_PAD] = {"[PAD]", "pad_token"},    [RTD_UNK] = {"[UNK]", "unk_token"},
    [RTD_CLS] = {"[CLS]", "cls_token"},    [RTD_SEP] = {"[SEP]", "sep_token"},
    [RTD_MASK] = {"[MASK]", "mask_token"},
};
