/* A segment as its processes share it, and how a message goes in and comes out whole.
 *
 * A sequence lock: a publisher makes `version` odd, changes the message, and makes it even. A
 * reader whose copy began and ended under one even version has a whole message. Readers write
 * nothing and hold nothing. The proof is H.-J. Boehm, "Can seqlocks get along with programming
 * language memory models?", MSPC 2012. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "channel.h"

#include <stdatomic.h>

/* processId and message, in machine words */
#define SHARED_WORDS (offsetof(struct SharedData, dataReady) / sizeof(long))

/* The bytes of shared_data.h. Every access is atomic, because another process may be writing at
 * that instant. */
struct SharedSegment {
    atomic_ulong words[SHARED_WORDS]; /* processId, message */
    atomic_uchar dataReady;           /* 0 or 1; anything else is damage */
    unsigned char zero[sizeof(struct SharedData) - offsetof(struct SharedData, dataReady) - 1];
    atomic_uint version, magic, length;
    unsigned char rest[SHARED_SIZE - sizeof(struct SharedData) - 12];
};

static_assert(offsetof(struct SharedSegment, dataReady) == offsetof(struct SharedData, dataReady),
              "what stands before dataReady must be whole words: add bytes to message");
static_assert(offsetof(struct SharedSegment, version) == sizeof(struct SharedData) &&
                  sizeof(struct SharedSegment) == SHARED_SIZE,
              "the tail belongs right behind struct SharedData, at a multiple of 4");

/* An atomic that isn't lock-free hides a lock in one process's memory. */
static_assert(ATOMIC_LONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_CHAR_LOCK_FREE == 2,
              "processes can share lock-free atomics only");

/* Makes a segment of zeros one of ours. */
void message_claim(struct SharedSegment *segment);

/* Whether the segment is one of ours; whether it has a tail like ours, but another layout. */
bool message_is_ours(const struct SharedSegment *segment);
bool message_is_of_another_layout(const struct SharedSegment *segment);

/* Puts the first `length` bytes of next->message in place of the segment's message, and
 * next->processId; what is behind them in `next` is 0. The caller holds the writers' lock, so there
 * is one publisher at a time. One that died half-way before is no obstacle. */
void message_publish(struct SharedSegment *segment, const struct SharedData *next, size_t length);

/* See channel_read(). */
enum message_state message_snapshot(const struct SharedSegment *segment, struct message *copy);

/* Judges a private copy whose other fields are filled in: WHOLE, NONE or DAMAGED. Sets `length`. */
enum message_state message_check(struct message *copy);

/* Sleeps until the version is another one than `seen`, and ends early when somebody wakes the
 * segment's sleepers. Whether there is another version; a segment that isn't ours has none. */
bool message_wait(const struct SharedSegment *segment, unsigned seen, int milliseconds);

#endif
