#define _GNU_SOURCE
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

static int compare(const void *one, const void *other) {
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

void summarize(struct row *row, int64_t *times, size_t count, double each) {
    double middle = 0;
    size_t quarter = count / 4, last_percent = (count - 1) * 99 / 100;
    qsort(times, count, sizeof *times, compare);
    for (size_t i = quarter; i < count - quarter; i++)
        middle += (double)times[i];
    row->median = middle / (double)(count - 2 * quarter) / each;
    row->p99 = (double)times[last_percent] / each;
    row->max = (double)times[count - 1] / each;
}

static void show_time(double time) {
    if (time < 99.95)
        printf("%8.1f ns", time);
    else if (time < 9999.5)
        printf("%8.0f ns", time);
    else
        printf("%8.0f us", time / 1e3);
}

static void show_row(const struct row *row) {
    printf("  %-11s%-24s", row->name, row->title);
    show_time(row->median);
    show_time(row->p99);
    show_time(row->max);
    printf("%10.2f", row->copies);
    if (row->lines > 0)
        printf("%10.2f", row->lines);
    putchar('\n');
}

static void show_row_csv(const char *part, size_t size, const struct row *row) {
    printf("%s,%zu,%s,%.1f,%.1f,%.1f,%.3f,", part, size, row->name, row->median, row->p99, row->max,
           row->copies);
    if (row->lines > 0)
        printf("%.3f", row->lines);
    puts(",,");
}

void show_rows(bool csv, const char *part, size_t size, const struct row *rows, size_t count) {
    if (!csv)
        printf("\n%zu bytes, %s\n%48s%11s%11s%s\n", size, part, "median", "99%", "max",
               rows[0].lines > 0 ? "    x copy    x line" : "  x memcpy");
    for (size_t i = 0; i < count; i++)
        if (rows[i].name && csv)
            show_row_csv(part, size, &rows[i]);
        else if (rows[i].name)
            show_row(&rows[i]);
}
