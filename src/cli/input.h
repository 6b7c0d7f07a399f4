/* A writer's standard input. A signal that ends the writer is the end of its input, too. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Asks for Enter and waits for it, for the end of input or for a signal. False, with a message, if
 * the input can't be read. */
bool input_enter(void);

/* Waits for the next line. 1: `*text` are its `*length` bytes, at most MESSAGE_SIZE - 1, without
 * NUL or newline, and stay there until the next call. A last line needs no newline. 0: the end of
 * input, or a signal. -1, with a message: the line is too long, has a NUL in it, or can't be read.
 */
int input_line(const char **text, size_t *length);

#endif
