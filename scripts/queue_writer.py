#!/usr/bin/env python3
"""Shares messages through a System V message queue: src/queue/queue_writer.c's counterpart.

A segment holds a state, a queue a stream: each message goes to one reader, and waits for it in the
kernel. A writer waits when the queue is full.
"""
import errno
import itertools
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I doesn't look here

from pair.cli import errors  # first: it says what to do without sysv_ipc
from pair.cli import display, input, signals
from pair.cli.errors import complain
from pair.cli.options import writer_options
from pair.channel import Found
from pair.kernel import QUEUE
from pair.queue import Queue


def send(queue, text):
    """Sends one message. If the queue is full for longer than a moment, says what it waits for."""
    with errors.explained('send to', QUEUE, queue.key):
        for looks in itertools.count():
            try:
                return queue.send(text, wait=looks > 0)
            except (BlockingIOError, InterruptedError):
                pass
            if signals.received():
                errors.fail(f'queue with key {queue.key} is full: a message was not sent')
            if looks == 0:
                signals.tick(0.1)
            if looks == 2:
                complain(f'queue with key {queue.key} is full ({queue.length()} messages): waiting '
                         'for a reader')


def share(queue, options):
    send(queue, options.message)
    display.written(QUEUE, options.message)
    if not options.stay:
        input.enter()


def stream(queue):
    display.show('Sending every line of standard input...\n')
    sent = 0
    for sent, line in enumerate(input.lines(), 1):
        send(queue, line)
    display.show(f'Messages sent: {sent}\n')


def stay(queue):
    """Stays until a signal comes, or until somebody has removed the queue, which leave() then
    says."""
    display.show('Staying until a signal comes...\n')
    while not signals.received() and not queue.is_removed():
        signals.sleep(0.5)


def leave(queue, keep_messages):
    """Removing the queue loses what nobody has received. So at the end of a stream the last writer
    waits for readers, until a signal comes."""
    with errors.explained('remove', QUEUE, queue.key):
        for looks in itertools.count():
            try:
                others = queue.leave(keep_messages and not signals.received())
                break
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
            if looks == 10:
                complain(f'queue with key {queue.key}: waiting for a reader of the last messages: '
                         f'{queue.length()}')
            signals.sleep(0.01)
    if queue.lost:
        complain(f'queue with key {queue.key} was removed with messages that nobody had received: '
                 f'{queue.lost}')
    if queue.borrowed and others == 0:
        display.show(f'Message queue stays (ID: {queue.id}): another program made it\n')
    else:
        display.left(QUEUE, queue.id, others)


def main():
    signals.start()
    options = writer_options(QUEUE)
    with signals.caught():
        with errors.explained('join', QUEUE, options.key):
            queue = Queue.join(options.key, options.mode)
        done = False
        try:
            if queue.found == Found.TAKEN_OVER:
                complain(f'queue {queue.id} with key {queue.key} was left behind by an earlier '
                         f'writer, with messages: {queue.length()}')
            display.joined(QUEUE, queue.found, queue.id, queue.key)
            if options.stream:
                stream(queue)
            else:
                share(queue, options)
            if options.stay:
                stay(queue)
            done = True
        finally:
            leave(queue, keep_messages=done and options.stream)


if __name__ == '__main__':
    main()
