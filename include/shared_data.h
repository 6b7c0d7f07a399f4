/* The bytes of the segment: the contract with every other program, in any language.
 *
 * All zeros is the valid initial state, and it is what the kernel hands out: a segment can be used
 * the instant it exists, and no crash can leave one half-initialised. */
#ifndef SHARED_DATA_H
#define SHARED_DATA_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#define SHARED_KEY 5678
#define SHARED_SIZE 1024        /* bytes of a segment; a larger one is accepted */
#define SHARED_MAGIC 0x31726150 /* "Par1": the tail is in use */
#define MESSAGE_SIZE 900        /* bytes of a message, its NUL included */

/* What every program agrees on, the simplest ones too. */
struct SharedData {
    int processId;              /* who published */
    char message[MESSAGE_SIZE]; /* text, NUL-terminated */
    bool dataReady;             /* false until a message is complete */
};

static_assert(sizeof(int) == 4 && sizeof(bool) == 1, "readers in other languages count on these");
static_assert(offsetof(struct SharedData, processId) == 0, "layout");
static_assert(offsetof(struct SharedData, message) == 4, "layout");
static_assert(offsetof(struct SharedData, dataReady) == 904, "layout");
static_assert(sizeof(struct SharedData) == 908, "layout");

#ifndef __cplusplus /* which has other atomics: from here on, this is for C */
#include <stdatomic.h>

/* processId and message, in machine words */
#define SHARED_WORDS (offsetof(struct SharedData, dataReady) / sizeof(long))

/* The same bytes as processes share them: every access is atomic, because another process may be
 * writing at that instant. Behind struct SharedData stands our tail; without `magic` it means
 * nothing. `version` shares the cache line of dataReady: every publish touches that line anyway. */
struct SharedSegment {
    atomic_ulong words[SHARED_WORDS]; /* processId, message */
    atomic_uchar dataReady;           /* 0 or 1; anything else is damage */
    unsigned char zero[3];
    atomic_uint version; /* odd while a message is being written, even when it is whole */
    atomic_uint magic;   /* SHARED_MAGIC */
    atomic_uint length;  /* of message: a hint, how much of it is worth copying */
    atomic_uint set;     /* the ID of the semaphore set of its writers, plus 1 */
    unsigned char rest[SHARED_SIZE - 924];
};

static_assert(offsetof(struct SharedData, dataReady) % sizeof(long) == 0, "whole words");
static_assert(offsetof(struct SharedSegment, dataReady) == 904, "layout");
static_assert(offsetof(struct SharedSegment, version) == 908, "layout");
static_assert(offsetof(struct SharedSegment, magic) == 912, "layout");
static_assert(offsetof(struct SharedSegment, length) == 916, "layout");
static_assert(offsetof(struct SharedSegment, set) == 920, "layout");
static_assert(sizeof(struct SharedSegment) == SHARED_SIZE, "layout");

/* Only lock-free atomics work between processes: the others hide a lock in one process's memory.
 * dataReady is never more than loaded and stored, which takes no lock anywhere. */
static_assert(ATOMIC_LONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "lock-free atomics");

#endif /* __cplusplus */

#endif
