#!/usr/bin/env python3
"""Takes messages out of a System V message queue and prints them: src/queue/queue_reader.c's
counterpart.
"""
import errno
import os
import sys
import time
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I doesn't look here

from pair.cli import errors  # first: it says what to do without sysv_ipc
from pair.cli import display, signals
from pair.cli.errors import DONE, NOTHING_YET, complain
from pair.cli.options import reader_options
from pair.kernel import QUEUE, SEMAPHORES, failure
from pair.queue import MOST, Queue

OPEN_AGAIN, LOOK_UP = 0.01, 0.5  # seconds

dropped = 0  # messages that were none of ours


def open_queue(key, deadline):
    with errors.explained('open', QUEUE, key):
        while True:
            try:
                return Queue.open(key)
            except FileNotFoundError:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(OPEN_AGAIN)


def start_timer(deadline):
    """From here on a sleep ends when it is time to look up, or at the deadline."""
    left = deadline - time.monotonic()
    signals.tick(left if 0 < left < LOOK_UP else LOOK_UP)


def receive(queue, wait):
    """The next message of ours; waits for one, if the timer runs. None: none came until it was time
    to look up, or the queue was removed. What others put there is dropped, but only as many as
    there can be at once: a flood of them doesn't keep the caller from looking at the clock."""
    global dropped
    for _ in range(MOST + 1):
        try:
            return queue.receive(wait)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EINTR, errno.EIDRM):
                return None
            if error.errno != errno.EBADMSG:
                raise
        dropped += 1
        if dropped == 1:
            complain(f'queue with key {queue.key}: dropped a message that holds no SharedData')
    return None


def first_message(options):
    """Opens the queue and takes a first message, or whatever is there at the deadline: perhaps
    None. While it waits it opens the queue anew, because a writer may leave, and another one make
    another queue."""
    deadline = time.monotonic() + options.timeout
    connected = options.format != display.STORY
    while True:
        queue = open_queue(options.key, deadline)
        if not connected:
            display.connected(QUEUE, queue.id)
        connected = True
        over = time.monotonic() >= deadline
        start_timer(deadline)
        message = receive(queue, wait=not over)
        if message or over:
            return queue, message


def follow(queue, format):
    """Prints each message as it comes, until no writer is alive. Returns the last one, if any."""
    last = None
    start_timer(float('inf'))
    while True:
        reason, message = 0, receive(queue, wait=False)
        if not message:
            # First this, then the queue: whoever has gone by now can't send in between.
            reason = queue.reason_to_go()
            if reason not in (0, errno.ESRCH, errno.ENOENT):
                sys.exit(errors.explain('examine', QUEUE, queue.key, failure(SEMAPHORES, reason)))
            message = receive(queue, wait=reason == 0)
        if message:
            display.message(QUEUE, format, message)
            last = message
        elif reason or queue.is_removed():
            return last


def read(options):
    """Returns the exit status."""
    queue, message = first_message(options)
    if message:
        display.message(QUEUE, options.format, message)
    if options.follow and (message or not options.waits):
        message = follow(queue, options.format) or message
    if not message:
        complain(f'queue with key {queue.key}: no message came; wait for one with --wait')
        return NOTHING_YET
    # First this, then the queue: the last writer removes the queue, then the set.
    reason = queue.reason_to_go()
    if not queue.is_removed():
        errors.warn_left_behind(QUEUE, queue.key, reason, message.pid)
    return DONE


def main():
    signals.start()
    options = reader_options(QUEUE)
    if options.format == display.STORY:
        display.attempt(QUEUE, options.key)
    try:
        with errors.explained('receive from', QUEUE, options.key):
            return read(options)
    finally:
        if dropped > 1:
            complain(f'queue with key {options.key}: dropped messages that hold no SharedData: '
                     f'{dropped}')


if __name__ == '__main__':
    sys.exit(main())
