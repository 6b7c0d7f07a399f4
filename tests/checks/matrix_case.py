"""What the programs of each row of matrix.py must be able to do together with ours."""
import re
import time

from support import (
    C_READER, DONE, NOTHING_YET, QUEUE, QUEUE_READERS, QUEUE_WRITERS, SEGMENT_READERS,
    SEGMENT_WRITERS, TestCase)

PROGRAMS = {'writer': 'writer', 'reader': 'reader', 'queue_writer': 'build/queue_writer',
            'queue_reader': 'build/queue_reader'}
OURS = {'writer': SEGMENT_WRITERS, 'reader': SEGMENT_READERS, 'queue_writer': QUEUE_WRITERS,
        'queue_reader': QUEUE_READERS}


def wakes(pid):
    """How often the process has slept so far."""
    with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as status:
        return int(re.search(r'^voluntary_ctxt_switches:\s*(\d+)', status.read(), re.M).group(1))


class Together(TestCase):
    """A row's programs, given as commands, beside ours; alone, if their byte order is another."""

    def __init__(self, method, commands, alone):
        super().__init__(method)
        self.commands, self.alone = commands, alone

    def each(self, name):
        """The commands of all programs of that name, the row's own first."""
        mine = self.commands[name]
        return [mine, mine] if self.alone else [mine, *OURS[name]]

    def assert_all_read(self, message):
        for reader in self.each('reader'):
            result = self.read('-r', command=reader)
            self.assertEqual((result.status, result.out), (DONE, message + b'\n'), result)

    def end(self, program):
        self.assert_status(program.finish(), DONE)

    def test_each_reader_shows_each_writers_message_word_for_word(self):
        text = 'Grüße\t' + 'x' * 891
        for command in self.each('writer'):
            writer = self.start_writer('-m', text, command=command)
            self.assert_all_read(text.encode())
            self.end(writer)
            self.assert_nothing_left()

    def test_writers_and_followers_share_one_segment_and_the_last_writer_removes_it(self):
        writers = [self.start_stream(command=command) for command in self.each('writer')]
        followers = [self.start_follower('-w', command=command) for command in self.each('reader')]
        for text in 'one', 'two':
            for writer in writers:
                writer.send(text + '\n')
                for follower in followers:
                    follower.wait_for(f'{writer.pid}: {text}\n')
        for left, writer in enumerate(writers, 1):
            self.end(writer)
            self.assertEqual(self.live(), len(writers) - left)
        for follower in followers:
            self.end(follower)
        self.assert_nothing_left()

    def test_what_a_killed_writer_leaves_is_taken_over(self):
        mine, *others = self.each('writer')
        for number, command in enumerate([mine, *others, mine]):
            writer = self.start_writer('-m', f'message {number}', command=command)
            self.assertEqual(b'taken over' in writer.out, number > 0, writer.out)
            self.assert_all_read(b'message %d' % number)
            if number <= len(others):
                writer.kill()
        self.end(writer)
        self.assert_nothing_left()

    def test_a_queue_brings_every_message_from_each_writer_to_each_reader(self):
        self.medium = QUEUE
        for command in self.each('queue_writer'):
            for reader in self.each('queue_reader'):
                writer = self.start_stream(command=command)
                follower = self.start_follower(command=reader)
                for text in 'one', '', 'x' * 899:
                    writer.send(text + '\n')
                    follower.wait_for(f'{writer.pid}: {text}\n')
                self.end(writer)
                self.end(follower)
                self.assert_nothing_left()

    def test_a_follower_sleeps_when_there_is_nothing_new(self):
        writer = self.start_stream(command=self.each('writer')[1])
        follower = self.start_follower('-w', command=self.each('reader')[0])
        writer.send('news\n')
        follower.wait_for('news\n')
        follower.wait_for_state('S')
        begin, before = time.monotonic(), wakes(follower.pid)
        self.assert_status(self.read('-t0.5', command=C_READER, key=self.new_key()), NOTHING_YET)
        # Looking up twice a second or polling gently stays far below; a sleep that fails doesn't.
        self.assertLess(wakes(follower.pid) - before, 1000 * (time.monotonic() - begin))
        self.end(writer)
