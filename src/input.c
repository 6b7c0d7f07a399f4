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
#include <sys/signalfd.h>
#include <unistd.h>

enum input {
    INPUT_LINE,
    INPUT_END,
    INPUT_TOO_LONG, /* the next call goes on behind what was read, at the newline at the latest */
    INPUT_SIGNAL,
    INPUT_ERROR /* errno says which */
};

static int signals = -1; /* the descriptor */
static int received;     /* the signal that ended the input */

int input_open(void) {
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        struct sigaction action;
        if (sigaction(ending[i], NULL, &action) < 0)
            return -1;
        if (action.sa_handler != SIG_IGN) /* nohup, a shell's background job */
            sigaddset(&set, ending[i]);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC);
    if (descriptor < 0)
        return -1;
    /* Where standard input or output is closed, it must not become the signals' descriptor. */
    signals = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (signals < 0)
        return -1;
    return close(descriptor);
}

/* Waits for a signal, or also for `events` on standard input. */
static enum input await(short events, int milliseconds) {
    struct pollfd polled[] = {{.fd = signals, .events = POLLIN},
                              {.fd = STDIN_FILENO, .events = events}};
    int ready;
    do
        ready = poll(polled, events ? 2 : 1, milliseconds);
    while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return INPUT_ERROR;
    if (polled[0].revents == 0)
        return INPUT_LINE;
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != sizeof info)
        return INPUT_ERROR;
    received = (int)info.ssi_signo;
    return INPUT_SIGNAL;
}

/* Waits for a line and puts it into `line`, without its newline but with a NUL. */
static enum input next_line(char line[MESSAGE_SIZE], size_t *length) {
    static char buffer[4096];
    static size_t at, filled;
    bool more = true;
    *length = 0;
    while (more) {
        if (at == filled) {
            enum input ready = await(POLLIN, -1);
            if (ready != INPUT_LINE)
                return ready;
            ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
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
    return received || await(0, milliseconds) == INPUT_SIGNAL;
}

void input_resignal(void) {
    if (!received)
        return;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, received);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(received);
}
