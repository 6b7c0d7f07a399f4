#!/usr/bin/env python3
"""Runs the tests: tests/run.py [-v] [NAME-FILTER...]

Several run at a time: mostly they wait for processes. The last line counts them.
"""
import concurrent.futures
import faulthandler
import os
import shutil
import signal
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
AT_A_TIME = 8
HANG = 300  # seconds; every test has its own, lower bounds


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def sentence(test):
    """test_a_b of class C in module test_m: m, C: a b"""
    module, kind, name = test.id().rsplit('.', 2) if test.id().count('.') > 1 \
        else ('', '', test.id())
    return f"{module.removeprefix('test_')}, {kind}: {name.removeprefix('test_').replace('_', ' ')}"


class Runner:
    def __init__(self, count, verbose):
        self.count, self.verbose = count, verbose
        self.on_terminal = sys.stdout.isatty() and not verbose
        self.printing = threading.Lock()
        self.running = {}  # in the order in which they began
        self.passed = self.failed = self.skipped = 0

    def run(self, test):
        with self.printing:
            self.running[test] = time.monotonic()
            self.show_progress()
        result = unittest.TestResult()
        unittest.TestSuite([test]).run(result)  # with setUpClass and its kind, if there are any
        with self.printing:
            seconds = time.monotonic() - self.running.pop(test)
            self.clear_progress()
            self.report(test, result, seconds)
            self.show_progress()
            sys.stdout.flush()

    def report(self, test, result, seconds):
        troubles = result.failures + result.errors + [
            (test, 'succeeded, but a failure was expected') for _ in result.unexpectedSuccesses]
        if troubles:
            self.failed += 1
            print(f"\n{'=' * 70}\nFAILED  {sentence(test)}\n        {test.id()}")
            for which, trace in troubles:
                print('-' * 70)
                if which is not test:
                    print(which)
                print(trace)
        elif result.skipped:
            self.skipped += 1
            print(f'skipped {sentence(test)}: {result.skipped[0][1]}')
        else:
            self.passed += 1
            if self.verbose:
                print(f'ok {seconds:5.1f} s  {sentence(test)}')

    def show_progress(self):
        """One line, on a terminal: the counts, and what has run longest."""
        if self.on_terminal and self.running:
            line = f'{self.summary()} of {self.count}; {sentence(next(iter(self.running)))}'
            print('\r' + line[:shutil.get_terminal_size().columns - 1], end='\033[K', flush=True)

    def clear_progress(self):
        if self.on_terminal:
            print('\r', end='\033[K')

    def summary(self):
        counts = f'{self.passed} passed, {self.failed} failed'
        return counts + (f', {self.skipped} skipped' if self.skipped else '')


def interrupted(number, frame):
    raise KeyboardInterrupt


def natural_signals():
    """As a shell's background job we were told to ignore some; our children must not inherit it.
    A handler of ours they don't inherit, and it lets the running tests clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, interrupted)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def main():
    arguments = sys.argv[1:]
    verbose = '-v' in arguments
    filters = [argument for argument in arguments if argument != '-v']
    natural_signals()
    faulthandler.dump_traceback_later(HANG, exit=True)

    sys.path.insert(0, HERE)
    tests = [test for test in tests_of(unittest.defaultTestLoader.discover(HERE))
             if not filters or any(text in test.id() for text in filters)]
    tests.sort(key=lambda test: not getattr(getattr(test, test._testMethodName, None), 'slow', 0))

    runner = Runner(len(tests), verbose)
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        try:
            for done in [pool.submit(runner.run, test) for test in tests]:
                done.result()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            runner.failed += 1
            print('interrupted')
    print(runner.summary())
    return 0 if runner.passed and not runner.failed else 1


if __name__ == '__main__':
    if sys.version_info < (3, 9):
        sys.exit(f'run.py: the tests need Python 3.9 or later; {sys.executable} is '
                 f'{sys.version.split()[0]}')
    sys.exit(main())
