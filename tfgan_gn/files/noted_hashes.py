"""What files hold, as one hash; reading them again only where the file system says that they may have changed."""

import concurrent.futures
import contextlib
import hashlib
import os
import re
import time

import tqdm

from tfgan_gn.errors import UserError
from tfgan_gn.files.whole import write_whole

CHUNK = 256  # files handed to the threads at once
SETTLED = 2 * 10**9  # nanoseconds: a file changed later than this before it was read may change again unseen


def hash_files(root, names, notes):
    """A hash of the names and the contents of files.

    Reading 200,000 photographs takes minutes, asking when they were changed a second or two. So the hash is noted under
    another hash, of each file's name, inode, size, and times of change. One of these times (ctime) is the file
    system's own and cannot be set back, so that an edit which keeps size and date is seen too.

    Args:
        root: folder of the files.
        names: list of their paths below it.
        notes: folder for the note.

    Returns:
        64 hexadecimal digits.

    Raises:
        UserError: a file cannot be read.
    """
    try:
        started = time.time_ns()
        seen, changed = _of_status(root, names)
        note = os.path.join(notes, f"content-{seen}.txt")
        found = _read(note)
        if found:
            return found
        content = _of_contents(root, names)
    except OSError as error:
        raise UserError(
            f"{error.filename} cannot be read ({error.strerror}): give permission, or bring it back"
        ) from None
    if changed < started - SETTLED:
        with contextlib.suppress(OSError):  # then it is read again the next time, and nothing is lost
            os.makedirs(notes, exist_ok=True)
            write_whole(note, content.encode())
    return content


def _of_status(root, names):
    """(hash of everything but the contents, nanoseconds of the last change)."""
    total, changed = hashlib.sha256(os.fsencode(os.path.abspath(root))), 0
    for name in names:
        status = os.stat(os.path.join(root, name))
        numbers = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        total.update(b"%s\0%d %d %d %d %d\n" % (os.fsencode(name), *numbers))
        changed = max(changed, status.st_mtime_ns, status.st_ctime_ns)
    return total.hexdigest(), changed


def _of_contents(root, names):
    total = hashlib.sha256()
    with (
        concurrent.futures.ThreadPoolExecutor() as pool,
        tqdm.tqdm(total=len(names), desc="reading", unit="file", disable=None, leave=False) as bar,
    ):
        for chunk in (names[i : i + CHUNK] for i in range(0, len(names), CHUNK)):
            digests = pool.map(_of_file, (os.path.join(root, name) for name in chunk))
            for name, digest in zip(chunk, digests, strict=True):
                total.update(os.fsencode(name) + b"\0" + digest)
            bar.update(len(chunk))
    return total.hexdigest()


def _of_file(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _read(note):
    """What a note says; empty where there is none, or something else."""
    try:
        with open(note, encoding="ascii") as file:
            text = file.read(65)
    except (OSError, ValueError):
        return ""
    return text if re.fullmatch("[0-9a-f]{64}", text) else ""
