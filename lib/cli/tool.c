/* rtdtools - MIT licence
 *
 * Start and end of a tool. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/tool_internal.h"

static int tool_argc;
static char **tool_argv;
static double started;

void rtd_tool_begin(const char *name, int argc, char **argv)
{
    rtd_set_tool_name(name);
    rtd_set_sink(&rtd_stderr_sink);
    tool_argc = argc;
    tool_argv = argv;
    started = rtd_now();
    for (int fd = 0; fd <= 2; fd++) /* so that no file of ours lands on a standard number */
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
                _exit(RTD_ESYS);
    signal(SIGPIPE, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    rtd_catch_signals();
    json_set_alloc_funcs(rtd_noted_malloc, free);
    setlocale(LC_ALL, "C");
    setlocale(LC_CTYPE, "C.UTF-8");
}

static void print_summary(void)
{
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    fprintf(stderr, "%s: version %s; command:", rtd_tool_name(), RTD_VERSION);
    for (int i = 0; i < tool_argc; i++)
        fprintf(stderr, " %s", tool_argv[i]);
    fprintf(stderr, "\n%s: real %.3f s, user %.3f s, system %.3f s, peak memory %.1f MiB\n",
            rtd_tool_name(), rtd_now() - started,
            (double)ru.ru_utime.tv_sec + (double)ru.ru_utime.tv_usec * 1e-6,
            (double)ru.ru_stime.tv_sec + (double)ru.ru_stime.tv_usec * 1e-6,
            (double)ru.ru_maxrss / 1024);
}

int rtd_tool_end(const struct rtd_err *err, int status)
{
    rtd_progress_end();
    /* The signal may have reached the whole pipeline: input that stops is no news then. */
    if (status == RTD_ESIGNAL || (status == RTD_EDATA && rtd_stop_signal()))
        rtd_reraise_signal();
    if (status == RTD_OK && rtd_noted_failure()) {
        fprintf(stderr, "%s: not enough memory\n", rtd_tool_name());
        status = RTD_ESYS;
    } else if (status == RTD_OK && (fflush(stdout) || ferror(stdout))) {
        fprintf(stderr, "%s: -: cannot write: %s\n", rtd_tool_name(), strerror(errno));
        status = RTD_ESYS;
    } else if (status) {
        fprintf(stderr, "%s: %s\n", rtd_tool_name(), err->text[0] ? err->text : "failed");
    }
    if (status == RTD_EUSAGE && rtd_current_usage()) {
        const char *s = rtd_current_usage()->synopsis;
        fprintf(stderr, "usage: %s %.*s (--help says more)\n", rtd_tool_name(),
                (int)strcspn(s, "\n"), s);
    }
    if (status == RTD_OK && rtd_tool_verbose)
        print_summary();
    return status;
}
