/* Takes messages out of a System V message queue and prints them: reader.c's counterpart. */
#define _GNU_SOURCE
#include "cli.h"
#include "options.h"
#include "queue.h"
#include "report.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>

struct reader {
    struct reader_options options;
    struct queue queue;
    struct snapshot copy;
};

static int explain(const struct reader *reader, const char *tried) {
    int status = errno == ENOENT ? CLI_NOTHING_YET : CLI_FAILED;
    cli_explain(tried, CLI_QUEUE, reader->options.key, errno, 0);
    return status;
}

static bool show(const struct reader *reader) {
    return options_show(&reader->options, MESSAGE_QUEUE, reader->copy.processId,
                        reader->copy.message);
}

/* Takes the next message of ours out of the queue: 0, or -1 with errno as queue_receive(). What
 * others put there is dropped, but only so much of it at a time. */
static int take(struct reader *reader) {
    for (int dropped = 0; dropped < 1000; dropped++) {
        int state = queue_receive(&reader->queue, &reader->copy);
        if (state == SNAPSHOT_WHOLE)
            return 0;
        if (state < 0 && errno != EBADMSG)
            return -1;
        warnx("queue with key %u: dropped a message that holds no SharedData",
              (unsigned)reader->options.key);
    }
    errno = EAGAIN;
    return -1;
}

/* Prints each message as it comes, until the writers have gone. */
static int follow(struct reader *reader) {
    bool shown = false, gone = false;
    for (double look_up = 0;;) {
        if (take(reader) == 0) {
            if (!show(reader))
                return CLI_FAILED;
            shown = true;
        } else if (errno == EIDRM || (errno == EAGAIN && gone)) {
            if (shown)
                return CLI_DONE;
            errno = ENOENT;
            return explain(reader, "receive from");
        } else if (errno != EAGAIN) {
            return explain(reader, "receive from");
        } else if (cli_clock() >= look_up) {
            /* Having seen them gone, look once more: their last message may have come between. */
            gone = writers_count(queue_writers_key(reader->options.key)) == 0;
            look_up = cli_clock() + 0.5;
        } else {
            cli_sleep(1);
        }
    }
}

/* Opens the queue and, unless there is a stream to follow, takes a message, waiting for both if the
 * user wants that. msgrcv(2) knows no time-out, and a killed writer leaves its queue: so it polls.
 */
static int first_message(struct reader *reader) {
    const struct reader_options *options = &reader->options;
    bool connected = false;
    for (double deadline = cli_clock() + options->wait;; cli_sleep(connected ? 1 : 10)) {
        bool opened = queue_open(&reader->queue, options->key) == 0;
        if (opened && !connected && !options->raw && !options->follow)
            report_connected(MESSAGE_QUEUE, reader->queue.id);
        if (opened && !connected && !cli_flush())
            return CLI_FAILED;
        connected = connected || opened;
        if (opened && (options->follow || take(reader) == 0))
            return CLI_DONE;
        if (errno != EAGAIN && errno != EIDRM && errno != ENOENT)
            return explain(reader, opened ? "receive from" : "open");
        if (cli_clock() < deadline)
            continue;
        if (errno == ENOENT)
            return explain(reader, "open");
        warnx("queue with key %u: no message is in it; wait for one with --wait",
              (unsigned)options->key);
        return CLI_NOTHING_YET;
    }
}

static int read_queue(struct reader *reader) {
    const struct reader_options *options = &reader->options;
    if (!options->raw && !options->follow)
        report_attempt(MESSAGE_QUEUE, options->key);
    if (!cli_flush())
        return CLI_FAILED;
    int status = first_message(reader);
    if (status == CLI_DONE && options->follow)
        return follow(reader);
    if (status == CLI_DONE && !show(reader))
        return CLI_FAILED;
    if (status == CLI_DONE && queue_length(&reader->queue) >= 0 &&
        writers_count(queue_writers_key(options->key)) == 0)
        warnx("queue with key %u: no writer is alive; the message was left behind by process %d",
              (unsigned)options->key, reader->copy.processId);
    return status;
}

int main(int argc, char *argv[]) {
    struct reader reader = {0};
    cli_start(argv);
    reader_options(&reader.options, MESSAGE_QUEUE, argc, argv);
    if (queue_writers_key(reader.options.key) == 0)
        cli_usage_error("key 0x%x can't have a queue: its writers' set would have key 0",
                        (unsigned)reader.options.key);
    return read_queue(&reader);
}
