/* What the programs print: the seed's display, and how a message is shown to a person. A stranger's
 * bytes never drive the terminal. Errors stay in stdout: see cli_flush(). */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What carries the message. */
enum medium { SHARED_MEMORY, MESSAGE_QUEUE };

/* Prints `length` bytes of `text` on stdout: valid UTF-8 (RFC 3629) as it is; control characters
 * (C0, DEL, C1) and bytes that aren't valid UTF-8 as \xNN, byte by byte. Newline and tab stay as
 * they are, but with `one_line` a newline becomes \x0a. */
void report_text(const char *text, size_t length, bool one_line);

/* How many characters `text` has; a byte that isn't valid UTF-8 counts as one. */
size_t report_characters(const char *text, size_t length);

/* The writer's display of what it shared. */
void report_written(enum medium medium, int pid, const char *text, size_t length);

/* The reader's display: before it looks, when it has found the object, and the message. */
void report_attempt(enum medium medium, key_t key);
void report_connected(enum medium medium, int id);
void report_retrieved(enum medium medium, int pid, const char *text, size_t length);

/* Or, instead of these, a message on one line ("12345: text"), or its bytes alone and a newline. */
void report_line(int pid, const char *text, size_t length);
void report_raw(const char *text, size_t length);

#endif
