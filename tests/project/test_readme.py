"""What README.md shows is what happens. Its blocks say what they are:

```console  A session in one shell, run as a whole: behind "$ " the commands, behind "> " how
            they go on, in between what they print, on stdout and stderr together. What differs
            from run to run is left out of the comparison: IDs, pids, the user's name, blanks.
```sh       Commands by themselves, each has to succeed; but `make test`, which runs this.
```c        A program; its first line, a comment, is the command that compiles it. "PID: Hello" is
            what it prints.
| terminal 1 … | terminal 2 … |   A conversation: what is typed in one appears in the other.

All of it happens in a copy of the checkout, in an IPC namespace: nobody else's keys are touched.
"""
import os
import re
import shutil
import signal
import sys

from support import CHANNEL, DONE, TOP, TestCase, apart, slow, wait_until, works

README = (TOP / 'README.md').read_text(encoding='utf-8')
INCLUDE = (TOP / 'include/README.md').read_text(encoding='utf-8')
ALIKE = [(r'ID: \d+', 'ID: N'), (r'^ +\d+ (?=[ab]$)', 'N '), (r'after \d+ reads: .*', 'after N'),
         (r'(segment|process) \d+', r'\1 N'), (r'^\d+: ', 'N: '),
         (r'^(0x\w{8}) \d+ +\S+', r'\1 N USER'), (r'\s+', ' ')]


OWN_C = r'''
#include "channel.h"
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char *argv[]) {
    struct channel channel;
    struct message message;
    unsigned key = (unsigned)strtoul(argc > 1 ? argv[1] : "", NULL, 10);
    if (argv[2][0] == 'w') {
        if (channel_join(&channel, key, 0600) < 0 ||
            channel_publish(&channel, "Hello", 5, 36.6, 7) < 0)
            return perror("own"), 1;
        puts("written");
        return fflush(stdout) != 0 || getchar() != EOF || channel_leave(&channel) < 0;
    }
    if (channel_attach(&channel, key) < 0 || channel_read(&channel, &message) != MESSAGE_WHOLE)
        return perror("own"), 1;
    printf("%.1f %d %s\n", message.temperature, message.count, message.message);
    return 0;
}
'''
OWN_PYTHON = '''
import sys
sys.path.insert(0, 'scripts')
from pair.channel import Channel
key = int(sys.argv[1])
if sys.argv[2] == 'write':
    with Channel.join(key, 0o600) as channel:
        channel.publish(b'Hello', temperature=36.6, count=7)
        print('written', flush=True)
        sys.stdin.read()
else:
    message = Channel.attach(key).read()
    print(f'{message.data.temperature:.1f}', message.data.count, message.text.decode())
'''


def blocks(kind, text=README):
    """The blocks of this kind, each a list of lines."""
    found = re.findall(rf'^```{kind}\n(.*?)^```', text, re.DOTALL | re.MULTILINE)
    return [block.splitlines() for block in found]


def comparable(lines):
    """The lines without what differs from run to run, and what a shell says of its jobs."""
    for pattern, same in ALIKE:
        lines = [re.sub(pattern, same, line) for line in lines]
    return [line.rstrip() for line in lines if not re.match(r'\S*bash: line \d+: +\d+ \w+', line)]


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
        self.require_unshare()

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
            commands = [line[2:] for line in lines if line[:2] in ('$ ', '> ')]
            expected = [line for line in lines if line[:2] not in ('$ ', '> ')]
            result = self.shell('exec 2>&1\n' + '\n'.join(commands)).finish()
            self.assertEqual(comparable(result.out.decode().splitlines()), comparable(expected),
                             result)

    @slow
    def test_the_commands_succeed(self):
        commands = [line.partition(' # ')[0].strip() for lines in blocks('sh') for line in lines]
        self.assertIn('make run', commands)
        for command in commands:
            if command != 'make test':
                result = self.shell(command).finish()
                self.assertEqual(result.status, DONE, result)

    def test_the_example_compiles_and_runs(self):
        example, = blocks('c')
        (self.place / 'example.c').write_text('\n'.join(example) + '\n', encoding='utf-8')
        command = re.fullmatch(r'/\* (.*) \*/', example[0])[1]
        result = self.shell(f'{command} && exec ./example').finish()
        self.assertEqual((result.status, result.err), (DONE, ''), result)
        self.assertRegex(result.out.decode(),
                         r'\A\d+: Hello\nnothing newer, and a writer is alive\n\Z')

    def test_the_example_in_python_runs(self):
        example, = blocks('python', INCLUDE)
        result = self.run_program([sys.executable, '-c', '\n'.join(example)],
                                  cwd=self.place / 'scripts')
        self.assertEqual((result.status, result.err), (DONE, ''), result)
        self.assertRegex(result.out.decode(), r'\A\d+ Hello\nQUIET\n\Z')

    def test_the_reader_in_perl_reads(self):
        self.require(shutil.which('perl'), 'there is no perl')
        code = re.search(r'A reader in Perl\? \| `(.*?)` \|', INCLUDE)[1]
        writer = self.start_writer('-m', 'Hello')
        self.assert_done(self.run_program(
            ['perl', '-e', code.replace('5678', str(self.key)) + r'; print "$pid $text $ready\n"']),
            f'{writer.pid} Hello 1\n'.encode())

    def test_a_struct_of_your_own_goes_both_ways_in_64_and_32_bits(self):
        """The worked example of include/README.md, applied to a copy."""
        self.require(shutil.which('patch'), 'this takes patch')
        difference, = blocks('diff', INCLUDE)
        (self.place / 'diff').write_text('\n'.join(difference) + '\n', encoding='utf-8')
        self.assert_done(self.run_program(['patch', '-s', '-p1', '-i', 'diff'], cwd=self.place))
        (self.place / 'own.c').write_text(OWN_C, encoding='utf-8')
        for bits in '-m64', '-m32':
            if not works(['sh', '-c', 'echo "int main(void) { return 0; }" >any.c && '
                          f'cc {bits} -include stdio.h any.c -o any && ./any'], cwd=self.place):
                continue  # this machine has no such programs
            self.assert_done(self.run_program(
                ['cc', bits, '-std=c11', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-Iinclude',
                 '-o', f'own{bits}', 'own.c', *CHANNEL], cwd=self.place))
            python = [sys.executable, '-c', OWN_PYTHON]
            for writer, reader in [[f'./own{bits}'], python], [python, [f'./own{bits}']]:
                writing = self.start([*writer, self.key, 'write'], cwd=self.place)
                writing.wait_for('written')
                result = self.run_program([*reader, self.key, 'read'], cwd=self.place)
                self.assert_done(result, b'36.6 7 Hello\n')
                self.assert_done(writing.finish())
        self.start_writer(cwd=self.place)
        self.assert_refused(self.run_program([*python, self.key, 'read'], cwd=self.place), 1,
                            'File exists')

    def test_the_conversation_is_held(self):
        table = README.partition('| terminal 1')[2].partition('\n\n')[0].splitlines()
        columns = re.findall('`(.*?)`', table[2])
        for number, commands in enumerate(columns, 1):
            (self.place / f'terminal{number}').write_text(commands, encoding='utf-8')
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
        for path in re.findall(r'\]\(([^)#:]+)\)', README + INCLUDE):
            self.assertTrue((TOP / path).exists(), path)
