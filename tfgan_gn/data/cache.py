"""Images decoded once: into memory, or, where they are many, into a file that is mapped into memory."""

import contextlib
import hashlib
import json
import os
import secrets

import numpy as np
import tqdm

from tfgan_gn.data.source import Split
from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.cache_folder import cache_folder
from tfgan_gn.files.hashes import hash_key
from tfgan_gn.files.noted_hashes import hash_files
from tfgan_gn.files.whole import write_whole

FORMAT = 1  # of what is cached; another number where another way of decoding or scaling gives other pixels
IN_MEMORY = 2**28  # bytes: a split of up to this many stays in memory


def decode(undecoded, content, shape, cache_dir, say):
    """Decodes a split, or finds it decoded.

    A split of more than IN_MEMORY bytes is written, part by part, to `data-HASH.npy` in `cache_dir` and mapped from
    there, with its labels in `data-HASH.json`. HASH is of the content that the images are decoded from and of all that
    says how; so other content is another file. A file that does not hold what was written to it is made anew.

    Args:
        undecoded: `source.Undecoded`.
        content: of `source.Source`.
        shape: (H, W, C) of an image.
        cache_dir: folder of the files; empty for `cache_folder.DEFAULT`.
        say: function of a line of text for the user.

    Returns:
        `source.Split`.

    Raises:
        UserError: an image cannot be decoded, or the disk is full.
    """
    shape = (undecoded.count, *shape)
    if content is None or int(np.prod(shape)) <= IN_MEMORY:
        images = np.empty(shape, np.uint8)
        return Split(images, _fill(undecoded, shape, _to_array(images)))
    cache_dir = cache_folder(cache_dir)
    key = {"format": FORMAT, "content": content(cache_dir), "shape": list(shape), **undecoded.facts}
    path = os.path.join(cache_dir, f"data-{hash_key(key)}")
    try:
        labels = _labels(path, key)
    except UserError as error:
        say(f"{error}. It is made anew")
        labels = None
    if labels is None:
        labels = _write(undecoded, shape, path, key)
        say(f"{len(labels)} images are kept decoded in {path}.npy")
    return Split(np.load(f"{path}.npy", mmap_mode="r"), labels)


def _fill(undecoded, shape, write):
    """Hands all images of a split to `write`, with the number of the first; returns the labels."""
    labels = np.empty(shape[0], np.int64)
    done = 0
    with tqdm.tqdm(total=shape[0], desc="decoding", unit="image", disable=None, leave=False) as bar:
        for images, of_images in undecoded.parts():
            write(images, done)
            labels[done : done + len(images)] = of_images
            done += len(images)
            bar.update(len(images))
    if done != shape[0]:
        raise UserError(f"{shape[0]} images are announced, and {done} came: the data are incomplete, bring them anew")
    return labels


def _to_array(array):
    def write(images, first):
        array[first : first + len(images)] = images

    return write


def _write(undecoded, shape, path, key):
    """Makes both files of a split, each moved into place when whole, the one that vouches for the other last."""
    temporary = f"{path}.{secrets.token_hex(4)}.tmp"  # of two runs that start together each writes its own
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "wb") as file:  # not mapped: a full disk kills the writer of a mapped file
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            labels = _fill(undecoded, shape, lambda images, _: file.write(np.ascontiguousarray(images).data))
        os.replace(temporary, f"{path}.npy")
        seal = _seal(key, labels, _digest(f"{path}.npy"))
        write_whole(temporary, json.dumps({"key": key, "labels": labels.tolist(), "sha256": seal}).encode())
        os.replace(temporary, f"{path}.json")
    except OSError as error:
        raise UserError(
            f"cannot write {np.prod(shape) / 2**20:.0f} MiB of decoded images to {os.path.dirname(path)}: "
            f"{first_line(error)}. Make room there, or give another --cache_dir"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.remove(temporary)
    return labels


def _labels(path, key):
    """The labels beside a decoded split; None where there is none. Raises UserError where it is not as written."""
    if not os.path.exists(f"{path}.json") or not os.path.exists(f"{path}.npy"):
        return None
    try:
        with open(f"{path}.json", encoding="utf-8") as file:
            found = json.load(file)
        labels = np.array(found["labels"], np.int64)
        seal = found["sha256"]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise UserError(f"{path}.json cannot be read ({first_line(error)})") from None
    if seal != _seal(key, labels, _digest(f"{path}.npy")):
        raise UserError(
            f"{path}.npy was cut or changed after it was written: its contents do not have the hash beside it"
        )
    return labels


def _digest(path):
    """Hash of a file's contents, for which an unchanged one is not read again."""
    folder, name = os.path.split(path)
    return hash_files(folder, [name], folder)


def _seal(key, labels, digest):
    return hashlib.sha256(json.dumps(key).encode() + labels.tobytes() + digest.encode()).hexdigest()
