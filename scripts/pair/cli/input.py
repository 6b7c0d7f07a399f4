"""A writer's standard input: see src/cli/input.h. A signal that ends the writer is the end of its
input, too.
"""
import ctypes
import errno
import os
import stat

from pair.cli import display, signals
from pair.cli.errors import complain, fail
from pair.kernel import call, libc
from pair.message import MESSAGE_SIZE

buffer = ctypes.create_string_buffer(1 << 16)


def enter():
    """Asks for Enter and waits for it, for the end of input or for a signal."""
    display.show('Press Enter to cleanup and exit...\n')
    some = b'.'
    while some and b'\n' not in some:
        some = read('; use --stay to do without')
    # Nobody can press Enter in a background job of a script, say, whose input is /dev/null.
    if not (some or signals.received() or os.isatty(0) or stat.S_ISFIFO(os.fstat(0).st_mode)):
        complain('standard input ended before any Enter came, so it leaves; with --stay it '
                 'stays until a signal comes')


def lines():
    """Yields each line without its newline, which the last one need not have. Too long a line, or
    one with a NUL in it, ends the program with a message."""
    number, rest, some = 0, b'', b'.'
    while some and len(rest) < MESSAGE_SIZE:
        some = read()
        *lines, rest = (rest + some).split(b'\n')
        if rest and (not some or len(rest) >= MESSAGE_SIZE):
            lines.append(rest)
        for line in lines:
            if signals.received():
                return
            number += 1
            if len(line) >= MESSAGE_SIZE:
                fail(f'line {number} of standard input is longer than {MESSAGE_SIZE - 1} bytes: '
                     'not sent')
            if b'\0' in line:
                fail(f'line {number} of standard input has a NUL byte in it: not sent')
            yield line


def read(hint=''):
    """Waits for some of standard input. Nothing: its end, or a signal."""
    while not signals.received():
        try:
            size = call(libc.read, 0, buffer, len(buffer))
            return ctypes.string_at(buffer, size)
        except InterruptedError:
            pass
        except BlockingIOError:  # somebody has set it to O_NONBLOCK
            signals.sleep(0.02)
        except OSError as error:
            if error.errno == errno.EIO:  # a closed terminal, whose signal is about to come
                signals.sleep(0.5)
            if not signals.received():
                fail(f'cannot read standard input: {error.strerror}{hint}')
    return b''
