#define _GNU_SOURCE
#include "cli/errors.h"
#include "cli/words.h"
#include "segment.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *program;

void errors_start(char *argv[]) {
    static char output[8192]; /* more than is printed between two flushes */
    static char errors[1024]; /* of getopt_long(), and usage_hint() behind it */
    char *slash = strrchr(argv[0], '/');
    if (slash)
        argv[0] = slash + 1; /* getopt_long() uses it, too */
    program = argv[0];
    setvbuf(stdout, output, _IOFBF, sizeof output);
    setvbuf(stderr, errors, _IOFBF, sizeof errors);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
        fail("cannot ignore signals");
}

/* "NAME: text", and what `error` means, if it isn't 0. Too long a text is cut. */
static void say(int error, const char *format, va_list arguments) {
    char text[2000], line[2200];
    vsnprintf(text, sizeof text, format, arguments);
    int length = snprintf(line, sizeof line, "%.100s: %s%s%s\n", program, text, error ? ": " : "",
                          error ? strerror(error) : "");
    ssize_t unused = write(STDERR_FILENO, line, (size_t)length); /* there is nobody to tell */
    (void)unused;
}

void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(0, format, arguments);
    va_end(arguments);
}

_Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(errno, format, arguments);
    va_end(arguments);
    exit(FAILED);
}

_Noreturn void usage_error(const char *format, ...) {
    char text[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    complain("%s\nTry '%s --help'.", text, program);
    exit(USAGE);
}

_Noreturn void usage_hint(void) {
    fprintf(stderr, "Try '%s --help'.\n", program);
    exit(USAGE);
}

/* What the user can do about `error`. */
static void advise(char *hint, size_t size, enum object object, key_t key, int error) {
    const char *list = words[object].list;
    pid_t holder;
    switch (error) {
    case ENOENT:
        snprintf(hint, size, "start the writer first, or wait for it with --wait");
        break;
    case EACCES:
    case EPERM:
        snprintf(hint, size,
                 "it belongs to another user ('%s' shows whom); use another key with --key", list);
        break;
    case EEXIST:
        snprintf(hint, size,
                 "it was made by another program (see '%s') and is left untouched; "
                 "use another key with --key",
                 list);
        break;
    case ENOSPC:
    case ENOMEM:
        snprintf(hint, size,
                 "the system has no more of them to give; 'ipcs -l' shows the limits (%s), "
                 "'%s' what uses them up",
                 words[object].limits, list);
        break;
    case EAGAIN:
        holder = semaphores_holder(key);
        if (holder > 0)
            snprintf(hint, size,
                     "process %ld held its lock all the time; "
                     "continue it ('kill -CONT %ld') or end it",
                     (long)holder, (long)holder);
        else
            snprintf(hint, size,
                     "a process that can't be seen from here, in another container perhaps, "
                     "held its lock all the time");
        break;
    case EIDRM:
        snprintf(hint, size, "somebody removed it, perhaps with ipcrm; start again");
        break;
    default:
        snprintf(hint, size, "'%s' may show why", list);
    }
}

void explain(const char *tried, enum object object, key_t key) {
    char hint[250];
    int error = errno;
    if (error == EEXIST && object == SEGMENT) {
        explain_stranger(key);
        return;
    }
    advise(hint, sizeof hint, object, key, error);
    complain("cannot %s the %s with key %u (0x%x): %s; %s", tried, words[object].full,
             (unsigned)key, (unsigned)key, strerror(error), hint);
}

void explain_stranger(key_t key) {
    struct shmid_ds status;
    struct tm local;
    char changed[32] = "?";
    int id = segment_status(key, &status);
    if (id < 0) {
        explain("examine", SEGMENT, key);
        return;
    }
    if (localtime_r(&status.shm_ctime, &local))
        strftime(changed, sizeof changed, "%F %T", &local);
    complain("segment %d with key %u (0x%x) is not ours: %zu bytes, made by process %ld of user "
             "%ld, last changed %s; it is left untouched. Use another key with --key, or, if "
             "nobody needs it, remove it with: ipcrm -m %d",
             id, (unsigned)key, (unsigned)key, (size_t)status.shm_segsz, (long)status.shm_cpid,
             (long)status.shm_perm.cuid, changed, id);
}
