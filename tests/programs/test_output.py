"""What the programs print when all is well."""
import os
import socket
import sys

from support import (
    DONE, QUEUE, READERS, SEGMENT, SEGMENT_READERS, SEGMENT_WRITERS, SIZE, TestCase, WRITERS, apart,
    id_of, new_set, of_each, remove_objects, through_shell)


@of_each(writer=WRITERS)
class Writing(TestCase):
    def display(self, pid, shown):
        """What a writer shows of the message that it shares."""
        language, other = ('C', 'Python') if self.writer.language == 'C' else ('Python', 'C')
        return (f'=== {language} Program Output ===\n'
                f'Process ID: {pid}\n'
                f'Message written to {self.medium.name}:\n').encode() + shown + (
                    '\n=========================\n\n'
                    f'Data written to {self.medium.name} successfully!\n'
                    f'{other} program can now read this data.\n'
                    'Press Enter to cleanup and exit...\n').encode()

    def test_a_writer_prints_the_demonstration_word_for_word(self):
        writer = self.start_writer()
        identifier = self.object_id()
        expected = self.opening() + self.display(writer.pid, self.demonstration(writer.pid))
        self.assert_done(self.read('-r'), self.demonstration(writer.pid) + b'\n')
        writer.enter()
        self.assert_done(writer.result(), expected + self.closing(identifier))
        self.assert_nothing_left()

    def test_without_options_it_is_the_assignments_output(self):
        self.require_unshare()
        writer = self.start([*apart(), *self.writer])
        expected = self.opening(key=5678, identifier=0) + self.display(
            writer.pid, self.demonstration(writer.pid)) + self.closing(0)
        self.assert_status(writer.finish(), DONE)
        self.assertEqual(writer.out, expected)

    def test_a_writer_shows_a_message_of_the_users(self):
        for text in '', 'Grüße,\nWelt 😀', 'x' * 898 + '!', '%s%n%d%%':
            writer = self.start_writer('-m', text)
            self.assertEqual(bytes(writer.out),
                             self.opening() + self.display(writer.pid, text.encode()))
            self.assert_done(self.read('-r'), text.encode() + b'\n')
            self.assert_left(writer.finish())

    def test_a_writer_shows_control_characters_as_hex(self):
        writer = self.start_writer('-m', 'a\x1b[31mb\x7f')
        self.assertIn(b'\na\\x1b[31mb\\x7f\n', writer.finish().out)

    def test_a_stream_says_what_it_does_and_leaves_at_the_end(self):
        for given, count in ((b'one\ntwo\n\n', 3), (b'one\ntwo', 2), (b'', 0)):
            writer = self.start_stream()
            identifier = self.object_id()
            expected = self.opening() + (f'{self.medium.act} every line of standard input...\n'
                                         f'Messages sent: {count}\n').encode()
            writer.send(given)
            writer.close_input()
            for _ in range(count if self.medium is QUEUE else 0):
                self.assert_status(self.read('-r', '-w'), DONE)
            self.assertEqual(writer.result().out, expected + self.closing(identifier))
            self.assert_nothing_left()

    def permissions(self):
        """Of the segment or queue, and of the set."""
        modes = []
        for table, key in ({SEGMENT: 'shm', QUEUE: 'msg'}[self.medium], self.key), \
                ('sem', self.set_key):
            with open(f'/proc/sysvipc/{table}', encoding='ascii') as lines:
                modes += [line.split()[2] for line in lines if line.split()[0] == str(key)]
        return modes

    def test_mode_sets_the_permissions_of_what_is_made(self):
        self.start_writer('-p', '0640')
        self.assertEqual(self.permissions(), ['640', '640'])

    def test_a_umask_does_not_take_permissions_away(self):
        self.start_writer(command=through_shell('umask 077; exec "$@"', self.writer))
        self.assertEqual(self.permissions(), ['666', '666'])

    def test_the_key_may_be_hexadecimal(self):
        self.start_writer(key=hex(self.key))
        self.assertIsNotNone(self.object_id())

    def test_a_key_above_the_signed_range_works(self):
        key = self.key | 0x80000000
        self.addCleanup(remove_objects, key - (1 << 32))
        self.start_writer('-m', 'Hello', key=key)
        self.assertIsNotNone(id_of(self.medium.kind, key - (1 << 32)))
        self.assert_done(self.read('-r', key=hex(key)), b'Hello\n')


@of_each(writer=SEGMENT_WRITERS)
class Segment(TestCase):
    def test_the_segment_is_the_documented_one(self):
        writer = self.start_writer('-m', 'Hello')
        memory = self.segment()
        self.assertEqual(memory.size, SIZE)
        self.assertEqual(memory.read(12), writer.pid.to_bytes(4, sys.byteorder) + b'Hello\0\0\0')
        self.assertEqual(memory.read(1, 904), b'\1')


@of_each(reader=READERS)
class Reading(TestCase):
    def test_a_reader_prints_the_retrieved_data_word_for_word(self):
        writer = self.start_writer()
        self.assert_done(self.read(), self.story(self.demonstration(writer.pid), writer.pid))

    def test_every_message_arrives_whole_and_its_characters_are_counted(self):
        for text in '', 'Grüße,\nWelt 😀', 'x' * 898 + '!':
            writer = self.start_writer('-m', text)
            self.assert_done(self.read(), self.story(text.encode(), writer.pid, len(text)))
            self.start_writer('-m', text)
            self.assert_done(self.read('-r'), text.encode() + b'\n')

    def test_raw_is_the_message_and_a_newline(self):
        self.start_writer('-m', 'a\x1b\tb\nc\r')
        self.assert_done(self.read('-r'), b'a\x1b\tb\nc\r\n')

    def test_the_locale_does_not_change_the_output(self):
        writer = self.start_writer('-m', 'Grüße')
        environment = dict(os.environ, LC_ALL='C', PYTHONIOENCODING='ascii', PYTHONUTF8='0',
                           PYTHONCOERCECLOCALE='0')
        self.assert_done(self.read(env=environment), self.story('Grüße'.encode(), writer.pid, 5))


@of_each(reader=SEGMENT_READERS)
class ReadingOnly(TestCase):
    def test_reading_leaves_the_segment_as_it_is(self):
        self.start_writer()
        memory = self.segment()
        before = memory.read(), self.attached()
        self.read()
        self.read('-r')
        self.assertEqual((memory.read(), self.attached()), before)

    def test_a_reader_attaches_read_only(self):
        self.start_writer()
        reader = self.start_follower()
        reader.wait_for('Hello')
        with open(f'/proc/{reader.pid}/maps', encoding='utf-8') as maps:
            rights = [line.split()[1] for line in maps if f'SYSV{self.key:08x}' in line]
        self.assertEqual(rights, ['r--s'])


@of_each(program=[*WRITERS, *READERS])
class Messages(TestCase):
    """What goes to stderr. A socket of this kind keeps what is written at once in one piece."""

    def pieces(self, *arguments):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with ours, theirs:
            self.run_program(self.program, *arguments, stderr=theirs)
            ours.setblocking(False)
            pieces = []
            try:
                while True:
                    pieces.append(ours.recv(65536).decode())
            except BlockingIOError:
                return pieces

    def test_every_message_is_one_write(self):
        new_set(self.set_key, 1)
        self.new_segment(b'x') if self.medium is SEGMENT else self.new_queue(b'x', capacity=None)
        for wrong in (['-Z'], ['--nope'], ['-k'], ['--help=x'], ['-k', 'x'], ['stray'], ['x' * 990],
                      ['-k', self.key]):
            pieces = self.pieces(*wrong)
            self.assertEqual(len(pieces), 1, (wrong, pieces))
            self.assertRegex(pieces[0], rf'(?s)\A{self.program.name}: .*\n\Z')


@of_each(program=[*WRITERS, *READERS])
class HelpAndVersion(TestCase):
    def run_it(self, *arguments, **options):
        return self.run_program(self.program, '-k', self.key, *arguments, **options)

    def test_help_goes_to_standard_output_and_touches_nothing(self):
        for option in '-h', '--help':
            result = self.run_it(option)
            self.assert_done(result)
            for part in b'--key', b'5678', b'Exit status':
                self.assertIn(part, result.out)
        self.assert_nothing_left()

    def test_help_says_what_the_program_does(self):
        if self.program in WRITERS:
            does = f'Share a message through .*{self.medium.name} until Enter'
        else:
            does = ('Print the message that a writer shares through System V shared memory'
                    if self.medium is SEGMENT else
                    'Take the next message out of a System V message queue and print it')
        self.assertRegex(self.run_it('--help').out.decode(), rf'\AUsage: .*\n{does}\.?')

    def test_the_version_goes_to_standard_output(self):
        for option in '-V', '--version':
            result = self.run_it(option)
            self.assert_done(result)
            self.assertRegex(result.out.decode(), rf'\A{self.program.name} \d+\.\d+\.\d+\n\Z')

    def test_help_that_cannot_be_written_is_an_error(self):
        for option in '--help', '--version':
            with open('/dev/full', 'wb') as full:
                result = self.run_it(option, stdout=full)
            self.assert_refused(result, 1, 'standard output', 'No space left on device')
