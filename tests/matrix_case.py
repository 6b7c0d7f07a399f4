"""What the programs of each row of matrix.py must be able to do together with ours."""
import re
import signal
import sys
import time

from support import (
    C_READER, DONE, NOTHING_YET, PYTHON_READER, TOP, WRITER, TestCase, live_writers, remove_objects)

PROGRAMS = {'writer': 'writer', 'reader': 'reader', 'queue_writer': 'build/queue_writer',
            'queue_reader': 'build/queue_reader'}
HERE = {'writer': WRITER, 'reader': C_READER, 'queue_writer': [str(TOP / 'build/queue_writer')],
        'queue_reader': [str(TOP / 'build/queue_reader')]}
PYTHON = {'reader': PYTHON_READER,
          'queue_reader': [sys.executable, str(TOP / 'scripts/queue_reader.py')]}


def wakes(pid):
    """How often the process has slept so far."""
    with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as status:
        return int(re.search(r'^voluntary_ctxt_switches:\s*(\d+)', status.read(), re.M).group(1))


class Together(TestCase):
    """A row's programs, given as commands, beside ours; alone, if their byte order is another."""

    def __init__(self, method, commands, alone):
        super().__init__(method)
        self.sharing = [commands, commands] if alone else [commands, HERE, PYTHON]

    def setUp(self):
        super().setUp()
        self.set_key = self.key ^ 0x51000000  # of the queue
        self.addCleanup(remove_objects, self.set_key)

    def each(self, name):
        """The commands of all programs of that name, the row's own first."""
        return [commands[name] for commands in self.sharing if name in commands]

    def stream(self, command):
        writer = self.start(command, '-s', '-k', self.key)
        writer.wait_for('every line of standard input...\n')
        return writer

    def assert_all_read(self, message):
        for reader in self.each('reader'):
            result = self.run_program(reader, '-r', '-k', self.key)
            self.assertEqual((result.status, result.out), (DONE, message + b'\n'), result)

    def end(self, program):
        self.assert_status(program.finish(), DONE)

    def assert_nothing_left(self, key=None):
        super().assert_nothing_left(key)
        super().assert_nothing_left(self.set_key)

    def test_each_reader_shows_each_writers_message_word_for_word(self):
        text = 'Grüße\t' + 'x' * 891
        for command in self.each('writer'):
            writer = self.start_writer('-m', text, command=command)
            self.assert_all_read(text.encode())
            self.end(writer)
            self.assert_nothing_left()

    def test_writers_and_followers_share_one_segment_and_the_last_writer_removes_it(self):
        writers = [self.stream(command) for command in self.each('writer')]
        followers = [self.start_follower(command, '-w') for command in self.each('reader')]
        for text in 'one', 'two':
            for writer in writers:
                writer.send(text + '\n')
                for follower in followers:
                    follower.wait_for(f'{writer.pid}: {text}\n')
        for others, writer in ((1, writers[0]), (0, writers[1])):
            self.end(writer)
            self.assertEqual(live_writers(self.key), others)
        for follower in followers:
            self.end(follower)
        self.assert_nothing_left()

    def test_what_a_killed_writer_leaves_is_taken_over(self):
        mine, other = self.each('writer')
        for number, command in enumerate((mine, other, mine)):
            writer = self.start_writer('-m', f'message {number}', command=command)
            self.assertEqual(b'taken over' in writer.out, number > 0, writer.out)
            self.assert_all_read(b'message %d' % number)
            if number < 2:
                writer.signal(signal.SIGKILL)
                writer.result()
        self.end(writer)
        self.assert_nothing_left()

    def test_a_queue_brings_every_message_from_each_writer_to_each_reader(self):
        for command in self.each('queue_writer'):
            for reader in self.each('queue_reader'):
                writer = self.stream(command)
                follower = self.start(reader, '-f', '-k', self.key)
                for text in 'one', '', 'x' * 899:
                    writer.send(text + '\n')
                    follower.wait_for(f'{writer.pid}: {text}\n')
                self.end(writer)
                self.end(follower)
                self.assert_nothing_left()

    def test_a_follower_sleeps_when_there_is_nothing_new(self):
        writer = self.stream(self.each('writer')[-1])
        follower = self.start_follower(self.each('reader')[0], '-w')
        writer.send('news\n')
        follower.wait_for('news\n')
        follower.wait_for_state('S')
        begin, before = time.monotonic(), wakes(follower.pid)
        idle = self.run_program(C_READER, '-w0.5', '-k', self.new_key())
        self.assert_status(idle, NOTHING_YET)
        # Looking up twice a second or polling gently stays far below; a sleep that fails doesn't.
        self.assertLess(wakes(follower.pid) - before, 1000 * (time.monotonic() - begin))
        self.end(writer)
