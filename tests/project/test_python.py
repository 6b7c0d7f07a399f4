"""The Python programs as programs: their module, their path, their interpreter's options."""
import os
import sys

from support import DONE, FAILED, NOTHING_YET, READERS, TestCase, WRITERS, of_each

PYTHON = [each for each in [*WRITERS, *READERS] if each.language == 'Python']


@of_each(program=PYTHON)
class Python(TestCase):
    def run_it(self, *options, **environment):
        return self.run_program([sys.executable, *options, self.program[-1]], '-k', self.key,
                                env={**os.environ, **environment})

    def test_an_interpreter_that_does_not_look_beside_the_script_runs_it(self):
        for result in self.run_it('-I'), self.run_it(PYTHONSAFEPATH='1'):
            self.assert_status(result, NOTHING_YET if self.program in READERS else DONE)
            self.assertNotIn('Traceback', result.err)

    def test_no_timer_of_ours_kills_an_interpreter_that_ends_slowly(self):
        directory = self.temporary_directory()
        (directory / 'sitecustomize.py').write_text(
            'import sys, time\n'
            'class Slow:\n'
            '    def __del__(self, sleep=time.sleep):\n'
            '        sleep(0.6)\n'
            'sys.slow = Slow()\n', encoding='utf-8')
        arguments = ['-t0.01'] if self.program in READERS else []
        result = self.run_program(self.program, '-k', self.key, *arguments,
                                  env={**os.environ, 'PYTHONPATH': str(directory)})
        self.assert_status(result, NOTHING_YET if arguments else DONE)

    def test_without_sysv_ipc_one_line_says_why_and_names_ways_to_get_it(self):
        directory = self.temporary_directory()
        (directory / 'sysv_ipc.py').write_text('raise ImportError("blocked")\n', encoding='utf-8')
        result = self.run_it(PYTHONPATH=str(directory))
        self.assert_refused(result, FAILED, sys.executable, 'blocked',
                            f'{sys.executable} -m pip install sysv_ipc')
        self.assertEqual((result.out, result.err.count('\n')), (b'', 1), result)
        if os.path.exists('/usr/bin/apt-get'):
            self.assertLess(result.err.index('apt install python3-sysv-ipc'),
                            result.err.index('pip install'))
