"""A folder of images, with or without one sub-folder a class."""

import concurrent.futures
import os

import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError, first_line

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
HOLD_OUT = 20  # every twentieth image in order of path is held out for the test loss


def resize_and_crop(image, size):
    """Scales an image's shorter side to `size`, with antialiasing, and cuts out the middle square.

    Args:
        image: uint8 [H, W, C].
        size: height and width to return.

    Returns:
        uint8 [size, size, C]; the image itself where it has that size.
    """
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    scale = size / min(height, width)
    height, width = max(size, round(height * scale)), max(size, round(width * scale))
    resized = tf.image.resize(image, [height, width], antialias=True)
    top, left = (height - size) // 2, (width - size) // 2
    return np.rint(np.clip(resized[top : top + size, left : left + size], 0, 255)).astype(np.uint8)


def decode_exactly(contents, channels=3):
    """Decodes a JPEG or PNG (a string tensor) to uint8 [H, W, channels], 0 channels being as many as it has.

    TensorFlow's default takes a fast transform for JPEG, which shifts red and blue by a level.
    """
    return tf.io.decode_jpeg(contents, channels=channels, dct_method="INTEGER_ACCURATE")


def decode_colour(path):
    """Reads an image file that has red, green and blue and nothing else.

    Args:
        path: of a file with one of ENDINGS.

    Returns:
        uint8 [H, W, 3].

    Raises:
        UserError: not readable, or with other channels.
    """
    image = _decode(path, channels=0)
    if image.shape[-1] != 3:
        kind = {1: "grey", 2: "grey and transparent", 4: "transparent"}.get(image.shape[-1], "no colour image")
        raise UserError(f"{path} is {kind} ({image.shape[-1]} channels): convert it to RGB, which has 3")
    return image


def read(data_dir, image_size):
    """Reads every image below a folder.

    Args:
        data_dir: the folder. Where it has sub-folders with images, each is a class; else all are of class 0.
        image_size: height and width to bring them to.

    Returns:
        ((images, labels) of train, (images, labels) held out), uint8 [N, image_size, image_size, 3] and int64 [N],
        and the names of the classes.

    Raises:
        UserError: no images, images both in the folder and in sub-folders, or one that cannot be decoded.
    """
    data_dir = os.path.normpath(data_dir)
    paths, classes = _list(data_dir)
    labels = np.array([classes.index(os.path.relpath(p, data_dir).split(os.sep)[0]) if classes else 0 for p in paths])

    def load(path):
        return resize_and_crop(_decode(path, channels=3), image_size)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        images = np.stack(list(pool.map(load, paths)))
    held_out = np.arange(len(paths)) % HOLD_OUT == HOLD_OUT - 1
    train, test = ((images[rows], labels[rows].astype(np.int64)) for rows in (~held_out, held_out))
    return train, test, classes or ("image",)


def list_images(data_dir):
    """Paths of the images in a folder and below, in order of path. Raises UserError for a folder without access."""
    found = []
    for folder, folders, names in os.walk(data_dir, onerror=_refuse_unreadable, followlinks=True):
        folders.sort()
        found += [os.path.join(folder, name) for name in sorted(names) if name.lower().endswith(ENDINGS)]
    return found


def _decode(path, channels):
    try:
        contents = tf.io.read_file(path)
        if tf.io.is_jpeg(contents):
            return decode_exactly(contents, channels).numpy()
        return tf.io.decode_image(contents, channels=channels, expand_animations=False).numpy()
    except tf.errors.OpError as error:
        raise UserError(f"{path} is not a readable image ({first_line(error)}): remove or replace it") from None


def _list(data_dir):
    found = list_images(data_dir)
    top = {path for path in found if os.path.dirname(path) == data_dir}
    if len(found) < HOLD_OUT:
        raise UserError(
            f"{data_dir} holds {len(found)} images ({', '.join(ENDINGS)}): one in {HOLD_OUT} is held out, so give at "
            f"least {HOLD_OUT}"
        )
    if top and len(top) < len(found):
        raise UserError(
            f"{data_dir} holds images ({os.path.basename(min(top))}) and folders of images "
            f"({os.path.relpath(os.path.dirname(min(set(found) - top)), data_dir)}): "
            "put all of them into class folders, or none"
        )
    classes = () if top else tuple(sorted({os.path.relpath(path, data_dir).split(os.sep)[0] for path in found}))
    return found, classes


def _refuse_unreadable(error):
    raise UserError(f"{error.filename} cannot be read ({error.strerror}): give permission, or move it away")
