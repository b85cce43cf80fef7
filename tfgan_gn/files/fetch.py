"""A file from its published address, there whole or not at all."""

import contextlib
import http.client
import os
import urllib.request

from tqdm import tqdm

from tfgan_gn.errors import UserError

TIMEOUT = 10  # seconds without a word from the host
BLOCK = 1 << 20


def fetch(url, path, check, way_out):
    """Downloads a file, showing progress on a terminal, and moves it into place once it is whole and checked.

    Args:
        url: its address.
        path: where it shall lie; folders are made as needed.
        check: function of a path that raises UserError where the file there is not the one that was wanted.
        way_out: sentence that tells the user how to do without the download.

    Raises:
        UserError: no network, an incomplete or another file, no room; what was at `path` before is still there.
    """
    temporary = f"{path}.{os.getpid()}.part"  # two processes may fetch at once
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(temporary, "wb") as file:
            _copy(url, file, os.path.basename(path))
        check(temporary)
        os.replace(temporary, path)
    except (OSError, http.client.HTTPException, UserError) as error:
        raise UserError(f"{url} could not be fetched to {path}: {error}. {way_out}") from None
    finally:
        with contextlib.suppress(OSError):
            os.remove(temporary)


def _copy(url, file, name):
    with urllib.request.urlopen(url, timeout=TIMEOUT) as reply:
        size = int(reply.headers.get("Content-Length") or 0)
        with tqdm(total=size or None, unit="B", unit_scale=True, desc=name, disable=None) as bar:
            while block := reply.read(BLOCK):
                file.write(block)
                bar.update(len(block))
    if size and file.tell() != size:
        raise OSError(f"only {file.tell()} of {size} bytes arrived")
