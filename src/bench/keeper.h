/* A process that outlives the benchmark by a moment, to remove what the kernel would keep.
 *
 * It makes the System V objects, before anybody can be killed holding one, and removes them, and
 * the names of FIFOs and POSIX queues, when the benchmark has ended, however it ended. It runs in a
 * session of its own and ignores what the terminal sends. */
#ifndef KEEPER_H
#define KEEPER_H

#include "shared_data.h"

#include <sys/types.h>

enum { THERE, BACK }; /* the two directions */
enum { MOST_READERS = 8 };

/* The memory that the benchmark's processes share: one System V segment. */
struct arena {
    _Alignas(4096) struct SharedSegment segment[2]; /* one each way */
    _Alignas(4096) char plain[2][1024];             /* handed over by semaphores or eventfd */
    _Alignas(4096) atomic_uint line;                /* nothing else is in its cache line */
    _Alignas(4096) atomic_int phase;                /* of the readers */
    struct {
        unsigned long snapshots, retried;
    } readers[MOST_READERS]; /* filled by each when it stops */
};

struct keeper {
    int segment, semaphores, queue; /* IDs; there are two semaphores */
    char directory[64], fifo[2][80];
    char posix_queue[2][40];
    struct arena *arena;
};

/* Starts the keeper; exits if it can't. Its objects go when this process ends. From now on this
 * process ends when a child, the keeper or any other, ends with anything but success. `keeper` has
 * to live until then. */
void keeper_start(struct keeper *keeper);

#endif
