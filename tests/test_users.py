"""Other users, missing rights, and limits of the system."""
import os
import subprocess
import sys

import sysv_ipc
from support import (
    C_READER, DONE, FAILED, NOBODY, PYTHON_READER, SIZE, THIRD, TOP, TestCase,
    WRITER, checked, contents, libc, live_writers, new_set, objects_of, with_setting,
    without_rights_of_root, works)

SHM_NORESERVE = 0o10000


class Denied(TestCase):
    """Objects whose owner may do nothing with them; root has to give up a right to be refused."""

    def setUp(self):
        super().setUp()
        self.prefix = without_rights_of_root()
        self.require(not self.prefix or works([*self.prefix, 'true']),
                     'setpriv cannot take rights away here')

    def check(self, program, *parts):
        result = self.run_program([*self.prefix, *program], '-k', self.key)
        self.assert_refused(result, FAILED, self.key, hex(self.key), 'another user', '--key',
                            *parts)

    def test_a_segment_that_may_not_be_read_is_an_error(self):
        self.new_segment(contents(), mode=0)
        self.check(C_READER, 'Permission denied', 'ipcs -m')
        self.check(PYTHON_READER, 'ipcs -m')

    def test_a_segment_that_may_not_be_written_is_an_error(self):
        memory = self.new_segment(contents(), mode=0o400)
        self.check(WRITER, 'Permission denied', 'segment', 'ipcs -m')
        self.assertEqual(objects_of(self.key), ['segment'])
        self.assertEqual(memory.read(), contents())

    def test_a_set_that_may_not_be_changed_is_an_error(self):
        new_set(self.key, 2, mode=0o400)
        self.check(WRITER, 'Permission denied', 'semaphore set', 'ipcs -s')
        self.assertEqual(objects_of(self.key), ['set'])
        self.assertEqual(live_writers(self.key), 0)

    def test_reading_needs_no_more_than_the_right_to_read(self):
        self.new_segment(contents(), mode=0o400)
        new_set(self.key, 2, mode=0o400)
        for reader in C_READER, PYTHON_READER:
            result = self.run_program([*self.prefix, *reader], '-k', self.key, '-r')
            self.assert_refused(result, DONE, 'no writer is alive')
            self.assertEqual(result.out, b'Hello\n')

    def test_a_reader_that_may_not_see_the_set_still_works(self):
        self.new_segment(contents(), mode=0o400)
        new_set(self.key, 2, mode=0)
        for reader in C_READER, PYTHON_READER:
            result = self.run_program([*self.prefix, *reader], '-k', self.key, '-r')
            self.assert_done(result, b'Hello\n')


class OtherUsers(TestCase):
    """Programs that other users really run, from a place where they may read."""

    def setUp(self):
        super().setUp()
        self.require(os.geteuid() == 0, 'only root can run programs as other users')
        place = self.temporary_directory()
        for name in 'writer', 'reader', 'scripts':
            # cp: a descriptor of ours, open for writing, other tests' programs could inherit
            subprocess.run(['cp', '-r', str(TOP / name), str(place / name)], check=True)
        subprocess.run(['chmod', '-R', 'a+rX', str(place)], check=True)
        self.writer, self.reader = [place / 'writer'], [place / 'reader']
        self.python_reader = [sys.executable, place / 'scripts' / 'reader.py']
        self.require(works([*self.reader, '--help'], **self.user(THIRD)),
                     'other users cannot run programs here')

    @staticmethod
    def user(number):
        return {'user': number, 'group': number, 'extra_groups': [], 'cwd': '/'}

    def start_as(self, number, *arguments):
        return self.start_writer(*arguments, command=self.writer, **self.user(number))

    def read_as_third(self, reader, *arguments):
        """As THIRD, or, where THIRD can't run this Python, as a root without root's rights."""
        if works([sys.executable, '-c', 'import sysv_ipc'], **self.user(THIRD)):
            return self.run_program(reader, '-k', self.key, *arguments, **self.user(THIRD))
        return self.run_program([*without_rights_of_root(), *reader],
                                '-k', self.key, *arguments)

    def test_another_users_private_segment_may_not_be_read(self):
        writer = self.start_as(NOBODY, '-p', '0600')
        for reader in self.reader, self.python_reader:
            result = self.read_as_third(reader)
            self.assert_refused(result, FAILED, self.key, hex(self.key), 'another user',
                                'ipcs -m', '--key')
        self.assert_done(writer.finish())
        self.assert_nothing_left()

    def test_another_users_private_segment_may_not_be_written(self):
        owner = self.start_as(NOBODY, '-p', '0600', '-m', 'private')
        result = self.run_program(self.writer, '-k', self.key, **self.user(THIRD))
        self.assert_refused(result, FAILED, self.key, 'Permission denied', 'another user')
        result = self.run_program(self.reader, '-r', '-k', self.key, **self.user(NOBODY))
        self.assert_done(result, b'private\n')
        self.assert_done(owner.finish())
        self.assert_nothing_left()

    def test_a_segment_that_others_may_read_is_read(self):
        self.start_as(NOBODY, '-p', '0644', '-m', 'for all')
        for reader in self.reader, self.python_reader:
            self.assert_done(self.read_as_third(reader, '-r'), b'for all\n')

    def test_following_ends_also_for_another_user(self):
        writer = self.start_as(NOBODY, '-p', '0644', '-m', 'for all')
        follower = self.start(self.reader, '-f', '-r', '-k', self.key, **self.user(THIRD))
        follower.wait_for('for all\n')
        self.assert_done(writer.finish())
        self.assert_done(follower.result(), b'for all\n')

    def test_writers_of_different_users_share_a_channel(self):
        first = self.start_as(NOBODY, '-m', 'first')
        second = self.start_as(THIRD, '-m', 'second')
        self.assertEqual(live_writers(self.key), 2)
        self.assert_says(second.finish(), 'other writers still sharing')
        self.assert_done(first.finish())
        self.assert_nothing_left()

    def test_a_last_writer_that_may_not_remove_the_segment_says_so_and_the_next_owner_does(self):
        owner = self.start_as(NOBODY, '-m', 'first')
        last = self.start_as(THIRD, '-m', 'last')
        self.assert_status(owner.finish(), DONE)
        self.assert_refused(last.finish(), FAILED, self.key, 'cannot remove', 'segment',
                            'another user')
        self.assertEqual(objects_of(self.key), ['segment', 'set'])
        self.assertEqual(live_writers(self.key), 0)
        result = self.run_program(self.reader, '-r', '-k', self.key, **self.user(THIRD))
        self.assert_refused(result, DONE, 'no writer is alive')
        self.assertEqual(result.out, b'last\n')

        self.assert_says(self.start_as(NOBODY).finish(), 'left behind')
        self.assert_nothing_left()

    def test_a_stranger_is_named_by_the_user_it_belongs_to(self):
        key = self.key
        make = f'import sysv_ipc as s; s.SharedMemory({key}, s.IPC_CREX, 0o666, {SIZE}, b"x")'
        self.require(works([sys.executable, '-c', make], **self.user(NOBODY)),
                     'other users cannot run this Python')
        for program in self.writer, self.reader, self.python_reader:
            result = self.run_program(program, '-k', key)
            self.assert_refused(result, FAILED, f'user {NOBODY}', 'ipcrm -m')
        memory = sysv_ipc.SharedMemory(key)
        self.addCleanup(memory.detach)
        self.assertEqual(memory.read(), b'x' * SIZE)


class Limits(TestCase):
    """Where the system has less to give."""

    def write_with(self, setting, value):
        """Runs a writer with a lowered limit; tells what is left there afterwards."""
        limited = with_setting(setting, value)
        self.require(works([*limited, 'true']), 'this takes unshare, and the right to use it')
        script = ('"$0" "$@" </dev/null; status=$?; '
                  'cat /proc/sysvipc/shm /proc/sysvipc/sem | grep -v key >&2; exit $status')
        result = self.run_program([*limited, 'sh', '-c', script, *WRITER], '-k', self.key)
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

    def test_segments_limited_to_less_than_ours_are_an_error_that_names_the_limit(self):
        self.assert_refused(self.write_with('shmmax', '1023'), FAILED, self.key, 'kernel.shmmax')

    def test_sets_limited_to_less_than_ours_are_an_error_that_names_the_limit(self):
        self.assert_refused(self.write_with('sem', '1 32000 500 100'), FAILED, self.key,
                            'kernel.sem')

    def test_no_memory_to_attach_is_an_error(self):
        """Address space enough to start, and not for a segment of that size."""
        checked(libc.shmget(self.key, 1 << 29, SHM_NORESERVE | sysv_ipc.IPC_CREX | 0o666))
        for reader in C_READER, PYTHON_READER:
            result = self.run_program(['sh', '-c', 'ulimit -v 400000; exec "$0" "$@"', *reader],
                                      '-k', self.key)
            self.assert_refused(result, FAILED, self.key, 'emory')
