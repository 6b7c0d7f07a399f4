"""The bytes of a segment, and how a message goes into it and comes out whole or not at all.

See include/shared_data.h and include/message.h. A sequence lock: the publisher makes `version` odd,
changes the fields, makes it even; a reader whose copy began and ended under one even version has a
whole message. A segment is a memoryview here: a word of one is stored and loaded all at once.
"""
import os
import struct
import time

SIZE = 1024          # bytes of a segment; a larger one is accepted
MESSAGE_SIZE = 900   # bytes of a message, its NUL included
TYPE = 1             # of a message in a queue
OURS = 0x31726150    # the magic of a tail that is in use
SHARED_DATA = struct.Struct('=i900sB3x')      # processId, message, dataReady
READY, VERSION, MAGIC, LENGTH, SET = 904, 908, 912, 916, 920  # offsets; the last four: the tail

WHOLE, NONE, TORN, BUSY, DAMAGED = range(5)  # what a copy can be

EAGER_TRIES, PATIENCE = 100, 2  # and then seconds


class Message:
    """A private copy of a struct SharedData, whoever wrote it. Only WHOLE vouches for it."""

    def __init__(self, raw, version=0, versioned=True, state=None):
        self.pid, text, self.ready = SHARED_DATA.unpack_from(raw)
        self.text, self.nul, _ = text.partition(b'\0')
        self.version, self.versioned = version, versioned
        # processId 0 is nobody's, but right before a message
        damaged = self.ready > 1 or self.pid < self.ready or not self.nul
        self.state = state or (DAMAGED if damaged else WHOLE if self.ready else NONE)


def unpacked(raw, kind):
    """A message out of a queue; None: it holds no SharedData."""
    copy = Message(raw) if (len(raw), kind) == (SHARED_DATA.size, TYPE) else None
    return copy if copy and copy.state == WHOLE else None


def is_ours(view):
    return len(view) == SIZE and view.cast('I')[MAGIC // 4] == OURS


def claim(view, semaphores):
    """Makes a segment of zeros one of ours. Magic first: whoever is killed in between has left no
    stranger's segment."""
    words = view.cast('I')
    words[MAGIC // 4] = OURS
    words[SET // 4] = semaphores + 1


def belongs_to(view, semaphores):
    """Whether the writers of a segment are those that this semaphore set counts."""
    return view.cast('I')[SET // 4] == semaphores + 1


def publish(view, pid, text, fence):
    """Replaces the segment's message. The caller holds the writers' lock: there is one publisher at
    a time. One that died half-way before is no obstacle. `fence` keeps the stores before it before
    those behind it; Python has none of its own."""
    words = view.cast('I')
    version = words[VERSION // 4] | 1
    words[VERSION // 4] = version
    fence()
    view[READY] = 0
    view[:READY] = struct.pack('=i900s', pid, text)  # and NULs: nothing older stays behind it
    words[LENGTH // 4] = len(text)
    fence()
    view[READY] = 1
    fence()
    words[VERSION // 4] = (version + 1) & 0xffffffff


def snapshot(view):
    """Copies the message out. While one is being written it tries again; after two seconds the copy
    is TORN or BUSY, and its version alone means something."""
    words = view.cast('I')
    tries = 0
    while True:
        version, ours = words[VERSION // 4], is_ours(view)
        os.getppid()  # any system call: no processor loads ahead across one
        raw = view.tobytes()
        os.getppid()
        if not (ours and version % 2) and words[VERSION // 4] == version:
            return Message(raw, version, ours)
        tries += 1
        if tries == EAGER_TRIES:
            end, stuck = time.monotonic() + PATIENCE, version
        elif tries > EAGER_TRIES:
            if time.monotonic() >= end:
                torn = version % 2 and version == stuck
                return Message(raw, version, ours, TORN if torn else BUSY)
            time.sleep(0.001)


def wait_for_change(view, seen, seconds):
    """Sleeps until the version is another than `seen`, or for so long. It looks often at first, and
    then more and more seldom: a message after a long silence may take 20 milliseconds."""
    words = view.cast('I')
    end, pause = time.monotonic() + seconds, 0.001
    while words[VERSION // 4] == seen and time.monotonic() < end:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
