/* A writer's standard input, and the signals that end it: SIGINT, SIGTERM, SIGHUP.
 *
 * The signals are blocked and come through a descriptor (signalfd(2)) that is polled together with
 * the input: none can slip in between a check and a sleep, and none interrupts anything else. */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>

enum input {
    INPUT_LINE,
    INPUT_END,
    INPUT_TOO_LONG, /* a line that doesn't fit; the next call goes on behind what was read */
    INPUT_NUL,      /* a line with a NUL in it */
    INPUT_SIGNAL,
    INPUT_ERROR /* errno says which */
};

/* Blocks the signals, all but those that whoever started us wants ignored. To be called before
 * there is anything to lose. Returns -1 with errno. */
int input_open(void);

/* Waits for a line and puts it, without its newline but with a NUL, into `line`, which has `size`
 * bytes; `length` is without the NUL. A last line needs no newline. */
enum input input_line(char *line, size_t size, size_t *length);

/* Sleeps for `milliseconds`; INPUT_SIGNAL if a signal came, INPUT_LINE if not. */
enum input input_pause(int milliseconds);

/* If a signal ended the input: dies of it, so that the parent sees the truth. */
void input_resignal(void);

#endif
