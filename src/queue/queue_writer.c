/* Shares messages through a System V message queue: writer.c's counterpart.
 *
 * A queue holds a stream where a segment holds a state: each message goes to one reader, and waits
 * for it in the kernel. A writer joins and leaves as writer.c does; in between:
 *
 *     send      msgsnd                           waits while the queue is full    queue.c */
#define _GNU_SOURCE
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "queue/queue.h"
#include "wait.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static bool refused(const struct queue *queue, const char *tried) {
    explain(tried, queue->failed, queue->failed == QUEUE ? queue->key : queue->semaphores.key);
    return false;
}

/* Sends one message. If the queue is full for longer than a moment it says what it waits for. */
static bool send_one(struct queue *queue, const struct line *line) {
    struct message next;
    message_prepare(&next, getpid(), line->text, line->length);
    for (int looks = 0; queue_send(queue, &next, looks > 0) < 0; looks++) {
        if (errno != EAGAIN && errno != EINTR)
            return refused(queue, "send to");
        if (signals_received()) {
            complain("queue with key %u is full: a message was not sent", (unsigned)queue->key);
            return false;
        }
        if (looks == 0)
            signals_tick(100);
        if (looks == 2)
            complain("queue with key %u is full (%d messages): waiting for a reader",
                     (unsigned)queue->key, queue_length(queue));
    }
    return true;
}

static bool send(void *context, const struct line *lines, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!send_one(context, &lines[i]))
            return false;
    return true;
}

static bool share(struct queue *queue, const struct writer_options *options) {
    if (!send_one(queue, &(struct line){options->message, options->length}))
        return false;
    display_written(QUEUE, getpid(), options->message);
    return options->stay ? input_stay() : input_enter();
}

static bool stream(struct queue *queue, const struct writer_options *options) {
    puts("Sending every line of standard input...");
    return display_flush() && input_stream(send, queue) && (!options->stay || input_stay());
}

/* Removing the queue loses what nobody has received: at the end of a stream the last writer waits
 * for readers, until a signal ends that. */
static bool leave(struct queue *queue, bool keep_messages) {
    int others;
    for (int looks = 0; (others = queue_leave(queue, keep_messages)) < 0 && errno == EBUSY;
         looks++) {
        if (looks == 10)
            complain("queue with key %u: waiting for a reader of the last messages: %d",
                     (unsigned)queue->key, queue_length(queue));
        wait_milliseconds(10);
        keep_messages = !signals_received();
    }
    if (others < 0)
        return refused(queue, "remove");
    if (queue->lost > 0)
        complain("queue with key %u was removed with messages that nobody had received: %d",
                 (unsigned)queue->key, queue->lost);
    display_left(QUEUE, queue->id, others);
    return display_flush();
}

int main(int argc, char *argv[]) {
    struct writer_options options;
    struct queue queue;
    errors_start(argv);
    writer_options(&options, QUEUE, argc, argv);
    if (queue_semaphores_key(options.key) == 0)
        usage_error("key 0x%x can't have a queue: its semaphore set would have key 0",
                    (unsigned)options.key);
    signals_catch();

    int found = queue_join(&queue, options.key, options.mode);
    if (found < 0) {
        refused(&queue, "join");
        signals_exit(FAILED);
    }
    if (found == FOUND_LEFT_BEHIND)
        complain("queue %d with key %u was left behind by an earlier writer, with messages: %d",
                 queue.id, (unsigned)options.key, queue_length(&queue));
    display_joined(QUEUE, found, queue.id, options.key);

    bool done = options.stream ? stream(&queue, &options) : share(&queue, &options);
    done = leave(&queue, options.stream && done) && done;
    signals_exit(done ? DONE : FAILED);
}
