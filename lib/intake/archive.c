/* rtdtools - MIT licence
 *
 * The texts of one input: opening it as what it is, walking through members,
 * choosing those that are texts. */
#include "intake/archive.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "intake/archive_internal.h"

enum { NAME_SIZE = 512 };

struct rtd_archive {
    const struct rtd_archive_opts *opts;
    char *name, *base;           /* base: the last part of name */
    struct rtd_bytes *bytes;     /* the input, unpacked */
    struct rtd_container c;      /* c.format NULL: a text */
    struct rtd_members *members; /* of a container */
    struct rtd_bytes *text;      /* the present text; == bytes, or on top of a member */
    char member[NAME_SIZE];
    char where[NAME_SIZE + 260]; /* name, or name: member */
    bool ended;
    struct rtd_archive_counts counts;
};

static int open_input(struct rtd_archive *a, const char *path, struct rtd_err *err)
{
    struct rtd_in *in;
    const char *packed[8] = {0};
    const unsigned char *p;
    size_t n;
    int st = rtd_in_open(&in, path, err);
    if (st)
        return st;
    bool regular = rtd_in_seekable(in), std = !strcmp(a->name, "-");
    bool zstd = regular && rtd_in_zstd(in); /* which unpacks that by itself */
    if ((st = rtd_bytes_from_in(&a->bytes, in, err)) ||
        (st = rtd_bytes_unpack(&a->bytes, packed + zstd, err)) ||
        (st = rtd_bytes_peek(a->bytes, RTD_WINDOW, &p, &n, err)))
        return st;
    if (zstd)
        packed[0] = "zstd";
    const struct rtd_format *format = rtd_format_of(p, n);
    if (regular && (st = rtd_check_suffix(path, packed, format ? format->name : NULL, err)))
        return st;
    if (format) {
        a->c = (struct rtd_container){.bytes = a->bytes,
                                      .path = regular && !packed[0] ? path : NULL,
                                      .tmpdir = a->opts->tmpdir,
                                      .where = a->where,
                                      .format = format};
        return format->open(&a->members, &a->c, err);
    }
    const char *what = rtd_not_text(p, n, n < RTD_WINDOW);
    if (what)
        return rtd_fail(err, RTD_EDATA, "%s: neither text nor an archive that can be read: %s",
                        std ? "-" : path, what);
    return RTD_OK;
}

int rtd_archive_open(struct rtd_archive **out, const char *path,
                     const struct rtd_archive_opts *opts, struct rtd_err *err)
{
    *out = NULL;
    bool std = !path || !strcmp(path, "-");
    struct rtd_archive *a = calloc(1, sizeof *a);
    if (!a)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    a->opts = opts;
    a->name = strdup(std ? "-" : path);
    const char *slash = std ? NULL : strrchr(path, '/');
    const char *last = std ? "" : slash ? slash + 1 : path;
    size_t size = 4 * strlen(last) + 1;
    a->base = malloc(size);
    int st = a->name && a->base ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st) {
        rtd_mask_text(a->base, size, last, strlen(last));
        rtd_mask_text(a->where, sizeof a->where, a->name, strlen(a->name));
        st = open_input(a, path, err);
    }
    if (st) {
        rtd_archive_close(a);
        return st;
    }
    *out = a;
    return RTD_OK;
}

/* --- members --- */
struct member_bytes {
    struct rtd_bytes base;
    struct rtd_members *members;
    const char *block; /* not yet read */
    size_t left;
};

static int member_read(struct rtd_bytes *b, void *buf, size_t n, size_t *got, struct rtd_err *err)
{
    struct member_bytes *m = (struct member_bytes *)b;
    if (m->left == 0) {
        const void *block;
        int st = m->members->read(m->members, &block, &m->left, err);
        if (st)
            return st;
        m->block = block;
    }
    *got = m->left < n ? m->left : n;
    if (*got == 0)
        return RTD_OK;
    memcpy(buf, m->block, *got);
    m->block += *got;
    m->left -= *got;
    return RTD_OK;
}

static void member_close(struct rtd_bytes *b)
{
    free(b);
}

static int open_member(struct rtd_archive *a, struct rtd_err *err)
{
    struct member_bytes *m = calloc(1, sizeof *m);
    if (!m)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    m->base.read = member_read;
    m->base.close = member_close;
    m->members = a->members;
    int st = rtd_bytes_init(&m->base, a->where, err);
    if (st) {
        free(m);
        return st;
    }
    a->text = &m->base;
    const char *packed[4];
    return rtd_bytes_unpack(&a->text, packed, err);
}

static bool matches(const struct rtd_strlist *patterns, const char *name)
{
    const char *slash = strrchr(name, '/');
    for (int i = 0; patterns && i < patterns->n; i++)
        if (!fnmatch(patterns->item[i], name, 0) ||
            (slash && !fnmatch(patterns->item[i], slash + 1, 0)))
            return true;
    return false;
}

static void name_member(struct rtd_archive *a, const char *s)
{
    while (s[0] == '.' && s[1] == '/')
        s += 2;
    rtd_mask_text(a->member, sizeof a->member, s, strlen(s));
    char name[256];
    rtd_mask_text(name, sizeof name, a->name, strlen(a->name));
    snprintf(a->where, sizeof a->where, "%s: %s", name, a->member);
}

static void leave_out(const struct rtd_archive *a, const char *why, uint64_t *count)
{
    ++*count;
    if (a->opts->skipped)
        a->opts->skipped(a->where, why);
}

/* Is this member a text to give?  If so a->text stands at its beginning. */
static int choose(struct rtd_archive *a, const struct rtd_member *m, struct rtd_err *err)
{
    const unsigned char *p;
    size_t n;
    if (m->kind == RTD_MEMBER_NONE)
        return RTD_OK;
    if ((a->opts->include && a->opts->include->n && !matches(a->opts->include, a->member)) ||
        matches(a->opts->exclude, a->member)) {
        a->counts.excluded++;
        return RTD_OK;
    }
    if (m->kind == RTD_MEMBER_OTHER) {
        leave_out(a, m->what, &a->counts.other);
        return RTD_OK;
    }
    if (m->encrypted)
        return rtd_fail(err, RTD_EDATA, "%s: encrypted: cannot be read", a->where);
    int st = open_member(a, err);
    if (st || (st = rtd_bytes_peek(a->text, RTD_WINDOW, &p, &n, err)))
        return st;
    const struct rtd_format *inner = rtd_format_of(p, n);
    const char *why = inner ? "an archive in an archive" : rtd_not_text(p, n, n < RTD_WINDOW);
    if (!why) {
        a->counts.texts++;
        return RTD_OK;
    }
    leave_out(a, why, &a->counts.binary);
    rtd_bytes_close(a->text);
    a->text = NULL;
    return RTD_OK;
}

static int next_member(struct rtd_archive *a, struct rtd_err *err)
{
    if (a->text) {
        rtd_bytes_close(a->text);
        a->text = NULL;
    }
    while (!a->text) {
        struct rtd_member m;
        rtd_mask_text(a->where, sizeof a->where, a->name, strlen(a->name));
        int st = a->members->next(a->members, &m, err);
        if (st)
            return st;
        if (!m.name) {
            a->ended = true;
            return RTD_OK;
        }
        name_member(a, m.name);
        if ((st = choose(a, &m, err)))
            return st;
    }
    return RTD_OK;
}

int rtd_archive_next(struct rtd_archive *a, const char **source, struct rtd_err *err)
{
    *source = NULL;
    if (a->ended)
        return RTD_OK;
    if (a->members) {
        int st = next_member(a, err);
        *source = st || a->ended ? NULL : a->member;
        return st;
    }
    if (a->text) { /* the one text is done; its end too? */
        const void *p;
        size_t n = 1;
        while (n) {
            int st = rtd_archive_read(a, &p, &n, err);
            if (st)
                return st;
        }
        a->ended = true;
        return RTD_OK;
    }
    a->text = a->bytes;
    a->counts.texts++;
    *source = a->base;
    return RTD_OK;
}

const char *rtd_archive_where(const struct rtd_archive *a)
{
    return a->where;
}

int rtd_archive_read(struct rtd_archive *a, const void **data, size_t *got, struct rtd_err *err)
{
    const unsigned char *p;
    int st = rtd_bytes_take(a->text, &p, got, err);
    *data = p;
    return st;
}

const struct rtd_archive_counts *rtd_archive_counts(const struct rtd_archive *a)
{
    return &a->counts;
}

void rtd_archive_close(struct rtd_archive *a)
{
    if (!a)
        return;
    if (a->text != a->bytes)
        rtd_bytes_close(a->text);
    if (a->members)
        a->members->close(a->members);
    rtd_bytes_close(a->bytes);
    free(a->name);
    free(a->base);
    free(a);
}
