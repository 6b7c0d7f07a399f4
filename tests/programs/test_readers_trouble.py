"""What a reader meets that it can't, or only just, read."""
import os
import signal
import sys
import time

from support import (
    DATA_SIZE, DONE, FAILED, FORKING, MAGIC, NOTHING_YET, READERS, SEGMENT, SEGMENT_READERS, SIZE,
    TOP, TestCase, VERSION_OFFSET, contents, new_set, of_each, slow, through_shell, traced)


@of_each(reader=READERS)
class Nothing(TestCase):
    def test_without_a_segment_or_queue_it_is_status_3_and_a_hint(self):
        for options in [], ['-r'], ['-f'], ['-fr'], ['-t0'], ['-ft0'], ['-t0.05']:
            result = self.read(*options)
            self.assert_refused(result, NOTHING_YET, self.key, hex(self.key),
                                'No such file or directory', 'start the writer', '--wait')
            story = not set(''.join(options)) & set('fr')
            self.assertRegex(result.out.decode(), r'with key: \d+\n\Z' if story else r'\A\Z')
            self.assert_nothing_left()

    def test_without_a_message_it_is_status_3_and_a_hint(self):
        self.start_stream()
        for options in [], ['-r'], ['-t0'], ['-rt0.05']:
            self.assert_refused(self.read(*options), NOTHING_YET, f'key {self.key}: no', '--wait')


@of_each(reader=SEGMENT_READERS)
class Going(TestCase):
    def test_a_segment_that_goes_while_a_reader_comes_is_none(self):
        self.leave_behind()
        for error in 'EIDRM', 'EINVAL':
            tracer = traced(f'inject=shmat:error={error}')
            self.require_strace()
            self.assert_refused(self.read(command=[*tracer, *self.reader]), NOTHING_YET,
                                'No such file')


@of_each(reader=SEGMENT_READERS)
class Strangers(TestCase):
    def check(self, data, *parts):
        """Refused, its state shown, the way out shown, untouched."""
        memory = self.new_segment(data)
        for options in [], ['-r'], ['-f'], ['-t0.05']:
            self.assert_refused(self.read(*options), FAILED, self.key, hex(self.key),
                                f'{len(data)} bytes', f'process {os.getpid()} ',
                                f'user {os.getuid()}', f'ipcrm -m {memory.id}', '--key', *parts)
        self.assertEqual((memory.read(), self.attached()), (data, 1))

    def test_a_segment_that_is_too_small_is_refused_untouched(self):
        self.check(contents()[:907])

    def test_a_segment_of_another_layout_is_refused_untouched(self):
        """Its magic is ours but for the digit."""
        for digit in 0x30, 0x32, 0x39:
            self.key = self.new_key()
            self.check(contents(magic=MAGIC & 0xffffff | digit << 24))

    def test_text_where_the_process_id_should_be_is_another_programs(self):
        self.check(b'Hello, world'.ljust(SIZE, b'\0'), 'holds no SharedData')

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


@of_each(reader=SEGMENT_READERS)
class Simple(TestCase):
    """A segment as a program writes it that knows SharedData only."""

    def test_an_empty_segment_holds_nothing_yet(self):
        self.new_segment(bytes(SIZE))
        for options in [], ['-f'], ['-rt0.05']:
            self.assert_refused(self.read(*options), NOTHING_YET, 'nothing was published yet')

    def test_a_waiting_reader_does_not_keep_an_empty_segment_from_writers(self):
        """They take none that others have attached."""
        self.new_segment(bytes(SIZE)).detach()
        for options in '-w', '-fw':
            self.start_to_stop('shmdt', 2, self.reader, options)
            self.assertEqual(self.attached(), 0)

    def test_it_is_read_with_a_note_that_it_carries_no_version(self):
        self.new_segment(contents(b'Hello from C++!', pid=77, magic=0))
        self.assert_warned(self.read(), self.key, 'carries no version',
                           out=self.story(b'Hello from C++!', 77))

    def test_a_segment_of_just_shared_data_is_read_with_that_note(self):
        for size in DATA_SIZE, 1000, SIZE - 1:
            self.key = self.new_key()
            self.new_segment(contents(b'Hello from C++!', pid=77, magic=0)[:size])
            self.assert_warned(self.read('-r'), 'carries no version', out=b'Hello from C++!\n')

    def test_following_it_ends_behind_the_first_message_and_says_why(self):
        self.new_segment(contents(b'Hello from C++!', pid=77, magic=0))
        self.assert_warned(self.read('-f'), "newer ones can't be followed",
                           out=b'77: Hello from C++!\n')

    def test_what_stands_behind_the_nul_is_not_shown(self):
        self.new_segment(contents(b'short\0' + b'\x1b' * 800, magic=0))
        self.assertEqual(self.read('-r').out, b'short\n')

    def test_a_message_of_899_bytes_is_read_whole(self):
        self.new_segment(contents(b'x' * 899, magic=0))
        self.assertEqual(self.read('-r').out, b'x' * 899 + b'\n')

    def test_whatever_stands_behind_the_data_means_nothing(self):
        self.new_segment(contents(magic=0)[:VERSION_OFFSET] + b'\x7f' * (SIZE - VERSION_OFFSET))
        self.assert_warned(self.read('-r'), 'carries no version', out=b'Hello\n')


@of_each(reader=READERS)
class Bytes(TestCase):
    """A hostile message can't drive a terminal."""

    def check(self, message, shown, characters):
        self.leave_behind(message, count=3)
        self.assertEqual(self.read().out, self.story(shown, 4711, characters))
        line = shown.replace(b'\n', b'\\x0a')
        self.assertEqual(self.read('-f').out.split(b'\n')[0], b'4711: ' + line)

    def test_newline_and_tab_are_shown_as_they_are(self):
        self.check(b'a\tb\nc', b'a\tb\nc', 5)

    def test_control_characters_are_shown_as_hex(self):
        control = bytes([*range(1, 9), 11, 12, *range(13, 32), 127])
        self.check(control, b''.join(b'\\x%02x' % byte for byte in control), len(control))

    def test_c1_control_characters_are_shown_as_hex(self):
        self.check(b'\xc2\x80 \xc2\x9b31m \xc2\x9f \xc2\xa0',
                   b'\\xc2\\x80 \\xc2\\x9b31m \\xc2\\x9f \xc2\xa0', 10)

    def test_valid_utf_8_is_shown_as_it_is(self):
        text = '߿ ࠀ \ud7ff \ue000 \uffff 𐀀 \U0010ffff'
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


@of_each(reader=SEGMENT_READERS)
class Hints(TestCase):
    """The length in the tail may be anybody's."""

    def test_a_wrong_length_changes_nothing(self):
        memory = self.new_segment(contents(b'Hello, world'))
        for length in 0, 1, 5, 11, 13, 500, 898, 899, 900, 901, 1 << 31, 0xffffffff:
            memory.write(contents(b'Hello, world', length=length))
            self.assertEqual(self.read('-r').out, b'Hello, world\n', length)

    def test_a_wrong_length_hides_no_damage(self):
        memory = self.new_segment(contents())
        for length in 0, 5, 898, 899, 900, 0xffffffff:
            memory.write(contents(b'x' * 900, length=length))
            self.assert_refused(self.read('-r'), FAILED, 'without NUL')


@of_each(reader=SEGMENT_READERS)
class Torn(TestCase):
    def test_a_message_torn_by_a_killed_writer_is_not_shown(self):
        memory = self.new_segment(contents(b'half', version=7))
        result = self.read('-r')
        self.assert_refused(result, FAILED, self.key, 'torn', 'was killed')
        self.assertEqual((result.out, memory.read()), (b'', contents(b'half', version=7)))

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


    def test_waiting_goes_on_through_a_torn_message_until_there_is_a_whole_one(self):
        self.start_stream()
        self.segment().write(contents(b'half', version=7))
        waiting = self.start_reader('-rw')
        waiting.wait_for_state('S')
        self.start_writer('-m', 'whole')
        self.assert_done(waiting.result(), b'whole\n')

    def test_following_a_torn_message_takes_few_calls(self):
        """Python looks at the version every 20 milliseconds; nobody makes hundreds of calls."""
        calls = self.temporary_directory() / 'calls'
        tracer = [*traced('trace=?futex,?nanosleep,?clock_nanosleep,?pselect6,semctl,semget,shmctl'),
                  '-D', '-o', str(calls)]
        self.require_strace()
        self.start_stream()
        self.segment().write(contents(b'half', version=7))
        follower = self.start_reader('-f', command=[*tracer, *self.reader])
        follower.wait_for_error('torn')
        before = calls.read_text().count('\n')
        time.sleep(2)
        self.assertLess(calls.read_text().count('\n') - before, 200)

    @slow
    def test_patience_with_a_torn_message_is_counted_in_time_not_in_tries(self):
        """Where every sleep takes longer than it should, as on a busy machine. A reader that waits
        ten seconds for something else is the clock."""
        slowly = traced(
            'inject=nanosleep,clock_nanosleep,futex,?select,pselect6:delay_exit=20000')
        self.require_strace()
        self.new_segment(contents(b'half', version=7))
        reader = self.start_reader(command=[*slowly, *self.reader])
        clock = self.start_reader('-t10', key=self.new_key())
        self.assert_refused(reader.result(), FAILED, 'torn')
        self.assertIsNone(clock.process.poll(), 'ten seconds were over')

    def test_a_version_that_is_odd_but_changes_is_not_called_torn(self):
        memory = self.new_segment(contents(b'half', version=7))
        reader = self.start_reader('-r')
        version = 7
        while reader.process.poll() is None:
            version += 2
            memory.write(version.to_bytes(4, sys.byteorder), VERSION_OFFSET)
        result = reader.result()
        self.assert_refused(result, FAILED, 'messages follow each other too fast')
        self.assertEqual(result.out, b'')


class ChangedMeanwhile(TestCase):
    def test_a_message_that_changes_while_python_copies_it_is_copied_again(self):
        """Changed where snapshot() has its second fence, right behind the copy."""
        self.new_segment(contents(b'first, and longer'))
        script = (f'import sys, sysv_ipc\n'
                  f'sys.path.insert(0, {str(TOP / "scripts")!r})\n'
                  f'from pair import channel, message\n'
                  f'reader = channel.Channel.attach({self.key})\n'
                  f'memory, fences = sysv_ipc.SharedMemory({self.key}), []\n'
                  f'def fence():\n'
                  f'    fences.append(1)\n'
                  f'    if len(fences) == 2:\n'
                  f'        memory.write({contents(b"second", version=4)!r})\n'
                  f'message.fence = fence\n'
                  f'copy = reader.read()\n'
                  f'print(copy.state.name, copy.text, copy.version)\n')
        self.assert_done(self.run_program([sys.executable, '-c', script]),
                         b"WHOLE b'second' 4\n")


@of_each(reader=READERS)
class Output(TestCase):
    """Standard output that takes nothing."""

    def check(self, why, **options):
        self.leave_behind(count=4)
        for way in [], ['-r'], ['-f'], ['-fr']:
            self.assert_refused(self.read(*way, **options), FAILED, 'standard output', why)

    def with_closed(self, what):
        return {'command': through_shell(f'exec "$@" {what}&-', self.reader)}

    def test_a_full_device_is_an_error(self):
        with open('/dev/full', 'wb') as full:
            self.check('No space left on device', stdout=full)

    def test_a_broken_pipe_is_an_error(self):
        self.check('Broken pipe', stdout=self.broken_pipe())

    def test_a_file_that_may_not_grow_is_an_error(self):
        file = self.temporary_directory() / 'output'
        self.check('File too large', command=through_shell(
            f'ulimit -f 0; exec "$@" >{file}', self.reader))

    def test_a_closed_output_is_an_error(self):
        self.check('Bad file descriptor', **self.with_closed('>'))

    def test_a_closed_output_is_an_error_also_when_there_is_nothing_to_read(self):
        self.assert_refused(self.read(**self.with_closed('>')), FAILED, 'standard output')

    def test_with_stderr_closed_nothing_else_comes_to_stdout(self):
        result = self.read('-r', **self.with_closed('2>'))
        self.assertEqual((result.status, result.out), (NOTHING_YET, b''), result)
        self.leave_behind()
        result = self.read('-r', **self.with_closed('2>'))
        self.assertEqual((result.status, result.out), (DONE, b'Hello\n'), result)

    def test_with_stdin_closed_a_reader_works(self):
        self.leave_behind()
        self.assertEqual(self.read('-r', **self.with_closed('<')).out, b'Hello\n')

    def test_a_follower_whose_pipe_breaks_ends(self):
        writer = self.start_stream()
        reading, writing = os.pipe()
        with open(writing, 'wb') as pipe:
            reader = self.start_follower(stdout=pipe)
        writer.send('one\n')
        self.assertEqual(os.read(reading, 100), b'%d: one\n' % writer.pid)
        with FORKING:
            os.close(reading)
        writer.send('two\n')
        self.assert_refused(reader.result(), FAILED, 'Broken pipe')


@of_each(reader=READERS)
class Signals(TestCase):
    def test_a_reader_dies_of_the_signal_it_gets(self):
        self.start_writer('-m', 'Hello')
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            waiting = self.start_reader('-w', key=self.new_key())
            waiting.wait_for('Attempting to connect')
            following = self.start_follower()
            if number == signal.SIGINT or self.medium is SEGMENT:
                following.wait_for('Hello\n')
            for reader in waiting, following:
                reader.wait_for_state('S')
                reader.signal(number)
                result = reader.result()
                self.assertEqual((result.status, result.err), (-number, ''), result)


@of_each(reader=READERS)
class NoWriter(TestCase):
    def test_a_message_left_behind_is_shown_with_a_warning(self):
        writer = self.start_writer('-m', 'testament')
        writer.kill()
        self.assert_warned(self.read(), self.key, 'no writer is alive', f'process {writer.pid}',
                           out=self.story(b'testament', writer.pid))

    def test_a_set_of_more_semaphores_can_be_counted_too(self):
        new_set(self.set_key, 3)
        self.leave_behind()
        self.assert_warned(self.read('-r'), 'no writer is alive')
