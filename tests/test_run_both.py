"""scripts/run_both.sh and scripts/python.sh. They use the key that everybody uses: 5678."""
import os
import pathlib
import signal
import sys

from support import DONE, FAILED, TOP, TestCase, USAGE, objects_of, wait_until

KEY = 5678
SCRIPT = [str(TOP / 'scripts' / 'run_both.sh')]
FIND = [str(TOP / 'scripts' / 'python.sh')]


class RunBoth(TestCase):
    def setUp(self):
        super().setUp()
        self.environment = dict(os.environ, PYTHON=sys.executable,
                                TMPDIR=str(self.temporary_directory()))
        self.require(not objects_of(KEY), 'key 5678 is in use')

    def run_both(self, *arguments, stdout_file=None, **environment):
        options = {'stdout': stdout_file} if stdout_file else {}
        return self.run_program(SCRIPT, *arguments, env={**self.environment, **environment},
                                **options)

    def assert_clean(self):
        self.assert_nothing_left(KEY)
        self.assertEqual(os.listdir(self.environment['TMPDIR']), [])

    def test_it_runs_all_three_over_both_media_and_cleans_up_whatever_happens(self):
        # One after the other: they share the key.
        for arguments in [], ['--queue']:
            result = self.run_both(*arguments)
            self.assert_done(result)
            self.assertIn(b'The writer and both readers agree.', result.out)
            for shown in b'=== C Program Output ===', b'=== Python Program Output ===':
                self.assertIn(shown, result.out)
            self.assert_clean()

        self.assert_status(self.run_both('--nonsense'), USAGE)
        self.assert_status(self.run_both('--queue', 'x'), USAGE)

        # A step that fails: a Python that finds the module, and then can't run the reader.
        fake = self.temporary_directory() / 'python'
        fake.write_text('#!/bin/sh\n[ "$1" = -c ] && exec echo "$0"\nexit 9\n', encoding='ascii')
        fake.chmod(0o755)
        result = self.run_both(PYTHON=str(fake))
        self.assert_status(result, FAILED)
        self.assert_says(result, 'run_both.sh: ', 'scripts/reader.py failed (status 9)')
        self.assert_clean()

        # Nobody reads what it prints.
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, 'wb') as pipe:
            self.assertNotEqual(self.run_both(stdout_file=pipe).status, DONE)
        self.assert_clean()

        # Interrupted while a reader hangs, as Ctrl-C does it: to the whole process group.
        ready = pathlib.Path(self.environment['TMPDIR']).parent / f'hangs.{os.getpid()}'
        self.addCleanup(lambda: ready.unlink() if ready.exists() else None)
        fake.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec echo "$0"\n: >{ready}\nexec sleep 60\n',
                        encoding='ascii')
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGQUIT:
            script = self.start(SCRIPT, env={**self.environment, 'PYTHON': str(fake)},
                                start_new_session=True)
            wait_until(ready.exists, 'the reader hangs')
            os.killpg(script.pid, number)
            self.assert_status(script.result(), 128 + number)
            self.assert_clean()
            ready.unlink()


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
        result = self.run_program(FIND, env=dict(os.environ, PYTHON='/bin/false'))
        self.assert_status(result, FAILED)
        self.assert_says(result, '/bin/false', 'sysv_ipc')

    def test_another_python_is_found_if_the_first_one_lacks_the_module(self):
        directory = self.temporary_directory()
        (directory / 'python3').write_text('#!/bin/sh\nexit 1\n', encoding='ascii')
        (directory / 'python3').chmod(0o755)
        environment = dict(os.environ, PATH=f'{directory}:{os.environ["PATH"]}')
        environment.pop('PYTHON', None)
        known = [path for path in ('/usr/bin/python3', str(TOP / 'build/venv/bin/python'))
                 if os.path.exists(path) and os.path.samefile(path, sys.executable)]
        self.require(known, 'this Python is only found by its name')
        result = self.run_program(FIND, env=environment)
        self.assert_done(result)
