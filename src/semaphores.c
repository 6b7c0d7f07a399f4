#define _GNU_SOURCE
#include "semaphores.h"
#include "wait.h"

#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>

enum { LIVE, LOCK, NUMBERS };

/* Seconds. A writer holds the lock for microseconds; one that was stopped meanwhile must not stop
 * others; and who has been told to end waits for no more than a moment. */
static const double PATIENCE = 5, MOMENT = 0.2;

static const struct sembuf wait_free = {LOCK, 0, 0};
static const struct sembuf hold = {LOCK, 1, SEM_UNDO};
static const struct sembuf release = {LOCK, -1, SEM_UNDO};
static const struct sembuf arrive = {LIVE, 1, SEM_UNDO};
static const struct sembuf depart = {LIVE, -1, SEM_UNDO};

/* semctl(2) leaves it to its callers to declare this. */
union argument {
    int value;
    struct semid_ds *status;
    unsigned short *values;
};

volatile sig_atomic_t semaphores_hurry;

/* An ID that has gone for longer is EINVAL: the same thing to our callers. */
static int checked(int result) {
    if (result < 0 && errno == EINVAL)
        errno = EIDRM;
    return result;
}

/* All or nothing, as semop(2) is: no writer is ever counted without holding the lock. A signal is
 * no reason to give up, but neither does it buy more time. */
static int operate(const struct semaphores *set, struct sembuf *operations, size_t count) {
    double left = semaphores_hurry ? MOMENT : PATIENCE, end = wait_clock() + left;
    int result;
    while ((result = wait_semop(set->id, operations, count, (int)(left * 1000))) < 0 &&
           errno == EINTR) {
        double now = wait_clock();
        if (semaphores_hurry && end > now + MOMENT)
            end = now + MOMENT;
        left = end > now ? end - now : 0;
    }
    return checked(result);
}

/* Gets or creates the key's set; a stranger's is refused. One that exists is asked for reading and
 * changing, not for `mode`: the kernel refuses whatever bits the set lacks, needed or not. */
static int open_set(key_t key, int mode) {
    struct semid_ds status = {0};
    int id = semget(key, NUMBERS, IPC_CREAT | IPC_EXCL | mode);
    if (id < 0 && errno == EEXIST) {
        id = semget(key, NUMBERS, 0600);
        if (id < 0 && errno == EINVAL) /* it has fewer */
            errno = EEXIST;
    } else if (id < 0 && errno == EINVAL) { /* the system allows no two in a set */
        errno = ENOSPC;
    }
    if (id < 0 || checked(semctl(id, 0, IPC_STAT, (union argument){.status = &status})) < 0)
        return -1;
    if (status.sem_nsems == NUMBERS)
        return id;
    errno = EEXIST;
    return -1;
}

int semaphores_join(struct semaphores *set, key_t key, int mode) {
    set->key = key;
    /* The last writer may remove the set between our calls: then the key is free again. The bound
     * is for a kernel that keeps saying so. */
    for (int round = 0; round < 1000; round++) {
        set->id = open_set(key, mode);
        if (set->id >= 0 && operate(set, (struct sembuf[]){wait_free, hold, arrive}, 3) == 0) {
            int live = semaphores_live(set), error = errno;
            if (live < 0)
                semaphores_unlock(set);
            errno = error;
            return live;
        }
        if (errno != EIDRM && errno != ENOENT)
            return -1;
    }
    return -1;
}

int semaphores_lock(const struct semaphores *set) {
    return operate(set, (struct sembuf[]){wait_free, hold}, 2);
}

int semaphores_unlock(const struct semaphores *set) {
    return operate(set, (struct sembuf[]){release}, 1);
}

int semaphores_live(const struct semaphores *set) {
    int live = checked(semctl(set->id, LIVE, GETVAL));
    if (live == 0)
        errno = ERANGE;
    return live > 0 ? live : -1;
}

int semaphores_leave(const struct semaphores *set, int (*remove)(void *context), void *context,
                     bool *kept) {
    int live = semaphores_live(set), error = errno;
    *kept = false;
    if (live < 0) { /* who can't count the writers may not take itself for the last */
        semaphores_unlock(set);
        errno = error;
        return -1;
    }
    *kept = live == 1 && remove && remove(context) < 0 && errno == EPERM;
    if (live == 1 && !*kept && semctl(set->id, 0, IPC_RMID) == 0)
        return 0;
    error = errno;
    if (operate(set, (struct sembuf[]){depart, release}, 2) < 0)
        return -1;
    errno = error;
    return live > 1 ? live - 1 : -1;
}

int semaphores_count(key_t key) {
    int id = semget(key, 0, 0);
    int count = id < 0 ? -1 : semctl(id, LIVE, GETVAL);
    if (count < 0 && (errno == ENOENT || errno == EIDRM || errno == EINVAL))
        return 0;
    return count;
}

pid_t semaphores_holder(key_t key) {
    int id = semget(key, 0, 0);
    pid_t pid = id < 0 ? -1 : semctl(id, LOCK, GETPID);
    return pid < 0 ? 0 : pid;
}
