"""Several writers and readers at once."""
import random
import signal
import subprocess
import sys

from support import (
    C_READER, DONE, FAILED, GETZCNT, LOCK, PYTHON_READER, TestCase, VERSION_OFFSET, WRITER,
    live_writers, objects_of, remove_set, semaphore, set_of, slow, wait_until, works)

# Takes the lock as a writer does, says so, and keeps it until it is killed.
HOLDER = '''
import ctypes, signal, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
operations = struct.pack('=HhhHhh', 1, 0, 0, 1, 1, 0x1000)
assert libc.semop(int(sys.argv[1]), operations, 2) == 0
print('held', flush=True)
signal.pause()
'''


def others(number):
    return f'other writers still sharing key %d: {number}; the segment stays'


class Writers(TestCase):
    def test_writers_join_and_the_last_to_leave_removes_everything(self):
        writers = [self.start_writer('-m', f'of {i}') for i in range(4)]
        memory = self.segment()
        for writer in writers[1:]:
            self.assertTrue(writer.out.startswith(
                b'Shared memory joined successfully with ID: %d\n' % memory.id))
        self.assertEqual(live_writers(self.key), 4)
        for number, writer in ((3, writers[1]), (2, writers[0]), (1, writers[3])):
            result = writer.finish()
            self.assert_refused(result, DONE, others(number) % self.key)
            self.assertEqual(live_writers(self.key), number)
        self.assert_done(writers[2].finish())
        self.assert_nothing_left()

    def test_the_latest_message_is_the_one_that_is_read(self):
        for name in 'first', 'second', 'third':
            self.start_writer('-m', name)
            for reader in C_READER, PYTHON_READER:
                self.assertEqual(self.run_program(reader, '-r', '-k', self.key).out,
                                 name.encode() + b'\n')

    def test_a_message_stays_when_its_writer_leaves_others_behind(self):
        self.start_writer('-m', 'first')
        self.start_writer('-m', 'second').finish()
        for reader in C_READER, PYTHON_READER:
            self.assert_done(self.run_program(reader, '-r', '-k', self.key), b'second\n')

    def test_a_signalled_writer_leaves_like_any_other(self):
        self.start_writer()
        second = self.start_writer()
        second.signal(signal.SIGTERM)
        self.assert_refused(second.result(), -signal.SIGTERM, others(1) % self.key)
        self.assertEqual(live_writers(self.key), 1)
        self.assertEqual(semaphore(self.key, LOCK), 0)

    def test_a_refused_writer_leaves_the_others_alone(self):
        self.start_writer('-m', 'Hello')
        for text in b'x' * 900, b'\0':
            result = self.run_program(WRITER, '-s', '-k', self.key, given=text)
            self.assert_refused(result, FAILED, others(1) % self.key)
        self.assertEqual(live_writers(self.key), 1)
        self.assertEqual(self.run_program(C_READER, '-r', '-k', self.key).out, b'Hello\n')

    def test_ten_writers_started_and_ended_at_random_leave_nothing(self):
        chance = random.Random()
        for _ in range(5):
            writers = [self.start(WRITER, '-k', self.key) for _ in range(10)]
            chance.shuffle(writers)
            for writer in writers:
                end = chance.choice((writer.enter, writer.close_input,
                                     lambda w=writer: w.signal(signal.SIGTERM),
                                     lambda w=writer: w.signal(signal.SIGINT)))
                if chance.random() < 0.5:
                    wait_until(lambda w=writer: w.out, 'it has joined')
                end()
            for writer in writers:
                result = writer.result()
                self.assertIn(result.status, (DONE, -signal.SIGTERM, -signal.SIGINT), result)
                self.assertRegex(result.err, '\\A(writer: other writers .*\n)?\\Z')
            self.assert_nothing_left()

    def test_writers_started_and_killed_at_random_leave_nothing_to_the_one_that_leaves(self):
        chance = random.Random()
        for _ in range(5):
            writers = [self.start(WRITER, '-k', self.key) for _ in range(6)]
            for writer in writers:
                if chance.random() < 0.5:
                    wait_until(lambda w=writer: w.out, 'it has joined')
                writer.signal(signal.SIGKILL)
            for writer in writers:
                writer.result()
            self.assert_status(self.start_writer().finish(), DONE)
            self.assert_nothing_left()


    def test_a_writer_that_leaves_never_looks_killed(self):
        """Whoever sees no live writer, and then a segment, takes it for left behind."""
        slowly = ['strace', '-qq', '-o', '/dev/null', '-e', 'inject=shmctl:delay_enter=300000']
        self.require(works([*slowly, 'true']), 'this takes strace, to make a writer slow')
        writer = self.start_writer(command=[*slowly, *WRITER])
        writer.enter()
        wait_until(lambda: live_writers(self.key) == 0, 'the writer has left')
        self.assertNotIn('segment', objects_of(self.key))
        self.assert_done(writer.result())


class Lock(TestCase):
    def start_holder(self):
        holder = self.start([sys.executable, '-c', HOLDER, set_of(self.key)])
        holder.wait_for('held')
        self.assertEqual(semaphore(self.key, LOCK), 1)
        return holder

    @slow
    def test_a_stopped_lock_holder_is_named_by_those_who_waited_in_vain(self):
        """Waits for the five seconds that writers wait."""
        waiting = self.start_writer()
        streaming = self.start_stream()
        holder = self.start_holder()
        holder.stop()
        joining = self.start(WRITER, '-k', self.key)
        waiting.enter()
        streaming.send('line\n')
        for writer, tried in ((joining, 'join'), (waiting, 'remove'), (streaming, 'lock')):
            self.assert_refused(writer.result(), FAILED, self.key, tried, 'semaphore set',
                                f'process {holder.pid} ', f'kill -CONT {holder.pid}')
        holder.signal(signal.SIGKILL)
        holder.result()
        self.assertEqual((live_writers(self.key), semaphore(self.key, LOCK)), (0, 0))
        self.assert_status(self.start_writer().finish(), DONE)
        self.assert_nothing_left()

    def test_a_writer_waits_for_the_lock_and_goes_on(self):
        self.start_writer()
        holder = self.start_holder()
        joining = self.start(WRITER, '-k', self.key)
        wait_until(lambda: semaphore(self.key, LOCK, GETZCNT), 'a writer waits for the lock')
        self.assertEqual(live_writers(self.key), 1)
        holder.signal(signal.SIGKILL)
        joining.wait_for('Press Enter')
        self.assertEqual(live_writers(self.key), 2)

    def test_a_stopped_and_continued_writer_goes_on_waiting_for_the_lock(self):
        self.start_writer()
        holder = self.start_holder()
        joining = self.start(WRITER, '-k', self.key)
        wait_until(lambda: semaphore(self.key, LOCK, GETZCNT), 'a writer waits for the lock')
        joining.stop()
        joining.resume()
        wait_until(lambda: semaphore(self.key, LOCK, GETZCNT), 'a writer waits for the lock again')
        holder.signal(signal.SIGKILL)
        joining.wait_for('Press Enter')

    def test_nothing_is_published_while_another_holds_the_lock(self):
        writer = self.start_stream()
        holder = self.start_holder()
        writer.send('line\n')
        wait_until(lambda: semaphore(self.key, LOCK, GETZCNT), 'the writer waits for the lock')
        self.assertEqual(self.segment().read(4, VERSION_OFFSET), bytes(4))
        holder.signal(signal.SIGKILL)
        wait_until(lambda: self.version() == 2, 'the line is published')

    def test_readers_need_no_lock(self):
        self.start_writer('-m', 'Hello')
        self.start_holder()
        for reader in C_READER, PYTHON_READER:
            self.assert_done(self.run_program(reader, '-r', '-k', self.key), b'Hello\n')

    def test_an_idle_channel_is_unlocked(self):
        self.start_writer()
        self.assertEqual(semaphore(self.key, LOCK), 0)
        self.run_program(WRITER, '-s', '-k', self.key, given=b'a\nb\n', stdout=subprocess.PIPE)
        self.assertEqual((live_writers(self.key), semaphore(self.key, LOCK)), (1, 0))

    def test_a_set_removed_under_a_joining_writer_is_made_anew(self):
        first = self.start_writer()
        holder = self.start_holder()
        joining = self.start(WRITER, '-k', self.key)
        wait_until(lambda: semaphore(self.key, LOCK, GETZCNT), 'a writer waits for the lock')
        first.signal(signal.SIGKILL)
        first.result()
        remove_set(self.key)
        joining.wait_for('Press Enter')
        self.assertEqual((live_writers(self.key), semaphore(self.key, LOCK)), (1, 0))
        holder.signal(signal.SIGKILL)
        self.assert_says(joining.finish(), 'left behind')
        self.assert_nothing_left()
