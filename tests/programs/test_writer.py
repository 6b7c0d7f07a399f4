"""A writer's end, in every way it can come, and what a writer finds when it starts."""
import fcntl
import os
import signal
import sys
import termios

import sysv_ipc
from support import (
    can_unshare, DONE, FAILED, QUEUE, SEGMENT_WRITERS, SETVAL, SIZE, TestCase, WRITERS, apart, checked,
    contents, id_of, libc, new_set, objects_of, of_each, packed, semaphore, through_shell, traced,
    wait_until)

ENDING = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
OWN_TERMINAL = ('import fcntl, os, sys, termios; os.setsid(); '
                'fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])')


@of_each(writer=WRITERS)
class End(TestCase):
    def assert_ended_by(self, number, writer):
        self.assert_left(writer.result(), status=-number)
        self.assert_nothing_left()

    def test_enter_ends_a_writer_and_removes_everything(self):
        writer = self.start_writer()
        self.assertEqual(len(objects_of(self.key)), 2)
        writer.enter()
        self.assert_left(writer.result())
        self.assert_nothing_left()

    def test_a_line_of_any_length_is_an_enter(self):
        writer = self.start_writer()
        writer.send('x' * 10000 + '\n')
        self.assert_left(writer.result())

    def test_end_of_input_is_like_enter(self):
        self.assert_left(self.start_writer().finish())
        self.assert_nothing_left()

    def test_a_writer_says_that_it_left_because_nobody_can_press_enter(self):
        """As in a script's background job, whose input is /dev/null."""
        with open('/dev/null', 'rb') as null:
            self.assert_warned(self.write('-m', '', stdin=null), 'input ended before any Enter',
                               '--stay')
        self.assert_nothing_left()

    def test_a_writer_dies_of_the_signal_it_gets_and_removes_everything(self):
        for number in ENDING:
            for start in self.start_writer, self.start_stream:
                writer = start()
                writer.signal(number)
                self.assert_ended_by(number, writer)

    def test_a_signal_between_printing_and_waiting_is_not_missed(self):
        tracer = traced('inject=write,writev:signal=TERM:when=1')
        self.require_strace()
        writer = self.start([*tracer, *self.writer], '-k', self.key)
        self.assert_ended_by(signal.SIGTERM, writer)

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
            writer = self.start(self.writer, '-k', self.key, stdout=full)
        wait_until(lambda: self.live() == 1, 'it has joined')
        writer.wait_for_state('S')
        writer.signal(signal.SIGTERM)
        self.assert_status(writer.result(), -signal.SIGTERM)
        self.assert_nothing_left()

    def test_a_signal_at_any_time_leaves_nothing(self):
        moments = (lambda: self.writer.language == 'C' or writer.catches_signals(),
                   lambda: id_of('set', self.set_key) is not None,
                   lambda: id_of(self.medium.kind, self.key) is not None, lambda: writer.out)
        for i in range(12):
            writer = self.start(self.writer, '-k', self.key)
            wait_until(moments[i % 4], 'the moment has come')
            writer.signal(ENDING[i % 3])
            self.assert_status(writer.result(), -ENDING[i % 3])
            self.assert_nothing_left()

    def test_signals_that_were_ignored_from_the_start_stay_ignored(self):
        writer = self.start_writer(command=through_shell(
            'trap "" INT TERM HUP; exec "$@"', self.writer))
        for number in ENDING:
            writer.signal(number)
        writer.stop()  # by then it would be dead
        writer.resume()
        writer.enter()
        self.assert_left(writer.result())

    def test_a_stopped_and_continued_writer_goes_on_waiting(self):
        writer = self.start_writer()
        for _ in range(3):
            writer.stop()
            writer.resume()
            writer.wait_for_state('S')
        writer.enter()
        self.assert_left(writer.result())


@of_each(writer=WRITERS)
class Staying(TestCase):
    def start_staying(self, *arguments, **options):
        return self.start(self.writer, '--stay', '-k', self.key, *arguments, **options)

    def assert_stays(self, writer):
        writer.wait_for('Staying until a signal comes...\n')
        self.assertNotIn(b'Press Enter', writer.out)
        writer.wait_for_state('S')
        writer.signal(signal.SIGTERM)
        self.assert_left(writer.result(), status=-signal.SIGTERM)
        self.assert_nothing_left()

    def test_a_writer_that_stays_leaves_standard_input_alone(self):
        reading, writing = os.pipe()
        with open(reading, 'rb') as ours, open(writing, 'wb') as theirs:
            theirs.write(b'typed\n')
            theirs.close()
            writer = self.start_staying('-m', 'Hello', stdin=ours)
            writer.wait_for('Staying')
            self.assert_done(self.read('-r'), b'Hello\n')
            self.assert_stays(writer)
            self.assertEqual(ours.read(), b'typed\n')

    def test_a_stream_that_stays_can_be_read_after_the_end_of_its_input(self):
        writer = self.start_staying('-s')
        writer.send('hello\n')
        writer.close_input()
        writer.wait_for('Messages sent: 1\nStaying')
        self.assert_done(self.read('-r'), b'hello\n')
        self.assert_stays(writer)


@of_each(writer=WRITERS)
class Terminal(TestCase):
    """A writer whose standard input is a real terminal."""

    def start_on_terminal(self, start, command):
        ours, theirs = os.openpty()
        self.terminal = open(ours, 'r+b', buffering=0)
        self.addCleanup(self.terminal.close)
        with open(theirs, 'r+b', buffering=0) as terminal:
            return start(command=command, stdin=terminal)

    def start_in_session(self):
        """Makes the terminal the writer's own: what is typed there and its end become signals."""
        return self.start_on_terminal(self.start_writer,
                                      [sys.executable, '-c', OWN_TERMINAL, *self.writer])

    def test_enter_and_end_of_file_on_a_terminal_end_a_writer(self):
        for typed in b'\r', b'\x04':
            writer = self.start_on_terminal(self.start_writer, self.writer)
            self.terminal.write(typed)
            self.assert_left(writer.result())
            self.assert_nothing_left()

    def test_an_end_of_file_counts_at_once_also_behind_an_unfinished_line(self):
        writer = self.start_on_terminal(self.start_writer, self.writer)
        self.terminal.write(b'abc\x04\x04')
        self.assert_left(writer.result())
        writer = self.start_on_terminal(self.start_stream, self.writer)
        self.terminal.write(b'abc\x04\x04')
        if self.medium is QUEUE:
            self.assert_done(self.read('-rw'), b'abc\n')
        writer.wait_for('Messages sent: 1\n')
        self.assert_status(writer.result(), DONE)

    def test_a_signal_ends_a_writer_whose_terminal_is_stopped(self):
        """As with Ctrl-S: what is written there waits. First before it starts, then after."""
        for begins in False, True:
            ours, theirs = os.openpty()
            with open(ours, 'r+b', buffering=0) as master, \
                    open(theirs, 'r+b', buffering=0) as slave:
                if not begins:
                    termios.tcflow(slave, termios.TCOOFF)
                writer = self.start(self.writer, '-k', self.key, stdin=slave, stdout=slave)
                if begins:
                    shown = b''
                    while b'Press Enter' not in shown:
                        shown += master.read(4096)
                    termios.tcflow(slave, termios.TCOOFF)
                wait_until(lambda: self.live() == 1, 'it has joined')
                writer.wait_for_state('S')
                writer.signal(signal.SIGTERM)
                self.assert_status(writer.result(), -signal.SIGTERM)
                self.assert_nothing_left()

    def test_the_interrupt_key_ends_a_writer(self):
        writer = self.start_in_session()
        self.terminal.write(b'\x03')
        self.assert_left(writer.result(), status=-signal.SIGINT)
        self.assert_nothing_left()

    def test_a_terminal_whose_end_is_read_before_its_signal_comes_is_no_error(self):
        self.require_strace()
        ours, theirs = os.openpty()
        tracer = ['strace', '-D', '-qq', '-o', '/dev/null', '-P', os.ttyname(theirs), '-e',
                  'inject=read:error=EIO']
        with open(ours, 'r+b', buffering=0), open(theirs, 'r+b', buffering=0) as terminal:
            writer = self.start_writer(command=[*tracer, *self.writer], stdin=terminal)
            writer.signal(signal.SIGHUP)
            self.assert_left(writer.result(), status=-signal.SIGHUP)

    def test_closing_the_terminal_ends_a_writer(self):
        writer = self.start_in_session()
        self.terminal.close()
        self.assert_left(writer.result(), status=-signal.SIGHUP)
        self.assert_nothing_left()


@of_each(writer=WRITERS)
class Streams(TestCase):
    """Standard input and output that don't do their work."""

    def check(self, *parts, command=None, **options):
        for arguments in [], ['-s']:
            result = self.write(*arguments, command=command, **options)
            self.assert_refused(result, FAILED, *parts)
            self.assert_nothing_left()

    def test_a_full_device_is_an_error_and_nothing_is_left(self):
        with open('/dev/full', 'wb') as full:
            self.check('standard output', 'No space left on device', stdout=full)

    def test_a_broken_pipe_is_an_error_and_nothing_is_left(self):
        self.check('standard output', 'Broken pipe', stdout=self.broken_pipe())

    def test_a_file_that_may_not_grow_is_an_error_and_nothing_is_left(self):
        file = self.temporary_directory() / 'output'
        self.check('standard output', 'File too large', command=through_shell(
            f'ulimit -f 0; exec "$@" >{file}', self.writer))

    def test_a_closed_output_is_an_error_and_nothing_is_left(self):
        self.check('standard output', 'Bad file descriptor',
                   command=through_shell('exec "$@" >&-', self.writer))

    def test_a_closed_input_is_an_error_and_nothing_is_left(self):
        self.check('standard input', 'Bad file descriptor',
                   command=through_shell('exec "$@" <&-', self.writer))

    def test_an_unreadable_input_is_an_error_and_nothing_is_left(self):
        with open('/proc/self/mem', 'rb') as memory:  # there is nothing at its begin
            self.check('standard input', 'Input/output error', stdin=memory)

    def test_with_all_descriptors_closed_nothing_is_left(self):
        result = self.write(command=through_shell('exec "$@" <&- >&- 2>&-', self.writer))
        self.assert_status(result, FAILED)
        self.assert_nothing_left()

    def test_an_input_that_does_not_block_is_waited_for(self):
        reading, writing = os.pipe()
        fcntl.fcntl(reading, fcntl.F_SETFL, os.O_NONBLOCK)
        with open(reading, 'rb') as ours, open(writing, 'wb', buffering=0) as theirs:
            writer = self.start_writer(stdin=ours)
            writer.wait_for_state('S')
            theirs.write(b'\n')
            self.assert_left(writer.result())


@of_each(writer=WRITERS)
class Strangers(TestCase):
    """What has our key and isn't ours is left as it is."""

    def test_a_foreign_semaphore_set_is_refused_untouched(self):
        for count in 1, 3, 5:
            self.key = self.new_key()
            new_set(self.set_key, count)
            checked(libc.semctl(id_of('set', self.set_key), 0, SETVAL, 3))
            result = self.write()
            self.assert_refused(result, FAILED, self.set_key, hex(self.set_key), 'semaphore set',
                                'another program', 'ipcs -s', '--key')
            self.assertEqual(result.out, b'')
            self.assertEqual(semaphore(self.set_key, 0), 3)
            self.assertEqual(len(objects_of(self.key)), 1)


@of_each(writer=SEGMENT_WRITERS)
class StrangersSegments(TestCase):
    def check(self, data, attached=True):
        self.key = self.new_key()
        memory = self.new_segment(data)
        if not attached:
            memory.detach()
        for arguments in [], ['-s']:
            result = self.write(*arguments)
            self.assert_refused(result, FAILED, self.key, hex(self.key), f'{len(data)} bytes',
                                f'process {os.getpid()} ', f'user {os.getuid()}', '--key',
                                f'ipcrm -m {memory.id}')
            self.assertEqual((result.out, self.attached()), (b'', attached))
            self.assertEqual(objects_of(self.key), ['segment'])
        self.assertEqual(self.segment().read(), data)

    def test_a_smaller_segment_is_refused_untouched(self):
        self.check(bytes(1023))

    def test_other_contents_are_refused_untouched(self):
        self.check(b'\xa5' * SIZE)

    def test_a_single_other_byte_is_enough(self):
        for data in bytes(SIZE - 1) + b'x', b'x' + bytes(SIZE - 1):
            self.check(data, attached=False)

    def test_a_simple_programs_segment_is_refused_untouched(self):
        self.check(contents(magic=0))

    def test_an_empty_segment_that_somebody_has_attached_is_refused_untouched(self):
        self.check(bytes(SIZE))

    def test_a_larger_segment_is_refused_untouched_even_if_it_is_empty(self):
        self.check(bytes(5000))
        self.check(bytes(5000), attached=False)

    def test_a_segment_is_a_strangers_even_if_its_maker_had_the_writers_pid(self):
        make = ('import os, sys, sysv_ipc\n'
                'key = int(sys.argv[sys.argv.index("-k") + 1])\n'
                'sysv_ipc.SharedMemory(key, sysv_ipc.IPC_CREX, 0o666, 1024, b"x")\n'
                'os.execv(sys.argv[1], sys.argv[1:])\n')
        result = self.write(command=[sys.executable, '-c', make, *self.writer])
        self.assert_refused(result, FAILED, self.key, 'untouched')
        self.assertEqual(objects_of(self.key), ['segment'])
        self.assertEqual(self.segment().read(), b'x' * SIZE)
        if can_unshare():  # where it is the first one, and has the ID 0
            result = self.write(command=[*apart(), sys.executable, '-c', make, *self.writer])
            self.assert_refused(result, FAILED, 'segment 0 with key')


@of_each(writer=WRITERS)
class Found(TestCase):
    """What a writer may use."""

    def test_a_set_without_a_segment_or_queue_is_used(self):
        identifier = new_set(self.set_key, 2)
        writer = self.start_writer()
        self.assertEqual(id_of('set', self.set_key), identifier)
        self.assertEqual((self.live(), self.lock()), (1, 0))
        self.assert_left(writer.finish())
        self.assert_nothing_left()

    def test_what_a_killed_writer_left_is_taken_over_by_the_next(self):
        self.start_writer('-m', 'testament').kill()
        identifier = self.object_id()
        self.assertEqual(self.live(), 0)
        writer = self.start_writer('-m', 'heir')
        self.assertTrue(writer.out.startswith(self.opening('taken over')))
        self.assertEqual(self.object_id(), identifier)
        self.assert_warned(writer.finish(), self.medium.kind, self.key, identifier, 'left behind')
        self.assert_nothing_left()

    def test_killed_writers_count_for_nothing(self):
        writers = [self.start_writer() for _ in range(3)]
        for writer in writers[:2]:
            writer.kill()
        self.assertEqual(self.live(), 1)
        self.assert_status(writers[2].finish(), DONE)
        self.assert_nothing_left()


@of_each(writer=SEGMENT_WRITERS)
class FoundSegments(TestCase):
    def test_an_empty_segment_is_used(self):
        memory = self.new_segment(bytes(SIZE))
        identifier = memory.id
        memory.detach()
        writer = self.start_writer('-m', 'Hello')
        self.assertEqual(self.object_id(), identifier)
        self.assertEqual(self.segment().read(), contents(b'Hello', pid=writer.pid))
        self.assert_left(writer.finish())
        self.assert_nothing_left()

    def test_the_version_goes_on_when_a_segment_is_taken_over(self):
        self.start_writer().kill()
        version = self.version()
        writer = self.start_writer('-m', 'heir')
        self.assertEqual(self.segment().read(), contents(
            b'heir', pid=writer.pid, version=version + 2))

    def test_a_torn_segment_is_repaired_by_the_next_writer(self):
        for version, torn in ((7, {'message': b'x' * 899, 'length': 3}), (1, {'message': b'x' * 900}),
                              (0xffffffff, {'message': b'junk', 'pid': -1, 'ready': 9})):
            self.key = self.new_key()
            memory = self.new_segment(contents(**torn, version=version))
            writer = self.start_writer('-m', 'whole')
            self.assertEqual(memory.read(), contents(
                b'whole', pid=writer.pid, version=(version + 1) % (1 << 32)))
            self.assert_warned(writer.finish(), 'left behind')
            self.assert_nothing_left()

    def test_a_torn_message_leaves_no_remains_even_if_its_process_had_the_writers_pid(self):
        writer = self.start_stream()
        self.segment().write(contents(b'x' * 899, writer.pid, version=7, length=3))
        writer.send('whole\n')
        wait_until(lambda: self.version() == 8, 'the line is published')
        self.assertEqual(self.segment().read(), contents(b'whole', writer.pid, version=8))

    def test_the_last_version_is_followed_by_the_first(self):
        self.new_segment(contents(version=0xfffffffe))
        self.start_writer()
        self.assertEqual(self.version(), 0)


@of_each(writer=WRITERS)
class Removed(TestCase):
    """Somebody removes what a writer uses."""

    def assert_missed(self, result, what, status=FAILED):
        self.assert_refused(result, status, 'removed', 'start again', what)

    def test_a_segment_or_queue_removed_under_a_waiting_writer_is_reported(self):
        writer = self.start_writer()
        self.remove_object()
        self.assert_missed(writer.finish(), f'{self.medium.kind} with key {self.key}')
        self.assert_nothing_left()

    def test_a_segment_or_queue_removed_under_a_writer_that_gets_a_signal_is_reported(self):
        writer = self.start_writer()
        self.remove_object()
        writer.signal(signal.SIGTERM)
        self.assert_missed(writer.result(), self.medium.kind, -signal.SIGTERM)
        self.assert_nothing_left()

    def test_a_segment_or_queue_removed_under_a_streaming_writer_ends_it(self):
        writer = self.start_stream()
        writer.send('one\n')
        self.assert_done(self.read('-rw'), b'one\n')
        self.remove_object()
        writer.send('two\n')
        self.assert_missed(writer.result(), self.medium.kind)
        self.assert_nothing_left()

    def test_a_set_removed_under_a_waiting_writer_is_reported(self):
        writer = self.start_writer()
        self.remove_set()
        self.assert_missed(writer.finish(), f'semaphore set with key {self.set_key}')

    def test_the_last_to_leave_removes_what_was_made_after_a_removal(self):
        robbed = self.start_writer()
        self.remove_object()
        writer = self.start_writer('-m', 'new')
        self.assertTrue(writer.out.startswith(self.opening('created')), writer.out)
        self.assert_left(writer.finish(), others=1)
        self.assert_missed(robbed.finish(), self.medium.kind)
        self.assert_nothing_left()

    def test_another_writers_new_channel_is_not_touched_by_the_robbed_one(self):
        robbed = self.start_writer('-m', 'old')
        self.remove_object()
        self.remove_set()
        writer = self.start_writer('-m', 'new')
        self.assert_missed(robbed.finish(), '')
        self.assertEqual(self.live(), 1)
        self.assert_done(self.read('-r'), b'new\n')
        self.assert_left(writer.finish())
        self.assert_nothing_left()


@of_each(writer=SEGMENT_WRITERS)
class RemovedSegments(TestCase):
    def test_a_strangers_that_took_the_place_of_a_removed_segment_is_left_alone(self):
        writer = self.start_writer()
        self.remove_object()
        other = contents(magic=1)
        memory = self.new_segment(other)
        self.assert_refused(writer.finish(), FAILED, 'somebody removed it')
        self.assertEqual((memory.read(), self.attached()), (other, 1))

    def test_a_set_removed_under_a_streaming_writer_ends_it(self):
        writer = self.start_stream()
        self.remove_set()
        writer.send('two\n')
        self.assert_refused(writer.result(), FAILED, self.key, 'semaphore set', 'removed')

    def test_a_tail_that_was_written_over_is_put_back_with_the_next_message(self):
        """As Perl's shmwrite() does, which pads what it writes with NULs to the segment's end."""
        writer = self.start_stream()
        self.segment().write(packed(b'Hello from Perl').ljust(SIZE, b'\0'))
        self.assert_warned(self.read('-r'), 'carries no version', out=b'Hello from Perl\n')
        writer.send('ours\n')
        wait_until(lambda: self.version() == 2, 'the line is published')
        self.assertEqual(self.segment().read(), contents(b'ours', pid=writer.pid))
        self.segment().write(bytes(SIZE))
        self.assert_left(writer.finish())
        self.assert_nothing_left()


@of_each(writer=SEGMENT_WRITERS)
class Neighbours(TestCase):
    def test_a_mutex_under_the_segments_own_key_is_nobodys_business(self):
        """Most programs that share a segment have one, as sysv_ipc's demo has."""
        mutex = sysv_ipc.Semaphore(self.key, sysv_ipc.IPC_CREX, initial_value=1)
        writer = self.start_stream()
        mutex.acquire()
        writer.send('one\n')
        self.assert_done(self.read('-rw'), b'one\n')
        self.assertTrue(self.start_writer().out.startswith(self.opening('joined')))
        mutex.release()
        self.assertEqual((self.live(), mutex.value), (2, 1))
