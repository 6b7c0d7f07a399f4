"""Several writers and readers at once."""
import os
import random
import signal
import subprocess

from support import (
    DONE, FAILED, QUEUE, SEGMENT, SEGMENT_READERS, SEGMENT_WRITERS, TestCase, WRITERS,
    WRITERS_IN_C, objects_of, of_each, slow, traced, wait_until, without_rights_of_root, works)


@of_each(writer=WRITERS)
class Writers(TestCase):
    def chance(self):
        """Random numbers, the same ones again with the seed that a failed test shows."""
        seed = int(os.environ.get('TEST_SEED', random.SystemRandom().randrange(1 << 32)))
        context = self.subTest(TEST_SEED=seed)
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return random.Random(seed)

    def test_writers_join_and_the_last_to_leave_removes_everything(self):
        writers = [self.start_writer('-m', f'of {i}') for i in range(4)]
        for writer in writers[1:]:
            self.assertTrue(writer.out.startswith(self.opening('joined')), writer.out)
        self.assertEqual(self.live(), 4)
        for others, writer in (3, writers[1]), (2, writers[0]), (1, writers[3]), (0, writers[2]):
            self.assert_left(writer.finish(), others)
            self.assertEqual(self.live(), others)
        self.assert_nothing_left()

    def test_a_signalled_writer_leaves_like_any_other(self):
        self.start_writer()
        second = self.start_writer()
        second.signal(signal.SIGTERM)
        self.assert_left(second.result(), others=1, status=-signal.SIGTERM)
        self.assertEqual((self.live(), self.lock()), (1, 0))

    def test_who_has_left_is_not_counted_and_holds_nothing_although_it_lives(self):
        self.start_writer()
        last_operation = {SEGMENT: 6, QUEUE: 4}[self.medium]
        self.start_to_stop('semop,semtimedop', last_operation, self.writer,
                           stdin=subprocess.DEVNULL)
        self.assertEqual((self.live(), self.lock()), (1, 0))

    def test_a_refused_writer_leaves_the_others_alone(self):
        self.start_writer('-m', 'Hello')
        for text in b'x' * 900, b'\0':
            self.assert_refused(self.write('-s', given=text), FAILED, 'line 1')
        self.assertEqual((self.live(), self.lock()), (1, 0))
        self.assert_done(self.read('-r'), b'Hello\n')

    def test_writers_started_and_ended_at_random_leave_nothing(self):
        chance = self.chance()
        writers = [self.start(self.writer, '-k', self.key) for _ in range(10)]
        chance.shuffle(writers)
        for writer in writers:
            end = chance.choice((writer.enter, writer.close_input,
                                 lambda w=writer: w.signal(signal.SIGTERM),
                                 lambda w=writer: w.signal(signal.SIGINT)))
            if chance.random() < 0.5:
                wait_until(lambda w=writer: w.out, 'it has joined')
            elif self.writer.language == 'Python':
                wait_until(writer.catches_signals, 'it has begun')
            end()
        for writer in writers:
            result = writer.result()
            self.assertIn(result.status, (DONE, -signal.SIGTERM, -signal.SIGINT), result)
            self.assertNotIn('cannot', result.err)
        self.assert_nothing_left()

    def test_writers_started_and_killed_at_random_leave_nothing_to_the_one_that_leaves(self):
        chance = self.chance()
        writers = [self.start(self.writer, '-k', self.key) for _ in range(6)]
        for writer in writers:
            if chance.random() < 0.5:
                wait_until(lambda w=writer: w.out, 'it has joined')
            writer.signal(signal.SIGKILL)
        for writer in writers:
            writer.result()
        self.assert_status(self.start_writer().finish(), DONE)
        self.assert_nothing_left()

    def test_a_writer_that_leaves_never_looks_killed(self):
        """Whoever sees no live writer, and then a segment or queue, takes it for left behind."""
        slowly = traced('inject=shmctl,msgctl:delay_enter=300000')
        self.require_strace()
        writer = self.start_writer(command=[*slowly, *self.writer])
        writer.enter()
        wait_until(lambda: self.live() == 0, 'the writer has left')
        self.assertNotIn(self.medium.kind, objects_of(self.key))
        self.assert_left(writer.result())


@of_each(writer=SEGMENT_WRITERS, reader=SEGMENT_READERS)
class Latest(TestCase):
    def test_the_latest_message_is_read_also_when_its_writer_has_left_others_behind(self):
        for name in 'first', 'second':
            self.start_writer('-m', name)
            self.assert_done(self.read('-r'), name.encode() + b'\n')
        self.start_writer('-m', 'third').finish()
        self.assert_done(self.read('-r'), b'third\n')


@of_each(writer=WRITERS)
class Lock(TestCase):
    @slow
    def test_a_stopped_lock_holder_is_named_by_those_who_waited_in_vain(self):
        """Waits for the five seconds that writers wait."""
        waiting, streaming = self.start_writer(), self.start_stream()
        holder = self.start_holder()
        holder.stop()
        prefix = without_rights_of_root()  # which is seeing whatever it wants
        joining = self.start([*(prefix if works([*prefix, 'true']) else []), *self.writer], '-k',
                             self.key)
        waiting.enter()
        streaming.finish() if self.medium is QUEUE else streaming.send('line\n')
        for writer, tried in (joining, 'join'), (waiting, 'remove'), (streaming, ''):
            self.assert_refused(writer.result(), FAILED, self.set_key, tried, 'semaphore set',
                                f'process {holder.pid} ', f'kill -CONT {holder.pid}')
        holder.kill()
        self.assertEqual((self.live(), self.lock()), (0, 0))
        self.assert_status(self.start_writer().finish(), DONE)
        self.assert_nothing_left()

    @slow
    def test_a_stopped_lock_holder_in_another_pid_namespace_is_not_named(self):
        elsewhere = ['unshare', '-rpf' if os.geteuid() else '-pf', '--kill-child', '--']
        self.require(works([*elsewhere, 'true']), 'this takes unshare, and the right to use it')
        self.start_writer()
        self.start_holder().stop()
        result = self.write(command=[*elsewhere, *self.writer])
        self.assert_refused(result, FAILED, 'cannot join', "a process that can't be seen from here")
        self.assertNotIn('kill', result.err)

    def test_a_signal_ends_the_wait_for_a_stopped_lock_holder_at_once(self):
        """That is, while another one, who began to wait earlier, still waits its five seconds."""
        member = self.start_stream()
        holder = self.start_holder()
        holder.stop()
        patient = self.start(WRITERS_IN_C[self.medium], '-k', self.key)
        self.wait_until_they_wait_for_the_lock(patient)
        member.send('line\n')
        member.close_input()
        if self.medium is QUEUE:
            self.assert_done(self.read('-rw'), b'line\n')
        joining = self.start(self.writer, '-k', self.key)
        self.wait_until_they_wait_for_the_lock(patient, joining, member)
        for writer in joining, member:
            writer.signal(signal.SIGINT)
        for writer in joining, member:
            self.assert_refused(writer.result(), -signal.SIGINT, f'process {holder.pid} held',
                                f'kill -CONT {holder.pid}')
        self.assertIsNone(patient.process.poll(), 'five seconds were over')

    def test_a_writer_waits_for_the_lock_also_after_a_stop_and_goes_on(self):
        self.start_writer()
        holder = self.start_holder()
        joining = self.start(self.writer, '-k', self.key)
        self.wait_until_they_wait_for_the_lock(joining)
        self.assertEqual(self.live(), 1)
        joining.stop()
        joining.resume()
        self.wait_until_they_wait_for_the_lock(joining)
        holder.kill()
        joining.wait_for('Press Enter')
        self.assertEqual((self.live(), self.lock()), (2, 0))

    def test_a_set_removed_under_a_joining_writer_is_made_anew(self):
        first = self.start_writer()
        self.start_holder()
        joining = self.start(self.writer, '-k', self.key)
        self.wait_until_they_wait_for_the_lock(joining)
        first.kill()
        self.remove_set()
        joining.wait_for('Press Enter')
        self.assertEqual((self.live(), self.lock()), (1, 0))
        self.assert_status(joining.finish(), DONE)
        self.assert_nothing_left()

    def test_an_idle_channel_is_unlocked(self):
        self.start_writer()
        self.assertEqual(self.lock(), 0)
        self.write('-s', given=b'a\nb\n')
        self.assertEqual((self.live(), self.lock()), (1, 0))


@of_each(writer=SEGMENT_WRITERS, reader=SEGMENT_READERS)
class LockOfSegments(TestCase):
    def test_nothing_is_published_while_another_holds_the_lock_but_readers_need_none(self):
        self.start_writer('-m', 'Hello')
        writer = self.start_stream()
        holder = self.start_holder()
        writer.send('line\n')
        self.wait_until_they_wait_for_the_lock(writer)
        self.assert_done(self.read('-r'), b'Hello\n')
        holder.kill()
        wait_until(lambda: self.version() == 4, 'the line is published')
