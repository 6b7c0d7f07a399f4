#define _GNU_SOURCE
#include "channel.h"
#include "message.h"
#include "semaphores.h"
#include "wait.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

/* How long a sleeper sleeps until it looks whether a writer is alive. */
enum { LOOK_UP_MILLISECONDS = 500 };

static int refused_by(struct channel *channel, enum channel_object object) {
    channel->failed = object;
    return -1;
}

static int attach(struct channel *channel, int flags) {
    void *address = shmat(channel->id, NULL, flags);
    if (address == (void *)-1)
        return -1;
    channel->shared = address;
    return 0;
}

void channel_detach(struct channel *channel) {
    int error = errno;
    if (channel->shared)
        shmdt(channel->shared);
    channel->shared = NULL;
    errno = error;
}

/* Whether somebody has removed the segment: it exists as long as it is attached, but nobody new can
 * come to it. Who may not look takes it to be there. */
static bool is_removed(const struct channel *channel) {
    struct shmid_ds status;
    if (shmctl(channel->id, IPC_STAT, &status) < 0)
        return errno == EIDRM || errno == EINVAL;
#ifdef SHM_DEST /* elsewhere a removed segment can't be looked at */
    return status.shm_perm.mode & SHM_DEST;
#else
    return false;
#endif
}

/* Judges a segment that was there before us. One of zeros was made by a writer that was killed
 * right then, or by a simple program; it is ours if nobody else has attached it who may be about to
 * use it. */
static int judge(const struct channel *channel, int mode, int others) {
    static const struct SharedSegment zeros;
    struct shmid_ds status;
    if (shmctl(channel->id, IPC_STAT, &status) < 0)
        return -1;
    errno = EEXIST;
    if (status.shm_segsz != SHARED_SIZE)
        return -1;
    int found = others > 0 ? CHANNEL_JOINED : CHANNEL_TAKEN_OVER;
    if (!message_is_ours(channel->shared)) {
        if (memcmp(channel->shared, &zeros, sizeof zeros) != 0 || status.shm_nattch > 1 ||
            status.shm_perm.cuid != geteuid())
            return -1;
        found = CHANNEL_CREATED;
    }
    errno = EACCES;
    return status.shm_perm.mode & 0666 & ~mode ? -1 : found;
}

/* Gets or makes the segment, for semaphores_join(). The caller holds the lock. */
static int open_segment(void *context, int mode, int others) {
    struct channel *channel = context;
    int found = CHANNEL_CREATED;
    channel->failed = CHANNEL_SEGMENT;
    channel->id = shmget((key_t)channel->key, SHARED_SIZE, IPC_CREAT | IPC_EXCL | mode);
    bool made = channel->id >= 0;
    if (!made && errno == EEXIST)
        channel->id = shmget((key_t)channel->key, 0, 0);
    else if (!made && errno == EINVAL) /* the system allows no segment of this size */
        errno = ENOSPC;
    if (channel->id < 0)
        return -1;
    if (attach(channel, 0) < 0 || (!made && (found = judge(channel, mode, others)) < 0)) {
        int error = errno;
        channel_detach(channel);
        if (made)
            shmctl(channel->id, IPC_RMID, NULL);
        errno = error;
        return -1;
    }
    message_claim(channel->shared);
    channel->failed = CHANNEL_SEMAPHORES;
    return found;
}

int channel_join(struct channel *channel, unsigned key, int mode) {
    *channel = (struct channel){
        .key = key, .id = -1, .failed = CHANNEL_SEMAPHORES, .set = -1, .joined_by = getpid()};
    if (key == 0 ||
        key == SEMAPHORES_OF_SEGMENT) { /* IPC_PRIVATE, which no other process can find */
        errno = EINVAL;
        return -1;
    }
    int found =
        semaphores_join(&channel->set, key ^ SEMAPHORES_OF_SEGMENT, mode, open_segment, channel);
    if (found < 0)
        channel_detach(channel);
    return found;
}

int channel_publish(struct channel *channel, const char *text, size_t length) {
    struct SharedData next = {.processId = getpid()};
    bool too_long = length >= MESSAGE_SIZE;
    if (too_long || memchr(text, '\0', length)) {
        errno = too_long ? EMSGSIZE : EINVAL;
        return refused_by(channel, CHANNEL_SEGMENT);
    }
    memcpy(next.message, text, length);

    /* The kernel counts the process that joined. Its children may publish as long as it lives. */
    if (channel->joined_by != next.processId && channel->joined_by != getppid()) {
        errno = EPERM;
        return refused_by(channel, CHANNEL_SEMAPHORES);
    }
    if (semaphores_lock(channel->set) < 0)
        return refused_by(channel, CHANNEL_SEMAPHORES);
    bool removed = is_removed(channel);
    if (!removed)
        message_publish(channel->shared, &next, length);
    if (semaphores_unlock(channel->set) < 0)
        return refused_by(channel, CHANNEL_SEMAPHORES);
    if (removed) {
        errno = EIDRM;
        return refused_by(channel, CHANNEL_SEGMENT);
    }
    wait_wake(&channel->shared->version);
    return 0;
}

/* What the last writer does, for semaphores_leave(). If somebody has removed its segment, writers
 * that joined since then have made another one, and left that to the last writer, too. */
static int remove_segment(void *context) {
    struct channel *channel = context, now = *channel;
    bool removed = is_removed(channel), ours = !removed;
    channel->failed = CHANNEL_SEGMENT;
    if (removed && channel_attach(&now, channel->key) == 0) {
        ours = message_is_ours(now.shared);
        channel_detach(&now);
    }
    if (ours && shmctl(now.id, IPC_RMID, NULL) < 0)
        return -1;
    channel->failed = CHANNEL_SEMAPHORES;
    return 0;
}

int channel_leave(struct channel *channel) {
    bool removed = is_removed(channel);
    int others = -1;
    channel->failed = CHANNEL_SEMAPHORES;
    errno = EPERM;
    if (channel->joined_by == getpid())
        others = semaphores_leave(channel->set, remove_segment, channel);
    int error = removed ? EIDRM : errno;
    wait_wake(&channel->shared->version); /* followers look whether anybody is alive */
    channel_detach(channel);
    errno = error;
    return removed ? refused_by(channel, CHANNEL_SEGMENT) : others;
}

int channel_attach(struct channel *channel, unsigned key) {
    struct shmid_ds status;
    *channel = (struct channel){.key = key, .failed = CHANNEL_SEGMENT, .set = -1};
    channel->id = shmget((key_t)key, 0, 0);
    if (channel->id >= 0 && attach(channel, SHM_RDONLY) == 0 &&
        shmctl(channel->id, IPC_STAT, &status) == 0) {
        /* A smaller segment than ours is mapped in whole pages, too: zeros stand behind it. */
        if (status.shm_segsz >= sizeof(struct SharedData) &&
            !message_is_of_another_layout(channel->shared))
            return 0;
        errno = EEXIST;
    } else if (errno == EIDRM || errno == EINVAL) { /* it was removed between two of the calls */
        errno = ENOENT;
    }
    channel_detach(channel);
    return -1;
}

enum message_state channel_read(const struct channel *channel, struct message *message) {
    return message_snapshot(channel->shared, message);
}

/* 0 if a writer is alive. Otherwise what is known, in the words of channel_wait(). Writers are
 * counted before the segment is looked at: the last one removes the segment, then the set. */
static int reason_to_go(struct channel *channel) {
    int live = semaphores_count(channel->key ^ SEMAPHORES_OF_SEGMENT);
    int reason = live > 0 ? 0 : live == 0 ? ESRCH : errno;
    return is_removed(channel) ? EIDRM : reason;
}

int channel_wait(struct channel *channel, unsigned seen, int milliseconds) {
    double end = wait_clock() + milliseconds / 1e3;
    while (!message_wait(channel->shared, seen, 0)) {
        /* First this, then the version: whoever has gone by now can't publish in between. */
        int reason = reason_to_go(channel);
        if (message_wait(channel->shared, seen, 0))
            break;
        errno = reason;
        if (reason == EIDRM || reason == ESRCH || reason == ENOENT)
            return CHANNEL_GONE;
        if (reason != 0)
            return refused_by(channel, CHANNEL_SEMAPHORES);
        double left = (end - wait_clock()) * 1000;
        if (left <= 0)
            return CHANNEL_QUIET;
        bool longer = left > LOOK_UP_MILLISECONDS;
        message_wait(channel->shared, seen, longer ? LOOK_UP_MILLISECONDS : (int)left + 1);
    }
    return CHANNEL_NEWS;
}
