/* Kills a publisher at every single instruction of message_publish() and looks at what it left.
 *
 * A child shares a segment and publishes under ptrace(2); its parent steps it one instruction at a
 * time. What a kill after an instruction leaves is the segment as it is then, so each sweep goes
 * through message_publish() once and judges a copy of the segment after every instruction. That a
 * kill leaves just that is tried, too: after every instruction of one sweep, and after some of the
 * others, the publisher is killed in earnest, and the bytes are compared. What is judged:
 *
 *   - an even version means one whole message, the old one or the new one, and a snapshot shows it;
 *     an odd version means that a snapshot is torn (it takes two seconds to say so, and is asked
 *     only a few times);
 *   - a program that knows only dataReady sees 0 or a whole message;
 *   - the next publisher repairs everything: exactly its message, zeros behind it, and a version
 *     that a follower of the old message takes for a new one.
 *
 * Exit status: 0 all well, 1 something was wrong, 77 nothing can be traced here. */
#define _GNU_SOURCE
#include "message.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77, MOST_PROBLEMS = 20, MOST_STEPS = 100000 };
enum { OTHER = 1111, OURS = 2222 }; /* publishers */

struct text {
    struct SharedData data;
    size_t length;
};

static struct SharedSegment *shared; /* with the publisher that is stepped */
static struct SharedSegment left;    /* what it left: judged and repaired here */
static struct text third;            /* what repairs it */
static int problems, torn_snapshots;
static unsigned long left_old, left_new, left_torn;
static const char *scenario;
static long killed_at;

static void problem(const char *what) {
    if (++problems <= MOST_PROBLEMS)
        printf("step_kill: %s, killed after instruction %ld: %s\n", scenario, killed_at, what);
}

/* A text with letters of its own: any mixture of two of them is neither. */
static struct text text(int pid, char letter, size_t length) {
    struct text made = {.data.processId = pid, .length = length};
    for (size_t i = 0; i < length; i++)
        made.data.message[i] = (char)(letter + i % 7);
    return made;
}

static void publish(struct SharedSegment *segment, const struct text *next) {
    message_publish(segment, &next->data, next->length);
}

/* What a program sees that knows struct SharedData only. */
static bool holds(const struct text *expected) {
    return memcmp((const void *)&left, &expected->data,
                  offsetof(struct SharedData, message) + expected->length + 1) == 0;
}

static bool snapshot_holds(const struct text *expected) {
    struct message copy;
    return message_snapshot(&left, &copy) == MESSAGE_WHOLE &&
           copy.processId == expected->data.processId &&
           strcmp(copy.message, expected->data.message) == 0;
}

/* A child that stops where it begins to publish. */
static pid_t start_publisher(const struct text *next) {
    int status;
    pid_t child = fork();
    if (child < 0)
        err(EXIT_FAILURE, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(SKIPPED);
        raise(SIGSTOP); /* from here */
        publish(shared, next);
        raise(SIGSTOP); /* to here */
        _exit(EXIT_FAILURE);
    }
    if (waitpid(child, &status, 0) < 0)
        err(EXIT_FAILURE, "waitpid");
    if (!WIFSTOPPED(status)) {
        printf("step_kill: this system lets nobody trace a process\n");
        exit(SKIPPED);
    }
    return child;
}

/* One instruction; false when it has published. */
static bool step(pid_t child) {
    int status;
    if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0) {
        printf("step_kill: there are no single steps here: %s\n", strerror(errno));
        kill(child, SIGKILL);
        exit(SKIPPED);
    }
    if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status))
        errx(EXIT_FAILURE, "the traced publisher ended by itself");
    if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP)
        errx(EXIT_FAILURE, "the traced publisher got signal %d", WSTOPSIG(status));
    return WSTOPSIG(status) == SIGTRAP;
}

static void end_publisher(pid_t child) {
    kill(child, SIGKILL);
    if (waitpid(child, NULL, 0) < 0)
        err(EXIT_FAILURE, "waitpid");
}

static void publish_and_die(const struct text *next, long instructions) {
    pid_t child = start_publisher(next);
    for (long i = 0; i < instructions && step(child); i++)
        ;
    end_publisher(child);
}

/* Judges what a publisher of `next` left that was killed while `old` was there. */
static void check_left(const struct text *old, const struct text *next) {
    struct message copy;
    if (left.version % 2 == 1) {
        left_torn++;
        if (torn_snapshots < 2 && left_torn % 100 == 1) {
            torn_snapshots++;
            if (message_snapshot(&left, &copy) != MESSAGE_TORN)
                problem("a snapshot of an odd version isn't torn");
        }
    } else if (snapshot_holds(old)) {
        left_old++;
    } else if (snapshot_holds(next)) {
        left_new++;
    } else {
        problem("an even version, and a snapshot shows neither the old nor the new message");
    }
    if (left.dataReady > 1)
        problem("dataReady is neither 0 nor 1");
    if (left.dataReady && !holds(old) && !holds(next))
        problem("dataReady is 1, and the message is neither the old nor the new one");
}

/* Publishes `third` over what was left. */
static void check_repaired(unsigned seen) {
    publish(&left, &third);
    if (left.version % 2 == 1 || left.version == seen)
        problem("after the next message the version is odd, or as before");
    else if (!snapshot_holds(&third))
        problem("a snapshot doesn't show the next message");
    if (left.dataReady != 1 || !holds(&third))
        problem("the next message isn't there");
    if (memcmp((const char *)&left + offsetof(struct SharedData, message), third.data.message,
               MESSAGE_SIZE) != 0)
        problem("there are remains behind the next message");
    if (!message_is_ours(&left))
        problem("the magic number has changed");
}

/* A new segment with `old` in it. Returns its version. */
static unsigned prepare(const struct text *old, unsigned version) {
    memset((void *)shared, 0, sizeof *shared);
    message_claim(shared);
    shared->version = version;
    publish(shared, old);
    return shared->version;
}

/* Sweeps over a message of process OURS after one of `pid`, from a `version` on, and kills in
 * earnest after `most` instructions, evenly spread. Returns how many instructions there are, those
 * between message_publish() and its marks among them. */
static long sweep(const char *name, int pid, size_t before, size_t after, unsigned version,
                  long most) {
    static struct SharedSegment after_step[MOST_STEPS];
    struct text old = text(pid, 'a', before), next = text(OURS, 'h', after);
    scenario = name;
    left_old = left_new = left_torn = 0;

    unsigned seen = prepare(&old, version);
    pid_t child = start_publisher(&next);
    long steps = 0;
    for (bool within = true; within; steps++) {
        if (steps == MOST_STEPS)
            errx(EXIT_FAILURE, "message_publish() has more than %d instructions", MOST_STEPS);
        within = step(child);
        memcpy(&after_step[steps], (const void *)shared, sizeof *shared);
        memcpy(&left, (const void *)shared, sizeof left);
        killed_at = steps + 1;
        check_left(&old, &next);
        check_repaired(seen);
    }
    end_publisher(child);
    /* Else the steps weren't where they should be, and the sweep has shown nothing. */
    if (left_old == 0 || left_torn == 0 || left_new == 0)
        problem("the sweep didn't go from the old message over a torn one to the new one");

    long kills = 0, stride = (steps + most - 1) / most;
    for (killed_at = stride; killed_at <= steps; killed_at += stride, kills++) {
        prepare(&old, version);
        publish_and_die(&next, killed_at);
        if (memcmp((const void *)shared, &after_step[killed_at - 1], sizeof *shared) != 0)
            problem("a kill left other bytes than a step");
    }
    printf("step_kill: %s: %ld instructions, of which %lu leave the old message, %lu a torn one, "
           "%lu the new one; %ld real kills\n",
           name, steps, left_old, left_torn, left_new, kills);
    return steps;
}

/* A second publisher is killed while it repairs what the first one left, at some instructions of
 * each. */
static void sweep_twice(long steps) {
    enum { PARTS = 12 };
    struct text old = text(OTHER, 'a', 700), first = text(OURS, 'h', 250);
    struct text second = text(4444, 'A', 40);
    long kills = 0;
    scenario = "killed while repairing";
    for (long i = 1; i < PARTS; i++)
        for (long j = 1; j < PARTS; j++, kills += 2) {
            unsigned seen = prepare(&old, 0);
            publish_and_die(&first, i * steps / PARTS);
            unsigned between = shared->version;
            killed_at = j * steps / PARTS;
            publish_and_die(&second, killed_at);
            memcpy(&left, (const void *)shared, sizeof left);
            if (left.version % 2 == 0 && !snapshot_holds(&second) &&
                !(left.version == between && (snapshot_holds(&first) || snapshot_holds(&old))))
                problem("an even version, and a snapshot shows none of the messages");
            if (left.dataReady && !holds(&old) && !holds(&first) && !holds(&second))
                problem("dataReady is 1, and the message is a mixture");
            check_repaired(seen);
        }
    printf("step_kill: %s: %ld real kills\n", scenario, kills);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    third = text(3333, 'o', 5);

    long swept = sweep("a short message after a long one", OURS, 700, 40, 0, 10) +
                 sweep("a short one after another's", OTHER, 700, 40, 0, 10) +
                 sweep("a long one after a short one", OURS, 40, 500, 0, 10) +
                 sweep("an empty one after the longest", OURS, MESSAGE_SIZE - 1, 0, 0, 10) +
                 sweep("the longest after an empty one", OTHER, 0, MESSAGE_SIZE - 1, 0, 10) +
                 sweep("the version's last number", OURS, 100, 60, UINT_MAX - 3, 250);
    long middle = sweep("a shorter one after a long one", OTHER, 700, 250, 0, 10);
    sweep_twice(middle);

    if (problems > MOST_PROBLEMS)
        printf("step_kill: and so on\n");
    printf("step_kill: %ld instructions swept, problems: %d\n", swept + middle, problems);
    return problems ? EXIT_FAILURE : EXIT_SUCCESS;
}
