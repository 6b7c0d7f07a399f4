"""A channel: one message in System V shared memory, its writers and its readers.

    writer    Channel.join(), publish() as often as you like, leave()
    reader    Channel.attach(), read() and wait() in turn, detach()

Leaving a `with` leaves the channel. What fails is an OSError, whose `failed` names the kind of
object that refused; include/channel.h says what each errno means.
"""
import ctypes
import errno
import os
import time
from enum import Enum

import sysv_ipc

from pair import message, semaphores, wait
from pair.kernel import IPC_RMID, SEGMENT, SEMAPHORES, ask, failure, libc
from pair.message import MAGIC, MESSAGE_SIZE, MessageState, SharedData, SharedSegment

__all__ = 'Channel', 'Found', 'MessageState', 'Waited'

Found = Enum('Found', 'CREATED TAKEN_OVER JOINED')  # TAKEN_OVER from writers that died
Waited = Enum('Waited', 'NEWS QUIET GONE')

LOOK_UP = 0.5      # seconds that a sleeper sleeps until it looks whether a writer is alive
SHM_DEST = 0o1000  # in a segment's mode: it was removed


class Channel:
    id = -1
    found = None    # by join()
    reason = 0      # the errno why wait() says that it is GONE
    _memory = None  # sysv_ipc's, while it is attached; and the bytes in it
    _shared = None
    _set = -1
    _joined_by = None

    def __init__(self, key):
        """For join() and attach()."""
        self.key = key

    @classmethod
    def join(cls, key, mode=0o666):
        """Joins the channel of `key` as a writer. Segment and semaphore set are made where they
        don't exist, with these permissions. The process that joins is the one that counts."""
        if not 0 < key <= 0xffffffff or key == semaphores.OF_SEGMENT:
            # The kernel's key 0 is IPC_PRIVATE, which no other process can find.
            raise failure(SEMAPHORES, errno.EINVAL)
        self = cls(key)
        try:
            self._set, self.found = semaphores.join(key ^ semaphores.OF_SEGMENT, mode, self._open)
        except BaseException:
            self.detach()
            raise
        self._joined_by = os.getpid()
        return self

    def publish(self, text, **fields):
        """Replaces the channel's message by these bytes, and wakes the readers that wait. `fields`
        are those that you have added to SharedData."""
        if len(text) >= MESSAGE_SIZE or b'\0' in text:
            raise failure(SEGMENT, errno.EMSGSIZE if len(text) >= MESSAGE_SIZE else errno.EINVAL)
        # The kernel counts the process that joined. Its children may publish as long as it lives.
        if self._joined_by not in (os.getpid(), os.getppid()):
            raise failure(SEMAPHORES, errno.EPERM)
        semaphores.lock(self._set)
        try:
            if self._is_removed():
                raise failure(SEGMENT, errno.EIDRM)
            message.publish(self._shared, processId=os.getpid(), message=text, **fields)
        finally:
            semaphores.unlock(self._set)
        self._wake()

    def leave(self):
        """Leaves the channel and detaches it, whatever happens. Returns how many other writers
        stay; the last one removes segment and set."""
        if self._joined_by != os.getpid():
            self.detach()
            raise failure(SEMAPHORES, errno.EPERM)
        try:
            return semaphores.leave(self._set, self._remove, SEGMENT, self._is_removed())
        finally:
            self._wake()  # followers look whether anybody is alive
            self.detach()

    @classmethod
    def attach(cls, key):
        """Attaches the segment of `key` as a reader, who can't change it."""
        self = cls(key)
        try:
            self.id = ask(SEGMENT, libc.shmget, key, 0, 0)
            self._attach(sysv_ipc.SHM_RDONLY)
            small = self._look('size') < ctypes.sizeof(SharedData)
            if small or self._shared.is_of_another_layout():
                raise failure(SEGMENT, errno.EEXIST)
        except OSError as error:
            self.detach()
            if error.errno == errno.EIDRM:  # it was removed between two of the calls
                raise failure(SEGMENT, errno.ENOENT)
            raise
        return self

    def read(self):
        """A copy of the message, whose `state` says what it is worth."""
        return message.snapshot(self._shared)

    def wait(self, seen, seconds):
        """Sleeps until the version is another one than `seen`, that of the last message that was
        read, and for `seconds` at most; with 0 it only looks. GONE: there is nothing newer, and
        `reason` says why. EIDRM: the segment was removed. ESRCH: no writer is alive; the message
        was left behind. ENOENT: there is no semaphore set, so nobody knows."""
        end = time.monotonic() + seconds
        while not message.wait(self._shared, seen, 0):
            # First the writers, then the segment, because the last writer removes the segment, then
            # the set; then the version: whoever has gone by now can't publish in between.
            reason = semaphores.reason_to_go(self.key ^ semaphores.OF_SEGMENT)
            reason = errno.EIDRM if self._is_removed() else reason
            if message.wait(self._shared, seen, 0):
                break
            self.reason = reason
            if reason in (errno.EIDRM, errno.ESRCH, errno.ENOENT):
                return Waited.GONE
            if reason:
                raise failure(SEMAPHORES, reason)
            left = end - time.monotonic()
            if left <= 0:
                return Waited.QUIET
            message.wait(self._shared, seen, min(left, LOOK_UP))
        return Waited.NEWS

    def detach(self):
        """Detaches what attach() attached."""
        if self._memory:
            libc.shmdt(self._memory.address)
        self._memory = self._shared = self._joined_by = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._joined_by == os.getpid():
            self.leave()
        else:
            self.detach()

    def _open(self, mode, others):
        """Gets or makes the segment. The caller holds the lock."""
        made = True
        try:  # EINVAL: the system allows no segment of this size
            self.id = ask(SEGMENT, libc.shmget, self.key, ctypes.sizeof(SharedSegment),
                          sysv_ipc.IPC_CREX | mode, EINVAL=errno.ENOSPC)
        except FileExistsError:
            made, self.id = False, ask(SEGMENT, libc.shmget, self.key, 0, 0)
        try:
            self._attach(0)
            found = Found.CREATED if made else self._judge(mode, others)
        except BaseException:
            if made:
                libc.shmctl(self.id, IPC_RMID, None)
            raise
        self._shared.magic = MAGIC
        return found

    def _judge(self, mode, others):
        """Judges a segment that was there before us. One of zeros was made by a writer that was
        killed right then, or by a simple program; it is ours if nobody else has attached it who may
        be about to use it."""
        found = Found.JOINED if others else Found.TAKEN_OVER
        if self._look('size') != ctypes.sizeof(SharedSegment):
            raise failure(SEGMENT, errno.EEXIST)
        if not self._shared.is_ours():
            if (any(bytes(self._shared)) or self._look('number_attached') > 1 or
                    self._look('cuid') != os.geteuid()):
                raise failure(SEGMENT, errno.EEXIST)
            found = Found.CREATED
        if self._look('mode') & 0o666 & ~mode:
            raise failure(SEGMENT, errno.EACCES)
        return found

    def _remove(self):
        """What the last writer does. If somebody has removed its segment, writers that joined since
        then have made another one, and left that to the last writer, too."""
        identifier = self.id
        if self._is_removed():
            try:
                with Channel.attach(self.key) as now:
                    if not now._shared.is_ours():
                        return
                    identifier = now.id
            except OSError:
                return
        ask(SEGMENT, libc.shmctl, identifier, IPC_RMID, None)

    def _attach(self, flags):
        """A smaller segment than ours is mapped in whole pages, too: zeros stand behind it."""
        self._memory = ask(SEGMENT, sysv_ipc.attach, self.id, None, flags)
        self._shared = SharedSegment.from_address(self._memory.address)

    def _look(self, what):
        return ask(SEGMENT, getattr, self._memory, what)

    def _is_removed(self):
        """Whether somebody has removed the segment: it exists as long as it is attached, but nobody
        new can come to it. Who may not look takes it to be there."""
        try:
            return bool(self._look('mode') & SHM_DEST)
        except OSError as error:
            return error.errno == errno.EIDRM

    def _wake(self):
        wait.wake(self._memory.address + SharedSegment.version.offset)
