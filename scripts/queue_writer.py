#!/usr/bin/env python3
"""Shares messages through a System V message queue: writer.py's counterpart.

A queue holds a stream where a segment holds a state: each message goes to one reader, and waits for
it in the kernel. A writer joins and leaves as writer.py does. See src/queue/queue_writer.c.
"""
import errno
import os
import sys
import time
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I doesn't look here

import writing
from kernel import (
    CAPACITY, QUEUE, attempt, complain, fail, is_our_queue, is_unused, key_t,
    queue_length, sysv_ipc)
from message import SHARED_DATA, unpacked
from writer import Writer, main


class QueueWriter(Writer):
    kind = QUEUE
    lost = 0  # messages, with the queue

    def open(self):
        """Gets or creates the queue. The caller holds the lock."""
        made, key, mode = True, key_t(self.key), self.options.mode
        try:
            self.object = sysv_ipc.MessageQueue(key, sysv_ipc.IPC_CREX, mode)
        except sysv_ipc.ExistentialError:
            made, self.object = False, sysv_ipc.MessageQueue(key, 0, 0)
        if not made and is_our_queue(self.object):
            if self.semaphores.live() > 1:
                return 'joined'
            complain(f'queue {self.object.id} with key {self.key} was left behind by an earlier '
                     f'writer, with messages: {self.length()}')
            return 'taken over'
        if not made and not is_unused(self.object):
            raise OSError(errno.EEXIST, 'a stranger')
        capacity = min(CAPACITY, self.object.max_size // SHARED_DATA.size * SHARED_DATA.size)
        if capacity == 0:
            if made:
                self.object.remove()
            raise OSError(errno.ENOSPC, 'too small')
        self.object.max_size = capacity
        return 'created'

    def send(self, text):
        """Waits while the queue is full; if that takes longer than a moment, it says so."""
        data = SHARED_DATA.pack(os.getpid(), text, 1)
        began, wait, told = time.monotonic(), False, False
        with attempt('send to', QUEUE, self.key):
            while True:
                try:
                    return self.object.send(data, wait)
                except (sysv_ipc.ExistentialError, sysv_ipc.PermissionsError):
                    raise
                except sysv_ipc.Error:  # it is full, or a signal came while we waited
                    wait = True
                except OSError:  # EINVAL: it went some time ago; or the system allows no such size
                    raise OSError(errno.EIDRM if self.removed() else errno.ENOSPC, 'in vain')
                if writing.received:
                    fail(f'queue with key {self.key} is full: a message was not sent')
                if not told and time.monotonic() > began + 0.2:
                    complain(f'queue with key {self.key} is full ({self.length()} messages): '
                             'waiting for a reader')
                    told = True

    def wait_for_readers(self, done):
        """Removing the queue loses what nobody has received: at the end of a stream the last writer
        waits for that, until a signal comes."""
        looks, done = 0, done and self.options.stream
        while done and not writing.received and self.length() and self.semaphores.live() == 1:
            self.semaphores.unlock()
            looks += 1
            if looks == 10:
                complain(f'queue with key {self.key}: waiting for a reader of the last messages: '
                         f'{self.length()}')
            time.sleep(0.01)
            self.semaphores.lock()

    def leave(self, done):
        others = super().leave(done)
        if self.lost:
            complain(f'queue with key {self.key} was removed with messages that nobody had '
                     f'received: {self.lost}')
        return others

    def remove(self):
        """What the last writer does: with the queue that the key has now, if that has our set.
        What is lost is counted while taking it out: else a reader might take it meanwhile."""
        self.semaphores.live()
        try:
            queue = sysv_ipc.MessageQueue(key_t(self.key), 0, 0, CAPACITY)
            if not is_our_queue(queue):
                return
            queue.max_size = queue.max_size  # who may change it may remove it
            for _ in range(CAPACITY):
                try:
                    self.lost += unpacked(*queue.receive(block=False)) is not None
                except (sysv_ipc.BusyError, OSError):
                    break
            queue.remove()
        except sysv_ipc.ExistentialError:
            pass

    def length(self):
        return queue_length(self.object)

    def removed(self):
        return self.length() is None


if __name__ == '__main__':
    writing.run(lambda: main(QueueWriter))
