"""What README.md shows is what happens. Its blocks say what they are:

```console  A session in one shell, run as a whole: behind "$ " the commands, behind "> " how
            they go on, in between what they print, on stdout and stderr together. What differs from run to run is left out of the
            comparison: IDs, pids, addresses, the user's name, blanks. Lines of strace(1) are only
            looked for: how many there are is up to the clock.
```sh       Commands by themselves, each has to succeed; but `make test`, which runs this.
```text     Lines that those print one after the other.
```c        A program; its first line, a comment, is the command that compiles it. "PID: Hello" is
            what it prints.
| terminal 1 … | terminal 2 … |   A conversation: what is typed in one appears in the other.

All of it happens in a copy of the checkout, in an IPC namespace: nobody else's keys are touched.
"""
import os
import re
import signal
import sys

from support import DONE, PLATFORM, TOP, TestCase, apart, slow, wait_until, works

README = (TOP / 'README.md').read_text(encoding='utf-8')
ALIKE = [(r'ID: \d+', 'ID: N'), (r'^ +\d+ (?=[ab]$)', 'N '), (r'after \d+ reads: .*', 'after N'),
         (r'(segment|process|CONT) \d+', r'\1 N'), (r'^\d+: ', 'N: '),
         (r'^(0x\w{8}) \d+ +\S+', r'\1 N USER'), (r'\(0x[0-9a-f]+', '(ADDRESS'), (r'\s+', ' ')]


def blocks(kind):
    """The blocks of this kind, each a list of lines."""
    found = re.findall(rf'^```{kind}\n(.*?)^```', README, re.DOTALL | re.MULTILINE)
    return [block.splitlines() for block in found]


def comparable(lines):
    """(ordinary lines, those of strace), without what differs from run to run; and without what a
    shell says of its jobs."""
    usual, traced = [], set()
    for line in lines:
        for pattern, same in ALIKE:
            line = re.sub(pattern, same, line)
        if re.match(r'\w+\(.*\) += |\+\+\+ ', line):
            traced.add(line)
        elif not re.match(r'\S*bash: line \d+: +\d+ \w+', line):
            usual.append(line.rstrip())
    return usual, traced


class Readme(TestCase):
    def setUp(self):
        super().setUp()
        self.place = self.copy_of_checkout('Makefile', 'README.md', 'include', 'src', 'scripts',
                                           'tests', 'writer', 'reader', 'build/flags', 'build/obj',
                                           'build/queue_writer', 'build/queue_reader')
        path = self.temporary_directory()
        (path / 'python3').write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding='utf-8')
        (path / 'python3').chmod(0o755)
        self.environment = {**os.environ, 'PATH': f'{path}:{os.environ["PATH"]}',
                            'PYTHON': sys.executable}
        self.require(works([*apart(), 'true']), 'this takes unshare, and the right to use it')

    def shell(self, script, **options):
        program = self.start([*apart(), 'bash', '-c', script], cwd=self.place,
                             env=self.environment, start_new_session=True, **options)
        self.addCleanup(self.end_all, program)
        return program

    @staticmethod
    def end_all(program):
        try:
            os.killpg(program.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    @slow
    def test_the_sessions_go_as_they_are_shown(self):
        sessions = blocks('console')
        self.assertTrue(sessions)
        for lines in sessions:
            if any('strace' in line for line in lines):
                self.require(PLATFORM == 'linux' and works(['strace', '-o', '/dev/null', 'true']),
                             'there is no strace, or nothing for it to show')
            commands = [line[2:] for line in lines if line[:2] in ('$ ', '> ')]
            expected, traced = comparable(line for line in lines if line[:2] not in ('$ ', '> '))
            result = self.shell('exec 2>&1\n' + '\n'.join(commands)).finish()
            usual, seen = comparable(result.out.decode().splitlines())
            self.assertEqual(usual, expected, result)
            self.assertLessEqual(traced, seen)

    @slow
    def test_the_commands_succeed_and_print_what_is_shown(self):
        commands = [line.partition(' # ')[0].strip() for lines in blocks('sh') for line in lines]
        self.assertIn('make run', commands)
        out = []
        for command in commands:
            if command != 'make test':
                result = self.shell(command).finish()
                self.assertEqual(result.status, DONE, result)
                out += result.out.decode().splitlines()
        for lines in blocks('text'):
            self.assertIn('\n'.join(comparable(lines)[0]), '\n'.join(comparable(out)[0]))

    def test_the_example_compiles_and_runs(self):
        example, = blocks('c')
        (self.place / 'example.c').write_text('\n'.join(example) + '\n', encoding='utf-8')
        command = re.fullmatch(r'/\* (.*) \*/', example[0])[1]
        result = self.shell(f'{command} && exec ./example').finish()
        self.assertEqual((result.status, result.err), (DONE, ''), result)
        self.assertRegex(result.out.decode(),
                         r'\A\d+: Hello\nnothing newer, and a writer is alive\n\Z')

    def test_the_conversation_is_held(self):
        table = README.partition('| terminal 1')[2].partition('\n\n')[0].splitlines()
        columns = zip(*filter(None, (re.findall('`(.*?)`', line) for line in table)))
        for number, commands in enumerate(columns, 1):
            (self.place / f'terminal{number}').write_text('\n'.join(commands), encoding='utf-8')
            os.mkfifo(self.place / f'typed{number}')
        both = self.shell('for i in 1 2; do bash terminal$i <typed$i >shown$i 2>&1 & done; wait')

        def wait_for(number, text):
            shown = self.place / f'shown{number}'
            wait_until(lambda: shown.exists() and text in shown.read_text(encoding='utf-8'), text)

        with open(self.place / 'typed1', 'w', buffering=1, encoding='utf-8') as first, \
                open(self.place / 'typed2', 'w', buffering=1, encoding='utf-8') as second:
            for number in 1, 2:
                wait_for(number, 'Sending every line')
            for said in 'one', 'two':
                first.write(f'first says {said}\n')
                wait_for(2, f': first says {said}\n')
                second.write(f'second says {said}\n')
                wait_for(1, f': second says {said}\n')
        self.assertEqual(both.result().status, DONE)
        for number in 1, 2:
            wait_for(number, 'Messages sent: 2\nMessage queue removed')

    def test_every_file_that_is_linked_exists(self):
        for path in re.findall(r'\]\(([^)#:]+)\)', README):
            self.assertTrue((TOP / path).exists(), path)
