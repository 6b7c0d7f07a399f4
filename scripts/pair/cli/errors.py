"""How the programs say what went wrong, and their exit statuses: see src/cli/errors.h.

Every message is one write(2) on standard error, so those of several processes don't mix.
"""
import errno
import os
import sys
import time
from contextlib import contextmanager

# Ctrl-C ends a reader without a traceback, and yet by the signal: Python sees to that.
sys.excepthook = lambda kind, *rest: kind is KeyboardInterrupt or sys.__excepthook__(kind, *rest)

DONE, FAILED, USAGE, NOTHING_YET = range(4)
PROGRAM = os.path.basename(sys.argv[0])


def complain(text):
    try:
        os.write(2, os.fsencode(f'{PROGRAM}: {text}\n'))
    except OSError:
        pass  # there is nobody to tell


def fail(text):
    """Ends the program with a message; what stands in a `finally` is done first."""
    complain(text)
    sys.exit(FAILED)


def usage_error(text):
    complain(f"{text}\nTry '{PROGRAM} --help'.")
    sys.exit(USAGE)


def without_sysv_ipc(problem):
    """Ends the program, and says how to come by the module."""
    import subprocess  # which takes long, and only here
    top = os.path.realpath(f'{__file__}/../../../..')
    for python in '/usr/bin/python3', f'{top}/build/venv/bin/python':
        if os.access(python, os.X_OK) and subprocess.call(
                [python, '-c', 'import sysv_ipc'], stderr=subprocess.DEVNULL) == 0:
            fail(f'{sys.executable}: {problem}; {python} has it, so type: {python} {sys.argv[0]}')
    way = f"'{sys.executable} -m pip install sysv_ipc'"
    if os.path.exists('/usr/bin/apt-get'):  # Debian and Ubuntu, where pip may refuse
        way = f"'sudo apt install python3-sysv-ipc' and take /usr/bin/python3, or with {way}"
    fail(f'{sys.executable}: {problem}; get it with {way}')


try:
    from pair import semaphores
    from pair.cli.terms import terms
    from pair.kernel import SEGMENT, SEMAPHORES, ask, key_t
except ImportError as problem:
    without_sysv_ipc(problem)

NO_SYSTEM_V = 'this system or sandbox has no System V IPC'
ANOTHER_USERS = "it belongs to another user ('{0.list}' shows whom); use another key with --key"
USED_UP = ("the system has no more of them to give; '{0.list}' shows what uses them up, 'ipcs -l' "
           'the limits ({0.limits})')
ADVICE = {
    errno.ENOENT: 'start the writer first, or wait for it with --wait; a writer in another '
                  'container is in another IPC namespace, unless both share one (docker run '
                  '--ipc=host, or --ipc=container:NAME)',
    errno.EPERM: NO_SYSTEM_V,  # making and finding objects is never refused like this by Linux
    errno.ENOSYS: NO_SYSTEM_V,
    errno.EACCES: ANOTHER_USERS,
    errno.EEXIST: "it was made by another program (see '{0.list}') and is left untouched; use "
                  'another key with --key',
    errno.ENOSPC: USED_UP,
    errno.ENOMEM: USED_UP,
    errno.EIDRM: 'somebody removed it: perhaps ipcrm, or systemd, which removes what a user has '
                 "made when the user logs out (unless 'loginctl enable-linger' or RemoveIPC=no "
                 'says otherwise, or it is a system user); start again',
}


@contextmanager
def explained(tried, carrier, key):
    """What the kernel refuses in such a `with` ends the program: says what was tried ("join",
    "attach" and so on) for what carries messages under `key`, what the system answered, and what
    the user can do."""
    try:
        yield
    except OSError as error:
        sys.exit(explain(tried, carrier, key, error))


def explain(tried, carrier, key, error):
    """The same; returns the exit status."""
    number, failed = error.errno, error.failed
    if number == errno.EEXIST and failed == SEGMENT and tried != 'examine':
        explain_stranger(key)
        return FAILED
    of = ''
    if failed == SEMAPHORES:
        of = f' (this set belongs to the {terms[carrier].object} with key {key}, 0x{key:x})'
        key ^= terms[carrier].flip
    hint = ADVICE.get(number, "'{0.list}' may show why")
    if number == errno.EPERM and tried == 'remove':
        hint = ANOTHER_USERS
    elif number == errno.EACCES:
        hint = advice_about_access(failed, key) or hint
    elif number == errno.EAGAIN and failed == SEMAPHORES:
        hint = advice_about_lock(semaphores.holder(key))
    complain(f'cannot {tried} the {terms[failed].full} with key {key} (0x{key:x}): '
             f'{error.strerror}; {hint.format(terms[failed])}{of}')
    reads = tried in ('attach', 'open', 'receive from')  # a writer makes what isn't there
    return NOTHING_YET if reads and number == errno.ENOENT else FAILED


def advice_about_access(kind, key):
    """Whose an object is and what it grants, where the caller may see that."""
    try:
        user, mode = look(kind, key, 'uid', 'mode')
    except OSError:
        return None
    return (f'it belongs to user {user} and grants {mode & 0o777:04o}, where a writer has to read '
            'and write, and joins what grants no more than its --mode; use another key with --key')


def advice_about_lock(holder):
    if holder:
        return (f"process {holder} held its lock all the time; continue it ('kill -CONT {holder}') "
                'or end it')
    return ("a process that can't be seen from here, in another container perhaps, held its lock "
            'all the time')


def explain_stranger(key):
    """Says that the key's segment isn't one of ours, whose it is and how to remove it."""
    try:
        number, size, pid, user, changed = look(SEGMENT, key, 'id', 'size', 'creator_pid', 'cuid',
                                                'last_change_time')
    except OSError as error:
        explain('examine', SEGMENT, key, error)
        return
    changed = time.strftime('%F %T', time.localtime(changed))
    complain(f'segment {number} with key {key} (0x{key:x}) is not ours: {size} bytes, made by '
             f'process {pid} of user {user}, last changed {changed}; it is left untouched. Use '
             f'another key with --key, or, if nobody needs it, remove it with: ipcrm -m {number}')


def look(kind, key, *what):
    found = ask(kind, terms[kind].look, key_t(key), 0, 0, EIDRM=errno.ENOENT)
    return [ask(kind, getattr, found, each) for each in what]


def warn_left_behind(carrier, key, reason, pid):
    """Warns of a message of process `pid` that was shown, if `reason` says that it was left behind:
    ESRCH or ENOENT, as Channel.wait() has them."""
    name = f'{terms[carrier].object} with key {key}'
    if reason == errno.ESRCH:
        complain(f'{name}: no writer is alive; the message was left behind by process {pid}')
    elif reason == errno.ENOENT:
        complain(f'{name}: its semaphore set is missing, so nobody knows whether a writer is alive')
