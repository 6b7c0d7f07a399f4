/* Prints the message that a writer shares through a System V shared memory segment.
 *
 * A reader attaches read-only and takes snapshots. It holds nothing and changes nothing, so there
 * may be any number of readers, and none can disturb a writer. */
#define _GNU_SOURCE
#include "cli.h"
#include "options.h"
#include "report.h"
#include "segment.h"
#include "snapshot.h"

#include <err.h>
#include <errno.h>

/* How often a sleeper looks up: for a segment to appear, and for writers to be gone. */
enum { ATTACH_MILLISECONDS = 10, LOOK_UP_MILLISECONDS = 500 };

struct reader {
    struct reader_options options;
    struct segment segment;
    struct snapshot copy;
};

/* Attaches and, unless follow() will do it, takes a snapshot, waiting for both if the user wants
 * that. Returns its state, or -1 if there is no segment. */
static int first_snapshot(struct reader *reader) {
    double deadline = cli_clock() + reader->options.wait;
    for (;;) {
        double left = deadline - cli_clock();
        if (segment_attach(&reader->segment, reader->options.key) == 0) {
            if (reader->options.follow)
                return SNAPSHOT_NOTHING;
            enum snapshot_state state = snapshot(reader->segment.shared, &reader->copy);
            if (state != SNAPSHOT_NOTHING || left <= 0)
                return (int)state;
            int longest = left < 0.5 ? (int)(left * 1000) + 1 : LOOK_UP_MILLISECONDS;
            snapshot_await(reader->segment.shared, reader->copy.version, longest);
            segment_detach(&reader->segment);
        } else if (errno != ENOENT || left <= 0) {
            return -1;
        } else {
            cli_sleep(ATTACH_MILLISECONDS);
        }
    }
}

static void stranger(const struct reader *reader) {
    struct shmid_ds status;
    int id = segment_status(reader->options.key, &status);
    if (id >= 0)
        cli_stranger(reader->options.key, id, &status);
    else
        cli_explain("examine", CLI_SEGMENT, reader->options.key, errno, 0);
}

/* Says why there is no message to show; the exit status. */
static int explain(const struct reader *reader, int state) {
    unsigned key = (unsigned)reader->options.key;
    switch (state) {
    case SNAPSHOT_NOTHING:
        warnx("segment with key %u: nothing was published yet; wait for it with --wait", key);
        return CLI_NOTHING_YET;
    case SNAPSHOT_TORN:
        warnx("segment with key %u: its message is torn, a writer %s half-way; the next message "
              "replaces it",
              key,
              writers_count(reader->options.key) == 0 ? "was killed" : "was stopped or killed");
        return CLI_FAILED;
    case SNAPSHOT_BUSY:
        warnx("segment with key %u: messages follow each other too fast to read one; try again",
              key);
        return CLI_FAILED;
    default:
        warnx("segment with key %u holds no SharedData: processId %d, dataReady %d, message %s NUL",
              key, reader->copy.processId, reader->copy.dataReady,
              reader->copy.terminated ? "with" : "without");
        stranger(reader);
        return CLI_FAILED;
    }
}

static bool show(const struct reader *reader) {
    return options_show(&reader->options, SHARED_MEMORY, reader->copy.processId,
                        reader->copy.message);
}

/* What is to be said of a message that was shown; the exit status. */
static int epilogue(const struct reader *reader) {
    unsigned key = (unsigned)reader->options.key;
    if (!reader->copy.versioned)
        warnx("segment with key %u carries no version: whether the message is whole can't be "
              "checked",
              key);
    else if (writers_count(reader->options.key) == 0 && !segment_removed(&reader->segment))
        warnx("segment with key %u: no writer is alive; the message was left behind by process %d",
              key, reader->copy.processId);
    return CLI_DONE;
}

/* Prints each new message until the writers have gone. A message that stays torn is no reason to
 * stop while there are writers, who will replace it. */
static int follow(struct reader *reader) {
    const struct SharedSegment *shared = reader->segment.shared;
    bool known = false, gone = false;
    for (unsigned seen = 0;;) {
        int state = (int)snapshot(shared, &reader->copy);
        if (state == SNAPSHOT_DAMAGED)
            return explain(reader, state);
        bool fresh = state != SNAPSHOT_NOTHING && (!known || reader->copy.version != seen);
        if (fresh && state == SNAPSHOT_WHOLE && !show(reader))
            return CLI_FAILED;
        if (fresh && state != SNAPSHOT_WHOLE)
            explain(reader, state);
        if (fresh) {
            seen = reader->copy.version;
            known = true;
        } else if (gone) {
            if (state == SNAPSHOT_WHOLE)
                return epilogue(reader);
            return state == SNAPSHOT_NOTHING ? explain(reader, state) : CLI_FAILED;
        } else {
            /* Having seen them gone, look once more: their last message may have come between. */
            gone = segment_removed(&reader->segment) || writers_count(reader->options.key) == 0;
            if (!gone)
                snapshot_await(shared, reader->copy.version, LOOK_UP_MILLISECONDS);
        }
    }
}

static int read_message(struct reader *reader) {
    bool story = !reader->options.raw && !reader->options.follow;
    if (story) {
        report_attempt(SHARED_MEMORY, reader->options.key);
        if (!cli_flush())
            return CLI_FAILED;
    }
    int state = first_snapshot(reader);
    if (state < 0 && errno == EEXIST) {
        stranger(reader);
        return CLI_FAILED;
    }
    if (state < 0) {
        bool missing = errno == ENOENT;
        cli_explain("attach", CLI_SEGMENT, reader->options.key, errno, 0);
        return missing ? CLI_NOTHING_YET : CLI_FAILED;
    }
    if (story)
        report_connected(SHARED_MEMORY, reader->segment.id);

    if (reader->options.follow)
        return follow(reader);
    if (state != SNAPSHOT_WHOLE)
        return cli_flush() ? explain(reader, state) : CLI_FAILED;
    return show(reader) ? epilogue(reader) : CLI_FAILED;
}

int main(int argc, char *argv[]) {
    struct reader reader = {0};
    cli_start(argv);
    reader_options(&reader.options, SHARED_MEMORY, argc, argv);
    return read_message(&reader);
}
