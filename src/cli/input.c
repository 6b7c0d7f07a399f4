#define _GNU_SOURCE
#include "cli/input.h"
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/signals.h"
#include "shared_data.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 16 }; /* to be sent at once: what one turn costs is little for each then */

/* What was read, and is used up to `begin`. */
static char buffer[1 << 16];
static size_t begin, end;
static bool at_end; /* remembered: a terminal says it once, and then waits again */

/* Of the next line, or of what has come of it. */
static size_t line_length(void) {
    const char *newline = memchr(buffer + begin, '\n', end - begin);
    return newline ? (size_t)(newline - (buffer + begin)) : end - begin;
}

static bool is_whole(size_t length) {
    return begin + length < end || (at_end && length > 0);
}

/* Sleeps until something comes, the end of input too, or a signal. False, with a message, if input
 * can't be read. */
static bool read_more(const char *hint) {
    memmove(buffer, buffer + begin, end -= begin);
    begin = 0;
    ssize_t size = read(STDIN_FILENO, buffer + end, sizeof buffer - end);
    if (size >= 0) {
        end += (size_t)size;
        at_end = size == 0;
    } else if (errno == EAGAIN) { /* somebody has set it to O_NONBLOCK */
        poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, -1);
    } else if (errno != EINTR && !signals_received()) {
        complain("cannot read standard input: %s%s", strerror(errno), hint);
        return false;
    }
    return true;
}

bool input_enter(void) {
    puts("Press Enter to cleanup and exit...");
    if (!display_flush())
        return false;
    while (line_length() == end - begin && !at_end && !signals_received()) {
        begin = end;
        if (!read_more("; use --stay to do without"))
            return false;
    }
    return true;
}

/* Takes the next line, if it has come whole and can be sent. */
static bool take(struct line *line) {
    size_t length = line_length();
    *line = (struct line){buffer + begin, length};
    if (!is_whole(length) || length >= MESSAGE_SIZE || memchr(line->text, '\0', length))
        return false;
    begin += begin + length < end ? length + 1 : length;
    return true;
}

bool input_stream(bool (*send)(void *context, const struct line *lines, size_t count),
                  void *context) {
    struct line lines[LINES];
    size_t sent = 0, count, length;
    do {
        while (!is_whole(length = line_length()) && length < MESSAGE_SIZE && !at_end &&
               !signals_received())
            if (!read_more(""))
                return false;
        for (count = 0; count < LINES && !signals_received() && take(&lines[count]); count++)
            ;
        if (count > 0 && !send(context, lines, count))
            return false;
        sent += count;
    } while (count > 0);
    if (begin < end && !signals_received()) {
        if (length >= MESSAGE_SIZE)
            complain("line %zu of standard input is longer than %d bytes: not sent", sent + 1,
                     MESSAGE_SIZE - 1);
        else
            complain("line %zu of standard input has a NUL byte in it: not sent", sent + 1);
        return false;
    }
    printf("Messages sent: %zu\n", sent);
    return display_flush();
}

bool input_stay(void) {
    puts("Staying until a signal comes...");
    if (!display_flush())
        return false;
    while (!signals_received())
        pause();
    return true;
}
