"""The bytes of a segment, and how a message goes in and comes out whole.

See include/shared_data.h and src/message.h. A sequence lock: a publisher makes `version` odd,
changes the message, and makes it even. A reader whose copy began and ended under one even version
has a whole message. Readers write nothing and hold nothing.
"""
import ctypes
import time
from _thread import allocate_lock
from enum import Enum

from pair import wait as sleep

SHARED_KEY, SIZE = 5678, 1024  # of a segment, in bytes
MESSAGE_SIZE = 900      # bytes of a message, its NUL included
MAGIC = 0x31726150      # "Par1" in memory; another layout takes "Par2", and so on
LARGEST_PID = 1 << 22   # of Linux
EAGER_TRIES = 100       # at copying a message before the first sleep
SLEEP, GIVE_UP = 0.05, 2  # seconds


class SharedData(ctypes.Structure):
    """The assignment's struct."""
    _fields_ = [('processId', ctypes.c_int),
                ('message', ctypes.c_char * MESSAGE_SIZE),
                ('dataReady', ctypes.c_ubyte)]


class SharedSegment(SharedData):
    """The whole segment: our tail stands behind the struct. A number in it is loaded and stored all
    at once."""
    _fields_ = [('version', ctypes.c_uint), ('magic', ctypes.c_uint), ('length', ctypes.c_uint),
                ('zeros', ctypes.c_ubyte * (SIZE - ctypes.sizeof(SharedData) - 12))]

    def is_ours(self):
        return self.magic == MAGIC

    def is_of_another_layout(self):
        return not self.is_ours() and self.magic & 0xffffff == MAGIC & 0xffffff


# What a message that was read is worth: see channel.h.
MessageState = Enum('MessageState', 'WHOLE NONE TORN BUSY DAMAGED')


class Message:
    """A private copy of a message. Only MessageState.WHOLE vouches for its text."""

    def __init__(self, data, version=0, versioned=True, state=None):
        self.data = data            # the whole struct, and what you have added to it
        self.pid, self.text, self.ready = data.processId, data.message, data.dataReady
        self.has_nul = len(self.text) < MESSAGE_SIZE
        self.version = version      # 2 more for each message of this segment
        self.versioned = versioned  # False: by a program that knows only struct SharedData
        # Whatever isn't ready has a process ID that is still 0, or one that can be right: text
        # where the ID should be is another program's.
        possible = self.pid > 0 if self.ready else 0 <= self.pid <= LARGEST_PID
        damaged = self.ready > 1 or not possible or not self.has_nul
        self.state = state or (MessageState.DAMAGED if damaged else
                               MessageState.WHOLE if self.ready else MessageState.NONE)


def fence():
    """Keeps the loads and stores before it before those behind it, in the eyes of every process.

    Python has no fences. But its locks are POSIX semaphores or mutexes: sem_wait() and sem_post(),
    or pthread_mutex_lock() and pthread_mutex_unlock(), are among the functions that synchronize
    memory (POSIX.1, 4.12). A processor may move what stands on either side of one lock into it, and
    so past each other, but nothing past a release and a later acquire. So the lock is taken twice.
    """
    lock = allocate_lock()
    for _ in range(2):
        with lock:
            pass


def publish(segment, **fields):
    """Replaces the segment's message by these fields of SharedData. The caller holds the writers'
    lock, so there is one publisher at a time. One that died half-way before is no obstacle."""
    data = SharedData(**fields)
    segment.magic = MAGIC  # a simple program may have written over it
    fence()
    version = segment.version | 1
    segment.version = version
    fence()
    segment.dataReady = 0
    # all of `message`, so that nothing of a longer one stays
    ctypes.memmove(ctypes.addressof(segment), ctypes.byref(data), SharedData.dataReady.offset)
    segment.length = len(data.message)
    fence()
    segment.dataReady = 1
    fence()
    segment.version = version + 1


def snapshot(segment):
    """Copies the message out. While one is being written it tries again, for two seconds at most.
    In a segment without our magic, `version` is just a number that must not have changed."""
    tries = 0
    while True:
        version = segment.version
        fence()
        versioned = segment.is_ours()
        data = SharedData.from_buffer_copy(segment)
        fence()
        if not (versioned and version % 2) and segment.version == version:
            return Message(data, version, versioned)
        tries += 1
        if tries < EAGER_TRIES:
            continue
        if tries == EAGER_TRIES:
            end, first = time.monotonic() + GIVE_UP, version
        elif time.monotonic() >= end:
            torn = version % 2 and version == first
            return Message(data, version, versioned,
                           MessageState.TORN if torn else MessageState.BUSY)
        sleep.for_change(segment, version, SLEEP)


def wait(segment, seen, seconds):
    """Sleeps until the version is another one than `seen`; whether it is."""
    if seconds > 0:
        sleep.for_change(segment, seen, seconds)
    return segment.is_ours() and segment.version != seen
