/* rtdtools - MIT licence
 *
 * What a pickle of torch.save may mention: names, storages, tensors. */
#include <stdlib.h>
#include <string.h>

#include "import/pickle_internal.h"

typedef struct rtd_pickle_value value;

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
    return rtd_pickle_push(p, rtd_pickle_make_text(p, RTD_P_GLOBAL, full, strlen(full)));
}

/* Two lines of text: module and name. */
int rtd_pickle_push_global(struct rtd_pickle *p)
{
    char part[2][128];
    for (int i = 0; i < 2; i++) {
        const unsigned char *from = p->data + p->at;
        const unsigned char *end = memchr(from, '\n', p->len - p->at);
        if (!end || end - from >= (long)sizeof part[i])
            return rtd_pickle_bad(p, "a name without end");
        memcpy(part[i], from, (size_t)(end - from));
        part[i][end - from] = '\0';
        p->at += (size_t)(end - from) + 1;
    }
    return push_name(p, part[0], part[1]);
}

int rtd_pickle_push_stack_global(struct rtd_pickle *p)
{
    value *name = rtd_pickle_pop(p), *module = name ? rtd_pickle_pop(p) : NULL;
    if (!module || module->kind != RTD_P_TEXT || name->kind != RTD_P_TEXT)
        return p->err->status ? p->err->status : rtd_pickle_bad(p, "a name that is no text");
    return push_name(p, module->text, name->text);
}

/* --- storages and tensors --- */

static bool is_int(const value *v)
{
    return v->kind == RTD_P_INT && v->number >= 0;
}

static int remember_storage(struct rtd_pickle *p, value *s)
{
    size_t number;
    bool known;
    if (p->keys.n == p->storage_cap) {
        size_t cap = 2 * p->storage_cap + 64;
        value **list = realloc(p->storage, cap * sizeof *list);
        if (!list)
            return rtd_pickle_no_memory(p);
        p->storage = list;
        p->storage_cap = cap;
    }
    if (!rtd_names_add(&p->keys, s->text, &number, &known, p->err) && !known)
        p->storage[number] = s;
    return p->err->status;
}

/* ('storage', type, key, device, elements, ...) */
int rtd_pickle_push_storage(struct rtd_pickle *p)
{
    value *id = rtd_pickle_pop(p), **f = id ? id->item : NULL;
    if (!id)
        return p->err->status;
    if (id->kind != RTD_P_TUPLE || id->n < 5 || f[0]->kind != RTD_P_TEXT ||
        strcmp(f[0]->text, "storage") != 0 || f[1]->kind != RTD_P_GLOBAL ||
        f[2]->kind != RTD_P_TEXT || !is_int(f[4]))
        return rtd_pickle_bad(p, "a reference that is not to a storage");
    if (id->n > 5 && f[5]->kind != RTD_P_NONE)
        return rtd_pickle_bad(p, "a storage that is a part of another");
    value *s = rtd_pickle_make_text(p, RTD_P_STORAGE, f[2]->text, f[2]->len);
    if (!s)
        return p->err->status;
    s->element = RTD_EL_OTHER;
    for (size_t i = 0; i < sizeof storages / sizeof storages[0]; i++)
        if (strcmp(f[1]->text, storages[i].name) == 0) {
            s->element = storages[i].element;
            s->size = storages[i].size;
        }
    s->number = f[4]->number;
    return remember_storage(p, s) ? p->err->status : rtd_pickle_push(p, s);
}

/* (storage, offset, size, stride, ...) */
static int push_tensor(struct rtd_pickle *p, const value *a)
{
    value **f = a->item, *t;
    if (a->n < 4 || f[0]->kind != RTD_P_STORAGE || !is_int(f[1]) || f[2]->kind != RTD_P_TUPLE ||
        f[3]->kind != RTD_P_TUPLE || f[2]->n != f[3]->n || f[2]->n > RTD_ST_MAX_DIMS)
        return rtd_pickle_bad(p, "a tensor that is not described as one");
    t = rtd_pickle_make(p, RTD_P_TENSOR);
    if (!t || rtd_pickle_add_item(p, t, f[0]))
        return p->err->status;
    struct rtd_pickle_view *view = t->view = calloc(1, sizeof *view);
    if (!view)
        return rtd_pickle_no_memory(p);
    view->offset = (size_t)f[1]->number;
    view->ndim = (int)f[2]->n;
    for (size_t i = 0; i < f[2]->n; i++) {
        if (!is_int(f[2]->item[i]) || !is_int(f[3]->item[i]))
            return rtd_pickle_bad(p, "a tensor with a negative size");
        view->dims[i] = (size_t)f[2]->item[i]->number;
        view->stride[i] = (size_t)f[3]->item[i]->number;
    }
    return rtd_pickle_push(p, t);
}

int rtd_pickle_reduce(struct rtd_pickle *p)
{
    value *args = rtd_pickle_pop(p), *f = args ? rtd_pickle_pop(p) : NULL;
    if (!f)
        return p->err->status;
    if (f->kind != RTD_P_GLOBAL || args->kind != RTD_P_TUPLE)
        return rtd_pickle_bad(p, "a call of what is no function");
    if (strcmp(f->text, ordered) == 0 && args->n == 0)
        return rtd_pickle_push(p, rtd_pickle_make(p, RTD_P_DICT));
    if (strcmp(f->text, rebuild) == 0)
        return push_tensor(p, args);
    if (strcmp(f->text, parameter) == 0 && args->n && args->item[0]->kind == RTD_P_TENSOR)
        return rtd_pickle_push(p, args->item[0]);
    return rtd_pickle_bad(p, "a call that makes no tensor");
}
