"""The kernel's objects: what they are called, how to look at them, what to say when one is refused.

Every message is one write(2) on stderr: those of many processes don't mix. See src/cli/errors.c.
"""
import errno
import os
import sys
import time

from message import SHARED_DATA, SIZE

DONE, FAILED, USAGE, NOTHING_YET = range(4)  # exit statuses
KEY = 5678
CAPACITY = 16 * SHARED_DATA.size  # of a queue, where the system gives that much
SHM_DEST = 0o1000                 # in a segment's mode: it was removed
PROGRAM = os.path.basename(sys.argv[0])


def complain(text):
    try:
        os.write(2, os.fsencode(f'{PROGRAM}: {text}\n'))
    except OSError:
        pass  # there is nobody to tell


def fail(text, status=FAILED):
    """Ends the program with a message."""
    complain(text)
    sys.exit(status)


try:
    import sysv_ipc
except ImportError as reason:
    way = f"'{sys.executable} -m pip install sysv_ipc'"
    if os.path.exists('/usr/bin/apt-get'):  # Debian and Ubuntu, where pip may refuse
        way = f"'sudo apt install python3-sysv-ipc' and take /usr/bin/python3, or with {way}"
    fail(f'{sys.executable}: {reason}; get it with {way}')

# Ctrl-C ends a reader without a traceback, and yet by the signal: Python sees to that.
sys.excepthook = lambda kind, *rest: kind is KeyboardInterrupt or sys.__excepthook__(kind, *rest)


class Kind:
    """A kind of objects, in words."""

    def __init__(self, **words):
        self.__dict__.update(words)


SEGMENT = Kind(
    name='segment', full='shared memory segment', medium='shared memory', list='ipcs -m',
    limits='kernel.shmmni, kernel.shmall, kernel.shmmax', sending='Publishing',
    through='System V shared memory',
    reading='Print the message that a writer shares through System V shared memory.')
QUEUE = Kind(
    name='queue', full='message queue', medium='message queue', list='ipcs -q',
    limits='kernel.msgmni, kernel.msgmnb, kernel.msgmax', sending='Sending',
    through='a System V message queue',
    reading='Take the next message out of a System V message queue and print it.')
SEMAPHORES = Kind(full='semaphore set', list='ipcs -s', limits='kernel.sem')

ANOTHER_USERS = "it belongs to another user ('{0.list}' shows whom); use another key with --key"
USED_UP = ("the system has no more of them to give; 'ipcs -l' shows the limits ({0.limits}), "
           "'{0.list}' what uses them up")
HELD = "process {1} held its lock all the time; continue it ('kill -CONT {1}') or end it"
HELD_UNSEEN = ("a process that can't be seen from here, in another container perhaps, held its "
               'lock all the time')
HINTS = {
    errno.ENOENT: 'start the writer first, or wait for it with --wait',
    errno.EACCES: ANOTHER_USERS, errno.EPERM: ANOTHER_USERS,
    errno.EEXIST: "it was made by another program (see '{0.list}') and is left untouched; use "
                  'another key with --key',
    errno.ENOSPC: USED_UP, errno.ENOMEM: USED_UP,
    errno.EAGAIN: HELD,
    errno.EIDRM: 'somebody removed it, perhaps with ipcrm; start again',
}


class attempt:
    """with attempt('join', SEGMENT, key): what the kernel refuses there ends the program."""

    def __init__(self, tried, kind, key):
        self.what = tried, kind, key

    def __enter__(self):
        pass

    def __exit__(self, _, error, __):
        if isinstance(error, (sysv_ipc.Error, OSError, MemoryError, ValueError)):
            refuse(*self.what, error)


def refuse(tried, kind, key, error):
    """Ends the program: says what was tried, what the system answered, and what can be done."""
    number = errno_of(error, tried)
    holder = 0
    if hasattr(error, 'semaphores'):
        kind, key, holder = SEMAPHORES, error.semaphores.key, error.semaphores.holder()
    if kind is SEGMENT and number == errno.EEXIST:
        fail_at_stranger(key)
    hint = HINTS.get(number, "'{0.list}' may show why")
    hint = (HELD_UNSEEN if hint is HELD and not holder else hint).format(kind, holder)
    fail(f'cannot {tried} the {kind.full} with key {key} (0x{key:x}): {os.strerror(number)}; '
         f'{hint}', NOTHING_YET if number == errno.ENOENT else FAILED)


def errno_of(error, tried):
    """Of sysv_ipc's own exceptions none tells it, and of others not all."""
    if isinstance(error, sysv_ipc.PermissionsError):
        return errno.EPERM if tried == 'remove' else errno.EACCES
    if isinstance(error, (sysv_ipc.Error, MemoryError)):
        return errno.ENOMEM if isinstance(error, MemoryError) else errno.EIDRM
    return getattr(error, 'errno', None) or errno.ENOSPC


def fail_at_stranger(key):
    """Ends the program: says that the key's segment isn't one of ours."""
    with attempt('examine', SEGMENT, key):
        memory = sysv_ipc.SharedMemory(key_t(key), 0, 0)
        changed = time.strftime('%F %T', time.localtime(memory.last_change_time))
        fail(f'segment {memory.id} with key {key} (0x{key:x}) is not ours: {memory.size} bytes, '
             f'made by process {memory.creator_pid} of user {memory.cuid}, last changed {changed}; '
             'it is left untouched. Use another key with --key, or, if nobody needs it, remove it '
             f'with: ipcrm -m {memory.id}')


def key_t(key):
    """A key as the kernel has it: signed."""
    return key - (1 << 32) if key >> 31 else key


class NewSegment(sysv_ipc.SharedMemory):
    """A segment of zeros, attached. What can't be attached doesn't stay behind."""

    def __init__(self, key, mode):
        try:
            super().__init__(key_t(key), sysv_ipc.IPC_CREX, mode, SIZE, b'\0')
        except Exception:
            if self.id > 0:
                self.remove()
            raise


def live_writers(key):
    """The count of live writers: number 0 of the set with this key. -1: we may not look."""
    try:
        return sysv_ipc.Semaphore(key_t(key), 0, 0o400).value
    except sysv_ipc.PermissionsError:
        return -1
    except sysv_ipc.ExistentialError:
        return 0


def is_removed(memory):
    """Whether a segment is marked for destruction: nobody can come to it any more."""
    try:
        return bool(memory.mode & SHM_DEST)
    except sysv_ipc.PermissionsError:
        return False
    except sysv_ipc.ExistentialError:
        return True


def is_our_queue(queue):
    """No system's default capacity is a whole number of our messages."""
    return queue.max_size in range(SHARED_DATA.size, CAPACITY + 1, SHARED_DATA.size)


def is_unused(queue):
    """As the kernel made it for a writer killed right then."""
    return queue.current_messages == queue.last_send_time == 0


def queue_length(queue):
    """How many messages are in it. None: it was removed."""
    try:
        return queue.current_messages
    except sysv_ipc.ExistentialError:
        return None
