/* Takes messages out of a System V message queue and prints them: reader.c's counterpart. */
#define _GNU_SOURCE
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "queue/queue.h"
#include "wait.h"

#include <errno.h>
#include <math.h>

enum { OPEN_AGAIN_MILLISECONDS = 10, LOOK_UP_MILLISECONDS = 500 };

static unsigned long dropped; /* messages that were none of ours */

static enum status refused(const struct queue *queue, const char *tried) {
    return explain(tried, CHANNEL_QUEUE, CHANNEL_QUEUE, queue->key);
}

static enum status no_message(const struct queue *queue) {
    complain("queue with key %u: no message came; wait for one with --wait", queue->key);
    return STATUS_NOTHING_YET;
}

static bool show(const struct message *message, enum format format) {
    display_message(CHANNEL_QUEUE, format, message);
    return display_flush();
}

/* Takes the next message of ours; `wait`s for one, if the timer runs. What others put there is
 * dropped, but only as many as there were when it began: a flood of them ends in EAGAIN, so that
 * the caller can look at the clock. */
static bool receive(const struct queue *queue, struct message *message, bool wait) {
    for (int i = 0; i <= QUEUE_MOST; i++) {
        if (queue_receive(queue, message, wait) == 0)
            return true;
        if (errno != EBADMSG)
            return false;
        if (dropped++ == 0)
            complain("queue with key %u: dropped a message that holds no SharedData", queue->key);
    }
    errno = EAGAIN;
    return false;
}

/* From here on a sleep ends when it is time to look up, or at the deadline: EINTR. */
static void start_timer(double deadline) {
    double left = (deadline - wait_clock()) * 1000;
    signals_tick(left > 0 && left < LOOK_UP_MILLISECONDS ? (int)left + 1 : LOOK_UP_MILLISECONDS);
}

/* Opens the queue and takes a first message, or whatever is there at the deadline. While it waits
 * it opens the queue anew, because a writer may leave, and another one make another queue. False,
 * with errno: EAGAIN: no message came; the queue can't be opened (its ID is -1 then), or else read.
 */
static bool first_message(struct queue *queue, const struct reader_options *options,
                          double deadline, struct message *message) {
    for (bool connected = options->format != FORMAT_STORY;;) {
        bool over = wait_clock() >= deadline;
        if (queue_open(queue, options->key) < 0) {
            if (errno != ENOENT || over)
                return false;
            wait_milliseconds(OPEN_AGAIN_MILLISECONDS);
            continue;
        }
        if (!connected)
            display_connected(CHANNEL_QUEUE, queue->id);
        connected = true;
        start_timer(deadline);
        if (receive(queue, message, !over))
            return true;
        if (errno == EINTR || errno == EIDRM)
            errno = EAGAIN;
        if (over || errno != EAGAIN)
            return false;
    }
}

/* Prints each message as it comes, until no writer is alive. */
static enum status follow(const struct queue *queue, enum format format, struct message *message,
                          bool shown) {
    int writers = 1;
    start_timer((double)INFINITY);
    for (bool received = true; received || writers > 0;) {
        received = receive(queue, message, false);
        if (!received && errno == EAGAIN) {
            /* First this, then the queue: whoever has gone by now can't send in between. */
            writers = queue_writers(queue);
            if (writers < 0 && errno != ENOENT)
                return explain("examine", CHANNEL_QUEUE, CHANNEL_SEMAPHORES, queue->key);
            received = receive(queue, message, writers > 0);
        }
        if (received && !show(message, format))
            return STATUS_FAILED;
        shown |= received;
        if (!received && errno == EIDRM)
            break;
        if (!received && errno != EAGAIN && errno != EINTR)
            return refused(queue, "receive from");
    }
    return shown ? STATUS_DONE : no_message(queue);
}

int main(int argc, char *argv[]) {
    struct reader_options options;
    struct queue queue;
    struct message message = {0};
    errors_start(argv);
    signals_start();
    reader_options(&options, CHANNEL_QUEUE, argc, argv);

    if (options.format == FORMAT_STORY)
        display_attempt(CHANNEL_QUEUE, options.key);
    if (!display_flush())
        return STATUS_FAILED;
    enum status status = STATUS_DONE;
    bool received = first_message(&queue, &options, wait_clock() + options.seconds, &message);
    if (!received && errno != EAGAIN)
        status = refused(&queue, queue.id < 0 ? "open" : "receive from");
    else if (!received && (options.waits || !options.follow))
        status = no_message(&queue);
    else if (received && !show(&message, options.format))
        status = STATUS_FAILED;
    else if (options.follow)
        status = follow(&queue, options.format, &message, received);
    /* First this, then the queue: the last writer removes the queue, then the set. */
    int writers = queue_writers(&queue), error = writers == 0 ? ESRCH : writers < 0 ? errno : 0;
    if (status == STATUS_DONE && queue_length(&queue) >= 0)
        warn_left_behind(CHANNEL_QUEUE, queue.key, error, message.processId);
    if (dropped > 1)
        complain("queue with key %u: dropped messages that hold no SharedData: %lu", queue.key,
                 dropped);
    return status;
}
