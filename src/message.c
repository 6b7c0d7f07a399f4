#define _GNU_SOURCE
#include "message.h"
#include "wait.h"

#include <string.h>

enum { EAGER_TRIES = 1000, PATIENCE = 2 /* seconds */ };
enum { LINE = 64 / sizeof(long) }; /* words of a cache line, on most machines */

/* The words that hold processId and `length` bytes of message with a NUL behind them. */
static size_t words_for(size_t length) {
    return (offsetof(struct SharedData, message) + length) / sizeof(long) + 1;
}

void message_prepare(struct message *next, int pid, const char *text, size_t length) {
    next->words[words_for(length) - 1] = 0; /* zeros to the end of the last word */
    next->processId = pid;
    memcpy(next->message, text, length);
    next->length = length;
}

enum message_state message_check(const struct message *copy) {
    bool flag = copy->dataReady <= 1;
    bool pid = copy->processId >= copy->dataReady; /* 0 is nobody's, but right before a message */
    bool text = copy->length < MESSAGE_SIZE;
    if (!flag || !pid || !text)
        return MESSAGE_DAMAGED;
    return copy->dataReady ? MESSAGE_WHOLE : MESSAGE_NONE;
}

/* `length` in the segment may be anybody's; bounded, it can't lead out of message. */
static size_t length_hint(const struct SharedSegment *segment) {
    size_t length = atomic_load_explicit(&segment->length, memory_order_relaxed);
    return length < MESSAGE_SIZE ? length : MESSAGE_SIZE - 1;
}

/* How many words an older message may have left something in. Only what this very process published
 * last has a `length` that tells: a publisher that died half-way has not written its own, and a
 * program that knows only SharedData writes none. */
static size_t words_used(const struct SharedSegment *segment, int pid, unsigned version) {
    struct message first;
    first.words[0] = atomic_load_explicit(&segment->words[0], memory_order_relaxed);
    return first.processId == pid && version % 2 == 0 ? words_for(length_hint(segment))
                                                      : SHARED_WORDS;
}

/* Eight words a turn: 900 bytes take half the time. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll_count(8)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* Asks for a cache line to write to. (As a builtin it would be asked for to read, and gcc drops the
 * calls of a function that does nothing else.) */
static void fetch(const volatile void *line) {
#ifdef __x86_64__
    __asm__ volatile("prefetchw %0" : : "m"(*(const volatile char *)line));
#else
    __builtin_prefetch((const void *)line, 1);
#endif
}

/* A reader has the cache lines that are about to be written. Asked for one by one, as the stores
 * come to them, they would arrive one by one; asked for now, they arrive together. */
static void fetch_lines(struct SharedSegment *segment, size_t words) {
    fetch(&segment->version);
    for (size_t i = 0; i < words; i += LINE)
        fetch(&segment->words[i]);
}

void publish(struct SharedSegment *segment, const struct message *next) {
    size_t words = words_for(next->length);
    fetch_lines(segment, words);
    /* Relaxed: the lock orders publishers among themselves. */
    unsigned version = atomic_load_explicit(&segment->version, memory_order_relaxed);
    size_t used = words_used(segment, next->processId, version);

    /* Odd; it is odd already if a publisher died half-way. Release: whoever sees the odd version
     * sees the magic that makes it one. */
    version |= 1;
    atomic_store_explicit(&segment->version, version, memory_order_release);
    /* Release fence: whoever sees any of the stores below also sees the odd version. It pairs with
     * the acquire fence in copy_out(). */
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&segment->dataReady, 0, memory_order_relaxed);
    /* For whoever comes after a kill: the compiler mustn't change words first. Costs nothing. */
    atomic_signal_fence(memory_order_release);
    UNROLL
    for (size_t i = 0; i < words; i++)
        atomic_store_explicit(&segment->words[i], next->words[i], memory_order_relaxed);
    /* Nothing of an older, longer message stays behind the new one. */
    for (size_t i = words; i < used; i++)
        atomic_store_explicit(&segment->words[i], 0, memory_order_relaxed);
    atomic_store_explicit(&segment->length, (unsigned)next->length, memory_order_relaxed);
    /* Release, twice: for readers that know only dataReady, and for those that know the version,
     * all stores above come first. */
    atomic_store_explicit(&segment->dataReady, 1, memory_order_release);
    atomic_store_explicit(&segment->version, version + 1, memory_order_release);
}

static void copy_words(const struct SharedSegment *segment, struct message *copy, size_t from,
                       size_t to) {
    UNROLL
    for (size_t i = from; i < to; i++)
        copy->words[i] = atomic_load_explicit(&segment->words[i], memory_order_relaxed);
}

/* Copies what the message uses; true if the copy is whole, that is, nobody published meanwhile. In
 * a segment without magic the version is just a number that must stay the same. */
static bool copy_out(const struct SharedSegment *segment, struct message *copy) {
    /* Acquire: nothing that is loaded below can be older than this version. */
    copy->version = atomic_load_explicit(&segment->version, memory_order_acquire);
    copy->versioned = atomic_load_explicit(&segment->magic, memory_order_relaxed) == SHARED_MAGIC;
    if (copy->versioned && copy->version % 2)
        return false;
    copy->length = copy->versioned ? length_hint(segment) : MESSAGE_SIZE - 1;
    size_t words = words_for(copy->length);
    for (size_t i = LINE; i < words; i += LINE) /* from the publisher's cache, all at once */
        __builtin_prefetch(&segment->words[i]);
    copy_words(segment, copy, 0, words);
    if (copy->message[copy->length] != '\0') { /* the hint was wrong: a stranger's message */
        copy_words(segment, copy, words, SHARED_WORDS);
        const char *end = memchr(copy->message, '\0', MESSAGE_SIZE);
        copy->length = end ? (size_t)(end - copy->message) : MESSAGE_SIZE;
    }
    copy->dataReady = atomic_load_explicit(&segment->dataReady, memory_order_relaxed);
    /* An acquire fence, not an acquire load: it is the loads above that must not sink below the
     * second look at the version. */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&segment->version, memory_order_relaxed) == copy->version;
}

enum message_state snapshot(const struct SharedSegment *segment, struct message *copy) {
    double end = 0;
    unsigned stuck = 0;
    for (int tries = 1; !copy_out(segment, copy); tries++) {
        if (tries < EAGER_TRIES) {
            wait_spin();
            continue;
        }
        if (tries == EAGER_TRIES) {
            end = wait_clock() + PATIENCE;
            stuck = copy->version;
        } else if (wait_clock() >= end) {
            return copy->version % 2 && copy->version == stuck ? MESSAGE_TORN : MESSAGE_BUSY;
        }
        wait_for_change(&segment->version, copy->version, 1);
    }
    return message_check(copy);
}
