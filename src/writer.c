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
#include "options.h"
#include "report.h"
#include "segment.h"
#include "snapshot.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

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

static bool send(void *context, const char *text, size_t length) {
    struct segment *segment = context;
    struct snapshot next;
    snapshot_prepare(&next, getpid(), text, length);
    if (segment_lock(segment) < 0) {
        explain(segment, "lock");
        return false;
    }
    publish(segment->shared, &next, length);
    if (segment_unlock(segment) < 0) {
        explain(segment, "unlock");
        return false;
    }
    publish_wake(segment->shared);
    return true;
}

/* The seed's story: publish one message, show it, wait for Enter. */
static bool share(struct segment *segment, const char *text, size_t length) {
    if (!send(segment, text, length))
        return false;
    report_written(SHARED_MEMORY, getpid(), text, length);
    return cli_flush() && input_enter();
}

static bool stream(struct segment *segment) {
    puts("Publishing every line of standard input...");
    return cli_flush() && input_stream(send, segment);
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
    static const char *const found[] = {[SEGMENT_NEW] = "created",
                                        [SEGMENT_LEFT_BEHIND] = "taken over",
                                        [SEGMENT_IN_USE] = "joined"};
    struct writer_options options;
    struct segment segment;
    cli_start(argv);
    writer_options(&options, SHARED_MEMORY, argc, argv);
    if (input_open() < 0)
        err(CLI_FAILED, "cannot prepare for signals");

    int state = segment_join(&segment, options.key, options.mode);
    if (state < 0) {
        explain(&segment, "join");
        input_resignal();
        return CLI_FAILED;
    }
    if (state == SEGMENT_LEFT_BEHIND)
        warnx("segment %d with key %u was left behind by an earlier writer", segment.id,
              (unsigned)options.key);
    printf("Shared memory %s successfully with ID: %d\n"
           "Attached to shared memory\n"
           "\n",
           found[state], segment.id);

    bool done =
        options.stream ? stream(&segment) : share(&segment, options.message, options.length);
    done = leave(&segment) && done;
    input_resignal();
    return done ? CLI_DONE : CLI_FAILED;
}
