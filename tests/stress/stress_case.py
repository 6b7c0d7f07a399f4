"""What the parts of the stress test share."""
import contextlib
import random

from support import (
    READERS_IN_C, SEGMENT, WRITERS_IN_C, Program, objects_of, remove_objects)

NEXT = 'The next message'


class Problem(Exception):
    """What a program did that it should not have done."""


def expect(condition, what):
    if not condition:
        raise Problem(what)


def new_key():
    """A key that nobody uses."""
    while True:
        key = random.SystemRandom().randrange(0x20000000, 0x3fffffff)
        if not objects_of(key):
            return key


class Case(contextlib.ExitStack):
    """A key and the programs that use it; nothing of them stays when it ends, however it ends."""

    def __init__(self, medium=SEGMENT):
        super().__init__()
        self.medium = medium

    def __enter__(self):
        super().__enter__()
        self.key = new_key()
        self.callback(remove_objects, self.key)
        return self

    def start(self, command, *arguments, maker=Program, **options):
        program = maker([*command, '-k', str(self.key), *arguments], **options)
        self.callback(program.dispose)
        return program

    def run(self, command, *arguments, **options):
        return self.start(command, *arguments, **options).finish()

    def next_writer(self, command=None):
        """Whatever was before: a writer takes it over, can be read and removes it."""
        writer = self.start(command or WRITERS_IN_C[self.medium], '-m', NEXT)
        writer.wait_for('Press Enter')
        reader = self.run(READERS_IN_C[self.medium], '-r')
        # In a queue there may be older messages.
        right = reader.out == NEXT.encode() + b'\n' if self.medium is SEGMENT else reader.out
        expect(reader.status == 0 and right and not reader.err, f'the next reader: {reader}')
        result = writer.finish()
        expect(result.status == 0, f'the next writer: {result}')
        self.nothing_left('by the next writer')

    def nothing_left(self, when):
        left = objects_of(self.key)
        expect(not left, f'{" and ".join(left)} left {when}')
