/* The memory's side: a message goes into a segment, and comes out whole or not at all.
 *
 * A sequence lock: the publisher makes `version` odd, changes the fields, makes it even; a reader
 * whose copy began and ended under one even version has a whole message. Readers write nothing and
 * hold nothing. H.-J. Boehm, "Can seqlocks get along with programming language memory models?",
 * MSPC 2012, is the proof of the orders used here. No function makes a system call unless it says
 * so. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "shared_data.h"

enum snapshot_state {
    SNAPSHOT_WHOLE,   /* a message, checked */
    SNAPSHOT_NOTHING, /* no message was published yet */
    SNAPSHOT_TORN,    /* a publisher died or is stopped half-way */
    SNAPSHOT_BUSY,    /* messages followed each other too fast for a copy to be whole */
    SNAPSHOT_DAMAGED  /* not a SharedData: dataReady, processId or message can't be right */
};

/* A private copy of a message. What came from other processes is vouched for by SNAPSHOT_WHOLE
 * only. */
struct snapshot {
    union {
        unsigned long words[SHARED_WORDS];
        struct {
            int processId;
            char message[MESSAGE_SIZE];
        };
    };
    unsigned char dataReady; /* as found: may be neither 0 nor 1 */
    bool terminated;         /* message holds a NUL */
    bool versioned;          /* the tail is in use: the segment is one of ours */
    unsigned version;        /* of a versioned segment: another one for each message */
};

/* Puts a message for publish() together: `length` bytes of `text`, at most MESSAGE_SIZE - 1 and no
 * NUL among them, published by process `pid`. */
void snapshot_prepare(struct snapshot *next, int pid, const char *text, size_t length);

/* Replaces the segment's message by `next`, as snapshot_prepare() or snapshot() filled it, whose
 * text has `length` bytes. The caller holds the writers' lock: there is one publisher at a time. A
 * publisher that died half-way before is no obstacle. Wakes nobody: see publish_wake(). */
void publish(struct SharedSegment *segment, const struct snapshot *next, size_t length);

/* Wakes every process in snapshot_await() on this segment: one system call, futex(2). */
void publish_wake(struct SharedSegment *segment);

/* Copies the message out and checks the copy. Never waits for long: while a message is being
 * written it tries again, at first at once and then once a millisecond (nanosleep(2)), for a second
 * or two, and then gives up with SNAPSHOT_TORN or SNAPSHOT_BUSY. `copy` is filled except then. */
enum snapshot_state snapshot(const struct SharedSegment *segment, struct snapshot *copy);

/* Judges a private copy whose fields came from elsewhere than a segment. */
enum snapshot_state snapshot_check(const struct snapshot *copy);

/* Sleeps until `version` of the segment is another than `seen`, `milliseconds` have passed or a
 * signal came; a change between the caller's look and the sleep is not missed. futex(2), which
 * works on a read-only attachment. */
void snapshot_await(const struct SharedSegment *segment, unsigned seen, int milliseconds);

#endif
