/* Prints the message that a writer shares through System V shared memory.
 *
 *     ./writer          in one terminal, then
 *     ./reader          in another
 *
 * A reader attaches the segment, copies the message and prints the copy. It holds nothing and
 * changes nothing, so there may be any number of readers, and none disturbs a writer. */
#define _GNU_SOURCE
#include "channel.h"
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "wait.h"

#include <errno.h>
#include <limits.h>

enum { ATTACH_AGAIN_MILLISECONDS = 10, READ_AGAIN_MILLISECONDS = 100 };

static int milliseconds_until(double deadline) {
    double left = (deadline - wait_clock()) * 1000;
    return left <= 0 ? 0 : left < INT_MAX ? (int)left + 1 : INT_MAX;
}

/* Attaches the segment and takes the first whole message, or whatever is there at the deadline.
 * While no writer is alive it attaches anew each time, because the next one may make another
 * segment. Nor would that one take a segment of zeros to which a reader is attached. False, with
 * errno, if there is no segment to attach. */
static bool first_message(struct channel *channel, unsigned key, double deadline,
                          enum message_state *state, struct message *message) {
    for (;;) {
        int left = milliseconds_until(deadline), pause = ATTACH_AGAIN_MILLISECONDS;
        bool attached = channel_attach(channel, key) == 0;
        if (!attached && (errno != ENOENT || left == 0))
            return false;
        while (attached) {
            *state = channel_read(channel, message);
            if (*state == MESSAGE_WHOLE || *state == MESSAGE_DAMAGED || left == 0)
                return true;
            int news = message->versioned ? channel_wait(channel, message->version, left) : -1;
            attached = news == CHANNEL_NEWS || news == CHANNEL_QUIET;
            left = milliseconds_until(deadline);
            pause = READ_AGAIN_MILLISECONDS;
        }
        channel_detach(channel);
        wait_milliseconds(left < pause ? left : pause);
    }
}

/* Says what a message that was shown is worth, if not everything. */
static void warn(struct channel *channel, const struct message *message) {
    if (!message->versioned)
        complain("segment with key %u carries no version: whether the message is whole can't be "
                 "checked, and newer ones can't be followed",
                 channel->key);
    else if (channel_wait(channel, message->version, 0) == CHANNEL_GONE)
        warn_left_behind(CHANNEL_SEGMENT, channel->key, errno, message->processId);
}

/* Says why there is no message to be shown. */
static enum status no_message(struct channel *channel, enum message_state state,
                              const struct message *message) {
    unsigned key = channel->key;
    switch (state) {
    case MESSAGE_NONE:
        complain("segment with key %u: nothing was published yet; wait for it with --wait", key);
        return STATUS_NOTHING_YET;
    case MESSAGE_TORN:
        complain("segment with key %u: its message is torn, a writer %s half-way; the next message "
                 "replaces it",
                 key,
                 channel_wait(channel, message->version, 0) == CHANNEL_GONE
                     ? "was killed"
                     : "was stopped or killed");
        return STATUS_FAILED;
    case MESSAGE_BUSY:
        complain("segment with key %u: messages follow each other too fast to read one; try again",
                 key);
        return STATUS_FAILED;
    default:
        complain("segment with key %u holds no SharedData: processId %d, dataReady %d, message %s "
                 "NUL",
                 key, message->processId, message->dataReady,
                 message->length < MESSAGE_SIZE ? "with" : "without");
        explain_stranger(key);
        return STATUS_FAILED;
    }
}

/* Prints each message behind the first one, which has been read, until no writer is alive. */
static enum status follow(struct channel *channel, enum format format, enum message_state state,
                          struct message *message) {
    bool shown = state == MESSAGE_WHOLE;
    unsigned seen = state == MESSAGE_BUSY ? 0 : message->version;
    unsigned long missed = 0;
    int news;
    if (state == MESSAGE_TORN || state == MESSAGE_BUSY)
        no_message(channel, state, message);
    while ((news = channel_wait(channel, seen, INT_MAX)) == CHANNEL_NEWS) {
        state = channel_read(channel, message);
        if (message->version == seen)
            continue;
        if (state == MESSAGE_WHOLE) {
            /* 1, or more if some were missed. A version begins anew at 0 some day. */
            unsigned came = (message->version - (seen & ~1u)) / 2;
            missed += shown && came <= UINT_MAX / 4 ? came - 1 : 0;
            shown = true;
            display_message(CHANNEL_SEGMENT, format, message);
            if (!display_flush())
                return STATUS_FAILED;
        } else {
            no_message(channel, state, message);
            if (state == MESSAGE_DAMAGED)
                return STATUS_FAILED;
        }
        if (state != MESSAGE_BUSY) /* of which nothing was seen */
            seen = message->version;
    }
    if (news < 0)
        return explain("examine", CHANNEL_SEGMENT, channel->failed, channel->key);
    if (missed > 0)
        complain("segment with key %u: messages that came too fast to be shown: %lu; the queue "
                 "version delivers each",
                 channel->key, missed);
    if (state == MESSAGE_WHOLE)
        warn(channel, message);
    if (state == MESSAGE_TORN || state == MESSAGE_BUSY)
        return STATUS_FAILED; /* which was told */
    return state == MESSAGE_WHOLE ? STATUS_DONE : no_message(channel, state, message);
}

int main(int argc, char *argv[]) {
    struct reader_options options;
    struct channel channel;
    struct message message;
    enum message_state state;
    errors_start(argv);
    signals_start();
    reader_options(&options, CHANNEL_SEGMENT, argc, argv);
    bool story = options.format == FORMAT_STORY;

    if (story)
        display_attempt(CHANNEL_SEGMENT, options.key);
    if (!display_flush())
        return STATUS_FAILED;
    double deadline = wait_clock() + options.seconds;
    if (!first_message(&channel, options.key, deadline, &state, &message))
        return explain("attach", CHANNEL_SEGMENT, CHANNEL_SEGMENT, options.key);
    if (story)
        display_connected(CHANNEL_SEGMENT, channel.id);
    if (state == MESSAGE_WHOLE)
        display_message(CHANNEL_SEGMENT, options.format, &message);
    if (!display_flush())
        return STATUS_FAILED;
    bool goes_on = state == MESSAGE_WHOLE || (state != MESSAGE_DAMAGED && !options.waits);
    if (options.follow && goes_on)
        return follow(&channel, options.format, state, &message);
    if (state != MESSAGE_WHOLE)
        return no_message(&channel, state, &message);
    warn(&channel, &message);
    return STATUS_DONE;
}
