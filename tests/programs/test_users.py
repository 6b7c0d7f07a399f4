"""Other users, missing rights, and limits of the system."""
import os
import sys

import sysv_ipc
from support import (
    FAILED, NOBODY, READERS, SEGMENT, SEGMENT_READERS, SEGMENT_WRITERS, SIZE, THIRD, TOP,
    TestCase, WRITERS, checked, contents, libc, new_set, objects_of, of_each, through_shell,
    traced, user, with_setting, without_rights_of_root, works)

SHM_NORESERVE = 0o10000
BOTH = ['segment', 'set of the segment']


class Denied(TestCase):
    """Objects whose owner may do nothing with them; root has to give up a right to be refused."""

    def setUp(self):
        super().setUp()
        self.prefix = without_rights_of_root()
        self.require(works([*self.prefix, 'true']), 'setpriv cannot take rights away here')

    def leave_behind(self, mode):
        thing = super().leave_behind()
        thing.mode = mode
        return thing

    def assert_denied(self, result, what):
        self.assert_refused(result, FAILED, what, 'ermission', 'it belongs to', '--key')


@of_each(writer=WRITERS)
class DeniedWriters(Denied):
    def denied(self, what):
        """And leaves it there. An empty set it may remove: the next writer makes another one."""
        first, *_ = objects_of(self.key)
        self.assert_denied(self.write(command=[*self.prefix, *self.writer]), what)
        self.assertEqual((objects_of(self.key), self.live()), ([first], 0))

    def test_what_may_not_be_written_is_an_error(self):
        self.leave_behind(0o400 if self.medium is SEGMENT else 0)
        self.denied(self.medium.kind)

    def test_a_set_that_may_not_be_changed_is_an_error(self):
        new_set(self.set_key, 2, mode=0o400)
        self.denied('semaphore set')


    def test_execute_bits_in_the_mode_lock_nobody_out(self):
        for mode, others in ('0777', '0666'), ('0666', '0777'):
            writer = self.start_writer('-p', mode)
            self.assert_left(self.write('-p', others, command=[*self.prefix, *self.writer]), 1)
            self.assert_left(writer.finish())

    def test_what_grants_more_than_the_mode_asked_for_is_not_joined(self):
        """First the set, then the segment or queue, which somebody else may have made."""
        writer = self.start_writer('-p', '0644')
        result = self.write('-p', '0600')
        self.assert_refused(result, FAILED, 'semaphore set', f'user {os.geteuid()} ', '0644',
                            '--mode')
        writer.finish()
        new_set(self.set_key, 2, mode=0o600)
        self.leave_behind(0o606)
        result = self.write('-p', '0600')
        self.assert_refused(result, FAILED, self.medium.kind, f'user {os.geteuid()} ', '0606',
                            '--mode')
        self.assertEqual((result.out, self.live()), (b'', 0))


@of_each(reader=READERS)
class DeniedReaders(Denied):
    def read(self, *arguments):
        return super().read(*arguments, command=[*self.prefix, *self.reader])

    def test_what_may_not_be_read_is_an_error(self):
        self.leave_behind(0)
        self.assert_denied(self.read(), self.medium.kind)

    def test_reading_needs_no_more_than_the_right_to_read(self):
        new_set(self.set_key, 2, mode=0o400)
        self.leave_behind(0o400)
        self.assert_warned(self.read('-r'), 'no writer is alive', out=b'Hello\n')

    def test_a_reader_that_may_not_see_the_set_still_works(self):
        new_set(self.set_key, 2, mode=0)
        self.leave_behind(0o400)
        self.assert_done(self.read('-r'), b'Hello\n')


    def test_a_follower_that_may_not_see_the_set_says_that_it_cannot_know_when_to_end(self):
        new_set(self.set_key, 2, mode=0)
        self.leave_behind(0o400)
        result = self.read('-fr')
        self.assert_refused(result, FAILED, f'cannot examine the semaphore set with key '
                            f'{self.set_key} (0x{self.set_key:x}): Permission denied; ')
        self.assertEqual(result.out, b'Hello\n')


@of_each(writer=SEGMENT_WRITERS, reader=SEGMENT_READERS)
class OtherUsers(TestCase):
    """Programs that other users really run, from a place where they may read."""

    def setUp(self):
        super().setUp()
        self.require(os.geteuid() == 0, 'only root can run programs as other users')
        place = self.copy_of_checkout('writer', 'reader', 'scripts')
        self.writer, self.reader = ([word.replace(str(TOP), str(place)) for word in command]
                                    for command in (self.writer, self.reader))
        for command in self.writer, self.reader:
            self.require(works([*command, '--help'], **user(NOBODY)),
                         'other users cannot run our programs here')

    def start_as(self, number, *arguments):
        return self.start_writer(*arguments, **user(number))

    def read_as(self, number, *arguments):
        return self.read(*arguments, **user(number))

    def test_another_users_private_segment_may_not_be_read_nor_written(self):
        owner = self.start_as(NOBODY, '-p', '0600', '-m', 'private')
        for result in self.read_as(THIRD), self.write(**user(THIRD)):
            self.assert_refused(result, FAILED, self.key, hex(self.key), 'another user', 'ipcs -',
                                '--key')
        self.assert_done(self.read_as(NOBODY, '-r'), b'private\n')
        self.assert_left(owner.finish())
        self.assert_nothing_left()

    def test_a_segment_that_others_may_read_is_read_and_followed_to_its_end(self):
        writer = self.start_as(NOBODY, '-p', '0644', '-m', 'for all')
        self.assert_done(self.read_as(THIRD, '-r'), b'for all\n')
        follower = self.start_reader('-f', '-r', **user(THIRD))
        follower.wait_for('for all\n')
        self.assert_left(writer.finish())
        self.assert_done(follower.result(), b'for all\n')

    def test_writers_of_different_users_share_a_channel(self):
        first = self.start_as(NOBODY, '-m', 'first')
        second = self.start_as(THIRD, '-m', 'second')
        self.assert_left(second.finish(), others=1)
        self.assert_left(first.finish())
        self.assert_nothing_left()

    def test_a_last_writer_that_may_not_remove_the_segment_says_so_and_the_next_owner_does(self):
        owner = self.start_as(NOBODY, '-m', 'first')
        last = self.start_as(THIRD, '-m', 'last')
        self.assert_left(owner.finish(), others=1)
        self.assert_refused(last.finish(), FAILED, self.key, 'cannot remove', 'segment',
                            'Operation not permitted', 'another user')
        self.assertEqual((objects_of(self.key), self.live()), (BOTH, 0))
        self.assert_warned(self.read_as(THIRD, '-r'), 'no writer is alive', out=b'last\n')
        self.assert_warned(self.start_as(NOBODY).finish(), 'left behind')
        self.assert_nothing_left()

    def test_a_set_that_may_not_be_removed_is_reported(self):
        new_set(self.set_key, 2)
        self.assert_refused(self.start_as(NOBODY).finish(), FAILED, 'cannot remove',
                            'semaphore set', 'another user')
        self.assertEqual((objects_of(self.key), self.live()), (BOTH[1:], 0))

    def test_who_may_not_remove_the_segment_leaves_its_set_to_the_next_one(self):
        last = self.start_as(THIRD)
        self.assert_done(self.run_program(['ipcrm', '-M', self.key], **user(THIRD)))
        self.new_segment(contents())
        self.assert_refused(last.finish(), FAILED, 'cannot remove')
        self.assertEqual((objects_of(self.key), self.live()), (BOTH, 0))

    def test_a_stranger_is_named_by_the_user_it_belongs_to(self):
        make = f'import sysv_ipc as s; s.SharedMemory({self.key}, s.IPC_CREX, 0o666, {SIZE}, b"x")'
        self.require(works([sys.executable, '-c', make], **user(NOBODY)),
                     'other users cannot run this Python')
        for result in self.write(), self.read():
            self.assert_refused(result, FAILED, f'user {NOBODY}', 'ipcrm -m')
        memory = sysv_ipc.SharedMemory(self.key)
        self.addCleanup(memory.detach)
        self.assertEqual(memory.read(), b'x' * SIZE)
        give = f'import sysv_ipc; sysv_ipc.SharedMemory({self.key}).uid = {THIRD}'
        self.assert_done(self.run_program([sys.executable, '-c', give], **user(NOBODY)))
        self.assert_refused(self.read(), FAILED, f'user {NOBODY}')


@of_each(writer=SEGMENT_WRITERS)
class Limits(TestCase):
    """Where the system has less to give."""

    def write_with(self, setting, value):
        """Runs a writer with a lowered limit, of which it can have nothing and leaves nothing."""
        limited = with_setting(setting, value)
        self.require(works([*limited, 'true']), 'this takes unshare, and the right to use it')
        script = ('"$@" </dev/null; status=$?; '
                  'cat /proc/sysvipc/shm /proc/sysvipc/sem | grep -v key >&2; exit $status')
        result = self.write(command=[*limited, *through_shell(script, self.writer)])
        self.assertEqual(result.err.count('\n'), 1, result)
        return result

    def test_no_segment_to_be_had_is_an_error_that_names_the_limit(self):
        for setting in 'shmmni', 'shmall':
            self.assert_refused(self.write_with(setting, '0'), FAILED, self.key, hex(self.key),
                                'No space left on device', f'kernel.{setting}', 'ipcs -l',
                                'ipcs -m')

    def test_no_set_to_be_had_is_an_error_that_names_the_limit(self):
        for value in '32000 1024000000 500 0', '32000 1 500 32000':
            self.assert_refused(self.write_with('sem', value), FAILED, self.key, hex(self.key),
                                'No space left on device', 'kernel.sem', 'ipcs -l', 'ipcs -s')

    def test_less_to_be_had_than_ours_is_an_error_that_names_the_limit(self):
        self.assert_refused(self.write_with('shmmax', '1023'), FAILED, self.key, 'kernel.shmmax')
        self.assert_refused(self.write_with('sem', '1 32000 500 100'), FAILED, self.key,
                            'kernel.sem')

    def test_where_there_is_no_memory_nothing_stays(self):
        for call in 'semget', 'shmget', 'shmat':
            tracer = traced(f'inject={call}:error=ENOMEM')
            self.require_strace()
            result = self.write(command=[*tracer, *self.writer])
            self.assert_refused(result, FAILED, 'Cannot allocate memory')
            self.assert_nothing_left()


@of_each(reader=SEGMENT_READERS)
class Memory(TestCase):
    def test_no_memory_to_attach_is_an_error(self):
        """Address space enough to start, and not for a segment of that size."""
        checked(libc.shmget(self.key, 1 << 29, SHM_NORESERVE | sysv_ipc.IPC_CREX | 0o666))
        limited = through_shell('ulimit -v 400000; exec "$@"', self.reader)
        self.require(works([*limited, '--version']), 'the reader itself needs more than that')
        result = self.read(command=limited)
        self.assert_refused(result, FAILED, self.key, 'emory')
