#!/usr/bin/env python3
"""Shows how many lines and branches of the programs were reached, and each that was not reached
and that unreached.txt doesn't explain: coverage.py PROGRAM..., for make coverage. coverage.c counts
them."""
import collections
import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]


def count(program, lines, branches):
    """Adds what was counted in a program, as LLVM exports it in the format of lcov(1)."""
    raw, profile = (TOP / f'build/coverage/{pathlib.Path(program).name}.{end}'
                    for end in ('raw', 'profile'))
    subprocess.run([TOP / program], env={**os.environ, 'COVERAGE_WRITE': str(raw)}, check=True)
    subprocess.run(['llvm-profdata', 'merge', '-o', profile, raw], check=True)
    report = subprocess.run(
        ['llvm-cov', 'export', '-format=lcov', f'-instr-profile={profile}', TOP / program,
         TOP / 'src'], stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout
    for what, _, values in (line.partition(':') for line in report.splitlines()):
        if what == 'SF':
            path = pathlib.Path(values)
        elif what == 'DA':
            line, times = values.split(',')
            lines[path, int(line)] += int(times)
        elif what == 'BRDA':
            line, _, number, times = values.split(',')
            branches[path, int(line)][number] += int(times.replace('-', '0'))


def main():
    lines, branches = collections.Counter(), collections.defaultdict(collections.Counter)
    for program in sys.argv[1:]:
        count(program, lines, branches)
    reasons = [line.rstrip().split(': ', 1)
               for line in (TOP / 'tests/checks/unreached.txt').read_text(encoding='utf-8').splitlines()
               if line and line[0] not in '# ']
    unused, problems, reached = list(reasons), 0, collections.defaultdict(lambda: [0] * 4)
    block = None  # a file in which a block that isn't reached is explained, up to its closing brace
    for (path, number), times in sorted(lines.items()):
        name, ways = str(path.relative_to(TOP / 'src')), branches[path, number].values()
        figures = times > 0, 1, sum(map(bool, ways)), len(ways)
        reached[name] = [sum(pair) for pair in zip(reached[name], figures)]
        text = path.read_text(encoding='utf-8').splitlines()[number - 1].strip()
        known = [reason for reason in reasons if reason[0] == name and text.startswith(reason[1])]
        explained = known or block == name
        block = name if explained and '}' not in text and (block or '{' in text) else None
        if times and all(ways):
            continue
        unused = [reason for reason in unused if reason not in known]
        if not explained:
            problems += 1
            what = 'a branch' if times else 'the line'
            print(f'NOT REACHED: src/{name}:{number}: {what}: {text}')
    for name, figures in reached.items():
        print('{:22} {:4} of {:4} lines {:4} of {:4} branches'.format(name, *figures))
    for name, text in unused:
        print(f'unreached.txt explains what is reached, or not there: {name}: {text}')
    print(f'{problems} not reached and not explained')
    return 1 if problems or not lines else 0


if __name__ == '__main__':
    sys.exit(main())
