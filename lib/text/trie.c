/* rtdtools - MIT licence */
#include "text/trie.h"

#include <stdlib.h>
#include <string.h>

/* Free cells are kept in a list in increasing order: next[] and prev[], with the cell `size`
 * (which moves as the array grows) as the list's end. */
struct builder {
    struct rtd_trie *t;
    const char *const *key;
    const int32_t *id;
    uint32_t *next, *prev;
    uint32_t first, last; /* RTD_TRIE_NONE: no free cell */
    struct rtd_err *err;
};

/* A set of keys with a common prefix of `depth` bytes, at a node. */
struct range {
    size_t lo, hi, depth;
    uint32_t node;
};

static int add_cells(struct builder *b, size_t n)
{
    struct rtd_trie *t = b->t;
    size_t size = t->size + n;
    void *p;
    if (size >= RTD_TRIE_NONE / 2)
        return rtd_fail(b->err, RTD_EDATA, "vocabulary too large");
    if (!(p = realloc(t->node, size * sizeof *t->node)))
        return rtd_fail_sys(b->err, "vocabulary");
    t->node = p;
    if (!(p = realloc(b->next, size * sizeof *b->next)))
        return rtd_fail_sys(b->err, "vocabulary");
    b->next = p;
    if (!(p = realloc(b->prev, size * sizeof *b->prev)))
        return rtd_fail_sys(b->err, "vocabulary");
    b->prev = p;
    for (size_t i = t->size; i < size; i++) {
        t->node[i] = (struct rtd_trie_node){0, RTD_TRIE_NONE, -1};
        b->prev[i] = b->last;
        b->next[i] = RTD_TRIE_NONE;
        if (b->last == RTD_TRIE_NONE)
            b->first = (uint32_t)i;
        else
            b->next[b->last] = (uint32_t)i;
        b->last = (uint32_t)i;
    }
    t->size = size;
    return RTD_OK;
}

static void take_cell(struct builder *b, uint32_t i)
{
    if (b->prev[i] == RTD_TRIE_NONE)
        b->first = b->next[i];
    else
        b->next[b->prev[i]] = b->next[i];
    if (b->next[i] == RTD_TRIE_NONE)
        b->last = b->prev[i];
    else
        b->prev[b->next[i]] = b->prev[i];
}

/* A base under which all children fall on free cells.  After some tries it goes to the end of the
 * array: a little memory for a bounded time. */
static int find_base(struct builder *b, const unsigned char *c, int n, uint32_t *base)
{
    struct rtd_trie *t = b->t;
    int tries = 0;
    for (uint32_t f = b->first; f != RTD_TRIE_NONE && tries < 512; f = b->next[f], tries++) {
        int i = 1;
        *base = f ^ c[0];
        while (i < n && t->node[*base ^ c[i]].parent == RTD_TRIE_NONE)
            i++;
        if (i == n)
            return RTD_OK;
    }
    *base = (uint32_t)t->size;
    return add_cells(b, 256);
}

/* Place the children of r's node; they are appended to queue. */
static int expand(struct builder *b, struct range r, struct range *queue, size_t *tail)
{
    struct rtd_trie *t = b->t;
    unsigned char c[256];
    size_t start[257], lo = r.lo;
    int n = 0;
    uint32_t base;

    if (!b->key[lo][r.depth]) /* the prefix itself is a key: it sorts first */
        t->node[r.node].id = b->id[lo++];
    while (lo < r.hi) {
        c[n] = (unsigned char)b->key[lo][r.depth];
        start[n] = lo;
        while (lo < r.hi && (unsigned char)b->key[lo][r.depth] == c[n])
            lo++;
        n++;
    }
    if (!n)
        return RTD_OK;
    start[n] = r.hi;
    if (find_base(b, c, n, &base))
        return b->err->status;
    t = b->t;
    t->node[r.node].base = base;
    for (int i = 0; i < n; i++) {
        uint32_t child = base ^ c[i];
        take_cell(b, child);
        t->node[child].parent = r.node;
        queue[(*tail)++] = (struct range){start[i], start[i + 1], r.depth + 1, child};
    }
    return RTD_OK;
}

int rtd_trie_init(struct rtd_trie *t, const char *const *key, const int32_t *id, size_t n,
                  struct rtd_err *err)
{
    struct builder b = {t, key, id, NULL, NULL, RTD_TRIE_NONE, RTD_TRIE_NONE, err};
    struct range *queue;
    size_t head = 0, tail = 0, bytes = 1;

    *t = (struct rtd_trie){0};
    for (size_t i = 0; i < n; i++)
        bytes += strlen(key[i]);
    queue = malloc(bytes * sizeof *queue);
    if (!queue)
        return rtd_fail_sys(err, "vocabulary");
    if (add_cells(&b, 256))
        goto out;
    take_cell(&b, RTD_TRIE_ROOT);
    t->node[RTD_TRIE_ROOT].parent = RTD_TRIE_NONE - 1; /* taken, and nobody's child */
    if (n)
        queue[tail++] = (struct range){0, n, 0, RTD_TRIE_ROOT};
    /* Breadth first: the nodes near the root, which every word visits, lie together. */
    while (head < tail && !err->status)
        expand(&b, queue[head++], queue, &tail);
out:
    free(queue);
    free(b.next);
    free(b.prev);
    if (err->status)
        rtd_trie_fini(t);
    return err->status;
}

void rtd_trie_fini(struct rtd_trie *t)
{
    free(t->node);
    *t = (struct rtd_trie){0};
}
