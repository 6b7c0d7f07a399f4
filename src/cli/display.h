/* What the programs print on stdout: the assignment's display, and a message as a person sees it.
 *
 * Valid UTF-8 (RFC 3629) is shown as it is; control characters (C0, DEL, C1) and bytes that aren't
 * valid UTF-8 as \xNN, byte by byte; newline and tab as they are. So a stranger's bytes don't drive
 * the terminal. Nothing is written before display_flush(), which tells whether it could be. */
#ifndef DISPLAY_H
#define DISPLAY_H

#include "semaphores.h"

enum format {
    STORY, /* the assignment's display */
    LINE,  /* "12345: text", a newline in it shown as \x0a */
    RAW    /* the message's bytes alone, as they are, and a newline */
};

/* A writer: it has joined; its message; and what it leaves when `others` are alive. */
void display_joined(enum object medium, enum found found, int id, key_t key);
void display_written(enum object medium, int pid, const char *text);
void display_left(enum object medium, int id, int others);

/* A reader: before it looks, when it has found the object, and the message. */
void display_attempt(enum object medium, key_t key);
void display_connected(enum object medium, int id);
void display_message(enum object medium, enum format format, int pid, const char *text);

/* False, with a message, if anything could not be written: fflush(3). */
bool display_flush(void);

#endif
