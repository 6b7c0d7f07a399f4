#!/usr/bin/env python3
"""Takes messages out of a System V message queue and prints them: reader.py's counterpart.

It sleeps in msgrcv(2), which a timer interrupts: nobody else wakes a reader when a writer is killed.
See src/queue/queue_reader.c.
"""
import errno
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I doesn't look here

from kernel import (
    CAPACITY, DONE, NOTHING_YET, QUEUE, attempt, complain, is_our_queue, is_unused, key_t, sysv_ipc)
from message import SHARED_DATA, TYPE, WHOLE, Message
from reader import LOOK_UP, Reader, main


class QueueReader(Reader):
    kind, opening = QUEUE, 'open'

    def __init__(self, options):
        super().__init__(options)
        self.gone = False     # the queue was removed
        self.dropped = 0      # messages
        self.room = 1 << 16   # bytes for one; more than that, no system allows by itself
        if options.follow or options.wait:
            import signal  # only where it sleeps: it takes as long to import as all the rest
            signal.signal(signal.SIGALRM, lambda *_: None)
            self.tick = lambda: signal.setitimer(signal.ITIMER_REAL, self.time_to_sleep(), LOOK_UP)

    def open(self):
        """False: there is no queue, or none that a writer has claimed."""
        with attempt('open', QUEUE, self.key):
            try:
                self.object = sysv_ipc.MessageQueue(key_t(self.key), 0, 0, self.room)
                if not is_our_queue(self.object):
                    if is_unused(self.object):
                        return False
                    raise OSError(errno.EEXIST, 'a stranger')
            except sysv_ipc.ExistentialError:
                return False
        self.gone = False
        self.greet()
        return True

    def close(self):
        """An ID needs no closing."""

    def news(self, wait):
        """Takes the next message of ours; whether there was one. What others put there is dropped,
        but only as many as there can be: a flood of them doesn't keep us from looking up."""
        if wait:
            self.tick()
        with attempt('receive from', QUEUE, self.key):
            for _ in range(CAPACITY + 1):
                try:
                    raw, kind = self.object.receive(wait)
                except sysv_ipc.PermissionsError:
                    raise
                except sysv_ipc.ExistentialError:
                    self.gone = True
                    return False
                except sysv_ipc.Error:  # there was none, until the tick
                    return False
                except OSError as error:
                    if error.errno != errno.E2BIG:
                        raise
                    self.room *= 2
                    self.open()
                    continue
                if (kind, len(raw)) == (TYPE, SHARED_DATA.size) and Message(raw).state == WHOLE:
                    self.copy = Message(raw)
                    return True
                self.drop()
        return False

    def drop(self):
        self.dropped += 1
        if self.dropped == 1:
            complain(f'{self.name}: dropped a message that holds no SharedData')

    def removed(self):
        return self.gone

    def unclaimed(self):
        return False

    def no_message(self):
        complain(f'{self.name}: no message came; wait for one with --wait')
        return NOTHING_YET

    def farewell(self):
        return DONE if self.shown else self.no_message()

    def run(self):
        try:
            return super().run()
        finally:
            if self.dropped > 1:
                complain(f'{self.name}: dropped messages that hold no SharedData: {self.dropped}')


if __name__ == '__main__':
    sys.exit(main(QueueReader))
