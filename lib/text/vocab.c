/* rtdtools - MIT licence */
#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static int check_line(const char *line, size_t len, const char *name, uint32_t number,
                      struct rtd_err *err)
{
    if (rtd_utf8_valid(line, len) && !memchr(line, 0, len))
        return RTD_OK;
    return rtd_fail(err, RTD_EDATA, "%s: line %u: not a vocabulary: not UTF-8 text", name, number);
}

/* Split into lines: fills text, pieces, at. */
static int split(struct rtd_vocab *v, const char *text, size_t len, const char *name,
                 struct rtd_err *err)
{
    const char *end = text + len;
    uint32_t lines = 1;

    for (const char *p = text; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
        lines++;
    v->text = malloc(len + 2);
    v->pieces = malloc(len + 2);
    v->at = malloc(lines * sizeof *v->at);
    if (!v->text || !v->pieces || !v->at)
        return rtd_fail_sys(err, "%s", name);
    for (const char *p = text, *nl; p < end; p = nl + 1) {
        size_t n;
        nl = memchr(p, '\n', (size_t)(end - p));
        if (!nl)
            nl = end;
        n = (size_t)(nl - p);
        if (n && p[n - 1] == '\r')
            n--;
        if (check_line(p, n, name, v->n + 1, err))
            return err->status;
        memcpy(v->text + v->len, p, n);
        v->text[v->len + n] = '\n';
        v->at[v->n++] = (uint32_t)v->len;
        v->len += n + 1;
    }
    while (v->n && v->text[v->at[v->n - 1]] == '\n') /* empty lines at the end are no pieces */
        v->len = v->at[--v->n];
    if (!v->n)
        return rtd_fail(err, RTD_EDATA, "%s: empty vocabulary", name);
    v->text[v->len] = 0;
    for (size_t i = 0; i <= v->len; i++)
        v->pieces[i] = v->text[i] == '\n' ? 0 : v->text[i];
    return RTD_OK;
}

static int by_piece(const void *a, const void *b, void *arg)
{
    const struct rtd_vocab *v = arg;
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    int c = strcmp(v->pieces + v->at[i], v->pieces + v->at[j]);
    return c ? c : (i > j) - (i < j);
}

int rtd_vocab_init(struct rtd_vocab *v, const char *text, size_t len, const char *name,
                   struct rtd_err *err)
{
    int32_t *id = NULL;
    const char **key = NULL;
    uint32_t n = 0;

    *v = (struct rtd_vocab){0};
    if (len > RTD_VOCAB_MAX)
        return rtd_fail(err, RTD_EDATA, "%s: not a vocabulary: over %d MiB", name,
                        RTD_VOCAB_MAX >> 20);
    if (split(v, text, len, name, err))
        goto out;
    id = malloc(v->n * sizeof *id);
    key = malloc(v->n * sizeof *key);
    if (!id || !key) {
        rtd_fail_sys(err, "%s", name);
        goto out;
    }
    for (uint32_t i = 0; i < v->n; i++)
        id[i] = (int32_t)i;
    qsort_r(id, v->n, sizeof *id, by_piece, v);
    for (uint32_t i = 0; i < v->n; i++) {
        const char *piece = v->pieces + v->at[id[i]];
        bool again = n && !strcmp(key[n - 1], piece);
        v->twice += again;
        n -= again; /* the later id counts */
        key[n] = piece;
        id[n] = id[i];
        n += *piece != 0;
    }
    rtd_trie_init(&v->trie, key, id, n, err);
out:
    free(id);
    free(key);
    if (err->status)
        rtd_vocab_fini(v);
    return err->status;
}

void rtd_vocab_fini(struct rtd_vocab *v)
{
    free(v->text);
    free(v->pieces);
    free(v->at);
    rtd_trie_fini(&v->trie);
    *v = (struct rtd_vocab){0};
}

int32_t rtd_vocab_id(const struct rtd_vocab *v, const char *piece, size_t len)
{
    uint32_t node = RTD_TRIE_ROOT;
    for (size_t i = 0; i < len; i++)
        if ((node = rtd_trie_step(&v->trie, node, (unsigned char)piece[i])) == RTD_TRIE_NONE)
            return -1;
    return v->trie.node[node].id;
}

bool rtd_vocab_unused(const char *piece)
{
    static const char begin[] = "[unused";
    const char *p = piece + sizeof begin - 1;
    if (strncmp(piece, begin, sizeof begin - 1) != 0)
        return false;
    size_t digits = strspn(p, "0123456789");
    return digits && strcmp(p + digits, "]") == 0;
}

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
