/* The second part: what one operation costs without another process. */
#define _GNU_SOURCE
#include "bench.h"
#include "cli/errors.h"
#include "wait.h"

#include <stdlib.h>
#include <string.h>

static struct message next, taken;

/* Through a pointer that the compiler can't see through, or it would leave out repeated copies. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;

static void do_copy(void) {
    copy(taken.message, next.message, next.length + 1);
}

static void do_publish(void) {
    publish(kept.segment.shared, &next);
}

static void do_snapshot(void) {
    if (snapshot(kept.segment.shared, &taken) != MESSAGE_WHOLE)
        wrong("snapshot", "no whole message");
}

static void do_wake(void) {
    wait_wake(&kept.segment.shared->version);
}

void publish_locked(const struct message *message) {
    if (segment_lock(&kept.segment) < 0)
        fail("cannot take the writers' lock");
    publish(kept.segment.shared, message);
    if (segment_unlock(&kept.segment) < 0)
        fail("cannot release the writers' lock");
}

static void do_publish_locked(void) {
    publish_locked(&next);
}

static const struct {
    const char *name, *title;
    void (*run)(void);
} operations[] = {
    {"memcpy", "of the same bytes", do_copy},
    {"publish", "the lock held already", do_publish},
    {"snapshot", "", do_snapshot},
    {"wake", "nobody sleeps", do_wake},
    {"lock", "lock, publish, unlock", do_publish_locked},
};

enum { OPERATIONS = sizeof operations / sizeof *operations };
enum { BURST = 100 }; /* operations between two looks at the clock */

static int64_t burst(void (*run)(void)) {
    int64_t start = now();
    for (int i = 0; i < BURST; i++)
        run();
    return since(start);
}

static void measure_size(const struct settings *settings, size_t size) {
    size_t rounds = settings->rounds, bursts = settings->messages / rounds / BURST + 1;
    struct row rows[OPERATIONS];
    int64_t *times = calloc(OPERATIONS * rounds * bursts, sizeof *times);
    if (!times)
        fail("cannot measure");
    message_numbered(&next, size, 0);
    do_publish();
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < OPERATIONS; i++) {
            burst(operations[i].run); /* warms up */
            for (size_t j = 0; j < bursts; j++)
                times[(i * rounds + round) * bursts + j] = burst(operations[i].run);
        }
    for (size_t i = 0; i < OPERATIONS; i++) {
        rows[i] = (struct row){.name = operations[i].name, .title = operations[i].title};
        summarize(&rows[i], times + i * rounds * bursts, rounds * bursts, BURST);
        rows[i].copies = rows[i].median / rows[0].median;
    }
    free(times);
    show_rows(settings->csv, "alone", size, rows, OPERATIONS);
}

void measure_alone(const struct settings *settings) {
    for (size_t i = 0; i < settings->sizes_count; i++)
        measure_size(settings, settings->sizes[i]);
}
