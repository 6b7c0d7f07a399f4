/* One publisher and several snapshot takers on the same memory as fast as they can: is every
 * snapshot whole, and does none show an older message than the one before?
 *
 * The programs make system calls between any two messages, and so hardly ever meet within one.
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

enum { TAKERS = 3 };

struct pages {
    struct SharedSegment segment;
    struct {
        unsigned long whole, changed, torn, busy;
    } seen[TAKERS];
};

static struct pages *shared;

/* Message `number`: the number, then a letter as often as the number says. Returns its length. */
static size_t compose(char *text, unsigned long number) {
    size_t length = 20 + number * 7919 % (MESSAGE_SIZE - 20);
    memset(text, 'a' + (int)(number % 26), length);
    text[length] = '\0';
    text[snprintf(text, 20, "%lu", number)] = ' ';
    return length;
}

static void publish_all_the_time(void) {
    char text[MESSAGE_SIZE];
    struct message next;
    for (unsigned long number = 1;; number++) {
        size_t length = compose(text, number);
        message_prepare(&next, (int)(number % 1000000) + 1, text, length);
        publish(&shared->segment, &next);
    }
}

/* The exit status. */
static int take(int taker, double seconds) {
    struct message copy;
    char expected[MESSAGE_SIZE];
    unsigned long last = 0;
    for (double end = wait_clock() + seconds; wait_clock() < end;) {
        enum message_state state = snapshot(&shared->segment, &copy);
        if (state == MESSAGE_NONE && last == 0)
            continue;
        shared->seen[taker].torn += state == MESSAGE_TORN;
        shared->seen[taker].busy += state == MESSAGE_BUSY;
        if (state == MESSAGE_TORN || state == MESSAGE_BUSY)
            continue;
        unsigned long number = strtoul(copy.message, NULL, 10);
        compose(expected, number);
        if (state != MESSAGE_WHOLE || strcmp(copy.message, expected) != 0 ||
            copy.processId != (int)(number % 1000000) + 1) {
            printf("race: state %d, process %d, not whole: %.*s\n", (int)state, copy.processId,
                   MESSAGE_SIZE, copy.message);
            return EXIT_FAILURE;
        }
        if (number < last) {
            printf("race: message %lu after %lu\n", number, last);
            return EXIT_FAILURE;
        }
        shared->seen[taker].whole++;
        shared->seen[taker].changed += number > last;
        last = number;
    }
    return EXIT_SUCCESS;
}

static pid_t start(void) {
    fflush(stdout);
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
    atomic_store(&shared->segment.magic, SHARED_MAGIC);

    pid_t publisher = start();
    if (publisher == 0)
        publish_all_the_time();
    for (int taker = 0; taker < TAKERS; taker++)
        if (start() == 0) {
            int status = take(taker, seconds);
            fflush(stdout);
            _exit(status);
        }
    bool failed = false;
    for (int i = 0; i < TAKERS; i++) {
        int status;
        if (wait(&status) < 0)
            err(EXIT_FAILURE, "wait");
        failed |= status != 0;
    }
    kill(publisher, SIGKILL);
    waitpid(publisher, NULL, 0);

    unsigned long whole = 0, changed = 0, torn = 0, busy = 0;
    for (int i = 0; i < TAKERS; i++) {
        whole += shared->seen[i].whole;
        changed += shared->seen[i].changed;
        torn += shared->seen[i].torn;
        busy += shared->seen[i].busy;
    }
    printf("race: %u messages published, %lu snapshots whole, %lu of them of a new message; gave "
           "up %lu times on a message half-written, %lu times on too many\n",
           atomic_load(&shared->segment.version) / 2, whole, changed, torn, busy);
    if (changed < 100) {
        printf("race: that is too few to tell anything\n");
        failed = true;
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
