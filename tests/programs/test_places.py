"""Where the programs run: what a parent leaves, containers and sandboxes, a session's end."""
import signal
import sys
import time

from support import (
    DONE, FAILED, NOTHING_YET, QUEUE, READERS, SEGMENT, TestCase, WRITERS, apart, id_of, of_each,
    remove_objects, traced)

# Runs a program as a careless parent would: every signal blocked, the timer's own one ignored, and
# timers running that would kill it.
CARELESS = '''
import os, signal, sys
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for timer in signal.ITIMER_REAL, signal.ITIMER_PROF, signal.ITIMER_VIRTUAL:
    signal.setitimer(timer, 0.3, 0.3)
os.execv(sys.argv[1], sys.argv[1:])
'''


def carelessly(command):
    return [sys.executable, '-c', CARELESS, *command]


@of_each(writer=WRITERS)
class CarelessParents(TestCase):
    def test_a_signal_ends_a_writer_whose_parent_had_blocked_it(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            for start in self.start_writer, self.start_stream:
                writer = start(command=carelessly(self.writer))
                writer.signal(number)
                self.assert_left(writer.result(), status=-number)
                self.assert_nothing_left()

    def test_no_timer_of_the_parents_kills_a_writer(self):
        writer = self.start_writer(command=carelessly(self.writer))
        time.sleep(0.5)  # the timer is over by then
        writer.enter()
        self.assert_left(writer.result())
        self.assert_nothing_left()


@of_each(writer=WRITERS, reader=READERS)
class DeafReaders(TestCase):
    def test_a_follower_sees_that_its_writer_was_killed(self):
        writer = self.start_stream()
        follower = self.start_follower('-r', command=carelessly(self.reader))
        writer.send('testament\n')
        follower.wait_for('testament\n')
        writer.kill()
        self.assert_warned(follower.result(), 'no writer is alive', out=b'testament\n')

    def test_a_reader_that_waits_half_a_second_ends(self):
        self.start_stream()
        self.assert_refused(self.read('-t0.5', command=carelessly(self.reader)), NOTHING_YET,
                            f'key {self.key}: no')

    def test_a_full_queue_is_told(self):
        if self.medium is QUEUE:
            writer = self.start_stream(command=carelessly(self.writer))
            writer.send('x\n' * 17)
            writer.wait_for_error('is full')


@of_each(writer=WRITERS)
class SessionsEnd(TestCase):
    """systemd removes everything that a user has made when the last session of the user ends."""

    def test_a_writer_that_stays_says_that_its_channel_was_removed(self):
        for arguments in ['-m', 'Hello'], ['-s']:
            writer = self.start(self.writer, '--stay', *arguments, '-k', self.key)
            writer.close_input()
            writer.wait_for('Staying until a signal comes...\n')
            began = time.monotonic()
            remove_objects(self.key)
            result = writer.result()
            self.assertLess(time.monotonic() - began, 5)
            self.assert_refused(result, FAILED, self.key, 'removed', 'loginctl enable-linger',
                                'RemoveIPC=no')
            self.assertEqual(result.err.count('\n'), 1, result)
            self.assert_nothing_left()

    def test_a_writer_that_stays_wakes_no_more_than_twice_a_second(self):
        """In two seconds it wakes five times at most; two lines are written each time at most."""
        calls = self.temporary_directory() / 'calls'
        tracer = [*traced('trace=?nanosleep,?clock_nanosleep,?futex,?select,?pselect6,?poll,?pause'),
                  '-D', '-o', str(calls)]  # behind -D the process that we start is the writer
        self.require_strace()
        writer = self.start([*tracer, *self.writer], '--stay', '-k', self.key)
        writer.wait_for('Staying')
        before = calls.read_text().count('\n')
        time.sleep(2)
        self.assertLessEqual(calls.read_text().count('\n') - before, 12)
        writer.signal(signal.SIGTERM)
        self.assert_left(writer.result(), status=-signal.SIGTERM)


@of_each(program=[*WRITERS, *READERS])
class NoSystemV(TestCase):
    def test_a_system_without_system_v_ipc_is_called_that(self):
        """ENOSYS is what a kernel without it answers, EPERM what some sandboxes do."""
        call = 'semget' if self.program in WRITERS else \
            {SEGMENT: 'shmget', QUEUE: 'msgget'}[self.medium]
        for error in 'ENOSYS', 'EPERM':
            tracer = traced(f'inject={call}:error={error}')
            self.require_strace()
            result = self.run_program([*tracer, *self.program], '-k', self.key)
            self.assert_refused(result, FAILED, 'this system or sandbox has no System V IPC')
            self.assertNotIn('ipcs', result.err)


@of_each(writer=WRITERS, reader=READERS)
class Namespaces(TestCase):
    def test_a_reader_in_another_container_is_told_what_it_takes(self):
        self.require_unshare()
        self.start_writer()
        result = self.read(command=[*apart(), *self.reader])
        self.assert_refused(result, NOTHING_YET, 'container', 'IPC namespace', '--ipc=host')


@of_each(writer=WRITERS)
class BackgroundJobs(TestCase):
    def test_the_assignments_script_works_with_stay(self):
        """Its Method 2: a writer in the background, whose input is /dev/null, and a reader."""
        script = ('"$@" --stay >/dev/null & writer=$!; {reader} -w -r; kill $writer; wait $writer; '
                  'test $? = 143').format(reader=' '.join(self.reader + ['-k', str(self.key)]))
        result = self.run_program(['sh', '-c', script, 'sh', *self.writer, '-k', self.key])
        self.assert_status(result, DONE)
        self.assertIn(f'Hello from {self.writer.language} Process!'.encode(), result.out)
        self.assertIsNone(id_of('set', self.set_key))
        self.assert_nothing_left()
