"""The benchmark, with small counts: what it measures isn't tested, only that it does and cleans up."""
import csv
import os
import signal
import subprocess
import threading

from support import DONE, FAILED, TOP, TestCase, USAGE, wait_until

BENCH = [str(TOP / 'build' / 'bench')]
METHODS = {'line', 'copy', 'spin', 'sleep', 'brief', 'semaphore', 'eventfd', 'queue', 'mqueue',
           'pipe', 'fifo', 'stream', 'datagram', 'tcp'}
COLUMNS = ['part', 'bytes', 'name', 'median_ns', 'p99_ns', 'max_ns', 'x_copy', 'x_line',
           'published_per_second', 'snapshots_per_second']

one_at_a_time = threading.Lock()  # each needs two processors, and `make all` doesn't build it


def private_objects():
    """The sets and queues without a key: of every benchmark that runs."""
    found = set()
    for kind in 'sem', 'msg':
        with open(f'/proc/sysvipc/{kind}', encoding='ascii') as table:
            found |= {(kind, line.split()[1]) for line in table if line.split()[0] == '0'}
    return found


class Bench(TestCase):
    def setUp(self):
        super().setUp()
        one_at_a_time.acquire()
        self.addCleanup(one_at_a_time.release)
        subprocess.run(['make', '-s', '-C', TOP, 'build/bench'], check=True)
        self.directory = str(self.temporary_directory())
        self.environment = dict(os.environ, TMPDIR=self.directory)

    def bench(self, *arguments, **options):
        return self.run_program(BENCH, *arguments, env=self.environment, **options)

    def rows(self, *arguments):
        result = self.bench('--csv', *arguments)
        self.assert_status(result, DONE)
        rows = list(csv.DictReader(result.out.decode().splitlines()))
        self.assertEqual(list(rows[0]), COLUMNS)
        return result, rows

    def test_every_method_is_measured(self):
        result, rows = self.rows('-n', '4', '-s', '900')
        trips = [row for row in rows if row['part'] == rows[0]['part']]
        for name in METHODS - {row['name'] for row in trips}:
            self.assert_says(result, f'{name} is left out: ')  # this system can't do it
        for row in trips:
            self.assertLessEqual(float(row['median_ns']), float(row['max_ns']), row)
        self.assertEqual({row['part'] for row in rows[len(trips):]}, {'alone', 'readers'})

    def test_sizes_and_methods_can_be_chosen(self):
        _, rows = self.rows('-n', '4', '-s', '8,17', '-m', 'spin,pipe')
        self.assertEqual([(row['bytes'], row['name']) for row in rows],
                         [(size, name) for size in ('8', '17')
                          for name in ('line', 'copy', 'spin', 'pipe')])
        _, rows = self.rows('-n', '4', '-s', '17', '-m', 'readers')
        self.assertEqual({row['part'] for row in rows}, {'readers'})

    def test_people_get_a_table(self):
        result = self.bench('-n', '4', '-s', '17', '-m', 'spin,alone')
        self.assert_status(result, DONE)
        for part in b'processor', b'17 bytes, there and back', b'x copy', b'spin', b'publish':
            self.assertIn(part, result.out)
        self.assertNotIn(b'pipe', result.out)

    def test_wrong_usage_is_refused(self):
        for wrong in ['-s', '0'], ['-s', '901'], ['-s', 'x'], ['-n', '0'], ['-n', ''], \
                ['-m', 'pigeon'], ['-m', ''], ['-x'], ['x']:
            self.assert_status(self.bench(*wrong), USAGE)

    def test_lost_output_is_an_error(self):
        with open('/dev/full', 'wb') as full:
            result = self.bench('-n', '4', '-m', 'pipe', '-s', '8', stdout=full)
        self.assert_status(result, FAILED)
        self.assert_says(result, 'cannot write to standard output')

    def test_nothing_stays_behind_whatever_ends_it(self):
        for number in signal.SIGKILL, signal.SIGTERM, signal.SIGINT:
            before = private_objects()
            bench = self.start(BENCH, '-n', '1000000', env=self.environment,
                               start_new_session=True)
            bench.wait_for('messages')  # it has made them
            made = private_objects() - before
            self.assertTrue(made)
            bench.signal(number)
            self.assert_status(bench.result(), -number)
            wait_until(lambda gone=made: not private_objects() & gone, 'its objects have gone')
            wait_until(lambda: not os.listdir(self.directory), 'its directory has gone')
