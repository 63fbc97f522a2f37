/* rtdtools - MIT licence
 *
 * A double-array trie over byte strings: a step is one load, a child of node n for byte c is the
 * cell base[n] ^ c if that cell's parent is n.  Immutable after new. */
#ifndef RTD_TEXT_TRIE_H
#define RTD_TEXT_TRIE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct rtd_trie_node {
    uint32_t base;
    uint32_t parent; /* RTD_TRIE_NONE: a free cell */
    int32_t id;      /* of the string that ends here, or -1 */
};
#define RTD_TRIE_NONE UINT32_MAX
enum { RTD_TRIE_ROOT = 0 };

struct rtd_trie {
    struct rtd_trie_node *node; /* [size], size a multiple of 256: base ^ c is always inside */
    size_t size;
};

/* key[0..n-1]: NUL-terminated, not empty, sorted by their bytes (strcmp), all different; id[i]
 * belongs to key[i]. */
int rtd_trie_init(struct rtd_trie *t, const char *const *key, const int32_t *id, size_t n,
                  struct rtd_err *err);
void rtd_trie_fini(struct rtd_trie *t);

/* The child of node for byte c, or RTD_TRIE_NONE. */
static inline uint32_t rtd_trie_step(const struct rtd_trie *t, uint32_t node, unsigned char c)
{
    uint32_t next = t->node[node].base ^ c;
    return t->node[next].parent == node ? next : RTD_TRIE_NONE;
}

#endif
