"""The message-queue version: what it does otherwise than the segment version."""
import shlex
import signal
import sys

from support import (
    C_READER, DONE, FAILED, NOTHING_YET, QUEUE_CAPACITY, QUEUE_READER, QUEUE_READERS,
    QUEUE_WRITERS, TestCase, USAGE, WRITER, objects_of, of_each, packed, through_shell, wait_until,
    with_setting, works)

BAD = [(b'', 1), (b'short', 1), (packed()[:-1], 1), (packed() + b'x', 1), (b'x' * 5000, 1),
       (packed(), 2), (packed(pid=-1), 1), (packed(ready=7), 1), (packed(ready=0), 1),
       (packed(message=b'x' * 900), 1)]


@of_each(writer=QUEUE_WRITERS, reader=QUEUE_READERS)
class Stream(TestCase):
    def test_each_message_goes_to_one_reader(self):
        writer = self.start_stream()
        writer.send('one\ntwo\n')
        for command, text in (self.reader, b'one\n'), (QUEUE_READER, b'two\n'):
            self.assert_done(self.read('-rw', command=command), text)
        self.assert_left(writer.finish())
        self.assert_nothing_left()

    def test_followers_get_every_message_in_order_and_share_them_among_each_other(self):
        for commands in [self.reader], [self.reader, QUEUE_READER, self.reader]:
            writer = self.start_stream()
            followers = [self.start_follower('-r', command=command) for command in commands]
            sent = 0

            def one_more():
                nonlocal sent
                writer.send(f'{sent}\n')
                sent += 1
                return all(follower.out for follower in followers)

            wait_until(one_more, 'every follower has got something')
            writer.send(''.join(f'{number}\n' for number in range(sent, sent + 1000)))
            self.assert_status(writer.finish(), DONE)  # it may have said that the queue is full
            seen = []
            for follower in followers:
                result = follower.result()
                self.assert_done(result)
                numbers = [int(line) for line in result.out.split()]
                self.assertEqual(numbers, sorted(numbers))
                seen += numbers
            self.assertEqual(sorted(seen), list(range(sent + 1000)))
            self.assert_nothing_left()


@of_each(writer=QUEUE_WRITERS)
class Full(TestCase):
    def test_a_writer_says_that_a_full_queue_makes_it_wait(self):
        writer = self.start_stream()
        writer.send('x\n' * 17)
        writer.wait_for_error('is full (16 messages): waiting for a reader')
        self.assert_done(self.read('-r'), b'x\n')
        wait_until(lambda: self.queue().current_messages == 16, 'the last one is sent')
        for _ in range(16):
            self.assert_done(self.read('-r'), b'x\n')
        self.assert_status(writer.finish(), DONE)
        self.assert_nothing_left()

    def test_a_signal_ends_the_wait_for_a_full_queue(self):
        writer = self.start_stream()
        writer.send('x\n' * 20)
        writer.wait_for_error('is full')
        writer.signal(signal.SIGTERM)
        self.assert_refused(writer.result(), -signal.SIGTERM, 'nobody had received: 16')
        self.assert_nothing_left()

    def test_a_stream_ends_when_its_messages_were_received(self):
        writer = self.start_stream()
        writer.send('1\n2\n')
        writer.close_input()
        writer.wait_for_error('waiting for a reader of the last messages: 2')
        self.assert_done(self.read('-fr'), b'1\n2\n')
        self.assert_status(writer.result(), DONE)

    def test_of_two_streams_that_end_the_last_one_waits_for_readers(self):
        streams = [self.start_stream() for _ in range(2)]
        for stream in streams:
            stream.send('x\n')
        wait_until(lambda: self.queue().current_messages == 2, 'both have sent')
        for stream in streams:
            stream.close_input()
        wait_until(lambda: self.live() == 1, 'one has left')
        self.assert_done(self.read('-fr'), b'x\nx\n')
        for stream in streams:
            result = stream.result()
            self.assert_status(result, DONE)
            self.assertNotIn('nobody had received', result.err)
        self.assert_nothing_left()


    def test_a_message_that_was_received_while_the_last_writer_left_is_not_called_lost(self):
        writer = self.start_writer('-m', 'one')
        holder = self.start_holder()
        writer.enter()
        self.wait_until_they_wait_for_the_lock(writer)
        self.assert_done(self.read('-r'), b'one\n')
        holder.kill()
        self.assert_done(writer.result())
        self.assert_nothing_left()


@of_each(writer=QUEUE_WRITERS, reader=QUEUE_READERS)
class Crash(TestCase):
    def test_messages_survive_their_killed_writer_until_the_next_one_leaves(self):
        killed = self.start_writer('-m', 'old')
        killed.kill()
        self.assert_warned(self.read('-r'), 'no writer is alive', killed.pid, out=b'old\n')
        for text in 'older', 'oldest':
            self.start_writer('-m', text).kill()
        writer = self.start_writer('-m', 'new')
        self.assert_done(self.read('-r'), b'older\n')
        self.assert_warned(writer.finish(), 'left behind', 'messages: 2', 'nobody had received: 2')
        self.assert_nothing_left()


@of_each(writer=QUEUE_WRITERS)
class OtherChannel(TestCase):
    def test_a_segment_with_the_same_key_is_another_channel(self):
        pair = self.start_writer('-m', 'state', command=WRITER)
        writer = self.start_writer('-m', 'stream')
        self.assert_done(self.read('-r', command=C_READER), b'state\n')
        self.assert_done(self.read('-r'), b'stream\n')
        self.assert_status(pair.finish(), DONE)
        self.assertEqual(objects_of(self.key), ['queue', 'set of the queue'])
        self.assert_left(writer.finish())
        self.assert_nothing_left()


@of_each(program=[*QUEUE_WRITERS, *QUEUE_READERS])
class Strangers(TestCase):
    def run_it(self, *arguments, key=None, command=()):
        return self.run_program([*command, *self.program], '-k', key or self.key, *arguments)

    def test_a_strangers_queue_is_left_untouched(self):
        queue = self.new_queue(b'theirs', capacity=None)
        self.assert_refused(self.run_it(), FAILED, f'key {self.key}', 'another program', 'ipcs -q')
        self.assertEqual((queue.current_messages, objects_of(self.key)), (1, ['queue']))

    def test_a_queue_that_a_receiver_made_is_used_but_not_removed(self):
        """Also by writers that find it later, and the last of them is another one."""
        queue = self.new_queue(capacity=None)
        if self.program in QUEUE_READERS:
            self.assert_refused(self.run_it(), NOTHING_YET, 'start the writer')
            return
        first, last = (self.start_writer('-m', text, command=self.program) for text in ('1', '2'))
        first.finish()
        self.assertIn(b'stays (ID: %d): another program made it\n' % queue.id, last.finish().out)
        self.assertEqual((objects_of(self.key), queue.current_messages), (['queue'], 2))

    def test_a_queue_that_a_killed_writer_has_just_made_is_removed_by_the_next_one(self):
        queue = self.new_queue(capacity=None)
        queue.mode = 0o766
        if self.program in QUEUE_WRITERS:
            self.assert_left(self.run_it())
            self.assert_nothing_left()

    def test_a_key_whose_set_would_have_none_is_refused(self):
        self.assert_refused(self.run_it(key='0x51000000'), USAGE, '0x51000000')


@of_each(reader=QUEUE_READERS)
class Dropping(TestCase):
    def test_messages_that_hold_no_shared_data_are_dropped(self):
        queue = self.new_queue()
        for data, kind in BAD:
            self.put(queue, data, kind)
        self.put(queue, packed(b'\x1b[31mred'))
        self.assert_warned(self.read('-f'), 'dropped a message that holds no SharedData\n',
                           f'dropped messages that hold no SharedData: {len(BAD)}\n',
                           out=b'4711: \\x1b[31mred\n')

    def test_a_single_one_is_told_in_one_line(self):
        self.new_queue(b'short', packed())
        result = self.read('-r')
        self.assert_warned(result, 'dropped a message that', out=b'Hello\n')
        self.assertEqual(result.err.count('dropped'), 1, result)

    def test_a_flood_of_them_hides_no_message_and_is_told_in_two_lines(self):
        self.new_queue(*[b''] * 3000, packed(b'of ours'))
        result = self.read('-fr')
        self.assert_warned(result, 'dropped a message that', 'hold no SharedData: 3000\n',
                           out=b'of ours\n')
        self.assertEqual(result.err.count('dropped'), 2, result)

    def test_a_reader_that_need_not_wait_ends_when_it_has_dropped_all(self):
        queue = self.new_queue(*[b''] * 3000)
        self.assert_refused(self.read(), NOTHING_YET, 'no message came')
        self.assertEqual(queue.current_messages, 0)

    def test_a_reader_that_need_not_wait_ends_in_whatever_flood(self):
        queue = self.new_queue(*[b''] * 15000, capacity=None)
        queue.max_size = QUEUE_CAPACITY
        self.assert_refused(self.read(), NOTHING_YET, 'no message came')
        self.assertGreater(queue.current_messages, 0)

    def test_a_message_of_any_size_is_dropped(self):
        """Larger than any buffer that a reader may have; our capacity is set when it is in."""
        large = with_setting('msgmnb', 300000)
        self.require(works([*large, 'true']), 'this takes unshare, and the right to use it')
        script = (f'import ctypes, os, subprocess, sys, sysv_ipc\n'
                  f'open("/proc/sys/kernel/msgmax", "w").write("200000")\n'
                  f'queue = sysv_ipc.MessageQueue({self.key}, sysv_ipc.IPC_CREX, 0o666)\n'
                  'for size in 150000, 65537:\n'
                  '    ctypes.CDLL(None).msgsnd(queue.id, b"x" * (size + 8), '
                  'ctypes.c_size_t(size), 0)\n'
                  f'queue.max_size = {QUEUE_CAPACITY}\n'
                  'os.execv(sys.argv[1], sys.argv[1:])\n')
        self.assert_refused(self.read(command=[*large, sys.executable, '-c', script, *self.reader]),
                            NOTHING_YET, 'dropped messages that hold no SharedData: 2\n')


@of_each(writer=QUEUE_WRITERS, reader=QUEUE_READERS)
class Limits(TestCase):
    def limited(self, setting, value):
        limited = with_setting(setting, value)
        self.require(works([*limited, 'true']), 'this takes unshare, and the right to use it')
        return limited

    def test_a_limit_below_a_message_is_named(self):
        for setting in 'msgmax', 'msgmnb':
            limited = self.limited(setting, 500)
            self.assert_refused(self.write(command=[*limited, *self.writer]), FAILED,
                                f'kernel.{setting}')

    def test_a_queue_holds_what_the_system_gives_and_is_recognised(self):
        limited = self.limited('msgmnb', 2048)  # as on macOS
        writer = self.start_stream(command=[*limited, *self.writer])
        writer.send('1\n2\n3\n')
        writer.wait_for_error('is full (2 messages): waiting for a reader')
        both = through_shell('seq 9 | "$@" -s >/dev/null & exec ' + shlex.join(self.reader)
                             + f' -frw -k {self.key}; wait', self.writer)
        result = self.write(command=[*limited, *both])
        self.assertEqual((result.status, result.out), (DONE, b'1\n2\n3\n4\n5\n6\n7\n8\n9\n'))
