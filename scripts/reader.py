#!/usr/bin/env python3
"""Prints the message that a writer shares through System V shared memory: src/reader.c's
counterpart.

    ./writer                       in one terminal, or python3 scripts/writer.py, then
    python3 scripts/reader.py      in another

A reader attaches the segment, copies the message and prints the copy. It holds nothing and changes
nothing, so there may be any number of readers, and none disturbs a writer.
"""
import os
import sys
import time
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I doesn't look here

from pair.cli import errors  # first: it says what to do without sysv_ipc
from pair.cli import display, signals
from pair.cli.errors import DONE, FAILED, NOTHING_YET, complain
from pair.cli.options import reader_options
from pair.channel import Channel, MessageState, Waited
from pair.kernel import SEGMENT

ATTACH_AGAIN, READ_AGAIN = 0.01, 0.1  # seconds


def first_message(key, deadline):
    """Attaches the segment and takes the first whole message, or whatever is there at the deadline.
    While no writer is alive it attaches anew each time, because the next one may make another
    segment. Nor would that one take a segment of zeros to which a reader is attached."""
    while True:
        left, pause = deadline - time.monotonic(), ATTACH_AGAIN
        try:
            channel, news = Channel.attach(key), Waited.NEWS
        except FileNotFoundError:
            if left <= 0:
                raise
            news = None
        while news in (Waited.NEWS, Waited.QUIET):
            message, pause = channel.read(), READ_AGAIN
            if message.state in (MessageState.WHOLE, MessageState.DAMAGED) or left <= 0:
                return channel, message
            news = look(channel, message.version, left) if message.versioned else None
            left = deadline - time.monotonic()
        if pause == READ_AGAIN:
            channel.detach()
        time.sleep(max(0, min(left, pause)))


def look(channel, seen, seconds):
    """channel.wait(), but None for who may not look, or can't."""
    try:
        return channel.wait(seen, seconds)
    except OSError:
        return None


def warn(channel, message):
    """Says what a message that was shown is worth, if not everything."""
    if not message.versioned:
        complain(f'segment with key {channel.key} carries no version: whether the message is whole '
                 "can't be checked, and newer ones can't be followed")
    elif look(channel, message.version, 0) == Waited.GONE:
        errors.warn_left_behind(SEGMENT, channel.key, channel.reason, message.pid)


def no_message(channel, message):
    """Says why there is no message to be shown; returns the exit status."""
    name = f'segment with key {channel.key}'
    if message.state == MessageState.NONE:
        complain(f'{name}: nothing was published yet; wait for it with --wait')
        return NOTHING_YET
    if message.state == MessageState.TORN:
        gone = look(channel, message.version, 0) == Waited.GONE
        complain(f'{name}: its message is torn, a writer was {"" if gone else "stopped or "}killed '
                 'half-way; the next message replaces it')
    elif message.state == MessageState.BUSY:
        complain(f'{name}: messages follow each other too fast to read one; try again')
    else:
        complain(f'{name} holds no SharedData: processId {message.pid}, dataReady {message.ready}, '
                 f'message {"with" if message.has_nul else "without"} NUL')
        errors.explain_stranger(channel.key)
    return FAILED


def follow(channel, format, message):
    """Prints each message behind the first one, which has been read, until no writer is alive."""
    shown = message.state == MessageState.WHOLE
    seen = 0 if message.state == MessageState.BUSY else message.version
    missed = 0
    if message.state in (MessageState.TORN, MessageState.BUSY):
        no_message(channel, message)
    while channel.wait(seen, float('inf')) == Waited.NEWS:
        message = channel.read()
        if message.version == seen:
            continue
        if message.state == MessageState.WHOLE:
            # 1, or more if some were missed. A version begins anew at 0 some day.
            came = (message.version - (seen & ~1) & 0xffffffff) // 2
            missed += came - 1 if shown and came < 1 << 30 else 0
            shown = True
            display.message(SEGMENT, format, message)
        else:
            no_message(channel, message)
            if message.state == MessageState.DAMAGED:
                return FAILED
        if message.state != MessageState.BUSY:  # of which nothing was seen
            seen = message.version
    if missed:
        complain(f'segment with key {channel.key}: messages that came too fast to be shown: '
                 f'{missed}; the queue version delivers each')
    if message.state in (MessageState.TORN, MessageState.BUSY):
        return FAILED  # which was told
    if message.state != MessageState.WHOLE:
        return no_message(channel, message)
    warn(channel, message)
    return DONE


def main():
    signals.start()
    options = reader_options(SEGMENT)
    story = options.format == display.STORY

    if story:
        display.attempt(SEGMENT, options.key)
    with errors.explained('attach', SEGMENT, options.key):
        channel, message = first_message(options.key, time.monotonic() + options.timeout)
    if story:
        display.connected(SEGMENT, channel.id)
    whole = message.state == MessageState.WHOLE
    if whole:
        display.message(SEGMENT, options.format, message)
    goes_on = whole or message.state != MessageState.DAMAGED and not options.waits
    if options.follow and goes_on:
        with errors.explained('examine', SEGMENT, options.key):
            return follow(channel, options.format, message)
    if not whole:
        return no_message(channel, message)
    warn(channel, message)
    return DONE


if __name__ == '__main__':
    sys.exit(main())
