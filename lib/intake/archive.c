/* rtdtools - MIT licence
 *
 * The texts of one input: opening it as what it is, walking through members, believing no end
 * that is not there. */
#include "intake/archive.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "base/stop.h"
#include "intake/archive_internal.h"

enum { NAME_SIZE = 512 };

static const char *archive_version(void)
{
    return archive_version_details() + strlen("libarchive ");
}

__attribute__((constructor)) static void name_libarchive(void)
{
    rtd_add_part("libarchive", archive_version);
}

struct rtd_archive {
    const struct rtd_archive_opts *opts;
    char *name, *base;               /* base: the last part of name */
    struct rtd_bytes *bytes;         /* the input, unpacked */
    const struct rtd_format *format; /* NULL: a text */
    struct archive *ar;
    int fd; /* >= 0: the file that libarchive seeks in */
    int64_t offset;
    unsigned char *window;  /* [RTD_WINDOW], of fd */
    uint64_t fed, zeros;    /* bytes given to libarchive; zero bytes at the end of them */
    uint64_t entry_end;     /* where the data of the last entry ended, padding included */
    struct rtd_bytes *text; /* the present text; == bytes, or on top of a member */
    char member[NAME_SIZE];
    char where[NAME_SIZE + 260]; /* name, or name: member */
    bool ended;
    struct rtd_archive_counts counts;
    struct rtd_err *err;
};

/* --- feeding libarchive --- */
static void count_zeros(struct rtd_archive *a, const unsigned char *p, size_t n)
{
    size_t z = 0;
    while (z < n && p[n - 1 - z] == 0)
        z++;
    a->zeros = z == n ? a->zeros + n : z;
    a->fed += n;
}

static la_ssize_t feed(struct archive *ar, void *arg, const void **data)
{
    struct rtd_archive *a = arg;
    const unsigned char *p;
    size_t n;
    if (rtd_bytes_take(a->bytes, &p, &n, a->err)) {
        archive_set_error(ar, EIO, "cannot read");
        return ARCHIVE_FATAL;
    }
    count_zeros(a, p, n);
    *data = p;
    return (la_ssize_t)n;
}

static la_ssize_t feed_file(struct archive *ar, void *arg, const void **data)
{
    struct rtd_archive *a = arg;
    ssize_t n;
    do {
        if (rtd_stop_signal()) {
            rtd_fail(a->err, RTD_ESIGNAL, "%s: stopped by a signal", a->where);
            archive_set_error(ar, EIO, "stopped");
            return ARCHIVE_FATAL;
        }
        n = pread(a->fd, a->window, RTD_WINDOW, a->offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        rtd_fail_sys(a->err, "%s: cannot read", a->where);
        archive_set_error(ar, EIO, "cannot read");
        return ARCHIVE_FATAL;
    }
    a->offset += n;
    *data = a->window;
    return n;
}

static la_int64_t seek_file(struct archive *ar, void *arg, la_int64_t offset, int whence)
{
    struct rtd_archive *a = arg;
    int64_t from = whence == SEEK_SET   ? 0
                   : whence == SEEK_CUR ? a->offset
                                        : lseek(a->fd, 0, SEEK_END);
    if (from < 0 || offset < -from) {
        archive_set_error(ar, EIO, "bad position");
        return ARCHIVE_FATAL;
    }
    a->offset = from + offset;
    return a->offset;
}

static int failed(struct rtd_archive *a, struct rtd_err *err)
{
    const char *why = archive_error_string(a->ar);
    char text[200];
    if (!why || !strcmp(why, "Unrecognized archive format"))
        return rtd_fail(err, RTD_EDATA, "%s: damaged or truncated %s archive", a->where,
                        a->format->name);
    return rtd_fail(err, RTD_EDATA, "%s: damaged or truncated %s archive: %s", a->where,
                    a->format->name, rtd_mask_text(text, sizeof text, why, strlen(why)));
}

/* --- opening --- */

/* The input once more, as a file to seek in: the file itself, or a temporary copy. */
static int open_file(struct rtd_archive *a, const char *path, bool direct, struct rtd_err *err)
{
    if (!(a->window = malloc(RTD_WINDOW)))
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", a->where);
    if (direct) {
        a->fd = open(path, O_RDONLY | O_CLOEXEC);
        return a->fd < 0 ? rtd_fail_sys(err, "%s: cannot open", a->where) : RTD_OK;
    }
    const char *dir = a->opts->tmpdir ? a->opts->tmpdir : getenv("TMPDIR");
    char tmp[4096];
    if (snprintf(tmp, sizeof tmp, "%s/corpus-XXXXXX", dir && *dir ? dir : "/tmp") >=
        (int)sizeof tmp)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    a->fd = mkostemp(tmp, O_CLOEXEC);
    if (a->fd < 0)
        return rtd_fail_sys(err, "%s: cannot create", tmp);
    unlink(tmp);
    for (;;) {
        const unsigned char *p;
        size_t n;
        int st = rtd_bytes_take(a->bytes, &p, &n, err);
        if (st || n == 0)
            return st;
        while (n) {
            ssize_t k = write(a->fd, p, n);
            if (k < 0 && errno == EINTR && !rtd_stop_signal())
                continue;
            if (k < 0 && errno == EINTR)
                return rtd_fail(err, RTD_ESIGNAL, "%s: stopped by a signal", a->where);
            if (k < 0)
                return rtd_fail_sys(err, "%s: cannot write", tmp);
            p += k;
            n -= (size_t)k;
        }
    }
}

static int open_format(struct rtd_archive *a, const char *path, bool direct, struct rtd_err *err)
{
    int st = a->format->seeks ? open_file(a, path, direct, err) : RTD_OK;
    if (st)
        return st;
    a->ar = archive_read_new();
    if (!a->ar)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", a->where);
    int r = a->format->support(a->ar);
    if (r != ARCHIVE_OK)
        return failed(a, err);
    /* also reads on after the zero blocks: `cat a.tar b.tar` has all its members, and whatever
     * else comes after them is an error */
    if (!strcmp(a->format->name, "tar"))
        archive_read_set_format_option(a->ar, "tar", "read_concatenated_archives", "1");
    archive_read_set_callback_data(a->ar, a);
    archive_read_set_read_callback(a->ar, a->format->seeks ? feed_file : feed);
    if (a->format->seeks)
        archive_read_set_seek_callback(a->ar, seek_file);
    a->err = err;
    return archive_read_open1(a->ar) == ARCHIVE_OK ? RTD_OK : failed(a, err);
}

/* rtd_in unpacks the outermost zstd by itself; only the file knows that it did. */
static bool raw_zstd(const char *path)
{
    unsigned char head[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);
    if (fd >= 0)
        close(fd);
    const struct rtd_packing *p = n == sizeof head ? rtd_packing_of(head, sizeof head) : NULL;
    return p && !strcmp(p->name, "zstd");
}

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
    bool zstd = regular && raw_zstd(path);
    if ((st = rtd_bytes_from_in(&a->bytes, in, err)) ||
        (st = rtd_bytes_unpack(&a->bytes, packed + zstd, err)) ||
        (st = rtd_bytes_peek(a->bytes, RTD_WINDOW, &p, &n, err)))
        return st;
    if (zstd)
        packed[0] = "zstd";
    a->format = rtd_format_of(p, n);
    if (regular && (st = rtd_check_suffix(path, packed, a->format ? a->format->name : NULL, err)))
        return st;
    if (a->format)
        return open_format(a, path, regular && !packed[0], err);
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
    a->fd = -1;
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
    struct rtd_archive *a;
    const char *block; /* libarchive's, not yet read */
    size_t left;
};

/* By blocks, without their offsets: the holes of a sparse file are NULs, which no text has, and
 * libarchive counts the offsets of a xar from its first member on. */
static int member_read(struct rtd_bytes *b, void *buf, size_t n, size_t *got, struct rtd_err *err)
{
    struct member_bytes *m = (struct member_bytes *)b;
    m->a->err = err;
    while (m->left == 0) {
        const void *block;
        la_int64_t offset;
        int r = archive_read_data_block(m->a->ar, &block, &m->left, &offset);
        if (r == ARCHIVE_EOF) {
            m->left = 0;
            break;
        }
        if (r != ARCHIVE_OK)
            return failed(m->a, err);
        m->block = block;
    }
    *got = m->left < n ? m->left : n;
    if (*got)
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
    m->a = a;
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

static void name_member(struct rtd_archive *a, struct archive_entry *entry)
{
    const char *s = archive_entry_pathname_utf8(entry);
    if (!s)
        s = archive_entry_pathname(entry);
    if (!s)
        s = "";
    while (s[0] == '.' && s[1] == '/')
        s += 2;
    rtd_mask_text(a->member, sizeof a->member, s, strlen(s));
    char name[256];
    rtd_mask_text(name, sizeof name, a->name, strlen(a->name));
    snprintf(a->where, sizeof a->where, "%s: %s", name, a->member);
}

/* A hard link's content stands at its first name; only cpio keeps it at the last. */
static bool regular(const struct rtd_archive *a, struct archive_entry *entry)
{
    if (archive_entry_filetype(entry) != AE_IFREG)
        return false;
    return !archive_entry_hardlink(entry) ||
           (!strcmp(a->format->name, "cpio") && archive_entry_size(entry) > 0);
}

/* Is this entry a text to give?  If so a->text stands at its beginning. */
static int choose(struct rtd_archive *a, struct archive_entry *entry, struct rtd_err *err)
{
    const unsigned char *p;
    size_t n;
    if (!regular(a, entry)) {
        a->counts.other++;
        return RTD_OK;
    }
    if ((a->opts->include && a->opts->include->n && !matches(a->opts->include, a->member)) ||
        matches(a->opts->exclude, a->member)) {
        a->counts.excluded++;
        return RTD_OK;
    }
    if (archive_entry_is_encrypted(entry))
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
    a->counts.binary++;
    if (a->opts->skipped)
        a->opts->skipped(a->where, why);
    rtd_bytes_close(a->text);
    a->text = NULL;
    return RTD_OK;
}

/* libarchive is at its end: is that the end of the archive, and of the input? */
static int finish(struct rtd_archive *a, struct rtd_err *err)
{
    rtd_mask_text(a->where, sizeof a->where, a->name, strlen(a->name));
    a->ended = true;
    while (!a->format->seeks) {
        const unsigned char *p;
        size_t n;
        int st = rtd_bytes_take(a->bytes, &p, &n, err);
        if (st)
            return st;
        if (n == 0)
            break;
        count_zeros(a, p, n);
    }
    if (!strcmp(a->format->name, "tar") && (a->zeros < 1024 || a->fed - a->entry_end < 1024))
        return rtd_fail(err, RTD_EDATA,
                        "%s: truncated tar archive: no two zero blocks end it at byte %llu",
                        a->where, (unsigned long long)a->fed);
    return RTD_OK;
}

/* The charset of a name does not matter here; any other warning means damage. */
static bool only_name(struct rtd_archive *a)
{
    const char *why = archive_error_string(a->ar);
    return why && strstr(why, "can't be converted");
}

static int next_member(struct rtd_archive *a, struct rtd_err *err)
{
    struct archive_entry *entry;
    a->err = err;
    if (a->text) {
        rtd_bytes_close(a->text);
        a->text = NULL;
    }
    while (!a->text) {
        /* what is left of the entry before; the position behind it is exact only now */
        if (a->member[0] && archive_read_data_skip(a->ar) < ARCHIVE_WARN)
            return failed(a, err);
        a->entry_end = (uint64_t)archive_filter_bytes(a->ar, 0);
        int r = archive_read_next_header(a->ar, &entry);
        if (r == ARCHIVE_EOF)
            return finish(a, err);
        if (r != ARCHIVE_OK && !(r == ARCHIVE_WARN && only_name(a)))
            return failed(a, err);
        name_member(a, entry);
        int st = choose(a, entry, err);
        if (st)
            return st;
    }
    return RTD_OK;
}

int rtd_archive_next(struct rtd_archive *a, const char **source, struct rtd_err *err)
{
    *source = NULL;
    if (a->ended)
        return RTD_OK;
    if (a->format) {
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
    archive_read_free(a->ar);
    rtd_bytes_close(a->bytes);
    if (a->fd >= 0)
        close(a->fd);
    free(a->window);
    free(a->name);
    free(a->base);
    free(a);
}
