#!/usr/bin/env python3
"""Shares a message through a System V shared memory segment.

    python3 scripts/writer.py      in one terminal, then
    ./reader                       in another, or python3 scripts/reader.py

A writer joins: it takes the lock of the key's semaphore set and is counted there, both or neither,
and gets or creates the segment. It publishes under the lock. When it leaves, the last one removes
segment and set; what a killed one leaves behind, the next one takes over. src/writer.c does the
same, and any number of both may join.
"""
import errno
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I doesn't look here

import display
from kernel import SEGMENT, NewSegment, attempt, complain, is_removed, key_t, sysv_ipc
from message import SIZE, VERSION, belongs_to, claim, is_ours, publish
from options import writer_options
from semaphores import Semaphores, wake
from writing import run, share


class Writer:
    """Writes to a segment. What is another thing with a queue, queue_writer.py overrides."""
    kind = SEGMENT

    def __init__(self, options):
        self.options, self.key = options, options.key
        self.semaphores = Semaphores(options.set_key)

    def join(self):
        with attempt('join', self.kind, self.key):
            self.semaphores.join(self.options.mode)
            try:
                found = self.open()
                self.semaphores.unlock()
            except Exception:
                self.semaphores.leave(lambda: None)
                raise
        display.joined(self.kind, found, self.object.id, self.key)

    def open(self):
        """Gets or creates the segment and decides by what is in it. The caller holds the lock."""
        try:
            made, self.object = True, NewSegment(self.key, self.options.mode)
        except sysv_ipc.ExistentialError:
            made, self.object = False, sysv_ipc.SharedMemory(key_t(self.key), 0, 0o600)
        self.view = memoryview(self.object)[:SIZE]

        # As the kernel made it, just now or for a writer killed right here; but not if somebody
        # else has attached it, who may be about to use it.
        if ((made or self.object.number_attached == 1) and self.object.size == SIZE and
                self.view == bytes(SIZE)):
            claim(self.view, self.semaphores.id)
            return 'created'
        if not is_ours(self.view):
            raise OSError(errno.EEXIST, 'a stranger')
        if belongs_to(self.view, self.semaphores.id):
            if self.semaphores.live() > 1:
                return 'joined'
            complain(f'segment {self.object.id} with key {self.key} was left behind by an earlier '
                     'writer')
            return 'taken over'
        # Somebody removed the set under its writers. One of them may be in the middle of
        # publishing, and our lock is another: leave the segment to them. But if ours is the set
        # that has gone, the segment is that of a newer one.
        self.view.release()
        self.object.detach()
        self.semaphores.live()
        self.object.remove()
        self.open()
        complain(f'a segment with key {self.key} had lost its semaphore set: it was replaced by '
                 f'segment {self.object.id}')
        return 'created'

    def send(self, text):
        """Every reader finds `text` in place of what was there."""
        with attempt('lock', SEGMENT, self.key):
            self.semaphores.lock()
            if self.removed():
                self.semaphores.unlock()
                raise OSError(errno.EIDRM, 'removed')
        publish(self.view, os.getpid(), text, self.semaphores.fence)
        with attempt('unlock', SEGMENT, self.key):
            self.semaphores.unlock()
        wake(self.view[VERSION:VERSION + 4])

    def leave(self, done):
        """Returns how many other writers remain. `done`: all was sent."""
        removed = self.removed()
        with attempt('remove', self.kind, self.key):
            try:
                self.semaphores.lock()
                self.wait_for_readers(done)
                removed = self.removed()
                others = self.semaphores.leave(self.remove)
            finally:
                if removed:
                    raise OSError(errno.EIDRM, 'removed')
        return others

    def wait_for_readers(self, done):
        """A state is there to be overwritten."""

    def remove(self):
        """What the last writer does. If somebody has removed its segment, others may have made
        another one since then, and left that to the last writer, too."""
        try:
            memory = self.object
            if self.removed():
                memory = sysv_ipc.SharedMemory(key_t(self.key), 0, 0o400)
            view = memoryview(memory)[:SIZE]
            if is_ours(view) and belongs_to(view, self.semaphores.id):
                memory.remove()
                wake(view[VERSION:VERSION + 4])  # followers may end
        except (sysv_ipc.ExistentialError, ValueError):
            pass

    def removed(self):
        return is_removed(self.object)


def main(writer=Writer):
    options = writer_options(writer.kind)
    writer, done = writer(options), False
    writer.join()
    try:
        share(options, writer.kind, writer.send)
        done = True
    finally:
        others = writer.leave(done)
        display.left(writer.kind, writer.object.id, others)


if __name__ == '__main__':
    run(main)
