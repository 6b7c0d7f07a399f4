#include "cli/terms.h"
#include "semaphores.h"

const struct terms terms[] = {
    [CHANNEL_SEGMENT] = {"segment", "shared memory segment", "ipcs -m",
                         "kernel.shmmni, kernel.shmall, kernel.shmmax", SEMAPHORES_OF_SEGMENT,
                         "shared memory", "Shared Memory", "Shared memory",
                         "System V shared memory",
                         "Print the message that a writer shares through System V shared memory."},
    [CHANNEL_QUEUE] = {"queue", "message queue", "ipcs -q",
                       "kernel.msgmni, kernel.msgmnb, kernel.msgmax", SEMAPHORES_OF_QUEUE,
                       "message queue", "Message Queue", "Message queue",
                       "a System V message queue",
                       "Take the next message out of a System V message queue and print it."},
    [CHANNEL_SEMAPHORES] = {"set", "semaphore set", "ipcs -s", .limits = "kernel.sem"},
};
