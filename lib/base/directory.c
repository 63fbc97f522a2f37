/* rtdtools - MIT licence
 *
 * Directories that appear whole or not at all. */
#include "base/io.h"
#include "base/say.h"

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
    return stat(path, &sb) == 0;
}

/* As of `-o "$DIR"` where nothing has set DIR. */
static int no_name(struct rtd_err *err)
{
    return rtd_fail(err, RTD_EUSAGE, "the output has an empty name");
}

int rtd_mkdirs(const char *path, struct rtd_err *err)
{
    char p[RTD_PATH_MAX];
    if (!*path)
        return no_name(err);
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

int rtd_follow(const char *path, char target[RTD_PATH_MAX], struct rtd_err *err)
{
    char link[RTD_PATH_MAX];
    size_t len = strlen(path);
    if (len == 0)
        return no_name(err);
    if (len >= RTD_PATH_MAX)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", path);
    memcpy(target, path, len + 1);
    for (int links = 0;; links++) {
        while (len > 1 && target[len - 1] == '/')
            target[--len] = 0;
        ssize_t n = readlink(target, link, sizeof link);
        if (n < 0)
            return RTD_OK; /* no link; whatever else there is shows when it is used */
        char *slash = n && link[0] == '/' ? NULL : strrchr(target, '/');
        size_t at = slash ? (size_t)(slash - target) + 1 : 0;
        if (links == 40 || at + (size_t)n >= RTD_PATH_MAX) {
            errno = ELOOP;
            return rtd_fail_sys(err, "%s: cannot follow", path);
        }
        memcpy(target + at, link, (size_t)n);
        len = at + (size_t)n;
        target[len] = 0;
    }
}

int rtd_tmpdir(const char *path, char *tmp, size_t size, struct rtd_err *err)
{
    char target[RTD_PATH_MAX];
    int st = rtd_follow(path, target, err);
    if (st)
        return st;
    if (snprintf(tmp, size, "%s.tmp-XXXXXX", target) >= (int)size)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", path);
    if (!mkdtemp(tmp))
        return rtd_fail_sys(err, "%s: cannot create directory", path);
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

static int sync_parent(const char *path, struct rtd_err *err)
{
    char dir[RTD_PATH_MAX];
    if (snprintf(dir, sizeof dir, "%s", path) >= (int)sizeof dir)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", path);
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = 0;
    if (sync_path(slash ? dir : ".") < 0)
        return rtd_fail_sys(err, "%s: cannot sync", slash ? dir : ".");
    return RTD_OK;
}

/* Two names change places, at once where the file system can do that.  Where not: a directory goes
 * through a third name, a file is lost. */
static int exchange(const char *tmp, const char *path, bool directory)
{
    char aside[RTD_PATH_MAX];
    if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (!directory)
        return rename(tmp, path);
    if (snprintf(aside, sizeof aside, "%s.aside", tmp) >= (int)sizeof aside)
        errno = ENAMETOOLONG;
    else if (rename(path, aside) == 0) {
        if (rename(tmp, path) == 0)
            return rename(aside, tmp);
        int e = errno;
        rename(aside, path);
        errno = e;
    }
    return -1;
}

int rtd_take_name(const char *tmp, const char *target, const char *name, struct rtd_err *err)
{
    struct stat old;
    bool there = lstat(target, &old) == 0, directory = there && S_ISDIR(old.st_mode);
    if ((there ? exchange(tmp, target, directory) : rename(tmp, target)) < 0)
        return rtd_fail_sys(err, "%s: cannot rename", name);
    int st = sync_parent(target, err);
    if (st && there)
        exchange(tmp, target, directory);
    else if (st)
        rename(target, tmp);
    return st;
}

int rtd_commit_dir(const char *tmp, const char *path, bool replace, struct rtd_err *err)
{
    char target[RTD_PATH_MAX];
    struct stat old;
    if (nftw(tmp, sync_visit, 16, FTW_DEPTH | FTW_PHYS) < 0)
        return rtd_fail_sys(err, "%s: cannot sync", path);
    int st = rtd_follow(path, target, err);
    if (st)
        return st;
    bool there = lstat(target, &old) == 0;
    if (there && !replace)
        return rtd_fail(err, RTD_EUSAGE, "%s: exists already: use -f to overwrite", path);
    if (there && S_ISDIR(old.st_mode))
        chmod(tmp, old.st_mode & 0777);
    st = rtd_take_name(tmp, target, path, err);
    struct rtd_err left = {0}; /* what was to be done is done */
    if (!st && there && rtd_remove_tree(tmp, &left))
        rtd_warn("%s: replaced; what it was is still there: %s", path, left.text);
    return st;
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
    char path[RTD_PATH_MAX];
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
