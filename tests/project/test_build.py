"""make: it builds what has to be built, and nothing else."""
import os

from support import DONE, TestCase


class Make(TestCase):
    def setUp(self):
        super().setUp()
        self.place = self.copy_of_checkout('Makefile', 'include', 'src')
        # Whatever the make was told that runs the tests, this one isn't.
        self.environment = {name: value for name, value in os.environ.items() if name not in (
            'MAKEFLAGS', 'MFLAGS', 'CC', 'CPPFLAGS', 'CFLAGS', 'LDFLAGS', 'LDLIBS', 'PLATFORM')}
        self.compiler = self.place / 'compiler'
        self.compiler.write_text(f'#!/bin/sh\necho "$*" >>{self.place}/calls\nexec cc "$@"\n',
                                 encoding='utf-8')
        self.compiler.chmod(0o755)

    def calls(self, *arguments):
        """How many times make calls the compiler."""
        (self.place / 'calls').write_text('', encoding='utf-8')
        result = self.run_program(['make', '-s', '-j2', *arguments], cwd=self.place,
                                  env=self.environment)
        self.assertEqual((result.status, result.err), (DONE, ''), result)
        return (self.place / 'calls').read_text(encoding='utf-8').count('\n')

    def test_everything_is_built_anew_when_a_flag_or_the_compiler_changes_and_only_then(self):
        with_ours = f'CC={self.compiler}', 'CFLAGS=-O0'
        self.calls('CFLAGS=-O0')
        everything = self.calls(*with_ours)
        self.assertGreater(everything, 10)
        self.assertEqual(self.calls(*with_ours), 0)
        self.assertEqual(self.calls(*with_ours, 'CPPFLAGS=-DANOTHER'), everything)
