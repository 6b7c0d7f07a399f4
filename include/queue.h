/* The message-queue version: the same SharedData as a stream, each message to one reader.
 *
 * A queue has a writers' semaphore set, too, under a key of its own (queue_writers_key()), because
 * segments and queues with the same key are different channels. A queue of ours is recognised by
 * its capacity, which is the kernel's to keep: QUEUE_CAPACITY bytes. msgget(2), msgsnd(2),
 * msgctl(2).
 *
 * Functions that return -1 leave the reason in errno and in `failed` which object refused. EIDRM:
 * somebody removed the queue. */
#ifndef QUEUE_H
#define QUEUE_H

#include "shared_data.h"
#include "snapshot.h"
#include "writers.h"

#include <sys/msg.h>

#define QUEUE_MESSAGES 16
#define QUEUE_CAPACITY (QUEUE_MESSAGES * sizeof(struct SharedData))
#define QUEUE_TYPE 1 /* of every message: a queue must have one */

enum queue_found { QUEUE_NEW, QUEUE_LEFT_BEHIND, QUEUE_IN_USE };

enum queue_part { QUEUE_ITSELF, QUEUE_WRITERS };

struct queue {
    key_t key;
    int id;
    struct writers writers; /* of writers only */
    enum queue_part failed;
};

/* The key of the set that belongs to the queue with `key`; 0, which is none, if that key can't have
 * a queue. */
key_t queue_writers_key(key_t key);

/* Joins the queue of `key` as a writer; what doesn't exist is made, with permissions `mode`.
 * Returns what was found. Messages in a queue that was left behind stay in it. EEXIST: queue or set
 * are a stranger's and were left untouched. After a failure nothing made here stays behind, except
 * perhaps an empty set for the next writer to use. */
int queue_join(struct queue *queue, key_t key, int mode);

/* Leaves. The last writer removes queue and set, and with them what nobody received; with
 * `keep_messages` it doesn't leave before all was received: EBUSY. Returns how many other writers
 * remain. EPERM: the last writer doesn't own the queue; it stays for the next one. */
int queue_leave(struct queue *queue, bool keep_messages);

/* Opens the queue of `key` for reading. ENOENT; EEXIST: a stranger's. */
int queue_open(struct queue *queue, key_t key);

/* Sends `length` bytes of `text` as a SharedData of process `pid`. EAGAIN: the queue is full. */
int queue_send(struct queue *queue, int pid, const char *text, size_t length);

/* Takes the oldest message out of the queue and checks it, as snapshot() does: a SNAPSHOT_ state.
 * EAGAIN: there is none. EBADMSG: one of another type or length was taken out and dropped. */
int queue_receive(struct queue *queue, struct snapshot *copy);

/* How many messages are in the queue, or -1. */
int queue_length(struct queue *queue);

#endif
