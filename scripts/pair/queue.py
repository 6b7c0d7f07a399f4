"""The message-queue version: the same SharedData as a stream, each message to one reader.

Its writers join and leave as those of a segment do, with a semaphore set of their own. A queue of
ours is recognised by its capacity. What fails is an OSError; see src/queue/queue.h.
"""
import ctypes
import errno
import os

import sysv_ipc

from pair import semaphores
from pair.channel import Found
from pair.kernel import IPC_NOWAIT, IPC_RMID, QUEUE, ask, failure, key_t, libc
from pair.message import Message, MessageState, SharedData

TYPE = 1  # of every message: a queue must have one
SIZE = ctypes.sizeof(SharedData)
MOST = 16 * SIZE  # a queue's capacity, in bytes; it holds no more messages of any kind than that
MSG_NOERROR = 0o10000

# Two permissions that mean nothing to the kernel are our notes on a queue. MAKING: one of our
# writers made it, and hasn't set its capacity yet. BORROWED: it was made by somebody else, most
# likely a program that is about to receive from it; we send, but don't remove it.
MAKING, BORROWED = 0o100, 0o010


class QueuedData(ctypes.Structure):
    """With one byte more than ours: a longer message is cut there, and so is recognised."""
    _fields_ = [('type', ctypes.c_long), ('data', SharedData), ('more', ctypes.c_ubyte)]


class Queue:
    id = -1
    found = None      # by join()
    lost = 0          # messages that nobody had received when it was removed
    borrowed = False  # somebody else made it, so the last writer hasn't removed it
    _status = None    # what sysv_ipc says of it
    _set = -1

    def __init__(self, key):
        """For join() and open()."""
        self.key = key

    @classmethod
    def join(cls, key, mode):
        """Joins the queue of `key` as a writer. Messages in one that was left behind stay in it."""
        self = cls(key)
        self._set, self.found = semaphores.join(key ^ semaphores.OF_QUEUE, mode, self._open)
        return self

    @classmethod
    def open(cls, key):
        """Opens the queue of `key` for reading. ENOENT: there is none. EEXIST: it isn't ours."""
        self = cls(key)
        self._get(0, 0, errno.ENOENT)
        try:
            if not is_ours(self._look('max_size')):  # not yet, or never
                raise failure(QUEUE, errno.EEXIST if self._is_used() else errno.ENOENT)
        except OSError as error:
            if error.errno == errno.EIDRM:  # it was removed between two of the calls
                raise failure(QUEUE, errno.ENOENT)
            raise
        return self

    def leave(self, keep_messages):
        """Leaves. The last writer removes queue and set, unless somebody else made the queue. With
        `keep_messages` it stays a writer as long as there are any: EBUSY."""
        return semaphores.leave(self._set, lambda: self._remove(keep_messages), QUEUE,
                                self.is_removed())

    def send(self, text, wait):
        """Waits while the queue is full, or, if not `wait`, EAGAIN."""
        queued = QueuedData(TYPE, SharedData(os.getpid(), text, True))
        try:  # EINVAL: the system allows no message of this size; or the queue has gone
            ask(QUEUE, libc.msgsnd, self.id, ctypes.byref(queued), SIZE, 0 if wait else IPC_NOWAIT,
                EINVAL=errno.ENOSPC)
        except OSError as error:
            if error.errno == errno.ENOSPC and self.is_removed():
                raise failure(QUEUE, errno.EIDRM)
            raise

    def receive(self, wait):
        """Takes the oldest message out of the queue. Waits for one, or, if not `wait`, EAGAIN.
        EBADMSG: what was taken out is no message of ours, and dropped."""
        queued = QueuedData()
        length = ask(QUEUE, libc.msgrcv, self.id, ctypes.byref(queued), SIZE + 1, 0,
                     MSG_NOERROR | (0 if wait else IPC_NOWAIT), ENOMSG=errno.EAGAIN)
        message = Message(queued.data)
        if (queued.type, length, message.state) != (TYPE, SIZE, MessageState.WHOLE):
            raise failure(QUEUE, errno.EBADMSG)
        return message

    def length(self):
        """How many messages are in the queue."""
        return self._look('current_messages')

    def reason_to_go(self):
        """0 if a writer is alive; see semaphores.reason_to_go()."""
        return semaphores.reason_to_go(self.key ^ semaphores.OF_QUEUE)

    def is_removed(self):
        try:
            return self.length() < 0
        except OSError as error:
            return error.errno == errno.EIDRM

    def _get(self, flags, mode, problem):
        """`problem`: EEXIST or ENOENT, both of which are one exception in sysv_ipc."""
        self._status = ask(QUEUE, sysv_ipc.MessageQueue, key_t(self.key), flags, mode,
                           EIDRM=problem)
        self.id = self._status.id

    def _look(self, what):
        return ask(QUEUE, getattr, self._status, what)

    def _change(self, what, number, **meaning):
        ask(QUEUE, setattr, self._status, what, number, **meaning)

    def _is_used(self):
        return self._look('current_messages') or self._look('last_send_time')

    def _open(self, mode, others):
        """Gets or makes the queue. The caller holds the lock."""
        made = True
        try:
            self._get(sysv_ipc.IPC_CREX, mode & 0o666 | MAKING, errno.EEXIST)
        except FileExistsError:
            made = False
            self._get(0, 0, errno.ENOENT)
        try:
            return self._judge(mode, others)
        except BaseException:
            if made:
                libc.msgctl(self.id, IPC_RMID, None)
            raise

    def _judge(self, mode, others):
        """Judges a queue, which may be new, and claims it if it isn't anybody's yet."""
        permissions, capacity = self._look('mode'), self._look('max_size')
        if permissions & 0o666 & ~mode:
            raise failure(QUEUE, errno.EACCES)
        if is_ours(capacity):
            return Found.JOINED if others else Found.TAKEN_OVER
        if self._is_used():
            raise failure(QUEUE, errno.EEXIST)
        # Its capacity is what the system gave it: ours is what fits into that.
        if capacity < SIZE:
            raise failure(QUEUE, errno.ENOSPC)
        # One after the other, so that a writer that is killed between them leaves what isn't ours
        # yet, or what has its note already.
        if permissions & MAKING:
            self._change('max_size', min(MOST, capacity // SIZE * SIZE))
            self._change('mode', permissions & ~MAKING)
            return Found.CREATED
        self._change('mode', permissions | BORROWED)
        self._change('max_size', min(MOST, capacity // SIZE * SIZE))
        return Found.JOINED

    def _remove(self, keep_messages):
        """What the last writer does. If somebody has removed its queue, writers that joined since
        then have made another one, and left that to the last writer, too."""
        try:
            now = Queue.open(self.key)
            permissions, messages = now._look('mode'), now.length()
        except OSError:
            return
        self.borrowed = bool(permissions & BORROWED)
        if self.borrowed:
            return
        if messages and keep_messages:
            raise failure(QUEUE, errno.EBUSY)
        now._change('mode', permissions, EACCES=errno.EPERM)  # whoever may do this may remove it
        # It takes all messages out. Asking how many there are wouldn't tell how many are lost: a
        # reader may take some of them before the queue is removed.
        for _ in range(MOST):
            try:
                now.receive(wait=False)
                self.lost += 1
            except OSError as error:
                if error.errno != errno.EBADMSG:
                    break
        ask(QUEUE, libc.msgctl, now.id, IPC_RMID, None)


def is_ours(capacity):
    """No system's default capacity is a whole number of our messages."""
    return capacity in range(SIZE, MOST + 1, SIZE)
