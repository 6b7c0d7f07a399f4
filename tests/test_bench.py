"""The benchmark, with small counts: what it measures isn't tested, only that it does and cleans up."""
import csv
import os
import signal

from support import DONE, FAILED, TOP, TestCase, USAGE, wait_until

BENCH = [str(TOP / 'build' / 'bench')]
METHODS = {'line', 'memcpy', 'spin', 'sleep', 'brief', 'semaphore', 'eventfd', 'queue', 'mqueue',
           'pipe', 'fifo', 'stream', 'datagram', 'tcp'}
COLUMNS = ['part', 'bytes', 'name', 'median_ns', 'p99_ns', 'max_ns', 'per_second', 'ratio',
           'published_per_second', 'retried']


def private_objects():
    """The sets and queues without a key: the benchmark's. (Its segment is removed as soon as it is
    attached, as are some of other tests.)"""
    found = set()
    for kind in 'sem', 'msg':
        with open(f'/proc/sysvipc/{kind}', encoding='ascii') as table:
            found |= {(kind, line.split()[1]) for line in table if line.split()[0] == '0'}
    return found


class Bench(TestCase):
    def setUp(self):
        super().setUp()
        self.directory = str(self.temporary_directory())
        self.environment = dict(os.environ, TMPDIR=self.directory)

    def bench(self, *arguments, **options):
        return self.run_program(BENCH, *arguments, env=self.environment, **options)

    def assert_clean(self, before):
        wait_until(lambda: private_objects() <= before and not os.listdir(self.directory),
                   'the benchmark has cleaned up')

    def test_every_method_is_measured_and_checked(self):
        result = self.bench('-n', '100', '--csv')
        self.assert_status(result, DONE)
        rows = list(csv.DictReader(result.out.decode().splitlines()))
        self.assertEqual(list(rows[0]), COLUMNS)
        trips = [row for row in rows if row['part'] == rows[0]['part']]
        for size in '8', '100', '900':
            named = {row['name'] for row in trips if row['bytes'] == size}
            self.assertEqual(named, METHODS)
        for row in trips:
            if row['median_ns']:  # empty: the system has no such method, and stderr says why
                self.assertLessEqual(float(row['median_ns']), float(row['max_ns']), row)
                self.assertGreater(float(row['per_second']), 0, row)
            else:
                self.assert_says(result, row['name'])

    def test_size_and_methods_can_be_chosen(self):
        result = self.bench('-n', '50', '-s', '17', '-m', 'spin,pipe')
        self.assert_status(result, DONE)
        for part in b'17 bytes', b'spin', b'pipe', b'line':
            self.assertIn(part, result.out)
        for part in b'fifo', b'900 bytes there':
            self.assertNotIn(part, result.out)

    def test_wrong_usage_is_refused(self):
        for wrong in ['-s', '0'], ['-s', '901'], ['-s', 'x'], ['-n', '0'], ['-n', ''], \
                ['-m', 'pigeon'], ['-m', ''], ['-x'], ['x']:
            self.assert_status(self.bench(*wrong), USAGE)

    def test_lost_output_is_an_error(self):
        with open('/dev/full', 'wb') as full:
            result = self.bench('-n', '50', '-m', 'pipe', '-s', '8', stdout=full)
        self.assert_status(result, FAILED)
        self.assert_says(result, 'cannot write to standard output')

    def test_nothing_stays_behind_whatever_ends_it(self):
        before = private_objects()
        for number in signal.SIGKILL, signal.SIGTERM, signal.SIGINT:
            bench = self.start(BENCH, '-n', '1000000', env=self.environment,
                               start_new_session=True)
            wait_until(lambda: private_objects() - before, 'the benchmark has objects')
            bench.signal(number)
            self.assert_status(bench.result(), -number)
            self.assert_clean(before)


