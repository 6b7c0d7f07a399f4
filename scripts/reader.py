#!/usr/bin/env python3
"""Prints the message that a writer shares through a System V shared memory segment.

    ./writer                       in one terminal, or python3 scripts/writer.py, then
    python3 scripts/reader.py      in another

A reader attaches read-only and takes a snapshot: a copy that is whole, because the same even version
was there before and after. It holds nothing and changes nothing, so there may be any number. Whether
a writer is alive, the semaphore set tells. src/reader.c does the same.
"""
import errno
import os
import sys
import time
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I doesn't look here

import display
from kernel import (
    DONE, FAILED, NOTHING_YET, SEGMENT, SEMAPHORES, attempt, complain, fail_at_stranger,
    is_removed, key_t, live_writers, refuse, sysv_ipc)
from message import BUSY, NONE, SIZE, TORN, WHOLE, snapshot, wait_for_change
from options import reader_options

PAUSE, LOOK_UP = 0.01, 0.5  # seconds, between two looks for an object, and for what isn't a message


class Reader:
    """Reads a segment. What is another thing with a queue, queue_reader.py overrides."""
    kind, opening = SEGMENT, 'attach'

    def __init__(self, options):
        self.options, self.key, self.set_key = options, options.key, options.set_key
        self.name = f'{self.kind.name} with key {self.key}'
        self.deadline = time.monotonic() + (options.wait or 0)
        self.copy = None       # the last message
        self.seen = None       # the version of the last one in this segment
        self.greeted = options.raw or options.follow
        self.missed = 0        # messages that came and went between two snapshots
        self.shown = False     # a message
        self.alive = False     # a living writer was seen
        self.lamented = False  # the user knows that none is alive

    def open(self):
        """Attaches the key's segment. False: there is none."""
        with attempt('attach', SEGMENT, self.key):
            try:
                self.object = sysv_ipc.SharedMemory(key_t(self.key), 0, 0o400)
                self.view = memoryview(self.object)[:SIZE]
            except (sysv_ipc.ExistentialError, ValueError, OSError) as error:
                if getattr(error, 'errno', None) in (None, errno.EIDRM):  # it went just now
                    return False
                raise
        if len(self.view) < SIZE:
            fail_at_stranger(self.key)
        return True

    def close(self):
        self.view.release()
        self.object.detach()
        self.copy = self.seen = None

    def news(self, wait):
        """Takes a snapshot, having waited for a change; whether it is another than the last one.
        Counts what came between."""
        if wait and self.copy and self.copy.versioned:
            wait_for_change(self.view, self.copy.version, self.time_to_sleep())
        self.copy = snapshot(self.view)
        state, version = self.copy.state, self.copy.version
        if state == NONE or version == self.seen:
            return False
        if state != BUSY:  # not this one; but perhaps its version's
            if self.seen is not None and self.copy.versioned:
                steps = (version & ~1) - (self.seen & ~1) & 0xffffffff
                self.missed += steps // 2 - (state == WHOLE)
            self.seen = version
        return True

    def removed(self):
        return is_removed(self.object)

    def unclaimed(self):
        """Whether the segment is no writer's so far. It would never be, if we stayed attached."""
        return self.seen is None and not self.copy.versioned

    def tell(self):
        """Shows a message. One that stays torn is no reason to stop: a writer will replace it."""
        if self.copy.state != WHOLE:
            self.no_message()
            return
        display.message(self.kind, self.options, self.copy.pid, self.copy.text)
        self.shown, self.lamented = True, False

    def no_message(self):
        """Says why there is none. Returns the exit status."""
        copy = self.copy
        if copy.state == NONE:
            complain(f'{self.name}: nothing was published yet; wait for it with --wait')
            return NOTHING_YET
        if copy.state == TORN:
            how = 'was stopped or killed' if live_writers(self.key) else 'was killed'
            complain(f'{self.name}: its message is torn, a writer {how} half-way; the next message '
                     'replaces it')
        elif copy.state == BUSY:
            complain(f'{self.name}: messages follow each other too fast to read one; try again')
        else:
            complain(f'{self.name} holds no SharedData: processId {copy.pid}, dataReady '
                     f'{copy.ready}, message {"with" if copy.nul else "without"} NUL')
            fail_at_stranger(self.key)
        return FAILED

    def lament(self):
        """Says what a message that was shown is worth, if not everything."""
        if not self.lamented and not self.copy.versioned:
            complain(f'{self.name} carries no version: whether the message is whole '
                     "can't be checked")
        elif not self.lamented and live_writers(self.set_key) == 0 and not self.removed():
            complain(f'{self.name}: no writer is alive; the message was left behind by process '
                     f'{self.copy.pid}')
        self.lamented = True

    def late(self):
        return time.monotonic() >= self.deadline

    def time_to_sleep(self):
        left = self.deadline - time.monotonic()
        return left if 0 < left < LOOK_UP else LOOK_UP

    def open_in_time(self):
        """Waits for the object, if the user wants that. False: in vain."""
        while not self.open():
            if self.late():
                return False
            time.sleep(PAUSE)
        return True

    def reopen_in_time(self):
        self.close()
        time.sleep(PAUSE)
        return self.open_in_time()

    def no_object(self):
        refuse(self.opening, self.kind, self.key, OSError(errno.ENOENT, 'not there'))

    def greet(self):
        if not self.greeted:
            display.connected(self.kind, self.object.id)
        self.greeted = True

    def run(self):
        """Returns the exit status."""
        return self.follow() if self.options.follow else self.read()

    def read(self):
        """Prints a message."""
        if not self.options.raw:
            display.attempt(self.kind, self.key)
        opened = self.open_in_time()
        while opened and not (self.news(wait=False) or self.late() or self.news(wait=True)):
            opened = self.reopen_in_time()
        if not opened:
            self.no_object()
        self.greet()
        if not self.copy or self.copy.state != WHOLE:
            return self.no_message()
        self.tell()
        self.lament()
        return DONE

    def follow(self):
        """Prints each new message until the writers have gone. With --wait, they can't have gone
        before one was alive and a message came, unless the time is over."""
        opened, wait, gone = self.open_in_time(), False, False
        self.alive = live_writers(self.set_key) > 0  # it may be killed behind its message
        while opened:
            if self.news(wait):
                self.tell()
                wait = False
                continue
            if gone:
                break
            writers, late, removed = live_writers(self.set_key), self.late(), self.removed()
            if writers < 0:  # who may not look doesn't know when to end
                refuse('examine', SEMAPHORES, self.set_key, OSError(errno.EACCES, 'not ours'))
            self.alive = self.alive or writers > 0 or removed  # by the last one that left
            if late and self.options.wait is not None and not self.shown:
                break
            if (removed or not writers) and (late or self.alive and self.shown):
                gone = True  # look once more: their last message may have come between
            elif removed or self.unclaimed():
                opened = self.reopen_in_time()
            elif not writers and self.shown:
                self.lament()
            wait = not gone
        else:
            return DONE if self.shown else self.no_object()
        return self.farewell()

    def farewell(self):
        if self.missed:
            complain(f'{self.name}: messages that came too fast to be shown: {self.missed}; '
                     'the queue version delivers each')
        if self.copy.state == WHOLE:
            self.lament()
        elif self.copy.state != NONE:  # which was said
            return FAILED
        return DONE if self.shown else self.no_message()


def main(reader=Reader):
    return reader(reader_options(reader.kind)).run()


if __name__ == '__main__':
    sys.exit(main())
