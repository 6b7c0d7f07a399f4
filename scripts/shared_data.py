"""What the Python readers share: the layout of the bytes, how they are shown, the command line.

The counterpart of include/shared_data.h, src/report.c and src/cli.c.
"""
import argparse
import errno
import math
import os
import re
import struct
import sys

try:
    import sysv_ipc
except ImportError:
    sys.exit(f'{sys.argv[0]}: {sys.executable} has no module sysv_ipc: get it with '
             f"'{sys.executable} -m pip install sysv_ipc', or, on Debian and Ubuntu, with "
             "'apt install python3-sysv-ipc' for /usr/bin/python3")

KEY = 5678
SIZE = 1024                              # bytes of a segment; a larger one is accepted
SHARED_DATA = struct.Struct('=i900sB')   # processId, message, dataReady
SHARED_DATA_SIZE = 908                   # with the padding behind dataReady
VERSION_OFFSET = 908
TAIL = struct.Struct('=II')              # version, magic
MAGIC = 0x31726150

DONE, FAILED, USAGE, NOTHING_YET = range(4)


def warn(text):
    try:
        os.write(2, os.fsencode(f'{PROGRAM}: {text}\n'))
    except OSError:
        pass  # there is nobody to tell


def fail(text, status=FAILED):
    """Ends the program with a message on stderr."""
    warn(text)
    sys.exit(status)


def write(data):
    """Writes to standard output, now and completely."""
    try:
        with open(1, 'wb', closefd=False) as out:
            out.write(data)
    except OSError as error:
        fail(f'cannot write to standard output: {error.strerror}')


class SharedData:
    """A private copy of struct SharedData, whoever wrote it."""

    def __init__(self, raw):
        self.process_id, message, self.data_ready = SHARED_DATA.unpack_from(raw)
        self.message, nul, _ = message.partition(b'\0')
        self.terminated = bool(nul)

    def damaged(self):
        """Whether dataReady, processId or message can't be right."""
        return self.data_ready > 1 or self.process_id < self.data_ready or not self.terminated

    def describe(self):
        return (f'processId {self.process_id}, dataReady {self.data_ready}, '
                f'message {"with" if self.terminated else "without"} NUL')

    def shown(self, options, source='Shared Memory'):
        """The bytes to print: the message alone, a line, or the seed's display."""
        if options.raw:
            return self.message + b'\n'
        if options.follow:
            return b'%d: %s\n' % (self.process_id, escape(self.message, one_line=True))
        characters = len(self.message.decode('utf-8', 'surrogateescape'))
        return b'''\
=== Data Retrieved from %s ===
Data Ready Flag: True
C Process ID: %d

Message from C Program:
--------------------------------------------------
%s
--------------------------------------------------

=== Python Program Output ===
Successfully read %d characters from %s
==================================================
''' % (source.encode(), self.process_id, escape(self.message), characters, source.lower().encode())


def escape(message, one_line=False):
    """Valid UTF-8 as it is; every other byte and every control character as \\xNN."""
    text = message.decode('utf-8', 'surrogateescape')  # a byte 0xNN that isn't UTF-8: U+DCNN
    unsafe = '[\0-\x08%s\x0b-\x1f\x7f-\x9f\udc80-\udcff]' % ('\n' if one_line else '')

    def as_hex(match):
        return ''.join(f'\\x{byte:02x}' for byte in match[0].encode('utf-8', 'surrogateescape'))

    return re.sub(unsafe, as_hex, text).encode()


class Parser(argparse.ArgumentParser):
    """The options of every reader."""

    def __init__(self, description, thing):
        super().__init__(prog=PROGRAM, description=description, epilog=(
            'Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing to read yet.'))
        self.add_argument('-k', '--key', type=key, default=KEY,
                          help=f'key of the {thing}, decimal or 0x..., default {KEY}')
        self.add_argument('-w', '--wait', type=seconds, nargs='?', default=0.0, const=math.inf,
                          metavar='SECONDS', help='wait for a first message, without SECONDS as '
                                                  'long as it takes')
        self.add_argument('-f', '--follow', action='store_true',
                          help='print each new message as it appears, until the writers have gone')
        self.add_argument('-r', '--raw', action='store_true',
                          help='print the message alone, byte for byte, and a newline')
        self.add_argument('-V', '--version', action='version', version='%(prog)s 1.0.0')

    def _print_message(self, message, file=None):
        """Help and version go where data goes, checked like data."""
        write(message.encode())

    def error(self, message):
        fail(f"{message}\nTry '{PROGRAM} --help'.", USAGE)


def key(text):
    """A key as the user types it."""
    if not re.fullmatch('[0-9]+|0[xX][0-9a-fA-F]+', text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number: decimal or 0x... is expected")
    number = int(text, 16) if text[:2] in ('0x', '0X') else int(text.lstrip('0') or '0')
    if number == 0:
        raise argparse.ArgumentTypeError('key 0 is IPC_PRIVATE: no other process could find it')
    if number > 0xffffffff:
        raise argparse.ArgumentTypeError(f"'{text}' is too large: 0xffffffff is the largest")
    return number


def seconds(text):
    if not re.fullmatch('[0-9]+([.][0-9]*)?', text) or len(text) > 15:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds")
    return float(text)


def refused(tried, thing, number, error):
    """Ends the program: sysv_ipc raised `error` when `tried` was done to `thing`."""
    listing = 'ipcs -q' if 'queue' in thing else 'ipcs -m'
    hint = f"'{listing}' may show why"
    if isinstance(error, sysv_ipc.PermissionsError):
        error = os.strerror(errno.EACCES)
        hint = f"it belongs to another user ('{listing}' shows whom); use another key with --key"
    fail(f'cannot {tried} the {thing} with key {number} (0x{number:x}): {error}; {hint}')


def missing(tried, thing, number):
    """Ends the program: there is no such object."""
    fail(f'cannot {tried} the {thing} with key {number} (0x{number:x}): '
         f'{os.strerror(errno.ENOENT)}; start the writer first, or wait for it with --wait',
         NOTHING_YET)


def key_t(number):
    """The key as C's signed key_t."""
    return number - (1 << 32) if number >= 1 << 31 else number


def writers_count(number):
    """The live writers: number 0 of the set with this key. None: not allowed to look."""
    try:
        return sysv_ipc.Semaphore(key_t(number), 0, 0o400).value
    except sysv_ipc.ExistentialError:
        return 0
    except (sysv_ipc.Error, OSError, MemoryError):
        return None


PROGRAM = sys.argv[0].rpartition('/')[2]
