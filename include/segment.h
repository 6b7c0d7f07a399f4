/* The kernel's side: how a process comes to a segment and goes away from it.
 *
 * A segment and its writers' semaphore set share a key. The set is made before the segment and
 * removed after it. shmget(2), shmat(2), shmctl(2); sysvipc(7).
 *
 * Functions that return -1 leave the reason in errno and in `failed` which object refused. */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "semaphores.h"
#include "shared_data.h"

#include <sys/shm.h>

struct segment {
    key_t key;
    int id;                       /* -1: none */
    struct SharedSegment *shared; /* attached until segment_leave() or segment_detach() */
    struct semaphores semaphores; /* of writers only */
    enum object failed;
};

/* Joins the channel of `key` as a writer; what doesn't exist is made, with permissions `mode`.
 * Returns what was found (enum found), attached, with the lock released. EEXIST: segment or set of
 * the key are a stranger's and were left untouched. After a failure nothing is attached or held,
 * and nothing made here stays behind, except perhaps an empty set for the next writer to use. */
int segment_join(struct segment *segment, key_t key, int mode);

/* The writers' lock, to be held for each publish(). Returns how many others are attached, readers
 * and writers. EIDRM: somebody removed the segment or the set. Others: see semaphores.h. After a
 * failure the lock isn't held. */
int segment_lock(struct segment *segment);
int segment_unlock(struct segment *segment);

/* Leaves the channel and detaches. The last writer removes segment and set. Returns how many other
 * writers remain. EPERM: the last writer doesn't own the segment or the set; it stays for the next
 * one. EIDRM: somebody removed the segment or the set before. */
int segment_leave(struct segment *segment);

/* Attaches read-only. ENOENT: there is no segment; EEXIST: it is too small to be one of ours. After
 * a failure nothing is attached. */
int segment_attach(struct segment *segment, key_t key);
void segment_detach(struct segment *segment);

/* Whether the segment is marked for destruction: nobody can come to it any more. */
bool segment_removed(const struct segment *segment);

/* Size, owner, maker and time of the key's segment, whoever made it; returns its ID. */
int segment_status(key_t key, struct shmid_ds *status);

#endif
