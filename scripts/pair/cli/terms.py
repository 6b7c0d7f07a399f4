"""What the kernel's objects are called in what the programs print: see src/cli/terms.h."""
from types import SimpleNamespace as Terms

import sysv_ipc

from pair import semaphores
from pair.kernel import QUEUE, SEGMENT, SEMAPHORES

terms = {
    SEGMENT: Terms(
        object='segment', full='shared memory segment', list='ipcs -m',
        limits='kernel.shmmni, kernel.shmall, kernel.shmmax', look=sysv_ipc.SharedMemory,
        flip=semaphores.OF_SEGMENT, carrier='shared memory', title='Shared Memory',
        first='Shared memory', through='System V shared memory',
        reading='Print the message that a writer shares through System V shared memory.'),
    QUEUE: Terms(
        object='queue', full='message queue', list='ipcs -q',
        limits='kernel.msgmni, kernel.msgmnb, kernel.msgmax', look=sysv_ipc.MessageQueue,
        flip=semaphores.OF_QUEUE, carrier='message queue', title='Message Queue',
        first='Message queue', through='a System V message queue',
        reading='Take the next message out of a System V message queue and print it.'),
    SEMAPHORES: Terms(full='semaphore set', list='ipcs -s', limits='kernel.sem',
                      look=sysv_ipc.Semaphore),
}
