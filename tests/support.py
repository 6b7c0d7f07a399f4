"""What the tests share: programs to start, keys to use, the kernel's objects to look at.

Nothing here sleeps for a time that is hoped to be long enough. Everything waits for an event, and
LIMIT only turns a hang into a failure.
"""
import ctypes
import os
import pathlib
import random
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import sysv_ipc

LIMIT = 60  # seconds

TOP = pathlib.Path(__file__).resolve().parent.parent
WRITER = [str(TOP / 'writer')]
C_READER = [str(TOP / 'reader')]
PYTHON_READER = [sys.executable, str(TOP / 'scripts' / 'reader.py')]

# include/shared_data.h says the same; test_layout.py compares
SIZE = 1024
MAGIC = 0x31726150
VERSION_OFFSET = 908
NOBODY, THIRD = 65534, 65533  # two user IDs that own nothing

DONE, FAILED, USAGE, NOTHING_YET = range(4)

libc = ctypes.CDLL(None, use_errno=True)

# Between fork and exec a child has what we have: descriptors and, before Python 3.10, attachments.
# Who holds this lock knows that there is no such child.
FORKING = threading.Lock()


class Popen(subprocess.Popen):
    """For subprocess.run() and its kind, too."""

    def __init__(self, *arguments, **options):
        with FORKING:
            super().__init__(*arguments, **options)


subprocess.Popen = Popen
LIVE, LOCK = 0, 1
GETVAL, GETZCNT, SETVAL = 12, 15, 16


def demonstration(pid):
    return ('Hello from C Process!\n'
            'This is inter-process communication demonstration.\n'
            'Data is being shared through shared memory segment.\n'
            f'Process ID: {pid}').encode()


def contents(message=b'Hello', pid=4711, ready=1, version=2, magic=MAGIC, length=None, size=SIZE):
    """The bytes of a segment. Without magic: as a program that knows only SharedData writes it."""
    data = struct.pack('=i900sB3x', pid, message, ready)
    if magic:
        data += struct.pack('=III', version, magic, len(message) if length is None else length)
    return data.ljust(size, b'\0')


def wait_until(condition, what):
    """Waits until condition() is true; returns what it returned."""
    end = time.monotonic() + LIMIT
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f'waited {LIMIT} seconds in vain: {what}')
        time.sleep(0.002)


def checked(result):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


# Semaphore sets: sysv_ipc knows sets of one only.

def set_of(key):
    """The ID of the key's semaphore set, None if there is none."""
    identifier = libc.semget(key, 0, 0)
    return identifier if identifier >= 0 else None


def new_set(key, count, mode=0o666):
    return checked(libc.semget(key, count, sysv_ipc.IPC_CREX | mode))


def semaphore(key, number, what=GETVAL):
    return checked(libc.semctl(set_of(key), number, what, 0))


def live_writers(key):
    """How many; 0 also without a set, or if it is removed while we look."""
    identifier = set_of(key)
    return 0 if identifier is None else max(libc.semctl(identifier, LIVE, GETVAL, 0), 0)


def remove_set(key):
    checked(libc.semctl(set_of(key), 0, 0))


def segment_of(key):
    """The key's segment, attached; None if there is none."""
    try:
        return sysv_ipc.SharedMemory(key)
    except sysv_ipc.ExistentialError:
        return None


def objects_of(key):
    """Which kinds of objects with this key are in the kernel."""
    kinds = {'segment': libc.shmget(key, 0, 0), 'set': libc.semget(key, 0, 0),
             'queue': libc.msgget(key, 0)}
    return [kind for kind, identifier in kinds.items() if identifier >= 0]


def remove_objects(key):
    for get, control in ((libc.shmget, lambda i: libc.shmctl(i, 0, None)),
                         (libc.semget, lambda i: libc.semctl(i, 0, 0, 0))):
        identifier = get(key, 0, 0)
        if identifier >= 0:
            control(identifier)
    identifier = libc.msgget(key, 0)
    if identifier >= 0:
        libc.msgctl(identifier, 0, None)


# Processes

def process_state(pid):
    """R, S, T (stopped), Z …: the third field of /proc/PID/stat."""
    with open(f'/proc/{pid}/stat', encoding='latin-1') as stat:
        return stat.read().rpartition(')')[2].split()[0]


def without_rights_of_root():
    """What makes a program that we run heed permissions. Works for ordinary users, who need it not,
    and for a root that lacks the right itself."""
    if os.geteuid() != 0:
        return []
    return ['setpriv', '--bounding-set=-ipc_owner', '--inh-caps=-all', '--']


def with_setting(setting, value):
    """What runs a program where the system has less to give: in an IPC namespace of its own."""
    return ['unshare', '-i' if os.geteuid() == 0 else '-ri', 'sh', '-c',
            f'echo "{value}" >/proc/sys/kernel/{setting} && exec "$@"', 'sh']


def works(command, **options):
    """Whether the command can be run and ends well: what this machine lets us do."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=LIMIT, **options).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def compile_c(program, *sources):
    """As the Makefile compiles, whose variables come to us in the environment."""
    words = [shlex.split(os.environ.get(name, default)) for name, default in (
        ('CC', 'cc'), ('CPPFLAGS', ''), ('CFLAGS', '-O2 -g'), ('LDFLAGS', ''), ('LDLIBS', ''))]
    subprocess.run([*words[0], '-std=c11', '-Iinclude', '-Isrc', *words[1], *words[2], *words[3],
                    '-o', str(program), *sources, *words[4]], check=True, cwd=TOP)


class Result:
    def __init__(self, command, status, out, err):
        self.command = command
        self.status = status  # negative: the signal that killed it
        self.out = out        # bytes
        self.err = err        # text

    def __str__(self):
        return (f"{' '.join(self.command)!r} ended with status {self.status}\n"
                f'stdout: {self.out!r}\nstderr: {self.err!r}')


class Program:
    """A running program. Its output is collected as it comes and can be waited for."""

    def __init__(self, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=stdin, stdout=stdout,
                                        stderr=subprocess.PIPE, **options)
        self.pid = self.process.pid
        self.out, self.err = bytearray(), bytearray()
        self.changed = threading.Condition()
        self.open = 0
        self.threads = [threading.Thread(target=self._collect, args=(stream, data), daemon=True)
                        for stream, data in ((self.process.stdout, self.out),
                                             (self.process.stderr, self.err)) if stream]
        self.open = len(self.threads)
        for thread in self.threads:
            thread.start()

    def _collect(self, stream, data):
        while True:
            chunk = os.read(stream.fileno(), 65536)
            with self.changed:
                data += chunk
                self.open -= not chunk
                self.changed.notify_all()
            if not chunk:
                return

    def _wait_for(self, data, text):
        text = text.encode() if isinstance(text, str) else text
        with self.changed:
            if not self.changed.wait_for(lambda: text in data or not self.open, LIMIT) \
                    or text not in data:
                raise AssertionError(f'{self.command} never printed {text!r}\n'
                                     f'stdout: {bytes(self.out)!r}\nstderr: {bytes(self.err)!r}')

    def wait_for(self, text):
        """Until the text stands in its standard output."""
        self._wait_for(self.out, text)

    def wait_for_error(self, text):
        self._wait_for(self.err, text)

    def wait_until_attached(self, key):
        def attached():
            with open(f'/proc/{self.pid}/maps', encoding='utf-8', errors='replace') as maps:
                return f'SYSV{key:08x}' in maps.read() or self.process.poll() is not None
        wait_until(attached, f'{self.command} is attached')
        if self.process.poll() is not None:
            raise AssertionError(f'ended before it was attached: {self.result()}')

    def wait_for_state(self, state):
        wait_until(lambda: process_state(self.pid) == state, f'{self.command} in state {state}')

    def send(self, text):
        self.process.stdin.write(text.encode() if isinstance(text, str) else text)
        self.process.stdin.flush()

    def enter(self):
        self.send('\n')

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGSTOP)
        self.wait_for_state('T')

    def resume(self):
        self.signal(signal.SIGCONT)

    def close_input(self):
        if self.process.stdin and not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass

    def finish(self):
        """Closes its input and waits for its end."""
        self.close_input()
        return self.result()

    def result(self):
        """Waits for its end."""
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'{self.command} still runs after {LIMIT} seconds\nstdout: '
                                 f'{bytes(self.out)!r}\nstderr: {bytes(self.err)!r}') from None
        for thread in self.threads:
            thread.join(LIMIT)
        return Result(self.command, self.process.returncode, bytes(self.out),
                      self.err.decode('utf-8', 'backslashreplace'))

    def dispose(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(LIMIT)
        self.close_input()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


class TestCase(unittest.TestCase):
    maxDiff = None

    def new_key(self):
        """A key that nobody uses; whatever gets it is removed at the test's end."""
        while True:
            key = random.SystemRandom().randrange(0x40000000, 0x7fffffff)
            if not objects_of(key):
                self.addCleanup(remove_objects, key)
                return key

    def setUp(self):
        self.key = self.new_key()

    def start(self, command, *arguments, **options):
        """Starts a program; it is killed at the test's end if it still runs then."""
        program = Program([*command, *arguments], **options)
        self.addCleanup(program.dispose)
        return program

    def run_program(self, command, *arguments, given=b'', **options):
        """Runs a program to its end."""
        if 'stdin' not in options:
            with tempfile.TemporaryFile() as file:
                file.write(given)
                file.seek(0)
                return self.start(command, *arguments, stdin=file, **options).result()
        return self.start(command, *arguments, **options).finish()

    def start_writer(self, *arguments, key=None, command=WRITER, **options):
        """A writer that has published and waits for Enter."""
        writer = self.start(command, '-k', key or self.key, *arguments, **options)
        writer.wait_for('Press Enter to cleanup and exit...\n')
        return writer

    def start_stream(self, *arguments, key=None, **options):
        """A writer that has joined and waits for lines."""
        writer = self.start(WRITER, '-s', '-k', key or self.key, *arguments, **options)
        writer.wait_for('Publishing every line of standard input...\n')
        return writer

    def start_follower(self, command, *arguments, key=None):
        """A reader --follow that is attached."""
        reader = self.start(command, '-f', '-k', key or self.key, *arguments)
        reader.wait_until_attached(key or self.key)
        return reader

    def attached(self, key=None):
        """How many times the segment is attached."""
        with FORKING, open('/proc/sysvipc/shm', encoding='ascii') as table:
            for line in table:
                columns = line.split()
                if columns[0] == str(key or self.key):
                    return int(columns[6])
        return 0

    def new_segment(self, data, key=None, mode=0o666):
        """A segment with these contents, attached here."""
        memory = sysv_ipc.SharedMemory(key or self.key, sysv_ipc.IPC_CREX, 0o600, len(data), b'\0')
        self.addCleanup(memory.detach)
        memory.write(data)
        memory.mode = mode
        return memory

    def segment(self, key=None):
        memory = segment_of(key or self.key)
        self.assertIsNotNone(memory, 'there is no segment')
        self.addCleanup(memory.detach)
        return memory

    def version(self, key=None):
        memory = self.segment(key)
        return struct.unpack('=I', memory.read(4, VERSION_OFFSET))[0]

    def temporary_directory(self):
        """For files that other users may read, too."""
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        os.chmod(directory, 0o755)
        return pathlib.Path(directory)

    def broken_pipe(self):
        """A pipe that nobody reads, not even a child of another test for the moment before exec."""
        with FORKING:
            reading, writing = os.pipe()
            os.close(reading)
        self.addCleanup(os.close, writing)
        return writing

    def require(self, condition, why):
        if not condition:
            self.skipTest(why)

    # What must hold

    def assert_status(self, result, status):
        self.assertEqual(result.status, status, result)

    def assert_done(self, result, out=None, err=''):
        self.assertEqual((result.status, result.err), (DONE, err), result)
        if out is not None:
            self.assertEqual(result.out, out, result)

    def assert_says(self, result, *parts):
        """Every part stands in the messages, and no message is a crash's."""
        for part in parts:
            self.assertIn(str(part), result.err, result)
        self.assertNotIn('Traceback', result.err, result)

    def assert_refused(self, result, status, *parts):
        """It ended with this status, and its messages begin with its name and say these things."""
        self.assert_status(result, status)
        self.assert_says(result, *parts)
        name = os.path.basename(next(w for w in result.command if w.endswith(
            ('writer', 'reader', 'reader.py'))))
        self.assertTrue(any(line.startswith(name + ': ') for line in result.err.splitlines()),
                        result)

    def assert_nothing_left(self, key=None):
        self.assertEqual(objects_of(key or self.key), [], 'left in the kernel')


class OfBothReaders:
    """To be mixed in: tests of self.reader are run for each of the two."""

    reader = None

    @classmethod
    def make(cls, namespace):
        """Puts two test classes made of `cls` into a module's namespace."""
        for suffix, command, language in (('OfReader', C_READER, b'C'),
                                          ('OfPythonReader', PYTHON_READER, b'Python')):
            name = cls.__name__ + suffix
            namespace[name] = type(name, (cls, TestCase), {
                'reader': command, 'language': language, '__module__': cls.__module__})

    def read(self, *arguments, key=None, **options):
        return self.run_program(self.reader, '-k', key or self.key, *arguments, **options)

    def story(self, memory_id, pid, shown, characters, key=None):
        """A reader's whole output."""
        return (b'=== %s Program - Shared Memory Reader ===\n\n'
                b'Attempting to connect to shared memory with key: %d\n'
                b'Successfully connected to shared memory (ID: %d)\n\n'
                b'Reading data from shared memory...\n\n'
                b'=== Data Retrieved from Shared Memory ===\n'
                b'Data Ready Flag: True\n'
                b'C Process ID: %d\n\n'
                b'Message from C Program:\n'
                b'--------------------------------------------------\n'
                b'%s\n'
                b'--------------------------------------------------\n\n'
                b'=== %s Program Output ===\n'
                b'Successfully read %d characters from shared memory\n'
                b'==================================================\n'
                % (self.language, key or self.key, memory_id, pid, shown, self.language,
                   characters))


def slow(test):
    """Marks a test that waits long: it is started among the first."""
    test.slow = True
    return test
