/* rtdtools - MIT licence
 *
 * Runs of bytes in one unnamed temporary file (spill.h). */
#include "corpus/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rtd_spill {
    int fd;
    size_t block;
    uint32_t blocks;     /* in the file */
    struct rtd_buf free; /* uint32_t: those that may be written again */
    char dir[256];       /* for messages */
};

/* A file without a name.  Not every file system has O_TMPFILE. */
static int nameless(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    char *path;
    if (asprintf(&path, "%s/rtd-XXXXXX", dir) < 0)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

int rtd_spill_open(struct rtd_spill **out, const char *dir, size_t block, struct rtd_err *err)
{
    *out = NULL;
    if (!dir)
        dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
    struct rtd_spill *s = calloc(1, sizeof *s);
    if (!s)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    rtd_mask_text(s->dir, sizeof s->dir, dir, strlen(dir));
    s->block = block;
    s->fd = nameless(dir);
    if (s->fd < 0) {
        rtd_fail_sys(err, "%s: temporary file: open", s->dir);
        free(s);
        return err->status;
    }
    *out = s;
    return RTD_OK;
}

void rtd_spill_close(struct rtd_spill *s)
{
    if (!s)
        return;
    close(s->fd);
    rtd_buf_free(&s->free);
    free(s);
}

/* A block to write to: one that was freed, or one more. */
static int new_block(struct rtd_spill *s, uint32_t *number, struct rtd_err *err)
{
    if (s->free.len) {
        s->free.len -= sizeof *number;
        memcpy(number, (char *)s->free.data + s->free.len, sizeof *number);
        return RTD_OK;
    }
    if (s->blocks == UINT32_MAX)
        return rtd_fail(err, RTD_ESYS, "%s: temporary file: too large", s->dir);
    *number = s->blocks++;
    return RTD_OK;
}

static int write_block(struct rtd_spill *s, struct rtd_spill_run *r, size_t len,
                       struct rtd_err *err)
{
    uint32_t number;
    if (new_block(s, &number, err) || rtd_buf_append(&r->blocks, &number, sizeof number, err))
        return err->status;
    off_t at = (off_t)number * (off_t)s->block;
    for (size_t done = 0; done < len;) {
        ssize_t k = pwrite(s->fd, r->buffer + done, len - done, at + (off_t)done);
        if (k > 0)
            done += (size_t)k;
        else if (k == 0 || errno != EINTR)
            return rtd_fail_sys(err, "%s: temporary file: write", s->dir);
    }
    return RTD_OK;
}

int rtd_spill_write(struct rtd_spill *s, struct rtd_spill_run *r, const void *data, size_t len,
                    struct rtd_err *err)
{
    const char *p = data;
    while (len) {
        size_t fill = r->written % s->block, n = s->block - fill < len ? s->block - fill : len;
        memcpy(r->buffer + fill, p, n);
        r->written += n;
        p += n;
        len -= n;
        if (fill + n == s->block && write_block(s, r, s->block, err))
            return err->status;
    }
    return RTD_OK;
}

int rtd_spill_flush(struct rtd_spill *s, struct rtd_spill_run *r, struct rtd_err *err)
{
    size_t fill = r->written % s->block;
    return fill ? write_block(s, r, fill, err) : RTD_OK;
}

int rtd_spill_read(struct rtd_spill *s, struct rtd_spill_run *r, void *buf, size_t *got,
                   struct rtd_err *err)
{
    uint64_t left = r->written - r->read;
    size_t n = left < s->block ? (size_t)left : s->block, done = 0;
    *got = 0;
    if (!n)
        return RTD_OK;
    uint32_t number = ((uint32_t *)r->blocks.data)[r->read / s->block];
    off_t at = (off_t)number * (off_t)s->block;
    while (done < n) {
        ssize_t k = pread(s->fd, (char *)buf + done, n - done, at + (off_t)done);
        if (k > 0)
            done += (size_t)k;
        else if (k == 0)
            return rtd_fail(err, RTD_ESYS, "%s: temporary file: read: it was cut short", s->dir);
        else if (errno != EINTR)
            return rtd_fail_sys(err, "%s: temporary file: read", s->dir);
    }
    r->read += n;
    *got = n;
    return rtd_buf_append(&s->free, &number, sizeof number, err);
}

void rtd_spill_free(struct rtd_spill_run *r)
{
    rtd_buf_free(&r->blocks);
    *r = (struct rtd_spill_run){0};
}
