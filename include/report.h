/* How a message is shown to a person: a stranger's bytes never drive the terminal. */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Prints `length` bytes of `text`: valid UTF-8 (RFC 3629) as it is; control characters (C0, DEL,
 * C1) and bytes that aren't valid UTF-8 as \xNN, byte by byte. Newline and tab stay as they are,
 * but with `one_line` a newline becomes \x0a. Errors stay in `out`: see ferror(3). */
void report_text(FILE *out, const char *text, size_t length, bool one_line);

/* How many characters `text` has; a byte that isn't valid UTF-8 counts as one. */
size_t report_characters(const char *text, size_t length);

/* The seed's display of what a reader retrieved, from "=== Data Retrieved" to the closing line. */
void report_retrieved(FILE *out, int pid, const char *text, size_t length);

#endif
