"""Asks the kernel. What it refuses is an OSError, whose `failed` names the kind of object.

sysv_ipc attaches segments and looks at objects. What needs an exact errno, or more than one
semaphore, calls the C library through ctypes.
"""
import ctypes
import errno
import os

import sysv_ipc

SEGMENT, SEMAPHORES, QUEUE = 'segment', 'semaphores', 'queue'  # the kinds of objects
IPC_RMID, IPC_NOWAIT = 0, 0o4000

libc = ctypes.CDLL(None, use_errno=True)
_INT, _LONG, _SIZE, _POINTER = ctypes.c_int, ctypes.c_long, ctypes.c_size_t, ctypes.c_void_p
for _name, *_arguments in (
        ('shmget', _INT, _SIZE, _INT), ('shmctl', _INT, _INT, _POINTER), ('shmdt', _POINTER),
        ('semget', _INT, _INT, _INT), ('semctl', _INT, _INT, _INT),
        ('semop', _INT, _POINTER, _SIZE), ('msgctl', _INT, _INT, _POINTER),
        ('msgsnd', _INT, _POINTER, _SIZE, _INT), ('msgrcv', _INT, _POINTER, _SIZE, _LONG, _INT),
        ('read', _INT, _POINTER, _SIZE), ('write', _INT, _POINTER, _SIZE)):
    getattr(libc, _name).argtypes = _arguments

# What sysv_ipc's exceptions mean. An errno that it has none for is an OSError.
_MEANING = {sysv_ipc.PermissionsError: errno.EACCES, sysv_ipc.ExistentialError: errno.EIDRM,
            ValueError: errno.EINVAL, MemoryError: errno.ENOMEM}


def failure(failed, number):
    error = OSError(number, os.strerror(number))
    error.failed = failed
    return error


def call(function, *arguments):
    """Calls a function of the C library, which returns -1 if it fails."""
    result = function(*arguments)
    if result == -1:
        raise failure(None, ctypes.get_errno())
    return result


def ask(kind, function, *arguments, **meaning):
    """Calls a function of the C library or of sysv_ipc for such an object. `meaning` says what an
    errno means there; mostly EINVAL is said of an ID that was removed a while ago."""
    try:
        return call(function, *arguments)
    except (sysv_ipc.Error, ValueError, MemoryError) as error:
        number = _MEANING.get(type(error), errno.EIO)
    except OSError as error:
        number = error.errno or errno.ENOSPC  # which sysv_ipc tells in words only
    meaning = {'EINVAL': errno.EIDRM, **meaning}
    raise failure(kind, meaning.get(errno.errorcode.get(number), number))


def key_t(key):
    """A key as sysv_ipc takes it: signed."""
    return ctypes.c_int(key).value
