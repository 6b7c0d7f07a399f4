"""writer --stream and reader --follow."""
import concurrent.futures
import ctypes
import errno
import fcntl
import os
import platform
import re
import signal
import sys
import termios
import threading

from support import (
    C_READER, DONE, FAILED, LIMIT, NOTHING_YET, PLATFORM, PYTHON_READER, QUEUE, QUEUE_READERS,
    QUEUE_WRITERS, READERS, SEGMENT, SEGMENT_READERS, SEGMENT_WRITERS, TestCase, VERSION_OFFSET,
    WRITERS, contents, libc, of_each, process_state, wait_until)

SYS_FUTEX = sys.maxsize > 1 << 32 and {'x86_64': 202, 'aarch64': 98}.get(platform.machine())
SHM_RDONLY = 0o10000


def text_of(number):
    """Short and long texts in turn; each tells whether it is whole."""
    return ' '.join([str(number)] * (1 + number * 7 % 120))


@of_each(writer=WRITERS)
class Stream(TestCase):
    def refused(self, line, *parts):
        for end in b'', b'\nmore\n':
            self.assert_refused(self.write('-s', given=line + end), FAILED, *parts)
            self.assert_nothing_left()

    def test_a_line_too_long_is_refused_with_its_number(self):
        for length in 900, 4096, 1000000:
            self.refused(b'x' * length, 'line 1 ', '899')

    def test_a_line_with_a_nul_is_refused_with_its_number(self):
        for line in b'\0', b'a\0b', b'x' * 898 + b'\0':
            self.refused(line, 'line 1 ', 'NUL')

    def test_a_refused_line_is_not_sent_and_ends_the_stream(self):
        for wrong in 'x' * 900 + '\n', 'a\0b\n':
            writer = self.start_stream()
            follower = self.start_follower('-r')
            writer.send('good\n')
            follower.wait_for('good\n')
            writer.send(wrong)
            self.assert_refused(writer.result(), FAILED, 'line 2 ')
            self.assertEqual(follower.result().out, b'good\n')

    def test_a_line_of_899_bytes_is_sent_whole(self):
        writer = self.start_stream()
        writer.send('x' * 899 + '\n')
        self.assert_done(self.read('-rw'), b'x' * 899 + b'\n')

    def test_a_line_may_come_in_pieces_and_the_last_one_without_newline(self):
        writer = self.start_stream()
        for piece in 'on', 'e', ' li', 'ne':
            writer.send(piece)
            wait_until(lambda: process_state(writer.pid) == 'S', 'the piece is read')
        self.assert_refused(self.read('-r'), NOTHING_YET)
        follower = self.start_follower('-r')
        writer.close_input()
        self.assert_done(follower.result(), b'one line\n')

    def test_a_line_that_a_signal_cuts_off_is_not_sent(self):
        writer = self.start_stream()
        writer.send('one li')
        wait_until(lambda: fcntl.ioctl(writer.process.stdin, termios.FIONREAD, bytes(4))
                   == bytes(4), 'it is read')
        writer.signal(signal.SIGTERM)
        result = writer.result()
        self.assert_left(result, status=-signal.SIGTERM)
        self.assertIn(b'\nMessages sent: 0\n', result.out)


@of_each(writer=SEGMENT_WRITERS)
class EndlessStream(TestCase):
    def start_endless_stream(self, line):
        """A writer that is never out of lines, and has sent many."""
        reading, writing = os.pipe()
        with open(reading, 'rb') as ours, open(writing, 'wb') as theirs:
            self.start(['yes', line], stdout=theirs)
            writer = self.start(self.writer, '-s', '-k', self.key, stdin=ours)
        wait_until(lambda: self.attached() and self.version() > 100, 'many lines')
        return writer

    def test_a_signal_ends_a_stream_that_always_has_input(self):
        writer = self.start_endless_stream('x')
        writer.signal(signal.SIGTERM)
        result = writer.result()
        self.assert_left(result, status=-signal.SIGTERM)
        self.assertRegex(result.out, rb'\nMessages sent: [1-9]\d+\n')
        self.assert_nothing_left()

    def test_data_ready_is_false_while_a_message_is_written(self):
        """Looks until it has hit such an instant: for readers that know no version."""
        self.start_endless_stream('x' * 899)
        memory = self.segment()
        wait_until(lambda: any(memory.read(1, 904) == b'\0' for _ in range(10000)), 'an instant')


@of_each(reader=READERS)
class Followers(TestCase):
    def test_each_message_is_a_line_with_its_writers_pid(self):
        writer = self.start_stream()
        follower = self.start_follower()
        for text in 'one', 'two', 'two', 'three\tfour':
            before = follower.out.count(b'\n')
            writer.send(text + '\n')
            wait_until(lambda n=before: follower.out.count(b'\n') > n, 'a line')
        self.assert_done(writer.finish())
        self.assert_done(follower.result(), b'%d: one\n%d: two\n%d: two\n%d: three\tfour\n'
                         % ((writer.pid,) * 4))

    def test_a_newline_in_a_message_does_not_break_the_line(self):
        writer = self.start_writer('-m', 'a\nb')
        follower = self.start_follower()
        follower.wait_for('%d: a\\x0ab\n' % writer.pid)

    def test_following_ends_when_the_last_of_several_writers_leaves(self):
        writers = [self.start_stream() for _ in range(3)]
        follower = self.start_follower('-r')
        for number, writer in enumerate(writers, 1):
            writer.send('last words\n')
            wait_until(lambda n=number: follower.out.count(b'\n') == n, 'a line')
            writer.finish()
        self.assert_done(follower.result(), b'last words\n' * 3)
        self.assert_nothing_left()

    def test_following_ends_when_the_last_writer_is_killed(self):
        writer = self.start_stream()
        follower = self.start_follower('-r')
        writer.send('testament\n')
        follower.wait_for('testament\n')
        writer.kill()
        result = follower.result()
        self.assertEqual((result.status, result.out), (DONE, b'testament\n'), result)

    def test_following_a_writer_that_leaves_without_a_message_is_status_3(self):
        writer = self.start_stream()
        follower = self.start_follower()
        writer.finish()
        self.assert_refused(follower.result(), NOTHING_YET, self.key, '--wait')

    def test_following_goes_on_when_what_a_killed_writer_left_is_taken_over(self):
        first, second = self.start_writer('-m', 'first'), self.start_stream()
        follower = self.start_follower('-r')
        follower.wait_for('first\n')
        first.kill()
        second.send('second\n')
        follower.wait_for('second\n')
        second.finish()
        self.assert_done(follower.result(), b'first\nsecond\n')

    def test_a_message_that_comes_just_before_its_writer_goes_is_shown(self):
        """Between the follower's looks for messages and for writers."""
        writer = self.start_stream()
        writer.send('one\n')
        follower = self.start_to_stop('semget', 2, self.reader, '-f', '-r')
        follower.wait_for('one\n')
        writer.send('two\n')
        wait_until(lambda: self.version() == 4 if self.medium is SEGMENT
                   else self.queue().current_messages == 1, 'it is sent')
        writer.kill()
        follower.resume()
        follower.wait_for('two\n')
        self.assert_status(follower.result(), DONE)

    def test_a_stopped_reader_does_not_disturb_a_writer(self):
        writer = self.start_stream()
        follower = self.start_follower('-r')
        writer.send('0\n')
        follower.wait_for('0\n')
        follower.stop()
        lines = ''.join(f'{number}\n' for number in range(1, 16))
        writer.send(lines)
        if self.medium is SEGMENT:
            self.assert_left(writer.finish())
            self.assert_nothing_left()
            lines = '15\n'
        else:
            wait_until(lambda: self.queue().current_messages == 15, 'all is sent')
            writer.close_input()
        follower.resume()
        self.assertEqual(follower.result().out.decode(), '0\n' + lines)

    def test_a_killed_reader_costs_nobody_anything(self):
        writer = self.start_stream()
        self.start_follower('-r').kill()
        follower = self.start_follower('-r')
        if self.medium is SEGMENT:
            self.assertEqual(self.attached(), 2)
        writer.send('one\n')
        follower.wait_for('one\n')
        self.assert_left(writer.finish())
        self.assert_done(follower.result(), b'one\n')
        self.assert_nothing_left()

    def test_following_ends_when_the_segment_or_queue_is_removed_by_hand(self):
        writer = self.start_writer('-m', 'whole')
        follower = self.start_follower('-r')
        follower.wait_for('whole\n')
        self.remove_object()
        self.assert_done(follower.result(), b'whole\n')
        self.assert_refused(writer.finish(), FAILED, 'removed')

    def test_two_keys_make_a_conversation(self):
        there, back = self.key, self.new_key()
        alice, bob = self.start_stream(key=there), self.start_stream(key=back)
        to_bob, to_alice = self.start_follower('-r', key=there), self.start_follower('-r', key=back)
        for number in range(5):
            alice.send(f'ping {number}\n')
            to_bob.wait_for(f'ping {number}\n')
            bob.send(f'pong {number}\n')
            to_alice.wait_for(f'pong {number}\n')
        for program in alice, bob, to_bob, to_alice:
            self.assert_status(program.finish(), DONE)
        self.assert_nothing_left(there)
        self.assert_nothing_left(back)


@of_each(reader=SEGMENT_READERS)
class FollowersOfSegments(TestCase):
    def test_the_last_message_is_seen_however_fast_the_writer_leaves(self):
        for number in range(10):
            writer = self.start_stream()
            follower = self.start_follower('-r')
            writer.send(f'{number}\n')
            writer.close_input()
            self.assert_done(follower.result(), b'%d\n' % number)
            writer.finish()

    def test_following_goes_on_behind_a_torn_message(self):
        writer = self.start_stream()
        follower = self.start_follower('-r')
        writer.send('whole\n')
        follower.wait_for('whole\n')
        self.segment().write(contents(b'torn', version=5))
        follower.wait_for_error('torn')
        writer.send('whole again\n')
        self.assert_left(writer.finish())
        result = follower.result()
        self.assertEqual((result.status, result.out), (DONE, b'whole\nwhole again\n'), result)

    def test_following_a_segment_that_gets_damaged_is_an_error(self):
        writer = self.start_writer('-m', 'whole')
        follower = self.start_follower('-r')
        follower.wait_for('whole\n')
        self.segment().write(contents(ready=7, version=4, pid=writer.pid))
        result = follower.result()
        self.assert_refused(result, FAILED, self.key, 'dataReady 7')
        self.assertEqual(result.out, b'whole\n')

    def test_a_follower_says_at_its_end_how_many_messages_it_missed(self):
        for version in 2, 0xfffffff8:
            self.key = self.new_key()
            self.new_segment(contents(version=version))
            writer = self.start_stream()
            follower = self.start_follower('-r')
            follower.wait_for('Hello\n')
            for shown, count in enumerate((1, 5, 1, 3)):
                follower.stop()
                writer.send(''.join(f'{number}\n' for number in range(count)) + 'last\n')
                version = (version + 2 * (count + 1)) % (1 << 32)
                wait_until(lambda v=version: self.version() == v, 'all is published')
                follower.resume()
                wait_until(lambda n=shown: follower.out.count(b'last\n') > n, 'the last is shown')
            writer.finish()
            self.assert_warned(
                follower.result(), f'segment with key {self.key}: messages that came too fast to '
                'be shown: 10; the queue version delivers each\n',
                out=b'Hello\n' + b'last\n' * 4)


@of_each(reader=[C_READER, *QUEUE_READERS])
class SleepingReaders(TestCase):
    def test_a_follower_sleeps_in_the_kernel_until_a_message_comes(self):
        self.require(self.medium is QUEUE or PLATFORM == 'linux', 'on this platform it looks again')
        self.start_writer('-m', 'Hello')
        follower = self.start_follower()
        follower.wait_for('Hello\n')
        call = {SEGMENT: 'futex', QUEUE: 'msgrcv'}[self.medium]
        self.wait_until_it_sleeps_in(call, follower)


@of_each(writer=QUEUE_WRITERS)
class SleepingWriters(TestCase):
    def test_a_writer_sleeps_in_the_kernel_while_the_queue_is_full(self):
        writer = self.start_stream()
        writer.send('x\n' * 17)
        self.wait_until_it_sleeps_in('msgsnd', writer)


@of_each(writer=SEGMENT_WRITERS)
class Waking(TestCase):
    def test_a_publisher_wakes_all_who_sleep(self):
        self.require(SYS_FUTEX and PLATFORM == 'linux', 'the number of futex() is not known here')
        writer = self.start_stream()
        libc.shmat.restype = ctypes.c_void_p
        address = libc.shmat(self.segment().id, None, SHM_RDONLY)
        self.addCleanup(lambda: libc.shmdt(ctypes.c_void_p(address)))
        version = ctypes.c_uint.from_address(address + VERSION_OFFSET)
        timeout = (ctypes.c_long * 2)(LIMIT, 0)
        ready = threading.Barrier(3)

        def sleep():
            """0: woken. EAGAIN: the message came before the sleep; try again with another."""
            seen = version.value
            ready.wait()
            failed = libc.syscall(SYS_FUTEX, ctypes.c_void_p(address + VERSION_OFFSET), 0, seen,
                                  timeout, None, 0)
            return failed and ctypes.get_errno()

        outcomes = [errno.EAGAIN]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            while errno.EAGAIN in outcomes:
                sleepers = [pool.submit(sleep) for _ in range(2)]
                ready.wait()
                writer.send('wake up\n')
                outcomes = [sleeper.result() for sleeper in sleepers]
        self.assertEqual(outcomes, [0, 0])


@of_each(writer=SEGMENT_WRITERS)
class Many(TestCase):
    COUNT = {'C': 20000, 'Python': 2000}

    def start_followers(self, *arguments):
        return [self.start_follower(*arguments, command=command)
                for command in (C_READER, C_READER, PYTHON_READER)]

    def test_followers_of_a_fast_writer_see_whole_messages_rising_to_the_last(self):
        writer, followers = self.start_stream(), self.start_followers()
        count = self.COUNT[self.writer.language]
        writer.send(''.join(text_of(number) + '\n' for number in range(1, count + 1)))
        self.assert_left(writer.finish())
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
        followers, count = self.start_followers('-r'), self.COUNT[self.writer.language] // 4
        for index, writer in enumerate(writers):
            threading.Thread(target=writer.send, args=(''.join(
                f'{index}: {text_of(number)}\n' for number in range(count)),)).start()
        for writer in writers:
            wait_until(lambda: self.version() == 2 * 3 * count, 'everything is published')
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
            self.assertIn(count - 1, last.values())
        self.assert_nothing_left()
