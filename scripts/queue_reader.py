#!/usr/bin/env python3
"""Takes messages out of a System V message queue and prints them: reader.py's counterpart.

It waits in the kernel, in msgrcv(2), which a timer interrupts twice a second: nobody wakes a reader
when a writer is killed. See src/queue/queue_reader.c.
"""
import errno
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I doesn't look here

import display
from kernel import (
    CAPACITY, DONE, NOTHING_YET, QUEUE, attempt, complain, is_our_queue, is_unused, key_t,
    sysv_ipc)
from message import SHARED_DATA, TYPE, WHOLE, Message
from options import reader_options
from reader import LOOK_UP, Reader


class QueueReader(Reader):
    kind, opening = QUEUE, 'open'

    def __init__(self, options):
        super().__init__(options)
        self.room = 1 << 16  # for a message; the system's limit is 8192, if nobody has changed it
        self.dropped = 0
        if options.follow or options.wait:
            import signal  # only here: it takes longer to import than all the others
            signal.signal(signal.SIGALRM, lambda *_: None)
            self.interrupt = lambda: signal.setitimer(signal.ITIMER_REAL, self.limit(), LOOK_UP)

    def open(self):
        """False: there is no queue, or none of ours yet."""
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
        self.connect()
        display.flush()
        return True

    def close(self):
        """An ID needs no closing."""

    def run(self):
        try:
            return super().run()
        finally:
            if self.dropped > 1:
                complain(f'{self.name}: dropped messages that hold no SharedData: {self.dropped}')

    def removed(self): 
        return self.gone

    def news(self, wait):
        """Takes the next message of ours out of the queue. What others put there is dropped, but
        only as much as can be there: a flood of it doesn't keep us from looking up."""
        if wait:
            self.interrupt()
        with attempt('receive from', QUEUE, self.key):
            for _ in range(CAPACITY + 1):
                try:
                    raw, kind = self.object.receive(wait)
                except sysv_ipc.PermissionsError:
                    raise
                except sysv_ipc.ExistentialError:
                    self.gone = True
                    return False
                except sysv_ipc.Error:  # there is none; or the timer has interrupted us
                    return False
                except OSError as error:
                    if error.errno != errno.E2BIG:
                        raise
                    self.room *= 2
                    self.open()
                    continue
                if (kind, len(raw)) == (TYPE, SHARED_DATA.size):
                    self.copy = Message(raw, versioned=True)
                    if self.copy.state == WHOLE: return True
                self.dropped += 1
                if self.dropped == 1:
                    complain(f'{self.name}: dropped a message that holds no SharedData')
        return False

    def no_message(self):
        complain(f'{self.name}: no message came; wait for one with --wait')
        return NOTHING_YET

    def farewell(self):
        return DONE if self.shown else self.no_message()


if __name__ == '__main__':
    sys.exit(QueueReader(reader_options(QUEUE)).run())
