"""Writers and readers of one key that join, leave, are stopped, continued and killed at random.

Every message can be checked by itself: it names its writer and its number, and all its bytes follow
from these two. So whatever a reader prints is either exactly what some writer published, or a
mixture. In one follower a writer's numbers must rise.
"""
import collections
import os
import random
import re
import selectors
import signal
import subprocess
import time
import zlib

from stress_case import Case, Problem, expect
from support import C_READER, LIMIT, NOTHING_YET, PYTHON_READER, PYTHON_WRITER, WRITER

WRITERS = 10
LONGEST = 899
# A writer may be stopped while it holds the lock or is half-way through a message: shorter than
# others wait for the lock (5 s) and than readers wait for a whole message (2 s).
LONGEST_STOP = 0.4

Kind = collections.namedtuple('Kind', 'command follows raw')
KINDS = [
    *[Kind([*C_READER, '-w', '-f', '-r'], True, True)] * 3,
    *[Kind([*C_READER, '-w', '-f'], True, False)] * 2,
    Kind([*PYTHON_READER, '-w', '-f', '-r'], True, True),
    Kind([*PYTHON_READER, '-f'], True, False),
    Kind(C_READER, False, False),
    Kind([*C_READER, '-r'], False, True),
    Kind([*PYTHON_READER, '-r'], False, True),
]


def message(writer, number):
    """A message of 30 to 899 bytes."""
    length = 30 + zlib.crc32(b'%d.%d' % (writer, number)) % (LONGEST - 29)
    unit = b'%d.%d;' % (number, writer)
    body = (unit * (length // len(unit) + 1))[:length]
    head = b'%d.%d %08x ' % (writer, number, zlib.crc32(body))
    return head + body[len(head):]


class Process:
    def __init__(self, command, key, **options):
        self.process = subprocess.Popen([*command, '-k', str(key)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, **options)
        self.name = ' '.join(os.path.basename(word) for word in command)
        self.pid = self.process.pid
        self.ending = None         # since when it has been expected to end
        self.signalled = set()     # what may have ended it
        self.stopped_until = None

    def signal(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, now, seconds):
        self.signal(signal.SIGSTOP)
        self.stopped_until = now + seconds

    def resume(self):
        self.signal(signal.SIGCONT)
        self.stopped_until = None

    def end_by(self, number, now):
        self.signalled.add(number)
        self.signal(number)
        self.ending = self.ending or now

    def dispose(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass


class Writer(Process):
    def __init__(self, command, key, number):
        super().__init__([*command, '-s'], key, stdin=subprocess.PIPE)
        os.set_blocking(self.process.stdin.fileno(), False)
        self.number, self.fed, self.pending = number, 0, b''
        self.closing = False  # as soon as its pipe has taken what is pending

    def feed(self, lines):
        """Gives it some lines, or the rest of those that its pipe had no room for. Never blocks:
        who blocks here can't continue the stopped writer that this one waits for."""
        if not self.pending and not self.closing:
            self.pending = b''.join(message(self.number, self.fed + i + 1) + b'\n'
                                    for i in range(lines))
            self.fed += lines
        try:
            self.pending = self.pending[os.write(self.process.stdin.fileno(), self.pending):]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self.pending = b''


class Reader(Process):
    def __init__(self, kind, key, kills):
        super().__init__(kind.command, key, stdin=subprocess.DEVNULL)
        self.kind, self.kills = kind, kills
        self.out = b''
        self.last = {}      # of each writer: the number seen last
        self.latest = None  # (writer, number)


class Storm:
    def __init__(self, key, chance):
        self.key, self.chance = key, chance
        self.selector = selectors.DefaultSelector()
        self.everyone, self.writers, self.readers, self.makers = [], [], [], {}
        self.problems = []
        self.count = collections.Counter()

    def problem(self, text):
        self.problems.append(text)

    # Joining

    def add_writer(self):
        command = self.chance.choice([WRITER, WRITER, PYTHON_WRITER])
        writer = Writer(command, self.key, len(self.makers) + 1)
        self.makers[writer.number] = writer
        self.everyone.append(writer)
        self.writers.append(writer)
        self.selector.register(writer.process.stdin, selectors.EVENT_WRITE, writer)
        self.count['writers'] += 1
        self.count['in Python'] += command is PYTHON_WRITER
        return writer

    def add_reader(self, kind):
        reader = Reader(kind, self.key, self.count['writers killed'])
        self.everyone.append(reader)
        self.readers.append(reader)
        self.selector.register(reader.process.stdout, selectors.EVENT_READ, reader)
        self.count['readers'] += 1

    # What readers print

    def check_message(self, reader, pid, text):
        head = re.match(rb'(\d+)\.(\d+) ', text)
        writer, number = (int(head[1]), int(head[2])) if head else (0, 0)
        maker = self.makers.get(writer)
        if not maker or number < 1 or text != message(writer, number):
            self.problem(f'{reader.name} showed a mixture: {text!r}')
            return
        self.count['checked'] += 1
        if number > maker.fed or pid not in (None, maker.pid):
            self.problem(f'{reader.name} showed {writer}.{number} of process {pid}; process '
                         f'{maker.pid} was given {maker.fed} lines')
        if number <= reader.last.get(writer, 0):
            self.problem(f'{reader.name} went back from {writer}.{reader.last[writer]} to '
                         f'{writer}.{number}')
        reader.last[writer] = number
        reader.latest = (writer, number)

    def collect(self, reader):
        data = os.read(reader.process.stdout.fileno(), 65536)
        reader.out += data
        if reader.kind.follows or reader.kind.raw:
            *lines, reader.out = reader.out.split(b'\n')
            for line in lines:
                pid = None
                if not reader.kind.raw:
                    pid, _, line = line.partition(b': ')
                    pid = int(pid) if pid.isdigit() else -1
                self.check_message(reader, pid, line)
        if not data:
            self.selector.unregister(reader.process.stdout)
            reader.process.stdout.close()
            reader.ending = reader.ending or time.monotonic()
        return data

    def check_story(self, reader):
        found = re.search(rb'C Process ID: (\d+)\n\nMessage from C Program:\n-{50}\n(.*)\n-{50}\n',
                          reader.out, re.DOTALL)
        if found:
            self.check_message(reader, int(found[1]), found[2])
        else:
            self.problem(f'{reader.name} told no story: {reader.out!r}')

    # Leaving

    def reap_reader(self, reader):
        while not reader.process.stdout.closed:
            self.collect(reader)
        status, err = reader.process.returncode, reader.process.stderr.read().decode()
        self.readers.remove(reader)
        if -status in reader.signalled:
            self.count['readers killed'] += 1
        elif status == 0:
            if not reader.kind.follows and not reader.kind.raw:
                self.check_story(reader)
            if not reader.latest:
                self.problem(f'{reader.name} ended well and had shown nothing')
        elif not err or status not in (1, NOTHING_YET):
            self.problem(f'{reader.name} ended with status {status}, saying {err!r}')
        killed = self.count['writers killed'] > reader.kills
        for line in err.splitlines():
            if 'no writer is alive' in line and status <= 0 and self.count['writers killed']:
                self.count['left-behind warnings'] += 1
            elif reader.kind.follows and 'messages that came too fast to be shown' in line:
                self.count['missed'] += int(line.split(': ')[-1].split(';')[0])
            elif 'is torn' in line and (killed or self.left_torn):
                self.count['torn verdicts'] += 1
            elif status == NOTHING_YET and ('nothing was published yet' in line or
                                            'No such file' in line):
                self.count['nothing yet'] += 1
            else:
                self.problem(f'{reader.name} ended with status {status}, saying {line!r}')
        reader.dispose()

    @property
    def left_torn(self):
        """Whether a message may be torn since long ago: a writer was killed, none has come since
        and published."""
        return self.count['writers killed'] > 0 and not self.writers

    def reap_writer(self, writer):
        status = writer.process.returncode
        out, err = writer.process.stdout.read().decode(), writer.process.stderr.read().decode()
        self.writers.remove(writer)
        if not writer.process.stdin.closed and \
                writer.process.stdin in self.selector.get_map():
            self.selector.unregister(writer.process.stdin)
        published = re.search(r'Messages [a-z]+: (\d+)\n', out)
        self.count['published'] += int(published[1]) if published else 0
        expected = [r'segment \d+ with key \d+ was left behind by an? [a-z ]+']
        if signal.SIGTERM in writer.signalled:  # then it waits for a stopped one no longer than 0.2 s
            expected.append(r'cannot (lock|remove|join) the .* held its lock all the time; .*')
        strange = [line for line in err.splitlines()
                   if not any(re.fullmatch(r'writer(\.py)?: ' + text, line) for text in expected)]
        if strange:
            self.problem(f'a writer said {strange}')
        if -status in writer.signalled:
            if status == -signal.SIGTERM and not published and out and not err:
                self.problem(f'a writer ended by SIGTERM said {out!r}')
        elif status != 0 or writer.ending is None or not published:
            self.problem(f'a writer ended with status {status}, saying {out!r} and {err!r}')
        elif int(published[1]) != writer.fed:
            self.problem(f'a writer published {published[1]} of {writer.fed} messages')
        writer.dispose()

    def reap(self):
        now = time.monotonic()
        for each in [*self.writers, *self.readers]:
            if each.stopped_until and now >= each.stopped_until:
                each.resume()
            if each.process.poll() is not None:
                (self.reap_writer if each in self.writers else self.reap_reader)(each)
                self.everyone.remove(each)
            elif each.ending and now - each.ending > LIMIT:
                raise Problem(f'{each.name} (process {each.pid}) has not ended for {LIMIT} seconds')

    # What happens

    def turn(self, lines):
        """Whoever has something to print or wants to be fed."""
        for key, _ in self.selector.select(0.01):
            if isinstance(key.data, Reader):
                self.collect(key.data)
            else:
                key.data.feed(self.chance.randint(1, lines) if lines else 0)
                if key.data.closing and not key.data.pending:
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()
        self.reap()

    def close_input(self, writer):
        writer.closing = True
        writer.ending = writer.ending or time.monotonic()

    def kill_writer(self, writer):
        self.count['writers killed'] += 1
        writer.end_by(signal.SIGKILL, time.monotonic())

    def happen(self):
        """One random event."""
        now = time.monotonic()
        if self.chance.random() < 0.01:
            self.count['all writers killed at once'] += 1
            for writer in self.writers:
                self.kill_writer(writer)
            return
        someone = self.chance.choice([*self.writers, *self.readers])
        what = self.chance.choice(['kill', 'stop', 'stop', 'end', 'end'])
        if someone.ending or someone.stopped_until:
            return
        if what == 'stop':
            self.count['stops'] += 1
            someone.stop(now, self.chance.uniform(0, LONGEST_STOP))
        elif isinstance(someone, Reader):
            someone.end_by(signal.SIGKILL if what == 'kill' else signal.SIGTERM, now)
        elif what == 'kill':
            self.kill_writer(someone)
        elif self.chance.random() < 0.3:
            self.count['writers terminated'] += 1
            someone.end_by(signal.SIGTERM, now)
        else:
            self.close_input(someone)

    def fill_up(self):
        if len(self.writers) < WRITERS:
            self.add_writer()
        have = collections.Counter(tuple(reader.kind.command) for reader in self.readers)
        for kind in KINDS:
            if have[tuple(kind.command)] > 0:
                have[tuple(kind.command)] -= 1
            elif self.chance.random() < 0.3:
                self.add_reader(kind)

    def rage(self, seconds):
        end = time.monotonic() + seconds
        next_event = 0
        while time.monotonic() < end and not self.problems:
            self.turn(20)
            if time.monotonic() >= next_event:
                next_event = time.monotonic() + self.chance.uniform(0, 0.04)
                self.fill_up()
                self.happen()

    def calm_down(self):
        """The last writer's last message reaches every follower. Then all is over."""
        for each in self.everyone:
            if each.stopped_until:
                each.resume()
        last = self.add_writer()
        self.selector.unregister(last.process.stdin)  # it gets its lines one by one, from here
        last.feed(1)
        for writer in self.writers:
            if writer is not last and not writer.ending:
                self.close_input(writer)
        self.until(lambda: self.writers == [last], 'all writers but one end')
        while len([each for each in self.readers if each.kind.follows and not each.ending]) < 7:
            self.add_reader(self.chance.choice([kind for kind in KINDS if kind.follows]))
        last.feed(1)  # the first may have been replaced, at once, by the others' last ones
        followers = [each for each in self.readers if each.kind.follows and not each.ending]
        self.until(lambda: all(each.latest and each.latest[0] == last.number or each.ending
                               for each in followers), 'every follower shows the last writer')
        followers = [each for each in followers if not each.ending]
        last.feed(1)
        last.process.stdin.close()
        last.ending = time.monotonic()
        self.until(lambda: not self.everyone, 'everyone ends')
        for each in followers:
            if each.latest != (last.number, last.fed):
                self.problem(f'{each.name} had {each.latest} last, not {(last.number, last.fed)}')
        self.count['followers that got the last message'] = len(followers)

    def until(self, condition, what):
        end = time.monotonic() + 2 * LIMIT
        while not condition():
            self.turn(0)
            expect(time.monotonic() < end, f'waited {2 * LIMIT} seconds in vain until {what}')

    def dispose(self):
        for each in self.everyone:
            each.dispose()
        self.selector.close()


def run(report, options):
    print(f'random: {WRITERS} writers, {len(KINDS)} readers, {options.seconds:g} seconds, '
          f'--seed {options.seed}')
    problems = []
    with Case() as case:
        storm = Storm(case.key, random.Random(options.seed))
        case.callback(storm.dispose)
        try:
            storm.rage(options.seconds)
            if not storm.problems:
                storm.calm_down()
                case.next_writer()
                case.nothing_left('at the end')
                expect(storm.count['checked'] >= 100, 'next to nothing was seen')
        except (Problem, AssertionError) as problem:
            problems.append(str(problem))
        problems = storm.problems + problems
        print('random: ' + ', '.join(f'{what}: {storm.count[what]}' for what in (
            'writers', 'in Python', 'readers', 'published', 'checked', 'missed', 'stops',
            'writers killed', 'all writers killed at once', 'writers terminated', 'readers killed',
            'torn verdicts', 'left-behind warnings', 'nothing yet',
            'followers that got the last message')))
    report.check('random', problems)
