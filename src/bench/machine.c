#define _GNU_SOURCE
#include "bench.h"
#include "cli/errors.h"

#include <sched.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

bool one_processor;
static int processors[2] = {-1, -1};
static cpu_set_t allowed;
static double clock_cost; /* nanoseconds */

/* The first and the last that may be used: two numbers far apart are seldom one core's. */
static void choose_processors(void) {
    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        fail("cannot find out which processors may be used");
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed)) {
            processors[0] = processors[1] < 0 ? i : processors[0];
            processors[1] = i;
        }
    one_processor = processors[0] == processors[1];
}

void pin(int side) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processors[side], &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0)
        fail("cannot stay on processor %d", processors[side]);
}

void unpin(void) {
    if (sched_setaffinity(0, sizeof allowed, &allowed) < 0)
        fail("cannot use all processors");
}

int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t since(int64_t start) {
    int64_t passed = now() - start - (int64_t)clock_cost;
    return passed < 0 ? 0 : passed;
}

void machine_start(void) {
    enum { LOOKS = 1001 };
    int64_t times[LOOKS];
    struct row row;
    choose_processors();
    pin(0);
    for (int i = 0; i < LOOKS; i++) {
        int64_t start = now();
        times[i] = now() - start;
    }
    summarize(&row, times, LOOKS, 1);
    clock_cost = row.median;
}

/* What /proc/cpuinfo calls the first processor; on many machines it has no name. */
static void find_model(char model[200]) {
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(model, 200, "unknown");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "model name : %199[^\n]", model) == 1)
            break;
    if (file)
        fclose(file);
}

void machine_show(const struct settings *settings) {
    char model[200];
    struct utsname kernel;
    find_model(model);
    if (uname(&kernel) < 0)
        fail("cannot find out which kernel this is");
    printf("processor  %s, %ld online, %s\n"
           "kernel     %s %s\n"
           "compiler   %s\n"
           "clock      the %.0f ns that it takes to read it are taken off\n",
           model, sysconf(_SC_NPROCESSORS_ONLN), kernel.machine, kernel.sysname, kernel.release,
           __VERSION__, clock_cost);
    printf("processes  on processors %d and %d%s\n", processors[0], processors[1],
           one_processor ? ": each message costs a switch between them, also where it spins" : "");
    printf("messages   %zu of each size and method, in %zu rounds\n", settings->messages,
           settings->rounds);
}
