"""Downloading a file, so that it is never there in part."""

import contextlib
import glob
import http.client
import os
import time
import urllib.request

from tfgan_gn.errors import UserError
from tfgan_gn.files.lock import hold, remove_abandoned
from tfgan_gn.progress import progress_bar

TIMEOUT = 10  # seconds that the host may be silent
BLOCK = 1 << 20  # bytes that are copied together


def fetch(url, path, check, way_out):
    """Downloads a file, checks it, and then moves it to its path. A terminal shows the progress.

    Args:
        url: the address of the file.
        path: where to put it; missing folders are made.
        check: function of a path that raises UserError if the file there is not the expected one.
        way_out: a sentence that says what to do if the download fails.

    Raises:
        UserError: there is no network, the file is incomplete or not the expected one, or it cannot be written. The
            file that was at `path` before is still there.
    """
    temporary = f"{path}.{os.getpid()}.part"  # two processes may download it at the same time
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        remove_abandoned(glob.glob(f"{glob.escape(path)}.*.part"), time.time())
        with open(temporary, "wb") as file:
            hold(file)
            _copy(url, file, os.path.basename(path))
        check(temporary)
        os.replace(temporary, path)
    except (OSError, http.client.HTTPException, UserError) as error:
        raise UserError(f"{url} could not be downloaded to {path}: {error}. {way_out}") from None
    finally:
        with contextlib.suppress(OSError):
            os.remove(temporary)


def _copy(url, file, name):
    with urllib.request.urlopen(url, timeout=TIMEOUT) as reply:
        size = int(reply.headers.get("Content-Length") or 0)
        with progress_bar(total=size or None, unit="B", unit_scale=True, desc=name) as bar:
            while block := reply.read(BLOCK):
                file.write(block)
                bar.update(len(block))
    if size and file.tell() != size:
        raise OSError(f"only {file.tell()} of {size} bytes arrived")
