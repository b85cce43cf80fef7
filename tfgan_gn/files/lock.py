"""Locks of folders and files. The system gives them back when their process ends, however it ends."""

import contextlib
import fcntl
import os
import socket
import time

from tfgan_gn.errors import UserError

NAME = ".lock"
SETTLED = 60.0  # seconds after which a file that nobody holds counts as abandoned


@contextlib.contextmanager
def only_one(folder, refusal, wait=0, say=lambda line: None):
    """Holds the lock of a folder, which is the file `.lock` in it. The file says which process holds it, and where.

    On Linux this also works for processes of several machines that share the folder over NFS.

    Args:
        folder: its path; it exists.
        refusal: what another process is doing in it, and what to do, for the message.
        wait: seconds to wait until another process ends.
        say: function that prints a line; called once before waiting.

    Yields:
        The file descriptor. A child process that inherits it holds the lock too.

    Raises:
        UserError: another process holds the lock.
        OSError: the file cannot be written, or the file system has no locks.
    """
    with open(os.path.join(folder, NAME), "a+", encoding="utf-8") as file:
        for second in range(wait + 1):
            if _hold(file):
                break
            file.seek(0)
            holder = file.read().strip() or "another process"
            if second == wait:
                raise UserError(f"{holder} {refusal}")
            if second == 0:
                say(f"waiting for {holder}, which uses {folder}")
            time.sleep(1)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        try:
            yield file.fileno()
        finally:
            with contextlib.suppress(OSError):  # the lock ends with the file; the folder may be gone by now
                file.seek(0)
                file.truncate()


def hold(file):
    """Takes the lock of an open file, which `remove_abandoned` respects; closing the file gives it back."""
    fcntl.flock(file, fcntl.LOCK_EX)


def remove_abandoned(paths, now):
    """Removes the half-written files that ended processes have left.

    Args:
        paths: of the files.
        now: the time, in seconds since 1970.
    """
    for path in paths:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            if now - os.fstat(file.fileno()).st_mtime > SETTLED and _hold(file):
                os.remove(path)


def _hold(file):
    """Takes the lock of an open file if nobody holds it. Returns whether it did."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
