"""The benchmark, with small counts: not what it measures, but that it does, and leaves nothing."""
import csv
import os
import pty
import random
import re
import signal
import subprocess
import time

from support import DONE, FAILED, TOP, TestCase, USAGE, wait_until

BENCH = [str(TOP / 'build' / 'bench')]
METHODS = ['line', 'copy', 'spin', 'sleep', 'queue', 'mqueue', 'pipe', 'stream', 'tcp']
COLUMNS = ['part', 'bytes', 'name', 'median_ns', 'p99_ns', 'max_ns', 'x_copy', 'x_line',
           'published_per_second', 'snapshots_per_second']
TRIP = re.compile(r'(\w+) +.*? +(\d+) +(\d+) +([\d.]+) *([\d.]+|#*)')


def private_objects():
    """What has no key: of every benchmark that runs."""
    found = set()
    for kind in 'shm', 'sem', 'msg':
        with open(f'/proc/sysvipc/{kind}', encoding='ascii') as table:
            found |= {(kind, line.split()[1]) for line in table if line.split()[0] == '0'}
    return found


class Bench(TestCase):
    one_at_a_time = True  # each needs two processors

    def setUp(self):
        super().setUp()
        subprocess.run(['make', '-s', '-C', TOP, 'build/bench'], check=True)

    def rows(self, *arguments):
        """What --csv prints."""
        result = self.run_program(BENCH, '--csv', *arguments)
        self.assert_status(result, DONE)
        rows = list(csv.DictReader(result.out.decode().splitlines()))
        self.assertEqual(list(rows[0]), COLUMNS)
        return result, rows

    def trips(self, *arguments):
        """The rows of a table for people: name, median, 99%, x copy; and x line or a bar."""
        result = self.run_program(BENCH, *arguments)
        self.assert_done(result)
        return [match.groups() for match in map(TRIP.fullmatch, result.out.decode().splitlines())
                if match]

    def on_a_terminal(self, *arguments):
        """What it prints where standard output and error are terminals: of each."""
        printed = []
        for stream in 'stdout', 'stderr':
            ours, its = pty.openpty()
            result = self.run_program(BENCH, *arguments, **{stream: its})
            self.assert_status(result, DONE)
            printed.append(os.read(ours, 65536).decode())
            os.close(its)
            os.close(ours)
        return printed

    def test_every_method_is_measured(self):
        result, rows = self.rows('-n', '4', '-s', '900')
        trips = [row for row in rows if row['part'] == 'there and back']
        for name in set(METHODS) - {row['name'] for row in trips}:
            self.assert_says(result, f'{name} is left out: ')  # this system can't do it
        for row in trips:
            self.assertLessEqual(float(row['median_ns']), float(row['max_ns']), row)
        self.assertEqual([(row['part'], row['name']) for row in rows[len(trips):]],
                         [('readers', number) for number in '1248'])

    def test_sizes_and_methods_can_be_chosen(self):
        _, rows = self.rows('-n', '4', '-s', '8,17', '-m', 'spin,pipe')
        self.assertEqual([(row['bytes'], row['name']) for row in rows],
                         [(size, name) for size in ('8', '17')
                          for name in ('line', 'copy', 'spin', 'pipe')])
        _, rows = self.rows('-n', '4', '-m', 'readers')
        self.assertEqual({row['part'] for row in rows}, {'readers'})

    def test_people_get_the_same_as_programs(self):
        arguments = '-n', '20', '-s', '100', '-m', 'spin,sleep,queue'
        _, rows = self.rows(*arguments)
        trips = self.trips(*arguments)
        self.assertEqual([name for name, *_ in trips], [row['name'] for row in rows])
        median = {name: int(median) for name, median, *_ in trips}
        for name, _, _, copies, lines in trips:
            for ratio, base in (float(copies), 'copy'), (float(lines), 'line'):
                self.assertAlmostEqual(median[name] / median[base], ratio, delta=0.1 + ratio / 20)

    def test_bars_have_the_length_that_their_scale_says(self):
        for _, median, _, _, bar in self.trips('--bars', '-n', '20', '-s', '100'):
            expected = min(max(int(median) / 100, 1), 1000)
            self.assertAlmostEqual(1.3895 ** len(bar), expected, delta=expected * 0.4)

    def test_bars_and_progress_are_for_terminals(self):
        out, err = self.on_a_terminal('-n', '20', '-s', '100', '-m', 'spin')
        self.assertRegex(out, r'spin .*#\r\n')
        self.assertIn('100us', out)
        self.assertRegex(err, 'spin +100 bytes, +3 of 20')
        self.assertTrue(err.endswith(' \r'))
        out, err = self.on_a_terminal('--csv', '-n', '20', '-s', '100', '-m', 'spin')
        self.assertNotIn('#', out)

    def test_wrong_usage_is_refused(self):
        for wrong in ['-s', '0'], ['-s', '901'], ['-s', 'x'], ['-s', ','.join('8' * 9)], \
                ['-n', '0'], ['-n', ''], ['-m', 'pigeon'], ['-m', ''], ['-x'], ['x']:
            self.assert_status(self.run_program(BENCH, *wrong), USAGE)

    def test_lost_output_is_an_error(self):
        with open('/dev/full', 'wb') as full:
            result = self.run_program(BENCH, '-n', '4', '-m', 'pipe', '-s', '8', stdout=full)
        self.assert_status(result, FAILED)
        self.assert_says(result, 'cannot write to standard output')

    def test_a_signal_at_any_moment_leaves_nothing(self):
        before = private_objects()
        for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP] * 2:
            bench = self.start(BENCH, '-n', '1000000', '-m', random.choice(['queue', 'readers']))
            time.sleep(random.uniform(0, 0.3))
            bench.signal(number)
            self.assert_status(bench.result(), -number)
            self.wait_until_nothing_is_new_since(before)

    def test_a_killed_benchmark_leaves_its_queue_at_most(self):
        before = private_objects()
        bench = self.start(BENCH, '-n', '1000000', '-m', 'queue')
        bench.wait_for('messages')
        made = wait_until(lambda: {found for found in private_objects() - before
                                   if found[0] == 'msg'}, 'it has made its queue')
        bench.kill()
        wait_until(lambda: private_objects() - before == made, 'its processes have gone')
        subprocess.run(['ipcrm', *(word for _, number in made for word in ('-q', number))],
                       check=True)

    def test_the_death_of_one_process_ends_all(self):
        before = private_objects()
        bench = self.start(BENCH, '-n', '1000000', '-m', 'spin')

        def children():
            with open(f'/proc/{bench.pid}/task/{bench.pid}/children', encoding='ascii') as file:
                return file.read().split()
        os.kill(int(wait_until(children, 'it has started a process')[0]), signal.SIGKILL)
        result = bench.result()
        self.assert_status(result, FAILED)
        self.assert_says(result, 'a process of the benchmark was killed by signal 9')
        self.wait_until_nothing_is_new_since(before)

    def wait_until_nothing_is_new_since(self, before):
        """What other tests have removed and still use has no key either, for a moment."""
        wait_until(lambda: private_objects() <= before, 'nothing is left')
