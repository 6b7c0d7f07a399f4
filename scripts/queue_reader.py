#!/usr/bin/env python3
"""Takes messages out of a System V message queue and prints them: reader.py's counterpart.

It sleeps in msgrcv(2), which a timer interrupts: nobody else wakes it when a writer is killed. See
src/queue/queue_reader.c.
"""
import errno
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I doesn't look here

from kernel import (
    CAPACITY, DONE, NOTHING_YET, QUEUE, attempt, complain, is_our_queue, is_unused, key_t,
    queue_length, sysv_ipc)
from message import unpacked
from reader import LOOK_UP, Reader, main


class QueueReader(Reader):
    kind, opening = QUEUE, 'open'

    def __init__(self, options):
        super().__init__(options)
        self.arrived = None  # a message, while waiting for one
        self.dropped = 0     # messages
        self.room = 1 << 16  # bytes for one; more than that, no system allows by itself
        self.interrupt_in = None
        if options.follow or options.wait:
            import signal  # only where it sleeps: it takes as long to import as all the rest
            signal.signal(signal.SIGALRM, lambda *_: None)
            self.interrupt_in = lambda time: signal.setitimer(signal.ITIMER_REAL, time, LOOK_UP)

    def open(self):
        """False: there is no queue, or none that a writer has claimed."""
        with attempt('open', QUEUE, self.key):
            try:
                queue = sysv_ipc.MessageQueue(key_t(self.key), 0, 0, self.room)
                if not is_our_queue(queue):
                    if is_unused(queue):
                        return False
                    raise OSError(errno.EEXIST, 'a stranger')
            except sysv_ipc.ExistentialError:
                return False
        self.object = queue
        self.greet()
        return True

    def close(self):
        self.object = None

    def removed(self):
        return queue_length(self.object) is None

    def unclaimed(self):
        return False

    def news(self):
        """Takes a message, if there is one."""
        message, self.arrived = self.arrived or self.receive(wait=False), None
        self.copy = message or self.copy
        return bool(message)

    def wait_for_news(self):
        self.interrupt_in(self.time_to_look_up())
        self.arrived = self.receive(wait=True)

    def receive(self, wait):
        """The next message of ours, or None. What others put there is dropped, but only as many as
        there can be: a flood of them doesn't keep us from looking up."""
        with attempt('receive from', QUEUE, self.key):
            for _ in range(CAPACITY + 1):
                try:
                    message = unpacked(*self.object.receive(wait))
                except sysv_ipc.PermissionsError:
                    raise
                except sysv_ipc.Error:  # there is none; or the timer has gone off, or the queue
                    return None
                except OSError as error:
                    if error.errno != errno.E2BIG:
                        raise
                    self.room *= 2
                    self.open()
                    continue
                if message:
                    return message
                self.dropped += 1
                if self.dropped == 1:
                    complain(f'{self.name}: dropped a message that holds no SharedData')
        return None

    def farewell(self):
        if self.shown and self.options.wait is not None and not self.alive:
            self.lament()
        return DONE if self.shown else self.no_message()

    def no_message(self):
        complain(f'{self.name}: no message came; wait for one with --wait')
        return NOTHING_YET

    def run(self):
        try:
            return super().run()
        finally:
            if self.interrupt_in:
                self.interrupt_in(0)  # not at all: it would kill Python at its end
            if self.dropped > 1:
                complain(f'{self.name}: dropped messages that hold no SharedData: {self.dropped}')


if __name__ == '__main__':
    sys.exit(main(QueueReader))
