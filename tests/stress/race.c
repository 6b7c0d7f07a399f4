/* One publisher and several readers on the same memory, as fast as they can: is every snapshot
 * whole, and is none older than the one before it?
 *
 * The programs make system calls between any two messages, and so they hardly ever meet within one.
 * Here they meet all the time.
 *
 * Usage: race SECONDS. Exit status: 0 all well, 1 something was wrong. */
#define _GNU_SOURCE
#include "message.h"
#include "wait.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READERS = 3, TOO_FEW = 100 };

struct memory {
    struct SharedSegment segment;
    atomic_ulong whole, changed, torn, busy;
};

static struct memory *shared;

/* Message `number`: the number, then a letter as often as the number says. Returns its length. */
static size_t compose(struct SharedData *data, unsigned long number) {
    size_t length = 20 + number * 7919 % (MESSAGE_SIZE - 20);
    *data = (struct SharedData){.processId = (int)(number % 1000000) + 1};
    memset(data->message, 'a' + (int)(number % 26), length);
    data->message[snprintf(data->message, 20, "%lu", number)] = ' ';
    return length;
}

static void publish_all_the_time(void) {
    struct SharedData next;
    for (unsigned long number = 1;; number++) {
        size_t length = compose(&next, number);
        message_publish(&shared->segment, &next, length);
    }
}

/* Returns the exit status. */
static int read_all_the_time(double seconds) {
    struct message copy;
    struct SharedData expected;
    unsigned long last = 0;
    for (double end = wait_clock() + seconds; wait_clock() < end;) {
        enum message_state state = message_snapshot(&shared->segment, &copy);
        shared->torn += state == MESSAGE_TORN;
        shared->busy += state == MESSAGE_BUSY;
        if (state == MESSAGE_TORN || state == MESSAGE_BUSY || (state == MESSAGE_NONE && last == 0))
            continue;
        unsigned long number = strtoul(copy.message, NULL, 10);
        compose(&expected, number);
        if (state != MESSAGE_WHOLE || strcmp(copy.message, expected.message) != 0 ||
            copy.processId != expected.processId) {
            printf("race: state %d, process %d, not whole: %.*s\n", (int)state, copy.processId,
                   MESSAGE_SIZE, copy.message);
            return EXIT_FAILURE;
        }
        if (number < last) {
            printf("race: message %lu after %lu\n", number, last);
            return EXIT_FAILURE;
        }
        shared->whole++;
        shared->changed += number > last;
        last = number;
    }
    return EXIT_SUCCESS;
}

static pid_t start(void) {
    pid_t child = fork();
    if (child < 0)
        err(EXIT_FAILURE, "fork");
    if (child == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

int main(int argc, char *argv[]) {
    double seconds = argc > 1 ? atof(argv[1]) : 3;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    message_claim(&shared->segment);

    pid_t publisher = start();
    if (publisher == 0)
        publish_all_the_time();
    for (int i = 0; i < READERS; i++)
        if (start() == 0)
            exit(read_all_the_time(seconds));
    bool failed = false;
    for (int i = 0; i < READERS; i++) {
        int status;
        if (wait(&status) < 0)
            err(EXIT_FAILURE, "wait");
        failed |= status != 0;
    }
    kill(publisher, SIGKILL);
    waitpid(publisher, NULL, 0);

    printf("race: %u messages published, %lu snapshots whole, %lu of them of a new message; gave "
           "up %lu times on a message half-written, %lu times on too many\n",
           shared->segment.version / 2, shared->whole, shared->changed, shared->torn, shared->busy);
    if (shared->changed < TOO_FEW)
        printf("race: that is too few to tell anything\n");
    return failed || shared->changed < TOO_FEW ? EXIT_FAILURE : EXIT_SUCCESS;
}
