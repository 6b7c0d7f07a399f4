"""writer --stream and reader --follow."""
import ctypes
import os
import platform
import re
import signal
import threading

from support import (
    C_READER, DONE, FAILED, OfBothReaders, PYTHON_READER, TestCase, VERSION_OFFSET, WRITER,
    contents, libc, live_writers, process_state, wait_until)

SYS_FUTEX = {'x86_64': 202, 'aarch64': 98}.get(platform.machine())
SHM_RDONLY = 0o10000


def text_of(number):
    """Short and long texts in turn; each tells whether it is whole."""
    return ' '.join([str(number)] * (1 + number * 7 % 120))


class Stream(TestCase):
    def stream(self, given, *arguments):
        return self.run_program(WRITER, '-s', '-k', self.key, *arguments, given=given)

    def test_a_stream_says_what_it_does_and_leaves_at_the_end(self):
        writer = self.start_stream()
        memory = self.segment()
        writer.send('one\ntwo\n\n')
        self.assert_done(writer.finish(),
                         b'Shared memory created successfully with ID: %d\n'
                         b'Attached to shared memory\n\n'
                         b'Publishing every line of standard input...\n'
                         b'Messages sent: 3\n' % memory.id)
        self.assert_nothing_left()

    def test_an_empty_stream_is_done(self):
        result = self.stream(b'')
        self.assert_done(result)
        self.assertIn(b'Messages sent: 0\n', result.out)
        self.assert_nothing_left()

    def test_a_line_too_long_is_refused_with_its_number(self):
        for line in b'x' * 900, b'x' * 5000, b'x' * 4096, b'x' * 1000000:
            for end in b'', b'\n', b'\nmore\n':
                result = self.stream(b'one\ntwo\n' + line + end)
                self.assert_refused(result, FAILED, 'line 3 ', '899')
                self.assert_nothing_left()

    def test_a_line_with_a_nul_is_refused_with_its_number(self):
        for line in b'\0', b'a\0b', b'x' * 898 + b'\0':
            for end in b'', b'\n':
                result = self.stream(b'one\n' + line + end)
                self.assert_refused(result, FAILED, 'line 2 ', 'NUL')
                self.assert_nothing_left()

    def test_a_refused_line_is_not_published(self):
        writer = self.start_stream()
        follower = self.start_follower(C_READER, '-r')
        writer.send('good\n')
        follower.wait_for('good\n')
        writer.send('x' * 900 + '\n')
        self.assert_status(writer.result(), FAILED)
        self.assert_done(follower.result(), b'good\n')

    def test_a_line_of_899_bytes_is_published_whole(self):
        writer = self.start_stream()
        follower = self.start_follower(C_READER, '-r')
        writer.send('x' * 899 + '\n')
        self.assert_done(writer.finish())
        self.assert_done(follower.result(), b'x' * 899 + b'\n')

    def test_a_line_may_come_in_pieces(self):
        writer = self.start_stream()
        for piece in 'on', 'e', ' li', 'ne':
            writer.send(piece)
            wait_until(lambda: process_state(writer.pid) == 'S', 'the piece is read')
        self.assertEqual(self.version(), 0)
        writer.send('\n')
        wait_until(lambda: self.version() == 2, 'the line is published')
        self.assertEqual(self.segment().read(9, 4), b'one line\0')

    def test_a_shorter_message_leaves_nothing_of_a_longer_one(self):
        writer = self.start_stream()
        for number, text in enumerate(('x' * 899, 'short', 'y' * 100, '', 'z' * 13), 1):
            writer.send(text + '\n')
            wait_until(lambda n=number: self.version() == 2 * n, 'the line is published')
            self.assertEqual(self.segment().read(1024), contents(
                text.encode(), pid=writer.pid, version=2 * number))

    def test_a_signal_ends_a_stream_that_always_has_input(self):
        writer = self.start_endless_stream('x')
        writer.signal(signal.SIGTERM)
        result = writer.result()
        self.assertEqual((result.status, result.err), (-signal.SIGTERM, ''), result)
        self.assertRegex(result.out, rb'Messages sent: [1-9]\d+\n\Z')
        self.assert_nothing_left()

    def test_data_ready_is_false_while_a_message_is_written(self):
        """Looks until it has hit such an instant: for readers that know no version."""
        self.start_endless_stream('x' * 899)
        memory = self.segment()
        wait_until(lambda: any(memory.read(1, 904) == b'\0' for _ in range(10000)), 'an instant')

    def start_endless_stream(self, line):
        """A writer that is never out of lines, and has sent many."""
        reading, writing = os.pipe()
        with open(reading, 'rb') as ours, open(writing, 'wb') as theirs:
            self.start(['yes', line], stdout=theirs)
            writer = self.start(WRITER, '-s', '-k', self.key, stdin=ours)
        wait_until(lambda: self.attached() and self.version() > 100, 'many lines')
        return writer


class Followers(OfBothReaders):
    def test_each_message_is_a_line_with_its_writers_pid(self):
        writer = self.start_stream()
        follower = self.start_follower(self.reader)
        for text in 'one', 'two', 'two', 'three\tfour':
            before = follower.out.count(b'\n')
            writer.send(text + '\n')
            wait_until(lambda n=before: follower.out.count(b'\n') > n, 'a line')
        self.assert_done(writer.finish())
        self.assert_done(follower.result(), b'%d: one\n%d: two\n%d: two\n%d: three\tfour\n'
                         % ((writer.pid,) * 4))

    def test_a_newline_in_a_message_does_not_break_the_line(self):
        writer = self.start_writer('-m', 'a\nb')
        follower = self.start_follower(self.reader)
        writer.finish()
        self.assert_done(follower.result(), b'%d: a\\x0ab\n' % writer.pid)

    def test_the_last_line_needs_no_newline(self):
        writer = self.start_stream()
        follower = self.start_follower(self.reader, '-r')
        writer.send('one\ntwo')
        self.assert_done(writer.finish())
        self.assertRegex(follower.result().out, rb'\A(one\n)?two\n\Z')

    def test_the_last_message_is_seen_however_fast_the_writer_leaves(self):
        for number in range(10):
            writer = self.start_stream()
            follower = self.start_follower(self.reader, '-r')
            writer.send(f'{number}\n')
            writer.close_input()
            self.assert_done(follower.result(), b'%d\n' % number)
            writer.finish()

    def test_following_ends_when_the_last_of_several_writers_leaves(self):
        writers = [self.start_stream() for _ in range(3)]
        follower = self.start_follower(self.reader, '-r')
        for writer in writers:
            writer.send('last words\n')
            wait_until(lambda n=writers.index(writer): follower.out.count(b'\n') == n + 1, 'a line')
            writer.finish()
        self.assert_done(follower.result(), b'last words\n' * 3)
        self.assert_nothing_left()

    def test_following_ends_when_the_last_writer_is_killed(self):
        writer = self.start_stream()
        follower = self.start_follower(self.reader, '-r')
        writer.send('testament\n')
        follower.wait_for('testament\n')
        writer.signal(signal.SIGKILL)
        result = follower.result()
        self.assertEqual((result.status, result.out), (DONE, b'testament\n'), result)
        self.assert_says(result, 'no writer is alive', writer.pid)

    def test_following_a_writer_that_leaves_without_a_message_is_status_3(self):
        writer = self.start_stream()
        follower = self.start_follower(self.reader)
        writer.finish()
        self.assert_refused(follower.result(), 3, 'nothing was published')

    def test_following_goes_on_when_a_killed_writers_segment_is_taken_over(self):
        first = self.start_writer('-m', 'first')
        second = self.start_stream()
        follower = self.start_follower(self.reader, '-r')
        follower.wait_for('first\n')
        first.signal(signal.SIGKILL)
        first.result()
        second.send('second\n')
        follower.wait_for('second\n')
        second.finish()
        self.assert_done(follower.result(), b'first\nsecond\n')

    def test_a_follower_that_waits_is_there_before_the_first_writer(self):
        follower = self.start(self.reader, '-f', '-w', '-k', self.key)
        writer = self.start_stream()
        follower.wait_until_attached(self.key)
        writer.send('one\n')
        follower.wait_for('one\n')
        writer.send('two\n')
        self.assert_done(writer.finish())
        self.assert_done(follower.result(), b'%d: one\n%d: two\n' % (writer.pid, writer.pid))
        self.assert_nothing_left()

    def test_a_stopped_reader_does_not_disturb_a_writer(self):
        writer = self.start_stream()
        follower = self.start_follower(self.reader, '-r')
        follower.stop()
        writer.send(''.join(f'{number}\n' for number in range(1000)))
        self.assert_done(writer.finish())
        self.assert_nothing_left()
        follower.resume()
        self.assert_done(follower.result(), b'999\n')

    def test_a_killed_reader_costs_nobody_anything(self):
        writer = self.start_stream()
        followers = [self.start_follower(self.reader, '-r') for _ in range(2)]
        followers[0].signal(signal.SIGKILL)
        followers[0].result()
        wait_until(lambda: self.attached() == 2, 'the kernel has detached it')
        self.assertEqual(live_writers(self.key), 1)
        writer.send('one\n')
        self.assert_done(writer.finish())
        self.assert_done(followers[1].result(), b'one\n')
        self.assert_nothing_left()

    def test_following_goes_on_behind_a_torn_message(self):
        writer = self.start_stream()
        follower = self.start_follower(self.reader, '-r')
        writer.send('whole\n')
        follower.wait_for('whole\n')
        self.segment().write(contents(b'torn', version=5))
        follower.wait_for_error('torn')
        writer.send('whole again\n')
        self.assert_done(writer.finish())
        result = follower.result()
        self.assertEqual((result.status, result.out), (DONE, b'whole\nwhole again\n'), result)

    def test_following_a_segment_that_gets_damaged_is_an_error(self):
        writer = self.start_writer('-m', 'whole')
        follower = self.start_follower(self.reader, '-r')
        follower.wait_for('whole\n')
        self.segment().write(contents(ready=7, version=4, pid=writer.pid))
        result = follower.result()
        self.assert_refused(result, FAILED, self.key, 'dataReady 7')
        self.assertEqual(result.out, b'whole\n')

    def test_following_ends_when_the_segment_is_removed_by_hand(self):
        writer = self.start_writer('-m', 'whole')
        follower = self.start_follower(self.reader, '-r')
        follower.wait_for('whole\n')
        self.segment().remove()
        self.assert_done(follower.result(), b'whole\n')
        self.assert_status(writer.finish(), FAILED)

    def test_two_keys_make_a_conversation(self):
        there, back = self.key, self.new_key()
        alice, bob = self.start_stream(key=there), self.start_stream(key=back)
        to_bob = self.start_follower(self.reader, '-r', key=there)
        to_alice = self.start_follower(self.reader, '-r', key=back)
        for number in range(5):
            alice.send(f'ping {number}\n')
            to_bob.wait_for(f'ping {number}\n')
            bob.send(f'pong {number}\n')
            to_alice.wait_for(f'pong {number}\n')
        self.assert_done(alice.finish())
        self.assert_done(bob.finish())
        self.assert_done(to_bob.result(), b''.join(b'ping %d\n' % n for n in range(5)))
        self.assert_done(to_alice.result(), b''.join(b'pong %d\n' % n for n in range(5)))
        self.assert_nothing_left(there)
        self.assert_nothing_left(back)


Followers.make(globals())
del Followers


class Sleeping(TestCase):
    def test_the_c_reader_sleeps_in_the_kernel_between_messages(self):
        self.require(SYS_FUTEX and os.access('/proc/self/syscall', os.R_OK),
                     'this kernel does not show what a process sleeps in')
        self.start_writer('-m', 'Hello')
        follower = self.start_follower(C_READER)
        follower.wait_for('Hello\n')

        def call():
            with open(f'/proc/{follower.pid}/syscall', encoding='ascii') as file:
                return file.read().split()[0]
        wait_until(lambda: call() == str(SYS_FUTEX), 'the reader sleeps in futex()')

    def test_a_publisher_wakes_those_who_sleep(self):
        self.require(SYS_FUTEX, 'the number of futex() is not known here')
        writer = self.start_stream()
        libc.shmat.restype = ctypes.c_void_p
        address = libc.shmat(self.segment().id, None, SHM_RDONLY)
        self.addCleanup(lambda: libc.shmdt(ctypes.c_void_p(address)))
        version = ctypes.c_uint.from_address(address + VERSION_OFFSET)
        timeout = (ctypes.c_long * 2)(10, 0)
        outcomes = []

        def sleep():
            """0: woken. EAGAIN: the message came before the sleep; try again with another."""
            seen = version.value
            ready.set()
            if libc.syscall(SYS_FUTEX, ctypes.c_void_p(address + VERSION_OFFSET), 0, seen,
                            timeout, None, 0) == 0:
                outcomes.append('woken')
            else:
                outcomes.append(os.strerror(ctypes.get_errno()))

        while not outcomes or outcomes[-1] == os.strerror(11):
            ready = threading.Event()
            sleeper = threading.Thread(target=sleep)
            sleeper.start()
            ready.wait()
            wait_until(lambda: sleeper.native_id, 'it has an ID')
            writer.send('wake up\n')
            sleeper.join()
        self.assertEqual(outcomes[-1], 'woken')


class Many(TestCase):
    def test_followers_of_a_fast_writer_see_whole_messages_rising_to_the_last(self):
        writer = self.start_stream()
        followers = [self.start_follower(command)
                     for command in (C_READER, C_READER, C_READER, PYTHON_READER, PYTHON_READER)]
        count = 20000
        writer.send(''.join(text_of(number) + '\n' for number in range(1, count + 1)))
        self.assert_done(writer.finish())
        for follower in followers:
            result = follower.result()
            self.assert_status(result, DONE)
            last = 0
            for line in result.out.decode().splitlines():
                pid, text = line.split(': ')
                number = int(text.split()[0])
                self.assertEqual((int(pid), text), (writer.pid, text_of(number)))
                self.assertGreater(number, last)
                last = number
            self.assertEqual(last, count)
        self.assert_nothing_left()

    def test_several_fast_writers_do_not_mix_their_messages(self):
        writers = [self.start_stream() for _ in range(3)]
        followers = [self.start_follower(command, '-r')
                     for command in (C_READER, C_READER, PYTHON_READER)]
        last = {}
        for index, writer in enumerate(writers):
            threading.Thread(target=writer.send, args=(''.join(
                f'{index}: {text_of(number)}\n' for number in range(5000)),)).start()
        for writer in writers:
            wait_until(lambda: self.version() >= 2 * 3 * 5000, 'everything is published')
            self.assert_status(writer.finish(), DONE)
        for follower in followers:
            last = {}
            for line in follower.result().out.decode().splitlines():
                self.assertTrue(re.fullmatch(r'[012]: (\d+)( \1)*', line), line)
                index, text = line.split(': ')
                number = int(text.split()[0])
                self.assertEqual(text, text_of(number))
                self.assertGreater(number, last.get(index, -1))
                last[index] = number
            self.assertIn(4999, last.values())
        self.assert_nothing_left()
