"""The message-queue version."""
import ctypes
import signal
import struct
import sys

import sysv_ipc

from support import (
    C_READER, DONE, FAILED, NOTHING_YET, TOP, TestCase, libc, live_writers, new_set,
    objects_of, remove_objects, set_of, wait_until, with_setting, without_rights_of_root, works)

WRITER = [str(TOP / 'build' / 'queue_writer')]
C_QUEUE_READER = [str(TOP / 'build' / 'queue_reader')]
PYTHON_QUEUE_READER = [sys.executable, str(TOP / 'scripts' / 'queue_reader.py')]
READERS = {b'C': C_QUEUE_READER, b'Python': PYTHON_QUEUE_READER}
DATA_SIZE = 908
CAPACITY = 16 * DATA_SIZE


def packed(pid=4711, message=b'Hello', ready=1):
    return struct.pack('=i900sB3x', pid, message, ready)


class QueueTest(TestCase):
    def setUp(self):
        super().setUp()
        self.set_key = self.key ^ 0x51000000
        self.addCleanup(remove_objects, self.set_key)

    def start_writer(self, *arguments, **options):
        return super().start_writer(*arguments, command=WRITER, **options)

    def start_stream(self):
        writer = self.start(WRITER, '-s', '-k', self.key)
        writer.wait_for('Sending every line of standard input...\n')
        return writer

    def new_queue(self, capacity=CAPACITY):
        queue = sysv_ipc.MessageQueue(self.key, sysv_ipc.IPC_CREX, 0o666)
        if capacity:
            queue.max_size = capacity
        return queue

    def put(self, queue, data, kind=1):
        """As msgsnd(): some versions of sysv_ipc send more bytes than they are given."""
        message = struct.pack('@l', kind) + data
        self.assertEqual(libc.msgsnd(queue.id, message, ctypes.c_size_t(len(data)), 0o4000), 0)

    def queue(self):
        return sysv_ipc.MessageQueue(self.key, 0, 0o400)

    def assert_nothing_left(self, key=None):
        super().assert_nothing_left(key)
        super().assert_nothing_left(self.set_key)


class Pair(QueueTest):
    def test_writer_and_readers_print_the_display_of_the_pair(self):
        for language, reader in READERS.items():
            writer = self.start_writer()
            text = (b'Hello from C Process!\nThis is inter-process communication demonstration.\n'
                    b'Data is being shared through message queue.\nProcess ID: %d' % writer.pid)
            identifier = self.queue().id
            self.assert_done(self.run_program(reader, '-k', self.key), (
                b'=== %s Program - Message Queue Reader ===\n\n'
                b'Attempting to connect to message queue with key: %d\n'
                b'Successfully connected to message queue (ID: %d)\n\n'
                b'Reading data from message queue...\n\n'
                b'=== Data Retrieved from Message Queue ===\n'
                b'Data Ready Flag: True\n'
                b'C Process ID: %d\n\n'
                b'Message from C Program:\n'
                b'--------------------------------------------------\n'
                b'%s\n'
                b'--------------------------------------------------\n\n'
                b'=== %s Program Output ===\n'
                b'Successfully read %d characters from message queue\n'
                b'==================================================\n')
                % (language, self.key, identifier, writer.pid, text, language, len(text)))
            self.assert_done(writer.finish(), (
                b'Message queue created successfully with ID: %d\n\n'
                b'=== C Program Output ===\n'
                b'Process ID: %d\n'
                b'Message written to message queue:\n'
                b'%s\n'
                b'=========================\n\n'
                b'Data written to message queue successfully!\n'
                b'Python program can now read this data.\n'
                b'Press Enter to cleanup and exit...\n') % (identifier, writer.pid, text))
            self.assert_nothing_left()

    def test_each_message_goes_to_one_reader(self):
        writer = self.start_stream()
        writer.send('one\ntwo\n')
        for reader, text in zip(READERS.values(), (b'one\n', b'two\n')):
            self.assert_done(self.run_program(reader, '-r', '-w', '-k', self.key), text)
        self.assert_done(writer.finish())
        self.assert_nothing_left()

    def test_a_segment_with_the_same_key_is_another_channel(self):
        pair = self.start([str(TOP / 'writer')], '-k', self.key, '-m', 'state')
        pair.wait_for('Press Enter')
        writer = self.start_writer('-m', 'stream')
        self.assert_done(self.run_program(C_READER, '-r', '-k', self.key), b'state\n')
        self.assert_done(self.run_program(C_QUEUE_READER, '-r', '-k', self.key), b'stream\n')
        self.assert_done(pair.finish())
        self.assertEqual(objects_of(self.key), ['queue'])
        self.assert_done(writer.finish())
        self.assert_nothing_left()

    def test_a_reader_without_a_queue_says_so(self):
        for reader in READERS.values():
            for wait in [], ['-w0.05']:
                result = self.run_program(reader, '-k', self.key, *wait)
                self.assert_status(result, NOTHING_YET)
                self.assert_says(result, f'key {self.key}', 'No such file', 'start the writer')

    def test_a_reader_of_an_empty_queue_says_so(self):
        self.start_stream()
        for reader in READERS.values():
            result = self.run_program(reader, '-k', self.key, '-w0.05')
            self.assert_status(result, NOTHING_YET)
            self.assert_says(result, f'key {self.key}', 'no message is in it')

    def test_a_waiting_reader_gets_the_first_message(self):
        readers = [self.start(reader, '-w', '-r', '-k', self.key) for reader in READERS.values()]
        writer = self.start_stream()
        writer.send('Hello\nHello\n')
        for reader in readers:
            self.assert_done(reader.result(), b'Hello\n')

    def test_wrong_usage_is_refused(self):
        for program in WRITER, *READERS.values():
            for wrong in ['-k', ''], ['-k', '12x'], ['-k', '0'], ['-k', '99999999999'], ['-x'], ['x']:
                self.assert_status(self.run_program(program, *wrong), 2)
        self.assert_refused_by_writer('x' * 900, '900', '899')

    def assert_refused_by_writer(self, message, *parts):
        result = self.run_program(WRITER, '-k', self.key, '-m', message)
        self.assert_status(result, 2)
        self.assert_says(result, *parts)
        self.assert_nothing_left()

    def test_lost_output_is_an_error(self):
        self.start_writer('-m', 'one')
        writer = self.start_stream()
        writer.send('two\n')
        for reader in READERS.values():
            with open('/dev/full', 'wb') as full:
                result = self.run_program(reader, '-k', self.key, stdout=full)
            self.assert_status(result, FAILED)
            self.assert_says(result, 'cannot write to standard output')


class Stream(QueueTest):
    def follow_everything(self, count, *readers):
        writer = self.start_stream()
        followers = [self.start(reader, '-f', '-r', '-k', self.key) for reader in readers]
        sent = 0

        def one_more():
            nonlocal sent
            writer.send(f'{sent}\n')
            sent += 1
            return all(follower.out for follower in followers)

        wait_until(one_more, 'every follower has got something')
        writer.send(''.join(f'{number}\n' for number in range(sent, sent + count)))
        self.assert_status(writer.finish(), DONE)
        seen = []
        for follower in followers:
            result = follower.result()
            self.assert_done(result)
            numbers = [int(line) for line in result.out.split()]
            self.assertEqual(numbers, sorted(numbers))
            seen += numbers
        self.assertEqual(sorted(seen), list(range(sent + count)))
        self.assert_nothing_left()

    def test_a_c_follower_gets_every_message_in_order(self):
        self.follow_everything(2000, C_QUEUE_READER)

    def test_a_python_follower_gets_every_message_in_order(self):
        self.follow_everything(2000, PYTHON_QUEUE_READER)

    def test_several_followers_share_the_messages_among_them(self):
        self.follow_everything(2000, C_QUEUE_READER, PYTHON_QUEUE_READER, C_QUEUE_READER)

    def test_a_writer_says_that_a_full_queue_makes_it_wait(self):
        writer = self.start_stream()
        writer.send('x\n' * 17)
        writer.wait_for_error('is full (16 messages): waiting for a reader')
        self.assert_done(self.run_program(C_QUEUE_READER, '-r', '-k', self.key), b'x\n')
        wait_until(lambda: self.queue().current_messages == 16, 'the last one is sent')
        for _ in range(16):
            self.assert_done(self.run_program(C_QUEUE_READER, '-r', '-k', self.key), b'x\n')
        self.assert_status(writer.finish(), DONE)
        self.assert_nothing_left()

    def test_a_signal_ends_the_wait_for_a_full_queue(self):
        writer = self.start_stream()
        writer.send('x\n' * 20)
        writer.wait_for_error('is full')
        writer.signal(signal.SIGTERM)
        self.assert_status(writer.result(), -signal.SIGTERM)
        self.assert_nothing_left()

    def test_a_stream_ends_when_its_messages_were_received(self):
        writer = self.start_stream()
        writer.send('1\n2\n')
        writer.close_input()
        writer.wait_for_error('waiting for a reader of the last messages: 2')
        self.assert_done(self.run_program(C_QUEUE_READER, '-f', '-r', '-k', self.key), b'1\n2\n')
        self.assert_status(writer.result(), DONE)

    def test_of_two_streams_that_end_the_last_one_waits_for_readers(self):
        streams = [self.start_stream() for _ in range(2)]
        for stream in streams:
            stream.send('x\n')
        wait_until(lambda: self.queue().current_messages == 2, 'both have sent')
        for stream in streams:
            stream.close_input()
        wait_until(lambda: live_writers(self.set_key) == 1, 'one has left')
        self.assert_done(self.run_program(C_QUEUE_READER, '-f', '-r', '-k', self.key), b'x\nx\n')
        for stream in streams:
            result = stream.result()
            self.assert_status(result, DONE)
            self.assertNotIn('nobody had received', result.err)
        self.assert_nothing_left()

    def test_a_line_too_long_is_refused(self):
        result = self.run_program(WRITER, '-s', '-k', self.key, given=b'x' * 900)
        self.assert_status(result, FAILED)
        self.assert_says(result, 'line 1', '899')
        self.assert_nothing_left()


class Crash(QueueTest):
    def killed_writer(self):
        writer = self.start_writer('-m', 'old')
        writer.signal(signal.SIGKILL)
        writer.result()
        self.assertEqual(live_writers(self.set_key), 0)
        return writer

    def test_the_next_writer_takes_over_what_a_killed_one_left(self):
        self.killed_writer()
        writer = self.start_writer('-m', 'new')
        self.assertIn(b'Message queue taken over', writer.out)
        self.assertEqual(self.run_program(C_QUEUE_READER, '-r', '-k', self.key).out, b'old\n')
        result = writer.finish()
        self.assert_says(result, 'left behind', 'messages: 1', 'nobody had received: 1')
        self.assert_nothing_left()

    def test_a_message_survives_its_killed_writer(self):
        for reader in READERS.values():
            pid = self.killed_writer().pid
            result = self.run_program(reader, '-r', '-k', self.key)
            self.assertEqual((result.status, result.out), (DONE, b'old\n'), result)
            self.assert_says(result, 'no writer is alive', pid)

    def test_a_follower_ends_when_the_last_writer_is_killed(self):
        for reader in READERS.values():
            writer = self.start_stream()
            follower = self.start(reader, '-f', '-k', self.key)
            writer.send('x\n')
            follower.wait_for(f'{writer.pid}: x\n')
            writer.signal(signal.SIGKILL)
            self.assert_done(follower.result())
            self.run_program(WRITER, '-k', self.key)

    def test_writers_join_and_the_last_one_removes_the_queue(self):
        first = self.start_writer()
        second = self.start_writer()
        self.assertIn(b'Message queue joined', second.out)
        self.assert_says(first.finish(), 'other writers still using', ': 1; the queue stays')
        self.assert_status(second.finish(), DONE)
        self.assert_nothing_left()

    def test_a_removed_queue_is_reported(self):
        for reader in READERS.values():
            writer = self.start_stream()
            follower = self.start(reader, '-f', '-k', self.key)
            writer.send('x\n')
            follower.wait_for('x\n')
            self.queue().remove()
            self.assert_done(follower.result())
            writer.send('y\n')
            result = writer.finish()
            self.assert_status(result, FAILED)
            self.assert_says(result, f'key {self.key}', 'removed')
            self.assert_nothing_left()

    def test_every_ending_signal_is_the_truth_the_parent_sees(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            writer = self.start_writer()
            writer.signal(number)
            self.assert_status(writer.result(), -number)
            self.assert_nothing_left()


class Strangers(QueueTest):
    def test_a_strangers_queue_is_left_untouched(self):
        queue = self.new_queue(capacity=None)
        self.put(queue, b'theirs')
        for program in WRITER, *READERS.values():
            result = self.run_program(program, '-k', self.key)
            self.assert_status(result, FAILED)
            self.assert_says(result, f'key {self.key}', 'another program', 'ipcs -q')
        self.assertEqual(queue.current_messages, 1)
        self.assertEqual(set_of(self.set_key), None)

    def test_a_strangers_semaphore_set_is_left_untouched(self):
        new_set(self.set_key, 1)
        result = self.run_program(WRITER, '-k', self.key)
        self.assert_status(result, FAILED)
        self.assert_says(result, self.set_key, 'another program', 'ipcs -s')
        self.assertEqual(objects_of(self.key), [])

    def test_messages_that_hold_no_shared_data_are_dropped(self):
        bad = [(b'', 1), (b'short', 1), (packed()[:-1], 1), (packed() + b'x', 1),
               (b'x' * 5000, 1), (packed(), 2), (packed(pid=-1), 1), (packed(ready=7), 1),
               (packed(ready=0), 1), (packed(message=b'x' * 900), 1)]
        for reader in READERS.values():
            queue = self.new_queue()
            for data, kind in bad:
                self.put(queue, data, kind)
            self.put(queue, packed(message=b'\x1b[31mred'))
            result = self.run_program(reader, '-f', '-k', self.key)
            self.assertEqual((result.status, result.out), (DONE, b'4711: \\x1b[31mred\n'), result)
            self.assertEqual(result.err.count('dropped a message'), len(bad), result)
            queue.remove()

    def test_a_reader_that_need_not_wait_ends_behind_much_that_is_dropped(self):
        for reader in READERS.values():
            queue = self.new_queue()
            for _ in range(1500):
                self.put(queue, b'')
            self.assert_status(self.run_program(reader, '-k', self.key), NOTHING_YET)
            self.assertEqual(queue.current_messages, 500)
            queue.remove()

    def test_a_key_whose_set_would_have_none_is_refused(self):
        for program in WRITER, *READERS.values():
            result = self.run_program(program, '-k', '0x51000000')
            self.assert_status(result, 2)
            self.assert_says(result, '0x51000000')

    def test_a_limit_below_a_message_is_named(self):
        limited = with_setting('msgmax', 500)
        self.require(works([*limited, 'true']), 'this takes unshare, and the right to use it')
        result = self.run_program([*limited, *WRITER], '-k', self.key)
        self.assert_status(result, FAILED)
        self.assert_says(result, 'kernel.msgmax')

    def test_an_unused_queue_is_not_ours_yet_but_a_writer_may_take_it(self):
        self.new_queue(capacity=None)
        for reader in READERS.values():
            self.assert_status(self.run_program(reader, '-k', self.key), NOTHING_YET)
        self.assert_status(self.run_program(WRITER, '-k', self.key), DONE)
        self.assert_nothing_left()

    def test_without_permission_reader_and_writer_say_so(self):
        prefix = without_rights_of_root()
        self.require(not prefix or works([*prefix, 'true']), 'setpriv cannot take rights away here')
        self.new_queue().mode = 0
        for program in WRITER, *READERS.values():
            result = self.run_program([*prefix, *program], '-k', self.key)
            self.assert_status(result, FAILED)
            self.assert_says(result, 'ermission', '--key')
        self.assertEqual(objects_of(self.key), ['queue'])
