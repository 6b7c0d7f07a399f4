"""C and Python print the same bytes: for whatever a segment holds, and for whatever the user types.

The C programs are run for real, the Python ones by python_server.py.
"""
import itertools
import os
import random
import re
import subprocess
import sys

from python_server import run_python
from support import (
    DONE, LIMIT, MAGIC, PYTHON_QUEUE_READER,
    PYTHON_READER, PYTHON_WRITER, QUEUE, READERS, READERS_IN_C, SIZE, TestCase, USAGE,
    WRITERS, WRITERS_IN_C, contents, objects_of, of_each, packed, remove_objects, slow)

CASES = int(os.environ.get('TEST_CASES', 40))  # make stress takes more


def random_text(chance):
    """Text as others might write it: UTF-8, damaged UTF-8, escapes, noise."""
    pieces = (
        lambda: bytes([chance.randrange(32, 127)]) * chance.randrange(1, 9),
        lambda: chr(chance.choice((0x80, 0x9f, 0xa0, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000,
                                   0x10ffff, chance.randrange(0x80, 0xd800)))).encode(),
        lambda: bytes([chance.randrange(1, 256)]),
        lambda: bytes([chance.randrange(0x80, 256) for _ in range(chance.randrange(1, 6))]),
        lambda: bytes([chance.choice((0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5)),
                       *(chance.choice((0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0))
                         for _ in range(chance.randrange(4)))]),
        lambda: chance.choice((b'\x1b[2J', b'\n', b'\t', b'\r', b'\x07', b'\x7f', b'\\x41', b'%s')),
    )
    text = b''
    longest = chance.choice((0, 1, 10, 100, 895, 896, 897, 898, 899, 900))
    while len(text) < longest:
        text += chance.choice(pieces)()
    return text[:longest]


def random_segment(chance):
    """The bytes of a segment; its version is even: an odd one costs both readers two seconds."""
    size = chance.choice((SIZE, SIZE, SIZE, SIZE + 1, 4096, 5000))
    kind = chance.randrange(10)
    if kind == 0:
        data = bytearray(chance.randbytes(size) if hasattr(chance, 'randbytes')
                         else os.urandom(size))
    else:
        text = random_text(chance)
        data = bytearray(contents(
            text, size=size,
            pid=chance.choice((1, 4711, 0x7fffffff, 4711, 0, -1, -0x80000000)),
            ready=chance.choice((1, 1, 1, 1, 1, 0, 2, 255)),
            version=chance.choice((0, 2, 0xfffffffe, 2 * chance.randrange(1 << 31))),
            magic=chance.choice((MAGIC, MAGIC, MAGIC, 0, MAGIC ^ 1)) or MAGIC ^ 0x80,
            length=chance.choice((len(text), len(text), len(text), 0, 899, 900, 0xffffffff,
                                  chance.randrange(900)))))
        for _ in range(chance.choice((0, 0, 1, 3, 40))):
            data[chance.randrange(SIZE)] = chance.choice((0, 1, 0x80, chance.randrange(256)))
    data[908 if sys.byteorder == 'little' else 911] &= 0xfe
    return bytes(data)


def common(answer, command):
    """What a program's answer must have in common with its counterpart's in the other language."""
    status, out, err = answer
    out = re.sub(rb'=== (C|Python) Program|from (C|Python) Process|(C|Python) program', b'X', out)
    if command in WRITERS:
        out, err = re.sub(rb'\d+', b'#', out), re.sub(rb'\d+', b'#', err)
    return status, *(text.replace(command.name.encode(), b'NAME') for text in (out, err))


class Agreement(TestCase):
    program = PYTHON_READER

    def counterpart(self):
        return (READERS_IN_C if self.program in READERS else WRITERS_IN_C)[self.program.medium]

    def compare(self, *arguments, what='', before=lambda: None):
        """Runs both, each after `before`; returns the exit status."""
        before()
        command = self.counterpart()
        result = subprocess.run([*command, *map(str, arguments)], input=b'',
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        c = common((result.returncode, result.stdout, result.stderr), command)
        before()
        python = common(run_python(self.program[-1], arguments, LIMIT), self.program)
        if result.returncode == USAGE and b'option' in c[2]:
            c, python = c[:2], python[:2]  # each language's library has words of its own for that
        self.assertEqual(c, python, f'{what} {arguments}')
        return result.returncode

    def assert_refused_alike(self, *arguments):
        self.assertEqual(self.compare('-k', self.key, *arguments), USAGE, arguments)
        self.assert_nothing_left()


class Segments(Agreement):
    def check_random_segments(self, *ways):
        seed = int(os.environ.get('TEST_SEED', random.SystemRandom().randrange(1 << 32)))
        chance = random.Random(seed)
        statuses = set()
        for case in range(CASES):
            data = random_segment(chance)
            memory = self.new_segment(data)
            statuses.add(self.compare('-k', self.key, *chance.choice(ways),
                                      what=f'TEST_SEED={seed} case {case}: {data!r}'))
            self.assertEqual(memory.read(), data)
            memory.remove()
        self.assertEqual(statuses, {0, 1, 3}, f'TEST_SEED={seed}: not every outcome came up')

    @slow
    def test_the_readers_agree_on_random_segments(self):
        self.check_random_segments([])

    @slow
    def test_the_readers_agree_on_random_segments_in_every_way_of_reading(self):
        self.check_random_segments(['-r'], ['-f'], ['-f', '-r'])

    def test_the_readers_agree_on_every_pair_of_bytes_around_the_borders_of_utf_8(self):
        borders = (0x01, 0x09, 0x0a, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                   0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff)
        texts = [bytes([first, second]) + tail for first in borders for second in borders
                 for tail in (b' ', b'\x80 ', b'\x80\x80 ')]
        memory = self.new_segment(bytes(SIZE))
        while texts:
            text = b''
            while texts and len(text) + len(texts[-1]) < 900:
                text += texts.pop()
            memory.write(contents(text))
            for options in [], ['-f']:
                self.assertEqual(self.compare('-k', self.key, *options, what=text), 0)

    def test_the_readers_agree_on_torn_segments(self):
        self.new_segment(contents(b'half', version=0xffffffff))
        self.assertEqual(self.compare('-k', self.key), 1)

    def test_the_readers_agree_on_segments_of_every_size(self):
        for size in 1, 907, 908, 1023, 1024, 1025, 4095, 4096, 4097, 1 << 20:
            for filling in bytes(size), contents(magic=0)[:size].ljust(size, b'\0'):
                memory = self.new_segment(filling)
                for options in [], ['-r']:
                    self.compare('-k', self.key, *options, what=f'size {size}')
                memory.remove()

    def test_the_server_is_like_the_real_reader(self):
        self.new_segment(contents('Grüße\x1b'.encode(), magic=0))
        for options in [], ['-r'], ['-f'], ['-fr'], ['-k', ''], ['-h'], ['-k', self.new_key()]:
            real = self.start(PYTHON_READER, '-k', self.key, *options).finish()
            served = self.run_program(PYTHON_READER, '-k', self.key, *options)
            self.assertEqual((served.status, served.out, served.err),
                             (real.status, real.out, real.err))


READER_WORDS = (
    '-r', '--raw', '--ra', '-f', '-fr', '-rf', '-w', '-t0', '--wait', '--wait=0', '--wa', '-w--',
    '-wx', '-t=1', '--timeout=', '--ti=0', '-t', '0', '1', '1x', '-k', '-k=5678', '--key=0x', '-kr', '-hx', '-h',
    '--help=x', '-V', '-rV', '-x', '-rx', '-é', '--nope', '--', '-', '', 'word', '---', '--=', '-m',
    '--stay')
WRITER_WORDS = (
    '-s', '--st', '--str', '--stay=x', '-m', '-m=x', '-mé', '--m=x', '--me', '--message=', '-p',
    '-p0600', '--mode=0777', '-p=600', '0700', '-sp0777', '-sm', '-k', '-k=5678', '--key=0x', '-hx',
    '-h', '-Vs', '-x', '-sx', '--nope', '--', '-', '', 'word', '---', '-w', '-r')


@of_each(program=[PYTHON_WRITER, PYTHON_QUEUE_READER])
class CommandLines(Agreement):
    """Each word alone, and some pairs of them; behind a key, so that nobody's channel is
    touched, and with a message to read, so that nobody waits for one."""

    def check(self, words):
        return self.compare('-k', self.key, *words, before=self.prepare)

    def prepare(self):
        if self.program in WRITERS:
            remove_objects(self.key)
        elif not objects_of(self.key):
            self.object = self.leave_behind()
        elif self.medium is QUEUE and self.object.current_messages == 0:
            self.put(self.object, packed())

    def waits_for_ever(self, words):
        """With a time it is enough to wait; for a living writer there are other tests."""
        return self.program in READERS and any('f' in word[:3] for word in words) and any(
            word in ('-w', '--wait', '--wa') for word in words)

    @slow
    def test_c_and_python_answer_every_command_line_alike(self):
        known = READER_WORDS if self.program in READERS else WRITER_WORDS
        lines = [[word] for word in known]
        pairs = [list(pair) for pair in itertools.product(known, known)]
        lines += random.SystemRandom().sample(pairs, min(CASES, len(pairs)))
        lines = [words for words in lines if not self.waits_for_ever(words)]
        statuses = {self.check(words) for words in lines}
        self.assertEqual(statuses, {DONE, USAGE})
