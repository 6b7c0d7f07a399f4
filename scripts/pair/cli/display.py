"""What the programs print on standard output: see src/cli/display.h.

Valid UTF-8 is shown as it is; control characters and bytes that aren't valid UTF-8 as \\xNN, byte
by byte; newline and tab as they are. So a stranger's bytes don't drive the terminal.
"""
import errno
import os

from pair.cli import signals
from pair.cli.errors import fail
from pair.cli.terms import terms
from pair.kernel import SEGMENT, call, libc
from pair.message import SHARED_KEY

# The formats: the assignment's display; "12345: text", a newline in it shown as \x0a; the message's
# bytes alone, as they are, and a newline.
STORY, LINE, RAW = 'story', 'line', 'raw'

# A byte NN that isn't valid UTF-8 is decoded as U+DCNN.
ESCAPES = {code: ''.join(f'\\x{byte:02x}' for byte in chr(code).encode('utf-8', 'surrogateescape'))
           for code in (*range(0x20), *range(0x7f, 0xa0), *range(0xdc80, 0xdd00))
           if chr(code) not in '\t\n'}
ESCAPES_IN_LINE = {**ESCAPES, ord('\n'): '\\x0a'}

_told = False  # that something could not be written


def show(text):
    """Writes all of it, or ends the program with a message."""
    global _told
    data = text.encode('utf-8', 'surrogateescape')
    while data and not _told:
        try:
            data = data[call(libc.write, 1, data, len(data)):]
        except OSError as error:
            if error.errno != errno.EINTR or signals.received():
                _told = True
                fail(f'cannot write to standard output: {error.strerror}')


def decoded(text):
    return text.decode('utf-8', 'surrogateescape')


def joined(carrier, found, identifier, key):
    how = found.name.lower().replace('_', ' ')
    show(f'{terms[carrier].first} {how} successfully with ID: {identifier}\n'
         + (f'Key: {key} (0x{key:x})\n' if key != SHARED_KEY else '')
         + ('Attached to shared memory\n\n' if carrier == SEGMENT else '\n'))


def written(carrier, text):
    name = terms[carrier].carrier
    show(f'''\
=== Python Program Output ===
Process ID: {os.getpid()}
Message written to {name}:
{decoded(text).translate(ESCAPES)}
=========================

Data written to {name} successfully!
C program can now read this data.
''')


def left(carrier, identifier, others):
    what = f'stays (ID: {identifier}): other writers are alive: {others}' if others else \
        f'removed (ID: {identifier})'
    show(f'{terms[carrier].first} {what}\n')


def attempt(carrier, key):
    show(f'''\
=== Python Program - {terms[carrier].title} Reader ===

Attempting to connect to {terms[carrier].carrier} with key: {key}
''')


def connected(carrier, identifier):
    name = terms[carrier].carrier
    show(f'''\
Successfully connected to {name} (ID: {identifier})

Reading data from {name}...

''')


def message(carrier, format, message):
    text = decoded(message.text)
    if format == RAW:
        show(f'{text}\n')
    elif format == LINE:
        show(f'{message.pid}: {text.translate(ESCAPES_IN_LINE)}\n')
    else:
        show(f'''\
=== Data Retrieved from {terms[carrier].title} ===
Data Ready Flag: True
C Process ID: {message.pid}

Message from C Program:
--------------------------------------------------
{text.translate(ESCAPES)}
--------------------------------------------------

=== Python Program Output ===
Successfully read {len(text)} characters from {terms[carrier].carrier}
==================================================
''')
