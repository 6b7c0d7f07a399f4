/* Prints the message that a writer shares through a System V shared memory segment.
 *
 * A reader attaches read-only and takes snapshots. It holds nothing and changes nothing, so there
 * may be any number of readers, and none can disturb a writer. */
#define _GNU_SOURCE
#include "cli.h"
#include "report.h"
#include "segment.h"
#include "snapshot.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often a sleeper looks up: for a segment to appear, and for writers to be gone. */
enum { ATTACH_MILLISECONDS = 10, LOOK_UP_MILLISECONDS = 500 };

static const char help[] =
    "Usage: reader [OPTION]...\n"
    "Print the message that a writer shares through System V shared memory.\n"
    "\n"
    "  -k, --key=KEY         key of the segment, decimal or 0x..., default 5678\n"
    "  -w, --wait[=SECONDS]  wait for a first message, without SECONDS as long as it takes\n"
    "  -f, --follow          print each new message as it appears, until the writers have gone\n"
    "  -r, --raw             print the message alone, byte for byte, and a newline\n"
    "  -h, --help            show this help\n"
    "  -V, --version         show the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing to read yet.\n";

struct reader {
    key_t key;
    double wait; /* seconds; INFINITY: as long as it takes */
    bool follow, raw;
    struct segment segment;
    struct snapshot copy;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Attaches and takes a first snapshot, waiting for both if the user wants that. Returns its state,
 * or -1 if there is no segment. */
static int first_snapshot(struct reader *reader) {
    double deadline = now() + reader->wait;
    for (;;) {
        double left = deadline - now();
        if (segment_attach(&reader->segment, reader->key) == 0) {
            enum snapshot_state state = snapshot(reader->segment.shared, &reader->copy);
            if (state != SNAPSHOT_NOTHING || reader->follow || left <= 0)
                return (int)state;
            int longest = left < 0.5 ? (int)(left * 1000) + 1 : LOOK_UP_MILLISECONDS;
            snapshot_await(reader->segment.shared, reader->copy.version, longest);
            segment_detach(&reader->segment);
        } else if (errno != ENOENT || left <= 0) {
            return -1;
        } else {
            nanosleep(&(struct timespec){.tv_nsec = ATTACH_MILLISECONDS * 1000000L}, NULL);
        }
    }
}

static void stranger(const struct reader *reader) {
    struct shmid_ds status;
    int id = segment_status(reader->key, &status);
    if (id >= 0)
        cli_stranger(reader->key, id, &status);
    else
        cli_explain("examine", CLI_SEGMENT, reader->key, errno, 0);
}

/* Says why there is no message to show; the exit status. */
static int explain(const struct reader *reader, int state) {
    unsigned key = (unsigned)reader->key;
    fflush(stdout);
    switch (state) {
    case SNAPSHOT_NOTHING:
        warnx("segment with key %u: nothing was published yet; wait for it with --wait", key);
        return CLI_NOTHING_YET;
    case SNAPSHOT_TORN:
        warnx("segment with key %u: its message is torn, a writer %s half-way; the next message "
              "replaces it",
              key, writers_count(reader->key) == 0 ? "was killed" : "was stopped or killed");
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

/* Prints the message; false if it can't be written. */
static bool show(const struct reader *reader) {
    const char *text = reader->copy.message;
    size_t length = strlen(text);
    if (reader->raw) {
        fwrite(text, 1, length, stdout);
        putchar('\n');
    } else if (reader->follow) {
        printf("%d: ", reader->copy.processId);
        report_text(stdout, text, length, true);
        putchar('\n');
    } else {
        report_retrieved(stdout, reader->copy.processId, text, length);
    }
    return cli_flush();
}

static int follow(struct reader *reader) {
    const struct SharedSegment *shared = reader->segment.shared;
    bool shown = false, gone = false;
    for (unsigned seen = 0;;) {
        int state = (int)snapshot(shared, &reader->copy);
        if (state != SNAPSHOT_WHOLE && state != SNAPSHOT_NOTHING)
            return explain(reader, state);
        if (state == SNAPSHOT_WHOLE && (!shown || reader->copy.version != seen)) {
            if (!show(reader))
                return CLI_FAILED;
            seen = reader->copy.version;
            shown = true;
        } else if (gone) {
            return shown ? CLI_DONE : explain(reader, state);
        } else {
            /* Having seen them gone, look once more: their last message may have come between. */
            gone = segment_removed(&reader->segment) || writers_count(reader->key) == 0;
            if (!gone)
                snapshot_await(shared, reader->copy.version, LOOK_UP_MILLISECONDS);
        }
    }
}

static int read_message(struct reader *reader) {
    bool story = !reader->raw && !reader->follow;
    if (story) {
        printf("=== C Program - Shared Memory Reader ===\n"
               "\n"
               "Attempting to connect to shared memory with key: %u\n",
               (unsigned)reader->key);
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
        cli_explain("attach", CLI_SEGMENT, reader->key, errno, 0);
        return missing ? CLI_NOTHING_YET : CLI_FAILED;
    }
    if (story)
        printf("Successfully connected to shared memory (ID: %d)\n"
               "\n"
               "Reading data from shared memory...\n"
               "\n",
               reader->segment.id);

    if (reader->follow) {
        int status = follow(reader);
        if (status != CLI_DONE)
            return status;
    } else if (state != SNAPSHOT_WHOLE) {
        return cli_flush() ? explain(reader, state) : CLI_FAILED;
    } else if (!show(reader)) {
        return CLI_FAILED;
    }

    if (!reader->copy.versioned)
        warnx(
            "segment with key %u carries no version: whether the message is whole can't be checked",
            (unsigned)reader->key);
    else if (writers_count(reader->key) == 0 && !segment_removed(&reader->segment))
        warnx("segment with key %u: no writer is alive; the message was left behind by process %d",
              (unsigned)reader->key, reader->copy.processId);
    return CLI_DONE;
}

int main(int argc, char *argv[]) {
    static const struct option options[] = {
        {"key", required_argument, NULL, 'k'},
        {"wait", optional_argument, NULL, 'w'},
        {"follow", no_argument, NULL, 'f'},
        {"raw", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    struct reader reader = {.key = SHARED_KEY};

    cli_start(argv);
    for (int option; (option = getopt_long(argc, argv, "k:w::frhV", options, NULL)) != -1;) {
        switch (option) {
        case 'k':
            reader.key = cli_key(optarg);
            break;
        case 'w':
            reader.wait = optarg ? cli_seconds(optarg) : INFINITY;
            break;
        case 'f':
            reader.follow = true;
            break;
        case 'r':
            reader.raw = true;
            break;
        case 'h':
            cli_help(help);
        case 'V':
            cli_version();
        default:
            cli_usage_hint();
        }
    }
    cli_no_arguments(argc, argv);
    return read_message(&reader);
}
