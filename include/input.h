/* A writer's standard input, and the signals that end it: SIGINT, SIGTERM, SIGHUP. To whatever
 * reads standard input, such a signal is the end of input; signal(7), dup2(2). */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* From here on the signals end the input, all but those that whoever started us wants ignored. To
 * be called before there is anything to lose. Returns -1 with errno. */
int input_open(void);

/* Waits for Enter, the end of input or a signal. False, with a message, if the input can't be
 * read. */
bool input_enter(void);

/* Calls `send` with each line of input, without its newline but with a NUL, until the end of input
 * or a signal. A last line needs no newline. Says on stdout how many lines were sent. False if
 * `send` returned false or, with a message, if a line is longer than MESSAGE_SIZE - 1 bytes, has a
 * NUL in it, or can't be read. */
bool input_stream(bool (*send)(void *context, const char *text, size_t length), void *context);

/* Sleeps for `milliseconds` or until a signal comes; whether one has come. */
bool input_ended(int milliseconds);

/* If a signal ended the input: dies of it, so that the parent sees the truth. */
void input_resignal(void);

#endif
