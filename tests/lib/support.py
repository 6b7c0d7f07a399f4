"""What the tests share: programs to start, keys to use, the kernel's objects to look at.

Nothing here sleeps for a time that is hoped to be long enough. Everything waits for an event, and
LIMIT only turns a hang into a failure.
"""
import ctypes
import functools
import itertools
import os
import pathlib
import random
import re
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
from python_server import run_python

LIMIT = int(os.environ.get('TEST_LIMIT', 60))  # seconds
TOP = pathlib.Path(__file__).resolve().parents[2]

# As the Makefile says it: with semtimedop and futex, or by polling.
PLATFORM = os.environ.get('PLATFORM') or ('linux' if sys.platform == 'linux' else 'posix')

DONE, FAILED, USAGE, NOTHING_YET = range(4)
NOBODY, THIRD = 65534, 65533  # two user IDs that own nothing

# include/shared_data.h says the same; test_layout.py compares
SIZE = 1024
DATA_SIZE = 908
MAGIC = 0x31726150
VERSION_OFFSET = 908
LIVE, LOCK = 0, 1
QUEUE_CAPACITY = 16 * DATA_SIZE

GETVAL, GETZCNT, SETVAL = 12, 15, 16
IPC_NOWAIT = 0o4000
libc = ctypes.CDLL(None, use_errno=True)


# The programs

class Medium:
    """What the two versions call the same things by."""

    def __init__(self, kind, name, act, flip, call):
        self.kind, self.name, self.act, self.flip, self.call = kind, name, act, flip, call


class Command(list):
    """What starts a program of ours, and what is to be known of that."""

    def __init__(self, path, medium):
        super().__init__([sys.executable] if path.endswith('.py') else [])
        self.append(str(TOP / path))
        self.name, self.medium = os.path.basename(path), medium
        self.language = 'Python' if path.endswith('.py') else 'C'


SEGMENT = Medium('segment', 'shared memory', 'Publishing', 0x53000000, 'shm')
QUEUE = Medium('queue', 'message queue', 'Sending', 0x51000000, 'msg')

WRITER, PYTHON_WRITER = Command('writer', SEGMENT), Command('scripts/writer.py', SEGMENT)
C_READER, PYTHON_READER = Command('reader', SEGMENT), Command('scripts/reader.py', SEGMENT)
QUEUE_WRITER = Command('build/queue_writer', QUEUE)
PYTHON_QUEUE_WRITER = Command('scripts/queue_writer.py', QUEUE)
QUEUE_READER = Command('build/queue_reader', QUEUE)
PYTHON_QUEUE_READER = Command('scripts/queue_reader.py', QUEUE)

SEGMENT_WRITERS, QUEUE_WRITERS = [WRITER, PYTHON_WRITER], [QUEUE_WRITER, PYTHON_QUEUE_WRITER]
SEGMENT_READERS, QUEUE_READERS = [C_READER, PYTHON_READER], [QUEUE_READER, PYTHON_QUEUE_READER]
WRITERS, READERS = [*SEGMENT_WRITERS, *QUEUE_WRITERS], [*SEGMENT_READERS, *QUEUE_READERS]


def of_each(**choices):
    """Makes of a test class one for each of these commands, which its tests find in self.writer or
    self.reader; where both are given, one for each pair that can talk to each other."""
    def make(case):
        for commands in itertools.product(*choices.values()):
            chosen = dict(zip(choices, commands))
            medium = commands[0].medium
            if any(command.medium is not medium for command in commands):
                continue
            kind = type(case.__name__ + ''.join(
                '_' + command.name.replace('.', '_') for command in commands), (case,), {
                    'medium': medium, 'writer': WRITERS_IN_C[medium],
                    'reader': READERS_IN_C[medium], **chosen, '__module__': case.__module__})
            setattr(sys.modules[case.__module__], kind.__name__, kind)
    return make


WRITERS_IN_C = {SEGMENT: WRITER, QUEUE: QUEUE_WRITER}
READERS_IN_C = {SEGMENT: C_READER, QUEUE: QUEUE_READER}


# The bytes

def packed(message=b'Hello', pid=4711, ready=1):
    """A struct SharedData."""
    return struct.pack('=i900sB3x', pid, message, ready)


def contents(message=b'Hello', pid=4711, ready=1, version=2, magic=MAGIC, length=None, size=SIZE):
    """The bytes of a segment. Without magic: as a program that knows only SharedData writes it."""
    data = packed(message, pid, ready)
    if magic:
        data += struct.pack('=III', version, magic, len(message) if length is None else length)
    return data.ljust(size, b'\0')


# The kernel's objects; sysv_ipc knows only sets of one semaphore.

CALLS = {'segment': (libc.shmget, libc.shmctl), 'set': (libc.semget, libc.semctl),
         'queue': (libc.msgget, libc.msgctl)}


def checked(result):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def id_of(kind, key):
    """The ID of the key's segment, set or queue, None if there is none."""
    identifier = CALLS[kind][0](key, 0, 0)
    return identifier if identifier >= 0 else None


def remove(kind, key):
    """As ipcrm(1) does it."""
    identifier = id_of(kind, key)
    if identifier is not None:
        CALLS[kind][1](identifier, 0, 0, 0)


def objects_of(key):
    """Which kinds of objects the channels with this key have in the kernel."""
    return [kind for kind in CALLS if id_of(kind, key) is not None] + \
        [f'set of the {medium.kind}' for medium in (SEGMENT, QUEUE)
         if id_of('set', key ^ medium.flip) is not None]


def remove_objects(key):
    """Whoever they belong to: a root in a container may not remove what other users own."""
    keys = key, key ^ SEGMENT.flip, key ^ QUEUE.flip
    for kind in CALLS:
        remove(kind, key)
    for set_key in keys:
        remove('set', set_key)
    for number in (NOBODY, THIRD) if objects_of(key) and os.geteuid() == 0 else ():
        works(['ipcrm', '-M', str(key), '-Q', str(key),
               *(word for set_key in keys for word in ('-S', str(set_key)))], **user(number))


def new_set(key, count, mode=0o666):
    return checked(libc.semget(key, count, sysv_ipc.IPC_CREX | mode))


def semaphore(key, number, what=GETVAL):
    return checked(libc.semctl(id_of('set', key), number, what, 0))


# Processes

# Between fork and exec a child has what we have: descriptors and, before Python 3.10, attachments.
# Who holds this lock knows that there is no such child.
FORKING = threading.Lock()


class Popen(subprocess.Popen):
    """For subprocess.run() and its kind, too."""

    def __init__(self, *arguments, **options):
        with FORKING:
            super().__init__(*arguments, **options)


subprocess.Popen = Popen


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


def user(number):
    """What makes Popen run a program as this user."""
    return {'user': number, 'group': number, 'extra_groups': [], 'cwd': '/'}


def process_state(pid):
    """R, S, T (stopped), Z …: the third field of /proc/PID/stat."""
    with open(f'/proc/{pid}/stat', encoding='latin-1') as stat:
        return stat.read().rpartition(')')[2].split()[0]


def without_rights_of_root():
    """What makes a program that we run heed permissions: nothing, unless we are root."""
    return [] if os.geteuid() else ['setpriv', '--bounding-set=-ipc_owner', '--inh-caps=-all', '--']


def apart():
    """What runs a program in an IPC namespace of its own, where nobody uses any key."""
    return ['unshare', '-ri' if os.geteuid() else '-i']


def with_setting(setting, value):
    """The same, where the system has less to give."""
    return [*apart(), 'sh', '-c', f'echo "{value}" >/proc/sys/kernel/{setting} && exec "$@"', 'sh']


def through_shell(script, command):
    """The command as "$@" in a shell's script."""
    return ['sh', '-c', script, 'sh', *command]


def traced(*expressions):
    """What runs a program under strace(1), with these as its -e."""
    return ['strace', '-qq', '-o', '/dev/null', '-E', 'ASAN_OPTIONS=detect_leaks=0',
            *(word for expression in expressions for word in ('-e', expression))]


def works(command, **options):
    """Whether the command can be run and ends well: what this machine lets us do."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=LIMIT, **options).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def interrupt(number, frame):
    raise KeyboardInterrupt


def natural_signals():
    """As a shell's background job we were told to ignore some; our children must not inherit it.
    A handler of ours they don't inherit, and it lets the running tests clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, interrupt)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


@functools.cache
def can_trace():
    return works([*traced('inject=shmget:error=EACCES'), 'true'])


@functools.cache
def can_unshare():
    return works([*apart(), 'true'])


# What a program that uses channel.h is linked with.
CHANNEL = [f'src/{name}.c' for name in ('channel', 'message', 'semaphores', f'wait_{PLATFORM}')]


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

    def __init__(self, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE, **options):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=stdin, stdout=stdout, stderr=stderr,
                                        **options)
        self.pid = self.process.pid
        self.out, self.err = bytearray(), bytearray()
        self.changed = threading.Condition()
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

    def catches_signals(self):
        """Whether it has begun to care: before, Python itself treats SIGINT."""
        with open(f'/proc/{self.pid}/status', encoding='utf-8') as status:
            caught, = (line.split()[1] for line in status if line.startswith('SigCgt:'))
        return int(caught, 16) >> signal.SIGTERM - 1 & 1 or self.process.poll() is not None

    def wait_for_state(self, state):
        wait_until(lambda: process_state(self.pid) == state, f'{self.command} in state {state}')

    def send(self, text):
        self.process.stdin.write(text.encode() if isinstance(text, str) else text)
        self.process.stdin.flush()

    def enter(self):
        self.send('\n')

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.result()

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


# Takes the lock as a writer does, says so, and keeps it until it is killed.
HOLDER = '''
import ctypes, signal, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
operations = struct.pack('=HhhHhh', 1, 0, 0, 1, 1, 0x1000)
assert libc.semop(int(sys.argv[1]), operations, 2) == 0
print('held', flush=True)
signal.pause()
'''


class TestCase(unittest.TestCase):
    """Without of_each() it is about the segment version in C."""
    maxDiff = None
    medium, writer, reader = SEGMENT, WRITER, C_READER

    def setUp(self):
        self.key = self.new_key()

    def new_key(self):
        """A key that nobody uses; whatever gets it is removed at the test's end."""
        while True:
            key = random.SystemRandom().randrange(0x40000000, 0x7fffffff)
            if not objects_of(key):
                self.addCleanup(remove_objects, key)
                return key

    def require(self, condition, why):
        if not condition:
            self.skipTest(why)

    def require_strace(self):
        self.require(can_trace(), 'there is no strace, or it may not make calls fail')

    def require_unshare(self):
        self.require(can_unshare(), 'this takes unshare, and the right to use it')

    def temporary_directory(self):
        """For files that other users may read, too."""
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        os.chmod(directory, 0o755)
        return pathlib.Path(directory)

    def copy_of_checkout(self, *names):
        """A place with these files and folders of ours, which can be changed even if ours can't.
        Other users can run what is in it."""
        place = self.temporary_directory()
        with FORKING:  # or a child could have a program's copy open for writing, which can't run then
            for name in names:
                copy = shutil.copytree if (TOP / name).is_dir() else shutil.copy
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                copy(TOP / name, place / name)
        for path in place.rglob('*'):
            path.chmod(path.stat().st_mode | 0o200)
        return place

    def broken_pipe(self):
        """A pipe that nobody reads, not even a child of another test for the moment before exec."""
        with FORKING:
            reading, writing = os.pipe()
            os.close(reading)
        self.addCleanup(os.close, writing)
        return writing

    # Programs, with self.key unless another is given

    def start(self, command, *arguments, **options):
        """Starts a program; it is killed at the test's end if it still runs then."""
        program = Program([*command, *arguments], **options)
        self.addCleanup(program.dispose)
        return program

    def run_program(self, command, *arguments, given=b'', **options):
        """Runs a program to its end; without input, that of a pipe is over. A Python program of
        ours that nothing else is asked of runs in a server, which is quicker."""
        if getattr(command, 'language', '') == 'Python' and not (given or options):
            status, out, err = run_python(command[-1], arguments, LIMIT)
            return Result([*command, *map(str, arguments)], status, out,
                          err.decode('utf-8', 'backslashreplace'))
        if given:
            with tempfile.TemporaryFile() as file:
                file.write(given)
                file.seek(0)
                return self.start(command, *arguments, stdin=file, **options).result()
        return self.start(command, *arguments, **options).finish()

    def write(self, *arguments, command=None, key=None, **options):
        """Runs a writer to its end; without input that comes at once."""
        return self.run_program(command or self.writer, '-k', key or self.key, *arguments,
                                **options)

    def read(self, *arguments, command=None, key=None, **options):
        return self.run_program(command or self.reader, '-k', key or self.key, *arguments,
                                **options)

    def start_writer(self, *arguments, command=None, key=None, **options):
        """A writer that has published and waits for Enter."""
        writer = self.start(command or self.writer, '-k', key or self.key, *arguments, **options)
        writer.wait_for('Press Enter to cleanup and exit...\n')
        return writer

    def start_stream(self, *arguments, command=None, key=None, **options):
        """A writer that has joined and waits for lines."""
        writer = self.start(command or self.writer, '-s', '-k', key or self.key, *arguments,
                            **options)
        writer.wait_for(f'{self.medium.act} every line of standard input...\n')
        return writer

    def start_reader(self, *arguments, command=None, key=None, **options):
        return self.start(command or self.reader, '-k', key or self.key, *arguments, **options)

    def start_follower(self, *arguments, command=None, key=None, **options):
        """A reader --follow; of a segment, one that is attached."""
        reader = self.start_reader('-f', *arguments, command=command, key=key, **options)
        if self.medium is SEGMENT:
            reader.wait_until_attached(key or self.key)
        return reader

    def start_holder(self):
        """A process that holds the writers' lock until it is killed."""
        holder = self.start([sys.executable, '-c', HOLDER, id_of('set', self.set_key)])
        holder.wait_for('held')
        self.assertEqual(self.lock(), 1)
        return holder

    def start_to_stop(self, call, number, command, *arguments, **options):
        """A program that was stopped behind its so many-th system call of this name."""
        trace = self.temporary_directory() / 'trace'
        tracer = [*traced(f'inject={call}:signal=STOP:when={number}'), '-D', '-o', str(trace)]
        self.require_strace()
        trace.touch()
        program = self.start([*tracer, *command], '-k', self.key, *arguments, **options)
        wait_until(lambda: 'stopped by SIGSTOP' in trace.read_text(), f'it stops at {call}')
        return program

    # The channel

    @property
    def set_key(self):
        """The key of the semaphore set."""
        return self.key ^ self.medium.flip

    def live(self):
        """How many writers are alive; 0 also without a set, or if it is removed while we look."""
        identifier = id_of('set', self.set_key)
        return 0 if identifier is None else max(libc.semctl(identifier, LIVE, GETVAL, 0), 0)

    def lock(self):
        return semaphore(self.set_key, LOCK)

    def wait_until_they_wait_for_the_lock(self, *writers):
        """The kernel counts them, but those that try again and again, of this platform."""
        trying = [writer for writer in writers if PLATFORM == 'posix'
                  and not any(word.endswith('.py') for word in writer.command)]
        for writer in trying:
            self.wait_until_it_sleeps_in('nanosleep', writer)
        wait_until(lambda: semaphore(self.set_key, LOCK, GETZCNT) == len(writers) - len(trying),
                   'the others wait for the lock')

    def wait_until_it_sleeps_in(self, call, program):
        """As the kernel shows it, if it does: 0 is also a process that runs."""
        places = []

        def look():
            with open(f'/proc/{program.pid}/wchan', encoding='ascii') as file:
                places.append(file.read())
            return call in places[-1] or len(places) == 500 and set(places) == {'0'}
        wait_until(look, f'it sleeps in {call}')
        self.require(call in places[-1], 'this kernel does not show who sleeps where')

    def object_id(self, key=None):
        """The ID of the segment or queue."""
        identifier = id_of(self.medium.kind, key or self.key)
        self.assertIsNotNone(identifier, f'there is no {self.medium.kind}')
        return identifier

    def remove_object(self):
        """The segment or the queue, as somebody may do it with ipcrm."""
        remove(self.medium.kind, self.key)

    def remove_set(self):
        remove('set', self.set_key)

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
        self.addCleanup(lambda: memory.attached and memory.detach())
        memory.write(data)
        memory.mode = mode
        return memory

    def segment(self, key=None):
        """The key's segment, attached here."""
        memory = sysv_ipc.SharedMemory(key or self.key)
        self.addCleanup(memory.detach)
        return memory

    def version(self, key=None):
        return struct.unpack('=I', self.segment(key).read(4, VERSION_OFFSET))[0]

    def new_queue(self, *messages, capacity=QUEUE_CAPACITY):
        """A queue with these messages in it."""
        queue = sysv_ipc.MessageQueue(self.key, sysv_ipc.IPC_CREX, 0o666)
        if capacity:
            queue.max_size = capacity
        for message in messages:
            self.put(queue, message)
        return queue

    def put(self, queue, data, kind=1):
        """As msgsnd(): some versions of sysv_ipc send more bytes than they are given."""
        message = struct.pack('@l', kind) + data
        checked(libc.msgsnd(queue.id, message, ctypes.c_size_t(len(data)), IPC_NOWAIT))

    def queue(self):
        return sysv_ipc.MessageQueue(self.key, 0, 0o400)

    def leave_behind(self, message=b'Hello', pid=4711, count=1):
        """What a killed writer has left, `count` times if it is a queue."""
        if id_of('set', self.set_key) is None:
            new_set(self.set_key, 2)
        if self.medium is SEGMENT:
            return self.new_segment(contents(message, pid))
        return self.new_queue(*[packed(message, pid)] * count)

    # What programs print

    def demonstration(self, pid):
        name = {SEGMENT: 'shared memory segment', QUEUE: 'message queue'}[self.medium]
        return (f'Hello from {self.writer.language} Process!\n'
                'This is inter-process communication demonstration.\n'
                f'Data is being shared through {name}.\n'
                f'Process ID: {pid}').encode()

    def opening(self, how='created', key=None, identifier=None):
        """What a writer prints that has joined."""
        key = key or self.key
        identifier = self.object_id(key) if identifier is None else identifier
        return (f'{self.medium.name.capitalize()} {how} successfully with ID: {identifier}\n'
                + f'Key: {key} (0x{key:x})\n' * (key != 5678)
                + 'Attached to shared memory\n' * (self.medium is SEGMENT) + '\n').encode()

    def closing(self, identifier, others=0):
        """What a writer prints that has left: removed, or there are others."""
        what = f'stays (ID: {identifier}): other writers are alive: {others}' if others \
            else f'removed (ID: {identifier})'
        return f'{self.medium.name.capitalize()} {what}\n'.encode()

    def story(self, shown, pid, characters=None, identifier=None):
        """A reader's whole output."""
        title, name, language = self.medium.name.title(), self.medium.name, self.reader.language
        return (f'=== {language} Program - {title} Reader ===\n\n'
                f'Attempting to connect to {name} with key: {self.key}\n'
                f'Successfully connected to {name} '
                f'(ID: {self.object_id() if identifier is None else identifier})\n\n'
                f'Reading data from {name}...\n\n'
                f'=== Data Retrieved from {title} ===\n'
                'Data Ready Flag: True\n'
                f'C Process ID: {pid}\n\n'
                'Message from C Program:\n'
                '--------------------------------------------------\n').encode() + shown + (
                    '\n--------------------------------------------------\n\n'
                    f'=== {language} Program Output ===\n'
                    f'Successfully read {len(shown) if characters is None else characters} '
                    f'characters from {name}\n'
                    '==================================================\n').encode()

    # What must hold

    def assert_status(self, result, status):
        self.assertEqual(result.status, status, result)

    def assert_done(self, result, out=None, err=''):
        self.assertEqual((result.status, result.err), (DONE, err), result)
        if out is not None:
            self.assertEqual(result.out, out, result)

    def assert_left(self, result, others=0, status=DONE):
        """A writer has left as it should, and had nothing else to say than who stays, and of a
        queue, how much was lost with it."""
        self.assert_status(result, status)
        lost = '(.*removed with messages that nobody had received: .*\n)?'
        self.assertRegex(result.err, rf'\A{lost * (self.medium is QUEUE and not others)}\Z', result)
        identifier = int(re.search(rb'ID: (\d+)\n', result.out)[1])
        self.assertTrue(result.out.endswith(self.closing(identifier, others)), result)

    def assert_says(self, result, *parts):
        """Every part stands in the messages, each of which begins with the program's name."""
        for part in parts:
            self.assertIn(str(part), result.err, result)
        names = [word for word in result.command if re.search('(writer|reader)([.]py)?$', word)]
        if names:
            name = os.path.basename(names[-1]) + ': '
            lines = result.err.replace(f"\nTry '{name[:-2]} --help'.\n", '\n').splitlines()
            self.assertTrue(lines and all(line.startswith(name) for line in lines), result)

    def assert_refused(self, result, status, *parts):
        """It ended with this status, and said these things."""
        self.assert_status(result, status)
        self.assert_says(result, *parts)

    def assert_warned(self, result, *parts, out=None):
        """It did what it should, and had something to say, too."""
        self.assert_refused(result, DONE, *parts)
        if out is not None:
            self.assertEqual(result.out, out, result)

    def assert_nothing_left(self, key=None):
        self.assertEqual(objects_of(key or self.key), [], 'left in the kernel')


def slow(test):
    """Marks a test that waits long: it is started among the first."""
    test.slow = True
    return test
