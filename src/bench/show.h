/* What the benchmark prints: tables and charts for people, CSV for spreadsheets. */
#ifndef SHOW_H
#define SHOW_H

#include "measure.h"

#include <stdbool.h>
#include <stdio.h>

struct row {
    const char *name, *title;
    struct figures figures;
    double ratio;        /* to the floor, or to memcpy; 0: nothing to compare with */
    const char *skipped; /* why there are no figures, or NULL */
};

/* How reading scales. */
struct reading {
    int readers;
    double seconds, published, snapshots;
    double retried; /* of the snapshots: found a publisher at work and had to copy again */
};

/* Processor, kernel and settings, in a few lines. */
void show_machine(size_t messages, int rounds);

/* A heading, a line for each row; `compared` is the heading of the ratios. */
void show_table(const char *heading, const char *compared, const struct row *rows, size_t count);

/* A bar for each row's median, on a logarithmic scale. */
void show_chart(const struct row *rows, size_t count);

void show_csv_heading(void);
void show_csv(const char *part, size_t size, const struct row *rows, size_t count);

void show_reading(const struct reading *readings, size_t count);
void show_reading_csv(const struct reading *readings, size_t count);

/* Progress, on stderr, if that is a terminal; NULL wipes it out. */
void show_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
