"""Files that are there whole or not at all."""

import contextlib
import os


def write_whole(path, contents):
    """Writes bytes to a file beside the path and moves it there; a failed write leaves what was there before."""
    temporary = path + ".tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(contents)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise
