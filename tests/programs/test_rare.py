"""What hardly ever happens, and so isn't met by other tests.

Above all calls that hardly ever fail: strace(1) makes each fail once, and the program says so, or
goes on. stress_faults.py does so at every call of the pair; these are those that it doesn't reach.
"""
import fcntl
import itertools
import os
import pty
import signal
import sys
import termios
import threading

from support import (
    C_READER, DATA_SIZE, DONE, FAILED, LIVE, NOTHING_YET, QUEUE, QUEUE_CAPACITY,
    QUEUE_READER, QUEUE_WRITER, READERS, SEGMENT, SEGMENT_READERS, SETVAL, TestCase, USAGE,
    VERSION_OFFSET, WRITER, WRITERS, checked, contents, id_of, libc, new_set, of_each, packed,
    traced, wait_until)

SIGNALLED = -signal.SIGTERM
LATER = b'one\n' + 900 * b'x'

# The program and its options, what there is, which calls of a name fail, or bring a signal, the
# exit status, and what it says.
REFUSALS = {SEGMENT: (
    (C_READER, '', 'small', 'shmget:error=ENOENT:when=2', FAILED, 'cannot examine'),
    (C_READER, '', 'small', 'shmctl:error=EIDRM:when=2', FAILED, 'cannot examine'),
    (C_READER, '', 'damaged', 'write:error=ENOSPC:when=2', FAILED, 'to standard output'),
    (C_READER, '-f', 'left', 'shmctl:error=EACCES:when=2', DONE, 'left behind by'),
    (WRITER, '-s --stay', '', 'write:error=ENOSPC:when=3', FAILED, 'to standard output'),
    (WRITER, '-s', 'later', 'semtimedop:signal=TERM:when=4', SIGNALLED, ''),
    (WRITER, '', '', 'semtimedop:error=EAGAIN semget:error=ENOENT:when=2', FAILED, 'be seen'),
    (WRITER, '', '', 'semtimedop:error=EAGAIN semctl:error=EIDRM:when=1', FAILED, 'be seen'),
    (WRITER, '', 'set', 'semget:error=ENOENT:when=2', DONE, ''),
    (WRITER, '', '', 'semget:error=ENOENT', FAILED, 'cannot join'),
    (WRITER, '-s', '', 'shmctl:error=EACCES:when=2', DONE, ''),
    (WRITER, '', 'left', 'shmctl:error=EACCES:when=1', FAILED, 'cannot join'),
    (WRITER, '', '', 'shmctl:error=EPERM:when=4', FAILED, 'another user'),
), QUEUE: (
    (QUEUE_READER, '', 'left', 'write:error=ENOSPC:when=2', FAILED, 'to standard output'),
    (QUEUE_READER, '', 'left', 'msgrcv:error=EACCES:when=1', FAILED, 'cannot receive from'),
    (QUEUE_READER, '-f', 'left', 'msgrcv:error=EACCES:when=1', FAILED, 'cannot receive from'),
    (QUEUE_READER, '', 'left', 'msgctl:error=EIDRM:when=1', NOTHING_YET, 'cannot open'),
    (QUEUE_READER, '', 'left', 'msgctl:error=EINVAL:when=1', NOTHING_YET, 'cannot open'),
    (QUEUE_READER, '', 'left', 'msgctl:error=EACCES:when=1', FAILED, 'cannot open'),
    (QUEUE_WRITER, '-s --stay', '', 'write:error=ENOSPC:when=3', FAILED, 'to standard output'),
    (QUEUE_WRITER, '-s', 'full', 'setitimer:signal=TERM:when=4', SIGNALLED, 'was not sent'),
    (QUEUE_WRITER, '', '', 'msgget:error=ENOMEM:when=1', FAILED, 'cannot join'),
    (QUEUE_WRITER, '', 'left', 'msgget:error=ENOENT:when=2', FAILED, 'cannot join'),
    (QUEUE_WRITER, '', '', 'semtimedop:error=ENOMEM:when=2', FAILED, 'cannot join'),
    (QUEUE_WRITER, '', '', 'msgctl:error=EPERM:when=6', FAILED, 'another user'),
    (QUEUE_WRITER, '', '', 'msgctl:error=EACCES:when=3', DONE, 'nobody had received: 1'),
    (QUEUE_WRITER, '', '', 'msgctl:error=EIDRM:when=5', DONE, ''),
    (QUEUE_WRITER, '', '', 'semctl:error=EIDRM:when=2', FAILED, 'cannot remove'),
    (QUEUE_WRITER, '', '', 'semctl:error=EIDRM:when=3', FAILED, 'cannot remove'),
)}


@of_each(reader=(C_READER, QUEUE_READER))
class Refusals(TestCase):
    def meet(self, what):
        """What a program meets; returns its standard input."""
        if what == 'small':
            self.new_segment(bytes(10))
        elif what == 'damaged':
            self.new_segment(contents(ready=2))
        elif what == 'set':
            new_set(self.set_key, 2)
        elif what in ('left', 'full'):
            self.leave_behind(count=16 if what == 'full' else 1)
        return LATER if what == 'later' else b'one\n'

    def test_each_refusal_is_reported_or_survived(self):
        self.require_strace()
        path = self.temporary_directory() / 'trace'
        for command, options, what, faults, status, text in REFUSALS[self.medium]:
            self.key = self.new_key()
            given = self.meet(what)
            tracer = traced(*(f'inject={fault}' for fault in faults.split()))
            result = self.run_program([*tracer, '-o', path], *command, '-k', self.key,
                                      *options.split(), given=given)
            trace = path.read_text(encoding='ascii')
            for fault in faults.split():
                name = fault.partition(':')[0]
                self.assertRegex(trace, rf'(?m)^{name}.*INJECTED|^--- SIGTERM .*SI_KERNEL', result)
            self.assertEqual(result.status, status, f'{result}\n{trace}')
            self.assertTrue(text in result.err if text else result.err == '', f'{result}\n{trace}')


@of_each(writer=WRITERS)
class RareWriters(TestCase):
    def test_a_count_that_a_stranger_has_set_to_0_is_an_error(self):
        writer = self.start_writer()
        checked(libc.semctl(id_of('set', self.set_key), LIVE, SETVAL, 0))
        writer.enter()
        self.assert_refused(writer.result(), FAILED, 'cannot remove', 'out of range')

    def test_a_writer_that_stays_notices_that_it_cannot_say_so(self):
        with open('/dev/full', 'wb') as full:
            self.assert_refused(self.write('--stay', stdout=full), FAILED, 'standard output')

    def test_input_that_breaks_off_within_a_line_is_an_error(self):
        ours, theirs = pty.openpty()
        writer = self.start_stream(stdin=theirs)
        os.write(ours, b'one\nunfinished\4')
        echo = b''
        while b'unfinished' not in echo:
            echo += os.read(ours, 100)
        wait_until(lambda: fcntl.ioctl(theirs, termios.FIONREAD, bytes(4)) == bytes(4), 'all is read')
        os.close(theirs)
        os.close(ours)
        self.assert_refused(writer.result(), FAILED, 'cannot read standard input')


@of_each(reader=SEGMENT_READERS)
class RareSegments(TestCase):
    def test_a_follower_outlasts_a_storm(self):
        """What is never whole for two seconds, and never the same."""
        memory = self.new_segment(contents(b'one', version=1))
        over = threading.Event()

        def storm():
            for version in itertools.count(3, 2):
                memory.write(version.to_bytes(4, sys.byteorder), VERSION_OFFSET)
                if over.wait(0.001):
                    return
        thread = threading.Thread(target=storm)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(over.set)
        set_id = new_set(self.set_key, 2)
        checked(libc.semctl(set_id, LIVE, SETVAL, 1))
        follower = self.start_follower()
        follower.wait_for_error('too fast')
        over.set()
        thread.join()
        memory.write(contents(b'calm', version=1 << 31))
        follower.wait_for('calm\n')
        self.remove_set()
        self.assert_says(follower.result(), 'too fast')

    def test_a_segment_that_is_nobodys_yet_is_waited_for(self):
        self.new_segment(bytes(1024))
        for options in ['-t0.1'], ['-f', '-t0.1']:
            self.assert_refused(self.read(*options), NOTHING_YET, 'nothing was published')


@of_each(reader=READERS)
class RareFollowers(TestCase):
    def follower_of_nothing(self):
        """Of what is ours and holds no message."""
        if self.medium is SEGMENT:
            self.new_segment(contents(b'', pid=0, ready=0, version=0))
        else:
            self.new_queue()
        return self.start_reader('-f', '-t0.7')

    def test_what_holds_no_message_and_has_no_writer_is_looked_at_again_and_again(self):
        self.assert_refused(self.follower_of_nothing().result(), NOTHING_YET, 'with --wait')

    def test_what_is_removed_before_there_was_a_message_may_come_again_in_time(self):
        follower = self.follower_of_nothing()
        follower.wait_for_state('S')
        self.remove_object()
        self.assert_refused(follower.result(), NOTHING_YET, 'No such file')



@of_each(reader=(QUEUE_READER,))
class RareQueues(TestCase):
    def test_a_program_started_by_its_name_alone_knows_it(self):
        self.assert_refused(self.read('x', command=['queue_reader'], executable=QUEUE_READER[0]),
                            USAGE, "unexpected argument 'x'")

    def test_queues_of_other_capacities_are_strangers(self):
        queue = self.new_queue(packed())
        for capacity in 0, 17 * DATA_SIZE, DATA_SIZE - 1:
            queue.max_size = capacity
            self.assert_refused(self.read(), FAILED, 'another program')
        queue.receive()
        self.assert_refused(self.read(), FAILED, 'another program')

    def test_a_reader_waits_through_several_looks(self):
        self.new_queue()
        self.assert_refused(self.read('-t0.7'), NOTHING_YET, 'no message came')

    def test_a_strangers_message_is_not_counted_among_the_lost(self):
        writer = self.start_writer()
        self.put(self.queue(), b'short')
        writer.enter()
        self.assert_says(writer.finish(), 'nobody had received: 1')
        self.assert_nothing_left()

    def test_more_strangers_messages_than_a_queue_of_ours_can_hold_hide_none(self):
        queue = self.new_queue(capacity=None)
        self.require(queue.max_size > 15000, 'this takes the kernel.msgmnb that is usual')
        for _ in range(15000):
            self.put(queue, b'')
        self.put(queue, packed(b'of ours'))
        queue.max_size = QUEUE_CAPACITY
        self.assert_warned(self.read('-fr'), 'no SharedData: 15000', out=b'of ours\n')
