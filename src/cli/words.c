#define _GNU_SOURCE
#include "cli/words.h"

const struct words words[] = {
    [SEGMENT] =
        {
            .object = "segment",
            .full = "shared memory segment",
            .medium = "shared memory",
            .title = "Shared Memory",
            .first = "Shared memory",
            .list = "ipcs -m",
            .limits = "kernel.shmmni, kernel.shmall, kernel.shmmax",
        },
    [QUEUE] =
        {
            .object = "queue",
            .full = "message queue",
            .medium = "message queue",
            .title = "Message Queue",
            .first = "Message queue",
            .list = "ipcs -q",
            .limits = "kernel.msgmni, kernel.msgmnb, kernel.msgmax",
        },
    [SEMAPHORES] =
        {
            .object = "set",
            .full = "semaphore set",
            .list = "ipcs -s",
            .limits = "kernel.sem",
        },
};
