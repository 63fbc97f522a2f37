/* rtdtools - MIT licence
 *
 * The stop flag: signals that ask a process to stop, to report or to save, seen between two pieces
 * of work. */
#ifndef RTD_BASE_STOP_H
#define RTD_BASE_STOP_H

#include <signal.h>
#include <stdbool.h>

/* Handlers for INT TERM HUP XCPU (one that the parent ignored stays ignored) USR1 USR2; XFSZ is
 * ignored, so that a file over its limit is a failed write (EFBIG) like any other. */
void rtd_catch_signals(void);
/* Non-zero (the signal) after INT, TERM, HUP or XCPU: stop between frames, no END, exit with
 * RTD_ESIGNAL.  A second signal kills at once.
 *
 * Ask before a system call that may wait, and after it came back with EINTR.  No signal is lost
 * between asking and waiting: after the first one, calls that wait come back with EINTR again and
 * again until the process ends. */
int rtd_stop_signal(void);
/* The signals with handlers, for threads that are not to be interrupted by them. */
void rtd_caught_signals(sigset_t *set);
/* While held, rtd_stop_signal says 0, so that reading and writing go on: for what has to be saved
 * before the end.  A second signal still kills at once. */
void rtd_hold_signals(bool hold);
/* Die of the signal that was caught; returns when there was none. */
void rtd_reraise_signal(void);
bool rtd_take_usr1(void); /* true once after each SIGUSR1: print a status line */
bool rtd_take_usr2(void); /* the same for SIGUSR2: checkpoint now */

#endif
