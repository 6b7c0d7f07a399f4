/* Signals: what a parent left of them, those that end a writer, and a timer. See signal(7). */
#ifndef SIGNALS_H
#define SIGNALS_H

#include "cli/errors.h"

/* To be called first. Undoes what a parent may have left that would make us deaf or kill us:
 * blocked signals and running timers. A closed pipe and a file that may not grow become errors that
 * can be reported (SIGPIPE and SIGXFSZ are ignored). */
void signals_start(void);

/* From here on SIGINT, SIGTERM and SIGHUP are remembered, and interrupt whatever sleeps (EINTR): a
 * read, a write that nobody takes, a wait for the lock. Those that the parent wants ignored, as
 * nohup(1) does, stay ignored. To be called before there is anything to lose. */
void signals_catch(void);

/* Whether one of them has come. */
bool signals_received(void);

/* From here on SIGALRM comes every `milliseconds` and interrupts msgsnd(2) and msgrcv(2), which no
 * SA_RESTART takes up again. It comes again and again, so a caller that looks at the clock first is
 * never late for long. setitimer(2). */
void signals_tick(int milliseconds);

/* Ends the program with `status`, or by the signal that has come, so that the parent sees it. */
_Noreturn void signals_exit(enum status status);

#endif
