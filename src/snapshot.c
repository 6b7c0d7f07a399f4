#define _GNU_SOURCE
#include "snapshot.h"

#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { EAGER_TRIES = 1000, PATIENT_TRIES = 1500 };
enum { LINE = 64 / sizeof(long) }; /* words of a cache line, on most machines */

/* The words that hold processId and `length` bytes of message with a NUL behind them. */
static size_t words_for(size_t length) {
    return (offsetof(struct SharedData, message) + length) / sizeof(long) + 1;
}

/* `length` in the segment may be anybody's; bounded, it can't lead out of message. */
static size_t length_hint(const struct SharedSegment *segment) {
    size_t length = atomic_load_explicit(&segment->length, memory_order_relaxed);
    return length < MESSAGE_SIZE ? length : MESSAGE_SIZE - 1;
}

void snapshot_prepare(struct snapshot *next, int pid, const char *text, size_t length) {
    next->words[words_for(length) - 1] = 0; /* zeros to the end of the last word */
    next->processId = pid;
    memcpy(next->message, text, length);
}

#ifdef __x86_64__
__attribute__((target("prfchw"))) /* without it, the prefetches would be for reading */
#endif
void publish(struct SharedSegment *segment, const struct snapshot *next, size_t length) {
    size_t used = words_for(length);
    /* A reader has the lines that are written below. Asked for one by one, as the stores come to
     * them, they would arrive one by one; asked for now, they arrive together. */
    __builtin_prefetch(&segment->version, 1);
    for (size_t i = 0; i < used; i += LINE)
        __builtin_prefetch(&segment->words[i], 1);

    /* An odd version is a dead publisher's, and so `length` may not tell how far it came. Relaxed:
     * the lock orders publishers among themselves. */
    unsigned version = atomic_load_explicit(&segment->version, memory_order_relaxed);
    size_t before = words_for(version & 1 ? MESSAGE_SIZE - 1 : length_hint(segment));
    version |= 1;
    /* Release: whoever sees the odd version sees the magic that makes it one. */
    atomic_store_explicit(&segment->version, version, memory_order_release);
    /* Release fence: whoever sees any of the stores below also sees the odd version. It pairs with
     * the acquire fence in snapshot(). */
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&segment->dataReady, 0, memory_order_relaxed);

#pragma GCC unroll 8
    for (size_t i = 0; i < used; i++)
        atomic_store_explicit(&segment->words[i], next->words[i], memory_order_relaxed);
    /* Nothing of an older, longer message stays behind the new one. */
    for (size_t i = used; i < before; i++)
        atomic_store_explicit(&segment->words[i], 0, memory_order_relaxed);
    atomic_store_explicit(&segment->length, (unsigned)length, memory_order_relaxed);

    /* Release, twice: for readers that know only dataReady, and for those that know the version,
     * all stores above come first. */
    atomic_store_explicit(&segment->dataReady, 1, memory_order_release);
    atomic_store_explicit(&segment->version, version + 1, memory_order_release);
}

/* Copies what the message uses; true if the copy is whole, that is, nobody published meanwhile. In
 * a segment without magic the version is just a number that must stay the same. */
static bool copy_out(const struct SharedSegment *segment, struct snapshot *copy) {
    /* Acquire: nothing that is loaded below can be older than this version. */
    copy->version = atomic_load_explicit(&segment->version, memory_order_acquire);
    copy->versioned = atomic_load_explicit(&segment->magic, memory_order_relaxed) == SHARED_MAGIC;
    if (copy->versioned && copy->version & 1)
        return false;
    size_t length = copy->versioned ? length_hint(segment) : MESSAGE_SIZE - 1;
    size_t used = words_for(length);
    for (size_t i = LINE; i < used; i += LINE) /* from the publisher's cache, all at once */
        __builtin_prefetch(&segment->words[i]);
#pragma GCC unroll 8
    for (size_t i = 0; i < used; i++)
        copy->words[i] = atomic_load_explicit(&segment->words[i], memory_order_relaxed);
    copy->terminated = copy->message[length] == '\0';
    if (!copy->terminated) { /* the hint was wrong, or this is a stranger's segment */
        for (size_t i = used; i < SHARED_WORDS; i++)
            copy->words[i] = atomic_load_explicit(&segment->words[i], memory_order_relaxed);
        copy->terminated = memchr(copy->message, '\0', MESSAGE_SIZE) != NULL;
    }
    copy->dataReady = atomic_load_explicit(&segment->dataReady, memory_order_relaxed);
    /* An acquire fence, not an acquire load: it is the loads above that must not sink below the
     * second look at the version. */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&segment->version, memory_order_relaxed) == copy->version;
}

enum snapshot_state snapshot_check(const struct snapshot *copy) {
    bool flag = copy->dataReady <= 1;
    bool pid = copy->processId >= copy->dataReady; /* 0 is nobody's, but right before a message */
    if (!flag || !pid || !copy->terminated)
        return SNAPSHOT_DAMAGED;
    return copy->dataReady ? SNAPSHOT_WHOLE : SNAPSHOT_NOTHING;
}

enum snapshot_state snapshot(const struct SharedSegment *segment, struct snapshot *copy) {
    int tries = 0;
    while (!copy_out(segment, copy)) {
        if (++tries == EAGER_TRIES + PATIENT_TRIES)
            return copy->version & 1 ? SNAPSHOT_TORN : SNAPSHOT_BUSY;
        if (tries > EAGER_TRIES)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return snapshot_check(copy);
}

void publish_wake(struct SharedSegment *segment) {
    syscall(SYS_futex, &segment->version, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void snapshot_await(const struct SharedSegment *segment, unsigned seen, int milliseconds) {
    struct timespec timeout = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    /* Unchecked: a change, a time-out and a signal are all the same to the caller, who looks. */
    syscall(SYS_futex, &segment->version, FUTEX_WAIT, seen, &timeout, NULL, 0);
}
