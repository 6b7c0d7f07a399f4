"""What a reader meets that it can't, or only just, read."""
import os
import signal
import sys

from support import (
    C_READER, DONE, FAILED, FORKING, NOTHING_YET, OfBothReaders, PYTHON_READER, SIZE, TestCase,
    VERSION_OFFSET, contents, new_set, remove_set)


class Nothing(OfBothReaders):
    def test_no_segment_is_status_3_and_a_hint(self):
        result = self.read()
        self.assert_refused(result, NOTHING_YET, self.key, hex(self.key),
                            'No such file or directory', 'start the writer', '--wait')
        self.assertTrue(result.out.endswith(b'with key: %d\n' % self.key), result)

    def test_no_segment_is_status_3_in_every_way_of_reading(self):
        for options in '-r', '-f', '-fr', '-w0', '-fw0':
            result = self.read(options)
            self.assert_refused(result, NOTHING_YET, self.key)
            self.assertEqual(b'' if 'r' in options or 'f' in options else result.out, result.out)

    def test_an_empty_segment_is_status_3_and_a_hint(self):
        self.new_segment(bytes(SIZE))
        self.assert_refused(self.read(), NOTHING_YET, self.key, 'nothing was published yet',
                            '--wait')
        self.assert_refused(self.read('-f'), NOTHING_YET, 'nothing was published yet')
        self.assert_refused(self.read('-r', '-w0.05'), NOTHING_YET, 'nothing was published yet')

    def test_a_writer_that_has_published_nothing_is_status_3(self):
        self.start_stream()
        self.assert_refused(self.read('-r'), NOTHING_YET, 'nothing was published yet')

    def test_reading_creates_nothing(self):
        for options in '-r', '-f', '-w0.05':
            self.read(options)
            self.assert_nothing_left()


class Strangers(OfBothReaders):
    def check(self, data, *parts):
        """Refused, its state shown, the way out shown, untouched."""
        memory = self.new_segment(data)
        for options in [], ['-r'], ['-f'], ['-w0.05']:
            self.assert_refused(self.read(*options), FAILED, self.key, hex(self.key),
                                f'{len(data)} bytes', f'process {os.getpid()} ',
                                f'user {os.getuid()}', f'ipcrm -m {memory.id}', '--key', *parts)
        self.assertEqual(memory.read(), data)
        self.assertEqual(self.attached(), 1)

    def test_a_segment_that_is_too_small_is_refused_untouched(self):
        self.check(contents()[:1023])

    def test_a_segment_of_one_byte_is_refused_untouched(self):
        self.check(b'x')

    def test_other_contents_are_refused_untouched(self):
        self.check(bytes(range(250)) * 8, 'holds no SharedData')

    def test_without_magic_an_odd_number_in_the_tail_is_no_version(self):
        self.check(bytes(range(1, 251)) * 8, 'holds no SharedData')

    def test_a_message_without_nul_is_refused(self):
        self.check(contents(b'x' * 900), 'message without NUL')

    def test_a_message_without_nul_and_magic_is_refused(self):
        self.check(contents(b'x' * 900, magic=0), 'message without NUL')

    def test_data_ready_of_7_is_refused(self):
        self.check(contents(ready=7), 'dataReady 7')

    def test_data_ready_of_255_is_refused(self):
        self.check(contents(ready=255, magic=0), 'dataReady 255')

    def test_a_negative_pid_is_refused(self):
        self.check(contents(pid=-5), 'processId -5')

    def test_a_published_message_of_process_0_is_refused(self):
        self.check(contents(pid=0), 'processId 0')


class SeedStyle(OfBothReaders):
    """A segment as a program writes it that knows SharedData only."""

    def test_it_is_read_with_a_note_that_it_carries_no_version(self):
        memory = self.new_segment(contents(b'Hello from C++!', pid=77, magic=0))
        result = self.read()
        self.assertEqual(result.out, self.story(memory.id, 77, b'Hello from C++!', 15))
        self.assert_refused(result, DONE, self.key, 'carries no version')

    def test_following_it_ends_when_no_writer_is_there(self):
        self.new_segment(contents(b'Hello from C++!', pid=77, magic=0))
        result = self.read('-f')
        self.assertEqual(result.out, b'77: Hello from C++!\n')
        self.assert_refused(result, DONE, self.key, 'carries no version')

    def test_what_stands_behind_the_nul_is_not_shown(self):
        self.new_segment(contents(b'short\0' + b'\x1b' * 800, magic=0))
        self.assertEqual(self.read('-r').out, b'short\n')

    def test_a_message_of_899_bytes_is_read_whole(self):
        self.new_segment(contents(b'x' * 899, magic=0))
        self.assertEqual(self.read('-r').out, b'x' * 899 + b'\n')

    def test_whatever_stands_behind_the_data_means_nothing(self):
        self.new_segment(contents(magic=0)[:VERSION_OFFSET] + b'\x7f' * (SIZE - VERSION_OFFSET))
        result = self.read('-r')
        self.assertEqual((result.status, result.out), (DONE, b'Hello\n'), result)
        self.assert_says(result, 'carries no version')

    def test_it_may_be_larger_than_ours(self):
        self.new_segment(contents(magic=0, size=5000))
        result = self.read('-r')
        self.assertEqual((result.status, result.out), (DONE, b'Hello\n'), result)


class Bytes(OfBothReaders):
    """Bytes that a terminal might obey, and bytes that are no text."""

    def check(self, message, shown, characters):
        memory = self.new_segment(contents(message, pid=7))
        self.assertEqual(self.read().out, self.story(memory.id, 7, shown, characters))
        self.assertEqual(self.read('-r').out, message + b'\n')
        self.assertEqual(self.read('-f').out,
                         b'7: ' + shown.replace(b'\n', rb'\x0a') + b'\n')

    def test_newline_and_tab_are_shown_as_they_are(self):
        self.check(b'a\tb\nc', b'a\tb\nc', 5)

    def test_escape_sequences_are_shown_as_hex(self):
        self.check(b'\x1b[31mred\x1b[0m\x1b]0;title\x07', rb'\x1b[31mred\x1b[0m\x1b]0;title\x07',
                   22)

    def test_every_control_character_is_shown_as_hex(self):
        control = bytes([*range(1, 9), 11, 12, *range(13, 32), 127])
        self.check(control, b''.join(b'\\x%02x' % byte for byte in control), len(control))

    def test_c1_control_characters_are_shown_as_hex(self):
        self.check(b'\xc2\x80 \xc2\x9b31m \xc2\x9f \xc2\xa0',
                   b'\\xc2\\x80 \\xc2\\x9b31m \\xc2\\x9f \xc2\xa0', 10)

    def test_valid_utf_8_is_shown_as_it_is(self):
        text = '߿ ࠀ ퟿  ￿ 𐀀 \U0010ffff'
        self.check(text.encode(), text.encode(), len(text))

    def test_bytes_that_are_no_utf_8_are_shown_as_hex(self):
        wrong = (b'\x80', b'\xbf', b'\xc0\x80', b'\xc1\xbf', b'\xe0\x9f\xbf', b'\xed\xa0\x80',
                 b'\xed\xbf\xbf', b'\xf0\x8f\xbf\xbf', b'\xf4\x90\x80\x80', b'\xf5\x80\x80\x80',
                 b'\xfe', b'\xff', b'\xc3', b'\xe2\x82', b'\xf0\x9f\x98')
        self.check(b'|'.join(wrong),
                   b'|'.join(b''.join(b'\\x%02x' % byte for byte in one) for one in wrong),
                   sum(map(len, wrong)) + len(wrong) - 1)

    def test_a_sequence_cut_off_by_the_end_is_shown_as_hex(self):
        self.check(b'x' * 896 + b'\xf0\x9f\x98', b'x' * 896 + rb'\xf0\x9f\x98', 899)

    def test_printf_directives_are_text(self):
        self.check(b'%s%n%d%%', b'%s%n%d%%', 8)


class Hints(OfBothReaders):
    """The length in the tail may be anybody's."""

    def test_a_wrong_length_changes_nothing(self):
        memory = self.new_segment(contents(b'Hello, world'))
        for length in 0, 1, 5, 11, 13, 500, 898, 899, 900, 901, 1 << 31, 0xffffffff:
            with self.subTest(length=length):
                memory.write(contents(b'Hello, world', length=length))
                self.assertEqual(self.read('-r').out, b'Hello, world\n')

    def test_a_wrong_length_hides_no_damage(self):
        memory = self.new_segment(contents())
        for length in 0, 5, 898, 899, 900, 0xffffffff:
            memory.write(contents(b'x' * 900, length=length))
            self.assert_refused(self.read('-r'), FAILED, 'without NUL')


class Torn(OfBothReaders):
    def test_a_message_torn_by_a_killed_writer_is_not_shown(self):
        memory = self.new_segment(contents(b'half', version=7))
        result = self.read('-r')
        self.assert_refused(result, FAILED, self.key, 'torn', 'was killed')
        self.assertEqual(result.out, b'')
        self.assertEqual(memory.read(), contents(b'half', version=7))

    def test_a_message_torn_while_a_writer_lives_names_both_causes(self):
        self.start_stream()
        self.segment().write(contents(b'half', version=7))
        result = self.read('-r')
        self.assert_refused(result, FAILED, self.key, 'torn', 'stopped or killed')
        self.assertNotIn(b'half', result.out)

    def test_following_a_torn_message_without_a_writer_is_an_error(self):
        self.new_segment(contents(b'half', version=7))
        result = self.read('-f')
        self.assert_refused(result, FAILED, self.key, 'torn')
        self.assertEqual((result.out, result.err.count('torn')), (b'', 1), result)


class Output(OfBothReaders):
    """Standard output that takes nothing."""

    ways = [], ['-r'], ['-f'], ['-fr']

    def setUp(self):
        super().setUp()
        self.new_segment(contents())

    def check(self, why, **options):
        for way in self.ways:
            self.assert_refused(self.read(*way, **options), FAILED, 'standard output', why)

    def test_a_full_device_is_an_error(self):
        with open('/dev/full', 'wb') as full:
            self.check('No space left on device', stdout=full)

    def test_a_broken_pipe_is_an_error(self):
        self.check('Broken pipe', stdout=self.broken_pipe())

    def test_a_closed_output_is_an_error(self):
        self.reader = ['sh', '-c', 'exec "$0" "$@" >&-', *self.reader]
        self.check('Bad file descriptor')

    def test_a_closed_output_is_an_error_also_without_a_segment(self):
        self.key = self.new_key()
        self.reader = ['sh', '-c', 'exec "$0" "$@" >&-', *self.reader]
        self.assert_refused(self.read(), FAILED, 'standard output')

    def test_with_stderr_closed_nothing_else_comes_to_stdout(self):
        self.reader = ['sh', '-c', 'exec "$0" "$@" 2>&-', *self.reader]
        result = self.read('-r')
        self.assertEqual((result.status, result.out), (DONE, b'Hello\n'), result)
        self.key = self.new_key()
        result = self.read('-r')
        self.assertEqual((result.status, result.out), (NOTHING_YET, b''), result)

    def test_with_stdin_closed_a_reader_works(self):
        self.reader = ['sh', '-c', 'exec "$0" "$@" <&-', *self.reader]
        self.assertEqual(self.read('-r').out, b'Hello\n')

    def test_a_follower_whose_pipe_breaks_ends(self):
        self.key = self.new_key()
        writer = self.start_stream()
        reading, writing = os.pipe()
        with open(writing, 'wb') as pipe:
            reader = self.start(self.reader, '-f', '-w', '-k', self.key, stdout=pipe)
        writer.send('one\n')
        self.assertEqual(os.read(reading, 100), b'%d: one\n' % writer.pid)
        with FORKING:
            os.close(reading)
        writer.send('two\n')
        self.assert_refused(reader.result(), FAILED, 'Broken pipe')


class Signals(OfBothReaders):
    def test_a_waiting_reader_dies_of_the_signal_it_gets(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            reader = self.start(self.reader, '-w', '-k', self.key)
            reader.wait_for('Attempting to connect')
            reader.signal(number)
            result = reader.result()
            self.assertEqual((result.status, result.err), (-number, ''), result)

    def test_a_follower_dies_of_the_signal_it_gets(self):
        writer = self.start_writer('-m', 'Hello')
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            reader = self.start_follower(self.reader)
            reader.wait_for('Hello\n')
            reader.signal(number)
            result = reader.result()
            self.assertEqual((result.status, result.err), (-number, ''), result)
        self.assert_done(writer.finish())
        self.assert_nothing_left()


class Waiting(OfBothReaders):
    def test_a_reader_waits_for_the_segment(self):
        reader = self.start(self.reader, '-w', '-k', self.key)
        reader.wait_for('Attempting to connect')
        writer = self.start_writer('-m', 'at last')
        result = reader.result()
        self.assert_done(result, self.story(self.segment().id, writer.pid, b'at last', 7))

    def test_a_reader_waits_for_the_first_message(self):
        writer = self.start_stream()
        reader = self.start(self.reader, '-rw', '-k', self.key)
        reader.wait_until_attached(self.key)
        writer.send('at last\n')
        self.assert_done(reader.result(), b'at last\n')

    def test_a_reader_waits_through_the_leaving_of_a_silent_writer(self):
        self.new_segment(bytes(SIZE))
        reader = self.start(self.reader, '-rw', '-k', self.key)
        reader.wait_until_attached(self.key)
        self.segment().remove()
        self.start_writer('-m', 'of the next')
        self.assert_done(reader.result(), b'of the next\n')

    def test_waiting_ends_with_status_3_when_the_time_is_over(self):
        self.assert_refused(self.read('-w0.1'), NOTHING_YET, self.key)
        self.start_stream()
        self.assert_refused(self.read('--wait=0.1'), NOTHING_YET, 'nothing was published')

    def test_a_reader_does_not_wait_where_there_is_a_message(self):
        self.start_writer('-m', 'Hello')
        self.assert_done(self.read('-rw'), b'Hello\n')


class NoWriter(OfBothReaders):
    def test_a_message_left_behind_is_shown_with_a_warning(self):
        writer = self.start_writer('-m', 'testament')
        writer.signal(signal.SIGKILL)
        writer.result()
        result = self.read()
        self.assertEqual(result.out, self.story(self.segment().id, writer.pid, b'testament', 9))
        self.assert_refused(result, DONE, self.key, 'no writer is alive', f'process {writer.pid}')

    def test_without_a_set_no_writer_is_alive(self):
        self.new_segment(contents())
        self.assert_refused(self.read(), DONE, 'no writer is alive')

    def test_while_a_writer_lives_there_is_no_warning(self):
        self.start_writer('-m', 'Hello')
        self.assert_done(self.read('-r'), b'Hello\n')

    def test_it_is_left_behind_also_when_the_set_was_removed(self):
        self.start_writer()
        remove_set(self.key)
        self.assert_refused(self.read(), DONE, 'no writer is alive')

    def test_a_set_of_more_semaphores_can_be_counted_too(self):
        self.new_segment(contents())
        new_set(self.key, 3)
        self.assert_refused(self.read('-f'), DONE, 'no writer is alive')


for case in (Nothing, Strangers, SeedStyle, Bytes, Hints, Torn, Output, Signals, Waiting, NoWriter):
    case.make(globals())
    del globals()[case.__name__]
del case


class PythonModule(TestCase):
    def test_without_sysv_ipc_one_line_names_the_interpreter_and_two_ways_to_get_it(self):
        directory = self.temporary_directory()
        (directory / 'sysv_ipc.py').write_text('raise ImportError("blocked")\n', encoding='utf-8')
        environment = dict(os.environ, PYTHONPATH=str(directory))
        result = self.run_program(PYTHON_READER, env=environment)
        self.assert_status(result, FAILED)
        self.assertEqual(result.out, b'')
        self.assertEqual(result.err.count('\n'), 1, result)
        self.assert_says(result, sys.executable, f'{sys.executable} -m pip install sysv_ipc',
                         'apt install python3-sysv-ipc')

    def test_both_readers_give_the_same_reasons(self):
        for data in (None, bytes(SIZE), bytes(1), contents(magic=0), contents(ready=7),
                     contents(b'x' * 900), contents()):
            key = self.new_key()
            if data:
                self.new_segment(data, key)
            c_err = self.run_program(C_READER, '-k', key).err
            python_err = self.run_program(PYTHON_READER, '-k', key).err
            self.assertEqual(c_err, python_err.replace('reader.py: ', 'reader: '))
