#!/usr/bin/env python3
"""Shares a message through System V shared memory: src/writer.c's counterpart.

    python3 scripts/writer.py      in one terminal, then
    ./reader                       in another, or python3 scripts/reader.py

A writer joins the channel, publishes and leaves. The semaphore set counts it meanwhile, and the
last writer that leaves removes everything. Whatever kills a writer, the kernel counts it out and
releases its lock (SEM_UNDO), and the next writer takes over what it left behind.
"""
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # python3 -I doesn't look here

from pair.cli import errors  # first: it says what to do without sysv_ipc
from pair.cli import display, input, signals
from pair.cli.options import writer_options
from pair.channel import Channel, Found, Waited
from pair.kernel import SEGMENT


def share(channel, options):
    """The assignment's story: publishes one message, shows it and waits for Enter."""
    with errors.explained('publish through', SEGMENT, channel.key):
        channel.publish(options.message)
    display.written(SEGMENT, options.message)
    if not options.stay:
        input.enter()


def stream(channel):
    """Publishes every line of standard input."""
    display.show('Publishing every line of standard input...\n')
    sent = 0
    with errors.explained('publish through', SEGMENT, channel.key):
        for sent, line in enumerate(input.lines(), 1):
            channel.publish(line)
    display.show(f'Messages sent: {sent}\n')


def stay(channel):
    """Stays until a signal comes, or until somebody has removed the channel, which leave() then
    says."""
    display.show('Staying until a signal comes...\n')
    while not signals.received():
        signals.sleep(0.5)
        try:
            if channel.wait(channel.read().version, 0) == Waited.GONE:
                return
        except OSError:
            pass  # a writer that may not look stays, too


def leave(channel):
    with errors.explained('remove', SEGMENT, channel.key):
        others = channel.leave()
    display.left(SEGMENT, channel.id, others)


def main():
    signals.start()
    options = writer_options(SEGMENT)
    with signals.caught():
        with errors.explained('join', SEGMENT, options.key):
            channel = Channel.join(options.key, options.mode)
        try:
            if channel.found == Found.TAKEN_OVER:
                errors.complain(f'segment {channel.id} with key {channel.key} was left behind by '
                                'an earlier writer')
            display.joined(SEGMENT, channel.found, channel.id, channel.key)
            if options.stream:
                stream(channel)
            else:
                share(channel, options)
            if options.stay:
                stay(channel)
        finally:
            leave(channel)


if __name__ == '__main__':
    main()
