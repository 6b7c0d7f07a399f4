#define _GNU_SOURCE
#include "cli/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

enum { MOMENT = 50 /* milliseconds */ };

static volatile sig_atomic_t received;

static void handle(int number, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    if (sigaction(number, &action, NULL) < 0)
        fail("cannot prepare for signals");
}

static void on_tick(int number) {
    (void)number; /* to have interrupted is all */
}

static void start_timer(int milliseconds, int flags) {
    struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000L};
    handle(SIGALRM, on_tick, flags);
    setitimer(ITIMER_REAL, &(struct itimerval){time, time}, NULL);
}

/* A signal that falls between a look at `received` and a sleep would be slept over: so, once one
 * has come, the next sleep is interrupted, too, and the one after it. ppoll(2) would need the
 * signals blocked at all other times, and then a write that nobody takes outlasts Ctrl-C. */
static void on_signal(int number) {
    received = number;
    semaphores_hurry = 1;
    start_timer(MOMENT, 0);
}

void signals_catch(void) {
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        struct sigaction action;
        if (sigaction(ending[i], NULL, &action) < 0)
            fail("cannot prepare for signals");
        if (action.sa_handler != SIG_IGN) /* as nohup or a shell's background job has it */
            handle(ending[i], on_signal, 0);
    }
}

bool signals_received(void) {
    return received;
}

void signals_tick(int milliseconds) {
    start_timer(milliseconds, SA_RESTART);
    if (received) /* perhaps just now: then its own timer is the one that counts */
        start_timer(MOMENT, 0);
}

_Noreturn void signals_exit(enum status status) {
    if (received) {
        signal(received, SIG_DFL);
        raise(received);
    }
    exit(status);
}
