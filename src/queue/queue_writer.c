/* Shares messages through a System V message queue: writer.c's counterpart.
 *
 * A segment holds a state, a queue a stream: each message goes to one reader, and waits for it in
 * the kernel. A writer waits when the queue is full. */
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
#include <string.h>

static bool refused(const struct queue *queue, enum channel_object object, const char *tried) {
    explain(tried, CHANNEL_QUEUE, object, queue->key);
    return false;
}

/* Sends one message. If the queue is full for longer than a moment, says what it waits for. */
static bool put(const struct queue *queue, const char *text, size_t length) {
    for (int looks = 0; queue_send(queue, text, length, looks > 0) < 0; looks++) {
        if (errno != EAGAIN && errno != EINTR)
            return refused(queue, CHANNEL_QUEUE, "send to");
        if (signals_received()) {
            complain("queue with key %u is full: a message was not sent", queue->key);
            return false;
        }
        if (looks == 0)
            signals_tick(100);
        if (looks == 2)
            complain("queue with key %u is full (%d messages): waiting for a reader", queue->key,
                     queue_length(queue));
    }
    return true;
}

/* Stays until a signal comes, or until somebody has removed the queue, which leave() then says. */
static bool stay(const struct queue *queue) {
    if (!display_line("Staying until a signal comes..."))
        return false;
    while (!signals_received() && (queue_length(queue) >= 0 || errno != EIDRM))
        wait_milliseconds(500);
    return true;
}

static bool share(const struct queue *queue, const struct writer_options *options) {
    if (!put(queue, options->message, strlen(options->message)))
        return false;
    display_written(CHANNEL_QUEUE, options->message);
    return options->stay ? stay(queue) : input_enter();
}

static bool stream(const struct queue *queue, const struct writer_options *options) {
    const char *text;
    size_t length, sent = 0;
    int got = display_line("Sending every line of standard input...") ? 1 : -1;
    while (got > 0 && (got = input_line(&text, &length)) > 0) {
        if (!put(queue, text, length))
            return false;
        sent++;
    }
    if (got < 0)
        return false;
    printf("Messages sent: %zu\n", sent);
    return display_flush() && (!options->stay || stay(queue));
}

/* Removing the queue loses what nobody has received. So at the end of a stream the last writer
 * waits for readers, until a signal comes. */
static bool leave(struct queue *queue, bool keep_messages) {
    int others;
    for (int looks = 0; (others = queue_leave(queue, keep_messages)) < 0 && errno == EBUSY;
         looks++) {
        if (looks == 10)
            complain("queue with key %u: waiting for a reader of the last messages: %d", queue->key,
                     queue_length(queue));
        wait_milliseconds(10);
        keep_messages = !signals_received();
    }
    if (others < 0)
        return refused(queue, queue->failed, "remove");
    if (queue->lost > 0)
        complain("queue with key %u was removed with messages that nobody had received: %d",
                 queue->key, queue->lost);
    if (others == 0 && queue->borrowed)
        printf("Message queue stays (ID: %d): another program made it\n", queue->id);
    else
        display_left(CHANNEL_QUEUE, queue->id, others);
    return display_flush();
}

int main(int argc, char *argv[]) {
    struct writer_options options;
    struct queue queue;
    errors_start(argv);
    signals_start();
    writer_options(&options, CHANNEL_QUEUE, argc, argv);
    signals_catch();

    int found = queue_join(&queue, options.key, options.mode);
    if (found < 0) {
        refused(&queue, queue.failed, "join");
        signals_exit(STATUS_FAILED);
    }
    if (found == CHANNEL_TAKEN_OVER)
        complain("queue %d with key %u was left behind by an earlier writer, with messages: %d",
                 queue.id, queue.key, queue_length(&queue));
    display_joined(CHANNEL_QUEUE, found, queue.id, queue.key);

    bool done = options.stream ? stream(&queue, &options) : share(&queue, &options);
    done = leave(&queue, options.stream && done) && done;
    signals_exit(done ? STATUS_DONE : STATUS_FAILED);
}
