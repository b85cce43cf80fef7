"""A folder of images, with or without one sub-folder a class."""

import concurrent.futures
import os

import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError

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
    paths, classes = _list(data_dir)
    labels = np.array([classes.index(os.path.relpath(p, data_dir).split(os.sep)[0]) if classes else 0 for p in paths])

    def load(path):
        try:
            image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        except tf.errors.OpError as error:
            raise UserError(
                f"{path} is not a readable image ({error.message.splitlines()[0]}): remove or replace it"
            ) from None
        return resize_and_crop(image.numpy(), image_size)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        images = np.stack(list(pool.map(load, paths)))
    held_out = np.arange(len(paths)) % HOLD_OUT == HOLD_OUT - 1
    train, test = ((images[rows], labels[rows].astype(np.int64)) for rows in (~held_out, held_out))
    return train, test, classes or ("image",)


def _list(data_dir):
    found = []
    for folder, folders, names in os.walk(data_dir):
        folders.sort()
        found += [os.path.join(folder, name) for name in sorted(names) if name.lower().endswith(ENDINGS)]
    top = [path for path in found if os.path.dirname(path) == os.path.normpath(data_dir)]
    if len(found) < HOLD_OUT:
        raise UserError(
            f"{data_dir} holds {len(found)} images ({', '.join(ENDINGS)}): one in {HOLD_OUT} is held out, so give at "
            f"least {HOLD_OUT}"
        )
    if top and len(top) < len(found):
        raise UserError(
            f"{data_dir} holds images ({os.path.basename(top[0])}) and folders of images "
            f"({os.path.relpath(os.path.dirname(next(p for p in found if p not in set(top))), data_dir)}): "
            "put all of them into class folders, or none"
        )
    classes = () if top else tuple(sorted({os.path.relpath(path, data_dir).split(os.sep)[0] for path in found}))
    return found, classes
