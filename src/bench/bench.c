/* Measures every kind of inter-process communication side by side.
 *
 * One process sends a message to another and gets it back; both compare every byte. Each method
 * gets a batch of messages in each round, so that whatever else the machine does hits all alike,
 * and stands beside the floor: a bare cache line that goes back and forth between the same two
 * processors. The second part measures what one operation costs alone, and how reading scales. */
#define _GNU_SOURCE
#include "alone.h"
#include "cli.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 20, MOST_SIZES = 8, MOST_METHODS = 20, SMALLEST = 8, MOST_MESSAGES = 1000000 };

static const char help[] =
    "Usage: bench [OPTION]...\n"
    "Measure what inter-process communication costs: a message to another process and back.\n"
    "\n"
    "  -s, --size=BYTES,...    sizes of the messages, 8 to 900, default 8,100,900\n"
    "  -n, --messages=COUNT    messages for each size and method, default 10000\n"
    "  -m, --methods=NAME,...  which methods, default all: spin, sleep, brief (spins\n"
    "                          for some microseconds, then sleeps), semaphore, eventfd, queue,\n"
    "                          mqueue, pipe, fifo, stream, datagram, tcp, memcpy;\n"
    "                          line, the floor of the ratios, is always measured\n"
    "      --csv               print comma-separated values\n"
    "  -h, --help              show this help\n"
    "  -V, --version           show the version\n"
    "\n"
    "Times are of the way there and back; of the two messages, both count in 'a second'.\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

struct settings {
    size_t sizes[MOST_SIZES], sizes_count;
    size_t messages;
    int rounds;
    bool wanted[MOST_METHODS];
    bool csv;
};

/* --- Options --- */

static size_t number(const char *text, const char *what, size_t least, size_t most) {
    if (*text && strlen(text) <= 9 && !text[strspn(text, "0123456789")]) {
        size_t value = strtoul(text, NULL, 10);
        if (value >= least && value <= most)
            return value;
    }
    cli_usage_error("%s '%s' is not a number from %zu to %zu", what, text, least, most);
}

static void choose_sizes(struct settings *settings, char *list) {
    settings->sizes_count = 0;
    for (char *text; (text = strsep(&list, ","));) {
        if (settings->sizes_count == MOST_SIZES)
            cli_usage_error("more than %d sizes", MOST_SIZES);
        settings->sizes[settings->sizes_count++] = number(text, "size", SMALLEST, LARGEST);
    }
}

static void choose_methods(struct settings *settings, char *list) {
    memset(settings->wanted, 0, sizeof settings->wanted);
    settings->wanted[FLOOR] = true;
    for (char *text; (text = strsep(&list, ","));) {
        size_t i = 0;
        while (i < methods_count && strcmp(methods[i].name, text) != 0)
            i++;
        if (i == methods_count)
            cli_usage_error("there is no method '%s'", text);
        settings->wanted[i] = true;
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
    struct settings settings = {.sizes = {8, 100, 900}, .sizes_count = 3, .messages = 10000};
    memset(settings.wanted, true, sizeof settings.wanted);
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
            cli_exit();
        case 'V':
            cli_version();
        default:
            cli_usage_hint();
        }
    }
    cli_no_arguments(argc, argv);
    settings.rounds = settings.messages < ROUNDS ? (int)settings.messages : ROUNDS;
    return settings;
}

/* --- Part one --- */

/* The rows of the wanted methods; those that this system can't do say why. */
static size_t choose_rows(const struct settings *settings, const struct keeper *keeper,
                          const struct method *chosen[], struct row rows[]) {
    size_t count = 0;
    for (size_t i = 0; i < methods_count; i++) {
        struct channel channel;
        if (!settings->wanted[i])
            continue;
        chosen[count] = &methods[i];
        rows[count] = (struct row){.name = methods[i].name, .title = methods[i].title};
        if (channel_open(&channel, &methods[i], keeper) < 0)
            rows[count].skipped = strerror(errno);
        else
            channel_close(&channel);
        count++;
    }
    return count;
}

static size_t measure_methods(const struct settings *settings, const struct keeper *keeper,
                              size_t size, struct row rows[]) {
    const struct method *chosen[MOST_METHODS];
    size_t count = choose_rows(settings, keeper, chosen, rows), messages = settings->messages;
    long *times = calloc(count * messages, sizeof *times);
    if (!times)
        err(CLI_FAILED, "cannot measure");
    for (size_t round = 0, rounds = (size_t)settings->rounds; round < rounds; round++) {
        size_t done = messages * round / rounds, batch = messages * (round + 1) / rounds - done;
        show_progress("%zu bytes, round %zu of %zu", size, round + 1, rounds);
        for (size_t i = 0; i < count; i++)
            if (!rows[i].skipped)
                round_trips(chosen[i], keeper, size, batch, times + i * messages + done);
    }
    show_progress(NULL);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].skipped)
            continue;
        rows[i].figures = summarize(times + i * messages, messages, 1);
        rows[i].figures.per_second *= 2;
        rows[i].ratio = rows[i].figures.median / rows[FLOOR].figures.median;
    }
    free(times);
    return count;
}

static void first_part(const struct settings *settings, const struct keeper *keeper) {
    for (size_t i = 0; i < settings->sizes_count; i++) {
        struct row rows[MOST_METHODS];
        char heading[60];
        size_t size = settings->sizes[i], count = measure_methods(settings, keeper, size, rows);
        if (settings->csv) {
            show_csv("round trip", size, rows, count);
            continue;
        }
        snprintf(heading, sizeof heading, "%zu bytes there and back", size);
        show_table(heading, "x floor", rows, count);
        show_chart(rows, count);
    }
}

/* --- Part two --- */

static void second_part(const struct settings *settings, const struct keeper *keeper) {
    for (size_t i = 0; i < settings->sizes_count; i++) {
        struct row rows[OPERATIONS];
        char heading[60];
        size_t size = settings->sizes[i];
        show_progress("%zu bytes, one operation alone", size);
        operations_measure(keeper, size, settings->messages, settings->rounds, rows);
        show_progress(NULL);
        snprintf(heading, sizeof heading, "One operation alone, %zu bytes, means of 100", size);
        if (settings->csv)
            show_csv("alone", size, rows, OPERATIONS);
        else
            show_table(heading, "x memcpy", rows, OPERATIONS);
    }
}

static void third_part(const struct settings *settings, const struct keeper *keeper) {
    enum { STEPS = 4, TURNS = 5 };
    struct reading readings[STEPS] = {0};
    int milliseconds = (int)(settings->messages / 100);
    milliseconds = milliseconds < 5 ? 5 : milliseconds > 200 ? 200 : milliseconds;
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < STEPS; i++) {
            show_progress("%d readers", 1 << i);
            reading_measure(keeper, 1 << i, milliseconds, &readings[i]);
        }
    show_progress(NULL);
    if (settings->csv)
        show_reading_csv(readings, STEPS);
    else
        show_reading(readings, STEPS);
}

int main(int argc, char *argv[]) {
    static struct keeper keeper;
    cli_start(argv);
    struct settings settings = parse(argc, argv);
    keeper_start(&keeper);
    measure_start();
    if (settings.csv)
        show_csv_heading();
    else
        show_machine(settings.messages, settings.rounds);
    first_part(&settings, &keeper);
    second_part(&settings, &keeper);
    unpin();
    third_part(&settings, &keeper);
    return cli_flush() ? CLI_DONE : CLI_FAILED;
}
