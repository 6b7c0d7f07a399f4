"""The message-queue version: what it does otherwise than the segment version."""
import signal

from support import (
    C_READER, DONE, FAILED, NOTHING_YET, QUEUE_READER, QUEUE_READERS, QUEUE_WRITERS, TestCase,
    USAGE, WRITER, objects_of, of_each, packed, wait_until, with_setting, works)

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
            self.assert_left(writer.finish())
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

    def test_an_unused_queue_is_not_ours_yet_but_a_writer_may_take_it(self):
        self.new_queue(capacity=None)
        result = self.run_it()
        if self.program in QUEUE_WRITERS:
            self.assert_left(result)
            self.assert_nothing_left()
        else:
            self.assert_refused(result, NOTHING_YET, 'start the writer')

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
                           out=b'4711: \\x1b[31mred\n')


@of_each(writer=QUEUE_WRITERS)
class Limits(TestCase):
    def test_a_limit_below_a_message_is_named(self):
        limited = with_setting('msgmax', 500)
        self.require(works([*limited, 'true']), 'this takes unshare, and the right to use it')
        self.assert_refused(self.write(command=[*limited, *self.writer]), FAILED, 'kernel.msgmax')
