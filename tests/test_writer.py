"""A writer's end, in every way it can come, and what a writer finds when it starts."""
import fcntl
import os
import signal
import struct
import sys

from support import (
    DONE, FAILED, LOCK, MAGIC, SETVAL, SIZE, TestCase, VERSION_OFFSET, WRITER, checked, contents,
    libc, live_writers, new_set, objects_of, remove_set, semaphore, set_of, wait_until, works)

ENDING = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
OWN_TERMINAL = ('import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); '
                'os.execv(sys.argv[1], sys.argv[1:])')
IGNORING = 'trap "" INT TERM HUP; exec "$0" "$@"'


class End(TestCase):
    def test_enter_ends_a_writer_and_removes_everything(self):
        writer = self.start_writer()
        self.assertEqual(objects_of(self.key), ['segment', 'set'])
        writer.enter()
        self.assert_done(writer.result())
        self.assert_nothing_left()

    def test_a_line_of_any_length_is_an_enter(self):
        writer = self.start_writer()
        writer.send('x' * 10000 + '\n')
        self.assert_done(writer.result())
        self.assert_nothing_left()

    def test_end_of_input_is_like_enter(self):
        writer = self.start_writer()
        self.assert_done(writer.finish())
        self.assert_nothing_left()

    def test_input_from_dev_null_is_like_enter(self):
        with open('/dev/null', 'rb') as null:
            self.assert_done(self.run_program(WRITER, '-k', self.key, stdin=null))
        self.assert_nothing_left()

    def test_a_waiting_writer_dies_of_the_signal_it_gets_and_removes_everything(self):
        for number in ENDING:
            writer = self.start_writer()
            writer.signal(number)
            result = writer.result()
            self.assertEqual((result.status, result.err), (-number, ''), result)
            self.assert_nothing_left()

    def test_a_signal_between_printing_and_waiting_is_not_missed(self):
        tracer = ['strace', '-qq', '-o', '/dev/null', '-e', 'inject=write:signal=TERM:when=1']
        self.require(works([*tracer, 'true']), 'needs strace, and to be allowed to trace')
        writer = self.start([*tracer, *WRITER], '-k', self.key)
        self.assert_status(writer.result(), -signal.SIGTERM)
        self.assert_nothing_left()

    def test_a_signal_ends_a_writer_whose_output_nobody_takes(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        os.set_blocking(writing, False)
        try:
            while os.write(writing, bytes(4096)):
                pass
        except BlockingIOError:
            os.set_blocking(writing, True)
        with os.fdopen(writing, 'wb') as full:
            writer = self.start(WRITER, '-k', self.key, stdout=full)
        wait_until(lambda: live_writers(self.key) == 1, 'it has joined')
        writer.wait_for_state('S')
        writer.signal(signal.SIGTERM)
        self.assert_status(writer.result(), -signal.SIGTERM)
        self.assert_nothing_left()

    def test_a_streaming_writer_dies_of_the_signal_it_gets_and_removes_everything(self):
        for number in ENDING:
            writer = self.start_stream()
            writer.signal(number)
            result = writer.result()
            self.assertEqual((result.status, result.err), (-number, ''), result)
            self.assert_nothing_left()

    def test_a_signal_at_any_time_leaves_nothing(self):
        moments = (lambda: True, lambda: set_of(self.key) is not None, self.attached,
                   lambda: writer.out)
        for i in range(48):
            writer = self.start(WRITER, '-k', self.key)
            wait_until(moments[i % 4], 'the moment has come')
            writer.signal(ENDING[i % 3])
            self.assertEqual(writer.result().status, -ENDING[i % 3])
            self.assert_nothing_left()

    def test_signals_that_were_ignored_from_the_start_stay_ignored(self):
        writer = self.start(['sh', '-c', IGNORING, *WRITER], '-k', self.key, '-s')
        writer.wait_for('Publishing')
        for number in ENDING:
            writer.signal(number)
        writer.send('alive\n')
        result = writer.finish()
        self.assert_done(result)
        self.assertTrue(result.out.endswith(b'Messages sent: 1\n'), result)
        self.assert_nothing_left()

    def test_a_stopped_and_continued_writer_goes_on_waiting(self):
        writer = self.start_writer()
        for _ in range(3):
            writer.stop()
            writer.resume()
            writer.wait_for_state('S')
        writer.enter()
        self.assert_done(writer.result())
        self.assert_nothing_left()


class Terminal(TestCase):
    """A writer whose standard input is a real terminal."""

    def start_on_terminal(self, command):
        ours, theirs = os.openpty()
        self.terminal = open(ours, 'r+b', buffering=0)
        self.addCleanup(self.terminal.close)
        with open(theirs, 'r+b', buffering=0) as terminal:
            return self.start_writer(command=command, stdin=terminal)

    def start_in_session(self):
        """Makes the terminal the writer's own: what is typed there and its end become signals."""
        return self.start_on_terminal([sys.executable, '-c', OWN_TERMINAL, *WRITER])

    def test_enter_on_a_terminal_ends_a_writer(self):
        writer = self.start_on_terminal(WRITER)
        self.terminal.write(b'\r')
        self.assert_done(writer.result())
        self.assert_nothing_left()

    def test_end_of_file_on_a_terminal_ends_a_writer(self):
        writer = self.start_on_terminal(WRITER)
        self.terminal.write(b'\x04')
        self.assert_done(writer.result())
        self.assert_nothing_left()

    def test_the_interrupt_key_ends_a_writer(self):
        writer = self.start_in_session()
        self.terminal.write(b'\x03')
        self.assert_status(writer.result(), -signal.SIGINT)
        self.assert_nothing_left()

    def test_closing_the_terminal_ends_a_writer(self):
        writer = self.start_in_session()
        self.terminal.close()
        self.assert_status(writer.result(), -signal.SIGHUP)
        self.assert_nothing_left()


class Streams(TestCase):
    """Standard input and output that don't do their work."""

    def check(self, *parts, command=WRITER, **options):
        for arguments in [], ['-s'], ['-m', '']:
            result = self.run_program(command, '-k', self.key, *arguments, **options)
            self.assert_refused(result, FAILED, *parts)
            self.assert_nothing_left()

    def test_a_full_device_is_an_error_and_nothing_is_left(self):
        with open('/dev/full', 'wb') as full:
            self.check('standard output', 'No space left on device', stdout=full)

    def test_a_broken_pipe_is_an_error_and_nothing_is_left(self):
        self.check('standard output', 'Broken pipe', stdout=self.broken_pipe())

    def test_a_closed_output_is_an_error_and_nothing_is_left(self):
        self.check('standard output', 'Bad file descriptor',
                   command=['sh', '-c', 'exec "$0" "$@" >&-', *WRITER])

    def test_a_closed_input_is_an_error_and_nothing_is_left(self):
        self.check('standard input', 'Bad file descriptor',
                   command=['sh', '-c', 'exec "$0" "$@" <&-', *WRITER])

    def test_an_unreadable_input_is_an_error_and_nothing_is_left(self):
        directory = os.open('/', os.O_RDONLY)
        self.addCleanup(os.close, directory)
        self.check('standard input', 'Is a directory', stdin=directory)

    def test_with_all_descriptors_closed_nothing_is_left(self):
        result = self.run_program(['sh', '-c', 'exec "$0" "$@" <&- >&- 2>&-', *WRITER],
                                  '-k', self.key)
        self.assert_status(result, FAILED)
        self.assert_nothing_left()

    def test_an_input_that_does_not_block_is_waited_for(self):
        reading, writing = os.pipe()
        fcntl.fcntl(reading, fcntl.F_SETFL, os.O_NONBLOCK)
        with open(reading, 'rb') as ours, open(writing, 'wb', buffering=0) as theirs:
            writer = self.start_writer(stdin=ours)
            writer.wait_for_state('S')
            theirs.write(b'\n')
            self.assert_done(writer.result())


class Strangers(TestCase):
    """What has our key and isn't ours is left as it is."""

    def check(self, data, *parts):
        memory = self.new_segment(data)
        for arguments in [], ['-s']:
            result = self.run_program(WRITER, '-k', self.key, *arguments)
            self.assert_refused(result, FAILED, self.key, hex(self.key), f'{len(data)} bytes',
                                f'process {os.getpid()} ', f'user {os.getuid()}', '--key',
                                f'ipcrm -m {memory.id}', *parts)
            self.assertEqual(result.out, b'')
            self.assertEqual(memory.read(), data)
            self.assertEqual(self.attached(), 1)
            self.assertEqual(objects_of(self.key), ['segment'])

    def test_a_smaller_segment_is_refused_untouched(self):
        self.check(bytes(1023))

    def test_other_contents_are_refused_untouched(self):
        self.check(b'\xa5' * SIZE)

    def test_a_single_other_byte_is_enough(self):
        self.check(bytes(SIZE - 1) + b'x')

    def test_a_seed_style_segment_is_refused_untouched(self):
        self.check(contents(magic=0))

    def test_a_larger_segment_with_other_contents_is_refused_untouched(self):
        self.check(b'x' * 70000)

    def test_a_larger_segment_is_refused_untouched_even_if_it_is_empty(self):
        self.check(bytes(5000))

    def test_a_segment_is_a_strangers_even_if_its_maker_had_the_writers_pid(self):
        make = ('import os, sys, sysv_ipc\n'
                'sysv_ipc.SharedMemory(int(sys.argv[3]), sysv_ipc.IPC_CREX, 0o666, 1024, b"x")\n'
                'os.execv(sys.argv[1], sys.argv[1:])\n')
        result = self.run_program([sys.executable, '-c', make, *WRITER], '-k', self.key)
        self.assert_refused(result, FAILED, self.key, 'untouched')
        self.assertEqual(objects_of(self.key), ['segment'])
        self.assertEqual(self.segment().read(), b'x' * SIZE)

    def test_a_foreign_semaphore_set_is_refused_untouched(self):
        for count in 1, 3, 5:
            with self.subTest(semaphores=count):
                key = self.new_key()
                new_set(key, count)
                checked(libc.semctl(set_of(key), 0, SETVAL, 3))
                result = self.run_program(WRITER, '-k', key)
                self.assert_refused(result, FAILED, key, hex(key), 'semaphore set',
                                    'another program', 'ipcs -s', '--key')
                self.assertEqual(result.out, b'')
                self.assertEqual(semaphore(key, 0), 3)
                self.assertEqual(objects_of(key), ['set'])


class Found(TestCase):
    """What a writer may use."""

    def test_an_empty_segment_is_used(self):
        memory = self.new_segment(bytes(SIZE))
        writer = self.start_writer('-m', 'Hello')
        self.assertEqual(self.segment().id, memory.id)
        self.assertEqual(memory.read(), contents(b'Hello', pid=writer.pid))
        self.assert_done(writer.finish())
        self.assert_nothing_left()

    def test_a_set_without_a_segment_is_used(self):
        identifier = new_set(self.key, 2)
        writer = self.start_writer()
        self.assertEqual(set_of(self.key), identifier)
        self.assertEqual((live_writers(self.key), semaphore(self.key, LOCK)), (1, 0))
        self.assert_done(writer.finish())
        self.assert_nothing_left()

    def test_a_killed_writers_segment_is_taken_over_by_the_next(self):
        first = self.start_writer('-m', 'testament')
        memory = self.segment()
        first.signal(signal.SIGKILL)
        first.result()
        self.assertEqual(live_writers(self.key), 0)
        version = self.version()

        second = self.start_writer('-m', 'heir')
        self.assertEqual(self.segment().id, memory.id)
        self.assertEqual(memory.read(4 + 5, 0), struct.pack('=i5s', second.pid, b'heir'))
        self.assertEqual(self.version(), version + 2)
        result = second.finish()
        self.assert_refused(result, DONE, self.key, memory.id, 'left behind')
        self.assertTrue(result.out.startswith(
            b'Shared memory taken over successfully with ID: %d\n' % memory.id), result)
        self.assert_nothing_left()

    def test_a_torn_segment_is_repaired_by_the_next_writer(self):
        for torn in (contents(b'x' * 899, version=7, length=3), contents(b'x' * 900, version=1),
                     contents(b'junk', pid=-1, ready=9, version=0xffffffff)):
            key = self.new_key()
            memory = self.new_segment(torn, key)
            writer = self.start_writer('-m', 'whole', key=key)
            version = struct.unpack_from('=I', torn, VERSION_OFFSET)[0]
            self.assertEqual(memory.read(), contents(
                b'whole', pid=writer.pid, version=(version + 1) % (1 << 32)))
            self.assert_says(writer.finish(), 'left behind')
            self.assert_nothing_left(key)

    def test_the_last_version_is_followed_by_the_first(self):
        self.new_segment(contents(version=0xfffffffe))
        self.start_writer()
        self.assertEqual(self.version(), 0)

    def test_killed_writers_count_for_nothing(self):
        writers = [self.start_writer() for _ in range(3)]
        for writer in writers[:2]:
            writer.signal(signal.SIGKILL)
            writer.result()
        self.assertEqual(live_writers(self.key), 1)
        self.assert_done(writers[2].finish())
        self.assert_nothing_left()


class Removed(TestCase):
    """Somebody removes what a writer uses."""

    def test_a_segment_removed_under_a_waiting_writer_is_reported(self):
        writer = self.start_writer()
        self.segment().remove()
        result = writer.finish()
        self.assert_refused(result, FAILED, self.key, hex(self.key), 'segment', 'removed',
                            'start again')
        self.assert_nothing_left()

    def test_a_segment_removed_under_a_writer_that_gets_a_signal_is_reported(self):
        writer = self.start_writer()
        self.segment().remove()
        writer.signal(signal.SIGTERM)
        result = writer.result()
        self.assert_refused(result, -signal.SIGTERM, 'removed')
        self.assert_nothing_left()

    def test_a_segment_removed_under_a_streaming_writer_ends_it(self):
        writer = self.start_stream()
        writer.send('one\n')
        wait_until(lambda: self.version() == 2, 'the line is published')
        self.segment().remove()
        writer.send('two\n')
        self.assert_refused(writer.result(), FAILED, self.key, 'segment', 'removed')
        self.assert_nothing_left()

    def test_a_set_removed_under_a_waiting_writer_is_reported(self):
        writer = self.start_writer()
        remove_set(self.key)
        self.assert_refused(writer.finish(), FAILED, self.key, 'semaphore set', 'removed')
        self.assert_says(self.start_writer().finish(), 'left behind')
        self.assert_nothing_left()

    def test_a_set_removed_under_a_streaming_writer_ends_it(self):
        writer = self.start_stream()
        writer.send('one\n')
        wait_until(lambda: self.version() == 2, 'the line is published')
        remove_set(self.key)
        writer.send('two\n')
        self.assert_refused(writer.result(), FAILED, self.key, 'semaphore set', 'removed')

    def test_another_writers_new_segment_is_not_touched_by_the_robbed_one(self):
        robbed = self.start_writer('-m', 'old')
        self.segment().remove()
        remove_set(self.key)
        writer = self.start_writer('-m', 'new')
        before = self.segment().read()
        self.assert_refused(robbed.finish(), FAILED, 'removed')
        self.assertEqual(self.segment().read(), before)
        self.assertEqual(live_writers(self.key), 1)
        self.assertEqual(struct.unpack_from('=I', before, 912)[0], MAGIC)
        self.assert_done(writer.finish())
        self.assert_nothing_left()
