/* rtdtools - MIT licence
 *
 * Files of torch.save: a zip archive (data.pkl, data/KEY), or the older form, pickles one after the
 * other and then the storages. */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/lfs.h"
#include "base/process.h"
#include "import/pickle.h"
#include "import/weights.h"

enum { TABLES_MAX = 8 };

static const char *archive_version(void)
{
    return archive_version_details() + strlen("libarchive ");
}

__attribute__((constructor)) static void name_libarchive(void)
{
    rtd_add_part("libarchive", archive_version);
}

/* The bytes of a storage. */
struct storage {
    const unsigned char *data;
    unsigned char *owned; /* NULL: data lies in the file */
    size_t len;
};

struct torch {
    const char *path;
    const unsigned char *file;
    size_t len;
    struct storage *s; /* [n] */
    size_t n, cap;
    struct rtd_names keys; /* of s, by number */
    size_t unpacked, held; /* bytes of storages that are not the file's own, and of tensors */
    struct rtd_pickle *table;
};

static struct storage *add_storage(struct torch *t, const char *key, struct rtd_err *err)
{
    size_t number;
    bool known;
    if (t->n == t->cap) {
        size_t cap = 2 * t->cap + 64;
        struct storage *s = realloc(t->s, cap * sizeof *s);
        if (!s) {
            rtd_fail(err, RTD_ESYS, "%s: not enough memory", t->path);
            return NULL;
        }
        t->s = s;
        t->cap = cap;
    }
    if (rtd_names_add(&t->keys, key, &number, &known, err))
        return NULL;
    if (known) {
        rtd_fail(err, RTD_EDATA, "%s: a storage that is there twice", t->path);
        return NULL;
    }
    t->s[t->n] = (struct storage){.data = NULL};
    return &t->s[t->n++];
}

static const struct storage *find_storage(const struct torch *t, const char *key)
{
    size_t i;
    return rtd_names_find(&t->keys, key, &i) ? &t->s[i] : NULL;
}

/* Count bytes that are made of the file's; it cannot hold many times what it is. */
static int count_bytes(const struct torch *t, size_t *sum, size_t bytes, struct rtd_err *err)
{
    if (__builtin_add_overflow(*sum, bytes, sum) || *sum / RTD_WEIGHTS_SHARE > t->len)
        return rtd_fail(err, RTD_EDATA, "%s: its tensors are more than %d times the file", t->path,
                        RTD_WEIGHTS_SHARE);
    return RTD_OK;
}

/* --- tensors out of storages --- */

/* The highest element that a view reaches lies in the storage. */
static bool fits(const struct rtd_pickle_view *v, size_t elements)
{
    size_t last = v->offset, product;
    for (int i = 0; i < v->ndim; i++) {
        if (v->dims[i] == 0)
            return true;
        if (__builtin_mul_overflow(v->dims[i] - 1, v->stride[i], &product) ||
            __builtin_add_overflow(last, product, &last))
            return false;
    }
    return last < elements;
}

static int take_tensor(struct rtd_weights *all, struct torch *t, const char *name,
                       const struct rtd_pickle_value *tensor, struct rtd_err *err)
{
    const struct rtd_pickle_value *which = tensor->item[0];
    const struct rtd_pickle_view *v = tensor->view;
    const struct storage *s = find_storage(t, which->text);
    size_t size = rtd_element_size(which->element), at[RTD_ST_MAX_DIMS] = {0}, from = v->offset;
    if (size == 0) /* integers: position_ids */
        return RTD_OK;
    if (!s || !fits(v, s->len / size))
        return rtd_fail(err, RTD_EDATA, "%s: %s: its storage is not there, or too short", t->path,
                        name);
    size_t count = 1;
    for (int i = 0; i < v->ndim; i++)
        if (__builtin_mul_overflow(count, v->dims[i], &count) || count > RTD_WEIGHTS_SHARE * t->len)
            return rtd_fail(err, RTD_EDATA, "%s: %s: larger than the file", t->path, name);
    if (count_bytes(t, &t->held, count * size, err))
        return err->status;
    struct rtd_weight *w = rtd_weights_add(all, name, v->ndim, v->dims, err);
    if (!w)
        return err->status;
    for (size_t k = 0; k < w->count; k++) {
        w->data[k] = rtd_element_at(which->element, s->data, from);
        for (int i = v->ndim - 1; i >= 0; i--) { /* the next index */
            from += v->stride[i];
            if (++at[i] < v->dims[i])
                break;
            from -= v->stride[i] * v->dims[i];
            at[i] = 0;
        }
    }
    return RTD_OK;
}

/* A table of tensors, or one that holds it under a usual name.  A pickle can put a table into
 * itself: `depth` ends that. */
static int take_table(struct rtd_weights *all, struct torch *t, const struct rtd_pickle_value *root,
                      int depth, struct rtd_err *err)
{
    int st = RTD_OK;
    if (depth > TABLES_MAX)
        return rtd_fail(err, RTD_EDATA, "%s: tables in tables without end", t->path);
    if (root->kind != RTD_P_DICT)
        return rtd_fail(err, RTD_EDATA, "%s: not a table of tensors", t->path);
    for (size_t i = 0; i + 1 < root->n && !st; i += 2) {
        const struct rtd_pickle_value *key = root->item[i], *v = root->item[i + 1];
        if (key->kind != RTD_P_TEXT)
            return rtd_fail(err, RTD_EDATA, "%s: a tensor without a name", t->path);
        if (v->kind == RTD_P_DICT &&
            (strcmp(key->text, "state_dict") == 0 || strcmp(key->text, "model") == 0))
            return take_table(all, t, v, depth + 1, err);
        if (v->kind != RTD_P_TENSOR)
            return rtd_fail(err, RTD_EDATA, "%s: '%.60s' is not a tensor", t->path, key->text);
        st = take_tensor(all, t, key->text, v, err);
    }
    return st;
}

/* --- the zip form --- */

static int read_entry(struct torch *t, struct archive *a, struct archive_entry *e,
                      struct rtd_err *err)
{
    const char *name = archive_entry_pathname(e), *slash = name ? strchr(name, '/') : NULL;
    int64_t size = archive_entry_size(e);
    if (!slash || size < 0)
        return RTD_OK;
    if ((uint64_t)size > t->len)
        return rtd_fail(err, RTD_EDATA, "%s: an entry larger than the file", t->path);
    if (count_bytes(t, &t->unpacked, (size_t)size, err))
        return err->status;
    struct storage *s =
        add_storage(t, strncmp(slash + 1, "data/", 5) == 0 ? slash + 6 : slash + 1, err);
    if (!s)
        return err->status;
    s->owned = malloc((size_t)size + 1);
    if (!s->owned)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", t->path);
    s->data = s->owned;
    while (s->len < (size_t)size) {
        la_ssize_t got = archive_read_data(a, s->owned + s->len, (size_t)size - s->len);
        if (got <= 0)
            return rtd_fail(err, RTD_EDATA, "%s: an entry is damaged", t->path);
        s->len += (size_t)got;
    }
    return RTD_OK;
}

static int read_entries(struct torch *t, struct archive *a, struct rtd_err *err)
{
    struct archive_entry *e;
    int st, r = archive_read_open_memory(a, t->file, t->len);
    if (r != ARCHIVE_OK)
        return rtd_fail(err, RTD_EDATA, "%s: a damaged archive", t->path);
    while ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK)
        if ((st = read_entry(t, a, e, err)))
            return st;
    return r == ARCHIVE_EOF ? RTD_OK : rtd_fail(err, RTD_EDATA, "%s: a damaged archive", t->path);
}

static int read_zip(struct torch *t, struct rtd_err *err)
{
    struct archive *a = archive_read_new();
    size_t used;
    if (!a)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", t->path);
    archive_read_support_format_zip(a);
    int st = read_entries(t, a, err);
    archive_read_free(a);
    if (st)
        return st;
    const struct storage *p = find_storage(t, "data.pkl"), *order = find_storage(t, "byteorder");
    if (!p)
        return rtd_fail(err, RTD_EDATA, "%s: an archive without data.pkl", t->path);
    if (order && (order->len != 6 || memcmp(order->data, "little", 6) != 0))
        return rtd_fail(err, RTD_EDATA, "%s: its bytes are not in little-endian order", t->path);
    return rtd_pickle_read(&t->table, p->data, p->len, &used, t->path, err);
}

/* --- the older form --- */

static int next_pickle(struct torch *t, size_t *at, struct rtd_pickle **p, struct rtd_err *err)
{
    size_t used;
    int st = rtd_pickle_read(p, t->file + *at, t->len - *at, &used, t->path, err);
    *at += used;
    return st;
}

/* Sizes of elements come from the storages that the table of tensors names: the file only counts
 * them. */
static size_t size_of(const struct rtd_pickle *p, const char *key)
{
    const struct rtd_pickle_value *s = rtd_pickle_storage(p, key);
    return s ? s->size : 0;
}

static int read_storages(struct torch *t, size_t at, const struct rtd_pickle_value *keys,
                         struct rtd_err *err)
{
    for (size_t i = 0; i < keys->n; i++) {
        uint64_t count;
        if (keys->item[i]->kind != RTD_P_TEXT || t->len - at < sizeof count)
            return rtd_fail(err, RTD_EDATA, "%s: it ends before its storages do", t->path);
        memcpy(&count, t->file + at, sizeof count);
        at += sizeof count;
        size_t size = size_of(t->table, keys->item[i]->text), len;
        if (!size || __builtin_mul_overflow(count, size, &len) || len > t->len - at)
            return rtd_fail(err, RTD_EDATA, "%s: a storage that no tensor uses, or that is cut",
                            t->path);
        struct storage *s = add_storage(t, keys->item[i]->text, err);
        if (!s)
            return err->status;
        s->data = t->file + at;
        s->len = len;
        at += len;
    }
    return RTD_OK;
}

static int read_legacy(struct torch *t, struct rtd_err *err)
{
    static const unsigned char magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                          0x20, 0x6a, 0xa8, 0x50, 0x19};
    struct rtd_pickle *p;
    size_t at = 0;
    int st = RTD_OK;
    for (int i = 0; i < 3 && !st; i++) { /* magic number, version, what the machine was */
        st = next_pickle(t, &at, &p, err);
        const struct rtd_pickle_value *v = st ? NULL : rtd_pickle_root(p);
        if (!st && ((i == 0 && (v->kind != RTD_P_BIG || v->len != sizeof magic ||
                                memcmp(v->text, magic, sizeof magic) != 0)) ||
                    (i == 1 && v->number != 1001)))
            st = rtd_fail(err, RTD_EDATA, "%s: not a file of torch.save", t->path);
        rtd_pickle_free(p);
    }
    if (!st)
        st = next_pickle(t, &at, &t->table, err);
    if (st)
        return st;
    st = next_pickle(t, &at, &p, err);
    if (!st && rtd_pickle_root(p)->kind != RTD_P_TUPLE)
        st = rtd_fail(err, RTD_EDATA, "%s: no list of storages", t->path);
    if (!st)
        st = read_storages(t, at, rtd_pickle_root(p), err);
    rtd_pickle_free(p);
    return st;
}

int rtd_read_torch(struct rtd_weights *all, const char *path, struct rtd_err *err)
{
    struct torch t = {.path = path};
    struct stat sb;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &sb)) {
        rtd_fail_sys(err, "%s", path);
        if (fd >= 0)
            close(fd);
        return err->status;
    }
    t.len = (size_t)sb.st_size;
    void *map = t.len ? mmap(NULL, t.len, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (map == MAP_FAILED)
        return rtd_fail(err, RTD_EDATA, "%s: empty, or cannot be mapped", path);
    t.file = map;
    int st = rtd_is_lfs(map, t.len)                   ? rtd_fail_lfs(err, path)
             : t.len > 4 && memcmp(map, "PK", 2) == 0 ? read_zip(&t, err)
                                                      : read_legacy(&t, err);
    if (!st)
        st = take_table(all, &t, rtd_pickle_root(t.table), 0, err);
    rtd_pickle_free(t.table);
    for (size_t i = 0; i < t.n; i++)
        free(t.s[i].owned);
    free(t.s);
    rtd_names_free(&t.keys);
    munmap(map, t.len);
    return st;
}
