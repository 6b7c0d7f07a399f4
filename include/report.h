/* What the programs print on stdout: the seed's display, and how a message is shown to a person.
 *
 * Valid UTF-8 (RFC 3629) is shown as it is; control characters (C0, DEL, C1) and bytes that aren't
 * valid UTF-8 as \xNN, byte by byte; newline and tab as they are. So a stranger's bytes don't drive
 * the terminal. Errors stay in stdout: see cli_flush(). */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What carries the message. */
enum medium { SHARED_MEMORY, MESSAGE_QUEUE };

/* The writer's display of what it shared. */
void report_written(enum medium medium, int pid, const char *text, size_t length);

/* The reader's display: before it looks, when it has found the object, and the message. */
void report_attempt(enum medium medium, key_t key);
void report_connected(enum medium medium, int id);
void report_retrieved(enum medium medium, int pid, const char *text, size_t length);

/* Or, instead of these, a message on one line ("12345: text", a newline in it shown as \x0a), or
 * its bytes alone, as they are, and a newline. */
void report_line(int pid, const char *text, size_t length);
void report_raw(const char *text, size_t length);

#endif
