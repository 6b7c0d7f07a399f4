"""What the programs print when all is well."""
import os
import subprocess
import sys

from support import (
    C_READER, DONE, OfBothReaders, PYTHON_READER, TestCase, WRITER, demonstration, libc,
    remove_objects, set_of)


def writers_output(how, memory_id, pid, message):
    return (b'Shared memory %s successfully with ID: %d\n'
            b'Attached to shared memory\n\n'
            b'=== C Program Output ===\n'
            b'Process ID: %d\n'
            b'Message written to shared memory:\n'
            b'%s\n'
            b'=========================\n\n'
            b'Data written to shared memory successfully!\n'
            b'Python program can now read this data.\n'
            b'Press Enter to cleanup and exit...\n' % (how, memory_id, pid, message))


class Writing(TestCase):
    def test_the_writer_prints_the_demonstration_word_for_word(self):
        writer = self.start_writer()
        memory = self.segment()
        writer.enter()
        self.assert_done(writer.result(), writers_output(
            b'created', memory.id, writer.pid, demonstration(writer.pid)))
        self.assert_nothing_left()

    def test_the_writer_shows_a_message_of_the_users(self):
        writer = self.start_writer('-m', 'Grüße,\nWelt')
        memory = self.segment()
        self.assert_done(writer.finish(), writers_output(
            b'created', memory.id, writer.pid, 'Grüße,\nWelt'.encode()))

    def test_the_writer_shows_control_characters_as_hex(self):
        writer = self.start_writer('-m', 'a\x1b[31mb\x7f')
        self.assertIn(b'\na\\x1b[31mb\\x7f\n', writer.finish().out)

    def test_the_segment_is_the_documented_one(self):
        writer = self.start_writer('-m', 'Hello')
        memory = self.segment()
        self.assertEqual((memory.size, memory.mode & 0o777), (1024, 0o666))
        self.assertEqual(memory.read(12), writer.pid.to_bytes(4, sys.byteorder) + b'Hello\0\0\0')
        self.assertEqual(memory.read(1, 904), b'\1')

    def test_mode_sets_the_permissions_of_segment_and_set(self):
        self.start_writer('-p', '0640')
        self.assertEqual(self.segment().mode & 0o777, 0o640)
        with open('/proc/sysvipc/sem', encoding='ascii') as table:
            modes = [line.split()[2] for line in table if line.split()[0] == str(self.key)]
        self.assertEqual(modes, ['640'])

    def test_a_umask_does_not_take_permissions_away(self):
        self.start_writer(command=['sh', '-c', 'umask 077; exec "$0" "$@"', *WRITER])
        self.assertEqual(self.segment().mode & 0o777, 0o666)

    def test_the_key_may_be_hexadecimal(self):
        writer = self.start(WRITER, '-k', hex(self.key))
        writer.wait_for('Press Enter')
        self.assertIsNotNone(set_of(self.key))
        self.segment()

    def test_a_key_above_the_signed_range_works(self):
        key = self.key | 0x80000000
        self.addCleanup(remove_objects, key - (1 << 32))
        self.start_writer(key=key)
        for reader in (C_READER, PYTHON_READER):
            result = self.run_program(reader, '-r', '-k', key)
            self.assertIn(b'Hello from C Process!', result.out, result)
        self.assertGreaterEqual(libc.shmget(key - (1 << 32), 0, 0), 0)

    def test_without_a_key_it_is_5678(self):
        for program in (WRITER, C_READER, PYTHON_READER):
            result = self.run_program(program, '--help')
            self.assertIn(b'5678', result.out, result)


class Reading(OfBothReaders):
    def test_a_reader_prints_the_retrieved_data_word_for_word(self):
        writer = self.start_writer()
        text = demonstration(writer.pid)
        self.assert_done(self.read(),
                         self.story(self.segment().id, writer.pid, text, len(text)))

    def test_characters_are_counted_not_bytes(self):
        writer = self.start_writer('-m', 'Grüße 😀')
        self.assert_done(self.read(), self.story(
            self.segment().id, writer.pid, 'Grüße 😀'.encode(), 7))

    def test_raw_is_the_message_and_a_newline(self):
        self.start_writer('-m', 'a\x1b\tb\nc\r')
        self.assert_done(self.read('-r'), b'a\x1b\tb\nc\r\n')

    def test_an_empty_message_is_a_message(self):
        writer = self.start_writer('-m', '')
        self.assert_done(self.read(), self.story(self.segment().id, writer.pid, b'', 0))
        self.assert_done(self.read('-r'), b'\n')

    def test_a_message_of_899_bytes_arrives_whole(self):
        writer = self.start_writer('-m', 'x' * 898 + '!')
        self.assert_done(self.read(), self.story(
            self.segment().id, writer.pid, b'x' * 898 + b'!', 899))

    def test_the_locale_does_not_change_the_output(self):
        writer = self.start_writer('-m', 'Grüße')
        environment = dict(os.environ, LC_ALL='C', PYTHONIOENCODING='ascii', PYTHONUTF8='0',
                           PYTHONCOERCECLOCALE='0')
        self.assert_done(self.read(env=environment), self.story(
            self.segment().id, writer.pid, 'Grüße'.encode(), 5))

    def test_reading_leaves_the_segment_as_it_is(self):
        self.start_writer()
        memory = self.segment()
        before = memory.read(), self.attached()
        self.read()
        self.read('-r')
        self.assertEqual((memory.read(), self.attached()), before)

    def test_a_reader_attaches_read_only(self):
        self.start_writer()
        reader = self.start_follower(self.reader)
        reader.wait_for('Hello')
        with open(f'/proc/{reader.pid}/maps', encoding='utf-8') as maps:
            rights = [line.split()[1] for line in maps if f'SYSV{self.key:08x}' in line]
        self.assertEqual(rights, ['r--s'])


Reading.make(globals())
del Reading


class HelpAndVersion(TestCase):
    programs = WRITER, C_READER, PYTHON_READER

    def test_help_goes_to_standard_output(self):
        for program in self.programs:
            for option in '-h', '--help':
                result = self.run_program(program, option)
                self.assert_done(result)
                self.assertIn(b'--key', result.out)
                self.assertIn(b'Exit status', result.out)

    def test_the_version_goes_to_standard_output(self):
        for program in self.programs:
            for option in '-V', '--version':
                result = self.run_program(program, option)
                self.assert_done(result)
                self.assertRegex(result.out, rb'\A(writer|reader|reader\.py) \d+\.\d+\.\d+\n\Z')

    def test_help_that_cannot_be_written_is_an_error(self):
        for program in self.programs:
            for option in '--help', '--version':
                with open('/dev/full', 'wb') as full:
                    result = self.run_program(program, option, stdout=full)
                self.assert_refused(result, 1, 'standard output', 'No space left on device')

    def test_help_touches_nothing(self):
        result = subprocess.run([*WRITER, '-k', str(self.key), '--help'], stdout=subprocess.DEVNULL)
        self.assertEqual(result.returncode, DONE)
        self.assert_nothing_left()
