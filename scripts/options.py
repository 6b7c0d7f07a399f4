"""The command line: see src/cli/options.c."""
import os
import sys

import display
from kernel import KEY, PROGRAM, QUEUE, USAGE, fail
from message import MESSAGE_SIZE

# The letter of each option, ':' if it takes an argument, '?' if it may take one.
WRITER = {'key': 'k:', 'message': 'm:', 'mode': 'p:', 'stream': 's', 'stay': '', 'help': 'h',
          'version': 'V'}
READER = {'key': 'k:', 'wait': 'w?', 'follow': 'f', 'raw': 'r', 'help': 'h', 'version': 'V'}

WRITER_HELP = '''\
Usage: {program} [OPTION]...
Share a message through {through} until Enter, end of input or a signal.

  -k, --key=KEY       key of the {name}, decimal or 0x..., default 5678
  -m, --message=TEXT  share TEXT, at most 899 bytes, instead of the demonstration
  -p, --mode=MODE     octal permissions of a new {name} and its set, default 0666
  -s, --stream        share every line of standard input in turn, leave at its end
      --stay          stay until a signal; leave standard input alone, or, with --stream,
                      stay after its end
  -h, --help          show this help
  -V, --version       show the version

Exit status: 0 done, 1 failed, 2 wrong usage.
'''
READER_HELP = '''\
Usage: {program} [OPTION]...
{reading}

  -k, --key=KEY         key of the {name}, decimal or 0x..., default 5678
  -w, --wait[=SECONDS]  wait for a first message, without SECONDS as long as it takes
  -f, --follow          print each new message as it appears, until the writers have gone
  -r, --raw             print the message alone, byte for byte, and a newline
  -h, --help            show this help
  -V, --version         show the version

Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing to read yet.
'''


class Options:
    """What the command line says, and the defaults."""
    key, mode, message = KEY, 0o666, None
    stream = stay = follow = raw = False
    wait = None  # seconds, if at all


def writer_options(kind):
    options = parse(WRITER, WRITER_HELP, kind, '; share a text with --message=TEXT')
    if options.message is not None and options.stream:
        usage_error('--message and --stream exclude each other')
    return options


def reader_options(kind):
    return parse(READER, READER_HELP, kind, '')


def parse(known, help_text, kind, hint):
    parsers = {'key': key, 'message': message, 'mode': mode, 'wait': seconds}
    options = Options()
    for name, argument in command_line(known, hint):
        if name == 'help':
            display.say(help_text.format(program=PROGRAM, **vars(kind)))
        elif name == 'version':
            display.say(f'{PROGRAM} 1.1.0\n')
        else:
            setattr(options, name, parsers[name](argument) if name in parsers else True)
            continue
        sys.exit()
    # Segments and queues of one key are different channels.
    options.set_key = options.key ^ 0x51000000 if kind is QUEUE else options.key
    if options.set_key == 0:
        usage_error(f"key 0x{options.key:x} can't have a queue: its semaphore set would have key 0")
    return options


def command_line(known, hint):
    """Yields each option's name and its argument or None, as getopt_long(3) finds them. Python's
    own getopt has no optional arguments, and argparse finds other things in a command line."""
    words, others = sys.argv[1:], []

    def take(name, value, refused):
        """The argument: `value`, or the next word. An optional one is a word of its own only if it
        begins with a digit."""
        takes = known[name][1:]
        if value is None and words and (takes == ':' or takes and '0' <= words[0][:1] <= '9'):
            value = words.pop(0)
        if value is None and takes == ':':
            usage_error(refused)
        return name, value

    while words:
        word = words.pop(0)
        if word == '--':
            others, words = others + words, []
        elif word[:2] == '--':
            given, attached, value = word[2:].partition('=')
            names = [name for name in known if name.startswith(given)]
            names = [given] if given in names else names
            choice = ' '.join(f"'--{name}'" for name in names)
            if not names:
                usage_error(f"unrecognized option '{word}'")
            if len(names) > 1:
                usage_error(f"option '{word}' is ambiguous; possibilities: {choice}")
            if attached and not known[names[0]][1:]:
                usage_error(f"option {choice} doesn't allow an argument")
            value = value if attached else None
            yield take(names[0], value, f'option {choice} requires an argument')
        elif word[:1] == '-' and word != '-':
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                name = next((name for name in known if known[name][:1] == letter), None)
                if not name:
                    byte = os.fsdecode(os.fsencode(letter)[:1])  # which is what a C program sees
                    usage_error(f"invalid option -- '{byte}'")
                value, letters = (letters or None, '') if known[name][1:] else (None, letters)
                yield take(name, value, f"option requires an argument -- '{letter}'")
        else:
            others.append(word)
    if others:
        usage_error(f"unexpected argument '{others[0]}'{hint}")


def usage_error(text):
    fail(f"{text}\nTry '{PROGRAM} --help'.", USAGE)


def key(text):
    """Decimal or 0x..., 1 to 0xffffffff."""
    hexadecimal = text[:2] in ('0x', '0X')
    digits = text[2:] if hexadecimal else text
    if not digits or digits.strip('0123456789abcdefABCDEF' if hexadecimal else '0123456789'):
        usage_error(f"key '{text}' is not a number: decimal or 0x... is expected")
    number = int(digits.lstrip('0')[:11] or '0', 16 if hexadecimal else 10)  # int() has a limit
    if number == 0:
        usage_error('key 0 is IPC_PRIVATE: no other process could find it')
    if number > 0xffffffff:
        usage_error(f"key '{text}' is too large: 0xffffffff is the largest")
    return number


def mode(text):
    """Octal, 0600 to 0777."""
    if not 0 < len(text) < 5 or text.strip('01234567'):
        usage_error(f"mode '{text}' is not a number of up to 4 octal digits")
    if int(text, 8) > 0o777 or int(text, 8) & 0o600 != 0o600:
        usage_error(f"mode '{text}' is not between 0600 and 0777: the owner reads and writes")
    return int(text, 8)


def message(text):
    """What doesn't fit is refused, never cut."""
    text = os.fsencode(text)
    if len(text) >= MESSAGE_SIZE:
        usage_error(f'the message has {len(text)} bytes; at most {MESSAGE_SIZE - 1} fit')
    return text


def seconds(text):
    """0 or more, with or without a fraction; or as long as it takes."""
    if text is None:
        return float('inf')
    whole, _, fraction = text.partition('.')
    if not whole or len(text) > 15 or (whole + fraction).strip('0123456789'):
        usage_error(f"'{text}' is not a number of seconds")
    return float(text)
