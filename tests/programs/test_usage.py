"""Command lines. Wrong usage: status 2, a reason, nothing touched. In C and Python alike."""
import re
import sys

from support import (
    NOTHING_YET, PYTHON_QUEUE_READER, PYTHON_READER, PYTHON_WRITER, READERS, TOP, TestCase, USAGE,
    WRITERS, of_each)
from test_agreement import Agreement

KEYS = ('', '12x', 'x', '0', '0x', '0x0', '00', '-1', '+5678', ' 5678', '5678 ', '5678\n', '1e3',
        '5_678', '99999999999', '4294967296', '0x100000000', '9' * 400, '٣', '0xg')
MODES = ('999', '', '0', '8', '0400', '0200', '01666', '1000', '1666', '7777', '66666', '0o666',
         'rw', '-1', '+666', ' 666', '66x')
TIMES = ('1x', '-1', '', 'nan', 'inf', '1e3', '.5', '1..', '1.5.', ' 1', '+1', '9' * 400)


@of_each(program=[*WRITERS, *READERS])
class BadUsage(TestCase):
    def check(self, *arguments):
        result = self.run_program(self.program, *arguments)
        self.assert_refused(result, USAGE, f"\nTry '{self.program.name} --help'.\n")
        self.assertEqual((result.out, result.err.count('\n')), (b'', 2), result)
        return result

    def test_the_reason_is_given(self):
        for key, reason in (('12x', "'12x' is not a number"), ('0', 'IPC_PRIVATE'),
                            ('99999999999', 'too large')):
            self.assertIn(reason, self.check('-k', key).err)
        hint = '; share a text with --message=TEXT' if self.program in WRITERS else ''
        self.assertIn(f"unexpected argument 'hello'{hint}\n", self.check('hello').err)

    def test_missing_arguments_unknown_options_and_stray_arguments_are_refused(self):
        for words in (['-k'], ['--key'], ['-Z'], ['--nope'], [''], ['-'], ['--', '-r'],
                      ['--help=x'], ['-k', self.key, 'stray']):
            self.check(*words)
        self.assert_nothing_left()


@of_each(program=[PYTHON_WRITER, PYTHON_QUEUE_READER])
class BadKeys(Agreement):
    def test_every_bad_key_is_refused(self):
        for key in KEYS:
            self.assert_refused_alike('-k', key)


@of_each(program=[PYTHON_READER])
class BadTimes(Agreement):
    def test_every_bad_time_is_refused(self):
        for time in TIMES:
            self.assert_refused_alike(f'--timeout={time}')


@of_each(program=[PYTHON_WRITER])
class BadWriting(Agreement):
    def test_every_bad_mode_is_refused(self):
        for mode in MODES:
            self.assert_refused_alike('-p', mode)

    def test_a_message_over_899_bytes_is_refused(self):
        for message in 'x' * 900, 'ü' * 450, 'x' * 100000:
            self.assert_refused_alike('-m', message)

    def test_message_and_stream_exclude_each_other(self):
        self.assert_refused_alike('-s', '-m', 'text')


@of_each(reader=READERS)
class Options(TestCase):
    def test_a_time_may_be_attached_a_word_of_its_own_or_a_fraction(self):
        for option in (['-t0'], ['-t0.01'], ['-t0.'], ['--timeout=0'], ['-t', '0.01'],
                       ['--timeout', '0'], ['-wt', '0'], ['-t0', '-w']):
            self.assert_refused(self.read(*option), NOTHING_YET)

    def test_wait_takes_no_time(self):
        for words in ['--wait=0'], ['-w0'], ['-w', '0']:
            self.assert_refused(self.read(*words), USAGE)

    def test_options_of_one_letter_may_stand_together_and_long_ones_be_shortened(self):
        for options in [f'-rk{self.key}'], ['--ra', f'--ke={self.key}']:
            self.start_writer('-m', 'Hello')
            self.assert_done(self.run_program(self.reader, *options), b'Hello\n')


OPTION = r'(?:-(\w), |    +)?--([a-z]+)(=[A-Z]+)?'


def options_of(lines):
    """{(letter, name, argument)} of what begins like an option."""
    return {match.groups('') for match in (re.match(' *' + OPTION, line) for line in lines) if match}


class SameOptions(TestCase):
    """README's table, --help, and the tables from which C and Python read them."""

    def test_readme_help_and_both_languages_know_the_same_options(self):
        rows = (TOP / 'README.md').read_text(encoding='utf-8').partition('| writers |')[2]
        cells = [row.split('|')[1:] for row in rows.partition('\n\n')[0].splitlines()[2:]]
        both = {('h', 'help', ''), ('V', 'version', '')}
        source = (TOP / 'src/cli/options.c').read_text(encoding='utf-8')
        sys.path.insert(1, str(TOP / 'scripts'))
        from pair.cli import options
        for number, (commands, python) in enumerate(((WRITERS, options.WRITER),
                                                     (READERS, options.READER))):
            readme = both | options_of(row[2 * number].strip('` ') for row in cells)
            for command in commands:
                text = self.run_program(command, '--help').out.decode()
                self.assertEqual(options_of(text.splitlines()), readme, command)
            names = {name + argument[:1] for _, name, argument in readme}
            letters = {letter + argument[:1].replace('=', ':') for letter, _, argument in readme}
            c = source.split('known[] = {')[1 + number].partition('};')[0]
            self.assertEqual({name + '=' * (kind == 'required') for name, kind in
                              re.findall(r'{"(\w+)", (\w+)_argument', c)}, names)
            self.assertEqual(set(python[1]), names)
            for short in python[0], re.findall(r'getopt_long\(argc, argv, "(.*?)"', source)[number]:
                self.assertEqual(set(re.findall('.:?', short)), letters - {''})
