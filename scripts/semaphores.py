"""The semaphore set of a channel: who is alive, whose turn it is. See include/semaphores.h.

Number 0 counts the live writers, number 1 is their lock. Every operation has SEM_UNDO: when a
process ends, whatever ended it, the kernel takes back its count and its lock. sysv_ipc knows only
sets of one semaphore, so this calls the C library: semget(2), semop(2), semctl(2); and futex(2),
which wakes the readers that are written in C.
"""
import ctypes
import errno
import os
import sys
import time

# Seconds. A writer holds the lock for microseconds; one that was stopped meanwhile must not stop
# others; and who has been told to end waits for no more than a moment.
PATIENCE, MOMENT = 5, 0.2

LIVE, LOCK, NUMBERS = range(3)
IPC_RMID, IPC_CREAT, IPC_EXCL, IPC_NOWAIT, SEM_UNDO = 0, 0o1000, 0o2000, 0o4000, 0o10000
GETPID, GETVAL = (11, 12) if sys.platform == 'linux' else (4, 5)  # as BSD and macOS have them
WAIT_FREE, HOLD, RELEASE = (LOCK, 0, 0), (LOCK, 1, SEM_UNDO), (LOCK, -1, SEM_UNDO)
ARRIVE, DEPART = (LIVE, 1, SEM_UNDO), (LIVE, -1, SEM_UNDO)

# futex(2) has no function in the C library, and another number on each machine.
SYS_FUTEX = {'x86_64': 202, 'aarch64': 98}.get(os.uname().machine) if sys.maxsize >> 32 else None
FUTEX_WAKE, INT_MAX = 1, 0x7fffffff


class sembuf(ctypes.Structure):
    """One of the operations that semop(2) does all at once, or not at all."""
    _fields_ = [('number', ctypes.c_ushort), ('change', ctypes.c_short), ('flags', ctypes.c_short)]


libc = ctypes.CDLL(None, use_errno=True)
libc.semget.argtypes = libc.semctl.argtypes = [ctypes.c_int] * 3
libc.semop.argtypes = [ctypes.c_int, ctypes.POINTER(sembuf), ctypes.c_size_t]

if hasattr(libc, 'semtimedop'):
    timespec = ctypes.c_long * 2  # as this symbol knows it, whatever <time.h> makes of the name
    libc.semtimedop.argtypes = libc.semop.argtypes + [ctypes.POINTER(ctypes.c_long)]

    def semop(identifier, steps, seconds):
        """EAGAIN: it would have had to wait for more than so many seconds. EINTR: a signal came."""
        limit = timespec(int(seconds), int(seconds % 1 * 1e9))
        return libc.semtimedop(identifier, steps, len(steps), limit)
else:
    def semop(identifier, steps, seconds):
        """The same, but for a nap that ends as if a signal had come."""
        for step in steps:
            step.flags |= IPC_NOWAIT
        result = libc.semop(identifier, steps, len(steps))
        if result < 0 and ctypes.get_errno() == errno.EAGAIN and seconds > 0:
            time.sleep(0.01)
            ctypes.set_errno(errno.EINTR)
        return result


class Semaphores:
    """A key's set. What the kernel refuses is an OSError that knows its `semaphores`. EIDRM:
    somebody removed the set. EAGAIN: its lock was held all the time."""

    hurry = False  # set by a signal handler: nobody waits for the lock for more than a moment

    def __init__(self, key):
        self.key, self.id = key, -1

    def join(self, mode):
        """Gets or creates the set, takes the lock and is counted, all or nothing. The caller holds
        the lock. EEXIST: the key's set is somebody else's."""
        while True:
            try:
                self._open(mode)
                self._operate(WAIT_FREE, HOLD, ARRIVE)
                return
            except OSError as error:
                # The last writer may remove the set between the two: then the key is free again.
                if error.errno not in (errno.EIDRM, errno.ENOENT):
                    raise

    def lock(self):
        self._operate(WAIT_FREE, HOLD)

    def unlock(self):
        self._operate(RELEASE)

    def live(self):
        """The count of live writers; who asks holds the lock, so that nobody can join then. ERANGE:
        somebody has set it to 0, although the caller is alive."""
        live = self._call(libc.semctl, self.id, LIVE, GETVAL)
        if live == 0:
            raise self._failure(errno.ERANGE)
        return live

    def leave(self, remove):
        """The end of every way out; the caller holds the lock. The last writer calls `remove` and
        then removes the set: as long as it counts as live, nobody takes what it is removing for
        left behind. Returns how many others remain. After an error, too, the caller holds nothing
        and isn't counted any more."""
        steps = [RELEASE]  # who can't count the writers may not take itself for the last
        try:
            others = self.live() - 1
            steps = [DEPART, RELEASE]
            if others == 0:
                remove()
                self._call(libc.semctl, self.id, 0, IPC_RMID)
                steps = []
        finally:
            if steps:
                self._operate(*steps)
        return others

    def holder(self):
        """The process that operated on the lock last: while it is held, the holder. 0: it can't be
        seen from here, as in another PID namespace."""
        return max(libc.semctl(self.id, LOCK, GETPID), 0)

    def fence(self):
        """Keeps the stores before it before those behind it, in the eyes of every process. POSIX
        counts semctl() among the functions that synchronize memory. In fact, x86 keeps stores in
        order anyhow; weaker processors keep those apart between which one lock was released and
        another one taken, and that the interpreter and the kernel do in this call."""
        libc.semctl(self.id, LIVE, GETVAL)

    def _open(self, mode):
        """Gets or creates the set. One that exists is asked for reading and changing, not for
        `mode`: the kernel refuses whatever bits the set lacks, needed or not."""
        try:  # EINVAL: the system allows no two in a set
            self.id = self._call(libc.semget, self.key, NUMBERS, IPC_CREAT | IPC_EXCL | mode,
                                 invalid=errno.ENOSPC)
        except FileExistsError:  # EINVAL: it has fewer
            self.id = self._call(libc.semget, self.key, NUMBERS, 0o600, invalid=errno.EEXIST)
        if libc.semctl(self.id, NUMBERS, GETVAL) >= 0:  # it has more
            raise self._failure(errno.EEXIST)

    def _operate(self, *steps):
        left = MOMENT if self.hurry else PATIENCE
        end = time.monotonic() + left
        while True:
            try:
                return self._call(semop, self.id, (sembuf * len(steps))(*steps), left)
            except InterruptedError:  # no reason to give up, but neither does it buy more time
                now = time.monotonic()
                end = min(end, now + MOMENT) if self.hurry else end
                left = max(end - now, 0)

    def _call(self, function, *arguments, invalid=errno.EIDRM):
        """`invalid`: what EINVAL means; mostly an ID that went some time ago."""
        result = function(*arguments)
        if result < 0:
            number = ctypes.get_errno()
            raise self._failure(invalid if number == errno.EINVAL else number)
        return result

    def _failure(self, number):
        error = OSError(number, os.strerror(number))
        error.semaphores = self
        return error


def wake(word):
    """Wakes every process that sleeps until these four bytes of shared memory change; where this
    does nothing, they look up twice a second."""
    if SYS_FUTEX:
        address = ctypes.byref(ctypes.c_uint.from_buffer(word))
        libc.syscall(SYS_FUTEX, address, FUTEX_WAKE, INT_MAX, None, None, 0)
