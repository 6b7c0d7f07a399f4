#define _GNU_SOURCE
#include "cli/errors.h"
#include "cli/terms.h"
#include "semaphores.h"

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>

static const char *program;

void errors_start(char *argv[]) {
    static char output[8192], errors[4096]; /* more than is printed between two flushes */
    char *slash = strrchr(argv[0], '/');
    if (slash)
        argv[0] = slash + 1; /* getopt_long() uses it, too */
    program = argv[0];
    setvbuf(stdout, output, _IOFBF, sizeof output);
    setvbuf(stderr, errors, _IOFBF, sizeof errors);
}

void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vwarnx(format, arguments);
    va_end(arguments);
    fflush(stderr); /* unchecked: there is nobody to tell */
}

_Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vwarn(format, arguments);
    va_end(arguments);
    exit(STATUS_FAILED);
}

_Noreturn void usage_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vwarnx(format, arguments);
    va_end(arguments);
    usage_hint();
}

_Noreturn void usage_hint(void) {
    fprintf(stderr, "Try '%s --help'.\n", program);
    exit(STATUS_USAGE);
}

/* What the user can do about `error`: a format, whose arguments are the command that lists such
 * objects and the limits of the system. */
static const char *advice(const char *tried, int error) {
    switch (error) {
    case ENOENT:
        return "start the writer first, or wait for it with --wait; a writer in another container "
               "is in another IPC namespace, unless both share one (docker run --ipc=host, or "
               "--ipc=container:NAME)";
    case EPERM: /* making and finding objects is never refused like this by Linux itself */
        if (strcmp(tried, "remove") != 0)
            return "this system or sandbox has no System V IPC";
        /* fall through */
    case EACCES:
        return "it belongs to another user ('%s' shows whom); use another key with --key";
    case EEXIST:
        return "it was made by another program (see '%s') and is left untouched; use another key "
               "with --key";
    case ENOSPC:
    case ENOMEM:
        return "the system has no more of them to give; '%s' shows what uses them up, 'ipcs -l' "
               "the limits (%s)";
    case EIDRM:
        return "somebody removed it: perhaps ipcrm, or systemd, which removes what a user has made "
               "when the user logs out (unless 'loginctl enable-linger' or RemoveIPC=no says "
               "otherwise, or it is a system user); start again";
    case ENOSYS:
        return "this system or sandbox has no System V IPC";
    default:
        return "'%s' may show why";
    }
}

/* Whose an object is and what it grants, where the caller may see that. */
static bool advise_about_access(char *hint, size_t size, enum channel_object object, unsigned key) {
    struct shmid_ds segment;
    struct semid_ds set;
    struct msqid_ds queue;
    struct ipc_perm *found = NULL;
    if (object == CHANNEL_SEGMENT && shmctl(shmget((key_t)key, 0, 0), IPC_STAT, &segment) == 0)
        found = &segment.shm_perm;
    else if (object == CHANNEL_SEMAPHORES &&
             semctl(semget((key_t)key, 0, 0), 0, IPC_STAT, &set) == 0)
        found = &set.sem_perm;
    else if (object == CHANNEL_QUEUE && msgctl(msgget((key_t)key, 0), IPC_STAT, &queue) == 0)
        found = &queue.msg_perm;
    if (found)
        snprintf(
            hint, size,
            "it belongs to user %ld and grants %04o, where a writer has to read and write, and "
            "joins what grants no more than its --mode; use another key with --key",
            (long)found->uid, (unsigned)found->mode & 0777);
    return found;
}

/* Who holds the lock that was waited for in vain. */
static void advise_about_lock(char *hint, size_t size, unsigned set_key) {
    int holder = semaphores_holder(set_key);
    if (holder > 0)
        snprintf(hint, size,
                 "process %d held its lock all the time; continue it ('kill -CONT %d') or end it",
                 holder, holder);
    else
        snprintf(hint, size,
                 "a process that can't be seen from here, in another container "
                 "perhaps, held its lock all the time");
}

enum status explain(const char *tried, enum channel_object carrier, enum channel_object failed,
                    unsigned key) {
    char hint[400], of[100] = "";
    int error = errno;
    const struct terms *object = &terms[failed];
    if (error == EEXIST && failed == CHANNEL_SEGMENT) {
        explain_stranger(key);
        return STATUS_FAILED;
    }
    if (failed == CHANNEL_SEMAPHORES) {
        snprintf(of, sizeof of, " (this set belongs to the %s with key %u, 0x%x)",
                 terms[carrier].object, key, key);
        key ^= terms[carrier].flip;
    }
    if (error == EAGAIN && failed == CHANNEL_SEMAPHORES)
        advise_about_lock(hint, sizeof hint, key);
    else if (error != EACCES || !advise_about_access(hint, sizeof hint, failed, key))
        snprintf(hint, sizeof hint, advice(tried, error), object->list, object->limits);
    complain("cannot %s the %s with key %u (0x%x): %s; %s%s", tried, object->full, key, key,
             strerror(error), hint, of);
    return error == ENOENT ? STATUS_NOTHING_YET : STATUS_FAILED;
}

void explain_stranger(unsigned key) {
    struct shmid_ds status;
    struct tm local;
    char changed[32] = "?";
    int id = shmget((key_t)key, 0, 0);
    if (id < 0 || shmctl(id, IPC_STAT, &status) < 0) {
        explain("examine", CHANNEL_SEGMENT, CHANNEL_SEGMENT, key);
        return;
    }
    if (localtime_r(&status.shm_ctime, &local))
        strftime(changed, sizeof changed, "%F %T", &local);
    complain("segment %d with key %u (0x%x) is not ours: %zu bytes, made by process %ld of user "
             "%ld, last changed %s; it is left untouched. Use another key with --key, or, if "
             "nobody needs it, remove it with: ipcrm -m %d",
             id, key, key, (size_t)status.shm_segsz, (long)status.shm_cpid,
             (long)status.shm_perm.cuid, changed, id);
}

void warn_left_behind(enum channel_object carrier, unsigned key, int error, int pid) {
    if (error == ESRCH)
        complain("%s with key %u: no writer is alive; the message was left behind by process %d",
                 terms[carrier].object, key, pid);
    else if (error == ENOENT)
        complain("%s with key %u: its semaphore set is missing, so nobody knows whether a writer "
                 "is alive",
                 terms[carrier].object, key);
}
