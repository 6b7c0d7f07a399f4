/* Takes messages out of a System V message queue and prints them: reader.c's counterpart.
 *
 *     open      msgget, msgctl {IPC_STAT}        queue.c
 *     receive   msgrcv                           waits while the queue is empty
 *     look up   semctl {GETVAL}                  is a writer alive?    semaphores.c */
#define _GNU_SOURCE
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "queue/queue.h"
#include "wait.h"

#include <errno.h>

enum { OPEN_MILLISECONDS = 10, LOOK_UP_MILLISECONDS = 500 };

struct reader {
    struct reader_options options;
    double deadline; /* of --wait */
    struct queue queue;
    struct message copy;
    bool shown;    /* a message */
    bool alive;    /* a living writer was seen */
    bool lamented; /* the user knows that none is alive */
    unsigned long dropped;
};

/* To be asked behind a call that failed, too: leaves errno alone. */
static bool time_is_over(const struct reader *reader) {
    int error = errno;
    bool over = wait_clock() >= reader->deadline;
    errno = error;
    return over;
}

static enum status refused(const struct reader *reader, const char *tried) {
    enum status status = errno == ENOENT ? NOTHING_YET : FAILED;
    explain(tried, QUEUE, reader->options.key);
    return status;
}

static enum status no_message(const struct reader *reader) {
    complain("queue with key %u: no message came; wait for one with --wait",
             (unsigned)reader->options.key);
    return NOTHING_YET;
}

/* Waits for a queue, if the user wants that. False, with errno, if none could be opened. */
static bool open_in_time(struct reader *reader) {
    while (queue_open(&reader->queue, reader->options.key) < 0) {
        if (errno != ENOENT || time_is_over(reader))
            return false;
        wait_milliseconds(OPEN_MILLISECONDS);
    }
    return true;
}

/* From now on a sleep ends when it is time to look up, or at the deadline: EINTR. */
static void set_timer(const struct reader *reader) {
    double left = reader->deadline - wait_clock();
    bool soon = left > 0 && left * 1000 < LOOK_UP_MILLISECONDS;
    signals_tick(soon ? (int)(left * 1000) + 1 : LOOK_UP_MILLISECONDS);
}

/* Takes the next message of ours; `wait`s for one, if the timer runs. What others put there is
 * dropped, but only as much as was there when we began: a flood of it doesn't keep us from looking
 * up. */
static bool receive(struct reader *reader, bool wait) {
    for (int i = 0; i <= QUEUE_MOST; i++) {
        if (queue_receive(&reader->queue, &reader->copy, wait) == 0)
            return true;
        if (errno != EBADMSG)
            return false;
        if (reader->dropped++ == 0)
            complain("queue with key %u: dropped a message that holds no SharedData",
                     (unsigned)reader->options.key);
    }
    errno = EAGAIN;
    return false;
}

static bool show(struct reader *reader) {
    reader->shown = true;
    reader->lamented = false;
    display_message(QUEUE, reader->options.format, reader->copy.processId, reader->copy.message);
    return display_flush();
}

static void lament(struct reader *reader) {
    if (!reader->lamented)
        complain("queue with key %u: no writer is alive; the message was left behind by process %d",
                 (unsigned)reader->options.key, reader->copy.processId);
    reader->lamented = true;
}

static enum status read_once(struct reader *reader) {
    bool story = reader->options.format == STORY, connected = false, received = false;
    key_t set = queue_semaphores_key(reader->options.key);
    if (story)
        display_attempt(QUEUE, reader->options.key);
    if (!display_flush())
        return FAILED;
    while (!received) {
        if (!open_in_time(reader))
            return refused(reader, "open");
        if (story && !connected)
            display_connected(QUEUE, reader->queue.id);
        connected = true;
        if (!display_flush())
            return FAILED;
        set_timer(reader);
        received = receive(reader, !time_is_over(reader));
        if (!received && errno != EINTR && errno != EAGAIN && errno != EIDRM)
            return refused(reader, "receive from");
        if (!received && time_is_over(reader))
            return no_message(reader);
    }
    if (!show(reader))
        return FAILED;
    if (semaphores_count(set) == 0 && queue_length(&reader->queue) >= 0)
        lament(reader);
    return DONE;
}

/* Prints each message as it comes, until the writers have gone. With --wait, they can't have gone
 * before one was alive and a message came, unless the time is over. */
static enum status follow(struct reader *reader) {
    key_t set = queue_semaphores_key(reader->options.key);
    if (!open_in_time(reader))
        return refused(reader, "open");
    for (bool wait = false, gone = false;;) {
        if (receive(reader, wait)) {
            if (!show(reader))
                return FAILED;
            continue;
        }
        bool removed = errno == EIDRM, over = time_is_over(reader);
        if (!removed && errno != EINTR && errno != EAGAIN)
            return refused(reader, "receive from");
        int writers = semaphores_count(set);
        if (writers < 0) { /* who may not look doesn't know when to end */
            explain("examine", SEMAPHORES, set);
            return FAILED;
        }
        /* The last one that left has removed it; or somebody what was left behind. */
        reader->alive |= removed ? !reader->lamented : writers > 0;
        if (removed && queue_open(&reader->queue, reader->options.key) == 0)
            continue; /* somebody has made another one since */
        if (writers == 0 && !removed && reader->shown && !reader->alive && reader->options.waits)
            lament(reader);
        if (gone || (over && reader->options.waits && !reader->shown))
            return reader->shown ? DONE : no_message(reader);
        if ((removed || writers == 0) && (over || (reader->alive && reader->shown))) {
            gone = true; /* look once more: their last message may have come between */
        } else if (removed) {
            if (!open_in_time(reader))
                return reader->shown ? DONE : refused(reader, "open");
        }
        wait = !gone;
        set_timer(reader);
    }
}

int main(int argc, char *argv[]) {
    static struct reader reader;
    errors_start(argv);
    reader_options(&reader.options, QUEUE, argc, argv);
    if (queue_semaphores_key(reader.options.key) == 0)
        usage_error("key 0x%x can't have a queue: its semaphore set would have key 0",
                    (unsigned)reader.options.key);
    reader.deadline = wait_clock() + reader.options.wait;
    enum status status = reader.options.follow ? follow(&reader) : read_once(&reader);
    if (reader.dropped > 1)
        complain("queue with key %u: dropped messages that hold no SharedData: %lu",
                 (unsigned)reader.options.key, reader.dropped);
    return status;
}
