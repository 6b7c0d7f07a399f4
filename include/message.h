/* The memory's side: a message goes into a segment, and comes out whole or not at all.
 *
 * A sequence lock: the publisher makes `version` odd, changes the fields, makes it even; a reader
 * whose copy began and ended under one even version has a whole message. Readers write nothing and
 * hold nothing. H.-J. Boehm, "Can seqlocks get along with programming language memory models?",
 * MSPC 2012, is the proof of the orders used here. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "shared_data.h"

enum message_state {
    MESSAGE_WHOLE,  /* a message, checked */
    MESSAGE_NONE,   /* nothing was published yet */
    MESSAGE_TORN,   /* a publisher died or is stopped half-way */
    MESSAGE_BUSY,   /* messages followed each other too fast for a copy to be whole */
    MESSAGE_DAMAGED /* not a SharedData: dataReady, processId or message can't be right */
};

/* A private copy. What came from other processes is vouched for by MESSAGE_WHOLE only. */
struct message {
    union {
        unsigned long words[SHARED_WORDS];
        struct {
            int processId;
            char message[MESSAGE_SIZE];
        };
    };
    size_t length; /* a NUL is at message[length], if not before; MESSAGE_SIZE: it has none */
    unsigned char dataReady; /* as found: may be neither 0 nor 1 */
    bool versioned;          /* the tail is in use: the segment is one of ours */
    unsigned version;        /* of a versioned segment: another one for each message */
};

/* Puts a message for publish() together: `length` bytes of `text`, at most MESSAGE_SIZE - 1 and no
 * NUL among them, published by process `pid`. */
void message_prepare(struct message *next, int pid, const char *text, size_t length);

/* Judges a private copy: WHOLE, NONE or DAMAGED. */
enum message_state message_check(const struct message *copy);

/* Replaces the segment's message by `next`, as message_prepare() or snapshot() filled it. The
 * caller holds the writers' lock: there is one publisher at a time. A publisher that died half-way
 * before is no obstacle. Makes no system call and wakes nobody: see wait_wake(). */
void publish(struct SharedSegment *segment, const struct message *next);

/* Copies the message out and checks the copy. While a message is being written it tries again, at
 * first at once, then by wait_for_change(), and gives up after two seconds with MESSAGE_TORN or
 * MESSAGE_BUSY; otherwise it makes no system call. `copy` is filled, or else its version alone. */
enum message_state snapshot(const struct SharedSegment *segment, struct message *copy);

#endif
