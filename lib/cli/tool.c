/* rtdtools - MIT licence
 *
 * Start and end of a tool, and signals. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/tool_internal.h"

static const char *tool_name = "rtdtools";
static int tool_argc;
static char **tool_argv;
static double started;
static volatile sig_atomic_t stop_signal, usr1, usr2;
static bool signals_held;

static void on_stop(int sig)
{
    if (stop_signal) { /* the second one means now */
        signal(sig, SIG_DFL);
        raise(sig);
    }
    stop_signal = sig;
}

static void on_usr(int sig)
{
    if (sig == SIGUSR1)
        usr1 = 1;
    else
        usr2 = 1;
}

static void handle(int sig, void (*fn)(int), int flags)
{
    struct sigaction old, sa = {.sa_handler = fn, .sa_flags = flags};
    sigemptyset(&sa.sa_mask);
    /* one that the parent ignored stays ignored, so that nohup works */
    if (sigaction(sig, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(sig, &sa, NULL);
}

void rtd_tool_begin(const char *name, int argc, char **argv)
{
    tool_name = name;
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
    handle(SIGINT, on_stop, 0); /* no SA_RESTART: a blocked read comes back */
    handle(SIGTERM, on_stop, 0);
    handle(SIGHUP, on_stop, 0);
    handle(SIGUSR1, on_usr, SA_RESTART);
    handle(SIGUSR2, on_usr, SA_RESTART);
    setlocale(LC_ALL, "C");
    setlocale(LC_CTYPE, "C.UTF-8");
}

const char *rtd_tool_name(void)
{
    return tool_name;
}

int rtd_stop_signal(void)
{
    return signals_held ? 0 : stop_signal;
}

void rtd_hold_signals(bool hold)
{
    signals_held = hold;
}

bool rtd_take_usr1(void)
{
    bool r = usr1;
    usr1 = 0;
    return r;
}

bool rtd_take_usr2(void)
{
    bool r = usr2;
    usr2 = 0;
    return r;
}

double rtd_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

uint64_t rtd_peak_rss(void)
{
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    return (uint64_t)ru.ru_maxrss * 1024;
}

static void print_summary(void)
{
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    fprintf(stderr, "%s: version %s; command:", tool_name, RTD_VERSION);
    for (int i = 0; i < tool_argc; i++)
        fprintf(stderr, " %s", tool_argv[i]);
    fprintf(stderr, "\n%s: real %.3f s, user %.3f s, system %.3f s, peak memory %.1f MiB\n",
            tool_name, rtd_now() - started,
            (double)ru.ru_utime.tv_sec + (double)ru.ru_utime.tv_usec * 1e-6,
            (double)ru.ru_stime.tv_sec + (double)ru.ru_stime.tv_usec * 1e-6,
            (double)ru.ru_maxrss / 1024);
}

int rtd_tool_end(const struct rtd_err *err, int status)
{
    rtd_progress_end();
    if (status == RTD_ESIGNAL && stop_signal) {
        int sig = stop_signal;
        signal(sig, SIG_DFL);
        raise(sig);
        return RTD_ESIGNAL + sig;
    }
    if (status == RTD_OK && (fflush(stdout) || ferror(stdout))) {
        fprintf(stderr, "%s: -: cannot write: %s\n", tool_name, strerror(errno));
        status = RTD_ESYS;
    } else if (status) {
        fprintf(stderr, "%s: %s\n", tool_name, err->text[0] ? err->text : "failed");
    }
    if (status == RTD_EUSAGE && rtd_current_usage()) {
        const char *s = rtd_current_usage()->synopsis;
        fprintf(stderr, "usage: %s %.*s (--help says more)\n", tool_name, (int)strcspn(s, "\n"), s);
    }
    if (status == RTD_OK && rtd_tool_verbose)
        print_summary();
    return status;
}

int rtd_refuse_tty_stdin(struct rtd_err *err)
{
    if (isatty(STDIN_FILENO))
        return rtd_fail(err, RTD_EUSAGE, "no input: name a file or use a pipe");
    return RTD_OK;
}
