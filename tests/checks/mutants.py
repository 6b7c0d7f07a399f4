#!/usr/bin/env python3
"""Who tests the tests? Puts one small bug at a time into a copy of this tree: they must notice it.

The bugs are those of mutants.txt, or those of them with a WORD in their sentence or file, or a
sample of them, and COUNT random ones in C and Python. Which ones these are depends on SEED. A bug is
caught when a test fails; one that waits for too long fails, too. What has caught it is remembered in
build/mutants.json, and tried first the next time. Everything runs in namespaces of its own: no bug
harms anybody. Exit status 0: all that are named were caught, and 95 % of the random ones.
"""
import argparse
import concurrent.futures
import difflib
import json
import os
import pathlib
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading

TOP = pathlib.Path(__file__).resolve().parents[2]
MEMORY = TOP / 'build' / 'mutants.json'
BOUND = 600  # seconds for all tests, or what is run instead; each test has its own, lower bounds
APART = ['unshare', '-ipf' if os.geteuid() == 0 else '-cipf', '--kill-child', '--mount-proc']
TESTS = sys.executable, 'tests/run.py'
PROGRAMS = 'writer', 'reader', 'build/queue_writer', 'build/queue_reader'

# Without -g: where the code is the same, the program is. Of what it has compiled, Python can't see
# that it is out of date if size and second are the same. What hangs hangs for 20 seconds.
ENVIRONMENT = {**os.environ, 'CFLAGS': '-O2', 'PYTHON': sys.executable,
               'PYTHONDONTWRITEBYTECODE': '1', 'TEST_LIMIT': '20'}

# In a line with one of these a number is a time: it becomes twenty times as long.
TIMES = re.compile('SECONDS|PAUSE|TICK|AGAIN|LOOK_UP|SLEEP|GIVE_UP|HURRIED')
OTHER = {'<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '==', '&&': '||', '||': '&&',
         '+': '-', '-': '+', '+=': '-=', '-=': '+=', '++': '--', '|': '&', '&': '|', '/': '*',
         'and': 'or', 'or': 'and', 'True': 'False', 'False': 'True'}
TOKEN = re.compile(r'''(?P<skip>\s+|//.*|/[*](?s:.*?)[*]/|[#](?:.*\\\n)*.*|"""(?s:.*?)"""|"(?:\\.|[^"\\])*"|'''
                   r"""'(?:\\.|[^'\\])+')|(?P<number>\d[\w.]*)|\w+|->|<<|>>|[-+]{2}|"""
                   r'[-+<>=!|&]=|&&|[|]{2}|.', re.M)


class Mutant:
    def __init__(self, sentence, path, replacements, notes):
        self.sentence, self.path, self.notes = sentence, path, notes
        self.before = self.after = (TOP / path).read_text(encoding='utf-8')
        self.applies = True
        for old, new in replacements:  # wherever its lines end
            pattern = r'\s+'.join(map(re.escape, old.split()))
            self.after, count = re.subn(pattern, lambda _, new=new: new, self.after)
            self.applies &= count == 1

    def difference(self):
        return ''.join(difflib.unified_diff(
            self.before.splitlines(True), self.after.splitlines(True), self.path, self.path, n=2))


def listed_mutants():
    text = re.sub('(?m)^#.*\n', '', (TOP / 'tests/checks/mutants.txt').read_text(encoding='utf-8'))
    for paragraph in re.split('\n\n+', text.strip()):
        sentence, _, rest = paragraph.partition('\n')
        if not rest:
            path = sentence
            continue
        replacements = [[re.sub('(?m)^. ', '', lines).rstrip('\n') for lines in pair] for pair in
                        re.findall(r'((?:^- .*\n?)+)((?:^[+] .*\n?)*)', rest, re.M)]
        yield Mutant(sentence, path, replacements, dict(re.findall('(?m)^([a-z ]+): (.*)', rest)))


def changes(text):
    """What can be changed in C or Python, all of it: (begin, end, what to put there)."""
    tokens = [match for match in TOKEN.finditer(text) if not match['skip']]
    for before, token, after in zip(tokens, tokens[1:], tokens[2:]):
        word = token.group()
        if word in OTHER:
            yield *token.span(), OTHER[word]
        elif token['number'] and TIMES.search(text[text.rfind('\n', 0, token.start()):token.start()]):
            yield *token.span(), word + ' * 20'
        elif token['number']:
            other = '1' if word == '0' else f'({word} + 1)' if word[:2] == '0x' or \
                word != '1' and len(word) < 3 else '0'  # one more of many would change nothing
            yield *token.span(), other
        elif word in ('if', 'while') and after.group() == '(':
            begin = end = after.start()
            while end == begin or text.count('(', begin, end) > text.count(')', begin, end):
                end += 1
            yield begin, end, f'(!{text[begin:end]})'
        elif before.group() in (';', '{', '}', ')', 'else') and \
                '\n' in text[before.end():token.start()]:
            statement = re.compile('[^;{}]*;').match(text, token.start())
            if statement:
                yield *statement.span(), ';'


def random_mutants(count, seed):
    every = [(path, *change) for path in sorted([*(TOP / 'src').glob('**/*.c'),
                                                 *(TOP / 'scripts').glob('**/*.py')])
             if path.parent.name != 'bench' and path.name != 'wait_posix.c'
             for change in changes(path.read_text(encoding='utf-8'))]
    for number, (path, begin, end, new) in enumerate(random.Random(seed).sample(every, count), 1):
        text = path.read_text(encoding='utf-8')
        mutant = Mutant(f'random {number} of seed {seed}', str(path.relative_to(TOP)), [],
                        {'random': True})
        mutant.after = text[:begin] + new + text[end:]
        yield mutant


remembered = {}  # which test has caught what: its class and name


class Tree:
    """A copy of ours, in which everything is built."""

    def __init__(self, place):
        shutil.copytree(TOP, place, ignore=shutil.ignore_patterns('.git', 'build', '__pycache__'))
        self.place = place
        if not self.make('clean', 'all'):
            sys.exit('mutants.py: make failed')
        self.programs = self.read_programs()

    def make(self, *targets):
        return subprocess.run(['make', *targets], cwd=self.place, env=ENVIRONMENT,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def read_programs(self):
        return [(self.place / name).read_bytes() for name in PROGRAMS]

    def failure(self, *command, saying=''):
        """The first failure that the command names, '' if there is none; and its exit status."""
        process = subprocess.Popen([*APART, *command], cwd=self.place, env=ENVIRONMENT, text=True,
                                   errors='replace', stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        timer = threading.Timer(BOUND, process.kill)
        timer.start()
        try:
            for line in process.stdout:
                if line.startswith('FAILED') and saying in line:
                    return line[6:].strip(), 1
            return '', process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()

    def judge(self, mutant):
        """What catches it, '' if nothing does. None: it isn't a bug, or doesn't compile."""
        if not mutant.applies:
            return None
        file = self.place / mutant.path
        file.write_text(mutant.after, encoding='utf-8')
        try:
            if not self.make() or 'random' in mutant.notes and mutant.path.endswith('.c') and \
                    self.read_programs() == self.programs:
                return None
            if 'shown by' in mutant.notes:
                return self.failure(*mutant.notes['shown by'].split(),
                                    saying=mutant.notes['saying'])[0]
            before = remembered.get(mutant.sentence)
            caught, status = self.failure(*TESTS, before) if before else ('', 0)
            if not caught:
                caught, status = self.failure(*TESTS)
            return caught or (f'the tests end with status {status}' if status else '')
        finally:
            file.write_text(mutant.before, encoding='utf-8')


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('-r', '--random', type=int, default=0, metavar='COUNT')
    parser.add_argument('-n', '--sample', type=int, metavar='COUNT', help='of those that are named')
    parser.add_argument('-s', '--seed', type=int, default=random.SystemRandom().randrange(10000))
    parser.add_argument('words', nargs='*', metavar='WORD')
    return parser.parse_args()


def choose(options):
    named = list(listed_mutants())
    if options.sample is not None:
        named = random.Random(options.seed).sample(named, options.sample)
    mutants = [*named, *random_mutants(options.random, options.seed)]
    harmless = {mutant.after for mutant in mutants if 'equivalent' in mutant.notes}
    return [mutant for mutant in mutants if mutant.after not in harmless and (
        not options.words or any(word in f'{mutant.sentence} ({mutant.path})'
                                 for word in options.words))]


def verdicts(mutants, place, check):
    """Each mutant and what Tree.judge() says of it; as many at a time as processors are ours."""
    trees = queue.Queue()

    def judge(mutant):
        tree = trees.get()
        try:
            return tree.judge(mutant)
        finally:
            trees.put(tree)

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for tree in pool.map(Tree, [place / str(number) for number in range(pool._max_workers)]):
            trees.put(tree)
        caught, status = tree.failure(*TESTS) if check else ('', 0)
        if caught or status:
            sys.exit(f'mutants.py: without any bug this fails: {caught or "make test"}')
        try:
            yield from zip(mutants, pool.map(judge, mutants))
        finally:
            pool.shutdown(cancel_futures=True)


def main():
    options = arguments()
    mutants = choose(options)
    print(f'seed {options.seed}, bugs: {len(mutants)}', flush=True)
    if MEMORY.exists():
        remembered.update(json.loads(MEMORY.read_text(encoding='utf-8')))
    named, at_random = [], []
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o1777)  # as /tmp: the tests run programs as other users, too
        ENVIRONMENT['TMPDIR'] = place  # what is killed doesn't remove its files
        check = not options.words and not options.sample
        for mutant, caught in verdicts(mutants, pathlib.Path(place), check):
            (at_random if 'random' in mutant.notes else named).append(caught)
            if caught:
                remembered[mutant.sentence] = caught.partition(': ')[2] or caught
                print(f'ok    {mutant.sentence} ({mutant.path})\n        {caught}', flush=True)
            elif caught == '' or 'random' not in mutant.notes:
                why = ': does not compile' if mutant.applies else \
                    ': what it replaces is not there once'
                print(f'NOT   {mutant.sentence} ({mutant.path})' + why * (caught is None),
                      mutant.difference(), sep='\n', flush=True)
    MEMORY.parent.mkdir(exist_ok=True)
    MEMORY.write_text(json.dumps(remembered, indent=0), encoding='utf-8')
    bugs = [caught for caught in at_random if caught is not None]
    elsewhere = sum('shown by' in mutant.notes for mutant in mutants)
    print(f'{sum(map(bool, named))} of {len(named)} named mutants caught, {elsewhere} of them by '
          f'something else than make test; random, seed {options.seed}: {sum(map(bool, bugs))} of '
          f'{len(bugs)} caught, {len(at_random) - len(bugs)} were no bugs')
    return 0 if all(named) and sum(map(bool, bugs)) >= 0.95 * len(bugs) else 1


if __name__ == '__main__':
    sys.exit(main())
