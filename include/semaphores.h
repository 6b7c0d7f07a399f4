/* The semaphore set of a channel: who is alive, whose turn it is.
 *
 * Number 0 counts the live writers, number 1 is their lock. Every operation has SEM_UNDO: when a
 * process ends, whatever ended it, the kernel takes back its count and its lock. Both start at 0,
 * as the kernel makes them, so there is nothing to initialise. semget(2), semop(2), semctl(2).
 *
 * Functions that return -1 leave the reason in errno. EIDRM: somebody removed the set. EAGAIN: the
 * lock was held for 5 seconds, by a process that was stopped, say. */
#ifndef SEMAPHORES_H
#define SEMAPHORES_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* The kinds of System V objects. */
enum object { SEGMENT, QUEUE, SEMAPHORES };

/* What a writer that joined has found. */
enum found {
    FOUND_NOTHING,
    FOUND_LEFT_BEHIND, /* an earlier writer's: taken over */
    FOUND_IN_USE,      /* other writers are alive */
    FOUND_ORPHANED     /* in use, but somebody had removed its set: replaced by a new one */
};

struct semaphores {
    key_t key;
    int id; /* of the set */
};

/* To be set by a signal handler (without SA_RESTART): from then on nobody waits for the lock for
 * more than a moment. Without it, a wait that is interrupted is taken up again. */
extern volatile sig_atomic_t semaphores_hurry;

/* Gets or creates the set of `key` (permissions `mode`), takes the lock and joins, all or nothing.
 * Returns the count of live writers, the caller among them, who holds the lock. EEXIST: the key's
 * set is somebody else's. After a failure the lock isn't held; an empty set may stay for the next
 * writer to use. */
int semaphores_join(struct semaphores *set, key_t key, int mode);

/* Takes and releases the lock. Not recursive. */
int semaphores_lock(const struct semaphores *set);
int semaphores_unlock(const struct semaphores *set);

/* The count of live writers. To be asked while holding the lock: nobody can join then. ERANGE:
 * somebody has set it to 0, although the caller is alive. */
int semaphores_live(const struct semaphores *set);

/* The end of every way out; the caller holds the lock. If nobody else is alive it first calls
 * `remove(context)`, which removes what the writers shared, and then removes the set: as long as
 * the last writer counts as live, nobody takes what it is removing for left behind. Returns how
 * many other writers remain. -1: the lock isn't held either. EPERM: with `*kept` that was
 * remove()'s answer, without it the set is another user's; what is kept, the next writer takes
 * over. Other errors: the caller may be counted until it ends. */
int semaphores_leave(const struct semaphores *set, int (*remove)(void *context), void *context,
                     bool *kept);

/* The count of live writers of `key`, for those who haven't joined: 0 also if there is no set.
 * Needs read permission: EACCES. */
int semaphores_count(key_t key);

/* The process that operated on the lock last: while it is held, the holder. 0: it can't be seen
 * from here, as in another PID namespace. */
pid_t semaphores_holder(key_t key);

#endif
