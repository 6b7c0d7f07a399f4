"""What both writers do: what they share, from where, and what ends them. See src/cli/input.c."""
import errno
import os
import signal
import time

import display
from kernel import SEGMENT, fail
from message import MESSAGE_SIZE
from semaphores import Semaphores

TICK, MOMENT = 0.5, 0.02  # seconds

received = None  # the signal that ends us


def on_signal(number, _):
    """Python calls this between two of its steps, or when a system call was interrupted, which it
    then resumes: so an exception has to end what sleeps. A signal that came just before it slept
    would be slept over: so a timer goes on interrupting. It strikes when it finds us in the same
    sleep once more than it takes: what was read or written then is lost."""
    global received
    if number != signal.SIGALRM:
        received = number
        Semaphores.give_up = True
        signal.setitimer(signal.ITIMER_REAL, MOMENT, MOMENT)
    elif received and display.patience:
        display.patience -= 1
        if display.patience == 0:
            raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))


def run(main):
    """Runs `main`, which SIGINT, SIGTERM and SIGHUP end early, and ends as it says, or by the signal
    that came: the parent sees the truth. What whoever started us wants ignored stays so."""
    signal.signal(signal.SIGALRM, on_signal)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, on_signal)
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    try:
        main()
    finally:
        display.flush()
        if received:
            signal.signal(received, signal.SIG_DFL)
            os.kill(os.getpid(), received)


def share(options, kind, send):
    """Sends what the options say, and returns when it is time to leave."""
    if options.stream:
        display.put(f"{'Publishing' if kind is SEGMENT else 'Sending'} every line of standard "
                    'input...\n')
        display.flush()
        stream(send)
    else:
        text = options.message
        if text is None:
            text = (f'Hello from Python Process!\n'
                    'This is inter-process communication demonstration.\n'
                    f'Data is being shared through {kind.full}.\nProcess ID: {os.getpid()}').encode()
        send(text)
        display.written(kind, text)
        if not options.stay:
            display.put('Press Enter to cleanup and exit...\n')
            display.flush()
            while b'\n' not in (read() or b'\n'):
                pass
    if options.stay:
        display.put('Staying until a signal comes...\n')
        display.flush()
        while not received:
            signal.pause()


def stream(send):
    sent = 0
    for line in lines():
        if len(line) >= MESSAGE_SIZE:
            fail(f'line {sent + 1} of standard input is longer than {MESSAGE_SIZE - 1} bytes: not '
                 'sent')
        if b'\0' in line:
            fail(f'line {sent + 1} of standard input has a NUL byte in it: not sent')
        send(line)
        sent += 1
    display.put(f'Messages sent: {sent}\n')
    display.flush()


def lines():
    """Yields the lines of standard input, until its end or a signal. A last line needs no newline;
    what a signal cut off is none."""
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


def read():
    """Some of standard input; nothing at its end or after a signal."""
    while not received:
        try:
            try:
                display.patience = 1
                return os.read(0, 65536)
            finally:
                display.patience = 0
        except InterruptedError:
            pass
        except BlockingIOError:  # somebody has set it to O_NONBLOCK
            time.sleep(MOMENT)
        except OSError as error:
            fail(f'cannot read standard input: {error.strerror}')
    return b''
