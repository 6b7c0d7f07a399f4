#define _GNU_SOURCE
#include "queue.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>

static int fail(struct queue *queue, enum queue_part part) {
    queue->failed = part;
    return -1;
}

/* An ID that has gone is EINVAL until the kernel uses it again: the same thing to our callers. */
static int fail_itself(struct queue *queue) {
    if (errno == EINVAL)
        errno = EIDRM;
    return fail(queue, QUEUE_ITSELF);
}

key_t queue_writers_key(key_t key) {
    return (key_t)((unsigned)key ^ 0x51000000); /* 'Q' */
}

/* Gets or creates the queue. The caller holds the writers' lock. */
static int open_locked(struct queue *queue, int mode, int live, bool *made) {
    struct msqid_ds status;
    queue->id = msgget(queue->key, IPC_CREAT | IPC_EXCL | mode);
    *made = queue->id >= 0;
    if (queue->id < 0 && errno == EEXIST)
        queue->id = msgget(queue->key, 0);
    if (queue->id < 0 || msgctl(queue->id, IPC_STAT, &status) < 0)
        return fail(queue, QUEUE_ITSELF);
    if (status.msg_qbytes == QUEUE_CAPACITY)
        return live > 1 ? QUEUE_IN_USE : QUEUE_LEFT_BEHIND;
    /* As the kernel made it: just now, or for a writer killed right here. */
    if (status.msg_qnum == 0 && status.msg_stime == 0 && status.msg_rtime == 0) {
        status.msg_qbytes = QUEUE_CAPACITY;
        if (msgctl(queue->id, IPC_SET, &status) == 0)
            return QUEUE_NEW;
        if (*made && errno == EPERM) /* more than kernel.msgmnb allows */
            errno = ENOSPC;
    } else {
        errno = EEXIST;
    }
    return fail(queue, QUEUE_ITSELF);
}

/* The end of every way out. The caller holds the lock; it is released, or goes with the set. As
 * long as the last writer counts as live, nobody takes what it is removing for left behind. */
static int close_locked(struct queue *queue, bool remove) {
    int others = writers_live(&queue->writers) - 1;
    if (others == -1) /* somebody has set the count to 0 */
        errno = ERANGE;
    if (others < 0)
        return fail(queue, QUEUE_WRITERS);
    bool kept = others == 0 && remove && msgctl(queue->id, IPC_RMID, NULL) < 0 && errno == EPERM;
    if (others == 0 && !kept && writers_remove(&queue->writers) == 0)
        return 0;
    int error = errno;
    if (writers_leave(&queue->writers) < 0)
        return fail(queue, QUEUE_WRITERS);
    errno = error; /* EPERM: another user's, which the next writer takes over */
    return others > 0 ? others : fail(queue, kept ? QUEUE_ITSELF : QUEUE_WRITERS);
}

int queue_join(struct queue *queue, key_t key, int mode) {
    *queue = (struct queue){.key = key, .id = -1};
    int live = writers_join(&queue->writers, queue_writers_key(key), mode);
    if (live < 0)
        return fail(queue, QUEUE_WRITERS);
    bool made;
    int found = open_locked(queue, mode, live, &made);
    if (found >= 0)
        return writers_unlock(&queue->writers) < 0 ? fail(queue, QUEUE_WRITERS) : found;
    int error = errno;
    close_locked(queue, made);
    errno = error;
    return fail(queue, QUEUE_ITSELF);
}

int queue_leave(struct queue *queue, bool keep_messages) {
    if (writers_lock(&queue->writers) < 0)
        return fail(queue, QUEUE_WRITERS);
    int waiting = queue_length(queue);
    if (waiting > 0 && keep_messages && writers_live(&queue->writers) == 1) {
        writers_unlock(&queue->writers);
        errno = EBUSY;
        return fail(queue, QUEUE_ITSELF);
    }
    bool removed = waiting < 0 && errno == EIDRM;
    int others = close_locked(queue, true);
    if (!removed || others < 0)
        return others;
    errno = EIDRM;
    return fail(queue, QUEUE_ITSELF);
}

int queue_open(struct queue *queue, key_t key) {
    struct msqid_ds status;
    *queue = (struct queue){.key = key};
    queue->id = msgget(key, 0);
    if (queue->id < 0 || msgctl(queue->id, IPC_STAT, &status) < 0) {
        if (errno == EIDRM || errno == EINVAL)
            errno = ENOENT;
        return fail(queue, QUEUE_ITSELF);
    }
    if (status.msg_qbytes == QUEUE_CAPACITY)
        return 0;
    /* Not ours, or not ours yet. */
    errno = status.msg_qnum == 0 && status.msg_stime == 0 ? ENOENT : EEXIST;
    return fail(queue, QUEUE_ITSELF);
}

int queue_send(struct queue *queue, int pid, const char *text, size_t length) {
    struct {
        long type;
        struct SharedData data;
    } message = {QUEUE_TYPE, {.processId = pid, .dataReady = true}};
    memcpy(message.data.message, text, length);
    if (msgsnd(queue->id, &message, sizeof message.data, IPC_NOWAIT) == 0)
        return 0;
    if (errno == EINVAL && queue_length(queue) >= 0) /* it is there: kernel.msgmax is too small */
        errno = ENOSPC;
    return fail_itself(queue);
}

int queue_receive(struct queue *queue, struct snapshot *copy) {
    struct {
        long type;
        /* One byte more than ours: a longer message is cut there, and so is recognised. */
        unsigned char bytes[sizeof(struct SharedData) + 1];
    } message;
    ssize_t length = msgrcv(queue->id, &message, sizeof message.bytes, 0, IPC_NOWAIT | MSG_NOERROR);
    if (length < 0) {
        if (errno == ENOMSG)
            errno = EAGAIN;
        return fail_itself(queue);
    }
    if (length != sizeof(struct SharedData) || message.type != QUEUE_TYPE) {
        errno = EBADMSG;
        return fail(queue, QUEUE_ITSELF);
    }
    memcpy(copy->words, message.bytes, sizeof copy->words);
    copy->dataReady = message.bytes[offsetof(struct SharedData, dataReady)];
    copy->terminated = memchr(copy->message, '\0', MESSAGE_SIZE) != NULL;
    return (int)snapshot_check(copy);
}

int queue_length(struct queue *queue) {
    struct msqid_ds status;
    return msgctl(queue->id, IPC_STAT, &status) < 0 ? fail_itself(queue) : (int)status.msg_qnum;
}
