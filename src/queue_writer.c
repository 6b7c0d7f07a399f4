/* Shares messages through a System V message queue: writer.c's counterpart.
 *
 * A queue holds a stream where a segment holds a state: each message goes to one reader, and waits
 * for it in the kernel. */
#define _GNU_SOURCE
#include "cli.h"
#include "input.h"
#include "options.h"
#include "queue.h"
#include "report.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static void explain(const struct queue *queue, const char *tried) {
    int error = errno;
    bool itself = queue->failed == QUEUE_ITSELF;
    key_t set = queue_writers_key(queue->key);
    cli_explain(tried, itself ? CLI_QUEUE : CLI_SEMAPHORES, itself ? queue->key : set, error,
                writers_holder(set));
}

/* Sends one message. As long as the queue is full it tries again, until a signal ends that; if it
 * takes longer than a moment it says what it waits for. */
static bool send(void *context, const char *text, size_t length) {
    struct queue *queue = context;
    for (int tries = 1; queue_send(queue, getpid(), text, length) < 0; tries++) {
        if (errno != EAGAIN) {
            explain(queue, "send to");
            return false;
        }
        if (tries == 100)
            warnx("queue with key %u is full (%d messages): waiting for a reader",
                  (unsigned)queue->key, QUEUE_MESSAGES);
        if (input_ended(1)) {
            warnx("queue with key %u is full: a message was not sent", (unsigned)queue->key);
            return false;
        }
    }
    return true;
}

static bool share(struct queue *queue, const char *text, size_t length) {
    if (!send(queue, text, length))
        return false;
    report_written(MESSAGE_QUEUE, getpid(), text, length);
    return cli_flush() && input_enter();
}

static bool stream(struct queue *queue) {
    puts("Sending every line of standard input...");
    return cli_flush() && input_stream(send, queue);
}

/* Removing the queue loses what nobody has received: at the end of a stream the last writer waits
 * for readers, until a signal ends that. */
static bool leave(struct queue *queue, bool keep_messages) {
    int others, waiting = queue_length(queue);
    for (int tries = 1; (others = queue_leave(queue, keep_messages)) < 0 && errno == EBUSY;
         tries++) {
        waiting = queue_length(queue);
        if (tries == 100)
            warnx("queue with key %u: waiting for a reader of the last messages: %d",
                  (unsigned)queue->key, waiting);
        if (input_ended(1))
            keep_messages = false;
    }
    if (others < 0)
        explain(queue, "remove");
    else if (others > 0)
        warnx("other writers still using key %u: %d; the queue stays", (unsigned)queue->key,
              others);
    else if (waiting > 0 && !keep_messages)
        warnx("queue with key %u was removed with messages that nobody had received: %d",
              (unsigned)queue->key, waiting);
    return others >= 0;
}

int main(int argc, char *argv[]) {
    static const char *const found[] = {
        [QUEUE_NEW] = "created", [QUEUE_LEFT_BEHIND] = "taken over", [QUEUE_IN_USE] = "joined"};
    struct writer_options options;
    struct queue queue;
    cli_start(argv);
    writer_options(&options, MESSAGE_QUEUE, argc, argv);
    if (queue_writers_key(options.key) == 0)
        cli_usage_error("key 0x%x can't have a queue: its writers' set would have key 0",
                        (unsigned)options.key);
    if (input_open() < 0)
        err(CLI_FAILED, "cannot prepare for signals");

    int state = queue_join(&queue, options.key, options.mode);
    if (state < 0) {
        explain(&queue, "join");
        input_resignal();
        return CLI_FAILED;
    }
    if (state == QUEUE_LEFT_BEHIND)
        warnx("queue %d with key %u was left behind by an earlier writer, with messages: %d",
              queue.id, (unsigned)options.key, queue_length(&queue));
    printf("Message queue %s successfully with ID: %d\n"
           "\n",
           found[state], queue.id);

    bool done = options.stream ? stream(&queue) : share(&queue, options.message, options.length);
    done = leave(&queue, options.stream && done) && done;
    input_resignal();
    return done ? CLI_DONE : CLI_FAILED;
}
