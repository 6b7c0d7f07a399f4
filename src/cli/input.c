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

enum line { WHOLE, NONE, TOO_LONG };

/* The next character; EOF at the end of input, after a signal, or if it can't be read. */
static int next_character(void) {
    for (;;) {
        int character = getc_unlocked(stdin); /* there is one thread */
        if (character != EOF || !ferror(stdin) || signals_received())
            return character;
        if (errno == EAGAIN) /* somebody has set it to O_NONBLOCK */
            poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, -1);
        else if (errno != EINTR)
            return EOF;
        clearerr(stdin);
    }
}

/* False, with a message, if reading ended before the end of input and without a signal. */
static bool readable(const char *hint) {
    if (!ferror(stdin) || signals_received())
        return true;
    complain("cannot read standard input: %s%s", strerror(errno), hint);
    return false;
}

/* Puts a line into `line`, without its newline but with a NUL. A last line needs no newline: behind
 * it, too, is the end of input. What a signal cut off is no line. */
static enum line next_line(char line[MESSAGE_SIZE], size_t *length) {
    int character;
    *length = 0;
    if (feof(stdin))
        return NONE;
    while ((character = next_character()) != EOF && character != '\n') {
        if (*length == MESSAGE_SIZE - 1)
            return signals_received() ? NONE : TOO_LONG;
        line[(*length)++] = (char)character;
    }
    line[*length] = '\0';
    bool end = character == EOF && (*length == 0 || ferror(stdin));
    return end || signals_received() ? NONE : WHOLE;
}

bool input_enter(void) {
    int character;
    puts("Press Enter to cleanup and exit...");
    if (!display_flush())
        return false;
    do
        character = next_character();
    while (character != EOF && character != '\n');
    return readable("; use --stay to do without");
}

bool input_stream(bool (*send)(void *context, const char *text, size_t length), void *context) {
    char line[MESSAGE_SIZE];
    size_t length, sent = 0;
    enum line next;
    for (; (next = next_line(line, &length)) == WHOLE; sent++) {
        if (memchr(line, '\0', length)) {
            complain("line %zu of standard input has a NUL byte in it: not sent", sent + 1);
            return false;
        }
        if (!send(context, line, length))
            return false;
    }
    if (next == TOO_LONG) {
        complain("line %zu of standard input is longer than %d bytes: not sent", sent + 1,
                 MESSAGE_SIZE - 1);
        return false;
    }
    if (!readable(""))
        return false;
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
