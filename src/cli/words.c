#define _GNU_SOURCE
#include "cli/words.h"

const struct words words[] = {
    [SEGMENT] = {"segment", "shared memory segment", "ipcs -m",
                 "kernel.shmmni, kernel.shmall, kernel.shmmax", "shared memory", "Shared Memory",
                 "Shared memory", "System V shared memory",
                 "Print the message that a writer shares through System V shared memory."},
    [QUEUE] = {"queue", "message queue", "ipcs -q", "kernel.msgmni, kernel.msgmnb, kernel.msgmax",
               "message queue", "Message Queue", "Message queue", "a System V message queue",
               "Take the next message out of a System V message queue and print it."},
    [SEMAPHORES] = {.full = "semaphore set", .list = "ipcs -s", .limits = "kernel.sem"},
};
