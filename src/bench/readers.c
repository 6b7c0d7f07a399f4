/* The third part: one writer publishes as writers do, under their lock, as fast as it can; many
 * readers take snapshots as fast as they can, and check that each is one message. */
#define _GNU_SOURCE
#include "bench.h"
#include "cli/errors.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAITING, READING, OVER };

struct reading {
    double seconds, published, snapshots;
};

/* Every message repeats its first eight characters; one made of two messages doesn't. */
static bool whole(const char *text) {
    return text[LARGEST - 1] == '\0' && memcmp(text, text + 8, LARGEST - 9) == 0;
}

static void read_until_over(int number) {
    struct message copy;
    unsigned long snapshots = 0;
    while (atomic_load_explicit(&kept.arena->phase, memory_order_relaxed) == WAITING)
        sched_yield();
    for (; atomic_load_explicit(&kept.arena->phase, memory_order_relaxed) == READING; snapshots++)
        if (snapshot(kept.segment.shared, &copy) != MESSAGE_WHOLE || !whole(copy.message))
            wrong("readers", "no whole message");
    kept.arena->snapshots[number] = snapshots;
}

/* One turn; adds to the sums. */
static void read_together(int readers, int64_t nanoseconds, struct reading *sums) {
    struct message next;
    pid_t children[MOST_READERS];
    unsigned number = 0;
    message_numbered(&next, LARGEST, number);
    publish_locked(&next);
    atomic_store(&kept.arena->phase, WAITING);
    for (int i = 0; i < readers; i++) {
        children[i] = process_start();
        if (children[i] == 0) {
            read_until_over(i);
            _exit(DONE);
        }
    }
    int64_t start = now();
    atomic_store(&kept.arena->phase, READING);
    while (now() - start < nanoseconds) {
        message_numbered(&next, LARGEST, ++number);
        publish_locked(&next);
    }
    atomic_store(&kept.arena->phase, OVER);
    sums->seconds += (double)(now() - start) / 1e9;
    sums->published += number;
    for (int i = 0; i < readers; i++) {
        process_wait(children[i]);
        sums->snapshots += (double)kept.arena->snapshots[i];
    }
}

void measure_readers(const struct settings *settings) {
    enum { STEPS = 4, TURNS = 5 }; /* 1, 2, 4, 8 readers */
    struct reading sums[STEPS] = {0};
    unpin();
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < STEPS; i++)
            read_together(1 << i, (int64_t)settings->messages * 20000, &sums[i]);
    if (!settings->csv)
        printf("\n%d bytes, one writer under its lock and many readers, on all processors\n"
               "  %-11s%24s%24s\n",
               LARGEST, "readers", "messages a second", "snapshots a second");
    for (int i = 0; i < STEPS; i++) {
        double published = sums[i].published / sums[i].seconds;
        double snapshots = sums[i].snapshots / sums[i].seconds;
        if (settings->csv)
            printf("readers,%d,%d,,,,,,%.0f,%.0f\n", LARGEST, 1 << i, published, snapshots);
        else
            printf("  %-11d%24.0f%24.0f\n", 1 << i, published, snapshots);
    }
}
