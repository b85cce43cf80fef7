"""A hash of the contents of many files that is noted, so that unchanged files are not read again."""

import concurrent.futures
import contextlib
import hashlib
import os
import re
import time

from tfgan_gn.files.hashes import hash_file
from tfgan_gn.files.whole import unreadable, write_whole
from tfgan_gn.progress import progress_bar

CHUNK = 256  # files that are handed to the threads together
SETTLED = 2 * 10**9  # nanoseconds: a file that changed later than this before it was read may change again unnoticed


def hash_files(root, names, notes):
    """The SHA-256 of the names and the contents of files.

    To read 200,000 photographs takes minutes; to ask when they were changed takes a second or two. So the hash is
    written to a note, whose name is a hash of each file's name, inode, size and times of change. If the note is there,
    the files are not read. One of the times, ctime, is set by the file system alone: an edit that restores size and
    date is noticed too.

    Args:
        root: folder of the files.
        names: list of their paths below it.
        notes: folder of the note.

    Returns:
        64 hexadecimal digits.

    Raises:
        UserError: a file cannot be read.
    """
    try:
        started = time.time_ns()
        status, changed = _hash_status(root, names)
        note = os.path.join(notes, f"content-{status}.txt")
        noted = _read_note(note)
        if noted:
            return noted
        content = _hash_contents(root, names)
    except OSError as error:
        raise unreadable(error) from None
    if changed < started - SETTLED:
        with contextlib.suppress(OSError):  # without a note, the files are only read again the next time
            os.makedirs(notes, exist_ok=True)
            write_whole(note, content.encode())
    return content


def _hash_status(root, names):
    """(hash of everything but the contents, time of the last change in nanoseconds)."""
    total, changed = hashlib.sha256(os.fsencode(os.path.abspath(root))), 0
    for name in names:
        status = os.stat(os.path.join(root, name))
        numbers = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        total.update(b"%s\0%d %d %d %d %d\n" % (os.fsencode(name), *numbers))
        changed = max(changed, status.st_mtime_ns, status.st_ctime_ns)
    return total.hexdigest(), changed


def _hash_contents(root, names):
    total = hashlib.sha256()
    with (
        concurrent.futures.ThreadPoolExecutor() as pool,
        progress_bar(total=len(names), desc="reading", unit="file", leave=False) as bar,
    ):
        for chunk in (names[i : i + CHUNK] for i in range(0, len(names), CHUNK)):
            digests = pool.map(hash_file, (os.path.join(root, name) for name in chunk))
            for name, digest in zip(chunk, digests, strict=True):
                total.update(os.fsencode(name) + b"\0" + digest)
            bar.update(len(chunk))
    return total.hexdigest()


def _read_note(path):
    """The hash in a note; empty if there is no note, or no hash in it."""
    try:
        with open(path, encoding="ascii") as file:
            text = file.read(65)
    except (OSError, ValueError):
        return ""
    return text if re.fullmatch("[0-9a-f]{64}", text) else ""
