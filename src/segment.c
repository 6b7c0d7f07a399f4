#define _GNU_SOURCE
#include "segment.h"
#include "wait.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>

static int fail(struct segment *segment, enum object object) {
    segment->failed = object;
    return -1;
}

static int attach(struct segment *segment, int flags) {
    void *address = shmat(segment->id, NULL, flags);
    if (address == (void *)-1)
        return -1;
    segment->shared = address;
    return 0;
}

void segment_detach(struct segment *segment) {
    if (segment->shared)
        shmdt(segment->shared);
    segment->shared = NULL;
}

/* EIDRM: it is marked for destruction. */
static int examine(int id, struct shmid_ds *status) {
    int result = shmctl(id, IPC_STAT, status);
#ifdef SHM_DEST /* elsewhere a removed segment can't be examined */
    if (result == 0 && status->shm_perm.mode & SHM_DEST) {
        errno = EIDRM;
        return -1;
    }
#endif
    if (result < 0 && errno == EINVAL)
        errno = EIDRM;
    return result;
}

static bool is_ours(const struct segment *segment) {
    return atomic_load_explicit(&segment->shared->magic, memory_order_relaxed) == SHARED_MAGIC;
}

/* Whether its writers are those that the set counts. */
static bool belongs_to(const struct segment *segment, const struct semaphores *set) {
    unsigned id = atomic_load_explicit(&segment->shared->set, memory_order_relaxed);
    return id == (unsigned)set->id + 1;
}

/* As the kernel made it, just now or for a writer killed right here; but not if somebody else has
 * attached it, who may be about to use it. */
static bool is_unused(const struct segment *segment, const struct shmid_ds *status, bool made) {
    static const struct SharedSegment zeros;
    return status->shm_segsz == SHARED_SIZE && (made || status->shm_nattch == 1) &&
           memcmp(segment->shared, &zeros, sizeof zeros) == 0;
}

/* Gets or creates the segment and decides by what is in it. The caller holds the lock and is one of
 * `live` writers. */
static int open_locked(struct segment *segment, int mode, int live, bool *made) {
    struct shmid_ds status;
    segment->id = shmget(segment->key, SHARED_SIZE, IPC_CREAT | IPC_EXCL | mode);
    *made = segment->id >= 0;
    if (segment->id < 0 && errno == EEXIST) {
        segment->id = shmget(segment->key, SHARED_SIZE, 0);
        if (segment->id < 0 && errno == EINVAL) /* it is smaller */
            errno = EEXIST;
    } else if (segment->id < 0 && errno == EINVAL) { /* the system allows none of this size */
        errno = ENOSPC;
    }
    if (segment->id < 0 || attach(segment, 0) < 0 || shmctl(segment->id, IPC_STAT, &status) < 0)
        return -1;

    struct SharedSegment *shared = segment->shared;
    if (is_unused(segment, &status, *made)) {
        /* Magic first: whoever is killed in between has left no stranger's segment. Relaxed:
         * readers see it by the first version, writers by the lock. */
        atomic_store_explicit(&shared->magic, SHARED_MAGIC, memory_order_relaxed);
        atomic_store_explicit(&shared->set, (unsigned)segment->semaphores.id + 1,
                              memory_order_relaxed);
        return FOUND_NOTHING;
    }
    if (!is_ours(segment)) {
        errno = EEXIST;
        return -1;
    }
    if (belongs_to(segment, &segment->semaphores))
        return live > 1 ? FOUND_IN_USE : FOUND_LEFT_BEHIND;
    /* Somebody removed the set under its writers. One of them may be in the middle of publishing,
     * and our lock is another: leave the segment to them. But if ours is the set that has gone, the
     * segment is that of a newer one. */
    segment_detach(segment);
    if (semaphores_live(&segment->semaphores) < 0 || shmctl(segment->id, IPC_RMID, NULL) < 0)
        return -1;
    return open_locked(segment, mode, live, made) < 0 ? -1 : FOUND_ORPHANED;
}

int segment_join(struct segment *segment, key_t key, int mode) {
    bool made = false, kept;
    *segment = (struct segment){.key = key, .id = -1};
    int live = semaphores_join(&segment->semaphores, key, mode);
    if (live < 0)
        return fail(segment, SEMAPHORES);
    int found = open_locked(segment, mode, live, &made);
    if (found >= 0 && semaphores_unlock(&segment->semaphores) == 0)
        return found;

    int error = errno;
    segment_detach(segment);
    if (made)
        shmctl(segment->id, IPC_RMID, NULL);
    semaphores_leave(&segment->semaphores, NULL, NULL, &kept);
    errno = error;
    return fail(segment, found < 0 ? SEGMENT : SEMAPHORES);
}

int segment_lock(struct segment *segment) {
    struct shmid_ds status = {.shm_nattch = 2}; /* who may not look takes somebody to be there */
    if (semaphores_lock(&segment->semaphores) < 0)
        return fail(segment, SEMAPHORES);
    if (examine(segment->id, &status) == 0 || errno != EIDRM)
        return (int)status.shm_nattch - 1;
    semaphores_unlock(&segment->semaphores);
    errno = EIDRM;
    return fail(segment, SEGMENT);
}

int segment_unlock(struct segment *segment) {
    return semaphores_unlock(&segment->semaphores) < 0 ? fail(segment, SEMAPHORES) : 0;
}

/* What the last writer does. If somebody removed its segment, others may have made another one
 * since then, and left that to the last writer, too. */
static int remove_segment(void *context) {
    struct segment *segment = context, now;
    if (!segment_removed(segment))
        return shmctl(segment->id, IPC_RMID, NULL);
    if (segment_attach(&now, segment->key) < 0)
        return 0;
    bool ours = is_ours(&now) && belongs_to(&now, &segment->semaphores);
    segment_detach(&now);
    return ours ? shmctl(now.id, IPC_RMID, NULL) : 0;
}

int segment_leave(struct segment *segment) {
    bool removed = segment_removed(segment), kept = false;
    int others = semaphores_lock(&segment->semaphores);
    if (others == 0)
        others = semaphores_leave(&segment->semaphores, remove_segment, segment, &kept);
    int error = removed ? EIDRM : errno;
    if (others == 0) /* followers may end */
        wait_wake(&segment->shared->version);
    segment_detach(segment);
    errno = error;
    if (removed || kept)
        return fail(segment, SEGMENT);
    return others < 0 ? fail(segment, SEMAPHORES) : others;
}

int segment_attach(struct segment *segment, key_t key) {
    struct shmid_ds status;
    *segment = (struct segment){.key = key};
    segment->id = shmget(key, 0, 0);
    if (segment->id >= 0 && attach(segment, SHM_RDONLY) == 0 &&
        shmctl(segment->id, IPC_STAT, &status) == 0) {
        if (status.shm_segsz >= SHARED_SIZE)
            return 0;
        errno = EEXIST;
    } else if (errno == EIDRM || errno == EINVAL) { /* removed between two of the calls */
        errno = ENOENT;
    }
    int error = errno;
    segment_detach(segment);
    errno = error;
    return fail(segment, SEGMENT);
}

bool segment_removed(const struct segment *segment) {
    struct shmid_ds status;
    return examine(segment->id, &status) < 0 && errno == EIDRM;
}

int segment_status(key_t key, struct shmid_ds *status) {
    int id = shmget(key, 0, 0);
    return id < 0 || shmctl(id, IPC_STAT, status) < 0 ? -1 : id;
}
