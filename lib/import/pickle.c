/* rtdtools - MIT licence */
#include "import/pickle.h"

#include <stdlib.h>
#include <string.h>

typedef struct rtd_pickle_value value;

enum { VALUES_MAX = 1 << 22 };

struct rtd_pickle {
    value **all; /* [n], owned */
    size_t n, cap;
    value **stack; /* [depth] */
    size_t depth, stack_cap;
    value **memo;
    size_t memos;
    const unsigned char *data;
    size_t len, at;
    const char *name;
    struct rtd_err *err;
    value *root;
};

static int bad(struct rtd_pickle *p, const char *what)
{
    return rtd_fail(p->err, RTD_EDATA, "%s: byte %zu of a pickle: %s", p->name, p->at, what);
}

static int no_memory(struct rtd_pickle *p)
{
    return rtd_fail(p->err, RTD_ESYS, "%s: not enough memory", p->name);
}

/* --- values --- */

static value *make(struct rtd_pickle *p, enum rtd_pickle_kind kind)
{
    if (p->n == p->cap) {
        size_t cap = 2 * p->cap + 256;
        value **all = cap <= VALUES_MAX ? realloc(p->all, cap * sizeof *all) : NULL;
        if (!all)
            return no_memory(p), NULL;
        p->all = all;
        p->cap = cap;
    }
    value *v = calloc(1, sizeof *v);
    if (!v)
        return no_memory(p), NULL;
    v->kind = kind;
    p->all[p->n++] = v;
    return v;
}

static value *make_text(struct rtd_pickle *p, enum rtd_pickle_kind kind, const void *text,
                        size_t len)
{
    value *v = make(p, kind);
    if (!v)
        return NULL;
    v->text = malloc(len + 1);
    if (!v->text)
        return no_memory(p), NULL;
    memcpy(v->text, text, len);
    v->text[len] = '\0';
    v->len = len;
    return v;
}

static value *make_int(struct rtd_pickle *p, int64_t n)
{
    value *v = make(p, RTD_P_INT);
    if (v)
        v->number = n;
    return v;
}

static int add_item(struct rtd_pickle *p, value *to, value *item)
{
    if (to->n == to->cap) {
        size_t cap = 2 * to->cap + 4;
        value **list = realloc(to->item, cap * sizeof *list);
        if (!list)
            return no_memory(p);
        to->item = list;
        to->cap = cap;
    }
    to->item[to->n++] = item;
    return RTD_OK;
}

static int push(struct rtd_pickle *p, value *v)
{
    if (!v)
        return p->err->status;
    if (p->depth == p->stack_cap) {
        size_t cap = 2 * p->stack_cap + 64;
        value **stack = realloc(p->stack, cap * sizeof *stack);
        if (!stack)
            return no_memory(p);
        p->stack = stack;
        p->stack_cap = cap;
    }
    p->stack[p->depth++] = v;
    return RTD_OK;
}

static value *pop(struct rtd_pickle *p)
{
    if (p->depth == 0 || p->stack[p->depth - 1]->kind == RTD_P_MARK)
        return bad(p, "nothing to take from the stack"), NULL;
    return p->stack[--p->depth];
}

static value *top(struct rtd_pickle *p, enum rtd_pickle_kind kind, const char *what)
{
    value *v = p->depth ? p->stack[p->depth - 1] : NULL;
    return v && v->kind == kind ? v : (bad(p, what), NULL);
}

/* Where the values above the last mark begin; the mark itself stands before. */
static int find_mark(struct rtd_pickle *p, size_t *first)
{
    size_t i = p->depth;
    while (i > 0 && p->stack[i - 1]->kind != RTD_P_MARK)
        i--;
    if (i == 0)
        return bad(p, "no mark");
    *first = i;
    return RTD_OK;
}

/* --- bytes --- */

static const unsigned char *bytes(struct rtd_pickle *p, size_t n)
{
    if (n > p->len - p->at)
        return bad(p, "it ends too early"), NULL;
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
        len <= p->len ? bytes(p, (size_t)len) : (bad(p, "a text too long"), NULL);
    return b ? push(p, make_text(p, RTD_P_TEXT, b, (size_t)len)) : p->err->status;
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
        return push(p, make_text(p, RTD_P_BIG, b, (size_t)len));
    uint64_t n = len && b[len - 1] & 0x80 ? ~(uint64_t)0 : 0;
    for (size_t i = (size_t)len; i-- > 0;)
        n = n << 8 | b[i];
    return push(p, make_int(p, (int64_t)n));
}

/* --- names --- */

static const struct {
    const char *name;
    enum rtd_element element;
    size_t size;
} storages[] = {
    {"torch FloatStorage", RTD_EL_F32, 4},   {"torch DoubleStorage", RTD_EL_F64, 8},
    {"torch HalfStorage", RTD_EL_F16, 2},    {"torch BFloat16Storage", RTD_EL_BF16, 2},
    {"torch LongStorage", RTD_EL_OTHER, 8},  {"torch IntStorage", RTD_EL_OTHER, 4},
    {"torch ShortStorage", RTD_EL_OTHER, 2}, {"torch CharStorage", RTD_EL_OTHER, 1},
    {"torch ByteStorage", RTD_EL_OTHER, 1},  {"torch BoolStorage", RTD_EL_OTHER, 1},
};
static const char rebuild[] = "torch._utils _rebuild_tensor_v2",
                  parameter[] = "torch._utils _rebuild_parameter",
                  ordered[] = "collections OrderedDict";

static int push_name(struct rtd_pickle *p, const char *module, const char *name)
{
    char full[200], shown[120];
    bool known = false;
    int n = snprintf(full, sizeof full, "%s %s", module, name);
    for (size_t i = 0; i < sizeof storages / sizeof storages[0]; i++)
        known |= strcmp(full, storages[i].name) == 0;
    known |=
        strcmp(full, rebuild) == 0 || strcmp(full, parameter) == 0 || strcmp(full, ordered) == 0;
    if (!known || n >= (int)sizeof full) {
        snprintf(full, sizeof full, "%.80s.%.80s", module, name);
        return rtd_fail(p->err, RTD_EDATA, "%s: the pickle asks for %s: only tensors are read",
                        p->name, rtd_mask_text(shown, sizeof shown, full, strlen(full)));
    }
    return push(p, make_text(p, RTD_P_GLOBAL, full, strlen(full)));
}

/* Two lines of text: module and name. */
static int push_global(struct rtd_pickle *p)
{
    char part[2][128];
    for (int i = 0; i < 2; i++) {
        const unsigned char *from = p->data + p->at;
        const unsigned char *end = memchr(from, '\n', p->len - p->at);
        if (!end || end - from >= (long)sizeof part[i])
            return bad(p, "a name without end");
        memcpy(part[i], from, (size_t)(end - from));
        part[i][end - from] = '\0';
        p->at += (size_t)(end - from) + 1;
    }
    return push_name(p, part[0], part[1]);
}

static int push_stack_global(struct rtd_pickle *p)
{
    value *name = pop(p), *module = name ? pop(p) : NULL;
    if (!module || module->kind != RTD_P_TEXT || name->kind != RTD_P_TEXT)
        return p->err->status ? p->err->status : bad(p, "a name that is no text");
    return push_name(p, module->text, name->text);
}

/* --- storages and tensors --- */

static bool is_int(const value *v)
{
    return v->kind == RTD_P_INT && v->number >= 0;
}

/* ('storage', type, key, device, elements, ...) */
static int push_storage(struct rtd_pickle *p)
{
    value *id = pop(p), **f = id ? id->item : NULL;
    if (!id)
        return p->err->status;
    if (id->kind != RTD_P_TUPLE || id->n < 5 || f[0]->kind != RTD_P_TEXT ||
        strcmp(f[0]->text, "storage") != 0 || f[1]->kind != RTD_P_GLOBAL ||
        f[2]->kind != RTD_P_TEXT || !is_int(f[4]))
        return bad(p, "a reference that is not to a storage");
    if (id->n > 5 && f[5]->kind != RTD_P_NONE)
        return bad(p, "a storage that is a part of another");
    value *s = make_text(p, RTD_P_STORAGE, f[2]->text, f[2]->len);
    if (!s)
        return p->err->status;
    s->element = RTD_EL_OTHER;
    for (size_t i = 0; i < sizeof storages / sizeof storages[0]; i++)
        if (strcmp(f[1]->text, storages[i].name) == 0) {
            s->element = storages[i].element;
            s->size = storages[i].size;
        }
    s->number = f[4]->number;
    return push(p, s);
}

/* (storage, offset, size, stride, ...) */
static int push_tensor(struct rtd_pickle *p, const value *a)
{
    value **f = a->item, *t;
    if (a->n < 4 || f[0]->kind != RTD_P_STORAGE || !is_int(f[1]) || f[2]->kind != RTD_P_TUPLE ||
        f[3]->kind != RTD_P_TUPLE || f[2]->n != f[3]->n || f[2]->n > RTD_ST_MAX_DIMS)
        return bad(p, "a tensor that is not described as one");
    t = make(p, RTD_P_TENSOR);
    if (!t || add_item(p, t, f[0]))
        return p->err->status;
    t->offset = (size_t)f[1]->number;
    t->ndim = (int)f[2]->n;
    for (size_t i = 0; i < f[2]->n; i++) {
        if (!is_int(f[2]->item[i]) || !is_int(f[3]->item[i]))
            return bad(p, "a tensor with a negative size");
        t->dims[i] = (size_t)f[2]->item[i]->number;
        t->stride[i] = (size_t)f[3]->item[i]->number;
    }
    return push(p, t);
}

static int reduce(struct rtd_pickle *p)
{
    value *args = pop(p), *f = args ? pop(p) : NULL;
    if (!f)
        return p->err->status;
    if (f->kind != RTD_P_GLOBAL || args->kind != RTD_P_TUPLE)
        return bad(p, "a call of what is no function");
    if (strcmp(f->text, ordered) == 0 && args->n == 0)
        return push(p, make(p, RTD_P_DICT));
    if (strcmp(f->text, rebuild) == 0)
        return push_tensor(p, args);
    if (strcmp(f->text, parameter) == 0 && args->n && args->item[0]->kind == RTD_P_TENSOR)
        return push(p, args->item[0]);
    return bad(p, "a call that makes no tensor");
}

/* --- operations --- */

static int collect(struct rtd_pickle *p)
{
    size_t first = 0;
    value *t = make(p, RTD_P_TUPLE);
    if (!t || find_mark(p, &first))
        return p->err->status;
    for (size_t i = first; i < p->depth; i++)
        if (add_item(p, t, p->stack[i]))
            return p->err->status;
    p->depth = first - 1;
    return push(p, t);
}

static int collect_few(struct rtd_pickle *p, size_t n)
{
    value *t = make(p, RTD_P_TUPLE);
    if (!t || p->depth < n)
        return t ? bad(p, "nothing to take from the stack") : p->err->status;
    for (size_t i = p->depth - n; i < p->depth; i++)
        if (add_item(p, t, p->stack[i]))
            return p->err->status;
    p->depth -= n;
    return push(p, t);
}

/* Values above the mark into the list or dictionary below it. */
static int put_many(struct rtd_pickle *p, enum rtd_pickle_kind kind)
{
    size_t first = 0;
    if (find_mark(p, &first))
        return p->err->status;
    if (first < 2 || p->stack[first - 2]->kind != kind ||
        (kind == RTD_P_DICT && (p->depth - first) % 2))
        return bad(p, "nothing to put values into");
    for (size_t i = first; i < p->depth; i++)
        if (add_item(p, p->stack[first - 2], p->stack[i]))
            return p->err->status;
    p->depth = first - 1;
    return RTD_OK;
}

static int put_one(struct rtd_pickle *p, enum rtd_pickle_kind kind)
{
    value *v = pop(p), *key = v && kind == RTD_P_DICT ? pop(p) : v;
    value *to = key ? top(p, kind, "nothing to put a value into") : NULL;
    if (!to)
        return p->err->status;
    if (kind == RTD_P_DICT && add_item(p, to, key))
        return p->err->status;
    return add_item(p, to, v);
}

static int remember(struct rtd_pickle *p, uint64_t at)
{
    if (p->depth == 0 || at > VALUES_MAX)
        return bad(p, "nothing to remember");
    if (at >= p->memos) {
        size_t more = (size_t)at + 256;
        value **memo = realloc(p->memo, more * sizeof *memo);
        if (!memo)
            return no_memory(p);
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
    return at < p->memos && p->memo[at] ? push(p, p->memo[at])
                                        : bad(p, "a value that was never remembered");
}

/* Attributes of an object: dropped. */
static int build(struct rtd_pickle *p)
{
    return pop(p) && top(p, RTD_P_DICT, "attributes of no dictionary") ? RTD_OK : p->err->status;
}

static int integer(struct rtd_pickle *p, int size)
{
    uint64_t n;
    if (number(p, size, &n))
        return p->err->status;
    return push(p, make_int(p, size == 4 ? (int32_t)n : (int64_t)n));
}

static int real(struct rtd_pickle *p)
{
    return bytes(p, 8) ? push(p, make(p, RTD_P_REAL)) : p->err->status;
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
        return push(p, make(p, RTD_P_DICT)); /* EMPTY_DICT */
    case ']':
    case ')':
        return push(p, make(p, RTD_P_TUPLE)); /* EMPTY_LIST, EMPTY_TUPLE */
    case '(':
        return push(p, make(p, RTD_P_MARK)); /* MARK */
    case 'N':
        return push(p, make(p, RTD_P_NONE)); /* NONE */
    case 0x88:
        return push(p, make_int(p, 1)); /* NEWTRUE */
    case 0x89:
        return push(p, make_int(p, 0)); /* NEWFALSE */
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
        return push_global(p); /* GLOBAL */
    case 0x93:
        return push_stack_global(p); /* STACK_GLOBAL */
    case 'R':
        return reduce(p); /* REDUCE */
    case 'b':
        return build(p); /* BUILD */
    case 'Q':
        return push_storage(p); /* BINPERSID */
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
        return bad(p, "an operation that no table of tensors needs");
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
            p->root = pop(p);
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
    for (size_t i = 0; i < p->n; i++)
        if (p->all[i]->kind == RTD_P_STORAGE && strcmp(p->all[i]->text, key) == 0)
            return p->all[i];
    return NULL;
}

void rtd_pickle_free(struct rtd_pickle *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++) {
        free(p->all[i]->text);
        free(p->all[i]->item);
        free(p->all[i]);
    }
    free(p->all);
    free(p->stack);
    free(p->memo);
    free(p);
}
