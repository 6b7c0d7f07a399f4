/* What the programs print on stdout: the assignment's display, and a message as a person sees it.
 *
 * Valid UTF-8 (RFC 3629) is shown as it is; control characters (C0, DEL, C1) and bytes that aren't
 * valid UTF-8 as \xNN, byte by byte; newline and tab as they are. So a stranger's bytes don't drive
 * the terminal. Nothing is written before display_flush(), which tells whether it could be. */
#ifndef DISPLAY_H
#define DISPLAY_H

#include "channel.h"

#include <stdbool.h>

enum format {
    FORMAT_STORY, /* the assignment's display */
    FORMAT_LINE,  /* "12345: text", a newline in it shown as \x0a */
    FORMAT_RAW    /* the message's bytes alone, as they are, and a newline */
};

/* A writer: that it has joined (what channel_join() found); its message; that it has left, and how
 * many others stay. */
void display_joined(enum channel_object carrier, int found, int id, unsigned key);
void display_written(enum channel_object carrier, const char *text);
void display_left(enum channel_object carrier, int id, int others);

/* A reader: before it looks; when it has found the object; and the message. */
void display_attempt(enum channel_object carrier, unsigned key);
void display_connected(enum channel_object carrier, int id);
void display_message(enum channel_object carrier, enum format format,
                     const struct message *message);

/* Prints a line and flushes. */
bool display_line(const char *line);

/* False, with a message, if anything could not be written: fflush(3). */
bool display_flush(void);

#endif
