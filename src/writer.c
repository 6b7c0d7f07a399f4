/* Shares a message through System V shared memory.
 *
 *     ./writer          in one terminal, then
 *     ./reader          in another
 *
 * A writer joins the channel, publishes and leaves. The semaphore set counts it meanwhile, and the
 * last writer that leaves removes everything. Whatever kills a writer, the kernel counts it out and
 * releases its lock (SEM_UNDO), and the next writer takes over what it left behind. */
#define _GNU_SOURCE
#include "channel.h"
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "wait.h"

#include <stdio.h>
#include <string.h>

static bool refused(const struct channel *channel, const char *tried) {
    explain(tried, CHANNEL_SEGMENT, channel->failed, channel->key);
    return false;
}

/* Stays until a signal comes, or until somebody has removed the channel, which leave() then says.
 */
static bool stay(struct channel *channel) {
    struct message latest;
    if (!display_line("Staying until a signal comes..."))
        return false;
    do {
        wait_milliseconds(500);
        channel_read(channel, &latest);
    } while (!signals_received() && channel_wait(channel, latest.version, 0) != CHANNEL_GONE);
    return true;
}

/* The assignment's story: publishes one message, shows it and waits for Enter. */
static bool share(struct channel *channel, const struct writer_options *options) {
    if (channel_publish(channel, options->message, strlen(options->message)) < 0)
        return refused(channel, "publish through");
    display_written(CHANNEL_SEGMENT, options->message);
    return options->stay ? stay(channel) : input_enter();
}

/* Publishes every line of standard input. */
static bool stream(struct channel *channel, const struct writer_options *options) {
    const char *text;
    size_t length, sent = 0;
    int got = display_line("Publishing every line of standard input...") ? 1 : -1;
    while (got > 0 && (got = input_line(&text, &length)) > 0) {
        if (channel_publish(channel, text, length) < 0)
            return refused(channel, "publish through");
        sent++;
    }
    if (got < 0)
        return false;
    printf("Messages sent: %zu\n", sent);
    return display_flush() && (!options->stay || stay(channel));
}

static bool leave(struct channel *channel) {
    int others = channel_leave(channel);
    if (others < 0)
        return refused(channel, "remove");
    display_left(CHANNEL_SEGMENT, channel->id, others);
    return display_flush();
}

int main(int argc, char *argv[]) {
    struct writer_options options;
    struct channel channel;
    errors_start(argv);
    signals_start();
    writer_options(&options, CHANNEL_SEGMENT, argc, argv);
    signals_catch();

    int found = channel_join(&channel, options.key, options.mode);
    if (found < 0) {
        refused(&channel, "join");
        signals_exit(STATUS_FAILED);
    }
    if (found == CHANNEL_TAKEN_OVER)
        complain("segment %d with key %u was left behind by an earlier writer", channel.id,
                 channel.key);
    display_joined(CHANNEL_SEGMENT, found, channel.id, channel.key);

    bool done = options.stream ? stream(&channel, &options) : share(&channel, &options);
    done = leave(&channel) && done;
    signals_exit(done ? STATUS_DONE : STATUS_FAILED);
}
