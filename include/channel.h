/* A channel: one message in System V shared memory, its writers and its readers.
 *
 *     writer    channel_join, channel_publish as often as you like, channel_leave
 *     reader    channel_attach, channel_read and channel_wait in turn, channel_detach
 *
 * These seven calls print nothing. One that fails returns -1 and leaves the reason in errno and in
 * `failed` which of the channel's objects refused. Beneath them are shmget(2), shmat(2), shmctl(2),
 * semget(2), semop(2) and semctl(2); sysvipc(7) is an introduction. A channel may be used by one
 * thread at a time. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "shared_data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The kinds of kernel objects; a queue carries messages in src/queue only. */
enum channel_object { CHANNEL_SEGMENT, CHANNEL_SEMAPHORES, CHANNEL_QUEUE };

struct channel {
    unsigned key;                 /* of the segment */
    int id;                       /* of the segment, as ipcs(1) shows it */
    enum channel_object failed;   /* which object refused, after -1 */
    struct SharedSegment *shared; /* this and the rest is for channel.c */
    int set, joined_by;
};

/* What a message that was read is worth. */
enum message_state {
    MESSAGE_WHOLE,  /* all of it was published by one process at one time */
    MESSAGE_NONE,   /* nothing was published yet */
    MESSAGE_TORN,   /* its writer died half-way, or is stopped there */
    MESSAGE_BUSY,   /* messages followed each other too fast for a copy to be whole */
    MESSAGE_DAMAGED /* the bytes are no SharedData; some other program's */
};

/* A private copy of a message. Only MESSAGE_WHOLE vouches for its text. */
struct message {
    int processId; /* as in struct SharedData, and at the same offset */
    char message[MESSAGE_SIZE];
    size_t length;           /* of the text, in bytes; MESSAGE_SIZE: there is no NUL */
    unsigned version;        /* 2 more for each message of this segment */
    bool versioned;          /* false: by a program that knows only struct SharedData */
    unsigned char dataReady; /* as it was found, perhaps neither 0 nor 1 */
};

/* Joins the channel of `key` as a writer. Segment and semaphore set are made where they don't
 * exist, with the permissions `mode` (0666, say). Waits up to 5 seconds for the writers' lock.
 * The process that joins is the one that counts as a writer, until it leaves or ends, whatever ends
 * it: a daemon joins after its last fork(2).
 * EACCES: the caller may not use what exists, or it grants more than `mode`. EAGAIN: somebody held
 * the lock all the time. EEXIST: segment or set are another program's and were left untouched.
 * EINVAL: the key is 0 or 0x53000000, which have no channel. ENOSPC, ENOMEM: the system has no more
 * of them to give. ENOSYS, EPERM: it has none at all. After -1 nothing is attached or locked. */
enum { CHANNEL_CREATED, CHANNEL_TAKEN_OVER /* from writers that died */, CHANNEL_JOINED };
int channel_join(struct channel *channel, unsigned key, int mode);

/* Replaces the channel's message by `length` bytes of `text`, and wakes the readers that wait.
 * Takes turns with other writers: waits up to 5 seconds for their lock. 0, or -1:
 * EMSGSIZE: more than MESSAGE_SIZE - 1 bytes. EINVAL: a NUL among them. EIDRM: somebody removed the
 * segment or the set, perhaps with ipcrm(1). EAGAIN: as above. EPERM: the caller is neither the
 * process that joined nor a child of it. */
int channel_publish(struct channel *channel, const char *text, size_t length);

/* Leaves the channel and detaches it, whatever is returned: how many other writers stay, or -1. The
 * last writer removes segment and set.
 * EPERM: they belong to another user, and stay for the next writer; or the caller isn't the process
 * that joined. EIDRM, EAGAIN: as above. */
int channel_leave(struct channel *channel);

/* Attaches the segment of `key` as a reader, who can't change it. 0, or -1:
 * ENOENT: there is none. EACCES: the caller may not read it. EEXIST: it is too small, or its layout
 * is another one than ours. After -1 nothing is attached. */
int channel_attach(struct channel *channel, unsigned key);

/* Copies the message, as a reader or a writer. While one is being written it looks again, for two
 * seconds at most; otherwise it makes no system call. */
enum message_state channel_read(const struct channel *channel, struct message *message);

/* Sleeps until the version is another one than `seen`, that of the last message that was read, and
 * for `milliseconds` at most; with 0 it only looks. Readers sleep in futex(2) where the system has
 * it, and look up twice a second whether a writer is alive. -1: they may not look (EACCES), or
 * can't. A channel is gone when there is nothing newer and errno says why: EIDRM: the segment was
 * removed, as the last writer does it. ESRCH: no writer is alive; the message was left behind.
 * ENOENT: there is no semaphore set, so nobody knows. */
enum { CHANNEL_NEWS, CHANNEL_QUIET, CHANNEL_GONE };
int channel_wait(struct channel *channel, unsigned seen, int milliseconds);

/* Detaches what channel_attach() attached. */
void channel_detach(struct channel *channel);

#ifdef __cplusplus
}
#endif

#endif
