/* rtdtools - MIT licence
 *
 * The machine: a stack of values, and the operations that put them there. */
#include <stdlib.h>
#include <string.h>

#include "import/pickle_internal.h"

typedef struct rtd_pickle_value value;

int rtd_pickle_bad(struct rtd_pickle *p, const char *what)
{
    return rtd_fail(p->err, RTD_EDATA, "%s: byte %zu of a pickle: %s", p->name, p->at, what);
}

int rtd_pickle_no_memory(struct rtd_pickle *p)
{
    return rtd_fail(p->err, RTD_ESYS, "%s: not enough memory", p->name);
}

/* --- values --- */

value *rtd_pickle_make(struct rtd_pickle *p, enum rtd_pickle_kind kind)
{
    if (p->n == p->cap) {
        size_t cap = 2 * p->cap + 256;
        if (p->n >= RTD_PICKLE_MAX)
            return rtd_pickle_bad(p, "more values than a table of tensors has"), NULL;
        value **all = realloc(p->all, cap * sizeof *all);
        if (!all)
            return rtd_pickle_no_memory(p), NULL;
        p->all = all;
        p->cap = cap;
    }
    value *v = calloc(1, sizeof *v);
    if (!v)
        return rtd_pickle_no_memory(p), NULL;
    v->kind = kind;
    p->all[p->n++] = v;
    return v;
}

value *rtd_pickle_make_text(struct rtd_pickle *p, enum rtd_pickle_kind kind, const void *text,
                            size_t len)
{
    value *v = rtd_pickle_make(p, kind);
    if (!v)
        return NULL;
    v->text = malloc(len + 1);
    if (!v->text)
        return rtd_pickle_no_memory(p), NULL;
    memcpy(v->text, text, len);
    v->text[len] = '\0';
    v->len = len;
    return v;
}

static value *make_int(struct rtd_pickle *p, int64_t n)
{
    value *v = rtd_pickle_make(p, RTD_P_INT);
    if (v)
        v->number = n;
    return v;
}

int rtd_pickle_add_item(struct rtd_pickle *p, value *to, value *item)
{
    if (to->n == to->cap) {
        size_t cap = 2 * to->cap + 4;
        value **list = realloc(to->item, cap * sizeof *list);
        if (!list)
            return rtd_pickle_no_memory(p);
        to->item = list;
        to->cap = cap;
    }
    to->item[to->n++] = item;
    return RTD_OK;
}

int rtd_pickle_push(struct rtd_pickle *p, value *v)
{
    if (!v)
        return p->err->status;
    if (p->depth == p->stack_cap) {
        size_t cap = 2 * p->stack_cap + 64;
        value **stack = realloc(p->stack, cap * sizeof *stack);
        if (!stack)
            return rtd_pickle_no_memory(p);
        p->stack = stack;
        p->stack_cap = cap;
    }
    p->stack[p->depth++] = v;
    return RTD_OK;
}

value *rtd_pickle_pop(struct rtd_pickle *p)
{
    if (p->depth == 0 || p->stack[p->depth - 1]->kind == RTD_P_MARK)
        return rtd_pickle_bad(p, "nothing to take from the stack"), NULL;
    return p->stack[--p->depth];
}

static value *top(struct rtd_pickle *p, enum rtd_pickle_kind kind, const char *what)
{
    value *v = p->depth ? p->stack[p->depth - 1] : NULL;
    return v && v->kind == kind ? v : (rtd_pickle_bad(p, what), NULL);
}

/* Where the values above the last mark begin; the mark itself stands before. */
static int find_mark(struct rtd_pickle *p, size_t *first)
{
    size_t i = p->depth;
    while (i > 0 && p->stack[i - 1]->kind != RTD_P_MARK)
        i--;
    if (i == 0)
        return rtd_pickle_bad(p, "no mark");
    *first = i;
    return RTD_OK;
}

/* --- bytes --- */

static const unsigned char *bytes(struct rtd_pickle *p, size_t n)
{
    if (n > p->len - p->at)
        return rtd_pickle_bad(p, "it ends too early"), NULL;
    p->at += n;
    return p->data + p->at - n;
}

static int number(struct rtd_pickle *p, int size, uint64_t *out)
{
    const unsigned char *b = bytes(p, (size_t)size);
    *out = 0;
    for (int i = size; b && i-- > 0;)
        *out = *out << 8 | b[i];
    return p->err->status;
}

/* A text behind its length of `size` bytes. */
static int push_text(struct rtd_pickle *p, int size)
{
    uint64_t len;
    if (number(p, size, &len))
        return p->err->status;
    const unsigned char *b =
        len <= p->len ? bytes(p, (size_t)len) : (rtd_pickle_bad(p, "a text too long"), NULL);
    return b ? rtd_pickle_push(p, rtd_pickle_make_text(p, RTD_P_TEXT, b, (size_t)len))
             : p->err->status;
}

static int push_long(struct rtd_pickle *p)
{
    uint64_t len;
    if (number(p, 1, &len))
        return p->err->status;
    const unsigned char *b = bytes(p, (size_t)len);
    if (!b)
        return p->err->status;
    if (len > 8)
        return rtd_pickle_push(p, rtd_pickle_make_text(p, RTD_P_BIG, b, (size_t)len));
    uint64_t n = len && b[len - 1] & 0x80 ? ~(uint64_t)0 : 0;
    for (size_t i = (size_t)len; i-- > 0;)
        n = n << 8 | b[i];
    return rtd_pickle_push(p, make_int(p, (int64_t)n));
}

/* --- operations --- */

static int collect(struct rtd_pickle *p)
{
    size_t first = 0;
    value *t = rtd_pickle_make(p, RTD_P_TUPLE);
    if (!t || find_mark(p, &first))
        return p->err->status;
    for (size_t i = first; i < p->depth; i++)
        if (rtd_pickle_add_item(p, t, p->stack[i]))
            return p->err->status;
    p->depth = first - 1;
    return rtd_pickle_push(p, t);
}

static int collect_few(struct rtd_pickle *p, size_t n)
{
    value *t = rtd_pickle_make(p, RTD_P_TUPLE);
    if (!t || p->depth < n)
        return t ? rtd_pickle_bad(p, "nothing to take from the stack") : p->err->status;
    for (size_t i = p->depth - n; i < p->depth; i++)
        if (rtd_pickle_add_item(p, t, p->stack[i]))
            return p->err->status;
    p->depth -= n;
    return rtd_pickle_push(p, t);
}

/* Values above the mark into the list or dictionary below it. */
static int put_many(struct rtd_pickle *p, enum rtd_pickle_kind kind)
{
    size_t first = 0;
    if (find_mark(p, &first))
        return p->err->status;
    if (first < 2 || p->stack[first - 2]->kind != kind ||
        (kind == RTD_P_DICT && (p->depth - first) % 2))
        return rtd_pickle_bad(p, "nothing to put values into");
    for (size_t i = first; i < p->depth; i++)
        if (rtd_pickle_add_item(p, p->stack[first - 2], p->stack[i]))
            return p->err->status;
    p->depth = first - 1;
    return RTD_OK;
}

static int put_one(struct rtd_pickle *p, enum rtd_pickle_kind kind)
{
    value *v = rtd_pickle_pop(p), *key = v && kind == RTD_P_DICT ? rtd_pickle_pop(p) : v;
    value *to = key ? top(p, kind, "nothing to put a value into") : NULL;
    if (!to)
        return p->err->status;
    if (kind == RTD_P_DICT && rtd_pickle_add_item(p, to, key))
        return p->err->status;
    return rtd_pickle_add_item(p, to, v);
}

static int remember(struct rtd_pickle *p, uint64_t at)
{
    if (p->depth == 0 || at >= RTD_PICKLE_MAX)
        return rtd_pickle_bad(p, "nothing to remember");
    if (at >= p->memos) {
        size_t more = 2 * (size_t)at + 256;
        value **memo = realloc(p->memo, more * sizeof *memo);
        if (!memo)
            return rtd_pickle_no_memory(p);
        memset(memo + p->memos, 0, (more - p->memos) * sizeof *memo);
        p->memo = memo;
        p->memos = more;
    }
    p->memo[at] = p->stack[p->depth - 1];
    return RTD_OK;
}

static int recall(struct rtd_pickle *p, int size)
{
    uint64_t at;
    if (number(p, size, &at))
        return p->err->status;
    return at < p->memos && p->memo[at] ? rtd_pickle_push(p, p->memo[at])
                                        : rtd_pickle_bad(p, "a value that was never remembered");
}

/* Attributes of an object: dropped. */
static int build(struct rtd_pickle *p)
{
    return rtd_pickle_pop(p) && top(p, RTD_P_DICT, "attributes of no dictionary") ? RTD_OK
                                                                                  : p->err->status;
}

static int integer(struct rtd_pickle *p, int size)
{
    uint64_t n;
    if (number(p, size, &n))
        return p->err->status;
    return rtd_pickle_push(p, make_int(p, size == 4 ? (int32_t)n : (int64_t)n));
}

static int real(struct rtd_pickle *p)
{
    return bytes(p, 8) ? rtd_pickle_push(p, rtd_pickle_make(p, RTD_P_REAL)) : p->err->status;
}

static int skip(struct rtd_pickle *p, size_t n)
{
    return bytes(p, n) ? RTD_OK : p->err->status;
}

static int put_memo(struct rtd_pickle *p, int size)
{
    uint64_t at;
    return number(p, size, &at) ? p->err->status : remember(p, at);
}

static int operate(struct rtd_pickle *p, unsigned char op, uint64_t *memoized)
{
    switch (op) {
    case 0x80:
        return skip(p, 1); /* PROTO */
    case 0x95:
        return skip(p, 8); /* FRAME */
    case '}':
        return rtd_pickle_push(p, rtd_pickle_make(p, RTD_P_DICT)); /* EMPTY_DICT */
    case ']':
    case ')':
        return rtd_pickle_push(p, rtd_pickle_make(p, RTD_P_TUPLE)); /* EMPTY_LIST, EMPTY_TUPLE */
    case '(':
        return rtd_pickle_push(p, rtd_pickle_make(p, RTD_P_MARK)); /* MARK */
    case 'N':
        return rtd_pickle_push(p, rtd_pickle_make(p, RTD_P_NONE)); /* NONE */
    case 0x88:
        return rtd_pickle_push(p, make_int(p, 1)); /* NEWTRUE */
    case 0x89:
        return rtd_pickle_push(p, make_int(p, 0)); /* NEWFALSE */
    case 'K':
        return integer(p, 1); /* BININT1 */
    case 'M':
        return integer(p, 2); /* BININT2 */
    case 'J':
        return integer(p, 4); /* BININT */
    case 0x8a:
        return push_long(p); /* LONG1 */
    case 'G':
        return real(p); /* BINFLOAT */
    case 'X':
    case 'T':
        return push_text(p, 4); /* BINUNICODE, BINSTRING */
    case 0x8c:
    case 'U':
    case 'C':
        return push_text(p, 1); /* SHORT_ forms */
    case 't':
        return collect(p); /* TUPLE */
    case 0x85:
    case 0x86:
    case 0x87:
        return collect_few(p, op - 0x84u); /* TUPLE1, 2, 3 */
    case 's':
        return put_one(p, RTD_P_DICT); /* SETITEM */
    case 'u':
        return put_many(p, RTD_P_DICT); /* SETITEMS */
    case 'a':
        return put_one(p, RTD_P_TUPLE); /* APPEND */
    case 'e':
        return put_many(p, RTD_P_TUPLE); /* APPENDS */
    case 'c':
        return rtd_pickle_push_global(p); /* GLOBAL */
    case 0x93:
        return rtd_pickle_push_stack_global(p); /* STACK_GLOBAL */
    case 'R':
        return rtd_pickle_reduce(p); /* REDUCE */
    case 'b':
        return build(p); /* BUILD */
    case 'Q':
        return rtd_pickle_push_storage(p); /* BINPERSID */
    case 'q':
        return put_memo(p, 1); /* BINPUT */
    case 'r':
        return put_memo(p, 4); /* LONG_BINPUT */
    case 0x94:
        return remember(p, (*memoized)++); /* MEMOIZE */
    case 'h':
        return recall(p, 1); /* BINGET */
    case 'j':
        return recall(p, 4); /* LONG_BINGET */
    default:
        return rtd_pickle_bad(p, "an operation that no table of tensors needs");
    }
}

static int run(struct rtd_pickle *p)
{
    uint64_t memoized = 0;
    for (;;) {
        const unsigned char *op = bytes(p, 1);
        if (!op)
            return p->err->status;
        if (*op == '.') { /* STOP */
            p->root = rtd_pickle_pop(p);
            return p->err->status;
        }
        if (operate(p, *op, &memoized))
            return p->err->status;
    }
}

int rtd_pickle_read(struct rtd_pickle **out, const unsigned char *data, size_t len, size_t *used,
                    const char *name, struct rtd_err *err)
{
    struct rtd_pickle *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", name);
    p->data = data;
    p->len = len;
    p->name = name;
    p->err = err;
    int st = run(p);
    *used = p->at;
    if (st)
        rtd_pickle_free(p);
    else
        *out = p;
    return st;
}

const struct rtd_pickle_value *rtd_pickle_root(const struct rtd_pickle *p)
{
    return p->root;
}

const struct rtd_pickle_value *rtd_pickle_storage(const struct rtd_pickle *p, const char *key)
{
    size_t i;
    return rtd_names_find(&p->keys, key, &i) ? p->storage[i] : NULL;
}

void rtd_pickle_free(struct rtd_pickle *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++) {
        free(p->all[i]->text);
        free(p->all[i]->item);
        free(p->all[i]->view);
        free(p->all[i]);
    }
    free(p->all);
    free(p->stack);
    free(p->memo);
    free(p->storage);
    rtd_names_free(&p->keys);
    free(p);
}
