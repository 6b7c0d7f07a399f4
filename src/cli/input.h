/* A writer's standard input. A signal that ends the writer is the end of its input. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Asks for Enter and waits for it, the end of input or a signal. False, with a message, if the
 * input can't be read. */
bool input_enter(void);

struct line {
    const char *text; /* no NUL in it, nor behind it */
    size_t length;    /* at most MESSAGE_SIZE - 1 bytes */
};

/* Calls `send` with the lines of input, without their newlines, until the end of input or a signal:
 * with each as soon as it has come, or with up to 16 that have come meanwhile. A last line needs no
 * newline. Says on stdout how many lines were sent. False if `send` returned false or, with a
 * message, if a line is too long, has a NUL in it, or can't be read. */
bool input_stream(bool (*send)(void *context, const struct line *lines, size_t count),
                  void *context);

/* Leaves standard input alone and waits for a signal. False, with a message, if it can't say so. */
bool input_stay(void);

#endif
