"""The writers' semaphore set: who is alive, and whose turn it is. See src/semaphores.h.

Number 0 counts the live writers, number 1 is their lock. Every operation has SEM_UNDO: when a
process ends, whatever ends it, the kernel takes back its count and its lock.
"""
import ctypes
import errno
import sys
import time
from contextlib import suppress

import sysv_ipc

from pair import wait
from pair.kernel import IPC_RMID, SEMAPHORES, ask, failure, key_t, libc

OF_SEGMENT, OF_QUEUE = 0x53000000, 0x51000000  # what makes a set's key out of theirs: 'S', 'Q'
LOCK_SECONDS, HURRIED_LOCK_SECONDS = 5, 1

LIVE, LOCK, NUMBERS = range(3)
SEM_UNDO = 0o10000
GETPID, GETVAL = (11, 12) if sys.platform == 'linux' else (4, 5)  # as BSD and macOS have them
WAIT_UNTIL_FREE, TAKE, RELEASE = (LOCK, 0, 0), (LOCK, 1, SEM_UNDO), (LOCK, -1, SEM_UNDO)
COUNT_IN, COUNT_OUT = (LIVE, 1, SEM_UNDO), (LIVE, -1, SEM_UNDO)

_in_a_hurry = False


class sembuf(ctypes.Structure):
    """One of the operations that semop(2) does all at once, or not at all."""
    _fields_ = [('number', ctypes.c_ushort), ('change', ctypes.c_short), ('flags', ctypes.c_short)]


def hurry():
    """From now on this process waits no longer than a second for a lock."""
    global _in_a_hurry
    _in_a_hurry = True


def join(key, mode, open):
    """Gets or makes the set, takes the lock and counts the caller, both or neither. Then calls
    open(mode, others), which opens what the writers share when so many others are alive, and
    releases the lock. Returns the set's ID and what `open` returned. After an exception the caller
    is neither counted nor holds the lock."""
    rounds = 1000  # for a kernel that goes on saying that the set was removed
    while True:
        try:
            identifier = _open_set(key, mode)
            _operate(identifier, WAIT_UNTIL_FREE, TAKE, COUNT_IN)
            break
        except OSError as error:
            # The last writer may remove the set between our two calls: then the key is free again.
            rounds -= 1
            if error.errno not in (errno.EIDRM, errno.ENOENT) or not rounds:
                raise
    try:
        found = open(mode, _count_others(identifier))
    except BaseException:
        with suppress(OSError):
            _leave_locked(identifier, lambda: None)
        raise
    unlock(identifier)
    return identifier, found


def leave(identifier, remove, kind, removed):
    """Takes the lock. If no other writer is alive, calls remove(), which removes what the writers
    shared, and removes the set; otherwise counts the caller out. Returns how many others are alive.
    If `remove` fails with EBUSY the caller stays a writer. If what they shared, of this kind, was
    `removed` by somebody else, EIDRM is what the caller is told."""
    try:
        lock(identifier)
        others = _leave_locked(identifier, remove)
    except OSError:
        if not removed:
            raise
    if removed:
        raise failure(kind, errno.EIDRM)
    return others


def lock(identifier):
    _operate(identifier, WAIT_UNTIL_FREE, TAKE)


def unlock(identifier):
    _operate(identifier, RELEASE)


def reason_to_go(key):
    """For those who aren't writers: 0 if a writer is alive. ESRCH: none is. ENOENT: there is no
    set, so nobody knows. Another errno: they may not look, or can't."""
    try:
        identifier = ask(SEMAPHORES, libc.semget, key, 0, 0)
        live = ask(SEMAPHORES, libc.semctl, identifier, LIVE, GETVAL, EINVAL=errno.ENOENT,
                   EIDRM=errno.ENOENT)
    except OSError as error:
        return error.errno
    return 0 if live else errno.ESRCH


def holder(key):
    """The process that changed the lock last: its holder while it is held. 0: it can't be seen from
    here, as in another PID namespace."""
    return max(libc.semctl(libc.semget(key, 0, 0), LOCK, GETPID), 0)


def _operate(identifier, *steps):
    """Does all steps at once, or none. EAGAIN: somebody held the lock all the time. A signal that
    comes meanwhile neither ends the waiting nor makes it longer."""
    start = time.monotonic()
    while True:
        end = start + (HURRIED_LOCK_SECONDS if _in_a_hurry else LOCK_SECONDS)
        left = max(end - time.monotonic(), 0)
        try:
            return wait.semop(identifier, (sembuf * len(steps))(*steps), left)
        except InterruptedError:
            if not left:
                raise failure(SEMAPHORES, errno.EAGAIN)


def _open_set(key, mode):
    """Gets or makes the set, and refuses one that isn't ours or that lets more people in than
    `mode`. A set that exists is asked for what we need, because the kernel refuses all of `mode` if
    it lacks one bit of that."""
    try:  # EINVAL: the system allows no two semaphores in a set
        return ask(SEMAPHORES, libc.semget, key, NUMBERS, sysv_ipc.IPC_CREX | mode,
                   EINVAL=errno.ENOSPC)
    except FileExistsError:  # EINVAL: it has fewer
        identifier = ask(SEMAPHORES, libc.semget, key, NUMBERS, 0o600, EINVAL=errno.EEXIST)
    if libc.semget(key, NUMBERS + 1, 0) >= 0:  # it has more
        raise failure(SEMAPHORES, errno.EEXIST)
    found = ask(SEMAPHORES, sysv_ipc.Semaphore, key_t(key), 0, 0)
    if ask(SEMAPHORES, getattr, found, 'mode') & 0o666 & ~mode:
        raise failure(SEMAPHORES, errno.EACCES)
    return identifier


def _count_others(identifier):
    """The caller holds the lock, so nobody can join meanwhile. ERANGE: somebody has set the count
    to 0."""
    live = ask(SEMAPHORES, libc.semctl, identifier, LIVE, GETVAL)
    if live == 0:
        raise failure(SEMAPHORES, errno.ERANGE)
    return live - 1


def _leave_locked(identifier, remove):
    """The one way out. The caller holds the lock, and is counted. As long as the last writer is
    counted nobody takes what it is removing for left behind, so the set goes last."""
    steps = [RELEASE]  # a writer that can't count the others doesn't count itself out either
    try:
        others = _count_others(identifier)
        steps = [RELEASE, COUNT_OUT]
        if others == 0:
            remove()
            ask(SEMAPHORES, libc.semctl, identifier, 0, IPC_RMID)
            steps = []
        return others
    except OSError as error:
        if error.errno == errno.EBUSY:
            steps = [RELEASE]
        raise
    finally:
        if steps:
            _operate(identifier, *steps)
