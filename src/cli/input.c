#define _GNU_SOURCE
#include "cli/input.h"
#include "channel.h"
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/signals.h"
#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was read, and is used up to `begin`. */
static char buffer[1 << 16];
static size_t begin, end;
static bool at_end; /* remembered, because a terminal says it once and then waits again */

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
    } else if (errno != EINTR) {
        int error = errno;
        if (error == EIO) /* of a terminal that was closed, whose signal is about to come */
            wait_milliseconds(500);
        if (!signals_received()) {
            complain("cannot read standard input: %s%s", strerror(error), hint);
            return false;
        }
    }
    return true;
}

/* Where nobody can press Enter, as in a background job of a script, whose input is /dev/null. */
static bool nobody_types(void) {
    struct stat status;
    return !isatty(STDIN_FILENO) && fstat(STDIN_FILENO, &status) == 0 && !S_ISFIFO(status.st_mode);
}

bool input_enter(void) {
    if (!display_line("Press Enter to cleanup and exit..."))
        return false;
    while (!memchr(buffer + begin, '\n', end - begin) && !at_end && !signals_received()) {
        begin = end;
        if (!read_more("; use --stay to do without"))
            return false;
    }
    if (at_end && nobody_types())
        complain("standard input ended before any Enter came, so it leaves; with --stay it "
                 "stays until a signal comes");
    return true;
}

int input_line(const char **text, size_t *length) {
    static size_t number;
    const char *newline;
    while (!(newline = memchr(buffer + begin, '\n', end - begin)) && end - begin < MESSAGE_SIZE &&
           !at_end && !signals_received())
        if (!read_more(""))
            return -1;
    *text = buffer + begin;
    *length = newline ? (size_t)(newline - *text) : end - begin;
    if (signals_received() || (!newline && *length == 0))
        return 0;
    number++;
    bool too_long = *length >= MESSAGE_SIZE;
    if (too_long || memchr(*text, '\0', *length)) {
        complain(too_long ? "line %zu of standard input is longer than %d bytes: not sent"
                          : "line %zu of standard input has a NUL byte in it: not sent",
                 number, MESSAGE_SIZE - 1);
        return -1;
    }
    begin += *length + (newline != NULL);
    return 1;
}
