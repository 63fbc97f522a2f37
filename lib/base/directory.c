/* rtdtools - MIT licence
 *
 * Directories that appear whole or not at all. */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool rtd_exists(const char *path)
{
    struct stat sb;
    return lstat(path, &sb) == 0;
}

int rtd_mkdirs(const char *path, struct rtd_err *err)
{
    char p[4096];
    if (snprintf(p, sizeof p, "%s", path) >= (int)sizeof p)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", path);
    for (char *s = p + 1;; s++) {
        if (*s && *s != '/')
            continue;
        char c = *s;
        *s = 0;
        struct stat sb;
        if (mkdir(p, 0777) < 0 && (errno != EEXIST || stat(p, &sb) < 0 || !S_ISDIR(sb.st_mode)))
            return rtd_fail_sys(err, "%s: cannot create directory", p);
        if (!c)
            return RTD_OK;
        *s = c;
    }
}

/* Bytes of path without slashes at its end: a name beside it is made from these. */
static int length_beside(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    return (int)len;
}

int rtd_tmpdir(const char *path, char *tmp, size_t size, struct rtd_err *err)
{
    if (snprintf(tmp, size, "%.*s.tmp-XXXXXX", length_beside(path), path) >= (int)size)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", path);
    if (!mkdtemp(tmp))
        return rtd_fail_sys(err, "%s: cannot create directory", tmp);
    mode_t mask = umask(0);
    umask(mask);
    chmod(tmp, 0777 & ~mask);
    return RTD_OK;
}

static int sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int r = fsync(fd);
    if (r < 0 && errno == EINVAL)
        r = 0;
    close(fd);
    return r;
}

static int sync_visit(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    (void)sb;
    (void)type;
    (void)ftw;
    return sync_path(path);
}

static int remove_visit(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    (void)sb;
    (void)type;
    (void)ftw;
    return remove(path);
}

int rtd_remove_tree(const char *path, struct rtd_err *err)
{
    if (nftw(path, remove_visit, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
        return rtd_fail_sys(err, "%s: cannot remove", path);
    return RTD_OK;
}

int rtd_commit_dir(const char *tmp, const char *path, bool replace, struct rtd_err *err)
{
    char old[4096] = "", parent[4096];
    if (nftw(tmp, sync_visit, 16, FTW_DEPTH | FTW_PHYS) < 0)
        return rtd_fail_sys(err, "%s: cannot sync", tmp);
    if (rtd_exists(path)) {
        if (!replace)
            return rtd_fail(err, RTD_EUSAGE, "%s: exists already: use -f to overwrite", path);
        if (snprintf(old, sizeof old, "%.*s.old-XXXXXX", length_beside(path), path) >=
            (int)sizeof old)
            return rtd_fail(err, RTD_ESYS, "%s: name too long", path);
        if (!mkdtemp(old) || rename(path, old) < 0)
            return rtd_fail_sys(err, "%s: cannot move aside", path);
    }
    if (rename(tmp, path) < 0)
        return rtd_fail_sys(err, "%s: cannot rename", path);
    snprintf(parent, sizeof parent, "%s", path);
    size_t n = strlen(parent);
    while (n > 1 && parent[n - 1] == '/')
        parent[--n] = 0;
    char *slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = 0;
    if (sync_path(slash ? parent : ".") < 0)
        return rtd_fail_sys(err, "%s: cannot sync", slash ? parent : ".");
    return old[0] ? rtd_remove_tree(old, err) : RTD_OK;
}

int rtd_copy_file(const char *from, const char *to, struct rtd_err *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return rtd_fail_sys(err, "%s: cannot open", from);
    struct rtd_out *out;
    int st = rtd_out_open(&out, to, RTD_OUT_FORCE, err);
    char buf[65536];
    while (!st) {
        ssize_t n = read(in, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = rtd_fail_sys(err, "%s: cannot read", from);
        if (n <= 0)
            break;
        st = rtd_out_write(out, buf, (size_t)n, err);
    }
    close(in);
    if (st) {
        rtd_out_abort(out);
        return st;
    }
    return rtd_out_commit(out, err);
}

int rtd_lock_dir(const char *dir, int *fd, struct rtd_err *err)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/.lock", dir) >= (int)sizeof path)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0)
        return rtd_fail_sys(err, "%s: cannot open", path);
    if (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
        int st = errno == EWOULDBLOCK
                     ? rtd_fail(err, RTD_ESYS, "%s: in use by another process", dir)
                     : rtd_fail_sys(err, "%s: cannot lock", path);
        close(*fd);
        *fd = -1;
        return st;
    }
    return RTD_OK;
}
