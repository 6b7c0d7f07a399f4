/* The message-queue version: the same SharedData as a stream, each message to one reader.
 *
 * Its writers join and leave as those of a segment do, with a semaphore set of their own, because
 * segments and queues with the same key are different channels. A queue of ours is recognised by
 * its capacity, a whole number of SharedData, which the kernel keeps. msgget(2), msgsnd(2),
 * msgrcv(2), msgctl(2).
 *
 * Calls that return -1 leave the reason in errno and in `failed` which object refused. EIDRM:
 * somebody removed the queue. EINTR: a signal handler ran. Nobody wakes a reader whose writer was
 * killed, so whoever waits wants a timer, such as signals_tick(). */
#ifndef QUEUE_H
#define QUEUE_H

#include "channel.h"

#define QUEUE_MESSAGES 16 /* that a queue holds; fewer where the system gives less */

/* No queue of ours holds more messages of any kind: msgsnd(2) counts them against its bytes. */
#define QUEUE_MOST (int)(QUEUE_MESSAGES * sizeof(struct SharedData))

struct queue {
    unsigned key;
    int id;
    int set;            /* the ID of its writers' semaphore set */
    bool keep_messages; /* as queue_leave() was told */
    int lost;           /* messages that nobody had received when it was removed */
    bool borrowed;      /* somebody else made it, so the last writer hasn't removed it */
    enum channel_object failed;
};

/* Joins the queue of `key` as a writer; see channel_join(). Messages in a queue that was left
 * behind stay in it. */
int queue_join(struct queue *queue, unsigned key, int mode);

/* Leaves; see channel_leave(). The last writer removes queue and set, unless somebody else made the
 * queue, and counts in `lost` the messages that nobody has received. With `keep_messages` it stays
 * a writer as long as there are any: EBUSY. */
int queue_leave(struct queue *queue, bool keep_messages);

/* Opens the queue of `key` for reading. 0, or -1: ENOENT: there is none; EEXIST: it isn't ours.
 * Its ID is -1 then. */
int queue_open(struct queue *queue, unsigned key);

/* Sends `length` bytes of `text`, at most MESSAGE_SIZE - 1. Waits while the queue is full, or, if
 * not `wait`, EAGAIN. */
int queue_send(const struct queue *queue, const char *text, size_t length, bool wait);

/* Takes the oldest message out of the queue. Waits for one, or, if not `wait`, EAGAIN. EBADMSG:
 * what was taken out is no message of ours, and dropped. */
int queue_receive(const struct queue *queue, struct message *message, bool wait);

/* How many messages are in the queue, or -1. */
int queue_length(const struct queue *queue);

/* How many writers are alive, or -1: ENOENT: there is no set, so nobody knows. */
int queue_writers(const struct queue *queue);

#endif
