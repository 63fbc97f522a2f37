/* rtdtools - MIT licence */
#include "text/merge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* --- pieces --------------------------------------------------------------------------------- */

static size_t piece_slot(const struct rtd_pieces *p, const char *piece, size_t len)
{
    size_t i = rtd_hash64(piece, len) & (p->slots - 1);
    for (; p->slot[i]; i = (i + 1) & (p->slots - 1)) {
        const char *have = rtd_pieces_get(p, p->slot[i] - 1);
        if (!strncmp(have, piece, len) && !have[len])
            break;
    }
    return i;
}

uint32_t rtd_pieces_find(const struct rtd_pieces *p, const char *piece, size_t len)
{
    return p->slots ? p->slot[piece_slot(p, piece, len)] - 1 : UINT32_MAX;
}

static int more_slots(struct rtd_pieces *p, struct rtd_err *err)
{
    size_t slots = p->slots ? 2 * p->slots : 4096;
    uint32_t *slot = calloc(slots, sizeof *slot);
    if (!slot)
        return rtd_fail_sys(err, "pieces");
    free(p->slot);
    p->slot = slot;
    p->slots = slots;
    for (uint32_t i = 0; i < p->n; i++) {
        const char *piece = rtd_pieces_get(p, i);
        slot[piece_slot(p, piece, strlen(piece))] = i + 1;
    }
    return RTD_OK;
}

int rtd_pieces_add(struct rtd_pieces *p, const char *piece, size_t len, uint32_t *number,
                   struct rtd_err *err)
{
    size_t at = p->text.len, i;
    if (p->n >= p->slots / 2 && more_slots(p, err))
        return err->status;
    i = piece_slot(p, piece, len);
    if (!p->slot[i]) {
        if (rtd_buf_append(&p->text, piece, len, err) || rtd_buf_append(&p->text, "", 1, err) ||
            rtd_buf_append(&p->at, &at, sizeof at, err))
            return err->status;
        p->slot[i] = ++p->n;
    }
    *number = p->slot[i] - 1;
    return RTD_OK;
}

void rtd_pieces_free(struct rtd_pieces *p)
{
    rtd_buf_free(&p->text);
    rtd_buf_free(&p->at);
    free(p->slot);
    *p = (struct rtd_pieces){0};
}

/* --- pairs ---------------------------------------------------------------------------------- */

/* A set of word numbers, built in increasing order. */
struct places {
    uint32_t *word;
    uint32_t n, cap;
};

struct pair {
    uint32_t left, right;
    int64_t count;        /* occurrences in the text as it is spelt now */
    struct places places; /* words where it came up since it was last put into the queue */
};

/* A promise to merge a pair in some words.  A pair can stand in the queue twice, with different
 * words, where a piece was made in two ways. */
struct entry {
    int64_t count; /* of the pair, when it was put here */
    uint32_t pair;
    struct places places;
};

struct merger {
    struct rtd_pieces *p;
    struct rtd_spelling *s;
    struct pair *pair; /* [npairs] */
    size_t npairs, cap;
    uint32_t *slot; /* [slots]: pair + 1, or 0 */
    size_t slots;
    struct entry *heap; /* [nheap] */
    size_t nheap, heap_cap;
    struct rtd_buf touched; /* u32: pairs with new places */
    struct rtd_err *err;
};

static size_t pair_slot(const struct merger *m, uint32_t left, uint32_t right)
{
    uint64_t h = ((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15u;
    size_t i = (h ^ h >> 32) & (m->slots - 1);
    for (; m->slot[i]; i = (i + 1) & (m->slots - 1)) {
        const struct pair *q = &m->pair[m->slot[i] - 1];
        if (q->left == left && q->right == right)
            break;
    }
    return i;
}

static int grow_pairs(struct merger *m)
{
    size_t cap = m->cap ? 2 * m->cap : 1 << 14, slots = 2 * cap;
    struct pair *pair = realloc(m->pair, cap * sizeof *pair);
    uint32_t *slot;
    if (!pair)
        return rtd_fail_sys(m->err, "pairs");
    m->pair = pair;
    m->cap = cap;
    if (!(slot = calloc(slots, sizeof *slot)))
        return rtd_fail_sys(m->err, "pairs");
    free(m->slot);
    m->slot = slot;
    m->slots = slots;
    for (size_t i = 0; i < m->npairs; i++)
        slot[pair_slot(m, pair[i].left, pair[i].right)] = (uint32_t)i + 1;
    return RTD_OK;
}

/* One more occurrence of a pair (or, change < 0, one less) in word w. */
static int change_pair(struct merger *m, uint32_t left, uint32_t right, int64_t change, uint32_t w)
{
    if (m->npairs == m->cap && grow_pairs(m))
        return m->err->status;
    size_t i = pair_slot(m, left, right);
    if (!m->slot[i]) {
        m->pair[m->npairs++] = (struct pair){.left = left, .right = right};
        m->slot[i] = (uint32_t)m->npairs;
    }
    uint32_t number = m->slot[i] - 1;
    struct pair *q = &m->pair[number];
    struct places *at = &q->places;
    q->count += change * (int64_t)m->s->count[w];
    if (change < 0 || (at->n && at->word[at->n - 1] == w))
        return RTD_OK;
    if (!at->n && rtd_buf_append(&m->touched, &number, sizeof number, m->err))
        return m->err->status;
    if (at->n == at->cap) {
        uint32_t cap = at->cap ? 2 * at->cap : 4;
        uint32_t *word = realloc(at->word, cap * sizeof *word);
        if (!word)
            return rtd_fail_sys(m->err, "pairs");
        at->word = word;
        at->cap = cap;
    }
    at->word[at->n++] = w;
    return RTD_OK;
}

/* --- the queue: a heap, the pair to merge next on top ----------------------------------------- */

static bool before(const struct merger *m, const struct entry *a, const struct entry *b)
{
    const struct pair *p = &m->pair[a->pair], *q = &m->pair[b->pair];
    if (a->count != b->count)
        return a->count > b->count;
    return p->left != q->left ? p->left < q->left : p->right < q->right;
}

static void sift_down(struct merger *m, size_t i)
{
    struct entry e = m->heap[i];
    for (size_t k; (k = 2 * i + 1) < m->nheap; i = k) {
        if (k + 1 < m->nheap && before(m, &m->heap[k + 1], &m->heap[k]))
            k++;
        if (!before(m, &m->heap[k], &e))
            break;
        m->heap[i] = m->heap[k];
    }
    m->heap[i] = e;
}

static int push(struct merger *m, struct entry e)
{
    if (m->nheap == m->heap_cap) {
        size_t cap = m->heap_cap ? 2 * m->heap_cap : 1 << 14;
        struct entry *heap = realloc(m->heap, cap * sizeof *heap);
        if (!heap) {
            free(e.places.word);
            return rtd_fail_sys(m->err, "pairs");
        }
        m->heap = heap;
        m->heap_cap = cap;
    }
    size_t i = m->nheap++;
    for (; i && before(m, &e, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
        m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = e;
    return RTD_OK;
}

/* Queue the pairs that came up since the last call. */
static int push_touched(struct merger *m)
{
    const uint32_t *touched = m->touched.data;
    size_t n = m->touched.len / sizeof *touched;
    for (size_t i = 0; i < n; i++) {
        struct pair *q = &m->pair[touched[i]];
        struct places places = q->places;
        q->places = (struct places){0};
        if (q->count <= 0)
            free(places.word);
        else if (push(m, (struct entry){q->count, touched[i], places}))
            return m->err->status;
    }
    m->touched.len = 0;
    return RTD_OK;
}

/* --- merging -------------------------------------------------------------------------------- */

static int all_pairs(struct merger *m)
{
    const struct rtd_spelling *s = m->s;
    for (size_t w = 0; w < s->n; w++) {
        const uint32_t *piece = s->piece + s->start[w];
        for (uint32_t i = 0; i + 1 < s->len[w]; i++)
            if (change_pair(m, piece[i], piece[i + 1], 1, (uint32_t)w))
                return m->err->status;
    }
    return push_touched(m);
}

/* Spell word w with `made` wherever left and right stand side by side. */
static int merge_in_word(struct merger *m, uint32_t w, uint32_t left, uint32_t right, uint32_t made)
{
    uint32_t *piece = m->s->piece + m->s->start[w], n = m->s->len[w];
    for (uint32_t i = 0; i + 1 < n; i++) {
        if (piece[i] != left || piece[i + 1] != right)
            continue;
        piece[i] = made;
        n--;
        memmove(piece + i + 1, piece + i + 2, (n - i - 1) * sizeof *piece);
        if (i &&
            (change_pair(m, piece[i - 1], left, -1, w) || change_pair(m, piece[i - 1], made, 1, w)))
            return m->err->status;
        if (i + 1 < n && (change_pair(m, right, piece[i + 1], -1, w) ||
                          change_pair(m, made, piece[i + 1], 1, w)))
            return m->err->status;
    }
    m->s->len[w] = n;
    return RTD_OK;
}

/* The piece that a pair makes: the right one loses its "##". */
static int make_piece(struct merger *m, const struct pair *q, uint32_t *made)
{
    struct rtd_buf text = {0};
    const char *left = rtd_pieces_get(m->p, q->left), *right = rtd_pieces_get(m->p, q->right);
    if (!strncmp(right, "##", 2))
        right += 2;
    if (!rtd_buf_append(&text, left, strlen(left), m->err) &&
        !rtd_buf_append(&text, right, strlen(right), m->err))
        rtd_pieces_add(m->p, text.data, text.len, made, m->err);
    rtd_buf_free(&text);
    return m->err->status;
}

static int merge_all(struct merger *m, uint32_t size, uint64_t min_frequency)
{
    while (m->p->n < size && m->nheap) {
        struct entry top = m->heap[0];
        struct pair q = m->pair[top.pair];
        uint32_t made = 0;
        if (top.count != q.count) { /* merges have taken from it since */
            m->heap[0].count = q.count;
            sift_down(m, 0);
            continue;
        }
        if (top.count < 1 || (uint64_t)top.count < min_frequency)
            break;
        m->heap[0] = m->heap[--m->nheap];
        if (m->nheap)
            sift_down(m, 0);
        if (!make_piece(m, &q, &made))
            for (uint32_t i = 0; i < top.places.n; i++)
                if (merge_in_word(m, top.places.word[i], q.left, q.right, made))
                    break;
        free(top.places.word);
        if (m->err->status || push_touched(m))
            return m->err->status;
    }
    return RTD_OK;
}

int rtd_merge(struct rtd_pieces *p, struct rtd_spelling *s, uint32_t size, uint64_t min_frequency,
              struct rtd_err *err)
{
    struct merger m = {.p = p, .s = s, .err = err};
    if (!all_pairs(&m))
        merge_all(&m, size, min_frequency);
    for (size_t i = 0; i < m.npairs; i++)
        free(m.pair[i].places.word);
    for (size_t i = 0; i < m.nheap; i++)
        free(m.heap[i].places.word);
    free(m.pair);
    free(m.slot);
    free(m.heap);
    rtd_buf_free(&m.touched);
    return err->status;
}
