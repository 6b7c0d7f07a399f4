#define _GNU_SOURCE
#include "semaphores.h"
#include "wait.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ipc.h>
#include <sys/sem.h>

enum { LIVE, LOCK, NUMBERS };

static const double LOCK_SECONDS = 5, HURRIED_LOCK_SECONDS = 1;

static const struct sembuf wait_until_free = {LOCK, 0, 0};
static const struct sembuf lock = {LOCK, 1, SEM_UNDO};
static const struct sembuf unlock = {LOCK, -1, SEM_UNDO};
static const struct sembuf count_in = {LIVE, 1, SEM_UNDO};
static const struct sembuf count_out = {LIVE, -1, SEM_UNDO};

/* semctl(2) asks its callers to declare this. */
union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

static volatile sig_atomic_t in_a_hurry;

void semaphores_hurry(void) {
    in_a_hurry = 1;
}

/* The kernel says EINVAL for an ID that was removed a while ago; to our callers it is the same. */
static int checked(int result) {
    if (result < 0 && errno == EINVAL)
        errno = EIDRM;
    return result;
}

/* Does all of the operations at once, or none. A signal that comes meanwhile neither ends the
 * waiting nor makes it longer. */
static int operate(int set, struct sembuf *operations, size_t count) {
    double start = wait_clock(), left;
    int result;
    do {
        left = start + (in_a_hurry ? HURRIED_LOCK_SECONDS : LOCK_SECONDS) - wait_clock();
        result = wait_semop(set, operations, count, left > 0 ? (int)(left * 1000) : 0);
    } while (result < 0 && errno == EINTR && left > 0);
    if (result < 0 && errno == EINTR) /* an emulator may say so for ever */
        errno = EAGAIN;
    return checked(result);
}

/* Gets or makes the set, and refuses one that isn't ours or that lets more people in than `mode`.
 * A set that exists is asked for what we need, because the kernel refuses all of `mode` if it lacks
 * one bit of that. */
static int open_set(unsigned key, int mode) {
    struct semid_ds status = {0};
    int set = semget((key_t)key, NUMBERS, IPC_CREAT | IPC_EXCL | mode);
    if (set >= 0)
        return set;
    if (errno == EINVAL) /* the system allows no two semaphores in a set */
        errno = ENOSPC;
    if (errno != EEXIST)
        return -1;
    set = semget((key_t)key, 0, 0600);
    if (set < 0 || checked(semctl(set, 0, IPC_STAT, (union semun){.buf = &status})) < 0)
        return -1;
    bool is_ours = status.sem_nsems == NUMBERS, grants_more = status.sem_perm.mode & 0666 & ~mode;
    if (is_ours && !grants_more)
        return set;
    errno = is_ours ? EACCES : EEXIST;
    return -1;
}

/* How many other writers are alive. The caller holds the lock, so nobody can join meanwhile. */
static int count_others(int set) {
    int live = checked(semctl(set, LIVE, GETVAL));
    if (live == 0)
        errno = ERANGE;
    return live > 0 ? live - 1 : -1;
}

/* The one way out. The caller holds the lock, and is counted. As long as the last writer is counted
 * nobody takes what it is removing for left behind, so the set goes last. */
static int leave_locked(int set, int (*remove)(void *context), void *context) {
    int others = count_others(set);
    bool removed = others == 0 && (!remove || remove(context) == 0);
    if (removed && semctl(set, 0, IPC_RMID) == 0)
        return 0;
    int error = errno;
    struct sembuf operations[] = {unlock, count_out};
    /* A writer that can't count the others doesn't count itself out either. */
    bool stays = others < 0 || (others == 0 && error == EBUSY);
    if (operate(set, operations, stays ? 1 : 2) < 0)
        return -1;
    errno = error;
    return others > 0 ? others : -1;
}

int semaphores_join(int *set, unsigned key, int mode,
                    int (*open)(void *context, int mode, int others), void *context) {
    /* The last writer may remove the set between our two calls: then the key is free again. The
     * bound is for a kernel that goes on saying so. */
    for (int round = 0;; round++) {
        *set = open_set(key, mode);
        struct sembuf operations[] = {wait_until_free, lock, count_in};
        if (*set >= 0 && operate(*set, operations, 3) == 0)
            break;
        if ((errno != EIDRM && errno != ENOENT) || round == 1000)
            return -1;
    }
    int others = count_others(*set);
    int result = others < 0 ? -1 : open(context, mode, others);
    if (result >= 0)
        return semaphores_unlock(*set) < 0 ? -1 : result;
    int error = errno;
    leave_locked(*set, NULL, NULL);
    errno = error;
    return -1;
}

int semaphores_leave(int set, int (*remove)(void *context), void *context) {
    return semaphores_lock(set) < 0 ? -1 : leave_locked(set, remove, context);
}

int semaphores_lock(int set) {
    return operate(set, (struct sembuf[]){wait_until_free, lock}, 2);
}

int semaphores_unlock(int set) {
    return operate(set, (struct sembuf[]){unlock}, 1);
}

int semaphores_count(unsigned key) {
    int set = semget((key_t)key, 0, 0);
    int live = set < 0 ? -1 : semctl(set, LIVE, GETVAL);
    if (live < 0 && (errno == EIDRM || errno == EINVAL))
        errno = ENOENT;
    return live;
}

int semaphores_holder(unsigned key) {
    int set = semget((key_t)key, 0, 0);
    int pid = set < 0 ? -1 : semctl(set, LOCK, GETPID);
    return pid > 0 ? pid : 0;
}
