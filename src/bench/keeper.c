#define _GNU_SOURCE
#include "keeper.h"
#include "cli.h"

#include <err.h>
#include <errno.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static int life_line = -1; /* write end of a pipe; the keeper reads its end of file */
static pid_t owner, keeper_pid;
static const struct keeper *kept;

static void remove_all(const struct keeper *keeper) {
    /* Unchecked: what isn't there any more needn't be removed. */
    shmctl(keeper->segment, IPC_RMID, NULL);
    semctl(keeper->semaphores, 0, IPC_RMID);
    msgctl(keeper->queue, IPC_RMID, NULL);
    for (int way = THERE; way <= BACK; way++) {
        unlink(keeper->fifo[way]);
        mq_unlink(keeper->posix_queue[way]);
    }
    rmdir(keeper->directory);
}

/* Makes the objects; says what failed and removes the others if one can't be made. */
static bool make(struct keeper *keeper) {
    const char *failed = NULL;
    const char *temporary = getenv("TMPDIR");
    if (!temporary || strlen(temporary) > 40)
        temporary = "/tmp";
    keeper->segment = shmget(IPC_PRIVATE, sizeof(struct arena), IPC_CREAT | 0600);
    if (keeper->segment < 0)
        failed = "make a shared memory segment";
    keeper->semaphores = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    if (keeper->semaphores < 0 && !failed)
        failed = "make a semaphore set";
    keeper->queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (keeper->queue < 0 && !failed)
        failed = "make a message queue";
    snprintf(keeper->directory, sizeof keeper->directory, "%s/bench.XXXXXX", temporary);
    if (!mkdtemp(keeper->directory) && !failed)
        failed = "make a directory for FIFOs";
    for (int way = THERE; way <= BACK; way++) {
        snprintf(keeper->fifo[way], sizeof keeper->fifo[way], "%s/%d", keeper->directory, way);
        snprintf(keeper->posix_queue[way], sizeof keeper->posix_queue[way], "/bench.%ld.%d",
                 (long)getpid(), way);
    }
    if (failed) {
        warn("cannot %s", failed);
        remove_all(keeper);
    }
    return !failed;
}

static _Noreturn void keep(int hello, int life) {
    struct keeper keeper = {0};
    sigset_t all;
    char nothing;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setsid();
    if (!make(&keeper))
        _exit(CLI_FAILED);
    /* A benchmark killed before it could hear of them is at the end of its life line, too. */
    ssize_t unused = write(hello, &keeper, sizeof keeper);
    close(hello);
    /* It must not hold open what its parent writes to. */
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    do
        unused = read(life, &nothing, 1);
    while (unused < 0 && errno == EINTR);
    remove_all(&keeper);
    _exit(CLI_DONE);
}

/* A process that ends before its time has said why, or was killed; nobody will answer any more. The
 * keeper may be that process. */
static void on_child(int number, siginfo_t *info, void *context) {
    static const char message[] = "bench: a process that was to answer has died\n";
    (void)number, (void)context;
    if (info->si_code == CLD_EXITED && info->si_status == 0)
        return;
    remove_all(kept);
    ssize_t unused = write(STDERR_FILENO, message, sizeof message - 1);
    (void)unused;
    _exit(CLI_FAILED);
}

static void end(void) {
    if (getpid() != owner)
        return;
    close(life_line);
    int status;
    if (waitpid(keeper_pid, &status, 0) < 0 || status != 0)
        remove_all(kept);
}

void keeper_start(struct keeper *keeper) {
    int hello[2], life[2];
    if (pipe(hello) < 0 || pipe(life) < 0)
        err(CLI_FAILED, "cannot make a pipe");
    owner = getpid();
    keeper_pid = fork();
    if (keeper_pid < 0)
        err(CLI_FAILED, "cannot start a process");
    if (keeper_pid == 0) {
        close(life[1]);
        keep(hello[1], life[0]);
    }
    close(hello[1]);
    close(life[0]);
    life_line = life[1];
    if (read(hello[0], keeper, sizeof *keeper) != sizeof *keeper)
        exit(CLI_FAILED); /* the keeper said why */
    close(hello[0]);
    kept = keeper;
    atexit(end);
    struct sigaction action = {.sa_sigaction = on_child,
                               .sa_flags = SA_SIGINFO | SA_RESTART | SA_NOCLDSTOP};
    if (sigaction(SIGCHLD, &action, NULL) < 0)
        err(CLI_FAILED, "cannot watch over processes");

    keeper->arena = shmat(keeper->segment, NULL, 0);
    if (keeper->arena == (void *)-1)
        err(CLI_FAILED, "cannot attach a shared memory segment");
    for (int way = THERE; way <= BACK; way++)
        atomic_store_explicit(&keeper->arena->segment[way].magic, SHARED_MAGIC,
                              memory_order_relaxed);
}
