/* rtdtools - MIT licence */
#include "predict/word_pieces.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void rtd_word_pieces_clear(struct rtd_word_pieces *w)
{
    w->n = w->pieces = 0;
}

void rtd_word_pieces_free(struct rtd_word_pieces *w)
{
    free(w->first);
    free(w->begin);
    free(w->end);
    free(w->token);
    free(w->ids);
    rtd_encoding_free(&w->enc);
    *w = (struct rtd_word_pieces){0};
}

static bool resize(void *list, size_t n, size_t size)
{
    void **p = list;
    void *more = realloc(*p, n * size);
    if (more)
        *p = more;
    return more != NULL;
}

/* Append a word of these pieces. */
static int append(struct rtd_word_pieces *w, const int32_t *ids, size_t n, uint32_t begin,
                  uint32_t end, struct rtd_err *err)
{
    bool ok = true;
    if (w->n == w->cap) {
        size_t cap = 2 * w->cap + 64;
        ok = resize(&w->first, cap + 1, sizeof *w->first) &&
             resize(&w->begin, cap, sizeof *w->begin) && resize(&w->end, cap, sizeof *w->end) &&
             resize(&w->token, cap, sizeof *w->token);
        w->cap = ok ? cap : w->cap;
    }
    if (ok && w->pieces + n > w->piece_cap) {
        size_t cap = 2 * (w->pieces + n) + 64;
        ok = resize(&w->ids, cap, sizeof *w->ids);
        w->piece_cap = ok ? cap : w->piece_cap;
    }
    if (!ok || w->pieces + n > UINT32_MAX)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    memcpy(w->ids + w->pieces, ids, n * sizeof *ids);
    w->first[w->n] = (uint32_t)w->pieces;
    w->begin[w->n] = begin;
    w->end[w->n++] = end;
    w->pieces += n;
    w->first[w->n] = (uint32_t)w->pieces;
    return RTD_OK;
}

int rtd_word_pieces_add(struct rtd_word_pieces *w, const struct rtd_tokenizer *tok,
                        const char *word, struct rtd_err *err)
{
    const int32_t unknown = rtd_tokenizer_special(tok)->unk;
    if (rtd_tokenizer_encode(tok, &w->enc, word, strlen(word), err))
        return err->status;
    bool none = w->enc.n == 0;
    w->enc.counts.tokens += none;
    w->enc.counts.unknown += none;
    return append(w, none ? &unknown : w->enc.ids, none ? 1 : w->enc.n, 0, 0, err);
}

int rtd_word_pieces_line(struct rtd_word_pieces *w, const struct rtd_tokenizer *tok,
                         const char *line, struct rtd_err *err)
{
    const struct rtd_encoding *e = &w->enc;
    rtd_word_pieces_clear(w);
    int st = rtd_tokenizer_encode(tok, &w->enc, line, strlen(line), err);
    for (size_t i = 0, next; i < e->n && !st; i = next) {
        for (next = i + 1; next < e->n && e->word[next] == e->word[i]; next++)
            ;
        st = append(w, e->ids + i, next - i, e->begin[i], e->end[next - 1], err);
    }
    return st;
}

/* Words [from, to) as one sequence; a single word may be too long, and is cut.  Those before
 * `known` were in the window before: there they had less on their right, here less on their left.
 */
static int add_window(struct rtd_word_pieces *w, struct rtd_sequences *s, size_t from, size_t to,
                      size_t known, size_t room, struct rtd_err *err)
{
    size_t n = w->first[to] - w->first[from], base = s->start[s->n] + 1;
    for (size_t i = from; i < to; i++) {
        size_t left = w->first[i] - w->first[from];
        if (i >= known || left > w->first[known] - w->first[i + 1])
            w->token[i] = (uint32_t)(base + left);
    }
    return rtd_sequences_add_ids(s, w->ids + w->first[from], n < room ? n : room, NULL, 0, err);
}

int rtd_word_pieces_add_sequences(struct rtd_word_pieces *w, struct rtd_sequences *s,
                                  struct rtd_err *err)
{
    size_t room = s->length - 2, from = 0, known = 0;
    rtd_sequences_count(s, &w->enc);
    if (w->n == 0)
        return rtd_sequences_add_ids(s, NULL, 0, NULL, 0, err);
    for (;;) {
        size_t to = from + 1, next;
        while (to < w->n && w->first[to + 1] - w->first[from] <= room)
            to++;
        s->cut += w->first[to] - w->first[from] > room;
        s->spread += from == 0 && to < w->n;
        if (add_window(w, s, from, to, known, room, err))
            return err->status;
        if (to == w->n)
            return RTD_OK;
        for (next = to; next > from + 1 && w->first[to] - w->first[next - 1] <= room / 4; next--)
            ;
        from = next;
        known = to;
    }
}
