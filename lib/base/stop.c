/* rtdtools - MIT licence
 *
 * Signals become flags. */
#include <signal.h>
#include <stddef.h>

#include "base/stop.h"

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

void rtd_catch_signals(void)
{
    handle(SIGINT, on_stop, 0); /* no SA_RESTART: a blocked read comes back */
    handle(SIGTERM, on_stop, 0);
    handle(SIGHUP, on_stop, 0);
    handle(SIGUSR1, on_usr, SA_RESTART);
    handle(SIGUSR2, on_usr, SA_RESTART);
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
