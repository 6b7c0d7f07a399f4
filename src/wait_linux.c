#define _GNU_SOURCE
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FUTEX_WAIT, FUTEX_WAKE }; /* linux/futex.h, which not every C library comes with */

/* What the kernel expects of a time, however wide the C library's time_t is: longs, but for the
 * 32-bit machines that came too late for them. */
#ifdef SYS_futex
typedef long futex_time;
#else
#define SYS_futex SYS_futex_time64
typedef int64_t futex_time;
#endif

enum { NAP_MILLISECONDS = 20 };

int wait_semop(int set, struct sembuf *operations, size_t count, int milliseconds) {
    struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    return semtimedop(set, operations, count, &limit);
}

/* What futex(2) answers is the same to a sleeper, who looks again: a change, a time-out or a
 * signal. But a refusal, as in some sandboxes, would come at once, again and again: then it takes a
 * nap. */
void wait_for_change(const atomic_uint *word, unsigned seen, int milliseconds) {
    futex_time limit[] = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    if (syscall(SYS_futex, word, FUTEX_WAIT, seen, limit, NULL, 0) < 0 && errno != EAGAIN &&
        errno != ETIMEDOUT && errno != EINTR)
        wait_milliseconds(milliseconds < NAP_MILLISECONDS ? milliseconds : NAP_MILLISECONDS);
}

/* Unchecked: the message is published, and a sleeper that isn't woken looks up by itself. */
void wait_wake(atomic_uint *word) {
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
