#define _GNU_SOURCE
#include "measure.h"
#include "cli.h"

#include <err.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int processors[2];
long clock_cost;
static cpu_set_t allowed;

/* --- Processors --- */

/* The first and the last that may be used: two numbers far apart are seldom one core's. */
static void choose_processors(void) {
    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        err(CLI_FAILED, "cannot find out which processors may be used");
    processors[0] = -1;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed))
            processors[processors[0] < 0 ? 0 : 1] = i;
    one_processor = CPU_COUNT(&allowed) == 1;
    if (one_processor)
        processors[1] = processors[0];
}

void pin(int side) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processors[side], &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0)
        err(CLI_FAILED, "cannot stay on processor %d", processors[side]);
}

void unpin(void) {
    if (sched_setaffinity(0, sizeof allowed, &allowed) < 0)
        err(CLI_FAILED, "cannot use all processors");
}

/* --- Clocks --- */

long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

long since(long start) {
    long passed = now() - start - clock_cost;
    return passed < 0 ? 0 : passed;
}

static int compare(const void *one, const void *other) {
    long a = *(const long *)one, b = *(const long *)other;
    return (a > b) - (a < b);
}

struct figures summarize(long *times, size_t count, double each) {
    double sum = 0, middle = 0;
    size_t quarter = count / 4;
    qsort(times, count, sizeof *times, compare);
    for (size_t i = 0; i < count; i++) {
        sum += (double)times[i];
        if (i >= quarter && i < count - quarter)
            middle += (double)times[i];
    }
    return (struct figures){
        .median = middle / (double)(count - 2 * quarter) / each,
        .p99 = (double)times[(count - 1) * 99 / 100] / each,
        .max = (double)times[count - 1] / each,
        .per_second = sum > 0 ? 1e9 * each * (double)count / sum : 0,
    };
}

void measure_start(void) {
    long times[1001];
    choose_processors();
    pin(0);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        long start = now();
        times[i] = now() - start;
    }
    clock_cost = (long)summarize(times, sizeof times / sizeof *times, 1).median;
}

/* --- Processes --- */

pid_t start_process(void) {
    pid_t parent = getpid();
    if (!cli_flush())
        exit(CLI_FAILED);
    pid_t child = fork();
    if (child < 0)
        err(CLI_FAILED, "cannot start a process");
    if (child == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
        _exit(CLI_FAILED);
    return child;
}

void wait_for(pid_t child) {
    if (waitpid(child, NULL, 0) < 0)
        err(CLI_FAILED, "cannot wait for a process");
}

/* --- Round trips --- */

void message_fill(char *bytes, size_t size, unsigned number) {
    char word[8];
    for (int i = 0; i < 8; i++)
        word[i] = (char)('@' + (number >> 4 * i) % 16);
    for (size_t i = 0; i < size; i += sizeof word)
        memcpy(bytes + i, word, size - i < sizeof word ? size - i : sizeof word);
    bytes[size - 1] = '\0';
}

static void check(const struct end *end, const char *received, const char *expected, size_t size) {
    if (received && memcmp(received, expected, size) != 0)
        errx(CLI_FAILED, "%s: a message came with wrong bytes", end->method->name);
}

/* Sends back what comes in. What doesn't have to happen before the answer happens after it. */
static void answer(struct end *end, size_t size, size_t count) {
    char expected[LARGEST];
    for (unsigned number = 0; number < count; number++) {
        message_fill(expected, size, number);
        const char *received = end->method->receive(end, size);
        end->method->send(end, received, size);
        check(end, received, expected, size);
    }
}

static void ask(struct end *end, size_t size, size_t warm_up, size_t count, long *times) {
    char text[LARGEST];
    struct snapshot next;
    const char *sent = next.message;
    for (unsigned number = 0; number < warm_up + count; number++) {
        message_fill(text, size, number);
        snapshot_prepare(&next, getpid(), text, size - 1);
        long start = now();
        end->method->send(end, sent, size);
        const char *received = end->method->receive(end, size);
        long time = since(start);
        check(end, received, sent, size);
        if (number >= warm_up)
            times[number - warm_up] = time;
    }
}

void round_trips(const struct method *method, const struct keeper *keeper, size_t size,
                 size_t count, long *times) {
    struct channel channel;
    size_t warm_up = count / 10 + 10;
    if (channel_open(&channel, method, keeper) < 0)
        err(CLI_FAILED, "%s: cannot make a channel", method->name);
    pid_t child = method->alone ? -1 : start_process();
    if (child == 0) {
        pin(1);
        answer(&channel.answering, size, warm_up + count);
        _exit(CLI_DONE);
    }
    ask(&channel.asking, size, warm_up, count, times);
    if (!method->alone)
        wait_for(child);
    channel_close(&channel);
}
