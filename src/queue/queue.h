/* The message-queue version: the same SharedData as a stream, each message to one reader.
 *
 * A queue has a semaphore set, too, under a key of its own (queue_semaphores_key()), because
 * segments and queues with the same key are different channels. A queue of ours is recognised by
 * its capacity, which is the kernel's to keep: a whole number of SharedData. msgget(2), msgsnd(2),
 * msgctl(2).
 *
 * Functions that return -1 leave the reason in errno and in `failed` which object refused. EIDRM:
 * somebody removed the queue. EINTR: a signal handler ran; what waits wants a timer, such as
 * signals_tick(), because a killed writer's queue stays and nobody wakes a reader then. */
#ifndef QUEUE_H
#define QUEUE_H

#include "message.h"
#include "semaphores.h"

#include <sys/msg.h>

#define QUEUE_MESSAGES 16 /* that a queue holds; fewer where the system gives less */
#define QUEUE_TYPE 1      /* of every message: a queue must have one */

/* No queue of ours holds more messages of any kind: msgsnd(2) counts them against its bytes, too.
 */
#define QUEUE_MOST (int)(QUEUE_MESSAGES * sizeof(struct SharedData))

struct queue {
    key_t key;
    int id;
    struct semaphores semaphores; /* of writers only */
    int lost;                     /* messages that nobody had received when it was removed */
    enum object failed;
};

/* The key of the set that belongs to the queue with `key`; 0, which is none, if that key can't have
 * a queue. */
key_t queue_semaphores_key(key_t key);

/* Joins the queue of `key` as a writer; what doesn't exist is made, with permissions `mode`.
 * Returns what was found (enum found). Messages in a queue that was left behind stay in it. EEXIST:
 * queue or set are a stranger's and were left untouched. After a failure nothing is held, and
 * nothing made here stays behind, except perhaps an empty set for the next writer to use. */
int queue_join(struct queue *queue, key_t key, int mode);

/* Leaves. The last writer removes queue and set, and with them what nobody has received: `lost`;
 * with `keep_messages` it doesn't leave before all was received: EBUSY. Returns how many other
 * writers remain. EPERM: the last writer doesn't own the queue; it stays for the next one. */
int queue_leave(struct queue *queue, bool keep_messages);

/* Opens the queue of `key` for reading. ENOENT; EEXIST: a stranger's. */
int queue_open(struct queue *queue, key_t key);

/* Sends a message that message_prepare() made. Waits while the queue is full, or, if not `wait`,
 * EAGAIN. */
int queue_send(struct queue *queue, const struct message *next, bool wait);

/* Takes the oldest message out of the queue and checks it, as snapshot() does. Waits for one, or,
 * if not `wait`, EAGAIN. EBADMSG: what was taken out is not of ours and dropped. */
int queue_receive(struct queue *queue, struct message *copy, bool wait);

/* How many messages are in the queue, or -1. */
int queue_length(struct queue *queue);

#endif
