#define _GNU_SOURCE
#include "queue/queue.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>

static int fail(struct queue *queue, enum object object) {
    queue->failed = object;
    return -1;
}

/* An ID that has gone is EINVAL until the kernel uses it again: the same thing to our callers. */
static int fail_itself(struct queue *queue) {
    if (errno == EINVAL)
        errno = EIDRM;
    return fail(queue, QUEUE);
}

key_t queue_semaphores_key(key_t key) {
    return (key_t)((unsigned)key ^ 0x51000000); /* 'Q' */
}

/* No system's default is a whole number of our messages. */
static bool is_ours(const struct msqid_ds *status) {
    size_t size = sizeof(struct SharedData), capacity = status->msg_qbytes;
    return capacity > 0 && capacity % size == 0 && capacity / size <= QUEUE_MESSAGES;
}

/* As the kernel made it for a writer killed right then. */
static bool is_unused(const struct msqid_ds *status) {
    return status->msg_qnum == 0 && status->msg_stime == 0;
}

/* A new queue has the capacity that the system gives; ours is what fits into it. */
static int set_capacity(int id, struct msqid_ds *status) {
    size_t fit = status->msg_qbytes / sizeof(struct SharedData);
    if (fit == 0) {
        errno = ENOSPC;
        return -1;
    }
    status->msg_qbytes = (fit < QUEUE_MESSAGES ? fit : QUEUE_MESSAGES) * sizeof(struct SharedData);
    return msgctl(id, IPC_SET, status);
}

/* Gets or creates the queue. The caller holds the lock and is one of `live` writers. */
static int open_locked(struct queue *queue, int mode, int live, bool *made) {
    struct msqid_ds status;
    queue->id = msgget(queue->key, IPC_CREAT | IPC_EXCL | mode);
    *made = queue->id >= 0;
    if (queue->id < 0 && errno == EEXIST)
        queue->id = msgget(queue->key, 0);
    if (queue->id < 0 || msgctl(queue->id, IPC_STAT, &status) < 0)
        return -1;
    if (!*made && is_ours(&status))
        return live > 1 ? FOUND_IN_USE : FOUND_LEFT_BEHIND;
    if (*made || is_unused(&status))
        return set_capacity(queue->id, &status) < 0 ? -1 : FOUND_NOTHING;
    errno = EEXIST;
    return -1;
}

int queue_join(struct queue *queue, key_t key, int mode) {
    bool made = false, kept;
    *queue = (struct queue){.key = key};
    int live = semaphores_join(&queue->semaphores, queue_semaphores_key(key), mode);
    if (live < 0)
        return fail(queue, SEMAPHORES);
    int found = open_locked(queue, mode, live, &made);
    if (found >= 0 && semaphores_unlock(&queue->semaphores) == 0)
        return found;

    int error = errno;
    if (made)
        msgctl(queue->id, IPC_RMID, NULL);
    semaphores_leave(&queue->semaphores, NULL, NULL, &kept);
    errno = error;
    return fail(queue, found < 0 ? QUEUE : SEMAPHORES);
}

/* What the last writer does. If somebody removed its queue, others may have made another one since
 * then, and left that to the last writer, too; unless they have another set. */
static int remove_queue(void *context) {
    struct queue *queue = context, now;
    struct msqid_ds status;
    struct message unread;
    if (semaphores_live(&queue->semaphores) < 0 || queue_open(&now, queue->key) < 0)
        return 0;
    /* Who may change it may remove it. Counting what is in it wouldn't tell what is lost: a reader
     * may take it before the queue has gone. */
    if (msgctl(now.id, IPC_STAT, &status) < 0 || msgctl(now.id, IPC_SET, &status) < 0)
        return -1;
    for (int i = 0; i < QUEUE_MOST; i++)
        if (queue_receive(&now, &unread, false) == 0)
            queue->lost++;
        else if (errno != EBADMSG)
            break;
    return msgctl(now.id, IPC_RMID, NULL);
}

int queue_leave(struct queue *queue, bool keep_messages) {
    bool kept = false;
    int others = semaphores_lock(&queue->semaphores), error = errno;
    int waiting = queue_length(queue);
    bool removed = waiting < 0 && errno == EIDRM;
    queue->lost = 0;
    if (others == 0 && waiting > 0 && keep_messages && semaphores_live(&queue->semaphores) == 1) {
        semaphores_unlock(&queue->semaphores);
        errno = EBUSY;
        return fail(queue, QUEUE);
    }
    if (others == 0) {
        others = semaphores_leave(&queue->semaphores, remove_queue, queue, &kept);
        error = errno;
    }
    errno = removed ? EIDRM : error;
    if (removed || kept)
        return fail(queue, QUEUE);
    return others < 0 ? fail(queue, SEMAPHORES) : others;
}

int queue_open(struct queue *queue, key_t key) {
    struct msqid_ds status;
    *queue = (struct queue){.key = key};
    queue->id = msgget(key, 0);
    if (queue->id < 0 || msgctl(queue->id, IPC_STAT, &status) < 0) {
        if (errno == EIDRM || errno == EINVAL)
            errno = ENOENT;
        return fail(queue, QUEUE);
    }
    if (is_ours(&status))
        return 0;
    errno = is_unused(&status) ? ENOENT : EEXIST; /* not ours yet, or never */
    return fail(queue, QUEUE);
}

int queue_send(struct queue *queue, const struct message *next, bool wait) {
    struct {
        long type;
        struct SharedData data;
    } message = {QUEUE_TYPE, {.processId = next->processId, .dataReady = true}};
    memcpy(message.data.message, next->message, next->length);
    if (msgsnd(queue->id, &message, sizeof message.data, wait ? 0 : IPC_NOWAIT) == 0)
        return 0;
    if (errno == EINVAL &&
        queue_length(queue) >= 0) /* it is there: the system allows no such size */
        errno = ENOSPC;
    return fail_itself(queue);
}

int queue_receive(struct queue *queue, struct message *copy, bool wait) {
    struct {
        long type;
        /* One byte more than ours: a longer message is cut there, and so is recognised. */
        unsigned char bytes[sizeof(struct SharedData) + 1];
    } message;
    ssize_t length =
        msgrcv(queue->id, &message, sizeof message.bytes, 0, MSG_NOERROR | (wait ? 0 : IPC_NOWAIT));
    if (length < 0) {
        if (errno == ENOMSG)
            errno = EAGAIN;
        return fail_itself(queue);
    }
    errno = EBADMSG;
    if (length != sizeof(struct SharedData) || message.type != QUEUE_TYPE)
        return fail(queue, QUEUE);
    memcpy(copy->words, message.bytes, sizeof copy->words);
    copy->dataReady = message.bytes[offsetof(struct SharedData, dataReady)];
    const char *end = memchr(copy->message, '\0', MESSAGE_SIZE);
    copy->length = end ? (size_t)(end - copy->message) : MESSAGE_SIZE;
    return message_check(copy) == MESSAGE_WHOLE ? 0 : fail(queue, QUEUE);
}

int queue_length(struct queue *queue) {
    struct msqid_ds status;
    return msgctl(queue->id, IPC_STAT, &status) < 0 ? fail_itself(queue) : (int)status.msg_qnum;
}
