#define _GNU_SOURCE
#include "message.h"
#include "cache.h"
#include "wait.h"

#include <string.h>

/* A publisher needs less than a microsecond, unless the kernel gives its processor to somebody
 * else. So a reader first looks again at once, and then sleeps. */
enum { EAGER_TRIES = 1000, SLEEP_MILLISECONDS = 50 };
static const double GIVE_UP_SECONDS = 2;

/* The largest process ID of Linux: PID_MAX_LIMIT. */
enum { LARGEST_PID = 1 << 22 };

static_assert(offsetof(struct message, message) == offsetof(struct SharedData, message),
              "struct message begins with the fields of struct SharedData: add yours to both");

void message_claim(struct SharedSegment *segment) {
    /* Relaxed is enough: writers look while they hold the lock, and message_publish() stores a
     * version with release after this, so a reader of that version sees the magic. */
    atomic_store_explicit(&segment->magic, SHARED_MAGIC, memory_order_relaxed);
}

bool message_is_ours(const struct SharedSegment *segment) {
    return atomic_load_explicit(&segment->magic, memory_order_relaxed) == SHARED_MAGIC;
}

bool message_is_of_another_layout(const struct SharedSegment *segment) {
    unsigned magic = atomic_load_explicit(&segment->magic, memory_order_relaxed);
    return magic != SHARED_MAGIC && (magic & 0xFFFFFF) == (SHARED_MAGIC & 0xFFFFFF);
}

/* How many words hold processId and a text of `length` bytes with the NUL behind it. */
static size_t words_for(size_t length) {
    return (offsetof(struct SharedData, message) + length) / sizeof(long) + 1;
}

/* How much of `message` is worth copying. Anybody can write this number, so it is bounded. */
static size_t length_of(const struct SharedSegment *segment) {
    size_t length = atomic_load_explicit(&segment->length, memory_order_relaxed);
    return length < MESSAGE_SIZE ? length : MESSAGE_SIZE - 1;
}

/* How many words may hold something of an older message. What this process published last has told
 * its length. A publisher that died half-way hasn't, nor has a program that knows only SharedData,
 * and either may have left something in every word. */
static size_t words_used(const struct SharedSegment *segment, int pid, unsigned version) {
    unsigned long first = atomic_load_explicit(&segment->words[0], memory_order_relaxed);
    bool by_us = memcmp(&first, &pid, sizeof pid) == 0 && message_is_ours(segment);
    return by_us && version % 2 == 0 ? words_for(length_of(segment)) : SHARED_WORDS;
}

void message_publish(struct SharedSegment *segment, const struct SharedData *next, size_t length) {
    size_t words = words_for(length);
    cache_expect_writes(&segment->version, sizeof segment->version);
    cache_expect_writes(segment->words, words * sizeof(long));
    /* Relaxed: the writers' lock has put all stores of earlier publishers before these loads. */
    unsigned version = atomic_load_explicit(&segment->version, memory_order_relaxed);
    size_t used = words_used(segment, next->processId, version);
    message_claim(segment); /* a simple program may have written over it */

    /* Release: a reader that sees the odd version sees the magic, without which odd means nothing.
     * (It is odd already if a publisher died half-way.) */
    version |= 1;
    atomic_store_explicit(&segment->version, version, memory_order_release);
    /* A release fence: a reader that sees any of the stores below sees the odd version, too. It
     * pairs with the acquire fence in copy_out(). */
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&segment->dataReady, 0, memory_order_relaxed);
    /* If this process is killed now, dataReady must be 0 before any word has changed. The processor
     * completes stores in the order of the program then, so only the compiler needs a fence. */
    atomic_signal_fence(memory_order_release);
    /* The words behind the new message become 0, so that nothing of a longer one stays. */
    for (size_t i = 0; i < (words > used ? words : used); i++) {
        unsigned long word;
        memcpy(&word, (const char *)next + i * sizeof word, sizeof word);
        atomic_store_explicit(&segment->words[i], word, memory_order_relaxed);
    }
    atomic_store_explicit(&segment->length, (unsigned)length, memory_order_relaxed);
    /* Release, twice: all stores above come first, both for programs that know only dataReady and
     * for those that know the version. */
    atomic_store_explicit(&segment->dataReady, 1, memory_order_release);
    atomic_store_explicit(&segment->version, version + 1, memory_order_release);
}

static void copy_words(const struct SharedSegment *segment, struct message *copy, size_t from,
                       size_t to) {
    for (size_t i = from; i < to; i++) {
        unsigned long word = atomic_load_explicit(&segment->words[i], memory_order_relaxed);
        memcpy((char *)copy + i * sizeof word, &word, sizeof word);
    }
}

/* Copies the message; true if the copy is whole, because nobody published in the meantime. In a
 * segment without our magic, `version` is just a number that must not have changed. */
static bool copy_out(const struct SharedSegment *segment, struct message *copy) {
    /* Acquire: nothing that is loaded below is older than this version. */
    copy->version = atomic_load_explicit(&segment->version, memory_order_acquire);
    copy->versioned = message_is_ours(segment);
    if (copy->versioned && copy->version % 2 == 1)
        return false;
    size_t length = copy->versioned ? length_of(segment) : MESSAGE_SIZE - 1;
    size_t words = words_for(length);
    cache_expect_reads(segment->words, words * sizeof(long));
    copy_words(segment, copy, 0, words);
    if (copy->message[length] != '\0') /* `length` was wrong: a simple program's message */
        copy_words(segment, copy, words, SHARED_WORDS);
    copy->dataReady = atomic_load_explicit(&segment->dataReady, memory_order_relaxed);
    /* An acquire fence and not an acquire load, because it is the loads above that must not be
     * delayed until after the second look at the version. */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&segment->version, memory_order_relaxed) == copy->version;
}

enum message_state message_snapshot(const struct SharedSegment *segment, struct message *copy) {
    double end = 0;
    unsigned first = 0;
    for (int tries = 1; !copy_out(segment, copy); tries++) {
        if (tries < EAGER_TRIES) {
            wait_spin();
            continue;
        }
        if (tries == EAGER_TRIES) {
            end = wait_clock() + GIVE_UP_SECONDS;
            first = copy->version;
        } else if (wait_clock() >= end) {
            return copy->version % 2 == 1 && copy->version == first ? MESSAGE_TORN : MESSAGE_BUSY;
        }
        wait_for_change(&segment->version, copy->version, SLEEP_MILLISECONDS);
    }
    return message_check(copy);
}

enum message_state message_check(struct message *copy) {
    copy->length = strnlen(copy->message, MESSAGE_SIZE);
    /* Whatever isn't ready has a process ID that is still 0, or one that can be right: text where
     * the ID should be is another program's. */
    bool ready = copy->dataReady == 1;
    bool pid = ready ? copy->processId > 0 : copy->processId >= 0 && copy->processId <= LARGEST_PID;
    if (copy->dataReady > 1 || !pid || copy->length == MESSAGE_SIZE)
        return MESSAGE_DAMAGED;
    return ready ? MESSAGE_WHOLE : MESSAGE_NONE;
}

bool message_wait(const struct SharedSegment *segment, unsigned seen, int milliseconds) {
    /* Relaxed: who is told that there is something new goes on to take a snapshot. */
    unsigned version = atomic_load_explicit(&segment->version, memory_order_relaxed);
    if (milliseconds > 0 && version == seen) {
        wait_for_change(&segment->version, seen, milliseconds);
        version = atomic_load_explicit(&segment->version, memory_order_relaxed);
    }
    return message_is_ours(segment) && version != seen;
}
