"""Faults at every system call of the writers and the C reader, by strace(1).

A program is run once to learn which calls it makes from main() on. Then it is run again and again:
killed at its first call, its second, its third ...; each call made to fail with every error it can
plausibly fail with; and stopped after each call while somebody removes its segment or its set.
After each fault the program must have ended in bounded time and said why, and the next writer and
reader must find everything in order and leave nothing behind. What a kill left is found by a writer
in the other language.

A kill between two calls leaves in the kernel what a kill at the second one leaves; for what it
leaves in memory see step_kill.c.
"""
import collections
import concurrent.futures
import os
import re
import signal
import subprocess
import tempfile
import threading

from stress_case import Case, NEXT, Problem, expect
from support import (
    C_READER, LIMIT, NOTHING_YET, PYTHON_WRITER, Program, WRITER, id_of, libc)

FIRST, SECOND, THIRD = 'The first message', 'The second one', 'The third, a bit longer'

# What the program may do when a call fails. fail: status 1 and a message; nothing: status 3 and a
# message; fine: as if nothing had been; either: fail or fine, it depends on when; early: a clean end,
# all it printed is right.
WRITER_FAULTS = {
    'rt_sigaction set': {'fail': 'EINVAL'},
    'rt_sigaction get': {'fail': 'EINVAL'},
    'openat': {'fail': 'EMFILE ENFILE ENOMEM EACCES'},
    'fcntl': {'fail': 'EMFILE EINVAL'},
    'close': {'fail': 'EIO EINTR'},
    'semget': {'fail': 'ENOSPC ENOMEM EACCES'},
    'semctl IPC_STAT': {'fail': 'EACCES', 'fine': 'EIDRM EINVAL'},
    'semtimedop join': {'fail': 'ENOMEM ENOSPC EACCES EAGAIN', 'fine': 'EINTR EIDRM EINVAL'},
    'semctl GETVAL': {'fail': 'EIDRM EINVAL EACCES'},
    'shmget': {'fail': 'ENOSPC ENOMEM EACCES EINVAL'},
    'shmat': {'fail': 'ENOMEM EACCES EINVAL EIDRM'},
    'semtimedop lock': {'fail': 'EIDRM EINVAL ENOMEM EAGAIN', 'fine': 'EINTR'},
    'semtimedop lock to leave': {'fail': 'EIDRM EINVAL ENOMEM EAGAIN', 'fine': 'EINTR'},
    'shmctl IPC_STAT': {'fail': 'EIDRM EINVAL'},
    'shmctl IPC_STAT to remove': {'fine': 'EIDRM EINVAL'},
    'futex WAKE': {'fine': 'EFAULT ENOSYS'},
    'write stdout': {'fail': 'EIO ENOSPC EPIPE EINTR EAGAIN'},
    'write stderr': {'fine': 'EIO EPIPE'},
    'read stdin': {'fail': 'EIO EISDIR', 'fine': 'EINTR EAGAIN'},
    'semtimedop leave': {'fail': 'EIDRM EINVAL EAGAIN ENOMEM', 'fine': 'EINTR'},
    'shmctl IPC_RMID': {'fail': 'EPERM', 'fine': 'EIDRM EINVAL'},
    'semctl IPC_RMID': {'fail': 'EPERM EIDRM EINVAL'},
    'shmdt': {'fine': 'EINVAL'},
    'newfstatat': {'fine': 'EIO'},
    'fstat': {'fine': 'EIO'},
    'ioctl': {'fine': 'EIO'},
    'getrandom': {'fine': 'EAGAIN ENOSYS'},
}
READER_FAULTS = {
    'rt_sigaction set': {'fail': 'EINVAL'},
    'shmget': {'fail': 'EACCES ENOMEM', 'nothing': 'ENOENT EIDRM EINVAL'},
    'shmat': {'fail': 'EACCES ENOMEM', 'nothing': 'EIDRM EINVAL'},
    'shmctl attach': {'fail': 'EACCES', 'nothing': 'EIDRM EINVAL'},
    'shmctl IPC_STAT': {'early': 'EIDRM EINVAL'},
    'semget': {'fine': 'EACCES', 'early': 'ENOENT'},
    'semctl GETVAL': {'fine': 'EACCES', 'early': 'EIDRM EINVAL'},
    'futex WAIT': {'fine': 'EINTR EAGAIN ETIMEDOUT ENOSYS'},
    'clock_nanosleep': {'fine': 'EINTR'},
    'nanosleep': {'fine': 'EINTR'},
    'write stdout': {'fail': 'EIO ENOSPC EPIPE EINTR EAGAIN'},
    'write stderr': {'fine': 'EIO EPIPE'},
    'shmdt': {'fine': 'EINVAL'},
    'newfstatat': {'fine': 'EIO'},
    'fstat': {'fine': 'EIO'},
    'ioctl': {'fine': 'EIO'},
    'getrandom': {'fine': 'EAGAIN ENOSYS'},
}
WAITING_FAULTS = READER_FAULTS | {
    'shmget': {'fail': 'EACCES ENOMEM', 'fine': 'ENOENT EIDRM EINVAL'},
    'shmat': {'fail': 'EACCES ENOMEM', 'fine': 'EIDRM EINVAL'},
    'shmctl attach': {'fail': 'EACCES', 'fine': 'EIDRM EINVAL'},
}

# Python's writer makes many more calls; those are made to fail that the channel is made of.
PYTHON_FAULTS = {call: WRITER_FAULTS[call] for call in (
    'semget', 'semtimedop join', 'shmget', 'shmat', 'semtimedop lock', 'semtimedop lock to leave',
    'semtimedop leave', 'shmctl IPC_RMID', 'semctl IPC_RMID', 'futex WAKE')} | {
    'semctl fence': {'fine': 'EIDRM EINVAL EACCES'},
}

# Calls that are killed at but not made to fail.
NO_ERRORS = {
    'getpid': 'it never fails',
    'brk': 'it returns no error, and the C library takes memory from mmap then',
    'exit_group': 'it never fails',
    'restart_syscall': 'the kernel makes it by itself',
    'semtimedop unlock': 'it fails only if the set is gone: tried with a set really removed',
}

# After a failure nothing may be left, not even for the next writer to tidy up, but here.
_GONE = 'the object is still there only because the error is pretended'
LEFT = {
    ('semctl IPC_STAT', 'EACCES'): 'a set that may not be looked at is somebody else\'s',
    ('semtimedop join', 'ENOMEM'): 'an empty set: without the lock nobody may remove it',
    ('semtimedop join', 'ENOSPC'): 'the same',
    ('semtimedop join', 'EACCES'): 'a set that may not be used is somebody else\'s',
    ('semtimedop join', 'EAGAIN'): 'who has held the lock for 5 seconds is in the channel, too',
    ('semctl GETVAL', 'EIDRM'): _GONE,
    ('semctl GETVAL', 'EINVAL'): _GONE,
    ('semctl GETVAL', 'EACCES'): 'who can\'t count the writers may not take itself for the last',
    ('semtimedop lock to leave', 'EIDRM'): _GONE,
    ('semtimedop lock to leave', 'EINVAL'): _GONE,
    ('semtimedop lock to leave', 'EAGAIN'):
        'who has held the lock for 5 seconds is in the channel, too',
    ('semtimedop lock to leave', 'ENOMEM'): 'without the lock nobody may remove anything',
    ('shmctl IPC_RMID', 'EPERM'): 'another user\'s segment',
    ('shmctl IPC_RMID', 'EIDRM'): _GONE,
    ('shmctl IPC_RMID', 'EINVAL'): _GONE,
    ('semctl IPC_RMID', 'EPERM'): 'another user\'s set',
    ('semctl IPC_RMID', 'EIDRM'): _GONE,
    ('semctl IPC_RMID', 'EINVAL'): _GONE,
}

# A waiting reader makes these again and again: the first few are tried.
POLLED = ('nanosleep', 'clock_nanosleep', 'futex WAIT', 'shmget', 'shmat', 'shmdt', 'shmctl attach',
          'shmctl IPC_STAT', 'semget', 'semctl GETVAL')
SAME_CALL = 4


Fault = collections.namedtuple('Fault', 'kind operation name when error allowed')


def describe(fault):
    call = f'{fault.operation} ({fault.name} no. {fault.when})'
    return {'kill': f'killed at {call}', 'fail': f'{fault.error} from {call}',
            'remove': f'{fault.error} removed after {call}'}[fault.kind]


class Traced(Program):
    """A program under strace. Its system calls come in like its output."""

    def __init__(self, command, fault=None, **options):
        reading, writing = os.pipe()
        inject = []
        if fault:
            how = {'kill': 'signal=KILL', 'remove': 'signal=STOP',
                   'fail': f'error={fault.error}'}[fault.kind]
            inject = ['-e', f'inject={fault.name}:{how}:when={fault.when}']
        try:
            super().__init__(['strace', '-qq', '-s4', '-o', f'/dev/fd/{writing}', *inject, '--',
                              *command], pass_fds=[writing], start_new_session=True, **options)
        finally:
            os.close(writing)
        self.trace = bytearray()
        self.pipe = os.fdopen(reading, 'rb')
        with self.changed:
            self.open += 1
        thread = threading.Thread(target=self._collect, args=(self.pipe, self.trace), daemon=True)
        self.threads.append(thread)
        thread.start()

    def reaches(self, text, data=None):
        """Waits for the text in its trace, or in `data`; false if it has ended before."""
        data = self.trace if data is None else data
        text = text.encode()
        with self.changed:
            expect(self.changed.wait_for(lambda: text in data or not self.open, LIMIT),
                   f'{LIMIT} seconds without {text} and without an end:\n{self.tail()}')
            return text in data

    def tail(self):
        return b'\n'.join(self.trace.splitlines()[-6:]).decode()

    def group_signal(self, number):
        """To strace and the program. Not after its end: the number may be another's by then."""
        if self.process.poll() is None:
            os.killpg(self.pid, number)

    def dispose(self):
        self.group_signal(signal.SIGKILL)
        super().dispose()
        self.pipe.close()


class Channel(Case):
    """A key on which a program under strace runs, alone or with others."""

    def traced(self, command, *arguments, fault, given=None):
        if given is None:
            return self.start(command, *arguments, maker=Traced, fault=fault,
                              stdin=subprocess.DEVNULL)
        with tempfile.TemporaryFile() as file:
            file.write(given)
            file.seek(0)
            return self.start(command, *arguments, maker=Traced, fault=fault, stdin=file)

    def stream(self, *lines):
        """A writer that joined; each line was seen by its follower."""
        self.other = self.start(WRITER, '-s')
        self.other.wait_for('Publishing every line')
        self.follower = None
        for line in lines:
            self.other.send(line + '\n')
            self.follow(line)

    def follow(self, line):
        if not self.follower:
            self.follower = self.start(C_READER, '-r', '-f', '-w')
        self.follower.wait_for(line + '\n')

    def others_go_on(self):
        """The other writer and its follower, which had no fault."""
        if self.other.process.stdin.closed:
            return
        self.other.send(THIRD + '\n')
        self.follow(THIRD)

    def others_end(self):
        writer = self.other.finish()
        expect(writer.status == 0, f'the other writer: {writer}')
        if self.follower:
            result = self.follower.result()
            expect(result.status == 0, f'the follower: {result}')


# What is run. Each function takes a Channel, a Command and a Fault and returns the traced program.

def writer_alone(case, command, fault):
    return case.traced(command, '-m', FIRST, fault=fault)


def stream_alone(case, command, fault):
    turn = b'one\n' * (16 if command.name == 'writer' else 1)  # which C takes for 16 lines
    return case.traced(command, '-s', fault=fault, given=turn + b'two\nthree\n')


def writer_in_company(case, command, fault):
    case.stream(FIRST)
    return case.traced(command, '-m', SECOND, fault=fault)


def stream_in_company(case, command, fault):
    case.stream(FIRST)
    return case.traced(command, '-s', fault=fault, given=b'one\ntwo\nthree\n')


def reader(case, command, fault):
    case.stream(FIRST)
    return case.traced(command, fault=fault)


def reader_following(case, command, fault):
    case.stream(FIRST)
    traced = case.traced(command, '-f', fault=fault)
    if traced.reaches(FIRST, traced.out):
        case.other.send(SECOND + '\n')
        case.follow(SECOND)
        if traced.reaches(SECOND, traced.out):
            case.other.close_input()
    return traced


def reader_waiting(case, command, fault):
    traced = case.traced(command, '-w', fault=fault)
    traced.reaches('nanosleep(')  # there is no segment
    case.stream()
    if traced.reaches('futex('):  # there is one, and nothing in it
        case.other.send(FIRST + '\n')
        case.follow(FIRST)
    return traced


def reader_left_behind(case, command, fault):
    writer = case.start(WRITER, '-m', FIRST)
    writer.wait_for('Press Enter')
    writer.kill()
    return case.traced(command, fault=fault)


class Scenario(collections.namedtuple('Scenario', 'name command run faults company')):
    @property
    def writes(self):
        return self.command is not C_READER

    @property
    def heir(self):
        """The writer that finds what this program left when it was killed."""
        return PYTHON_WRITER if self.command is WRITER else WRITER


FOLLOWING_FAULTS = READER_FAULTS | {
    'shmget another': {'fine': 'EACCES ENOMEM ENOENT EIDRM EINVAL'},
    'semget': {'either': 'EACCES', 'early': 'ENOENT'},
    'semctl GETVAL': {'either': 'EACCES', 'early': 'EIDRM EINVAL'},
}
SCENARIOS = [
    Scenario('writer', WRITER, writer_alone, WRITER_FAULTS, False),
    Scenario('writer -s', WRITER, stream_alone, WRITER_FAULTS, False),
    Scenario('writer beside another', WRITER, writer_in_company, WRITER_FAULTS, True),
    Scenario('writer -s beside another', WRITER, stream_in_company, WRITER_FAULTS, True),
    Scenario('writer.py -s', PYTHON_WRITER, stream_alone, PYTHON_FAULTS, False),
    Scenario('writer.py -s beside another', PYTHON_WRITER, stream_in_company, PYTHON_FAULTS, True),
    Scenario('reader', C_READER, reader, READER_FAULTS, True),
    Scenario('reader -f', C_READER, reader_following, FOLLOWING_FAULTS, True),
    Scenario('reader -w', C_READER, reader_waiting, WAITING_FAULTS, True),
    Scenario('reader of what was left behind', C_READER, reader_left_behind, READER_FAULTS, False),
]


def operation(call, before):
    """What a line of the trace does: the call's name, and more where a name does many things."""
    name = call.partition('(')[0]
    if name in ('semctl', 'shmctl'):
        if name == 'shmctl' and before.startswith('shmat(') and 'SHM_RDONLY' in before:
            return 'shmctl attach'
        return f'{name} {re.search("IPC_STAT|IPC_RMID|GETVAL|GETPID", call)[0]}'
    if name in ('semtimedop', 'semop'):
        for what, sign in (('join', 'sem_num=0, sem_op=1,'), ('leave', 'sem_num=0, sem_op=-1,'),
                           ('lock', 'sem_num=1, sem_op=1,'), ('unlock', 'sem_num=1, sem_op=-1,')):
            if sign in call:
                return f'semtimedop {what}'
    if name == 'futex':
        return f'futex {"WAKE" if "FUTEX_WAKE" in call else "WAIT"}'
    if name == 'rt_sigaction':
        return f'rt_sigaction {"get" if ", NULL, {" in call else "set"}'
    if name in ('read', 'write'):
        return f'{name} {("stdin", "stdout", "stderr")[min(int(call[len(name) + 1]), 2)]}'
    return name


def calls_of(trace, first):
    """(operation, name, number among its name's) of each call from the `first` one on."""
    numbers = collections.Counter()
    calls, within, before = [], False, ''
    for line in trace.decode().splitlines():
        name = line.partition('(')[0]
        if not re.fullmatch('[a-z_0-9]+', name):
            continue
        numbers[name] += 1
        within = within or line.startswith(first)
        if within:
            what = operation(line, before)
            names = [call[0] for call in calls[-2:]]
            if what == 'shmget' and 'semget' in names and 'semtimedop join' not in names:
                what = 'shmget another'  # a follower's, when its segment was removed
            if what == 'semctl GETVAL' and names[-1:] in (['getpid'], ['semctl fence']):
                what = 'semctl fence'  # Python's, between its stores
            elif what == 'semctl GETVAL' and 'semtimedop lock' in names:
                place = names.index('semtimedop lock') - len(names)
                calls[place] = ('semtimedop lock to leave', *calls[place][1:])
            elif what == 'shmget' and names[-1:] == ['shmctl IPC_STAT']:
                what = 'shmget another'  # a follower's, when its own was removed
            elif what == 'shmctl IPC_STAT' and names[-1:] == ['semctl GETVAL'] and \
                    'semtimedop lock to leave' in names:
                what = 'shmctl IPC_STAT to remove'
            calls.append((what, name, numbers[name]))
        before = line
    return calls


def faults_of(scenario, calls):
    times = collections.Counter()
    for what, name, number in calls:
        times[what] += 1
        if what in POLLED and times[what] > SAME_CALL and not scenario.writes:
            continue
        yield Fault('kill', what, name, number, None, 'kill')
        for allowed, errors in scenario.faults.get(what, {}).items():
            for error in errors.split():
                yield Fault('fail', what, name, number, error, allowed)


def masked(data):
    """Output without what differs from run to run: numbers."""
    return re.sub(rb'0x[0-9a-f]+|\d+', b'#', data)


def judge(scenario, fault, result, normal):
    """Whether a program with a fault behaved as it should."""
    if fault.allowed == 'kill':
        expect(result.status == -signal.SIGKILL, f'not killed: {result}')
        return
    out = masked(result.out)
    if fault.allowed == 'fine' or fault.allowed == 'either' and result.status == 0:
        expect(result.status == 0 and out == masked(normal.out), f'not as usual: {result}')
    elif fault.allowed == 'early':
        expect(result.status == 0 and masked(normal.out).startswith(out), f'not right: {result}')
    else:
        status = NOTHING_YET if fault.allowed == 'nothing' else 1
        expect(result.status == status, f'status {status} was to be expected: {result}')
        expect(result.err, f'it did not say why: {result}')
    if fault.operation != 'write stderr':
        expect(all(line.startswith(scenario.command.name + ': ')
                   for line in result.err.splitlines()),
               f'not everything it says begins with its name: {result}')


def left_behind_is_readable(case, fault):
    """A reader of what a killed writer left."""
    result = case.run(C_READER, '-r')
    if fault.operation == 'semctl fence':
        expect(result.status == 1 and 'torn' in result.err, f'killed half-way: {result}')
    elif result.status == 0:
        expect(result.out.decode()[:-1] in (FIRST, 'one', 'two', 'three'), f'torn: {result}')
        expect('no writer is alive' in result.err, f'no warning: {result}')
    else:
        expect(result.status == NOTHING_YET, f'a reader of what it left: {result}')


def try_fault(scenario, fault, normal):
    """Returns None if the fault was survived, 'missed' if it didn't come, or a text."""
    try:
        with Channel() as case:
            traced = scenario.run(case, scenario.command, fault)
            result = traced.result()
            fired = b'killed by SIGKILL' if fault.kind == 'kill' else b'(INJECTED)'
            if fired not in traced.trace:
                return 'missed'
            judge(scenario, fault, result, normal)
            if scenario.company:
                case.others_go_on()
            elif scenario.writes and fault.kind == 'kill':
                left_behind_is_readable(case, fault)
            elif scenario.writes and (fault.operation, fault.error) not in LEFT:
                case.nothing_left('by the failed writer')
            heir = scenario.heir if fault.kind == 'kill' else WRITER
            if scenario.company and not case.other.process.stdin.closed:
                case.next_writer(heir)
            if scenario.company:
                case.others_end()
            else:
                case.next_writer(heir)
            case.nothing_left('at the end')
    except (Problem, AssertionError) as problem:
        return str(problem)
    return None


def remove(key, what):
    segment, semaphores = id_of('segment', key), id_of('set', key)
    if segment is not None and what != 'set':
        libc.shmctl(segment, 0, None)
    if semaphores is not None and what != 'segment':
        libc.semctl(semaphores, 0, 0, 0)


def try_removal(scenario, fault, normal):
    """The same for a program that is stopped while somebody removes what it uses."""
    try:
        with Channel() as case:
            traced = scenario.run(case, scenario.command, fault)
            if not traced.reaches('stopped by SIGSTOP'):
                return 'missed'
            remove(case.key, fault.error)
            newer = None
            if fault.error == 'both':  # now another may use the key, and must not be disturbed
                newer = case.start(WRITER, '-m', NEXT)
                newer.wait_for('Press Enter')
            traced.group_signal(signal.SIGCONT)
            result = traced.result()
            expect(result.status == 0 or result.status in (1, NOTHING_YET) and result.err,
                   f'it did not say why: {result}')
            expect(all(line.startswith(scenario.command.name + ': ')
                       for line in result.err.splitlines()), f'not by its name: {result}')
            if scenario.run is stream_alone and fault.operation == 'futex WAKE' and fault.when == 1:
                expect(b'Messages' not in result.out,
                       f'it went on publishing for nobody to see: {result}')
            if newer:
                read = case.run(C_READER, '-r')
                expect(read.status == 0 and read.out.decode()[:-1] in (
                    NEXT, FIRST, 'one', 'two', 'three'), f'a reader of the newer writer: {read}')
                ended = newer.finish()
                expect(ended.status == 0, f'the newer writer: {ended}')
                case.nothing_left('by the newer writer')
            case.next_writer()
            case.nothing_left('at the end')
    except (Problem, AssertionError) as problem:
        return str(problem)
    return None


def sweep(scenario, pool):
    """Every fault of a scenario. Returns the problems and how many were tried and survived."""
    with Channel() as case:
        traced = scenario.run(case, scenario.command, None)
        normal = traced.result()
        if scenario.company:
            case.others_end()
        # C: the first thing in main(). In Python, before its first call nothing is to be left.
        calls = calls_of(traced.trace, 'semget(' if scenario.command is PYTHON_WRITER
                         else 'rt_sigaction(SIGPIPE')
    if normal.status != 0 or not calls:
        return [f'{scenario.name} does not work without a fault: {normal}'], 0, 0

    faults = list(faults_of(scenario, calls))
    jobs = [(fault, pool.submit(try_fault, scenario, fault, normal)) for fault in faults]
    if not scenario.company and scenario.writes:
        for what, name, number in calls:
            for kind in ('segment', 'set', 'both'):
                fault = Fault('remove', what, name, number, kind, None)
                if name != 'exit_group':
                    jobs.append((fault, pool.submit(try_removal, scenario, fault, normal)))
    counts, problems, missed, came = collections.Counter(), [], 0, set()
    for fault, job in jobs:
        outcome = job.result()
        if outcome == 'missed':
            missed += 1
            continue
        counts[fault.kind] += 1
        came.add(fault.operation)
        if outcome is None:
            counts['survived'] += 1
        else:
            problems.append(f'{scenario.name}, {describe(fault)}: {outcome}')
    tried = counts['kill'] + counts['fail'] + counts['remove']
    print(f'faults: {scenario.name}: {len(calls)} system calls; {counts["kill"]} kills, '
          f'{counts["fail"]} errors, {counts["remove"]} removals: {tried} faults tried, '
          f'{counts["survived"]} survived' + (f'; {missed} came too late' if missed else ''))
    unknown = {call[0] for call in calls} - set(scenario.faults) - set(NO_ERRORS)
    if unknown and scenario.faults is not PYTHON_FAULTS:
        print(f'faults: {scenario.name}: only killed at, for no errors of it are known here: '
              f'{", ".join(sorted(unknown))}')
    # How often a reader looks is up to the clock, and a fault at its last look may find it gone.
    untried = {call[0] for call in calls} - came
    if untried or (missed and scenario.command is WRITER):
        problems.append(f'{scenario.name}: {missed} faults never came, of {sorted(untried)} none: '
                        'what was tried instead?')
    return problems, tried, counts['survived']


def run(report, options):
    del options
    try:
        with Channel() as case:
            tried = case.traced(C_READER, fault=Fault('fail', '', 'shmget', 1, 'EACCES', ''))
            works = tried.result().status == 1 and b'INJECTED' in tried.trace
            why = tried.err.decode()
    except OSError as error:
        works, why = False, str(error)
    if not works:
        report.skipped('faults', f'strace cannot make system calls fail here: {why.strip()}')
        return
    print('faults: not made to fail, only killed at: '
          + '; '.join(f'{name}: {reason}' for name, reason in NO_ERRORS.items()))
    reasons = collections.defaultdict(list)
    for (name, error), reason in LEFT.items():
        reasons[reason if reason != 'the same' else 'an empty set'].append(f'{error} from {name}')
    print('faults: a failed writer may leave something, for the next one to remove: '
          + '; '.join(f'{", ".join(those)} ({reason})' for reason, those in reasons.items()))
    totals = collections.defaultdict(lambda: [0, 0])
    with concurrent.futures.ThreadPoolExecutor(6 * (os.cpu_count() or 1)) as pool:
        try:
            for scenario in SCENARIOS:
                problems, tried, survived = sweep(scenario, pool)
                report.check(f'faults: {scenario.name}', problems)
                totals[scenario.command.name][0] += tried
                totals[scenario.command.name][1] += survived
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for program, (tried, survived) in totals.items():
        print(f'faults: {program}: {tried} faults tried, {survived} survived')
