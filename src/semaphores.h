/* The writers' semaphore set: who is alive, and whose turn it is.
 *
 * Number 0 counts the live writers, number 1 is their lock. Every operation has SEM_UNDO: when a
 * process ends, whatever ends it, the kernel takes back its count and its lock. Both begin with 0,
 * as the kernel makes them, so there is nothing to initialise. semget(2), semop(2), semctl(2).
 *
 * Calls that return -1 leave the reason in errno. EIDRM: somebody removed the set. EAGAIN: somebody
 * held the lock for 5 seconds, a process that was stopped, say. */
#ifndef SEMAPHORES_H
#define SEMAPHORES_H

/* A set has a key of its own: that of what its writers share, with some bits flipped. Under the
 * segment's own key many programs keep a mutex, which would be taken for our count. */
enum { SEMAPHORES_OF_SEGMENT = 0x53000000 /* 'S' */, SEMAPHORES_OF_QUEUE = 0x51000000 /* 'Q' */ };

/* Gets or makes the set with this key (permissions `mode`), takes the lock and counts the caller,
 * both or neither. Then calls open(context, mode, others), which opens what the writers share when
 * so many others are alive, and releases the lock. Returns what `open` returned, 0 or more, and the
 * ID of the set in `*set`. After -1 from here or from `open` the caller is neither counted nor
 * holds the lock. EEXIST: the set is another program's. EACCES: it may not be used, or it grants
 * more than `mode`. */
int semaphores_join(int *set, unsigned key, int mode,
                    int (*open)(void *context, int mode, int others), void *context);

/* Takes the lock. If no other writer is alive, calls remove(context), which removes what the
 * writers shared, and removes the set; otherwise counts the caller out. Returns how many others are
 * alive. -1: `remove` failed (with EBUSY the caller stays a writer, otherwise it is counted out) or
 * the set is another user's (EPERM), and stays for the next writer; or there was no lock to be had,
 * and the caller is counted until it ends. ERANGE: somebody has set the count to 0. */
int semaphores_leave(int set, int (*remove)(void *context), void *context);

/* Take and release the lock. */
int semaphores_lock(int set);
int semaphores_unlock(int set);

/* How many writers of this set are alive, for those who aren't writers. ENOENT: there is no set.
 * EACCES: the caller may not look. */
int semaphores_count(unsigned key);

/* The process that changed the lock last: its holder while it is held. 0: it can't be seen from
 * here, as in another PID namespace. */
int semaphores_holder(unsigned key);

/* From now on this process waits no longer than a second for a lock. Made for a signal handler:
 * who was told to end shouldn't wait for somebody who is stopped. */
void semaphores_hurry(void);

#endif
