#!/usr/bin/env python3
"""Prints the message that a writer shares through a System V shared memory segment.

    ./writer                       in one terminal, or python3 scripts/writer.py, then
    python3 scripts/reader.py      in another

A reader attaches read-only and takes a snapshot: a copy that is whole, because the same even
version was there before and after. It holds nothing and changes nothing, so there may be any number
of them. Whether a writer is alive, the semaphore set tells. src/reader.c does the same.
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
        self.greeted = options.raw or options.follow
        self.object = None     # the segment
        self.copy = None       # the last snapshot
        self.seen = None       # the version of the last message in this segment
        self.missed = 0        # messages that came and went between two snapshots
        self.shown = False     # a message
        self.alive = False     # a living writer was seen
        self.lamented = False  # the user knows that none is alive

    def open(self):
        """Attaches the segment that the key has now. False: there is none."""
        with attempt('attach', SEGMENT, self.key):
            try:
                memory = sysv_ipc.SharedMemory(key_t(self.key), 0, 0o400)
                view = memoryview(memory)[:SIZE]
            except (sysv_ipc.ExistentialError, ValueError, OSError) as error:
                if getattr(error, 'errno', None) in (None, errno.EIDRM):  # it went just now
                    return False
                raise
        if len(view) < SIZE:
            fail_at_stranger(self.key)
        self.close()
        self.object, self.view = memory, view
        return True

    def close(self):
        if self.object:
            self.view.release()
            self.object.detach()
        self.object = self.seen = None

    def removed(self):
        return is_removed(self.object)

    def news(self):
        """Takes a snapshot; whether it is another message than the last one. Counts what came
        between."""
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

    def unclaimed(self):
        """Whether the segment is no writer's. It would never be, if we stayed attached."""
        return self.seen is None and not self.copy.versioned

    def wait_for_news(self):
        if not self.unclaimed():
            wait_for_change(self.view, self.copy.version, self.time_to_look_up())

    def time_to_look_up(self):
        left = self.deadline - time.monotonic()
        return left if 0 < left < LOOK_UP else LOOK_UP

    def late(self):
        return time.monotonic() >= self.deadline

    def open_in_time(self):
        """Waits for the object, if the user wants that. False: in vain."""
        while not self.open():
            if self.late():
                return False
            time.sleep(PAUSE)
        return True

    def run(self):
        """Returns the exit status, as the others that return something here."""
        return self.follow() if self.options.follow else self.read()

    def read(self):
        """Prints a message. While there is none it attaches anew each time: a writer that has
        published nothing may leave, and its segment with it."""
        if not self.options.raw:
            display.attempt(self.kind, self.key)
        while self.open_in_time():
            found = self.news()
            if not found and not self.late():
                self.wait_for_news()
                found = self.news()
            if found or self.late():
                self.greet()
                status = self.tell() if found else self.no_message()
                if status == DONE:
                    self.lament()
                return status
            self.close()
            time.sleep(PAUSE)
        return self.no_object()

    def follow(self):
        """Prints each new message until the writers have gone. With --wait, they can't have gone
        before one was alive and a message came, unless the time is over."""
        while self.object or self.open_in_time():
            # Before the snapshot: so that has the last message of writers that have gone.
            removed, late, writers = self.removed(), self.late(), live_writers(self.set_key)
            # The last one that left has removed it; or somebody what was left behind.
            self.alive = self.alive or (not self.lamented if removed else writers > 0)
            if self.news():
                self.tell()
            elif writers < 0:  # who may not look doesn't know when to end
                refuse('examine', SEMAPHORES, self.set_key, OSError(errno.EACCES, 'not ours'))
            elif late and self.options.wait is not None and not self.shown:
                return self.farewell()
            elif removed and self.open():
                pass  # somebody has made another one since
            elif (removed or not writers) and (late or self.alive and self.shown):
                return self.farewell()
            elif removed or self.unclaimed():
                self.close()
                time.sleep(PAUSE)
            else:
                if not writers and self.shown:
                    self.lament()
                self.wait_for_news()
        return DONE if self.shown else self.no_object()

    def greet(self):
        if not self.greeted:
            display.connected(self.kind, self.object.id)
        self.greeted = True

    def tell(self):
        """Shows a message. For a follower, one that stays torn is no reason to stop: a writer will
        replace it."""
        if self.copy.state != WHOLE:
            return self.no_message()
        display.message(self.kind, self.options, self.copy.pid, self.copy.text)
        self.shown, self.lamented = True, False
        return DONE

    def lament(self):
        """Says what a message that was shown is worth, if not everything."""
        if not self.lamented and not self.copy.versioned:
            complain(f'{self.name} carries no version: whether the message is whole '
                     "can't be checked")
        elif not self.lamented and live_writers(self.set_key) == 0 and not self.removed():
            complain(f'{self.name}: no writer is alive; the message was left behind by process '
                     f'{self.copy.pid}')
        self.lamented = True

    def farewell(self):
        if self.missed:
            complain(f'{self.name}: messages that came too fast to be shown: {self.missed}; '
                     'the queue version delivers each')
        if self.copy.state == WHOLE:
            self.lament()
        elif self.copy.state != NONE:  # which was said
            return FAILED
        return DONE if self.shown else self.no_message()

    def no_message(self):
        """Says why there is none."""
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

    def no_object(self):
        refuse(self.opening, self.kind, self.key, OSError(errno.ENOENT, 'not there'))


def main(reader=Reader):
    return reader(reader_options(reader.kind)).run()


if __name__ == '__main__':
    sys.exit(main())
