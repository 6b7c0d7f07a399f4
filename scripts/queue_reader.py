#!/usr/bin/env python3
"""Takes messages out of a System V message queue and prints them.

The counterpart of src/queue_reader.c: the same options, output and exit status.
"""
import signal
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends us as it ends any program

import sys
import time

from shared_data import (
    DONE, NOTHING_YET, Parser, SHARED_DATA_SIZE, SharedData, fail, key_t, missing, refused,
    warn, write, writers_count)
import sysv_ipc

CAPACITY = 16 * SHARED_DATA_SIZE  # in bytes: what a queue of ours is recognised by
TYPE = 1
LONGEST = 65536                   # of a stranger's messages; the kernel's limit is 8192 by default


def writers_key(key):
    """The key of the set that belongs to the queue with this key."""
    return key ^ 0x51000000


def open_queue(options):
    """The queue, or None if there is none."""
    try:
        queue = sysv_ipc.MessageQueue(key_t(options.key), 0, 0o400, LONGEST)
        if queue.max_size == CAPACITY:
            return queue
        if queue.current_messages == 0 and queue.last_send_time == 0:
            return None  # not ours yet
    except sysv_ipc.ExistentialError:
        return None
    except (sysv_ipc.Error, OSError) as error:
        return refused('open', 'message queue', options.key, error)
    return fail(f'queue {queue.id} with key {options.key} (0x{options.key:x}) is not ours: it was '
                "made by another program (see 'ipcs -q') and is left untouched; use another key "
                'with --key')


def take(options, queue):
    """The next message of ours, None if the queue is empty. ExistentialError: it was removed. What
    others put there is dropped, but only so much of it at a time."""
    for _ in range(1000):
        try:
            raw, kind = queue.receive(block=False)
        except sysv_ipc.BusyError:
            return None
        if kind == TYPE and len(raw) == SHARED_DATA_SIZE:
            data = SharedData(raw)
            if data.data_ready and not data.damaged():
                return data
        warn(f'queue with key {options.key}: dropped a message that holds no SharedData')
    return None


def first_message(options):
    """Opens the queue and, unless there is a stream to follow, takes a message, waiting for both if
    the user wants that."""
    connected = False
    deadline = time.monotonic() + options.wait
    while True:
        queue = open_queue(options)
        if queue and not connected and not options.raw and not options.follow:
            write(b'Successfully connected to message queue (ID: %d)\n\n'
                  b'Reading data from message queue...\n\n' % queue.id)
        connected = connected or queue is not None
        if queue and options.follow:
            return queue, None
        try:
            data = queue and take(options, queue)
        except sysv_ipc.ExistentialError:
            queue = data = None
        if data:
            return queue, data
        if time.monotonic() >= deadline:
            if not queue:
                missing('open', 'message queue', options.key)
            fail(f'queue with key {options.key}: no message is in it; wait for one with --wait',
                 NOTHING_YET)
        time.sleep(0.001 if connected else 0.01)


def follow(options, queue):
    """Prints each message as it comes, until the writers have gone."""
    shown = gone = False
    look_up = 0
    while True:
        try:
            data = take(options, queue)
        except sysv_ipc.ExistentialError:
            data, gone = None, True
        if data:
            write(data.shown(options))
            shown = True
        elif gone:
            if not shown:
                missing('open', 'message queue', options.key)
            return
        elif time.monotonic() >= look_up:
            # Having seen them gone, look once more: their last message may have come between.
            gone = writers_count(writers_key(options.key)) == 0
            look_up = time.monotonic() + 0.5
        else:
            time.sleep(0.001)


def left_behind(options, queue):
    try:
        return queue.max_size and writers_count(writers_key(options.key)) == 0
    except sysv_ipc.ExistentialError:
        return False  # removed: its writer has left as it should


def read(options):
    """Prints what the options ask for. Returns the exit status."""
    queue, data = first_message(options)
    if options.follow:
        follow(options, queue)
        return DONE
    write(data.shown(options, 'Message Queue'))
    if left_behind(options, queue):
        warn(f'queue with key {options.key}: no writer is alive; the message was left behind by '
             f'process {data.process_id}')
    return DONE


def main():
    parser = Parser('Print the message that a writer shares through a System V message queue.',
                    'queue')
    options = parser.parse_args()
    if writers_key(options.key) == 0:
        parser.error(f"key 0x{options.key:x} can't have a queue: its writers' set would have key 0")
    if not options.follow and not options.raw:
        write(b'=== Python Program - Message Queue Reader ===\n\n'
              b'Attempting to connect to message queue with key: %d\n' % options.key)
    try:
        return read(options)
    except (sysv_ipc.Error, OSError, MemoryError) as error:
        return refused('receive from', 'message queue', options.key, error)


if __name__ == '__main__':
    sys.exit(main())
