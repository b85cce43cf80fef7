"""Writing a file so that it is never there in part."""

import contextlib
import errno
import os


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
        OSError: the file cannot be written.
    """
    temporary = path + ".tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(contents)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise
