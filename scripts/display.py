"""What the programs print on standard output: see src/cli/display.c.

Valid UTF-8 is shown as it is; every other byte, and every control character but newline and tab, as
\\xNN: so a stranger's message doesn't drive the terminal.
"""
import os

from kernel import KEY, SEGMENT, fail

STORY = {code: ''.join(f'\\x{byte:02x}' for byte in chr(code).encode('utf-8', 'surrogateescape'))
         for code in (*range(0x20), *range(0x7f, 0xa0), *range(0xdc80, 0xdd00))
         if chr(code) not in '\t\n'}
LINE = {ord('\n'): '\\x0a', **STORY}

pending = []  # what is to be written
lost = False  # something could not be written, and that was said
patience = 0  # how many looks a signal handler has, until it ends what sleeps: see writing.py


def put(text):
    pending.append(text)


def flush():
    """Writes what was put, completely, or ends the program."""
    global patience, lost
    data = ''.join(pending).encode('utf-8', 'surrogateescape')
    pending.clear()
    try:
        try:
            patience = 2
            while data and not lost:
                data = data[os.write(1, data):]
        finally:
            patience = 0
    except OSError as error:
        lost = True
        fail(f'cannot write to standard output: {error.strerror}')


def say(text):
    put(text)
    flush()


def decoded(text):
    return text.decode('utf-8', 'surrogateescape')  # a byte NN that isn't UTF-8: U+DCNN


def joined(kind, how, number, key):
    put(f'{kind.medium.capitalize()} {how} successfully with ID: {number}\n')
    if key != KEY:
        put(f'Key: {key} (0x{key:x})\n')
    put('Attached to shared memory\n\n' if kind is SEGMENT else '\n')


def written(kind, text):
    put(f'''\
=== Python Program Output ===
Process ID: {os.getpid()}
Message written to {kind.medium}:
{decoded(text).translate(STORY)}
=========================

Data written to {kind.medium} successfully!
C program can now read this data.
''')


def left(kind, number, others):
    stays = f'stays (ID: {number}): other writers are alive: {others}'
    say(f'{kind.medium.capitalize()} {stays if others else f"removed (ID: {number})"}\n')


def attempt(kind, key):
    say(f'''\
=== Python Program - {kind.medium.title()} Reader ===

Attempting to connect to {kind.medium} with key: {key}
''')


def connected(kind, number):
    say(f'''\
Successfully connected to {kind.medium} (ID: {number})

Reading data from {kind.medium}...

''')


def message(kind, options, pid, text):
    """The message alone, a line, or the assignment's display."""
    text = decoded(text)
    if options.raw:
        say(f'{text}\n')
    elif options.follow:
        say(f'{pid}: {text.translate(LINE)}\n')
    else:
        say(f'''\
=== Data Retrieved from {kind.medium.title()} ===
Data Ready Flag: True
C Process ID: {pid}

Message from C Program:
--------------------------------------------------
{text.translate(STORY)}
--------------------------------------------------

=== Python Program Output ===
Successfully read {len(text)} characters from {kind.medium}
==================================================
''')
