#define _GNU_SOURCE
#include "cli/signals.h"
#include "semaphores.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

enum { AGAIN_MILLISECONDS = 50 };

static volatile sig_atomic_t received;

static void handle(int number, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    if (sigaction(number, &action, NULL) < 0)
        fail("cannot prepare for signals");
}

void signals_start(void) {
    static const int timers[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
    /* The first three are the timers': ignored, one that is waiting to be unblocked is dropped. */
    static const int ignored[] = {SIGALRM, SIGVTALRM, SIGPROF, SIGPIPE, SIGXFSZ};
    sigset_t none;
    sigemptyset(&none);
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        setitimer(timers[i], &(struct itimerval){0}, NULL); /* cannot fail */
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        handle(ignored[i], SIG_IGN, 0);
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        fail("cannot unblock signals");
}

static void on_tick(int number) {
    (void)number; /* interrupting a system call is all that it is for */
}

static void start_timer(int milliseconds, int flags) {
    struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000L};
    handle(SIGALRM, on_tick, flags);
    setitimer(ITIMER_REAL, &(struct itimerval){time, time}, NULL);
}

/* A signal that comes after the program has looked at `received` and before it sleeps would not
 * interrupt that sleep. So a timer interrupts it, and each later one. (ppoll(2) would need the
 * signals blocked at all other times, and then Ctrl-C couldn't end a write that nobody takes.) */
static void on_signal(int number) {
    received = number;
    semaphores_hurry();
    start_timer(AGAIN_MILLISECONDS, 0);
}

void signals_catch(void) {
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        struct sigaction action;
        if (sigaction(ending[i], NULL, &action) < 0)
            fail("cannot prepare for signals");
        if (action.sa_handler != SIG_IGN)
            handle(ending[i], on_signal, 0);
    }
}

bool signals_received(void) {
    return received;
}

void signals_tick(int milliseconds) {
    start_timer(milliseconds, SA_RESTART);
    if (received) /* perhaps just now: then on_signal()'s own timer is the one that counts */
        start_timer(AGAIN_MILLISECONDS, 0);
}

_Noreturn void signals_exit(enum status status) {
    if (received) {
        signal(received, SIG_DFL);
        raise(received);
    }
    exit(status);
}
