/* rtdtools - MIT licence */
#include "text/added.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/charmap.h"

static int by_text(const void *a, const void *b, void *arg)
{
    char *const *look = arg;
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    int c = strcmp(look[i], look[j]);
    return c ? c : (i > j) - (i < j);
}

int rtd_added_set_init(struct rtd_added_set *s, const struct rtd_added *list, char *const *look,
                       size_t n, struct rtd_err *err)
{
    int32_t *at = malloc((n + 1) * sizeof *at);
    const char **key = malloc((n + 1) * sizeof *key);

    *s = (struct rtd_added_set){.list = list};
    if (!at || !key) {
        rtd_fail_sys(err, "added pieces");
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        if (look[i][0])
            at[s->n++] = (int32_t)i;
    n = s->n;
    s->n = 0;
    if (n)
        qsort_r(at, n, sizeof *at, by_text, (void *)look);
    for (size_t i = 0; i < n; i++) {
        if (s->n && !strcmp(key[s->n - 1], look[at[i]]))
            continue;
        s->first[(unsigned char)look[at[i]][0]] = true;
        s->others = s->others || !list[at[i]].special;
        key[s->n] = look[at[i]];
        at[s->n++] = at[i];
    }
    if (s->n)
        rtd_trie_init(&s->trie, key, at, s->n, err);
out:
    free(at);
    free(key);
    if (err->status)
        rtd_added_set_fini(s);
    return err->status;
}

void rtd_added_set_fini(struct rtd_added_set *s)
{
    rtd_trie_fini(&s->trie);
    *s = (struct rtd_added_set){0};
}

/* The character that ends before s[i], i > 0. */
static uint32_t before(const char *s, size_t i, size_t *size)
{
    uint32_t c;
    *size = 1;
    while (*size < 4 && *size < i && ((unsigned char)s[i - *size] & 0xC0) == 0x80)
        ++*size;
    if (rtd_utf8_step((const unsigned char *)s + i - *size, *size, &c) == (int)*size)
        return c;
    *size = 1;
    return 0xFFFD;
}

static uint32_t behind(const char *s, size_t n, size_t *size)
{
    uint32_t c;
    int k = rtd_utf8_step((const unsigned char *)s, n, &c);
    *size = k > 0 ? (size_t)k : 1;
    return k > 0 ? c : 0xFFFD;
}

/* The blanks beside text[begin .. end-1] that go with it, down to `floor`. */
static void strip(const struct rtd_added *a, const char *text, size_t len, size_t floor,
                  size_t *begin, size_t *end)
{
    size_t k;
    while (a->strip_left && *begin > floor && rtd_is_white_space(before(text, *begin, &k)))
        *begin -= k;
    while (a->strip_right && *end < len && rtd_is_white_space(behind(text + *end, len - *end, &k)))
        *end += k;
}

bool rtd_added_next(const struct rtd_added_set *s, const struct rtd_added_read *read,
                    const char *text, size_t len, struct rtd_added_at *at)
{
    size_t floor = at->end, k;
    if (!s->n || (!s->others && !read->special && read->only < 0))
        return false;
    for (size_t i = floor; i < len;) {
        uint32_t node = RTD_TRIE_ROOT;
        int32_t found = -1;
        size_t end = i;
        while (i < len && !s->first[(unsigned char)text[i]])
            i++;
        for (size_t j = i; j < len; j++) {
            node = rtd_trie_step(&s->trie, node, (unsigned char)text[j]);
            if (node == RTD_TRIE_NONE)
                break;
            if (s->trie.node[node].id >= 0) {
                found = s->trie.node[node].id;
                end = j + 1;
            }
        }
        if (found < 0) {
            i++;
            continue;
        }
        const struct rtd_added *a = &s->list[found];
        bool is_text = a->special && !read->special && a->id != read->only;
        bool inside = a->single_word &&
                      ((i > 0 && rtd_is_word_letter(before(text, i, &k))) ||
                       (end < len && rtd_is_word_letter(behind(text + end, len - end, &k))));
        if (is_text || inside) {
            i = end;
            continue;
        }
        *at = (struct rtd_added_at){.begin = i, .end = end, .piece = a};
        strip(a, text, len, floor, &at->begin, &at->end);
        return true;
    }
    return false;
}
