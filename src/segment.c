#define _GNU_SOURCE
#include "segment.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>

static int fail(struct segment *segment, enum segment_part part) {
    segment->failed = part;
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

/* Gets or creates the segment and looks at what is in it. The caller holds the lock. */
static int open_locked(struct segment *segment, int mode, int live, bool *made) {
    static const struct SharedSegment zeros;
    struct shmid_ds status;
    segment->id = shmget(segment->key, SHARED_SIZE, IPC_CREAT | IPC_EXCL | mode);
    *made = segment->id >= 0;
    if (segment->id < 0 && errno == EEXIST) {
        segment->id = shmget(segment->key, SHARED_SIZE, 0);
        if (segment->id < 0 && errno == EINVAL) /* it is smaller */
            errno = EEXIST;
    } else if (segment->id < 0 && errno == EINVAL) { /* kernel.shmmax is smaller */
        errno = ENOSPC;
    }
    if (segment->id < 0 || attach(segment, 0) < 0 || shmctl(segment->id, IPC_STAT, &status) < 0)
        return fail(segment, PART_SEGMENT);

    if (atomic_load_explicit(&segment->shared->magic, memory_order_relaxed) == SHARED_MAGIC)
        return live > 1 ? SEGMENT_IN_USE : SEGMENT_LEFT_BEHIND;
    /* As the kernel made it: just now, or for a writer killed right here. */
    if (status.shm_segsz == SHARED_SIZE && memcmp(segment->shared, &zeros, sizeof zeros) == 0) {
        atomic_store_explicit(&segment->shared->magic, SHARED_MAGIC, memory_order_relaxed);
        return SEGMENT_NEW;
    }
    errno = EEXIST;
    return fail(segment, PART_SEGMENT);
}

/* The end of every way out. The caller holds the lock; it is released, or goes with the set. As
 * long as the last writer counts as live, nobody takes what it is removing for left behind. */
static int close_locked(struct segment *segment, bool remove) {
    int others = writers_live(&segment->writers) - 1;
    if (others == -1) /* somebody has set the count to 0 */
        errno = ERANGE;
    if (others < 0)
        return fail(segment, PART_WRITERS);
    bool kept = others == 0 && remove && shmctl(segment->id, IPC_RMID, NULL) < 0 && errno == EPERM;
    if (others == 0 && !kept && writers_remove(&segment->writers) == 0)
        return 0;
    int error = errno;
    if (writers_leave(&segment->writers) < 0)
        return fail(segment, PART_WRITERS);
    errno = error; /* EPERM: another user's, which the next writer takes over */
    return others > 0 ? others : fail(segment, kept ? PART_SEGMENT : PART_WRITERS);
}

int segment_join(struct segment *segment, key_t key, int mode) {
    *segment = (struct segment){.key = key, .id = -1};
    int live = writers_join(&segment->writers, key, mode);
    if (live < 0)
        return fail(segment, PART_WRITERS);

    bool made;
    int found = open_locked(segment, mode, live, &made);
    if (found >= 0)
        return writers_unlock(&segment->writers) < 0 ? fail(segment, PART_WRITERS) : found;
    int error = errno;
    segment_detach(segment);
    close_locked(segment, made);
    errno = error;
    return fail(segment, PART_SEGMENT);
}

int segment_lock(struct segment *segment) {
    if (writers_lock(&segment->writers) < 0)
        return fail(segment, PART_WRITERS);
    if (!segment_removed(segment))
        return 0;
    writers_unlock(&segment->writers);
    errno = EIDRM;
    return fail(segment, PART_SEGMENT);
}

int segment_unlock(struct segment *segment) {
    return writers_unlock(&segment->writers) < 0 ? fail(segment, PART_WRITERS) : 0;
}

int segment_leave(struct segment *segment) {
    bool removed = segment_removed(segment);
    int others = writers_lock(&segment->writers) < 0 ? fail(segment, PART_WRITERS)
                                                     : close_locked(segment, true);
    int error = errno;
    segment_detach(segment);
    errno = error;
    if (!removed)
        return others;
    errno = EIDRM;
    return fail(segment, PART_SEGMENT);
}

int segment_attach(struct segment *segment, key_t key) {
    struct shmid_ds status;
    *segment = (struct segment){.key = key};
    segment->id = shmget(key, 0, 0);
    if (segment->id < 0 || attach(segment, SHM_RDONLY) < 0 ||
        shmctl(segment->id, IPC_STAT, &status) < 0) {
        int error = errno == EIDRM || errno == EINVAL ? ENOENT : errno;
        segment_detach(segment);
        errno = error;
        return fail(segment, PART_SEGMENT);
    }
    if (status.shm_segsz >= SHARED_SIZE)
        return 0;
    segment_detach(segment);
    errno = EEXIST;
    return fail(segment, PART_SEGMENT);
}

bool segment_removed(const struct segment *segment) {
    struct shmid_ds status;
    if (shmctl(segment->id, IPC_STAT, &status) < 0)
        return errno == EIDRM || errno == EINVAL;
    return status.shm_perm.mode & SHM_DEST;
}

int segment_status(key_t key, struct shmid_ds *status) {
    int id = shmget(key, 0, 0);
    return id < 0 || shmctl(id, IPC_STAT, status) < 0 ? -1 : id;
}
