/* The semaphore set of a channel: who writes, and whose turn it is.
 *
 * Number 0 counts the live writers, number 1 is their lock. Every operation has SEM_UNDO: when a
 * process ends, whatever ended it, the kernel takes back its count and its lock. Both start at 0,
 * as the kernel makes them, so there is nothing to initialise. See semop(2), semget(2), semctl(2).
 *
 * Functions that return -1 leave the reason in errno. EIDRM: somebody removed the set.
 * EAGAIN: the lock was held for longer than a live writer ever holds it. */
#ifndef WRITERS_H
#define WRITERS_H

#include <sys/types.h>

struct writers {
    int id; /* of the set */
};

/* Gets or creates the set of `key` (permissions `mode`), takes the lock and joins, all or nothing.
 * Returns the count of live writers, the caller among them. The caller holds the lock. EEXIST: the
 * key's set is somebody else's. */
int writers_join(struct writers *set, key_t key, int mode);

/* Takes and releases the lock. Not recursive. */
int writers_lock(const struct writers *set);
int writers_unlock(const struct writers *set);

/* The count of live writers. To be asked while holding the lock: nobody can join then. */
int writers_live(const struct writers *set);

/* Leaves and releases the lock, all or nothing. */
int writers_leave(const struct writers *set);

/* What the last writer does instead, having removed what they shared: removes the set, and with it
 * the count and the lock. EPERM: it belongs to another user. */
int writers_remove(const struct writers *set);

/* The count of live writers of `key`, for those who haven't joined: 0 also if there is no set.
 * Needs read permission only: EACCES. */
int writers_count(key_t key);

/* The process that operated on the lock last: while it is held, the holder. 0: can't tell. */
pid_t writers_holder(key_t key);

#endif
