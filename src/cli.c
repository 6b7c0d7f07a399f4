#define _GNU_SOURCE
#include "cli.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void cli_start(char *argv[]) {
    argv[0] = program_invocation_short_name; /* getopt_long() uses it, too */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        err(CLI_FAILED, "cannot ignore SIGPIPE");
}

_Noreturn void cli_usage_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vwarnx(format, arguments);
    va_end(arguments);
    cli_usage_hint();
}

_Noreturn void cli_usage_hint(void) {
    fprintf(stderr, "Try '%s --help'.\n", program_invocation_short_name);
    exit(CLI_USAGE);
}

_Noreturn void cli_exit(void) {
    exit(cli_flush() ? CLI_DONE : CLI_FAILED);
}

_Noreturn void cli_version(void) {
    printf("%s %s\n", program_invocation_short_name, CLI_VERSION);
    cli_exit();
}

key_t cli_key(const char *text) {
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text;
    if (!*digits || digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")])
        cli_usage_error("key '%s' is not a number: decimal or 0x... is expected", text);
    errno = 0;
    unsigned long long key = strtoull(digits, NULL, hex ? 16 : 10);
    if (key == 0)
        cli_usage_error("key 0 is IPC_PRIVATE: no other process could find it");
    if (errno || key > 0xFFFFFFFF)
        cli_usage_error("key '%s' is too large: 0xffffffff is the largest", text);
    return (key_t)key;
}

int cli_mode(const char *text) {
    size_t length = strlen(text);
    if (length == 0 || length > 4 || text[strspn(text, "01234567")])
        cli_usage_error("mode '%s' is not a number of up to 4 octal digits", text);
    long mode = strtol(text, NULL, 8);
    if (mode > 0777 || (mode & 0600) != 0600)
        cli_usage_error("mode '%s' is not between 0600 and 0777: the owner reads and writes", text);
    return (int)mode;
}

double cli_seconds(const char *text) {
    const char *fraction = text + strspn(text, "0123456789");
    if (!isdigit((unsigned char)text[0]) || strlen(text) > 15 ||
        (*fraction && (*fraction != '.' || fraction[1 + strspn(fraction + 1, "0123456789")])))
        cli_usage_error("'%s' is not a number of seconds", text);
    return strtod(text, NULL);
}

void cli_no_arguments(int argc, char *argv[]) {
    if (optind < argc)
        cli_usage_error("unexpected argument '%s'", argv[optind]);
}

bool cli_flush(void) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    warn("cannot write to standard output");
    return false;
}

double cli_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void cli_sleep(int milliseconds) {
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000L}, NULL);
}

void cli_explain(const char *tried, enum cli_object object, key_t key, int error, pid_t holder) {
    static const struct {
        const char *name, *list, *limits;
    } objects[] = {
        [CLI_SEGMENT] = {"shared memory segment", "ipcs -m",
                         "kernel.shmmni, kernel.shmall, kernel.shmmax"},
        [CLI_SEMAPHORES] = {"semaphore set", "ipcs -s", "kernel.sem"},
        [CLI_QUEUE] = {"message queue", "ipcs -q", "kernel.msgmni, kernel.msgmnb, kernel.msgmax"},
    };
    const char *list = objects[object].list;
    char hint[200];
    switch (error) {
    case ENOENT:
        snprintf(hint, sizeof hint, "start the writer first, or wait for it with --wait");
        break;
    case EACCES:
    case EPERM:
        snprintf(hint, sizeof hint,
                 "it belongs to another user ('%s' shows whom); use another key with --key", list);
        break;
    case EEXIST:
        snprintf(hint, sizeof hint,
                 "it was made by another program (see '%s') and is left untouched; "
                 "use another key with --key",
                 list);
        break;
    case ENOSPC:
    case ENOMEM:
        snprintf(hint, sizeof hint,
                 "the system has no more of them to give; 'ipcs -l' shows the limits (%s), "
                 "'%s' what uses them up",
                 objects[object].limits, list);
        break;
    case EAGAIN:
        snprintf(hint, sizeof hint,
                 "process %ld has held its lock for 5 seconds; "
                 "continue it ('kill -CONT %ld') or end it",
                 (long)holder, (long)holder);
        break;
    case EIDRM:
        snprintf(hint, sizeof hint, "somebody removed it, perhaps with ipcrm; start again");
        break;
    default:
        snprintf(hint, sizeof hint, "'%s' may show why", list);
    }
    fflush(stdout);
    warnx("cannot %s the %s with key %u (0x%x): %s; %s", tried, objects[object].name, (unsigned)key,
          (unsigned)key, strerror(error), hint);
}

void cli_stranger(key_t key, int id, const struct shmid_ds *status) {
    char made[32] = "?";
    struct tm local;
    if (localtime_r(&status->shm_ctime, &local))
        strftime(made, sizeof made, "%F %T", &local);
    fflush(stdout);
    warnx("segment %d with key %u (0x%x) is not ours: %zu bytes, made by process %ld of user %ld, "
          "last changed %s; it is left untouched. Use another key with --key, or, if nobody needs "
          "it, remove it with: ipcrm -m %d",
          id, (unsigned)key, (unsigned)key, status->shm_segsz, (long)status->shm_cpid,
          (long)status->shm_perm.cuid, made, id);
}
