/* Where processes sleep. wait_linux.c does it in Linux's own ways, wait_posix.c by looking again
 * and again; one of them is compiled, and both keep these promises. */
#ifndef WAIT_H
#define WAIT_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/sem.h>
#include <time.h>

/* semop(2) that gives up with EAGAIN after `milliseconds`. EINTR: a signal handler ran, or, on some
 * systems, the process was stopped and continued. */
int wait_semop(int set, struct sembuf *operations, size_t count, int milliseconds);

/* Sleeps until `word` in shared memory is another one than `seen`, and no longer than
 * `milliseconds` or until a signal comes. The caller looks which of them it was. A change between
 * the caller's last look and the sleep is not missed. Works on a read-only attachment. */
void wait_for_change(const atomic_uint *word, unsigned seen, int milliseconds);

/* Wakes every process that sleeps until `word` changes, or only to look up. */
void wait_wake(atomic_uint *word);

/* Between two looks at memory that another processor is about to change: leaves the cache line to
 * that one for a moment. */
static inline void wait_spin(void) {
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

/* Seconds on a clock that never goes back: clock_gettime(2). */
static inline double wait_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Sleeps for less than a second, or until a signal comes: nanosleep(2). */
static inline void wait_milliseconds(int milliseconds) {
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000L}, NULL);
}

#endif
