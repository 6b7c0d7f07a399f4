/* The keeper is a process that makes the System V objects, before anybody can be killed holding
 * one, and removes them when the benchmark has ended, however it ended. It runs in a session of its
 * own and ignores what the terminal sends. */
#define _GNU_SOURCE
#include "bench.h"
#include "cli/display.h"
#include "cli/errors.h"

#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

struct kept kept = {.segment = {.id = -1, .semaphores.id = -1}, .queue = -1};

/* At the end of any of the processes: it is the end of all. Unchecked: what isn't there, or not any
 * more, needn't be removed. */
static void remove_all(void) {
    shmctl(kept.segment.id, IPC_RMID, NULL);
    semctl(kept.segment.semaphores.id, 0, IPC_RMID);
    msgctl(kept.queue, IPC_RMID, NULL);
    unlink(kept.fifo);
    rmdir(kept.directory);
    mq_unlink(kept.posix_queue);
}

/* --- The keeper --- */

static int made(int id, const char *what) {
    if (id < 0)
        fail("cannot make %s", what);
    return id;
}

static void make_all(void) {
    const char *temporary = getenv("TMPDIR");
    if (!temporary || strlen(temporary) > 40)
        temporary = "/tmp";
    snprintf(kept.directory, sizeof kept.directory, "%s/bench.XXXXXX", temporary);
    made(mkdtemp(kept.directory) ? 0 : -1, kept.directory);
    snprintf(kept.fifo, sizeof kept.fifo, "%s/fifo", kept.directory);
    snprintf(kept.posix_queue, sizeof kept.posix_queue, "%s", strrchr(kept.directory, '/'));
    kept.segment.id = made(shmget(IPC_PRIVATE, sizeof(struct arena), IPC_CREAT | 0600),
                           "a shared memory segment");
    kept.segment.semaphores.id = made(semget(IPC_PRIVATE, 2, IPC_CREAT | 0600), "a semaphore set");
    kept.queue = made(msgget(IPC_PRIVATE, IPC_CREAT | 0600), "a message queue");
}

/* Tells the benchmark what it has made, and waits for its end. */
static _Noreturn void keep(int hello) {
    sigset_t all;
    sigfillset(&all);
    if (sigprocmask(SIG_BLOCK, &all, NULL) < 0 || setsid() < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
        fail("cannot wait for the benchmark's end");
    make_all();
    if (write(hello, &kept, sizeof kept) < 0 && getppid() == kept.owner)
        fail("cannot tell the benchmark");
    while (getppid() == kept.owner)
        sigwaitinfo(&all, NULL);
    exit(DONE);
}

/* --- The benchmark --- */

/* A process that ends before its time has said why, or was killed; nobody will answer any more. The
 * keeper may be that process. */
static void on_child(int number, siginfo_t *info, void *context) {
    static const char message[] = "bench: a process that was to answer has died\n";
    (void)number, (void)context;
    if (info->si_code == CLD_EXITED && info->si_status == 0)
        return;
    remove_all();
    ssize_t unused = write(STDERR_FILENO, message, sizeof message - 1);
    (void)unused;
    _exit(FAILED);
}

void keeper_start(void) {
    int hello[2];
    struct sigaction action = {.sa_sigaction = on_child,
                               .sa_flags = SA_SIGINFO | SA_RESTART | SA_NOCLDSTOP};
    kept.owner = getpid();
    if (pipe(hello) < 0 || atexit(remove_all) != 0)
        fail("cannot make a pipe");
    pid_t keeper = fork();
    if (keeper < 0)
        fail("cannot start a process");
    if (keeper == 0)
        keep(hello[1]);
    close(hello[1]);
    if (read(hello[0], &kept, sizeof kept) != sizeof kept)
        exit(FAILED); /* the keeper said why */
    close(hello[0]);
    if (sigaction(SIGCHLD, &action, NULL) < 0)
        fail("cannot watch over processes");
    kept.arena = shmat(kept.segment.id, NULL, 0);
    if (kept.arena == (void *)-1)
        fail("cannot attach a shared memory segment");
    for (int i = 0; i < ROUNDS * 2; i++)
        atomic_store(&kept.arena->places[i / 2][i % 2].segment.magic, SHARED_MAGIC);
    kept.segment.shared = &kept.arena->places[0][THERE].segment;
}

pid_t process_start(void) {
    if (!display_flush()) /* else the child would have it to print, too */
        exit(FAILED);
    pid_t child = fork();
    if (child < 0)
        fail("cannot start a process");
    if (child == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != kept.owner))
        _exit(FAILED);
    return child;
}

void process_wait(pid_t process) {
    if (waitpid(process, NULL, 0) < 0)
        fail("cannot wait for a process");
}
