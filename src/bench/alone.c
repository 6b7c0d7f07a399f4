#define _GNU_SOURCE
#include "alone.h"
#include "cli.h"
#include "segment.h"

#include <err.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- One operation --- */

enum { BURST = 100 }; /* operations between two looks at the clock */

struct work {
    struct segment segment; /* as segment_join() leaves it */
    struct snapshot next;
    char plain[LARGEST];
    size_t size;
    struct snapshot copy;
};

static void prepare(struct work *work, unsigned number) {
    char text[LARGEST];
    message_fill(text, work->size, number);
    snapshot_prepare(&work->next, getpid(), text, work->size - 1);
}

/* Through a pointer that the compiler can't see through, or it would leave out repeated copies. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;

static void do_copy(struct work *work) {
    copy(work->plain, work->next.message, work->size);
}

static void do_publish(struct work *work) {
    publish(work->segment.shared, &work->next, work->size - 1);
}

static void do_locked_publish(struct work *work) {
    if (segment_lock(&work->segment) < 0)
        err(CLI_FAILED, "cannot take the writers' lock");
    do_publish(work);
    if (segment_unlock(&work->segment) < 0)
        err(CLI_FAILED, "cannot release the writers' lock");
}

static void do_snapshot(struct work *work) {
    if (snapshot(work->segment.shared, &work->copy) != SNAPSHOT_WHOLE)
        errx(CLI_FAILED, "a snapshot isn't whole");
}

static void do_wake(struct work *work) {
    publish_wake(work->segment.shared);
}

static const struct {
    const char *name, *title;
    void (*run)(struct work *work);
} operations[OPERATIONS] = {
    {"memcpy", "of the same bytes", do_copy},
    {"publish", "the lock held already", do_publish},
    {"snapshot", "", do_snapshot},
    {"wake", "nobody sleeps", do_wake},
    {"lock", "lock, publish, unlock", do_locked_publish},
};

static struct segment joined(const struct keeper *keeper) {
    return (struct segment){.id = keeper->segment,
                            .shared = &keeper->arena->segment[THERE],
                            .writers = {keeper->semaphores}};
}

static long burst(void (*run)(struct work *), struct work *work) {
    long start = now();
    for (int i = 0; i < BURST; i++)
        run(work);
    return since(start);
}

void operations_measure(const struct keeper *keeper, size_t size, size_t count, int rounds,
                        struct row rows[OPERATIONS]) {
    struct work work = {.segment = joined(keeper), .size = size};
    size_t batch = count / (size_t)rounds / BURST + 1, total = batch * (size_t)rounds;
    long *times = calloc(OPERATIONS * total, sizeof *times);
    if (!times)
        err(CLI_FAILED, "cannot measure");
    prepare(&work, 0);
    do_publish(&work);
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < OPERATIONS; i++) {
            burst(operations[i].run, &work); /* warms up */
            for (size_t j = 0; j < batch; j++)
                times[(size_t)i * total + (size_t)round * batch + j] =
                    burst(operations[i].run, &work);
        }
    for (int i = 0; i < OPERATIONS; i++) {
        rows[i] = (struct row){.name = operations[i].name, .title = operations[i].title};
        rows[i].figures = summarize(times + (size_t)i * total, total, BURST);
        rows[i].ratio = rows[i].figures.median / rows[0].figures.median;
    }
    free(times);
}

/* --- One writer, many readers --- */

/* Every message repeats its first eight characters; one made of two messages doesn't. */
static bool whole(const char *text) {
    return text[LARGEST - 1] == '\0' && memcmp(text, text + 8, LARGEST - 9) == 0;
}

enum { WAITING, READING, OVER };

static void read_until_over(struct arena *arena, int number) {
    const struct SharedSegment *segment = &arena->segment[THERE];
    struct snapshot copy;
    unsigned long snapshots = 0, retried = 0;
    while (atomic_load_explicit(&arena->phase, memory_order_relaxed) == WAITING)
        sched_yield();
    for (; atomic_load_explicit(&arena->phase, memory_order_relaxed) == READING; snapshots++) {
        unsigned before = atomic_load_explicit(&segment->version, memory_order_relaxed);
        if (snapshot(segment, &copy) != SNAPSHOT_WHOLE || !whole(copy.message))
            errx(CLI_FAILED, "a reader got a message that isn't whole");
        retried += copy.version != before;
    }
    arena->readers[number].snapshots = snapshots;
    arena->readers[number].retried = retried;
}

void reading_measure(const struct keeper *keeper, int readers, int milliseconds,
                     struct reading *reading) {
    struct work work = {.segment = joined(keeper), .size = LARGEST};
    struct arena *arena = keeper->arena;
    pid_t children[MOST_READERS];
    unsigned number = 0;
    prepare(&work, number);
    do_publish(&work);
    atomic_store(&arena->phase, WAITING);
    for (int i = 0; i < readers; i++) {
        children[i] = start_process();
        if (children[i] == 0) {
            read_until_over(arena, i);
            _exit(CLI_DONE);
        }
    }
    long start = now();
    atomic_store(&arena->phase, READING);
    while (now() - start < milliseconds * 1000000L) {
        prepare(&work, ++number);
        do_locked_publish(&work);
    }
    atomic_store(&arena->phase, OVER);
    reading->seconds += (double)(now() - start) / 1e9;
    for (int i = 0; i < readers; i++) {
        wait_for(children[i]);
        reading->snapshots += (double)arena->readers[i].snapshots;
        reading->retried += (double)arena->readers[i].retried;
    }
    reading->readers = readers;
    reading->published += number;
}
