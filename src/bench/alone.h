/* The second part: what one operation costs alone, and how reading scales. */
#ifndef ALONE_H
#define ALONE_H

#include "show.h"

enum { OPERATIONS = 5 };

/* Measures each operation at least `count` times. The first row is memcpy of the same bytes; the
 * others are compared with it. */
void operations_measure(const struct keeper *keeper, size_t size, size_t count, int rounds,
                        struct row rows[OPERATIONS]);

/* One process publishes for `milliseconds` as writers do, under their lock, as fast as it can, and
 * `readers` others take snapshots as fast as they can and check every byte. Adds to `reading`. */
void reading_measure(const struct keeper *keeper, int readers, int milliseconds,
                     struct reading *reading);

#endif
