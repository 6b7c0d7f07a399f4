/* Clocks, processors, percentiles, and the round trip itself. */
#ifndef MEASURE_H
#define MEASURE_H

#include "methods.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct figures {
    double median; /* nanoseconds: the mean of the middle half, finer than the clock ticks */
    double p99, max;
    double per_second;
};

/* Chooses a processor for each side, and finds out what reading the clock costs.
 * Exits with a message when the system won't have it. */
void measure_start(void);

/* The processors that the two sides are pinned to; the same one when there is no other. */
extern int processors[2];
void pin(int side);
void unpin(void); /* to any that may be used */

extern long clock_cost; /* nanoseconds that reading the clock takes */

/* Nanoseconds since some fixed point. */
long now(void);

/* Nanoseconds from `start` until now, without what reading the clock takes. */
long since(long start);

/* Starts a process that dies with this one; 0 in the new one. */
pid_t start_process(void);
void wait_for(pid_t process);

/* Fills `bytes` with the text of message number `number`: `size` bytes with the NUL at their end,
 * no two numbers alike. */
void message_fill(char *bytes, size_t size, unsigned number);

/* Opens a channel, sends `count` messages through it, each when the answer to the one before has
 * come back and both sides have compared every byte, and puts each one's round trip into `times`.
 * Exits if a byte is wrong. */
void round_trips(const struct method *method, const struct keeper *keeper, size_t size,
                 size_t count, long *times);

/* Sorts `times`, nanoseconds of `each` operations. */
struct figures summarize(long *times, size_t count, double each);

#endif
