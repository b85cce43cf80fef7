"""Writing a file so that it is never there in part, and reading all of it."""

import contextlib
import errno
import os

from tfgan_gn.errors import UserError, naming


def refuse_unwritable(path):
    """Raises OSError if `write_whole` could not write to a path. Missing folders are made."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
    temporary = f"{path}.tmp"
    with open(temporary, "wb"):
        pass
    os.remove(temporary)


def write_whole(path, contents):
    """Writes a file beside the path and then moves it there. If that fails, the file at the path is as before.

    Args:
        path: of the file.
        contents: bytes.

    Raises:
        OSError: the file cannot be written; its text has the path.
    """
    temporary = path + ".tmp"
    try:
        with naming(path):
            with open(temporary, "wb") as file:
                file.write(contents)
            os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise


def read_whole(path):
    """The bytes of a file. Raises UserError if it cannot be read."""
    try:
        with naming(path), open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise unreadable(error) from None


def unreadable(error):
    """The UserError for a file or folder that cannot be read.

    Args:
        error: OSError that has its path.
    """
    return UserError(f"{error.filename} cannot be read ({error.strerror}): give permission, or restore it")
