/* A writer's standard input. A signal that ends the writer is the end of its input. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Asks for Enter and waits for it, the end of input or a signal. False, with a message, if the
 * input can't be read. */
bool input_enter(void);

/* Calls `send` with each line of input, without its newline but with a NUL, until the end of input
 * or a signal. A last line needs no newline. Says on stdout how many lines were sent. False if
 * `send` returned false or, with a message, if a line is longer than MESSAGE_SIZE - 1 bytes, has a
 * NUL in it, or can't be read. */
bool input_stream(bool (*send)(void *context, const char *text, size_t length), void *context);

/* Leaves standard input alone and waits for a signal. False, with a message, if it can't say so. */
bool input_stay(void);

#endif
