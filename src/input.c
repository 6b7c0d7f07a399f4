#define _GNU_SOURCE
#include "input.h"
#include "cli.h"
#include "shared_data.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum input {
    INPUT_LINE,
    INPUT_END,
    INPUT_TOO_LONG, /* the next call goes on behind what was read, at the newline at the latest */
    INPUT_SIGNAL,
    INPUT_ERROR /* errno says which */
};

static int nothing = -1;               /* a descriptor that is always at its end */
static volatile sig_atomic_t received; /* the signal that ended the input */

/* From here on standard input is at its end: a read that is under way is interrupted, and one that
 * is about to begin finds nothing. So no signal can be missed between a check and a sleep. */
static void end_input(int number) {
    int error = errno;
    received = number;
    dup2(nothing, STDIN_FILENO);
    errno = error;
}

int input_open(void) {
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    /* Where a standard stream is closed, this must not take its place. */
    nothing = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (nothing < 0 || close(descriptor) < 0)
        return -1;
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        struct sigaction action;
        if (sigaction(ending[i], NULL, &action) < 0)
            return -1;
        if (action.sa_handler == SIG_IGN) /* nohup, a shell's background job */
            continue;
        action = (struct sigaction){.sa_handler = end_input}; /* no SA_RESTART */
        if (sigaction(ending[i], &action, NULL) < 0)
            return -1;
    }
    return 0;
}

/* Waits for a line and puts it into `line`, without its newline but with a NUL. */
static enum input next_line(char line[MESSAGE_SIZE], size_t *length) {
    static char buffer[4096];
    static size_t at, filled;
    bool more = true;
    *length = 0;
    while (more) {
        if (at == filled) {
            ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
            if (received)
                return INPUT_SIGNAL;
            if (count < 0 && errno == EAGAIN)
                poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, -1);
            if (count < 0 && (errno == EINTR || errno == EAGAIN))
                continue;
            if (count < 0)
                return INPUT_ERROR;
            if (count == 0 && *length == 0)
                return INPUT_END;
            at = 0;
            filled = (size_t)count;
        }
        const char *start = buffer + at, *newline = memchr(start, '\n', filled - at);
        size_t count = newline ? (size_t)(newline - start) : filled - at;
        more = !newline && filled > 0;
        at += count;
        if (count >= MESSAGE_SIZE - *length)
            return INPUT_TOO_LONG;
        at += newline ? 1 : 0;
        memcpy(line + *length, start, count);
        *length += count;
    }
    line[*length] = '\0';
    return INPUT_LINE;
}

bool input_enter(void) {
    char line[MESSAGE_SIZE];
    size_t length;
    enum input input;
    do
        input = next_line(line, &length);
    while (input == INPUT_TOO_LONG);
    if (input == INPUT_ERROR)
        warn("cannot read standard input");
    return input != INPUT_ERROR;
}

bool input_stream(bool (*send)(void *context, const char *text, size_t length), void *context) {
    char line[MESSAGE_SIZE];
    size_t length;
    for (unsigned long number = 1;; number++) {
        switch (next_line(line, &length)) {
        case INPUT_LINE:
            if (memchr(line, '\0', length)) {
                warnx("line %lu of standard input has a NUL byte in it: not sent", number);
                return false;
            }
            if (!send(context, line, length))
                return false;
            break;
        case INPUT_END:
        case INPUT_SIGNAL:
            printf("Messages sent: %lu\n", number - 1);
            return cli_flush();
        case INPUT_TOO_LONG:
            warnx("line %lu of standard input is longer than %d bytes: not sent", number,
                  MESSAGE_SIZE - 1);
            return false;
        case INPUT_ERROR:
            warn("cannot read standard input");
            return false;
        }
    }
}

bool input_ended(int milliseconds) {
    cli_sleep(milliseconds);
    return received;
}

void input_resignal(void) {
    if (!received)
        return;
    signal(received, SIG_DFL);
    raise(received);
}
