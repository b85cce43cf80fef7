"""Images decoded once: into memory, or, if they are many, into a file that is mapped into memory."""

import contextlib
import functools
import glob
import hashlib
import json
import os
import secrets
import time

import numpy as np

from tfgan_gn.data.decode import CHANNELS, resizer
from tfgan_gn.data.sources import Split
from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.cache_folder import cache_folder
from tfgan_gn.files.hashes import hash_key
from tfgan_gn.files.lock import hold, remove_abandoned
from tfgan_gn.files.noted_hashes import hash_files
from tfgan_gn.files.whole import write_whole
from tfgan_gn.progress import progress_bar

FORMAT = 1  # of the cached files; raise it when decoding or scaling gives other pixels
IN_MEMORY = 2**28  # bytes: a decoded split of at most this size stays in memory


def decode(stored, hash_content, image_size, grey, cache_dir, say):
    """Decodes a split and brings its images to one size, or finds the file that holds them so.

    A split of more than IN_MEMORY bytes is written, part by part, to `data-HASH.npy` in the cache folder and mapped
    from there; its labels are in `data-HASH.json`. HASH is made of the content that the images are decoded from and of
    the settings of decoding, so that other content or other settings make another file. A file that was changed after
    it was written is made anew.

    Args:
        stored: `sources.Stored`.
        hash_content: as of `sources.Source`.
        image_size: height and width of the decoded images, one number or a pair.
        grey: key of `decode.CHANNELS`.
        cache_dir: folder of the files; empty for `cache_folder.DEFAULT`.
        say: function of a line of text for the user.

    Returns:
        `sources.Split`.

    Raises:
        UserError: an image cannot be decoded, or the file cannot be written.
    """
    sides = image_size if isinstance(image_size, tuple) else (image_size, image_size)
    shape, dtype = (stored.count, *sides, CHANNELS[grey]), np.dtype(stored.dtype)
    parts = functools.partial(stored.read, grey, resizer(image_size))
    if hash_content is None or int(np.prod(shape)) * dtype.itemsize <= IN_MEMORY:
        images = np.empty(shape, dtype)
        return Split(images, _fill(parts(), shape, _to_array(images)))
    folder = cache_folder(cache_dir)
    key = {"format": FORMAT, "content": hash_content(folder), "shape": list(shape), **stored.cache_key}
    if dtype != np.uint8:
        key["dtype"] = dtype.name
    path = os.path.join(folder, f"data-{hash_key(key)}")
    try:
        labels = _labels(path, key)
    except UserError as error:
        say(f"{error}. It is made anew")
        labels = None
    if labels is None:
        labels = _write(parts(), shape, dtype, path, key)
        say(f"{len(labels)} images are kept decoded in {path}.npy")
    return Split(np.load(f"{path}.npy", mmap_mode="r"), labels)


def _fill(parts, shape, write):
    """Hands all images of a split to `write`, part by part.

    Args:
        parts: iterable of (images, labels), as of `sources.Stored.read`.
        shape: (N, H, W, C) of all images together.
        write: function of (a part of the images uint8 [n, H, W, C], the number of its first image).

    Returns:
        The labels, int64 [N].

    Raises:
        UserError: fewer than N images.
    """
    labels = np.empty(shape[0], np.int64)
    done = 0
    with progress_bar(total=shape[0], desc="decoding", unit="image", leave=False) as bar:
        for images, of_images in parts:
            write(np.ascontiguousarray(images), done)
            labels[done : done + len(images)] = of_images
            done += len(images)
            bar.update(len(images))
    if done != shape[0]:
        raise UserError(
            f"the data announce {shape[0]} images and hold {done}: they are incomplete. Download or copy them again"
        )
    return labels


def _to_array(array):
    def write(images, first):
        array[first : first + len(images)] = images

    return write


def _write(parts, shape, dtype, path, key):
    """Writes both files of a split. Each is moved into place when it is whole, the one with the hash last."""
    temporary = f"{path}.{secrets.token_hex(4)}.tmp"  # two runs that start together write to two files
    try:
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        remove_abandoned(glob.glob(os.path.join(glob.escape(folder), "data-*.tmp")), time.time())
        with open(temporary, "wb") as file:  # written, not mapped: a full disk kills a process that writes to a map
            hold(file)
            header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            labels = _fill(parts, shape, lambda images, _: file.write(images.data))
        os.replace(temporary, f"{path}.npy")
        seal = _seal(key, labels, _hash_file(f"{path}.npy"))
        write_whole(temporary, json.dumps({"key": key, "labels": labels.tolist(), "sha256": seal}).encode())
        os.replace(temporary, f"{path}.json")
    except OSError as error:
        raise UserError(
            f"cannot write {np.prod(shape) * dtype.itemsize / 2**20:.0f} MiB of decoded images to "
            f"{os.path.dirname(path)}: {first_line(error)}. Make room there, or give another --cache_dir"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.remove(temporary)
    return labels


def _labels(path, key):
    """The labels of a split that is kept decoded; None if it is not. Raises UserError if a file was changed."""
    if not os.path.exists(f"{path}.json") or not os.path.exists(f"{path}.npy"):
        return None
    try:
        with open(f"{path}.json", encoding="utf-8") as file:
            found = json.load(file)
        labels = np.array(found["labels"], np.int64)
        seal = found["sha256"]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise UserError(f"{path}.json cannot be read ({first_line(error)})") from None
    if seal != _seal(key, labels, _hash_file(f"{path}.npy")):
        raise UserError(f"{path}.npy or {path}.json was cut or changed after it was written: the hash is another one")
    return labels


def _hash_file(path):
    """Hash of a file's contents; an unchanged file is not read again."""
    folder, name = os.path.split(path)
    return hash_files(folder, [name], folder)


def _seal(key, labels, content):
    """One hash of everything that both files of a split hold."""
    return hashlib.sha256(json.dumps(key).encode() + labels.tobytes() + content.encode()).hexdigest()
