/* Shares a message through a System V shared memory segment.
 *
 *     ./writer          in one terminal, then
 *     ./reader          in another
 *
 * A writer joins the channel of its key, publishes under the writers' lock, and leaves when Enter,
 * the end of its input or a signal says so. The last writer to leave removes the channel. What a
 * killed writer leaves behind, the next one takes over. */
#define _GNU_SOURCE
#include "cli.h"
#include "input.h"
#include "report.h"
#include "segment.h"
#include "snapshot.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: writer [OPTION]...\n"
    "Share a message through System V shared memory until Enter, end of input or a signal.\n"
    "\n"
    "  -k, --key=KEY       key of the segment, decimal or 0x..., default 5678\n"
    "  -m, --message=TEXT  share TEXT, at most 899 bytes, instead of the demonstration\n"
    "  -p, --mode=MODE     octal permissions of a new segment, default 0666\n"
    "  -s, --stream        publish every line of standard input in turn, leave at its end\n"
    "  -h, --help          show this help\n"
    "  -V, --version       show the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static void explain(const struct segment *segment, const char *tried) {
    int error = errno;
    struct shmid_ds status;
    int id;
    if (error == EEXIST && segment->failed == PART_SEGMENT &&
        (id = segment_status(segment->key, &status)) >= 0)
        cli_stranger(segment->key, id, &status);
    else
        cli_explain(tried, segment->failed == PART_SEGMENT ? CLI_SEGMENT : CLI_SEMAPHORES,
                    segment->key, error, writers_holder(segment->key));
}

static bool publish_text(struct segment *segment, const char *text, size_t length) {
    if (segment_lock(segment) < 0) {
        explain(segment, "lock");
        return false;
    }
    publish(segment->shared, getpid(), text, length);
    if (segment_unlock(segment) < 0) {
        explain(segment, "unlock");
        return false;
    }
    publish_wake(segment->shared);
    return true;
}

/* The seed's story: publish one message, show it, wait for Enter. */
static bool share(struct segment *segment, const char *text, size_t length) {
    if (!publish_text(segment, text, length))
        return false;
    printf("=== C Program Output ===\n"
           "Process ID: %ld\n"
           "Message written to shared memory:\n",
           (long)getpid());
    report_text(stdout, text, length, false);
    printf("\n"
           "=========================\n"
           "\n"
           "Data written to shared memory successfully!\n"
           "Python program can now read this data.\n"
           "Press Enter to cleanup and exit...\n");
    if (!cli_flush())
        return false;

    char line[MESSAGE_SIZE];
    size_t ignored;
    enum input input;
    do
        input = input_line(line, sizeof line, &ignored);
    while (input == INPUT_TOO_LONG);
    if (input == INPUT_ERROR)
        warn("cannot read standard input");
    return input != INPUT_ERROR;
}

static bool stream(struct segment *segment) {
    printf("Publishing every line of standard input...\n");
    if (!cli_flush())
        return false;
    char line[MESSAGE_SIZE];
    size_t length;
    for (unsigned long number = 1;; number++) {
        switch (input_line(line, sizeof line, &length)) {
        case INPUT_LINE:
            if (!publish_text(segment, line, length))
                return false;
            break;
        case INPUT_END:
        case INPUT_SIGNAL:
            printf("Messages published: %lu\n", number - 1);
            return cli_flush();
        case INPUT_TOO_LONG:
            warnx("line %lu of standard input is longer than %d bytes: not published", number,
                  MESSAGE_SIZE - 1);
            return false;
        case INPUT_NUL:
            warnx("line %lu of standard input has a NUL byte in it: not published", number);
            return false;
        case INPUT_ERROR:
            warn("cannot read standard input");
            return false;
        }
    }
}

static bool leave(struct segment *segment) {
    int others = segment_leave(segment);
    if (others < 0)
        explain(segment, "remove");
    else if (others > 0)
        warnx("other writers still sharing key %u: %d; the segment stays", (unsigned)segment->key,
              others);
    return others >= 0;
}

int main(int argc, char *argv[]) {
    static const struct option options[] = {
        {"key", required_argument, NULL, 'k'},
        {"message", required_argument, NULL, 'm'},
        {"mode", required_argument, NULL, 'p'},
        {"stream", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    static const char *const found[] = {[SEGMENT_NEW] = "created",
                                        [SEGMENT_LEFT_BEHIND] = "taken over",
                                        [SEGMENT_IN_USE] = "joined"};
    key_t key = SHARED_KEY;
    int mode = 0666;
    const char *message = NULL;
    bool streaming = false;

    cli_start(argv);
    for (int option; (option = getopt_long(argc, argv, "k:m:p:shV", options, NULL)) != -1;) {
        switch (option) {
        case 'k':
            key = cli_key(optarg);
            break;
        case 'm':
            message = optarg;
            break;
        case 'p':
            mode = cli_mode(optarg);
            break;
        case 's':
            streaming = true;
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
    if (message && streaming)
        cli_usage_error("--message and --stream exclude each other");

    char demonstration[MESSAGE_SIZE];
    if (!message) {
        snprintf(demonstration, sizeof demonstration,
                 "Hello from C Process!\n"
                 "This is inter-process communication demonstration.\n"
                 "Data is being shared through shared memory segment.\n"
                 "Process ID: %ld",
                 (long)getpid());
        message = demonstration;
    }
    size_t length = strlen(message);
    if (length >= MESSAGE_SIZE)
        cli_usage_error("the message has %zu bytes; at most %d fit", length, MESSAGE_SIZE - 1);

    if (input_open() < 0)
        err(CLI_FAILED, "cannot block signals");
    struct segment segment;
    int state = segment_join(&segment, key, mode);
    if (state < 0) {
        explain(&segment, "join");
        return CLI_FAILED;
    }
    if (state == SEGMENT_LEFT_BEHIND)
        warnx("segment %d with key %u was left behind by a killed writer", segment.id,
              (unsigned)key);
    printf("Shared memory %s successfully with ID: %d\n"
           "Attached to shared memory\n"
           "\n",
           found[state], segment.id);

    bool done = streaming ? stream(&segment) : share(&segment, message, length);
    done = leave(&segment) && done;
    input_resignal();
    return done ? CLI_DONE : CLI_FAILED;
}
