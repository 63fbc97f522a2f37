/* rtdtools - MIT licence */
#include "plot/gnuplot.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stop.h"

/* Files in memory: no pipe can fill up or break. */
struct files {
    int in, out, said;
};

static int make_files(struct files *f, const void *script, size_t len, struct rtd_err *err)
{
    const char *bytes = script;
    size_t done = 0;
    f->in = memfd_create("script", MFD_CLOEXEC);
    f->out = memfd_create("picture", MFD_CLOEXEC);
    f->said = memfd_create("messages", MFD_CLOEXEC);
    if (f->in < 0 || f->out < 0 || f->said < 0)
        return rtd_fail_sys(err, "gnuplot: no file for its script");
    while (done < len) {
        ssize_t n = write(f->in, bytes + done, len - done);
        if (n < 0 && errno != EINTR)
            return rtd_fail_sys(err, "gnuplot: cannot write its script");
        done += n > 0 ? (size_t)n : 0;
    }
    if (lseek(f->in, 0, SEEK_SET))
        return rtd_fail_sys(err, "gnuplot: cannot read its script");
    return RTD_OK;
}

static void close_files(const struct files *f)
{
    const int fd[] = {f->in, f->out, f->said};
    for (int i = 0; i < 3; i++)
        if (fd[i] >= 0)
            close(fd[i]);
}

static int start(pid_t *pid, const struct files *f, struct rtd_err *err)
{
    static char name[] = "gnuplot", plain[] = "--default-settings";
    char *const argv[] = {name, plain, NULL};
    posix_spawn_file_actions_t actions;
    errno = posix_spawn_file_actions_init(&actions);
    if (errno)
        return rtd_fail_sys(err, "gnuplot");
    errno = posix_spawn_file_actions_adddup2(&actions, f->in, 0);
    if (!errno)
        errno = posix_spawn_file_actions_adddup2(&actions, f->out, 1);
    if (!errno)
        errno = posix_spawn_file_actions_adddup2(&actions, f->said, 2);
    if (!errno)
        errno = posix_spawnp(pid, name, &actions, NULL, argv, environ);
    if (errno == ENOENT)
        rtd_fail(err, RTD_ESYS,
                 "gnuplot: not found: it draws the pictures (Debian's package gnuplot-nox)");
    else if (errno)
        rtd_fail_sys(err, "gnuplot");
    posix_spawn_file_actions_destroy(&actions);
    return err->status;
}

/* The whole of a file in memory behind what buf has. */
static int append(struct rtd_buf *buf, int fd, struct rtd_err *err)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0 || lseek(fd, 0, SEEK_SET))
        return rtd_fail_sys(err, "gnuplot: cannot read what it printed");
    int st = rtd_buf_reserve(buf, (size_t)size, err);
    while (!st && size > 0) {
        ssize_t n = read(fd, (char *)buf->data + buf->len, (size_t)size);
        if (n == 0 || (n < 0 && errno != EINTR))
            return rtd_fail_sys(err, "gnuplot: cannot read what it printed");
        buf->len += n > 0 ? (size_t)n : 0;
        size -= n > 0 ? n : 0;
    }
    return st;
}

static int finish(pid_t pid, const struct files *f, struct rtd_buf *picture, struct rtd_err *err)
{
    struct rtd_buf said = {0};
    char text[300];
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return rtd_fail_sys(err, "gnuplot");
        if (rtd_stop_signal())
            kill(pid, SIGTERM);
    }
    if (rtd_stop_signal())
        return rtd_fail(err, RTD_ESIGNAL, "stopped by a signal");
    size_t before = picture->len;
    if (append(picture, f->out, err) || append(&said, f->said, err)) {
        rtd_buf_free(&said);
        return err->status;
    }
    rtd_mask_text(text, sizeof text, said.len ? said.data : "it printed nothing",
                  said.len ? said.len : strlen("it printed nothing"));
    rtd_buf_free(&said);
    if (WIFSIGNALED(status))
        return rtd_fail(err, RTD_ESYS, "gnuplot: killed by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) || picture->len == before)
        return rtd_fail(err, RTD_ESYS, "gnuplot: status %d: %s", WEXITSTATUS(status), text);
    return RTD_OK;
}

int rtd_gnuplot(const void *script, size_t len, struct rtd_buf *picture, struct rtd_err *err)
{
    struct files f;
    pid_t pid;
    int st = make_files(&f, script, len, err);
    if (!st)
        st = start(&pid, &f, err);
    if (!st)
        st = finish(pid, &f, picture, err);
    close_files(&f);
    return st;
}
