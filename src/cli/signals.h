/* The signals that end a writer, SIGINT, SIGTERM and SIGHUP, and a timer. See signal(7). */
#ifndef SIGNALS_H
#define SIGNALS_H

#include "cli/errors.h"

/* From here on such a signal is remembered and interrupts whatever sleeps (EINTR): a read, a write
 * that nobody takes, a wait for the lock. Signals that whoever started us wants ignored stay so. To
 * be called before there is anything to lose. */
void signals_catch(void);

/* Whether one has come. */
bool signals_received(void);

/* From here on SIGALRM comes every `milliseconds` and interrupts what is never taken up again by
 * itself: msgsnd(2), msgrcv(2). Because it comes again, what was looked up before such a call is
 * never out of date for long. setitimer(2). */
void signals_tick(int milliseconds);

/* Ends the program with `status`, or by the signal that has come: the parent sees the truth. */
_Noreturn void signals_exit(enum status status);

#endif
