"""What the parts of the stress test share."""
import contextlib
import random

from support import C_READER, Program, WRITER, objects_of, remove_objects

NEXT = 'The next message'


class Problem(Exception):
    """What a program did that it should not have."""


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

    def next_writer(self, command=WRITER):
        """Whatever was before: this works."""
        writer = self.start(command, '-m', NEXT)
        writer.wait_for('Press Enter')
        reader = self.run(C_READER, '-r')
        expect((reader.status, reader.out, reader.err) == (0, NEXT.encode() + b'\n', ''),
               f'the next reader: {reader}')
        result = writer.finish()
        expect(result.status == 0, f'the next writer: {result}')

    def nothing_left(self, when):
        left = objects_of(self.key)
        expect(not left, f'{" and ".join(left)} left {when}')
