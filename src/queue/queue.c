#define _GNU_SOURCE
#include "queue/queue.h"
#include "message.h"
#include "semaphores.h"

#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

enum { TYPE = 1 /* of every message: a queue must have one */ };

/* Two permissions that mean nothing to the kernel are our notes on a queue. MAKING: one of our
 * writers made it, and hasn't set its capacity yet. BORROWED: it was made by somebody else, most
 * likely a program that is about to receive from it; we send, but don't remove it. */
enum { MAKING = 0100, BORROWED = 0010 };

/* The kernel says EINVAL for an ID that was removed a while ago. */
static int checked(int result) {
    if (result < 0 && errno == EINVAL)
        errno = EIDRM;
    return result;
}

/* No system's default capacity is a whole number of our messages. */
static bool is_ours(const struct msqid_ds *status) {
    size_t size = sizeof(struct SharedData), capacity = status->msg_qbytes;
    return capacity > 0 && capacity % size == 0 && capacity / size <= QUEUE_MESSAGES;
}

static bool is_unused(const struct msqid_ds *status) {
    return status->msg_qnum == 0 && status->msg_stime == 0;
}

/* Makes a new or borrowed queue one of ours. Its capacity is what the system gave it: ours is what
 * fits into that. */
static int claim(int id, struct msqid_ds *status) {
    size_t fit = status->msg_qbytes / sizeof(struct SharedData);
    status->msg_qbytes = (fit < QUEUE_MESSAGES ? fit : QUEUE_MESSAGES) * sizeof(struct SharedData);
    status->msg_perm.mode ^= status->msg_perm.mode & MAKING ? MAKING : BORROWED;
    if (fit > 0)
        return msgctl(id, IPC_SET, status);
    errno = ENOSPC;
    return -1;
}

/* Judges a queue, which may be new, and claims it if it isn't anybody's yet. */
static int judge(const struct queue *queue, int mode, int others) {
    struct msqid_ds status;
    if (msgctl(queue->id, IPC_STAT, &status) < 0)
        return -1;
    errno = EACCES;
    if (status.msg_perm.mode & 0666 & ~mode)
        return -1;
    if (is_ours(&status))
        return others > 0 ? CHANNEL_JOINED : CHANNEL_TAKEN_OVER;
    errno = EEXIST;
    if (!is_unused(&status))
        return -1;
    int found = status.msg_perm.mode & MAKING ? CHANNEL_CREATED : CHANNEL_JOINED;
    if (claim(queue->id, &status) == 0)
        return found;
    if (errno == EPERM) /* only its owner may do that */
        errno = EACCES;
    return -1;
}

/* Gets or makes the queue, for semaphores_join(). The caller holds the lock. */
static int open_locked(void *context, int mode, int others) {
    struct queue *queue = context;
    queue->failed = CHANNEL_QUEUE;
    queue->id = msgget((key_t)queue->key, IPC_CREAT | IPC_EXCL | (mode & 0666) | MAKING);
    bool made = queue->id >= 0;
    if (!made && errno == EEXIST)
        queue->id = msgget((key_t)queue->key, 0);
    if (queue->id < 0)
        return -1;
    int found = judge(queue, mode, others);
    if (found >= 0) {
        queue->failed = CHANNEL_SEMAPHORES;
        return found;
    }
    int error = errno;
    if (made)
        msgctl(queue->id, IPC_RMID, NULL);
    errno = error;
    return -1;
}

int queue_join(struct queue *queue, unsigned key, int mode) {
    *queue = (struct queue){.key = key, .failed = CHANNEL_SEMAPHORES};
    return semaphores_join(&queue->set, key ^ SEMAPHORES_OF_QUEUE, mode, open_locked, queue);
}

/* Takes all messages out. Asking how many there are wouldn't tell how many are lost: a reader may
 * take some of them before the queue is removed. */
static int count_lost(const struct queue *queue) {
    struct message unread;
    int lost = 0;
    for (int i = 0; i < QUEUE_MOST; i++)
        if (queue_receive(queue, &unread, false) == 0)
            lost++;
        else if (errno != EBADMSG)
            break;
    return lost;
}

/* What the last writer does, for semaphores_leave(). If somebody has removed its queue, writers
 * that joined since then have made another one, and left that to the last writer, too. */
static int remove_queue(void *context) {
    struct queue *queue = context, now;
    struct msqid_ds status;
    bool found = queue_open(&now, queue->key) == 0 && msgctl(now.id, IPC_STAT, &status) == 0;
    queue->failed = CHANNEL_QUEUE;
    queue->borrowed = found && status.msg_perm.mode & BORROWED;
    if (found && !queue->borrowed) {
        if (status.msg_qnum > 0 && queue->keep_messages) {
            errno = EBUSY;
            return -1;
        }
        if (msgctl(now.id, IPC_SET, &status) < 0) /* whoever may change it may remove it */
            return -1;
        queue->lost = count_lost(&now);
        if (msgctl(now.id, IPC_RMID, NULL) < 0)
            return -1;
    }
    queue->failed = CHANNEL_SEMAPHORES;
    return 0;
}

int queue_leave(struct queue *queue, bool keep_messages) {
    bool removed = queue_length(queue) < 0 && errno == EIDRM;
    queue->keep_messages = keep_messages;
    queue->failed = CHANNEL_SEMAPHORES;
    int others = semaphores_leave(queue->set, remove_queue, queue);
    if (!removed)
        return others;
    errno = EIDRM;
    queue->failed = CHANNEL_QUEUE;
    return -1;
}

int queue_open(struct queue *queue, unsigned key) {
    struct msqid_ds status;
    *queue = (struct queue){.key = key, .set = -1, .failed = CHANNEL_QUEUE};
    queue->id = msgget((key_t)key, 0);
    if (queue->id < 0 || msgctl(queue->id, IPC_STAT, &status) < 0) {
        if (errno == EIDRM || errno == EINVAL)
            errno = ENOENT;
        queue->id = -1;
        return -1;
    }
    if (is_ours(&status))
        return 0;
    queue->id = -1;
    errno = is_unused(&status) ? ENOENT : EEXIST; /* not ours yet, or never */
    return -1;
}

int queue_send(const struct queue *queue, const char *text, size_t length, bool wait) {
    struct {
        long type;
        struct SharedData data;
    } message = {TYPE, {.processId = getpid(), .dataReady = true}};
    memcpy(message.data.message, text, length);
    if (msgsnd(queue->id, &message, sizeof message.data, wait ? 0 : IPC_NOWAIT) == 0)
        return 0;
    /* EINVAL: it has gone; or it is there, and the system allows no message of this size. */
    if (errno == EINVAL)
        errno = queue_length(queue) < 0 ? EIDRM : ENOSPC;
    return -1;
}

int queue_receive(const struct queue *queue, struct message *message, bool wait) {
    struct {
        long type;
        /* One byte more than ours: a longer message is cut there, and so is recognised. */
        unsigned char bytes[sizeof(struct SharedData) + 1];
    } received;
    int flags = MSG_NOERROR | (wait ? 0 : IPC_NOWAIT);
    ssize_t length = msgrcv(queue->id, &received, sizeof received.bytes, 0, flags);
    if (length < 0) {
        if (errno == ENOMSG)
            errno = EAGAIN;
        return checked(-1);
    }
    errno = EBADMSG;
    if (length != sizeof(struct SharedData) || received.type != TYPE)
        return -1;
    memcpy(message, received.bytes, offsetof(struct SharedData, dataReady));
    message->dataReady = received.bytes[offsetof(struct SharedData, dataReady)];
    return message_check(message) == MESSAGE_WHOLE ? 0 : -1;
}

int queue_length(const struct queue *queue) {
    struct msqid_ds status;
    return checked(msgctl(queue->id, IPC_STAT, &status)) < 0 ? -1 : (int)status.msg_qnum;
}

int queue_writers(const struct queue *queue) {
    return semaphores_count(queue->key ^ SEMAPHORES_OF_QUEUE);
}
