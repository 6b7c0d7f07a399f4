/* Measures every kind of inter-process communication side by side. README.md here says how, and
 * what the figures mean. */
#define _GNU_SOURCE
#include "bench.h"
#include "cli/errors.h"
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MESSAGES = 1000000 };

static const char help[] =
    "Usage: bench [OPTION]...\n"
    "Measure what inter-process communication costs: a message to another process and back.\n"
    "\n"
    "  -s, --size=BYTES,...    sizes of the messages, 8 to 900, default 8,100,900\n"
    "  -n, --messages=COUNT    messages for each size and method, default 5000\n"
    "  -m, --methods=NAME,...  these only: spin, sleep, brief (spins for some microseconds,\n"
    "                          then sleeps), semaphore, eventfd, queue, mqueue, pipe, fifo,\n"
    "                          stream, datagram, tcp; line and copy, which they are compared\n"
    "                          with, come along. The other two parts are named alone\n"
    "                          (one operation without another process) and readers\n"
    "      --csv               print comma-separated values\n"
    "  -h, --help              show this help\n"
    "  -V, --version           show the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static size_t number(const char *text, const char *what, size_t least, size_t most) {
    if (*text && strlen(text) <= 9 && !text[strspn(text, "0123456789")]) {
        size_t value = strtoul(text, NULL, 10);
        if (value >= least && value <= most)
            return value;
    }
    usage_error("%s '%s' is not a number from %zu to %zu", what, text, least, most);
}

static void choose_sizes(struct settings *settings, char *list) {
    settings->sizes_count = 0;
    for (char *text; (text = strsep(&list, ","));) {
        if (settings->sizes_count == MOST_SIZES)
            usage_error("more than %d sizes", MOST_SIZES);
        settings->sizes[settings->sizes_count++] = number(text, "size", SMALLEST, LARGEST);
    }
}

static void choose_methods(struct settings *settings, char *list) {
    settings->trips = settings->alone = settings->readers = false;
    memset(settings->methods, false, sizeof settings->methods);
    settings->methods[LINE_METHOD] = settings->methods[COPY_METHOD] = true;
    for (char *name; (name = strsep(&list, ","));) {
        size_t i = 0;
        while (i < METHODS && strcmp(name, methods[i].name) != 0)
            i++;
        if (i < METHODS)
            settings->trips = settings->methods[i] = true;
        else if (strcmp(name, "alone") == 0)
            settings->alone = true;
        else if (strcmp(name, "readers") == 0)
            settings->readers = true;
        else
            usage_error("there is no method '%s'", name);
    }
}

static struct settings parse(int argc, char *argv[]) {
    enum { CSV = 256 };
    static const struct option options[] = {
        {"size", required_argument, NULL, 's'},
        {"messages", required_argument, NULL, 'n'},
        {"methods", required_argument, NULL, 'm'},
        {"csv", no_argument, NULL, CSV},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    struct settings settings = {.sizes = {8, 100, 900}, .sizes_count = 3, .messages = 5000};
    settings.trips = settings.alone = settings.readers = true;
    memset(settings.methods, true, sizeof settings.methods);
    for (int option; (option = getopt_long(argc, argv, "s:n:m:hV", options, NULL)) != -1;) {
        switch (option) {
        case 's':
            choose_sizes(&settings, optarg);
            break;
        case 'n':
            settings.messages = number(optarg, "count", 1, MOST_MESSAGES);
            break;
        case 'm':
            choose_methods(&settings, optarg);
            break;
        case CSV:
            settings.csv = true;
            break;
        case 'h':
            fputs(help, stdout);
            options_exit();
        case 'V':
            options_version("bench");
        default:
            usage_hint();
        }
    }
    options_end(argc, argv, "");
    settings.rounds = settings.messages < ROUNDS ? settings.messages : ROUNDS;
    return settings;
}

int main(int argc, char *argv[]) {
    errors_start(argv);
    struct settings settings = parse(argc, argv);
    keeper_start();
    machine_start();
    if (settings.csv)
        puts("part,bytes,name,median_ns,p99_ns,max_ns,x_copy,x_line,"
             "published_per_second,snapshots_per_second");
    else
        machine_show(&settings);
    if (settings.trips)
        measure_trips(&settings);
    if (settings.alone)
        measure_alone(&settings);
    if (settings.readers)
        measure_readers(&settings);
    options_exit();
}
