/* Shares a message through a System V shared memory segment.
 *
 *     ./writer          in one terminal, then
 *     ./reader          in another
 *
 * The life of a writer, in system calls, and where they stand:
 *
 *     join      semget                           get or create the set       semaphores.c
 *               semop {wait for 0, lock, count}  all or nothing
 *               shmget, shmat                    the segment                 segment.c
 *               semop {unlock}
 *     publish   semop {wait for 0, lock}
 *               shmctl {IPC_STAT}                removed? is anybody attached? segment.c
 *               none: the message is written     version odd … even          message.c
 *               semop {unlock}
 *               futex                            wakes the readers           wait_linux.c
 *     leave     semop {wait for 0, lock}
 *               shmctl, semctl {IPC_RMID}        the last one removes all    segment.c
 *               semop {count, unlock}            any other one, instead      semaphores.c
 *               futex, shmdt                     followers may end
 *
 * Whatever kills it in between: the kernel takes back its lock and its count (SEM_UNDO), and the
 * next writer takes over what it left. */
#define _GNU_SOURCE
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "message.h"
#include "segment.h"
#include "wait.h"

#include <stdio.h>
#include <unistd.h>

static bool refused(const struct segment *segment, const char *tried) {
    explain(tried, segment->failed, segment->key);
    return false;
}

/* Publishes the lines and wakes who waits for one. While anybody else is attached, each line takes
 * the lock anew: readers may see it, and other writers have their turn. Alone, once will do. */
static bool send(void *context, const struct line *lines, size_t count) {
    struct segment *segment = context;
    struct message next;
    int pid = getpid();
    for (size_t i = 0, end; i < count;) {
        int others = segment_lock(segment);
        if (others < 0)
            return refused(segment, "lock");
        for (end = others ? i + 1 : count; i < end; i++) {
            message_prepare(&next, pid, lines[i].text, lines[i].length);
            publish(segment->shared, &next);
        }
        if (segment_unlock(segment) < 0)
            return refused(segment, "unlock");
        wait_wake(&segment->shared->version);
    }
    return true;
}

/* The assignment's story: publish one message, show it, wait for Enter. */
static bool share(struct segment *segment, const struct writer_options *options) {
    if (!send(segment, &(struct line){options->message, options->length}, 1))
        return false;
    display_written(SEGMENT, getpid(), options->message);
    return options->stay ? input_stay() : input_enter();
}

static bool stream(struct segment *segment, const struct writer_options *options) {
    puts("Publishing every line of standard input...");
    return display_flush() && input_stream(send, segment) && (!options->stay || input_stay());
}

static bool leave(struct segment *segment) {
    int others = segment_leave(segment);
    if (others < 0)
        return refused(segment, "remove");
    display_left(SEGMENT, segment->id, others);
    return display_flush();
}

int main(int argc, char *argv[]) {
    struct writer_options options;
    struct segment segment;
    errors_start(argv);
    writer_options(&options, SEGMENT, argc, argv);
    signals_catch();

    int found = segment_join(&segment, options.key, options.mode);
    if (found < 0) {
        refused(&segment, "join");
        signals_exit(FAILED);
    }
    if (found == FOUND_LEFT_BEHIND)
        complain("segment %d with key %u was left behind by an earlier writer", segment.id,
                 (unsigned)options.key);
    if (found == FOUND_ORPHANED)
        complain("a segment with key %u had lost its semaphore set: it was replaced by segment %d",
                 (unsigned)options.key, segment.id);
    display_joined(SEGMENT, found, segment.id, options.key);

    bool done = options.stream ? stream(&segment, &options) : share(&segment, &options);
    done = leave(&segment) && done;
    signals_exit(done ? DONE : FAILED);
}
