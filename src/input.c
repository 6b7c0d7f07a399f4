#define _GNU_SOURCE
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

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
    while (ready < 0 && errno == EINTR); /* stopped and continued */
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

enum input input_pause(int milliseconds) {
    return await(0, milliseconds);
}

enum input input_line(char *line, size_t size, size_t *length) {
    static char buffer[4096];
    static size_t at, filled;
    *length = 0;
    for (;;) {
        if (at == filled) {
            enum input ready = await(POLLIN, -1);
            if (ready != INPUT_LINE)
                return ready;
            ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
            if (count < 0 && (errno == EINTR || errno == EAGAIN))
                continue;
            if (count < 0)
                return INPUT_ERROR;
            at = 0;
            filled = (size_t)count;
            if (count == 0 && *length == 0)
                return INPUT_END;
            if (count == 0)
                break;
        }
        char *start = buffer + at, *newline = memchr(start, '\n', filled - at);
        size_t count = newline ? (size_t)(newline - start) : filled - at;
        at += newline ? count + 1 : count;
        if (count >= size - *length)
            return INPUT_TOO_LONG;
        memcpy(line + *length, start, count);
        *length += count;
        if (newline)
            break;
    }
    line[*length] = '\0';
    return memchr(line, '\0', *length) ? INPUT_NUL : INPUT_LINE;
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
