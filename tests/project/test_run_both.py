"""scripts/run_both.sh and scripts/python.sh."""
import os
import pathlib
import re
import shlex
import shutil
import signal
import sys

from support import (
    C_READER, DONE, FAILED, NOBODY, QUEUE_WRITER, THIRD, TOP, TestCase, USAGE, WRITER, objects_of,
    remove_objects, wait_until, works)

SCRIPT = [str(TOP / 'scripts' / 'run_both.sh')]
FIND = [str(TOP / 'scripts' / 'python.sh')]
SHELLS = ['sh', 'dash', 'bash', 'busybox sh', 'yash']

# What finds the module, and then can't run a reader.
USELESS_PYTHON = '[ "$1" = -c ] && exec echo "$0"\n'


class ScriptTestCase(TestCase):
    def fake(self, path, *lines):
        """A command for a script to find."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(['#!/bin/sh', *lines, '']), encoding='utf-8')
        path.chmod(0o755)
        return path


class RunBoth(ScriptTestCase):
    """With --key, so as not to disturb who uses 5678."""

    def setUp(self):
        super().setUp()
        self.directory = self.temporary_directory()
        # The script's make shall build with the flags of ours, but not wait for its jobs.
        flags = re.sub(r' -j\d*| --jobserver-\S+', '', os.environ.get('MAKEFLAGS', ''))
        self.environment = dict(os.environ, PYTHON=sys.executable, TMPDIR=str(self.directory),
                                MAKEFLAGS=flags)

    def start_both(self, *arguments, script=None, key=None, **options):
        return self.start([*(script or SCRIPT), '--key', str(key or self.key)], *arguments,
                          env={**self.environment, **options.pop('env', {})}, **options)

    def run_both(self, *arguments, **options):
        return self.start_both(*arguments, **options).finish()

    def assert_clean(self):
        self.assert_nothing_left()
        self.assertEqual(os.listdir(self.directory), [])

    def assert_agreed(self, result):
        self.assert_done(result)
        self.assertIn(b'##### Writers and readers agree.\n', result.out)
        self.assert_clean()

    def assert_key_refused(self, result, *parts):
        self.assert_status(result, FAILED)
        self.assert_says(result, f'run_both.sh: key {self.key} cannot be used: ', *parts)

    def test_it_shows_c_to_c_and_python_and_with_both_python_to_c(self):
        for medium in [], ['--queue']:
            for both in [], ['--both']:
                result = self.run_both(*medium, *both)
                self.assert_agreed(result)
                readers = re.findall(rb'=== (C|Python) Program - .*\n', result.out)
                self.assertEqual(readers, [b'C', b'Python', b'C'] if both else [b'C', b'Python'])
                self.assertEqual(result.out.count(b'\nHello from Python Process!\n'),
                                 2 if both else 0, result)

    def test_it_runs_in_every_shell(self):
        for shell in SHELLS:
            if shutil.which(shell.split()[0]):
                self.assert_agreed(self.run_both('--queue', script=[*shell.split(), *SCRIPT]))

    def test_its_usage(self):
        for arguments in ['--nonsense'], ['--queue', 'x'], ['--key'], ['--key=']:
            self.assert_status(self.run_both(*arguments), USAGE)
        self.assert_status(self.run_both(key='nonsense'), USAGE)

    def test_it_fails_if_a_step_does(self):
        python = self.fake(self.temporary_directory() / 'python', USELESS_PYTHON + 'exit 9')
        result = self.run_both(env={'PYTHON': str(python)})
        self.assert_status(result, FAILED)
        self.assert_says(result, f'run_both.sh: {python} scripts/reader.py', 'failed (status 9)')
        self.assert_clean()

    def test_it_fails_if_a_reader_shows_another_message(self):
        """Though it may know the writer's process ID."""
        shows = f'{shlex.join(C_READER)} "$2" | sed s/communication/misunderstanding/'
        for does in shows, 'exit 3':  # or none, because the writer was removed, say
            python = self.fake(self.temporary_directory() / 'python', USELESS_PYTHON + does)
            self.assert_key_refused(self.run_both(env={'PYTHON': str(python)}),
                                    "the reader didn't show the writer's message")
            self.assert_clean()

    def test_it_is_found_through_a_symbolic_link(self):
        link = self.temporary_directory() / 'link'
        link.symlink_to(SCRIPT[0])
        self.assert_agreed(self.run_both(script=[str(link)], cwd='/'))

    def test_it_says_which_python_it_used_and_how_to_make_that_the_users(self):
        result = self.run_both()
        self.assertIn(f'The Python programs ran in {sys.executable}\n', result.out.decode())
        without = self.temporary_directory()
        self.fake(without / 'python3', 'exit 1')
        result = self.run_both(env={'PATH': f'{without}:{os.environ["PATH"]}'})
        self.assertIn(f"\n    alias python3='{sys.executable}'\n", result.out.decode())
        self.assert_agreed(result)

    def test_without_a_python_it_shows_the_c_half(self):
        for arguments in [], ['--queue', '--both']:
            result = self.run_both(*arguments, env={'PYTHON': '/bin/false'})
            self.assert_status(result, FAILED)
            self.assertIn(b'=== C Program Output ===\nSuccessfully read ', result.out)
            self.assert_says(result, 'python.sh: $PYTHON (/bin/false) has no module sysv_ipc')
            self.assert_clean()

    def test_it_ends_if_nobody_reads_what_it_prints(self):
        self.assertNotEqual(self.run_both(stdout=self.broken_pipe()).status, DONE)
        self.assert_clean()

    def test_it_cleans_up_when_it_is_interrupted_while_a_reader_hangs(self):
        hangs = self.temporary_directory() / 'hangs'
        python = self.fake(hangs.parent / 'python', USELESS_PYTHON + f': >{hangs}; exec sleep 600')
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP:
            script = self.start_both(env={'PYTHON': str(python)}, start_new_session=True)
            wait_until(hangs.exists, 'the reader hangs')
            os.killpg(script.pid, number)  # as Ctrl-C does it
            self.assert_status(script.result(), 128 + number)
            self.assert_clean()
            hangs.unlink()

    def test_a_key_that_a_living_writer_uses_is_left_to_it(self):
        for arguments, command in ([], WRITER), (['--queue'], QUEUE_WRITER):
            writer = self.start_writer(command=command)
            self.assert_key_refused(self.run_both(*arguments), 'another writer is alive')
            self.assertIn(f'ID: {writer.pid}\n'.encode(),
                          self.read(command=[command[0].replace('writer', 'reader')]).out)
            self.assert_done(writer.finish())
            self.assert_clean()

    def test_a_strangers_segment_is_left_alone(self):
        stranger = self.new_segment(b'precious')
        self.assert_key_refused(self.run_both(), 'is not ours')
        self.assertEqual(stranger.read(), b'precious')

    def test_what_a_killed_writer_left_is_removed(self):
        for arguments, command in ([], WRITER), (['--queue'], QUEUE_WRITER):
            self.start_writer(command=command).kill()
            result = self.run_both(*arguments)
            self.assert_status(result, DONE)
            self.assert_says(result, 'was left behind by an earlier writer')
            self.assert_clean()

    def test_several_at_once_do_not_disturb_each_other(self):
        runs = [self.start_both('--queue') for _ in range(3)]
        for result in [run.finish() for run in runs]:
            if result.status == DONE:
                self.assertIn(b'Writers and readers agree.', result.out)
            else:
                self.assert_key_refused(result)
        self.assert_clean()

    def test_where_5678_is_in_use_each_takes_another_key(self):
        try:
            writer = self.start_stream(key=5678)  # silent, so as to replace nobody's message
            self.addCleanup(writer.finish)
        except AssertionError:
            pass  # it can't even join
        runs = [self.start(SCRIPT, env=self.environment) for _ in range(2)]
        keys = set()
        for result in [run.finish() for run in runs]:
            self.assert_status(result, DONE)
            said = re.search('key 5678 cannot be used: .*; taking key (0x5[0-9a-f]{6})\n',
                             result.err)
            self.assertIsNotNone(said, result)
            keys.add(int(said[1], 16))
        self.assertEqual(len(keys), 2)
        self.assertEqual([objects_of(key) for key in keys], [[], []])

    def test_another_users_leftovers_and_private_objects_are_not_ours(self):
        self.require(os.geteuid() == 0, 'only root can run programs as other users')
        place = self.copy_of_checkout('writer', 'build/queue_writer', 'scripts')
        self.directory.chmod(0o777)
        (place / 'Makefile').write_text('all:\n', encoding='ascii')
        nobody, third = ({'user': number, 'group': number, 'extra_groups': []}
                         for number in (NOBODY, THIRD))
        script = [str(place / 'scripts' / 'run_both.sh')]
        self.require(works([*script, '--help'], **third), 'other users cannot run programs here')
        for arguments, name in ([], 'writer'), (['--queue'], 'build/queue_writer'):
            for mode in '0600', '0666':
                writer = self.start_writer('--mode', mode, command=[str(place / name)], **nobody)
                if mode == '0666':
                    writer.kill()
                before = objects_of(self.key)
                self.assert_key_refused(self.run_both(*arguments, script=script, **third),
                                        'another user', 'the writer was refused')
                self.assertEqual(objects_of(self.key), before)
                writer.finish()
                remove_objects(self.key)


class FindPython(TestCase):
    def test_a_cdpath_does_not_disturb(self):
        result = self.run_program(['scripts/python.sh'], cwd=TOP,
                                  env=dict(os.environ, CDPATH='.', PYTHON=''))
        self.assertEqual(len(result.out.splitlines()), 1, result)

    def test_the_python_that_the_user_names_is_taken_if_it_has_the_module(self):
        result = self.run_program(FIND, env=dict(os.environ, PYTHON=sys.executable))
        self.assert_done(result)
        self.assertTrue(os.path.samefile(result.out.decode().strip(), sys.executable), result)

    def test_the_python_that_the_user_names_is_refused_if_it_lacks_the_module(self):
        for python in '/bin/false', '/nonexistent':
            result = self.run_program(FIND, env=dict(os.environ, PYTHON=python))
            self.assert_status(result, FAILED)
            self.assert_says(result, f'$PYTHON ({python}) has no module sysv_ipc')
            self.assertEqual(result.out, b'')


class SetUpPython(ScriptTestCase):
    """A copy of python.sh on a machine that we make up: commands that pretend, and no others."""

    PYPI = 'python.sh: no Python here has sysv_ipc: installing it from PyPI in build/venv\n'
    APT = 'python.sh: installing the package python3-sysv-ipc\n'
    USABLE = '*"import sys, sysv_ipc"*) echo "$0" ;;'

    def setUp(self):
        super().setUp()
        self.place = self.temporary_directory()
        self.bin, self.venv = self.place / 'bin', self.place / 'build/venv'
        self.system = self.place / 'usr/python3'  # plays /usr/bin/python3
        script = pathlib.Path(FIND[0]).read_text(encoding='utf-8')
        self.script = self.fake(self.place / 'scripts/python.sh',
                                script.replace('/usr/bin/python3', str(self.system)))
        self.bin.mkdir()
        for name in ('cp', 'dirname', 'grep', 'mkdir', 'readlink', 'rm', 'sed', 'sleep', 'tail',
                     'touch'):
            (self.bin / name).symlink_to(shutil.which(name))
        self.fake(self.bin / 'id', 'echo 1000')

    def python(self, path, *cases):
        """A Python that understands what it is asked in these cases, and fails otherwise."""
        return self.fake(path, 'case "$*" in', *cases,
                         f'*fcntl*) touch {self.place}/locks.$PPID; exec {sys.executable} "$@" ;;',
                         '*) echo "cannot $*" >&2; exit 1 ;;', 'esac')

    def python_with_venv(self, pip):
        """A Python that makes a venv, in which pip does this."""
        self.python(self.place / 'in_venv', f'"-m pip install "*) {pip} ;;',
                    f'*"import sys, sysv_ipc"*) [ -e {self.place}/installed ] && echo "$0" ;;')
        self.python(self.bin / 'python3', '"-m venv "*) mkdir -p build/venv/bin; '
                    f'cp {self.place}/in_venv build/venv/bin/python ;;')

    def start_script(self, **options):
        return self.start([self.script], env={'PATH': str(self.bin)}, **options)

    def assert_found(self, python, err=''):
        result = self.start_script().finish()
        self.assert_done(result, f'{python}\n'.encode(), err)

    def assert_advice(self, *advice, head='no Python here has sysv_ipc', story=''):
        result = self.start_script().finish()
        self.assert_status(result, FAILED)
        lines = [f'{head}; do one of these, and try again:', *(f'    {line}' for line in advice),
                 '    set PYTHON to a Python that has sysv_ipc']
        self.assertEqual(result.err, story + ''.join(f'python.sh: {line}\n' for line in lines))
        self.assertEqual(result.out, b'')
        self.assertFalse(self.venv.exists())

    def test_the_first_one_that_has_the_module_is_taken(self):
        self.python(self.venv / 'bin/python', self.USABLE)
        self.python(self.bin / 'python3')
        self.assert_found('build/venv/bin/python')
        self.python(self.system, self.USABLE)
        self.assert_found(self.system)
        self.python(self.bin / 'python3', self.USABLE)
        self.assert_found(self.bin / 'python3')

    def test_a_venv_is_made_and_said_in_one_line(self):
        self.python_with_venv(pip=f'echo noise; touch {self.place}/installed')
        self.assert_found('build/venv/bin/python', self.PYPI)
        self.assert_found('build/venv/bin/python')

    def test_nothing_is_installed_because_nobody_reads_the_answer(self):
        self.python(self.bin / 'python3', self.USABLE)
        result = self.start_script(stdout=self.broken_pipe()).finish()
        self.assertNotEqual(result.status, DONE)
        self.assertNotIn('installing', result.err)

    def test_half_a_venv_is_made_anew(self):
        self.python(self.venv / 'bin/python')
        self.test_a_venv_is_made_and_said_in_one_line()

    def test_without_a_network_it_says_why_and_what_helps_here(self):
        self.python_with_venv(pip='echo noise; echo; echo no network; false')
        story = self.PYPI + '    noise\n    no network\n'
        self.assert_advice(story=story)
        self.fake(self.bin / 'apt-get', 'exit 9')
        self.assert_advice('sudo apt install python3-sysv-ipc', story=story)

    def test_pip_is_advised_only_where_it_may_install(self):
        self.python(self.bin / 'python3', '*EXTERNALLY-MANAGED*) ;;')
        self.fake(self.bin / 'apt-get', 'exit 9')
        self.assert_advice('sudo apt install python3-sysv-ipc', 'python3 -m pip install sysv_ipc',
                           story=f'{self.PYPI}    {self.bin}/python3 cannot make a virtual environment\n')

    def test_without_any_python_it_says_so(self):
        self.assert_advice(head='there is no python3 here')
        self.fake(self.bin / 'apt-get', 'exit 9')
        self.assert_advice('sudo apt install python3-sysv-ipc', head='there is no python3 here')

    def test_as_root_the_package_is_installed_and_said_in_one_line(self):
        self.fake(self.bin / 'id', 'echo 0')
        ready = self.python(self.place / 'ready', self.USABLE)
        self.fake(self.bin / 'apt-get', f'echo noise; mkdir -p usr; cp {ready} {self.system}')
        self.assert_found(self.system, self.APT)
        self.system.unlink()
        self.python(self.bin / 'python3')
        self.assert_found(self.system, self.PYPI + self.APT)

    def test_as_root_it_says_why_the_package_was_not_installed(self):
        self.fake(self.bin / 'id', 'echo 0')
        self.fake(self.bin / 'apt-get', 'echo no network; exit 100')
        self.assert_advice('sudo apt install python3-sysv-ipc', head='there is no python3 here',
                           story=self.APT + '    no network\n')

    def test_of_two_at_once_one_waits_for_the_other(self):
        self.python_with_venv(pip=f'touch {self.place}/pip; while [ ! -e {self.place}/go ]; do '
                                  f'sleep 0.01; done; touch {self.place}/installed')
        runs = [self.start_script()]
        wait_until((self.place / 'pip').exists, 'the first one installs')
        runs.append(self.start_script())
        wait_until(lambda: len(list(self.place.glob('locks.*'))) == 2, 'the second one comes')
        (self.place / 'go').touch()
        results = [run.finish() for run in runs]
        for result in results:
            self.assert_status(result, DONE)
            self.assertEqual(result.out, b'build/venv/bin/python\n', result)
        self.assertEqual([result.err for result in results], [self.PYPI, ''])
