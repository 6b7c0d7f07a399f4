#!/usr/bin/env python3
"""The long tests: python3 tests/stress/stress.py [--seconds N] [--seed N] [PART ...], after make.

    faults   system calls that fail, kills, and objects that are removed: stress_faults.py
    steps    a kill at every instruction of message_publish(): step_kill.c
    race     a publisher and readers on the same memory, without a break: race.c
    agree    C and Python on thousands of random segments and command lines: test_agreement.py
    random   writers and readers that join, leave, are stopped and killed: stress_random.py

The last line is 'N passed, N failed'; the exit status is 0 if none failed.
"""
import argparse
import os
import random
import subprocess
import sys
import time
sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), '../lib'))

import stress_faults
import stress_random
from support import PLATFORM, TOP, compile_c, natural_signals

SKIPPED = 77


class Report:
    """Counts the checks, and prints what was wrong."""

    def __init__(self):
        self.passed = self.failed = self.skips = 0

    def check(self, name, problems):
        self.passed += not problems
        self.failed += bool(problems)
        for problem in problems[:20]:
            print(f'FAILED {name}: {problem}')
        if len(problems) > 20:
            print(f'FAILED {name}: and {len(problems) - 20} more problems')

    def skipped(self, name, why):
        self.skips += 1
        print(f'SKIPPED {name}: {why}')

    def summary(self):
        text = f'{self.passed} passed, {self.failed} failed'
        return text + (f', {self.skips} skipped' if self.skips else '')


def run_compiled(report, name, source, *arguments):
    """A part that is a C program, and says itself what it did."""
    program = TOP / 'build' / source
    program.parent.mkdir(exist_ok=True)
    compile_c(program, f'tests/stress/{source}.c', 'src/message.c', f'src/wait_{PLATFORM}.c')
    result = subprocess.run([str(program), *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, timeout=300, text=True, errors='replace')
    lines = result.stdout.replace(source + ': ', name + ': ')
    print(lines, end='')
    if result.returncode == SKIPPED:
        report.skipped(name, lines.strip())
    else:
        report.check(name, [] if result.returncode == 0 else [
            f'{source} ended with status {result.returncode}'])


def steps(report, options):
    del options
    run_compiled(report, 'steps', 'step_kill')


def race(report, options):
    run_compiled(report, 'race', 'race', str(options.seconds / 2))


def agree(report, options):
    del options
    result = subprocess.run([sys.executable, TOP / 'tests/run.py', 'agreement'],
                            env={**os.environ, 'TEST_CASES': '500'})
    report.check('agree', [] if result.returncode == 0 else ['C and Python differ'])


PARTS = {'faults': stress_faults.run, 'steps': steps, 'race': race, 'agree': agree,
         'random': stress_random.run}


def main():
    parser = argparse.ArgumentParser(prog='tests/stress/stress.py')
    parser.add_argument('--seconds', type=float, default=10,
                        help='of the random part, twice those of the race')
    parser.add_argument('--seed', type=int, help='of the random part')
    parser.add_argument('parts', nargs='*', metavar='PART', help=', '.join(PARTS))
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f'no such part: {", ".join(unknown)}')
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)

    natural_signals()  # and so an end from outside is an end with all cleaning up
    sys.stdout.reconfigure(line_buffering=True)
    report = Report()
    for part in options.parts or PARTS:
        begin = time.monotonic()
        PARTS[part](report, options)
        print(f'{part}: {time.monotonic() - begin:.1f} seconds')
    print(report.summary())
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
