#define _GNU_SOURCE
#include "segment.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <unistd.h>

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
static int open_locked(struct segment *segment, int mode, int live) {
    static const struct SharedSegment zeros;
    struct shmid_ds status;
    segment->id = shmget(segment->key, SHARED_SIZE, IPC_CREAT | mode);
    if (segment->id < 0) {
        if (errno == EINVAL) /* there is one, and it is smaller; or kernel.shmmax is too small */
            errno = shmget(segment->key, 0, 0) < 0 ? ENOSPC : EEXIST;
        return fail(segment, PART_SEGMENT);
    }
    if (attach(segment, 0) < 0 || shmctl(segment->id, IPC_STAT, &status) < 0)
        return fail(segment, PART_SEGMENT);

    if (atomic_load_explicit(&segment->shared->magic, memory_order_relaxed) == SHARED_MAGIC)
        return live > 1 ? SEGMENT_IN_USE : SEGMENT_LEFT_BEHIND;
    if (status.shm_segsz == SHARED_SIZE && memcmp(segment->shared, &zeros, sizeof zeros) == 0) {
        atomic_store_explicit(&segment->shared->magic, SHARED_MAGIC, memory_order_relaxed);
        return SEGMENT_NEW;
    }
    errno = EEXIST;
    return fail(segment, PART_SEGMENT);
}

/* The end of every way out: the caller has left, holds the lock, and `others` remain. */
static int close_locked(struct segment *segment, int others, bool remove) {
    if (others < 0)
        return fail(segment, PART_WRITERS);
    bool kept = others == 0 && remove && shmctl(segment->id, IPC_RMID, NULL) < 0 && errno == EPERM;
    if (writers_close(&segment->writers, others == 0 && !kept) < 0)
        return fail(segment, PART_WRITERS);
    if (!kept)
        return others;
    errno = EPERM; /* another user's: the next writer takes it over */
    return fail(segment, PART_SEGMENT);
}

int segment_join(struct segment *segment, key_t key, int mode) {
    *segment = (struct segment){.key = key, .id = -1};
    int live = writers_join(&segment->writers, key, mode);
    if (live < 0)
        return fail(segment, PART_WRITERS);

    int found = open_locked(segment, mode, live);
    if (found >= 0)
        return writers_unlock(&segment->writers) < 0 ? fail(segment, PART_WRITERS) : found;

    int error = errno;
    struct shmid_ds status;
    bool made = segment->id >= 0 && shmctl(segment->id, IPC_STAT, &status) == 0 &&
                status.shm_cpid == getpid();
    segment_detach(segment);
    close_locked(segment, writers_leave_locked(&segment->writers), made);
    errno = error;
    return fail(segment, PART_SEGMENT);
}

int segment_lock(struct segment *segment) {
    if (writers_lock(&segment->writers) < 0) {
        if (errno == EINVAL)
            errno = EIDRM;
        return fail(segment, PART_WRITERS);
    }
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
    int others = close_locked(segment, writers_leave(&segment->writers), true);
    int error = errno == EINVAL ? EIDRM : errno;
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
    return shmctl(segment->id, IPC_STAT, &status) < 0 || status.shm_perm.mode & SHM_DEST;
}

int segment_status(key_t key, struct shmid_ds *status) {
    int id = shmget(key, 0, 0);
    return id < 0 || shmctl(id, IPC_STAT, status) < 0 ? -1 : id;
}
