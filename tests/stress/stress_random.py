"""Writers and readers of one key that join, leave, are stopped, continued and killed at random.

Every message can be checked by itself: it names its writer and its number, and all its bytes follow
from these two. So whatever a reader prints is either exactly what some writer published, or a
mixture. In one follower a writer's numbers must rise.
"""
import collections
import os
import random
import re
import signal
import time
import zlib

from stress_case import Case, Problem, expect
from support import (
    C_READER, LIMIT, NOTHING_YET, PYTHON_READER, PYTHON_WRITER, WRITER, Program)

WRITERS = 10
LONGEST = 899
# A writer may be stopped while it holds the lock or is half-way through a message. Others wait for
# the lock for 5 seconds, readers for a whole message for 2.
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


class Process(Program):
    """A program that may be stopped for a while, and told to end."""

    def __init__(self, command, **options):
        super().__init__(command, **options)
        self.name = ' '.join(os.path.basename(word) for word in command)
        self.ending = None         # since when it has been expected to end
        self.signalled = set()     # what may have ended it
        self.stopped_until = None

    def has_ended(self):
        return self.process.poll() is not None

    def stop_for(self, seconds):
        self.signal(signal.SIGSTOP)
        self.stopped_until = time.monotonic() + seconds

    def resume(self):
        super().resume()
        self.stopped_until = None

    def expect_end(self):
        self.ending = self.ending or time.monotonic()

    def end_by(self, number):
        self.signalled.add(number)
        self.signal(number)
        self.expect_end()


class Writer(Process):
    def __init__(self, command, number):
        super().__init__(command)
        os.set_blocking(self.process.stdin.fileno(), False)
        self.number, self.fed, self.pending = number, 0, b''
        self.closing = False  # as soon as its pipe has taken what is pending

    def feed(self, lines):
        """Gives it some lines, or the rest of those that its pipe had no room for. This never
        blocks: meanwhile nobody would continue the stopped writer that this one waits for."""
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
        if self.closing and not self.pending:
            self.close_input()

    def end_input(self):
        self.closing = True
        self.expect_end()


class Reader(Process):
    def __init__(self, command, kind, kills):
        super().__init__(command)
        self.close_input()
        self.kind, self.kills = kind, kills
        self.checked = 0    # bytes of its output
        self.last = {}      # of each writer: the number seen last
        self.latest = None  # (writer, number)


class Storm:
    def __init__(self, case, chance):
        self.case, self.chance = case, chance
        self.writers, self.readers, self.makers = [], [], {}
        self.problems = []
        self.count = collections.Counter()

    @property
    def everyone(self):
        return [*self.writers, *self.readers]

    def problem(self, text):
        self.problems.append(text)

    # Joining

    def add_writer(self):
        command = self.chance.choice([WRITER, WRITER, PYTHON_WRITER])
        number = len(self.makers) + 1
        writer = self.case.start(command, '-s', maker=Writer, number=number)
        self.makers[number] = writer
        self.writers.append(writer)
        self.count['writers'] += 1
        self.count['in Python'] += command is PYTHON_WRITER
        return writer

    def add_reader(self, kind):
        self.readers.append(self.case.start(kind.command, maker=Reader, kind=kind,
                                            kills=self.count['writers killed']))
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

    def check_lines(self, reader):
        """What it has printed since the last time."""
        if not reader.kind.follows and not reader.kind.raw:
            return
        *lines, rest = bytes(reader.out[reader.checked:]).split(b'\n')
        reader.checked = len(reader.out) - len(rest)
        for line in lines:
            pid = None
            if not reader.kind.raw:
                pid, _, line = line.partition(b': ')
                pid = int(pid) if pid.isdigit() else -1
            self.check_message(reader, pid, line)

    def check_story(self, reader):
        found = re.search(rb'C Process ID: (\d+)\n\nMessage from C Program:\n-{50}\n(.*)\n-{50}\n',
                          bytes(reader.out), re.DOTALL)
        if found:
            self.check_message(reader, int(found[1]), found[2])
        else:
            self.problem(f'{reader.name} told no story: {bytes(reader.out)!r}')

    # Leaving

    def reap_reader(self, reader):
        result = reader.result()
        status, err = result.status, result.err
        self.check_lines(reader)
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
        result = writer.result()
        status, out, err = result.status, result.out.decode(), result.err
        self.writers.remove(writer)
        published = re.search(r'Messages [a-z]+: (\d+)\n', out)
        self.count['published'] += int(published[1]) if published else 0
        expected = [r'segment \d+ with key \d+ was left behind by an earlier writer']
        if signal.SIGTERM in writer.signalled:  # then it waits for the lock for 0.2 seconds only
            expected.append(r'cannot [a-z ]+ the .* held its lock all the time; .*')
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
        for each in self.everyone:
            if each.stopped_until and now >= each.stopped_until:
                each.resume()
            if each.has_ended():
                (self.reap_writer if each in self.writers else self.reap_reader)(each)
            elif each.ending and now - each.ending > LIMIT:
                raise Problem(f'{each.name} (process {each.pid}) has not ended for {LIMIT} seconds')

    # What happens

    def turn(self, lines):
        """Feeds the writers, looks at what the readers have printed, and at who has ended."""
        for writer in self.writers:
            if not writer.process.stdin.closed:
                writer.feed(self.chance.randint(1, lines) if lines else 0)
        for reader in self.readers:
            self.check_lines(reader)
        self.reap()
        time.sleep(0.001)

    def kill_writer(self, writer):
        self.count['writers killed'] += 1
        writer.end_by(signal.SIGKILL)

    def happen(self):
        """One random event."""
        if self.chance.random() < 0.01:
            self.count['all writers killed at once'] += 1
            for writer in self.writers:
                self.kill_writer(writer)
            return
        someone = self.chance.choice(self.everyone)
        what = self.chance.choice(['kill', 'stop', 'stop', 'end', 'end'])
        if someone.ending or someone.stopped_until:
            return
        if what == 'stop':
            self.count['stops'] += 1
            someone.stop_for(self.chance.uniform(0, LONGEST_STOP))
        elif isinstance(someone, Reader):
            someone.end_by(signal.SIGKILL if what == 'kill' else signal.SIGTERM)
        elif what == 'kill':
            self.kill_writer(someone)
        elif self.chance.random() < 0.3:
            self.count['writers terminated'] += 1
            someone.end_by(signal.SIGTERM)
        else:
            someone.end_input()

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
        last.feed(1)
        for writer in self.writers:
            if writer is not last and not writer.ending:
                writer.end_input()
        self.until('all writers but one end',
                   lambda: [each for each in self.writers if each is not last])
        while len([each for each in self.readers if each.kind.follows and not each.ending]) < 7:
            self.add_reader(self.chance.choice([kind for kind in KINDS if kind.follows]))
        last.feed(1)  # the first may have been replaced, at once, by the others' last ones
        followers = [each for each in self.readers if each.kind.follows and not each.ending]
        self.until('every follower shows the last writer, or has ended before it came', lambda: [
            each for each in followers if not each.has_ended()
            and (not each.latest or each.latest[0] != last.number)])
        followers = [each for each in followers if each.latest and each.latest[0] == last.number]
        last.feed(1)
        last.end_input()
        self.until('everyone ends', lambda: self.everyone)
        for each in followers:
            if each.latest != (last.number, last.fed):
                self.problem(f'{each.name} had {each.latest} last, not {(last.number, last.fed)}')
        self.count['followers that got the last message'] = len(followers)

    def until(self, what, waited_for):
        end = time.monotonic() + 2 * LIMIT
        while waited_for():
            self.turn(0)
            expect(time.monotonic() < end, f'waited {2 * LIMIT} seconds in vain until {what}: '
                   + ', '.join(f'{each.name} {each.err!r}' for each in waited_for()))


def run(report, options):
    print(f'random: {WRITERS} writers, {len(KINDS)} readers, {options.seconds:g} seconds, '
          f'--seed {options.seed}')
    problems = []
    with Case() as case:
        storm = Storm(case, random.Random(options.seed))
        try:
            storm.rage(options.seconds)
            if not storm.problems:
                storm.calm_down()
                case.next_writer()
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
