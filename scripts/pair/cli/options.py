"""The options that all writers, and those that all readers have in common: see src/cli/options.c.
"""
import getopt
import os
import re
import sys
from types import SimpleNamespace as Options

from pair.cli import display
from pair.cli.errors import DONE, PROGRAM, usage_error
from pair.cli.terms import terms
from pair.message import MESSAGE_SIZE, SHARED_KEY

VERSION = '2.0.0'

# As getopt takes them. The long ones stand in the order of their letters; --stay has none.
WRITER = 'k:m:p:shV', ['key=', 'message=', 'mode=', 'stream', 'help', 'version', 'stay']
READER = 'k:wt:frhV', ['key=', 'wait', 'timeout=', 'follow', 'raw', 'help', 'version']

WRITER_HELP = '''\
Usage: {program} [OPTION]...
Share a message through {terms.through} until Enter, end of input or a signal.

  -k, --key=KEY       key of the {terms.object}, decimal or 0x..., default 5678
  -m, --message=TEXT  share TEXT, at most 899 bytes, instead of the demonstration
  -p, --mode=MODE     octal permissions of a new {terms.object} and its set, default 0666
  -s, --stream        share every line of standard input in turn, leave at its end
      --stay          stay until a signal; leave standard input alone, or, with --stream,
                      stay after its end
  -h, --help          show this help
  -V, --version       show the version

Exit status: 0 done, 1 failed, 2 wrong usage.
'''
READER_HELP = '''\
Usage: {program} [OPTION]...
{terms.reading}

  -k, --key=KEY          key of the {terms.object}, decimal or 0x..., default 5678
  -w, --wait             wait for a first message, as long as it takes
  -t, --timeout=SECONDS  wait for a first message, but no longer than this
  -f, --follow           print each new message as it appears, until no writer is alive
  -r, --raw              print the message alone, byte for byte, and a newline
  -h, --help             show this help
  -V, --version          show the version

Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing to read yet.
'''


def writer_options(carrier):
    """key, mode, stream, stay, and message: what to share if not `stream`."""
    options = Options(key=SHARED_KEY, mode=0o666, message=None, stream=False, stay=False)
    fill_in(options, carrier, WRITER, WRITER_HELP, '; share a text with --message=TEXT')
    if options.message is not None and options.stream:
        usage_error('--message and --stream exclude each other')
    if options.message is None:
        options.message = (f'Hello from Python Process!\n'
                           f'This is inter-process communication demonstration.\n'
                           f'Data is being shared through {terms[carrier].full}.\n'
                           f'Process ID: {os.getpid()}').encode()
    return options


def reader_options(carrier):
    """key, follow, format, and waits: for a first message, `timeout` seconds at most."""
    options = Options(key=SHARED_KEY, wait=False, timeout=None, follow=False, raw=False)
    fill_in(options, carrier, READER, READER_HELP, '')
    options.waits = options.wait or options.timeout is not None
    if options.timeout is None:
        options.timeout = float('inf') if options.wait else 0
    options.format = (display.RAW if options.raw else
                      display.LINE if options.follow else display.STORY)
    return options


def fill_in(options, carrier, known, help_text, hint):
    """Reads the command line. --help, --version and wrong usage end the program."""
    parsers = {'key': parse_key, 'message': parse_message, 'mode': parse_mode,
               'timeout': parse_seconds}
    names = dict(zip(known[0].replace(':', ''), known[1]))
    found, others, problem = command_line(*known)
    for option, argument in found:
        name = option[2:] or names[option[1]].rstrip('=')
        if name in ('help', 'version'):
            display.show(help_text.format(program=PROGRAM, terms=terms[carrier])
                         if name == 'help' else f'{PROGRAM} {VERSION}\n')
            sys.exit(DONE)
        setattr(options, name, parsers[name](argument) if name in parsers else True)
        if options.key == terms[carrier].flip:
            usage_error(f"key 0x{options.key:x} can't have a {terms[carrier].object}: its "
                        'semaphore set would have key 0')
    if problem or others:
        usage_error(problem or f"unexpected argument '{others[0]}'{hint}")


def command_line(letters, names):
    """The options with their arguments; the other words; and what is wrong, if anything is. As in
    C, what stands before a wrong option counts, --help for instance: so until the rest is right,
    one word after the other is left off at the end, or one letter of several behind a '-'."""
    words, problem = sys.argv[1:], None
    while True:
        try:
            return (*getopt.gnu_getopt(words, letters, names), problem)
        except getopt.GetoptError as error:
            problem = problem or error.msg
            *words, last = words
            if last[:1] == '-' and last[1:2] not in ('', '-'):
                words.append(last[:-1])


def parse_key(text):
    """Decimal or 0x..., 1 to 0xffffffff."""
    match = re.fullmatch('0[xX]0*([0-9a-fA-F]+)|0*([0-9]+)', text)
    if not match:
        usage_error(f"key '{text}' is not a number: decimal or 0x... is expected")
    # int() takes no more than a few thousand digits.
    number = int(match[1][:9], 16) if match[1] else int(match[2][:11])
    if number == 0:
        usage_error('key 0 is IPC_PRIVATE: no other process could find it')
    if number > 0xffffffff:
        usage_error(f"key '{text}' is too large: 0xffffffff is the largest")
    return number


def parse_mode(text):
    """Octal, 0600 to 0777."""
    if not re.fullmatch('[0-7]{1,4}', text):
        usage_error(f"mode '{text}' is not a number of up to 4 octal digits")
    mode = int(text, 8)
    if mode > 0o777 or mode & 0o600 != 0o600:
        usage_error(f"mode '{text}' is not between 0600 and 0777: the owner reads and writes")
    return mode


def parse_seconds(text):
    """0 or more, with or without a fraction."""
    if len(text) > 15 or not re.fullmatch('[0-9]+([.][0-9]*)?', text):
        usage_error(f"'{text}' is not a number of seconds")
    return float(text)


def parse_message(text):
    """A message that doesn't fit is refused, never cut."""
    message = os.fsencode(text)
    if len(message) >= MESSAGE_SIZE:
        usage_error(f'the message has {len(message)} bytes; at most {MESSAGE_SIZE - 1} fit')
    return message
