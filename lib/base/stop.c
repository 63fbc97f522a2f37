/* rtdtools - MIT licence
 *
 * Signals become flags. */
#include <stddef.h>
#include <sys/time.h>

#include "base/stop.h"

enum { TICK = 20000 }; /* microseconds */

static volatile sig_atomic_t stop_signal, usr1, usr2;
static bool signals_held;

static void on_tick(int sig)
{
    (void)sig; /* that a call was interrupted is all */
}

/* A signal that comes between a look at the flag and a call that waits would be lost: so the calls
 * are interrupted at every tick from now on.  (SIGALRM has its default action until then: a parent
 * may have set an alarm that is to kill.) */
static void on_stop(int sig)
{
    static const struct itimerval every = {{0, TICK}, {0, TICK}};
    if (stop_signal) { /* the second one means now */
        signal(sig, SIG_DFL);
        raise(sig);
    }
    stop_signal = sig;
    struct sigaction tick = {.sa_handler = on_tick};
    sigaction(SIGALRM, &tick, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
}

static void on_usr(int sig)
{
    if (sig == SIGUSR1)
        usr1 = 1;
    else
        usr2 = 1;
}

static const struct {
    int sig, flags;
    void (*fn)(int);
} caught[] = {
    {SIGINT, 0, on_stop}, /* no SA_RESTART: a blocked read comes back */
    {SIGTERM, 0, on_stop},         {SIGHUP, 0, on_stop},          {SIGXCPU, 0, on_stop},
    {SIGUSR1, SA_RESTART, on_usr}, {SIGUSR2, SA_RESTART, on_usr},
};
enum { CAUGHT = sizeof caught / sizeof caught[0] };

void rtd_caught_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGALRM);
    for (int i = 0; i < CAUGHT; i++)
        sigaddset(set, caught[i].sig);
}

void rtd_catch_signals(void)
{
    sigset_t tick;
    sigemptyset(&tick);
    sigaddset(&tick, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &tick, NULL);
    signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i < CAUGHT; i++) {
        struct sigaction old, sa = {.sa_handler = caught[i].fn, .sa_flags = caught[i].flags};
        sigemptyset(&sa.sa_mask);
        /* one that the parent ignored stays ignored, so that nohup works */
        if (sigaction(caught[i].sig, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(caught[i].sig, &sa, NULL);
    }
}

int rtd_stop_signal(void)
{
    return signals_held ? 0 : stop_signal;
}

void rtd_hold_signals(bool hold)
{
    signals_held = hold;
}

void rtd_reraise_signal(void)
{
    if (!stop_signal)
        return;
    signal(stop_signal, SIG_DFL);
    raise(stop_signal);
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
