"""Signals: what a parent left of them, those that end a writer, and a timer. See src/cli/signals.h.

Python runs a handler between two steps of its own, and then os.read(), os.write() and time.sleep()
go on where they were (PEP 475). So whatever a signal is to interrupt calls the C library. A signal
that comes right before such a call doesn't interrupt it: a timer does.
"""
import atexit
import os
import signal
from contextlib import contextmanager

from pair import semaphores
from pair.kernel import libc

TICK, AGAIN = 0.5, 0.05  # seconds

_received = None


def start():
    """To be called first. Undoes what a parent may have left that would make us deaf or kill us:
    running timers and blocked signals. SIGPIPE and SIGXFSZ Python ignores by itself."""
    for timer in signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF:
        signal.setitimer(timer, 0)
    for number in signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF:
        signal.signal(number, signal.SIG_IGN)  # one that is waiting to be unblocked is dropped
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


@contextmanager
def caught():
    """In such a `with` SIGINT, SIGTERM and SIGHUP are remembered. At its end the program ends by
    the one that came, so that the parent sees it. What the parent wants ignored stays so."""
    tick(TICK)
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _on_signal)
    try:
        yield
    finally:
        if _received:
            signal.signal(_received, signal.SIG_DFL)
            os.kill(os.getpid(), _received)


def received():
    """The one that has come, if any."""
    return _received


def tick(seconds):
    """From here on SIGALRM comes again and again, and interrupts what sleeps in the C library."""
    signal.signal(signal.SIGALRM, lambda *_: None)
    seconds = AGAIN if _received else seconds
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)  # it would kill Python at its end


def sleep(seconds):
    """Sleeps, or until a signal comes."""
    libc.poll(None, 0, int(seconds * 1000))


def _on_signal(number, _):
    global _received
    _received = number
    semaphores.hurry()
    tick(AGAIN)
