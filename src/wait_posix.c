/* With nothing but what X/Open has, a sleeper looks again and again: at first soon, then more and
 * more seldom. A partner that answers at once is noticed at once; one that sleeps costs little. */
#define _GNU_SOURCE
#include "wait.h"

#include <errno.h>
#include <sys/ipc.h>

enum { FIRST_PAUSE = 50000, LONGEST_PAUSE = 20000000 }; /* nanoseconds */

/* Sleeps for `*pause` and makes the next one longer. EINTR: a signal came. */
static int pause_for(long *pause) {
    struct timespec time = {.tv_nsec = *pause};
    *pause = *pause + *pause / 2 < LONGEST_PAUSE ? *pause + *pause / 2 : LONGEST_PAUSE;
    return nanosleep(&time, NULL);
}

int wait_semop(int set, struct sembuf *operations, size_t count, int milliseconds) {
    double end = wait_clock() + milliseconds / 1e3;
    for (size_t i = 0; i < count; i++)
        operations[i].sem_flg |= IPC_NOWAIT;
    for (long pause = FIRST_PAUSE; semop(set, operations, count) < 0;) {
        if (errno != EAGAIN)
            return -1;
        if (wait_clock() >= end) {
            errno = EAGAIN;
            return -1;
        }
        if (pause_for(&pause) < 0)
            return -1;
    }
    return 0;
}

void wait_for_change(const atomic_uint *word, unsigned seen, int milliseconds) {
    double end = wait_clock() + milliseconds / 1e3;
    long pause = FIRST_PAUSE;
    while (atomic_load_explicit(word, memory_order_relaxed) == seen && wait_clock() < end)
        if (pause_for(&pause) < 0)
            return;
}

void wait_wake(atomic_uint *word) {
    (void)word; /* sleepers look by themselves */
}
