"""What both writers do: send what they are to share, and end by signals. See src/cli/input.c."""
import errno
import os
import signal
import time

import display
from kernel import fail
from message import MESSAGE_SIZE
from semaphores import Semaphores

TICK, MOMENT = 0.5, 0.02  # seconds

received = None  # the signal that ends us


def on_signal(number, _):
    """Python resumes what a signal has interrupted, unless the handler raises. But what had just
    been written would seem lost then: so not the signal does it, but a tick that finds the same
    call still asleep. And without ticks, a signal just before a sleep would be slept over."""
    global received
    if number != signal.SIGALRM:
        received = number
        Semaphores.hurry = True
        signal.setitimer(signal.ITIMER_REAL, MOMENT, MOMENT)
    elif received and display.patience:
        display.patience -= 1
        if not display.patience:
            raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))


def run(main):
    """Runs `main`, which SIGINT, SIGTERM and SIGHUP end early, and ends as it does, or by the
    signal that came: the parent sees the truth. What our parent wants ignored stays so."""
    signal.signal(signal.SIGALRM, on_signal)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, on_signal)
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    try:
        try:
            main()
        finally:
            display.flush()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)  # or it would kill Python at its end
        if received:
            signal.signal(received, signal.SIG_DFL)
            os.kill(os.getpid(), received)


def share(options, kind, send):
    """Sends what the options say, and returns when it is time to leave."""
    if options.stream:
        display.say(f'{kind.sending} every line of standard input...\n')
        stream(send)
    else:
        text = demonstration(kind) if options.message is None else options.message
        send(text)
        display.written(kind, text)
        if not options.stay:
            display.say('Press Enter to cleanup and exit...\n')
            while b'\n' not in (read('; use --stay to do without') or b'\n'):
                pass
    if options.stay:
        display.say('Staying until a signal comes...\n')
        while not received:
            signal.pause()


def demonstration(kind):
    return (f'Hello from Python Process!\nThis is inter-process communication demonstration.\n'
            f'Data is being shared through {kind.full}.\nProcess ID: {os.getpid()}').encode()


def stream(send):
    sent = 0
    for line in lines():
        if len(line) >= MESSAGE_SIZE:
            fail(f'line {sent + 1} of standard input is longer than {MESSAGE_SIZE - 1} bytes: '
                 'not sent')
        if b'\0' in line:
            fail(f'line {sent + 1} of standard input has a NUL byte in it: not sent')
        send(line)
        sent += 1
    display.say(f'Messages sent: {sent}\n')


def lines():
    """The lines of standard input, until its end or a signal. The last one needs no newline; what a
    signal cut off is none."""
    rest, chunk = b'', read()
    while chunk and len(rest) < MESSAGE_SIZE:
        *whole, rest = (rest + chunk).split(b'\n')
        for line in whole:
            if received:
                return
            yield line
        chunk = read()
    if rest and not received:
        yield rest


def read(hint=''):
    """Some of standard input; nothing at its end or after a signal."""
    error = None
    while True:
        if received:
            return b''
        if error:
            fail(f'cannot read standard input: {error.strerror}{hint}')
        try:
            try:
                display.patience = 1
                return os.read(0, 65536)
            finally:
                display.patience = 0
        except BlockingIOError:  # somebody has set it to O_NONBLOCK
            time.sleep(MOMENT)
        except OSError as problem:  # which may be a signal; or come with one, as a closed terminal
            error = problem
