#define _GNU_SOURCE
#include "show.h"

#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* --- The machine --- */

/* What stands behind `key` in the first line of `path` that begins with it. */
static void look_up(const char *path, const char *key, char *value, size_t size) {
    char line[256];
    FILE *file = fopen(path, "r");
    snprintf(value, size, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        const char *start = strchr(line, ':') ? strchr(line, ':') + 1 : line;
        start += strspn(start, " \t");
        snprintf(value, size, "%.*s", (int)strcspn(start, "\n"), start);
        break;
    }
    if (file)
        fclose(file);
}

void show_machine(size_t messages, int rounds) {
    char model[200], clock[40];
    struct utsname kernel;
    look_up("/proc/cpuinfo", "model name", model, sizeof model);
    look_up("/sys/devices/system/clocksource/clocksource0/current_clocksource", "", clock,
            sizeof clock);
    if (uname(&kernel) < 0)
        memset(&kernel, 0, sizeof kernel);
    printf("processor  %s, %ld online, %s\n"
           "kernel     %s %s, clock source %s\n"
           "compiler   %s\n"
           "clock      %ld ns, the time it takes to read it, are taken off; a median is the mean\n"
           "           of the middle half, which is finer than the clock ticks\n",
           model, sysconf(_SC_NPROCESSORS_ONLN), kernel.machine, kernel.sysname, kernel.release,
           clock, __VERSION__, clock_cost);
    printf("settings   %zu messages of each size and method, in %d rounds; each with an answer,\n"
           "           every byte checked at both ends\n",
           messages, rounds);
    if (one_processor)
        printf("processes  both pinned to processor %d, the only one: each message costs a switch\n"
               "           of processes, spinning included, and the floor is no cache line's\n",
               processors[0]);
    else
        printf("processes  pinned to processors %d and %d\n", processors[0], processors[1]);
}

/* --- Tables --- */

/* A time in four characters or so, with its unit. */
static const char *nanoseconds(double time, char *text, size_t size) {
    if (time < 99.95)
        snprintf(text, size, "%.1f ns", time);
    else if (time < 9999.5)
        snprintf(text, size, "%.0f ns", time);
    else if (time < 9999500)
        snprintf(text, size, "%.0f us", time / 1e3);
    else
        snprintf(text, size, "%.0f ms", time / 1e6);
    return text;
}

void show_table(const char *heading, const char *compared, const struct row *rows, size_t count) {
    printf("\n%s\n\n  %-11s%-26s%9s%9s%9s%12s%10s\n", heading, "", "", "median", "99%", "max",
           "a second", compared);
    for (size_t i = 0; i < count; i++) {
        const struct figures *figures = &rows[i].figures;
        char median[20], p99[20], max[20];
        printf("  %-11s%-26s", rows[i].name, rows[i].title);
        if (rows[i].skipped) {
            printf("  skipped: %s\n", rows[i].skipped);
            continue;
        }
        printf("%9s%9s%9s%12.0f", nanoseconds(figures->median, median, sizeof median),
               nanoseconds(figures->p99, p99, sizeof p99),
               nanoseconds(figures->max, max, sizeof max), figures->per_second);
        if (rows[i].ratio > 0)
            printf("%10.2f", rows[i].ratio);
        putchar('\n');
    }
}

/* --- The chart --- */

enum { DECADE = 12 }; /* columns */

void show_chart(const struct row *rows, size_t count) {
    static const char *const marks[] = {"10 ns", "100 ns", "1 us", "10 us", "100 us"};
    static const double step = 1.2115276586; /* to the power of DECADE: 10 */
    printf("\n  %-11s", "");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        printf("|%-*s", DECADE - 1, marks[i]);
    putchar('\n');
    for (size_t i = 0; i < count; i++) {
        if (rows[i].skipped)
            continue;
        char median[20];
        printf("  %-11s#", rows[i].name);
        for (double mark = 10 * step; mark <= rows[i].figures.median && mark < 1e6; mark *= step)
            putchar('#');
        printf(" %s\n", nanoseconds(rows[i].figures.median, median, sizeof median));
    }
}

/* --- CSV --- */

void show_csv_heading(void) {
    puts("part,bytes,name,median_ns,p99_ns,max_ns,per_second,ratio,"
         "published_per_second,retried");
}

void show_csv(const char *part, size_t size, const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct figures *figures = &rows[i].figures;
        printf("%s,%zu,%s,", part, size, rows[i].name);
        if (rows[i].skipped)
            puts(",,,,,,");
        else
            printf("%.1f,%.1f,%.1f,%.0f,%.3f,,\n", figures->median, figures->p99, figures->max,
                   figures->per_second, rows[i].ratio);
    }
}

/* --- Readers --- */

void show_reading(const struct reading *readings, size_t count) {
    printf(
        "\nOne writer under its lock and many readers, on all processors, %d bytes, none torn\n\n"
        "  %-11s%26s%26s%21s\n",
        LARGEST, "readers", "messages a second", "snapshots a second", "taken again");
    for (size_t i = 0; i < count; i++)
        printf("  %-11d%26.0f%26.0f%20.2f%%\n", readings[i].readers,
               readings[i].published / readings[i].seconds,
               readings[i].snapshots / readings[i].seconds,
               100 * readings[i].retried / readings[i].snapshots);
}

void show_reading_csv(const struct reading *readings, size_t count) {
    for (size_t i = 0; i < count; i++)
        printf("readers,%d,%d,,,,%.0f,,%.0f,%.6f\n", LARGEST, readings[i].readers,
               readings[i].snapshots / readings[i].seconds,
               readings[i].published / readings[i].seconds,
               readings[i].retried / readings[i].snapshots);
}

void show_progress(const char *format, ...) {
    if (!isatty(STDERR_FILENO))
        return;
    fputs("\r\033[K", stderr);
    if (!format)
        return;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}
