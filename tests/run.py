#!/usr/bin/env python3
"""Runs the tests, several at a time, since mostly they wait for processes. The last line counts
them. README.md beside this file says where which test stands."""
import argparse
import atexit
import collections
import concurrent.futures
import faulthandler
import importlib.util
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
AT_A_TIME = 16
HANG = 30  # seconds that a test may take before it is named


def take_a_python_that_has_the_module():
    """Goes on in another Python, where this one lacks sysv_ipc."""
    if not importlib.util.find_spec('sysv_ipc'):
        found = subprocess.run([HERE.parent / 'scripts' / 'python.sh'], stdout=subprocess.PIPE)
        if found.returncode:
            sys.exit(1)
        python = found.stdout.decode().strip()
        os.execv(python, [python, *sys.argv])


def keep_bytecode():
    """Hundreds of Pythons are about to import the same files, which may lie where nobody writes."""
    os.environ.pop('PYTHONDONTWRITEBYTECODE', None)
    os.environ['PYTHONPYCACHEPREFIX'] = place = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, place, ignore_errors=True)


def all_tests():
    """Of every test_*.py, in whichever folder here."""
    for path in sorted(HERE.rglob('test_*.py')):
        sys.path.insert(0, str(path.parent))
        yield from tests_of(unittest.defaultTestLoader.loadTestsFromModule(
            importlib.import_module(path.stem)))


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def sentence(test):
    """test_a_b of class C in module test_m: m, C: a b"""
    module, kind, name = test.id().split('.')
    return f"{module.removeprefix('test_')}, {kind}: {name.removeprefix('test_').replace('_', ' ')}"


def chosen(tests, words):
    """The tests of these modules, or else those in whose names all of the words stand."""
    modules = {test.id().split('.')[0].removeprefix('test_') for test in tests}
    named = [word.removeprefix('test_') for word in words]
    if named and modules.issuperset(named):
        return [test for test in tests if test.id().split('.')[0].removeprefix('test_') in named]
    return [test for test in tests if all(
        word in f'{test.id()} {sentence(test)}' for word in words)]


class Runner:
    def __init__(self, count, verbose):
        self.count, self.verbose = count, verbose
        self.on_terminal = sys.stdout.isatty() and not verbose
        self.printing = threading.Lock()
        self.running = {}  # in the order in which they began
        self.named = set()  # because they take so long
        self.skipped = collections.Counter()  # by reason
        self.passed = self.failed = 0
        self.interrupted = False

    def run_all(self, tests):
        for test in tests:
            self.run(test)

    def run(self, test):
        if self.interrupted:
            return
        with self.printing:
            self.running[test] = time.monotonic()
            self.show_progress()
        result = unittest.TestResult()
        unittest.TestSuite([test]).run(result)  # with setUpClass and its kind, if there are any
        with self.printing:
            seconds = time.monotonic() - self.running.pop(test)
            self.clear_progress()
            if not self.interrupted:
                self.report(test, result, seconds)
            self.show_progress()
            sys.stdout.flush()

    def report(self, test, result, seconds):
        troubles = result.failures + result.errors
        if troubles:
            self.failed += 1
            print(f"\n{'=' * 70}\nFAILED  {sentence(test)}\n        {test.id()}\n"
                  f"Run it again with: make test ONLY='{test.id()}'")
            for which, trace in troubles:
                print('-' * 70)
                if which is not test:
                    print(which)
                print(trace)
        elif result.skipped:
            self.skipped[result.skipped[0][1]] += 1
        else:
            self.passed += 1
            if self.verbose:
                print(f'ok {seconds:5.1f} s  {sentence(test)}')

    def name_those_that_hang(self):
        with self.printing:
            for test, began in self.running.items():
                if time.monotonic() - began > HANG and test not in self.named:
                    self.named.add(test)
                    self.clear_progress()
                    print(f'still running after {HANG} seconds: {test.id()}', flush=True)

    def show_progress(self):
        if self.on_terminal and self.running:
            done = self.passed + self.failed + sum(self.skipped.values())
            line = f'{done} of {self.count}: {sentence(next(iter(self.running)))}'
            print('\r' + line[:shutil.get_terminal_size().columns - 1], end='\033[K', flush=True)

    def clear_progress(self):
        if self.on_terminal:
            print('\r', end='\033[K')

    def summary(self):
        for reason, count in sorted(self.skipped.items()):
            print(f'skipped {count}: {reason}')
        skipped = sum(self.skipped.values())
        return f'{self.passed} passed, {self.failed} failed' + \
            (f', {skipped} skipped' if skipped else '')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('words', nargs='*', help='the name of a module (writer), or else words that '
                        "stand in a test's name; without any, all tests are run")
    parser.add_argument('--list', action='store_true', help='list the tests')
    parser.add_argument('-v', '--verbose', action='store_true', help='show those that pass, too')
    arguments = parser.parse_args()
    take_a_python_that_has_the_module()
    sys.path.insert(0, str(HERE / 'lib'))
    from support import natural_signals
    natural_signals()
    keep_bytecode()
    faulthandler.register(signal.SIGUSR1, all_threads=True)

    tests = chosen(list(all_tests()), [word for words in arguments.words for word in words.split()])
    if arguments.list:
        print(*map(sentence, tests), sep='\n')
        return 0
    tests.sort(key=lambda test: not getattr(getattr(test, test._testMethodName, None), 'slow', 0))
    in_turn = [test for test in tests if hasattr(test, 'one_at_a_time')]
    groups = [in_turn] * bool(in_turn) + [[test] for test in tests if test not in in_turn]

    runner = Runner(len(tests), arguments.verbose)
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        waiting = [pool.submit(runner.run_all, group) for group in groups]
        try:
            while waiting:
                done, waiting = concurrent.futures.wait(waiting, timeout=1)
                for each in done:
                    each.result()
                runner.name_those_that_hang()
        except KeyboardInterrupt:
            runner.interrupted = True
            pool.shutdown(wait=False, cancel_futures=True)
            runner.clear_progress()
            print('interrupted')
    print(runner.summary())
    return 0 if runner.passed and not runner.failed and not runner.interrupted else 1


if __name__ == '__main__':
    if sys.version_info < (3, 9):
        sys.exit(f'run.py: the tests need Python 3.9 or later; {sys.executable} is '
                 f'{sys.version.split()[0]}')
    sys.exit(main())
