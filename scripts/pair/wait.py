"""Where processes sleep: see src/wait.h."""
import ctypes
import errno
import os
import sys
import time

from pair.kernel import IPC_NOWAIT, SEMAPHORES, ask, failure, libc

FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.02  # seconds

# futex(2) has no function in the C library, and another number on each machine.
SYS_FUTEX = {'x86_64': 202, 'aarch64': 98}.get(os.uname().machine) if sys.maxsize >> 32 else None
FUTEX_WAKE, INT_MAX = 1, 0x7fffffff


def semop(identifier, operations, seconds):
    """semop(2) that gives up with EAGAIN after so many seconds. EINTR: a signal came; or, on a
    system that has no time limit, a nap is over."""
    if hasattr(libc, 'semtimedop'):
        limit = (ctypes.c_long * 2)(int(seconds), int(seconds % 1 * 1e9))
        return ask(SEMAPHORES, libc.semtimedop, identifier, operations,
                   ctypes.c_size_t(len(operations)), limit)
    for operation in operations:
        operation.flags |= IPC_NOWAIT
    try:
        return ask(SEMAPHORES, libc.semop, identifier, operations, len(operations))
    except BlockingIOError:
        if seconds <= 0:
            raise
    time.sleep(0.01)
    raise failure(SEMAPHORES, errno.EINTR)


def for_change(segment, seen, seconds):
    """Sleeps until the segment's version is another one than `seen`, or for so long. Looks again
    and again, at first soon, then more and more seldom, every 20 milliseconds at least."""
    end, pause = time.monotonic() + seconds, FIRST_PAUSE
    while segment.version == seen and time.monotonic() < end:
        time.sleep(min(pause, seconds))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def wake(address):
    """Wakes every process, written in C, that sleeps until this number in shared memory changes.
    Where this does nothing they look up twice a second."""
    if SYS_FUTEX:
        libc.syscall(SYS_FUTEX, ctypes.c_void_p(address), FUTEX_WAKE, INT_MAX, None, None, 0)
