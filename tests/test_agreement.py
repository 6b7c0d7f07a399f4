"""Both readers print the same bytes for whatever a segment holds.

The C reader is run for real. Starting a Python for each case would take minutes: this file, run as
a program, is a server that forks a reader.py for each command line on its standard input.
"""
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = 200


def serve():
    """[arguments] -> [status, stdout, stderr], one line of JSON each."""
    scripts = os.path.join(os.path.dirname(HERE), 'scripts')
    sys.path[0] = scripts
    sys.argv = [os.path.join(scripts, 'reader.py')]
    import reader

    def run(arguments):
        sys.argv[1:] = arguments
        try:
            return reader.main()
        except SystemExit as end:
            return end.code

    for line in sys.stdin:
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(out_end, 1)
            os.dup2(err_end, 2)
            status = 99
            try:
                status = run(json.loads(line))
                sys.stderr.flush()
            finally:
                os._exit(status)
        os.close(out_end)
        os.close(err_end)
        texts = []
        for descriptor in out, err:
            with open(descriptor, 'rb') as pipe:
                texts.append(pipe.read().decode('latin-1'))
        status = os.waitpid(child, 0)[1]
        answer = [os.WEXITSTATUS(status) if os.WIFEXITED(status) else -status, *texts]
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    serve()
    sys.exit()

from support import C_READER, MAGIC, PYTHON_READER, SIZE, TestCase, contents, slow  # noqa: E402


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


class Agreement(TestCase):
    def setUp(self):
        super().setUp()
        self.server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.addCleanup(self.stop_server)

    def stop_server(self):
        self.server.stdin.close()
        self.server.stdout.close()
        self.server.wait()

    def python(self, *arguments):
        self.server.stdin.write(json.dumps([str(word) for word in arguments]).encode() + b'\n')
        self.server.stdin.flush()
        status, out, err = json.loads(self.server.stdout.readline())
        return status, out.encode('latin-1'), err.encode('latin-1')

    @staticmethod
    def c(*arguments):
        result = subprocess.run([*C_READER, *map(str, arguments)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        return result.returncode, result.stdout, result.stderr

    @staticmethod
    def alike(status, out, err, name, language):
        """What must be the same: all but the program's name."""
        return (status, out.replace(b'=== %s Program' % language, b'=== X Program'),
                err.replace(name + b': ', b'X: '))

    def compare(self, data, options, what):
        ours = self.alike(*self.c('-k', self.key, *options), b'reader', b'C')
        theirs = self.alike(*self.python('-k', self.key, *options), b'reader.py', b'Python')
        self.assertEqual(ours, theirs, f'{what}, options {options}: {data!r}')
        return ours[0]

    def check_random_segments(self, *ways):
        seed = int(os.environ.get('TEST_SEED', random.SystemRandom().randrange(1 << 32)))
        chance = random.Random(seed)
        statuses = set()
        for case in range(CASES):
            data = random_segment(chance)
            memory = self.new_segment(data)
            statuses.add(self.compare(data, chance.choice(ways), f'TEST_SEED={seed} case {case}'))
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
            data = contents(text)
            memory.write(data)
            for options in [], ['-f']:
                self.assertEqual(self.compare(data, options, 'borders'), 0)

    def test_the_readers_agree_on_torn_segments(self):
        self.new_segment(contents(b'half', version=0xffffffff))
        self.assertEqual(self.compare(b'', [], 'torn'), 1)

    def test_the_readers_agree_on_segments_of_every_size(self):
        for size in 1, 907, 908, 1023, 1024, 1025, 4095, 4096, 4097, 1 << 20:
            for filling in bytes(size), contents(magic=0)[:size].ljust(size, b'\0'):
                memory = self.new_segment(filling)
                for options in [], ['-r']:
                    self.compare(filling[:8], options, f'size {size}')
                memory.remove()

    def test_the_server_is_like_the_real_reader(self):
        self.new_segment(contents('Grüße\x1b'.encode(), magic=0))
        for options in [], ['-r'], ['-f'], ['-f', '-r']:
            real = self.run_program(PYTHON_READER, '-k', self.key, *options)
            self.assertEqual(self.python('-k', self.key, *options),
                             (real.status, real.out, real.err.encode()))
