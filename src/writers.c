#define _GNU_SOURCE
#include "writers.h"

#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

enum { LIVE, LOCK, SEMAPHORES };

/* Seconds. A writer holds the lock for microseconds; one that was stopped meanwhile must not stop
 * others. */
enum { PATIENCE = 5 };

static const struct sembuf wait_free = {LOCK, 0, 0}, hold = {LOCK, 1, SEM_UNDO},
                           release = {LOCK, -1, SEM_UNDO}, arrive = {LIVE, 1, SEM_UNDO},
                           depart = {LIVE, -1, SEM_UNDO};

/* semtimedop() is all or nothing: no writer is ever counted without holding the lock. */
static int operate(int id, struct sembuf *operations, size_t count) {
    struct timespec now, left = {.tv_sec = PATIENCE};
    clock_gettime(CLOCK_MONOTONIC, &now);
    time_t end = now.tv_sec + PATIENCE;
    int result;
    /* A signal is no reason to give up, but neither does it buy more time. */
    while ((result = semtimedop(id, operations, count, &left)) < 0 && errno == EINTR) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        left.tv_sec = now.tv_sec < end ? end - now.tv_sec : 0;
    }
    if (result < 0 && errno == EINVAL) /* the ID has gone for longer, which is all the same */
        errno = EIDRM;
    return result;
}

/* Gets or creates the key's set; a stranger's is refused. */
static int open_set(key_t key, int mode) {
    struct semid_ds status;
    int id = semget(key, SEMAPHORES, IPC_CREAT | mode);
    if (id < 0) {
        if (errno == EINVAL) /* there is one, with fewer semaphores; or kernel.sem allows no two */
            errno = semget(key, 0, 0) < 0 ? ENOSPC : EEXIST;
        return -1;
    }
    if (semctl(id, 0, IPC_STAT, &status) < 0)
        return -1;
    if (status.sem_nsems != SEMAPHORES) {
        errno = EEXIST;
        return -1;
    }
    return id;
}

int writers_live(const struct writers *set) {
    return semctl(set->id, LIVE, GETVAL);
}

int writers_join(struct writers *set, key_t key, int mode) {
    /* The last writer may remove the set between our two calls: then the key is free again. The
     * bound is for a kernel that keeps saying so. */
    for (int round = 0; round < 1000; round++) {
        set->id = open_set(key, mode);
        if (set->id >= 0 && operate(set->id, (struct sembuf[]){wait_free, hold, arrive}, 3) == 0)
            return writers_live(set);
        if (errno != EIDRM && errno != EINVAL)
            return -1;
    }
    return -1;
}

int writers_lock(const struct writers *set) {
    return operate(set->id, (struct sembuf[]){wait_free, hold}, 2);
}

int writers_unlock(const struct writers *set) {
    return operate(set->id, (struct sembuf[]){release}, 1);
}

int writers_leave(const struct writers *set) {
    return operate(set->id, (struct sembuf[]){depart, release}, 2);
}

int writers_remove(const struct writers *set) {
    return semctl(set->id, 0, IPC_RMID);
}

int writers_count(key_t key) {
    int id = semget(key, 0, 0);
    int count = id < 0 ? -1 : semctl(id, LIVE, GETVAL);
    if (count < 0 && (errno == ENOENT || errno == EIDRM || errno == EINVAL))
        return 0;
    return count;
}

pid_t writers_holder(key_t key) {
    int id = semget(key, 0, 0);
    pid_t pid = id < 0 ? -1 : semctl(id, LOCK, GETPID);
    return pid < 0 ? 0 : pid;
}
