"""Wrong usage: status 2, a reason, nothing touched."""
from support import C_READER, NOTHING_YET, OfBothReaders, PYTHON_READER, TestCase, USAGE, WRITER

BAD_KEYS = ('', '12x', 'x', '0', '0x', '0x0', '00', '-1', '+5678', ' 5678', '5678 ', '5678\n',
            '1e3', '5_678', '99999999999', '4294967296', '0x100000000', '9' * 400, '٣', '0xg')


class BadUsage(TestCase):
    def check(self, program, *arguments):
        with self.subTest(program=program[-1], arguments=arguments):
            result = self.run_program(program, *arguments)
            self.assert_refused(result, USAGE)
            self.assertEqual(result.out, b'')
            return result

    def test_a_writer_refuses_every_bad_key(self):
        for key in BAD_KEYS:
            self.check(WRITER, '-k', key)

    def test_the_c_reader_refuses_every_bad_key(self):
        for key in BAD_KEYS:
            self.check(C_READER, '-k', key)

    def test_the_python_reader_refuses_every_bad_key(self):
        for key in BAD_KEYS:
            self.check(PYTHON_READER, f'--key={key}')

    def test_the_reason_is_given(self):
        for program in (WRITER, C_READER, PYTHON_READER):
            self.assertIn("'12x' is not a number", self.check(program, '-k', '12x').err)
            self.assertIn('IPC_PRIVATE', self.check(program, '-k', '0').err)
            self.assertIn('too large', self.check(program, '-k', '99999999999').err)

    def test_a_missing_argument_is_refused(self):
        for program in (WRITER, C_READER, PYTHON_READER):
            self.check(program, '-k')
            self.check(program, '--key')

    def test_unknown_options_and_stray_arguments_are_refused(self):
        for program in (WRITER, C_READER, PYTHON_READER):
            for words in (['-Z'], ['--nope'], ['stray'], [''], ['-'], ['--', '-r'], ['--help=x'],
                          ['-k', self.key, 'stray']):
                self.check(program, *words)
        self.assert_nothing_left()

    def test_a_writer_refuses_every_bad_mode(self):
        for mode in ('999', '', '0', '8', '0400', '0200', '01666', '1000', '1666', '7777', '66666',
                     '0o666', 'rw', '-1', '+666', ' 666', '66x'):
            self.check(WRITER, '-k', self.key, '-p', mode)
        self.assert_nothing_left()

    def test_readers_refuse_every_bad_waiting_time(self):
        for reader in (C_READER, PYTHON_READER):
            for time in ('1x', '-1', '', 'nan', 'inf', '1e3', '.5', '1..', '1.5.', ' 1', '+1',
                         '9' * 400):
                self.check(reader, '-k', self.key, f'--wait={time}')

    def test_message_and_stream_exclude_each_other(self):
        self.check(WRITER, '-k', self.key, '-s', '-m', 'text')
        self.assert_nothing_left()

    def test_a_message_over_899_bytes_is_refused_with_both_numbers(self):
        for message, size in (('x' * 900, 900), ('ü' * 450, 900), ('x' * 100000, 100000)):
            result = self.check(WRITER, '-k', self.key, '-m', message)
            self.assert_says(result, size, 899)
        self.assert_nothing_left()


class Options(OfBothReaders):
    def test_a_waiting_time_may_be_attached_or_a_fraction(self):
        for option in '-w0', '-w0.01', '-w0.', '--wait=0', '--wait=0.01':
            self.assert_status(self.read(option), NOTHING_YET)

    def test_a_waiting_time_may_be_a_word_of_its_own(self):
        for option in '-w', '--wait':
            self.assert_refused(self.read(option, '0.01'), NOTHING_YET)
            self.assert_refused(self.read(option, '1x'), USAGE)
            self.assert_refused(self.read(option, 'x'), USAGE)

    def test_waiting_without_a_time_may_come_before_another_option(self):
        self.start_writer('-m', 'Hello')
        for option in '-w', '--wait':
            self.assert_done(self.read(option, '-r'), b'Hello\n')

    def test_options_of_one_letter_may_stand_together(self):
        self.start_writer('-m', 'Hello')
        self.assert_done(self.run_program(self.reader, f'-rk{self.key}'), b'Hello\n')

    def test_a_long_option_may_be_shortened(self):
        self.start_writer('-m', 'Hello')
        self.assert_done(self.run_program(self.reader, '--ra', f'--ke={self.key}'), b'Hello\n')


Options.make(globals())
del Options
