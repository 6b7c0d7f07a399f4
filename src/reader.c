/* Prints the message that a writer shares through a System V shared memory segment.
 *
 * The life of a reader, in system calls, and where they stand:
 *
 *     attach    shmget, shmat {read-only}        segment.c
 *     snapshot  none: copied, and checked        message.c
 *     wait      futex {until version changes}    wait_linux.c
 *     look up   semctl {GETVAL}                  is a writer alive?      semaphores.c
 *               shmctl {IPC_STAT}                is the segment removed? segment.c
 *     detach    by ending
 *
 * A reader holds nothing and changes nothing: there may be any number, and none disturbs a writer.
 */
#define _GNU_SOURCE
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/options.h"
#include "message.h"
#include "segment.h"
#include "wait.h"

#include <errno.h>

/* How often a sleeper looks up: for a segment to appear, and for writers to be gone. */
enum { ATTACH_MILLISECONDS = 10, LOOK_UP_MILLISECONDS = 500 };

struct reader {
    struct reader_options options;
    double deadline; /* of --wait */
    struct segment segment;
    struct message copy;
    enum message_state state; /* of the copy */
    /* while following */
    bool known;    /* `seen` is the version of the last message in this segment */
    bool shown;    /* a message, in this segment or one before */
    bool alive;    /* a living writer was seen */
    bool lamented; /* the user knows that none is alive */
    unsigned seen;
    unsigned long missed;
};

/* To be asked behind a call that failed, too: leaves errno alone. */
static bool time_is_over(const struct reader *reader) {
    int error = errno;
    bool over = wait_clock() >= reader->deadline;
    errno = error;
    return over;
}

/* Sleeps until there may be something new, and not for long. */
static void wait_for_news(const struct reader *reader) {
    double left = reader->deadline - wait_clock();
    bool soon = left > 0 && left * 1000 < LOOK_UP_MILLISECONDS;
    wait_for_change(&reader->segment.shared->version, reader->copy.version,
                    soon ? (int)(left * 1000) + 1 : LOOK_UP_MILLISECONDS);
}

/* Waits for a segment, if the user wants that. False, with errno, if none could be attached. */
static bool attach_in_time(struct reader *reader) {
    while (segment_attach(&reader->segment, reader->options.key) < 0) {
        if (errno != ENOENT || time_is_over(reader))
            return false;
        wait_milliseconds(ATTACH_MILLISECONDS);
    }
    return true;
}

static bool take(struct reader *reader) {
    reader->state = snapshot(reader->segment.shared, &reader->copy);
    return reader->state != MESSAGE_NONE;
}

/* Attaches, takes a snapshot, and waits for a first message, if the user wants that. A writer that
 * has published nothing may leave, and its segment with it: so it attaches anew each time. */
static bool message_in_time(struct reader *reader) {
    while (attach_in_time(reader)) {
        if (take(reader) || time_is_over(reader))
            return true;
        /* What isn't a writer's yet would be nobody's, if we stayed attached: see segment.c. */
        if (reader->copy.versioned) {
            wait_for_news(reader);
            if (take(reader))
                return true;
        }
        segment_detach(&reader->segment);
        wait_milliseconds(ATTACH_MILLISECONDS);
    }
    return false;
}

/* Says why there is no segment. */
static enum status no_segment(const struct reader *reader) {
    enum status status = errno == ENOENT ? NOTHING_YET : FAILED;
    explain("attach", SEGMENT, reader->options.key);
    return status;
}

/* Says why there is no message. */
static enum status no_message(const struct reader *reader) {
    unsigned key = (unsigned)reader->options.key;
    switch (reader->state) {
    case MESSAGE_NONE:
        complain("segment with key %u: nothing was published yet; wait for it with --wait", key);
        return NOTHING_YET;
    case MESSAGE_TORN:
        complain("segment with key %u: its message is torn, a writer %s half-way; the next message "
                 "replaces it",
                 key,
                 semaphores_count(reader->options.key) ? "was stopped or killed" : "was killed");
        return FAILED;
    case MESSAGE_BUSY:
        complain("segment with key %u: messages follow each other too fast to read one; try again",
                 key);
        return FAILED;
    default:
        complain("segment with key %u holds no SharedData: processId %d, dataReady %d, message %s "
                 "NUL",
                 key, reader->copy.processId, reader->copy.dataReady,
                 reader->copy.length < MESSAGE_SIZE ? "with" : "without");
        explain_stranger(reader->options.key);
        return FAILED;
    }
}

static bool show(const struct reader *reader) {
    display_message(SEGMENT, reader->options.format, reader->copy.processId, reader->copy.message);
    return display_flush();
}

/* Says what a message that was shown is worth, if not everything. */
static void lament(struct reader *reader) {
    unsigned key = (unsigned)reader->options.key;
    if (reader->lamented)
        return;
    reader->lamented = true;
    if (!reader->copy.versioned)
        complain("segment with key %u carries no version: whether the message is whole can't be "
                 "checked",
                 key);
    else if (semaphores_count(reader->options.key) == 0 && !segment_removed(&reader->segment))
        complain("segment with key %u: no writer is alive; the message was left behind by process "
                 "%d",
                 key, reader->copy.processId);
}

static enum status read_once(struct reader *reader) {
    bool story = reader->options.format == STORY;
    if (story)
        display_attempt(SEGMENT, reader->options.key);
    if (!display_flush())
        return FAILED;
    if (!message_in_time(reader))
        return no_segment(reader);
    if (story)
        display_connected(SEGMENT, reader->segment.id);
    if (reader->state != MESSAGE_WHOLE)
        return display_flush() ? no_message(reader) : FAILED;
    if (!show(reader))
        return FAILED;
    lament(reader);
    return DONE;
}

/* Takes a snapshot; whether it is another than the last one. Counts what came between. */
static bool news(struct reader *reader) {
    bool message = take(reader);
    unsigned version = reader->copy.version, seen = reader->seen;
    if (!message || (reader->known && version == seen))
        return false;
    if (reader->state == MESSAGE_BUSY) /* not this one; but perhaps its version's */
        return true;
    if (reader->known && reader->copy.versioned)
        reader->missed += ((version & ~1u) - (seen & ~1u)) / 2 - (reader->state == MESSAGE_WHOLE);
    reader->known = true;
    reader->seen = version;
    return true;
}

/* Shows a new message. One that stays torn is no reason to stop: a writer will replace it. */
static bool tell(struct reader *reader) {
    if (reader->state != MESSAGE_WHOLE) {
        no_message(reader);
        return reader->state != MESSAGE_DAMAGED;
    }
    reader->shown = true;
    reader->lamented = false;
    return show(reader);
}

static enum status farewell(struct reader *reader) {
    if (reader->missed > 0)
        complain("segment with key %u: messages that came too fast to be shown: %lu; the queue "
                 "version delivers each",
                 (unsigned)reader->options.key, reader->missed);
    if (reader->state == MESSAGE_WHOLE)
        lament(reader);
    else if (reader->state != MESSAGE_NONE) /* which was said */
        return FAILED;
    return reader->shown ? DONE : no_message(reader);
}

/* Attaches the segment that the key has now, if somebody has made one since ours was removed. */
static bool attach_another(struct reader *reader) {
    struct segment another;
    if (segment_attach(&another, reader->options.key) < 0)
        return false;
    if (another.id == reader->segment.id) {
        segment_detach(&another);
        return false;
    }
    segment_detach(&reader->segment);
    reader->segment = another;
    reader->known = false;
    return true;
}

/* Prints each new message until the writers have gone. With --wait, they can't have gone before one
 * was alive and a message came, unless the time is over. */
static enum status follow(struct reader *reader) {
    if (!attach_in_time(reader))
        return no_segment(reader);
    for (;;) {
        /* Before the snapshot: so that has the last message of writers that have gone. */
        bool removed = segment_removed(&reader->segment), over = time_is_over(reader);
        int writers = semaphores_count(reader->options.key);
        int error = errno;
        /* The last one that left has removed it; or somebody what was left behind. */
        reader->alive |= removed ? !reader->lamented : writers > 0;
        if (news(reader)) {
            if (!tell(reader))
                return FAILED;
        } else if (writers < 0) { /* who may not look doesn't know when to end */
            errno = error;
            explain("examine", SEMAPHORES, reader->options.key);
            return FAILED;
        } else if (over && reader->options.waits && !reader->shown) {
            return farewell(reader);
        } else if (removed && attach_another(reader)) {
            continue;
        } else if ((removed || writers == 0) && (over || (reader->alive && reader->shown))) {
            return farewell(reader);
        } else if (removed || !(reader->copy.versioned || reader->known)) {
            segment_detach(&reader->segment);
            reader->known = false;
            wait_milliseconds(ATTACH_MILLISECONDS);
            if (!attach_in_time(reader))
                return reader->shown ? DONE : no_segment(reader);
        } else {
            if (writers == 0 && reader->shown)
                lament(reader);
            wait_for_news(reader);
        }
    }
}

int main(int argc, char *argv[]) {
    struct reader reader = {0};
    errors_start(argv);
    reader_options(&reader.options, SEGMENT, argc, argv);
    reader.deadline = wait_clock() + reader.options.wait;
    return reader.options.follow ? follow(&reader) : read_once(&reader);
}
