#!/usr/bin/env python3
"""Prints the message that a writer shares through a System V shared memory segment.

The counterpart of src/reader.c: the same options, output and exit status. It attaches read-only.
"""
import signal
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends us as it ends any program

import errno
import sys
import time

from shared_data import (
    DONE, FAILED, MAGIC, NOTHING_YET, Parser, SIZE, SharedData, TAIL, VERSION_OFFSET, fail, key_t,
    missing, refused, warn, write, writers_count)
import sysv_ipc

SHM_DEST = 0o1000  # in a segment's mode: marked for destruction, see shmctl(2)
WHOLE, NOTHING, TORN, BUSY, DAMAGED = range(5)


def version_of(memory):
    return TAIL.unpack(memory.read(TAIL.size, VERSION_OFFSET))[0]


def snapshot(memory):
    """Copies the message out: (state, version, versioned, SharedData).

    The copy is whole if the same even version stood before and after it. There are no fences in
    Python, and none needed: between two reads run thousands of instructions.
    """
    for attempt in range(1500):
        version = version_of(memory)
        raw = memory.read(SIZE)
        versioned = TAIL.unpack_from(raw, VERSION_OFFSET)[1] == MAGIC
        if not (versioned and version % 2) and version_of(memory) == version:
            break
        if attempt > 100:
            time.sleep(0.001)
    else:
        return TORN if version % 2 else BUSY, version, True, None
    data = SharedData(raw)
    state = DAMAGED if data.damaged() else WHOLE if data.data_ready else NOTHING
    return state, version, versioned, data


def wait_for_version(memory, seen, limit):
    """Until another version than `seen` is there, or `limit` seconds have passed."""
    end = time.monotonic() + limit
    while version_of(memory) == seen and time.monotonic() < end:
        time.sleep(0.001)


def removed(memory):
    return memory.mode & SHM_DEST


def stranger(number, memory):
    made = time.strftime('%F %T', time.localtime(memory.last_change_time))
    fail(f'segment {memory.id} with key {number} (0x{number:x}) is not ours: {memory.size} bytes, '
         f'made by process {memory.creator_pid} of user {memory.cuid}, last changed {made}; it is '
         'left untouched. Use another key with --key, or, if nobody needs it, remove it with: '
         f'ipcrm -m {memory.id}')


def attach(number):
    """The segment, attached read-only, or None if there is none."""
    try:
        memory = sysv_ipc.SharedMemory(key_t(number), 0, mode=0o400)
        if memory.size < SIZE:
            stranger(number, memory)
        return memory
    except (sysv_ipc.ExistentialError, ValueError):  # never there, or removed between two calls
        return None
    except (sysv_ipc.Error, OSError, MemoryError) as error:
        if getattr(error, 'errno', None) == errno.EIDRM:
            return None
        return refused('attach', 'shared memory segment', number, error)


def first_snapshot(options):
    """Attaches and, unless follow() will do it, takes a snapshot, waiting for both if the user wants
    that."""
    deadline = time.monotonic() + options.wait
    while True:
        memory = attach(options.key)
        left = deadline - time.monotonic()
        if memory and options.follow:
            return memory, None
        if memory:
            found = snapshot(memory)
            if found[0] != NOTHING or left <= 0:
                return memory, found
            wait_for_version(memory, found[1], min(left, 0.5))
            memory.detach()
        elif left <= 0:
            missing('attach', 'shared memory segment', options.key)
        else:
            time.sleep(0.01)


def explain(number, memory, state, data):
    """Says why there is no message to show. Returns the exit status."""
    segment = f'segment with key {number}'
    if state == NOTHING:
        warn(f'{segment}: nothing was published yet; wait for it with --wait')
        return NOTHING_YET
    if state == TORN:
        how = 'was killed' if writers_count(number) == 0 else 'was stopped or killed'
        warn(f'{segment}: its message is torn, a writer {how} half-way; the next message '
             'replaces it')
    elif state == BUSY:
        warn(f'{segment}: messages follow each other too fast to read one; try again')
    else:
        warn(f'{segment} holds no SharedData: {data.describe()}')
        stranger(number, memory)
    return FAILED


def follow(options, memory):
    """Prints each new message until the writers have gone. A message that stays torn is no reason
    to stop while there are writers, who will replace it. Returns the exit status."""
    seen = None
    gone = False
    while True:
        state, version, versioned, data = snapshot(memory)
        if state == DAMAGED:
            return explain(options.key, memory, state, data)
        fresh = state != NOTHING and version != seen
        if fresh and state == WHOLE:
            write(data.shown(options))
        elif fresh:
            explain(options.key, memory, state, data)
        if fresh:
            seen = version
        elif gone and state == WHOLE:
            return epilogue(options.key, memory, versioned, data)
        elif gone:
            return explain(options.key, memory, state, data) if state == NOTHING else FAILED
        else:
            # Having seen them gone, look once more: their last message may have come between.
            gone = removed(memory) or writers_count(options.key) == 0
            if not gone:
                wait_for_version(memory, version, 0.5)


def epilogue(number, memory, versioned, data):
    """What is to be said of a message that was shown. Returns the exit status."""
    if not versioned:
        warn(f'segment with key {number} carries no version: whether the message is whole '
             "can't be checked")
    elif writers_count(number) == 0 and not removed(memory):
        warn(f'segment with key {number}: no writer is alive; the message was left behind by '
             f'process {data.process_id}')
    return DONE


def read(options, story):
    """Prints what the options ask for. Returns the exit status."""
    memory, found = first_snapshot(options)
    if story:
        write(b'Successfully connected to shared memory (ID: %d)\n\n'
              b'Reading data from shared memory...\n\n' % memory.id)
    if options.follow:
        return follow(options, memory)
    state, _, versioned, data = found
    if state != WHOLE:
        return explain(options.key, memory, state, data)
    write(data.shown(options))
    return epilogue(options.key, memory, versioned, data)


def main():
    options = Parser('Print the message that a writer shares through System V shared memory.',
                     'segment').parse_args()
    story = not options.follow and not options.raw
    if story:
        write(b'=== Python Program - Shared Memory Reader ===\n\n'
              b'Attempting to connect to shared memory with key: %d\n' % options.key)
    try:
        return read(options, story)
    except (sysv_ipc.Error, OSError, MemoryError) as error:  # the owner took our permission away
        return refused('read', 'shared memory segment', options.key, error)


if __name__ == '__main__':
    sys.exit(main())
