"""Faults at the System V calls of all eight programs, by strace(1).

Each program is run once, alone or with others, to learn which calls it makes. Then it is run again
and again: each of these calls fails with every error that it is likely to fail with; a writer is
killed at each of them; and a writer is stopped after each of them while somebody removes its object
or its semaphore set. The programs in C are also made to fail where they read, write and sleep.

Whatever happens, a program must end before long, with a status that it promises, and say why in
sentences of its own. What it leaves in the kernel the next writer must take over and remove; other
writers and readers must not notice anything. What a kill leaves is found by a writer in the other
language. A kill between two calls leaves in the kernel what a kill at the second one leaves; for
what it leaves in memory see step_kill.c.
"""
import collections
import concurrent.futures
import itertools
import os
import re
import signal
import tempfile
import threading
import time

from stress_case import Case, NEXT, Problem, expect
from support import (
    C_READER, DONE, FAILED, LIMIT, NOTHING_YET, QUEUE, QUEUE_READER, QUEUE_WRITERS, READERS,
    READERS_IN_C, SEGMENT, SEGMENT_WRITERS, WRITER, WRITERS, WRITERS_IN_C, Program, objects_of,
    remove)

FIRST, SECOND, THIRD = 'The first message', 'The second one', 'The third, a bit longer'
LINES = 'one', 'two'

# What each System V call is made to fail with. Who releases the lock holds it, so little can go
# wrong there; and who fails to waits for it for 5 seconds.
SYSTEM_V = {
    'semget create': 'EACCES EINVAL ENOMEM ENOSPC ENOSYS EPERM',
    'semget': 'EACCES EAGAIN EINTR ENOENT ENOMEM ENOSYS EPERM',
    'semop join': 'EACCES EAGAIN EIDRM EINTR EINVAL ENOMEM ENOSPC ENOSYS',
    'semop lock': 'EAGAIN EIDRM EINTR EINVAL ENOMEM',
    'semop unlock': 'EIDRM EINTR',
    'semop leave': 'EIDRM EINTR EINVAL ENOMEM',
    'semctl GETVAL': 'EACCES EAGAIN EIDRM EINTR EINVAL ENOMEM ENOSYS EPERM',
    'semctl IPC_STAT': 'EACCES EIDRM EINVAL',
    'semctl IPC_RMID': 'EIDRM EINVAL EPERM',
    'shmget create': 'EACCES EINVAL ENOENT ENOMEM ENOSPC ENOSYS EPERM',
    'shmget': 'EACCES EINVAL ENOENT ENOSYS EPERM',
    'shmat': 'EACCES EIDRM EINVAL ENOMEM',
    'shmctl IPC_STAT': 'EACCES EIDRM EINVAL',
    'shmctl IPC_RMID': 'EIDRM EINVAL EPERM',
    'shmdt': 'EINVAL',
    'msgget create': 'EACCES ENOENT ENOMEM ENOSPC ENOSYS EPERM',
    'msgget': 'EACCES ENOENT ENOSYS EPERM',
    'msgsnd': 'EACCES EAGAIN EIDRM EINTR EINVAL ENOMEM',
    'msgrcv': 'EACCES EIDRM EINTR EINVAL ENOMSG',
    'msgctl IPC_STAT': 'EACCES EIDRM EINVAL',
    'msgctl IPC_SET': 'EIDRM EINVAL EPERM',
    'msgctl IPC_RMID': 'EIDRM EINVAL EPERM',
}
# What else is made to fail in the programs in C. A Python makes such calls for itself, too.
OTHERS = {
    'rt_sigaction': 'EINVAL',
    'rt_sigprocmask': 'EINVAL',
    'read stdin': 'EAGAIN EINTR EIO',
    'write stdout': 'EINTR ENOSPC',
    'write stderr': 'EIO',
    'futex': 'EAGAIN EINTR ENOSYS',
    'nanosleep': 'EINTR',
    'clock_nanosleep': 'EINTR',
}
ERRORS = {**SYSTEM_V, **OTHERS}

# What must not be noticed: for each operation its errors, or all of them.
SURVIVED = {
    'semop join': 'EIDRM EINTR EINVAL', 'semop lock': 'EINTR', 'semop unlock': 'EINTR',
    'semop leave': 'EINTR', 'semctl IPC_STAT': 'EIDRM EINVAL', 'shmdt': 'all',
    'msgsnd': 'EAGAIN EINTR', 'read stdin': 'EAGAIN EINTR', 'write stderr': 'all', 'futex': 'all',
    'nanosleep': 'all', 'clock_nanosleep': 'all',
}
# These say that an object has gone, or that it isn't ours to remove: it is still there only because
# that is pretended.
PRETENDED = 'EACCES', 'EIDRM', 'EINVAL', 'ENOENT', 'ENOSYS', 'EPERM'

AT_A_TIME = 6 * (os.cpu_count() or 1)
AT_ONCE, BEFORE_LONG = 10, 30  # seconds, on a machine that does many other things

# A last writer whose segment or queue has gone removes the one that the key has now, if it is one
# of ours: others may have left it to the last one. If the set has gone, too, after it was asked how
# many others there are, that one is somebody else's.
NOT_PROMISED = ('semctl GETVAL', 'both'),

# Who waits or follows makes the same calls again and again: so many of each are tried.
SAME_CALL = 3

Call = collections.namedtuple('Call', 'operation name number')
Fault = collections.namedtuple('Fault', 'kind call error')  # kind: fail, kill, remove


def describe(fault):
    what = {'kill': 'killed at', 'fail': f'{fault.error} from',
            'remove': f'{fault.error} removed after'}[fault.kind]
    return f'{what} {fault.call.operation} ({fault.call.name} no. {fault.call.number})'


class Traced(Program):
    """A program under strace. Its system calls come in like its output."""

    def __init__(self, command, names, fault=None, **options):
        reading, writing = os.pipe()
        inject = []
        if fault:
            how = {'kill': 'signal=KILL', 'remove': 'signal=STOP',
                   'fail': f'error={fault.error}'}[fault.kind]
            inject = ['-e', f'inject={fault.call.name}:{how}:when={fault.call.number}']
        try:
            super().__init__(['strace', '-f', '-qq', '-s4', '-o', f'/dev/fd/{writing}', '-e',
                              'trace=' + ','.join(f'?{name}' for name in names), *inject,
                              # It makes strace faster, but keeps version 6.1 from sending signals.
                              *['--seccomp-bpf'] * (fault is not None and fault.kind == 'fail'),
                              '-E', 'ASAN_OPTIONS=detect_leaks=0', '--', *command],
                             pass_fds=[writing], start_new_session=True, **options)
        finally:
            os.close(writing)
        self.command = command  # as failures show it
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

    def __init__(self, medium):
        super().__init__(medium)
        self.other = self.follower = None

    def traced(self, scenario, fault, given='\n', names=None):
        with tempfile.TemporaryFile() as file:
            file.write(given.encode())
            file.seek(0)
            return self.start(scenario.command, *scenario.options, maker=Traced, fault=fault,
                              names=names or scenario.names, stdin=file)

    def start_other(self):
        """A writer that has joined and waits for lines."""
        self.other = self.start(WRITERS_IN_C[self.medium], '-s')
        self.other.wait_for(f'{self.medium.act} every line')

    def follow(self, line):
        if not self.follower:
            self.follower = self.start(READERS_IN_C[self.medium], '-r', '-f')
        self.follower.wait_for(line)

    def others_go_on(self):
        """The other writer and a follower of it had no fault, and notice none."""
        if '-s' in self.other.command and not self.other.process.stdin.closed:
            self.other.send(THIRD + '\n')
            self.follow(THIRD + '\n')
        elif self.medium is QUEUE:
            self.follow('')  # takes what is left, for which the other one may be waiting
        writer = self.other.finish()
        expect(writer.status == DONE, f'the other writer: {writer}')
        if self.follower:
            result = self.follower.result()
            expect(result.status in (DONE, NOTHING_YET), f'the follower: {result}')


# What is run. Each function takes a Channel, a Scenario and a Fault and returns the traced program.

def alone(case, scenario, fault):
    return case.traced(scenario, fault, '\n'.join((*LINES, '')))


def beside_another(case, scenario, fault):
    case.start_other()
    case.other.send(FIRST + '\n')
    case.follow(FIRST + '\n')
    return case.traced(scenario, fault, '\n'.join((*LINES, '')))


def of_a_living_writer(case, scenario, fault):
    case.other = case.start(WRITERS_IN_C[case.medium], '-m', FIRST)
    case.other.wait_for('Press Enter')
    return case.traced(scenario, fault)


def of_a_dead_writer(case, scenario, fault):
    dead = case.start(WRITERS_IN_C[case.medium], '-m', FIRST)
    dead.wait_for('Press Enter')
    dead.kill()
    return case.traced(scenario, fault)


def to_the_end(case, scenario, fault):
    case.start_other()
    case.other.send(FIRST + '\n')
    traced = case.traced(scenario, fault)
    if traced.reaches(FIRST, traced.out):
        case.other.send(SECOND + '\n')
        if traced.reaches(SECOND, traced.out):
            case.other.close_input()
    return traced


def before_the_writer(case, scenario, fault):
    traced = case.traced(scenario, fault)
    traced.reaches('ENOENT')  # there is no segment, or no queue
    case.start_other()
    if traced.reaches('shmat(' if case.medium is SEGMENT else 'msgrcv('):
        case.other.send(FIRST + '\n')
    return traced


class Scenario(collections.namedtuple('Scenario', 'command options run')):
    @property
    def name(self):
        words = self.command.name, *self.options[:1], self.run.__name__.replace('_', ' ')
        return ' '.join(words)

    @property
    def writes(self):
        return self.command in WRITERS

    @property
    def names(self):
        """The calls that are traced and made to fail."""
        operations = ERRORS if self.command.language == 'C' else SYSTEM_V
        return {operation.split()[0] for operation in operations} | {'semtimedop'}

    @property
    def heir(self):
        """The writer that finds what this program left when it was killed."""
        writers = SEGMENT_WRITERS if self.command.medium is SEGMENT else QUEUE_WRITERS
        return writers[self.command.language == 'C']


SCENARIOS = [Scenario(command, options, run) for commands, options, run in (
    (SEGMENT_WRITERS, ('-s',), alone),
    ([WRITER, *QUEUE_WRITERS], ('-m', FIRST), alone),
    (WRITERS, ('-s',), beside_another),
    (READERS, (), of_a_living_writer),
    ([C_READER, QUEUE_READER], (), of_a_dead_writer),
    (READERS, ('-f', '-w'), to_the_end),
    (READERS, ('-w',), before_the_writer),
) for command in commands]


def operation(name, arguments):
    """What a call does, where a name does many things."""
    if name in ('semget', 'shmget', 'msgget'):
        return name + ' create' * ('IPC_CREAT' in arguments)
    if name in ('semctl', 'shmctl', 'msgctl'):
        return f'{name} {re.search("IPC_[A-Z]+|GETVAL|GETPID", arguments)[0]}'
    if name in ('semtimedop', 'semop'):
        for what, step in (('join', 'sem_num=0, sem_op=1,'), ('leave', 'sem_num=0, sem_op=-1,'),
                           ('lock', 'sem_num=1, sem_op=1,'), ('unlock', 'sem_num=1, sem_op=-1,')):
            if step in arguments:
                return f'semop {what}'
    if name in ('read', 'write'):
        return f'{name} {("stdin", "stdout", "stderr")[int(arguments[0])]}'
    return name


def calls_of(trace):
    """Those of the traced calls that a program makes by itself, and not its loader."""
    numbers = collections.Counter()
    for line in trace.decode().splitlines():
        found = re.match(r'(?:\d+ +)?([a-z_]+)\((.*)', line)
        if found:
            name, arguments = found.groups()
            numbers[name] += 1
            if name not in ('read', 'write') or arguments[:2] in ('0,', '1,', '2,'):
                yield Call(operation(name, arguments), name, numbers[name])


def faults_of(scenario, calls):
    times = collections.Counter()
    for call, following in zip(calls, [*calls[1:], Call('its end', '', 0)]):
        times[call.operation] += 1
        if not scenario.writes and times[call.operation] > SAME_CALL:
            continue
        for error in ERRORS[call.operation].split():
            yield Fault('fail', call, error)
        # Between two calls that do the same, nothing changes.
        if scenario.writes and call.operation in SYSTEM_V and call.operation != following.operation:
            yield Fault('kill', call, None)
            for what in ('object', 'set', 'both') if scenario.run is alone else ():
                if (call.operation, what) not in NOT_PROMISED:
                    yield Fault('remove', call, what)


def masked(data):
    """Output without what differs from run to run: numbers."""
    return re.sub(rb'0x[0-9a-f]+|\d+', b'#', data)


def judge(scenario, fault, result, normal):
    """Whether a program with a fault behaved as it should."""
    if fault.kind == 'kill':
        expect(result.status == -signal.SIGKILL, f'not killed: {result}')
        return
    call = fault.call
    expect(result.status in (DONE, FAILED) or result.status == NOTHING_YET and not scenario.writes,
           f'no status of ours: {result}')
    if call.operation != 'write stderr':
        expect(result.err or result.status == DONE, f'it did not say why: {result}')
        expect(all(line.startswith(scenario.command.name + ': ')
                   for line in result.err.splitlines()), f'not a sentence of its own: {result}')
    if fault.kind == 'remove':
        return
    out, usual = masked(result.out), masked(normal.out)
    survived = SURVIVED.get(call.operation, '').replace('all', fault.error).split()
    if scenario.run is before_the_writer and call.name in ('shmget', 'shmat', 'shmctl', 'msgget'):
        survived += 'EIDRM', 'ENOENT'
    if scenario.run in (before_the_writer, to_the_end) and call.name == 'msgrcv':
        survived += 'EINTR', 'ENOMSG'
    expect(result.status == DONE or fault.error not in survived, f'not survived: {result}')
    if result.status == DONE:
        early = scenario.run is to_the_end and FIRST.encode() in out and usual.startswith(out)
        expect(out == usual or early and fault.error not in survived, f'not as usual: {result}')
    if not scenario.writes:
        shown = FIRST.encode() in out
        expect(result.status != NOTHING_YET or not shown, f'there was a message: {result}')
        # With these calls a reader looks for writers, after it has shown what there was.
        expect(shown or call.name not in ('semget', 'semctl'), f'nothing shown: {result}')


def take_over(case, scenario, fault, result):
    """Whether what is left may be there, and the next writer takes it over."""
    if case.other:
        case.nothing_left('by the other writer')
    elif fault.kind == 'kill':
        read = case.run(READERS_IN_C[case.medium], '-r')
        if read.status == DONE:
            expect(read.out.decode()[:-1] in (FIRST, *LINES), f'a mixture: {read}')
            expect('no writer is alive' in read.err, f'no warning: {read}')
        else:
            expect(read.status == NOTHING_YET, f'a reader of what it left: {read}')
        case.next_writer(scenario.heir)
    elif objects_of(case.key):
        left = objects_of(case.key)
        if 'cannot join the semaphore set' in result.err:
            left = [kind for kind in left if not kind.startswith('set')]
        expect(not left or fault.kind == 'remove' or not scenario.writes
               or 'cannot remove' in result.err or fault.call.operation == 'semop unlock'
               or result.status == DONE and fault.error in PRETENDED,
               f'{left} left without a word: {result}')
        case.next_writer()


def remove_under_it(case, fault, traced):
    """Removes what a stopped program uses, and continues it."""
    newer = None
    if fault.error != 'set':
        remove(case.medium.kind, case.key)
    if fault.error != 'object':
        remove('set', case.key ^ case.medium.flip)
    if fault.error == 'both':  # now another may use the key, and must not be disturbed
        newer = case.start(WRITERS_IN_C[case.medium], '-m', NEXT)
        newer.wait_for('Press Enter')
    traced.group_signal(signal.SIGCONT)
    result = traced.result()
    if fault.call.operation == 'shmat' and fault.error != 'set':
        expect(b'Messages' not in result.out, f'it published for nobody: {result}')
    if newer:
        read = case.run(READERS_IN_C[case.medium], '-r')
        expect(read.status == DONE and read.out.decode()[:-1] in (NEXT, FIRST, *LINES),
               f'a reader of the newer writer: {read}')
        ended = newer.finish()
        expect(ended.status == DONE, f'the newer writer: {ended}')
        case.nothing_left('by the newer writer')
    return result


def try_fault(scenario, fault, normal):
    """Returns None if the fault was survived, 'missed' if it didn't come, or a text."""
    came = {'fail': '(INJECTED)', 'kill': 'killed by SIGKILL', 'remove': 'stopped by SIGSTOP'}
    try:
        with Channel(scenario.command.medium) as case:
            traced = scenario.run(case, scenario, fault)
            if not traced.reaches(came[fault.kind]):
                return 'missed'
            result = remove_under_it(case, fault, traced) if fault.kind == 'remove' \
                else traced.result()
            judge(scenario, fault, result, normal)
            if case.other:
                case.others_go_on()
            take_over(case, scenario, fault, result)
    except (Problem, AssertionError) as problem:
        return str(problem)
    return None


def start_sweep(scenario, pool):
    """Has every fault of a scenario tried. Returns what a run without a fault made of it, its calls
    and the jobs."""
    with Channel(scenario.command.medium) as case:
        traced = scenario.run(case, scenario, None)
        normal = traced.result()
        if case.other:
            case.others_go_on()
    calls = list(calls_of(traced.trace)) if normal.status == DONE else []
    return normal, calls, [(fault, pool.submit(try_fault, scenario, fault, normal))
                           for fault in faults_of(scenario, calls)]


def end_sweep(scenario, report, normal, calls, jobs):
    """Returns how many faults were tried."""
    counts, problems = collections.Counter(), []
    for fault, job in jobs:
        outcome = job.result()
        counts['missed' if outcome == 'missed' else fault.kind] += 1
        if outcome not in (None, 'missed'):
            problems.append(f'{describe(fault)}: {outcome}')
    # How often a reader looks is up to the clock, and a fault at its last look may find it gone.
    if not calls or counts['missed'] > (0 if scenario.writes else len(jobs) / 2):
        problems.append(f'{counts["missed"]} faults never came; and without a fault: {normal}')
    print(f'faults: {scenario.name}: {len(calls)} calls; {counts["fail"]} errors, '
          f'{counts["kill"]} kills, {counts["remove"]} removals'
          + (f'; {counts["missed"]} came too late' if counts['missed'] else ''))
    report.check(f'faults: {scenario.name}', problems)
    return sum(counts.values()) - counts['missed']


def try_endless(command, error, first, terminated):
    """From its `first` semaphore operation on a writer gets nothing but this error. It ends all the
    same, and if it is told to, at once."""
    scenario = Scenario(command, ('-m', FIRST), alone)
    fault = Fault('fail', Call('semop', 'semop,semtimedop', f'{first}+'), error)
    try:
        with Channel(command.medium) as case:
            traced = case.traced(scenario, fault, names=('semop', 'semtimedop'))
            expect(traced.reaches('INJECTED'), f'{error} never came')
            begin = time.monotonic()
            if terminated:
                try:
                    os.kill(int(traced.trace.split()[0]), signal.SIGTERM)
                except ProcessLookupError:
                    pass  # it has ended already
            result = traced.result()
            seconds = time.monotonic() - begin
            expect(result.status in (FAILED, *[-signal.SIGTERM] * terminated), f'{result}')
            expect(result.err or terminated, f'it did not say why: {result}')
            expect(all(line.startswith(command.name + ': ') for line in result.err.splitlines()),
                   f'not a sentence of its own: {result}')
            expect(seconds < (AT_ONCE if terminated else BEFORE_LONG), f'it took {seconds:.1f} s')
            case.next_writer()
    except (Problem, AssertionError) as problem:
        return f'{command.name}: {error} from each semop from no. {first} on' \
            f'{", SIGTERM" * terminated}: {problem}'
    return None


def works(report):
    """Whether strace can make a system call fail here."""
    scenario = Scenario(C_READER, (), alone)
    try:
        with Channel(SEGMENT) as case:
            tried = case.traced(scenario, Fault('fail', Call('', 'shmget', 1), 'EACCES'))
            if tried.result().status == FAILED and b'INJECTED' in tried.trace:
                return True
            why = tried.err.decode().strip()
    except OSError as error:
        why = str(error)
    report.skipped('faults', f'strace cannot make system calls fail here: {why}')
    return False


def run(report, options):
    del options
    if not works(report):
        return
    totals = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        try:
            endless = [pool.submit(try_endless, *which) for which in itertools.product(
                WRITERS, ('EIDRM', 'EINVAL', 'ENOENT'), (1, 2, 3), (False, True))]
            sweeps = [(scenario, start_sweep(scenario, pool)) for scenario in SCENARIOS]
            for scenario, started in sweeps:
                totals[scenario.command.name] += end_sweep(scenario, report, *started)
            report.check('faults: endless', [job.result() for job in endless if job.result()])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    print(f'faults: {len(endless)} endless ones; in '
          + ', '.join(f'{name} {count}' for name, count in totals.items()))
