"""A folder of images, with or without one sub-folder for each class."""

import collections
import concurrent.futures
import functools
import os

import numpy as np
import tensorflow as tf

from tfgan_gn.data.decode import CHANNELS, decode_file, is_16_bit_png
from tfgan_gn.data.sources import HOLD_OUT, PART, Source, Stored, is_held_out
from tfgan_gn.errors import UserError
from tfgan_gn.files.noted_hashes import hash_files

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")


def open_folder(data_dir, deep=False):
    """Opens every image in a folder and below; every twentieth, in order of path, is held out.

    Args:
        data_dir: the folder. If its images lie in sub-folders, each sub-folder is a class. If they lie in the folder
            itself, all are of one class, "image".
        deep: whether images of 16 bits keep their depth. Otherwise they are read with 8.

    Returns:
        `sources.Source`.

    Raises:
        UserError: too few images, images both in the folder and in sub-folders, or, if `deep` is set, of both depths.
    """
    data_dir = os.path.normpath(data_dir)
    paths, left_out = list_images(data_dir)
    names = [path.removeprefix(os.path.join(data_dir, "")) for path in paths]
    classes = _classes(data_dir, names)
    number = {name: i for i, name in enumerate(classes)}
    labels = np.array([number[name.split(os.sep, 1)[0]] if classes else 0 for name in names], np.int64)
    held_out, dtype = is_held_out(np.arange(len(names))), _depth(paths) if deep else np.uint8
    train, test = (
        of_files([paths[i] for i in np.flatnonzero(rows)], labels[rows], {"split": which}, dtype)
        for rows, which in ((~held_out, "train"), (held_out, "held out"))
    )
    hash_content = functools.partial(hash_files, data_dir, names)
    return Source(train, test, classes or ("image",), f"images in {data_dir}{left_out}", None, hash_content)


def _depth(paths):
    """The dtype of all images of a folder, np.uint8 or np.uint16. Raises UserError if both are there."""
    deep = [is_16_bit_png(path) for path in paths]
    if any(deep) and not all(deep):
        raise UserError(
            f"{paths[deep.index(True)]} has 16 bits a channel, and {paths[deep.index(False)]} has 8: convert all "
            "images to one depth"
        )
    return np.uint16 if any(deep) else np.uint8


def of_files(paths, labels=None, cache_key=None, dtype=np.uint8):
    """The images of files, decoded by several threads.

    Args:
        paths: list of them.
        labels: int64 [len(paths)]; None if all are of one class, 0.
        cache_key: as of `sources.Stored`.
        dtype: as of `sources.Stored`.

    Returns:
        `sources.Stored`. Its `read` takes a third argument, how many images are in memory together.
    """
    labels = np.zeros(len(paths), np.int64) if labels is None else labels

    def read(grey, fit=None, together=PART):
        fit_in_graph = fit and _in_graph(fit, CHANNELS[grey], dtype)

        def load(path):
            image = decode_file(path, grey, dtype)
            return fit_in_graph(tf.constant(image)).numpy() if fit else image

        with concurrent.futures.ThreadPoolExecutor() as pool:
            for first in range(0, len(paths), together):  # all at once, the pool would be faster than they are taken
                part = slice(first, first + together)
                yield list(pool.map(load, paths[part])), labels[part]

    return Stored(len(paths), read, lambda i: paths[i], cache_key or {}, dtype)


@functools.cache
def _in_graph(fit, channels, dtype):
    """A function of an image as a graph. From Python, each small operation would stop the other threads that decode."""
    return tf.function(fit).get_concrete_function(tf.TensorSpec([None, None, channels], dtype))


def list_images(data_dir):
    """Lists the images in a folder and below.

    A link to a folder is followed, but no folder is read twice. Left out are names that begin with a dot, such as the
    `._1.png` that macOS writes beside `1.png`, and what is no regular file.

    Args:
        data_dir: the folder.

    Returns:
        (the paths of the images, in order; what was left out, in words, which stand behind a name of the folder).

    Raises:
        UserError: a folder that cannot be listed.
    """
    found, left_out, read = [], collections.Counter(), set()
    for folder, folders, names in os.walk(data_dir, onerror=_refuse_unreadable, followlinks=True):
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in read:
            left_out["links to folders that were read already"] += 1
            folders.clear()
            continue
        read.add((state.st_dev, state.st_ino))
        left_out["dot folders"] += sum(name.startswith(".") for name in folders)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if name.lower().endswith(ENDINGS)):
            path = os.path.join(folder, name)
            if name.startswith("."):
                left_out["dot files"] += 1
            elif not os.path.isfile(path):
                left_out["names of images that are no regular files"] += 1
            else:
                found.append(path)
    told = ", ".join(f"{what}: {count}" for what, count in left_out.items() if count)
    return found, f" (left out {told})" if told else ""


def _classes(data_dir, names):
    """Names of the sub-folders that hold the images; none if the images lie in the folder itself."""
    if len(names) < HOLD_OUT:
        raise UserError(
            f"{data_dir} holds {len(names)} images ({', '.join(ENDINGS)}), and one in {HOLD_OUT} is held out: give "
            f"{HOLD_OUT} or more"
        )
    top = [name for name in names if os.sep not in name]
    below = [name for name in names if os.sep in name]
    if top and below:
        raise UserError(
            f"{data_dir} holds images ({top[0]}) and folders of images ({os.path.dirname(below[0])}): "
            "put all images into class folders, or none"
        )
    return tuple(sorted({name.split(os.sep, 1)[0] for name in below}))


def _refuse_unreadable(error):
    raise UserError(f"{error.filename} cannot be read ({error.strerror}): give permission, or move it away")
