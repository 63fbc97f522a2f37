/* rtdtools - MIT licence */
#include "predict/infill.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int rtd_fill_masks(struct rtd_decoder *d, int32_t *filled, const struct rtd_network *net, int head,
                   const struct rtd_tokenizer *tok, const int32_t *ids, const uint8_t *types,
                   size_t n, const uint32_t *at, size_t m, uint64_t index,
                   const struct rtd_decoding *o, struct rtd_err *err)
{
    const uint32_t start[2] = {0, (uint32_t)n};
    struct rtd_tokens t = {.nseq = 1, .start = start, .ids = ids, .types = types, .index = &index};
    const struct rtd_lm_head *lm = &net->head[head].shape.as.lm;
    struct rtd_next_piece choice;
    struct rtd_arena arena = {0};
    size_t h = net->enc.h;
    struct rtd_acts *acts = malloc(sizeof *acts); /* large */
    int st = rtd_next_piece_init(&choice, tok, o, lm->vocab, err);
    if (!st && !acts)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = rtd_decoder_reserve(d, 1, h, lm->vocab, err);
    if (!st) {
        rtd_acts_take(acts, &arena, &net->enc, &t, false);
        st = rtd_arena_init(&arena, arena.peak, err);
    }
    if (!st) {
        rtd_acts_take(acts, &arena, &net->enc, &t, false);
        rtd_encoder_forward(&net->enc, net->params.w, &t, acts, NULL);
    }
    for (size_t i = 0; i < m && !st; i++) {
        double log_p;
        memcpy(d->hidden, acts->out + at[i] * h, h * sizeof *d->hidden);
        st = rtd_decoder_logits(d, net, lm, tok, 1, err);
        if (st)
            break;
        d->logits[rtd_tokenizer_special(tok)->sep] = -INFINITY;
        filled[i] = o->sample ? rtd_next_piece_draw(&choice, index, NULL, at[i], d->logits, &log_p)
                              : rtd_next_piece_best(&choice, NULL, at[i], d->logits);
    }
    rtd_arena_free(&arena);
    free(acts);
    rtd_next_piece_free(&choice);
    return st;
}
