"""A folder of images, with or without one sub-folder a class."""

import functools
import os

import numpy as np

from tfgan_gn.data.decode import CHANNELS, decode_all
from tfgan_gn.data.source import HOLD_OUT, Source, Undecoded, held_out
from tfgan_gn.errors import UserError
from tfgan_gn.files.noted_hashes import hash_files

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")


def open_folder(data_dir, image_size, grey):
    """Finds every image below a folder; one in twenty, in order of path, is held out.

    Args:
        data_dir: the folder. Where it has sub-folders with images, each is a class; else all are of class 0.
        image_size: height and width to bring them to.
        grey: key of `decode.CHANNELS`.

    Returns:
        `source.Source`, whose parts raise UserError for an image that cannot be decoded.

    Raises:
        UserError: too few images, or images both in the folder and in sub-folders.
    """
    data_dir = os.path.normpath(data_dir)
    names = [path.removeprefix(os.path.join(data_dir, "")) for path in list_images(data_dir)]
    classes = _classes(data_dir, names)
    number = {name: i for i, name in enumerate(classes)}
    labels = np.array([number[name.split(os.sep, 1)[0]] if classes else 0 for name in names], np.int64)
    held = held_out(len(names))

    def split(rows, which):
        paths = [os.path.join(data_dir, names[i]) for i in rows]

        def parts():
            done = 0
            for images in decode_all(paths, image_size, CHANNELS[grey]):
                yield images, labels[rows[done : done + len(images)]]
                done += len(images)

        return Undecoded(len(rows), parts, {"split": which})

    train, test = split(np.flatnonzero(~held), "train"), split(np.flatnonzero(held), "held out")
    content = functools.partial(hash_files, data_dir, names)
    return Source(train, test, classes or ("image",), f"images in {data_dir}", content)


def list_images(data_dir):
    """Paths of the images in a folder and below, in order of path. Raises UserError for a folder without access."""
    found = []
    for folder, folders, names in os.walk(data_dir, onerror=_refuse_unreadable, followlinks=True):
        folders.sort()
        found += [os.path.join(folder, name) for name in sorted(names) if name.lower().endswith(ENDINGS)]
    return found


def _classes(data_dir, names):
    """Names of the sub-folders that hold the images; none where the folder itself does."""
    if len(names) < HOLD_OUT:
        raise UserError(
            f"{data_dir} holds {len(names)} images ({', '.join(ENDINGS)}): one in {HOLD_OUT} is held out, so give at "
            f"least {HOLD_OUT}"
        )
    top = [name for name in names if os.sep not in name]
    below = [name for name in names if os.sep in name]
    if top and below:
        raise UserError(
            f"{data_dir} holds images ({top[0]}) and folders of images ({os.path.dirname(below[0])}): "
            "put all of them into class folders, or none"
        )
    return tuple(sorted({name.split(os.sep, 1)[0] for name in below}))


def _refuse_unreadable(error):
    raise UserError(f"{error.filename} cannot be read ({error.strerror}): give permission, or move it away")
