/* rtdtools - MIT licence
 *
 * Archives, by libarchive: the members of the one format that was recognised, and no end that is
 * not there. */
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "base/stop.h"
#include "intake/archive_internal.h"

static const char *archive_version(void)
{
    return archive_version_details() + strlen("libarchive ");
}

__attribute__((constructor)) static void name_libarchive(void)
{
    rtd_add_part("libarchive", archive_version);
}

struct libarchive {
    struct rtd_members base;
    const struct rtd_container *c;
    struct archive *ar;
    int fd; /* >= 0: the file that libarchive seeks in */
    int64_t offset;
    unsigned char *window; /* [RTD_WINDOW], of fd */
    uint64_t fed, zeros;   /* bytes given to libarchive; zero bytes at the end of them */
    uint64_t entry_end;    /* where the data of the last entry ended, padding included */
    uint64_t entries;
    struct rtd_err *err;
};

/* --- feeding libarchive --- */
static void count_zeros(struct libarchive *a, const unsigned char *p, size_t n)
{
    size_t z = 0;
    while (z < n && p[n - 1 - z] == 0)
        z++;
    a->zeros = z == n ? a->zeros + n : z;
    a->fed += n;
}

static la_ssize_t feed(struct archive *ar, void *arg, const void **data)
{
    struct libarchive *a = arg;
    const unsigned char *p;
    size_t n;
    if (rtd_bytes_take(a->c->bytes, &p, &n, a->err)) {
        archive_set_error(ar, EIO, "cannot read");
        return ARCHIVE_FATAL;
    }
    count_zeros(a, p, n);
    *data = p;
    return (la_ssize_t)n;
}

static la_ssize_t feed_file(struct archive *ar, void *arg, const void **data)
{
    struct libarchive *a = arg;
    ssize_t n;
    do {
        if (rtd_stop_signal()) {
            rtd_fail(a->err, RTD_ESIGNAL, "%s: stopped by a signal", a->c->where);
            archive_set_error(ar, EIO, "stopped");
            return ARCHIVE_FATAL;
        }
        n = pread(a->fd, a->window, RTD_WINDOW, a->offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        rtd_fail_sys(a->err, "%s: cannot read", a->c->where);
        archive_set_error(ar, EIO, "cannot read");
        return ARCHIVE_FATAL;
    }
    a->offset += n;
    *data = a->window;
    return n;
}

static la_int64_t seek_file(struct archive *ar, void *arg, la_int64_t offset, int whence)
{
    struct libarchive *a = arg;
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

static int failed(struct libarchive *a, struct rtd_err *err)
{
    const char *why = archive_error_string(a->ar);
    char text[200];
    if (archive_errno(a->ar) == ENOMEM)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", a->c->where);
    if (!why || !strcmp(why, "Unrecognized archive format"))
        return rtd_fail(err, RTD_EDATA, "%s: damaged or truncated %s archive", a->c->where,
                        a->c->format->name);
    return rtd_fail(err, RTD_EDATA, "%s: damaged or truncated %s archive: %s", a->c->where,
                    a->c->format->name, rtd_mask_text(text, sizeof text, why, strlen(why)));
}

/* --- opening --- */

/* The input once more, as a file to seek in: the file itself, or a temporary copy. */
static int open_file(struct libarchive *a, struct rtd_err *err)
{
    if (!(a->window = malloc(RTD_WINDOW)))
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", a->c->where);
    if (a->c->path) {
        a->fd = open(a->c->path, O_RDONLY | O_CLOEXEC);
        return a->fd < 0 ? rtd_fail_sys(err, "%s: cannot open", a->c->where) : RTD_OK;
    }
    const char *dir = a->c->tmpdir ? a->c->tmpdir : getenv("TMPDIR");
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
        int st = rtd_bytes_take(a->c->bytes, &p, &n, err);
        if (st || n == 0)
            return st;
        while (n) {
            ssize_t k = write(a->fd, p, n);
            if (k < 0 && errno == EINTR && !rtd_stop_signal())
                continue;
            if (k < 0 && errno == EINTR)
                return rtd_fail(err, RTD_ESIGNAL, "%s: stopped by a signal", a->c->where);
            if (k < 0)
                return rtd_fail_sys(err, "%s: cannot write", tmp);
            p += k;
            n -= (size_t)k;
        }
    }
}

static int open_format(struct libarchive *a, struct rtd_err *err)
{
    int st = a->c->format->seeks ? open_file(a, err) : RTD_OK;
    if (st)
        return st;
    a->ar = archive_read_new();
    if (!a->ar)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", a->c->where);
    int r = a->c->format->support(a->ar);
    if (r != ARCHIVE_OK)
        return failed(a, err);
    /* also reads on after the zero blocks: `cat a.tar b.tar` has all its members, and whatever
     * else comes after them is an error */
    if (!strcmp(a->c->format->name, "tar"))
        archive_read_set_format_option(a->ar, "tar", "read_concatenated_archives", "1");
    archive_read_set_callback_data(a->ar, a);
    archive_read_set_read_callback(a->ar, a->c->format->seeks ? feed_file : feed);
    if (a->c->format->seeks)
        archive_read_set_seek_callback(a->ar, seek_file);
    a->err = err;
    return archive_read_open1(a->ar) == ARCHIVE_OK ? RTD_OK : failed(a, err);
}

/* --- members --- */

/* A hard link's content stands at its first name; only cpio keeps it at the last. */
static enum rtd_member_kind kind_of(const struct libarchive *a, struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry) &&
        (strcmp(a->c->format->name, "cpio") != 0 || archive_entry_size(entry) <= 0))
        return RTD_MEMBER_NONE;
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return RTD_MEMBER_DATA;
    case AE_IFDIR:
        return RTD_MEMBER_NONE;
    default:
        return RTD_MEMBER_OTHER;
    }
}

/* libarchive is at its end: is that the end of the archive, and of the input? */
static int finish(struct libarchive *a, struct rtd_err *err)
{
    while (!a->c->format->seeks) {
        const unsigned char *p;
        size_t n;
        int st = rtd_bytes_take(a->c->bytes, &p, &n, err);
        if (st)
            return st;
        if (n == 0)
            break;
        count_zeros(a, p, n);
    }
    if (!strcmp(a->c->format->name, "tar") && (a->zeros < 1024 || a->fed - a->entry_end < 1024))
        return rtd_fail(err, RTD_EDATA,
                        "%s: truncated tar archive: no two zero blocks end it at byte %llu; its "
                        "%llu member%s up to there %s complete: if that is all of it, "
                        "tar xOf FILE | corpus-shard",
                        a->c->where, (unsigned long long)a->fed, (unsigned long long)a->entries,
                        a->entries == 1 ? "" : "s", a->entries == 1 ? "is" : "are");
    return RTD_OK;
}

/* The charset of a name does not matter here; any other warning means damage. */
static bool only_name(struct libarchive *a)
{
    const char *why = archive_error_string(a->ar);
    return why && strstr(why, "can't be converted");
}

static int next(struct rtd_members *m, struct rtd_member *member, struct rtd_err *err)
{
    struct libarchive *a = (struct libarchive *)m;
    struct archive_entry *entry;
    *member = (struct rtd_member){0};
    a->err = err;
    /* what is left of the entry before; the position behind it is exact only now */
    if (a->entries && archive_read_data_skip(a->ar) < ARCHIVE_WARN)
        return failed(a, err);
    a->entry_end = (uint64_t)archive_filter_bytes(a->ar, 0);
    int r = archive_read_next_header(a->ar, &entry);
    if (r == ARCHIVE_EOF)
        return finish(a, err);
    if (r != ARCHIVE_OK && !(r == ARCHIVE_WARN && only_name(a)))
        return failed(a, err);
    a->entries++;
    const char *name = archive_entry_pathname_utf8(entry);
    if (!name)
        name = archive_entry_pathname(entry);
    member->name = name ? name : "";
    member->kind = kind_of(a, entry);
    member->what =
        archive_entry_filetype(entry) == AE_IFLNK ? "a symbolic link" : "no regular file";
    member->encrypted = archive_entry_is_encrypted(entry);
    return RTD_OK;
}

/* By blocks, without their offsets: the holes of a sparse file are NULs, which no text has, and
 * libarchive counts the offsets of a xar from its first member on. */
static int read_block(struct rtd_members *m, const void **data, size_t *n, struct rtd_err *err)
{
    struct libarchive *a = (struct libarchive *)m;
    la_int64_t offset;
    a->err = err;
    do {
        int r = archive_read_data_block(a->ar, data, n, &offset);
        if (r != ARCHIVE_OK)
            *n = 0;
        if (r == ARCHIVE_EOF)
            break;
        if (r != ARCHIVE_OK)
            return failed(a, err);
    } while (*n == 0);
    return RTD_OK;
}

static void close_members(struct rtd_members *m)
{
    struct libarchive *a = (struct libarchive *)m;
    archive_read_free(a->ar);
    if (a->fd >= 0)
        close(a->fd);
    free(a->window);
    free(a);
}

int rtd_members_libarchive(struct rtd_members **m, const struct rtd_container *c,
                           struct rtd_err *err)
{
    struct libarchive *a = calloc(1, sizeof *a);
    *m = NULL;
    if (!a)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", c->where);
    a->base = (struct rtd_members){next, read_block, close_members};
    a->c = c;
    a->fd = -1;
    int st = open_format(a, err);
    if (st)
        close_members(&a->base);
    else
        *m = &a->base;
    return st;
}
