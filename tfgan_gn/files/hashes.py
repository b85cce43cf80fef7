"""SHA-256 hashes of images, arrays, folders and settings: the same contents have the same hash on every machine."""

import hashlib
import json
import os

import numpy as np

from tfgan_gn.errors import naming
from tfgan_gn.files.whole import unreadable


class PixelHash:
    """SHA-256 of a stream of images. Where the stream is cut into parts does not change the hash.

    Attributes:
        size: (height, width) of the images; None before the first part.
    """

    def __init__(self):
        self.size = None
        self._digest = hashlib.sha256()

    def through(self, parts):
        """Yields the parts unchanged and adds each to the hash.

        Args:
            parts: iterable of uint8 or uint16 arrays [n, H, W, C], all of one dtype, H, W and C.
        """
        for part in parts:
            if self.size is None:
                self.size = part.shape[1:3]
                depth = "" if part.dtype == np.uint8 else f" {part.dtype}"
                self._digest.update(f"{part.shape[1:]}{depth}".encode())
            self._digest.update(np.ascontiguousarray(part).data)
            yield part

    def hexdigest(self):
        """The hash of all parts so far, 64 hexadecimal digits."""
        return self._digest.hexdigest()


def hash_pixels(parts):
    """The `PixelHash` of images: 64 hexadecimal digits.

    Args:
        parts: iterable of uint8 or uint16 arrays [n, H, W, C]; for one array, a list of it.
    """
    seen = PixelHash()
    for _ in seen.through(parts):
        pass
    return seen.hexdigest()


def hash_arrays(arrays):
    """The SHA-256 of named arrays: their names, types, shapes and values.

    Args:
        arrays: dict from names to arrays; its order does not matter.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def hash_folder(path):
    """The SHA-256 of all files in a folder and below, with their names: 64 hexadecimal digits.

    Raises:
        UserError: a file or a folder cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for folder, folders, files in os.walk(path, onerror=_raise):
            folders.sort()  # os.walk visits them in the order of this list
            for name in sorted(files):
                contents = hash_file(os.path.join(folder, name)).hex()
                digest.update(f"{os.path.relpath(os.path.join(folder, name), path)} {contents}\n".encode())
    except OSError as error:
        raise unreadable(error) from None
    return digest.hexdigest()


def hash_file(path):
    """The SHA-256 of a file, 32 bytes. Raises OSError with the path in its text if the file cannot be read."""
    with naming(path), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _raise(error):
    raise error


def hash_key(key):
    """A short hash of settings, for the name of a file that is kept for these settings.

    Args:
        key: dict of JSON values; its order matters.

    Returns:
        24 hexadecimal digits.
    """
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]
