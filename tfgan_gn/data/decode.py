"""One image: out of a file, to the channels and the size that are asked for."""

import concurrent.futures

import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError, first_line

PART = 256  # images decoded at once
CHANNELS = {"repeat": 3, "keep": 1}  # by --grey


def resize_and_crop(images, size):
    """Scales the shorter side to `size`, with antialiasing, and cuts out the middle square.

    Args:
        images: uint8 [H, W, C] or [N, H, W, C], an array, or a tensor within a graph.
        size: height and width to return.

    Returns:
        A uint8 tensor [size, size, C] or [N, size, size, C]; the pixels themselves where they have that size.
    """
    height, width = tf.unstack(tf.shape(images)[-3:-1])
    shorter = tf.minimum(height, width)

    def scaled():
        scale = size / tf.cast(shorter, tf.float64)
        sides = [tf.maximum(size, tf.cast(tf.round(tf.cast(x, tf.float64) * scale), tf.int32)) for x in (height, width)]
        resized = tf.image.resize(images, sides, antialias=True)
        top, left = ((side - size) // 2 for side in sides)
        middle = resized[..., top : top + size, left : left + size, :]
        return tf.cast(tf.round(tf.clip_by_value(middle, 0, 255)), tf.uint8)

    same = tf.logical_and(tf.equal(height, size), tf.equal(width, size))
    return tf.cond(same, lambda: tf.convert_to_tensor(images, tf.uint8), scaled)


def decode_exactly(contents, channels=3):
    """Decodes a JPEG or PNG (a string tensor) to uint8 [H, W, channels], 0 channels being as many as it has.

    TensorFlow's default takes a fast transform for JPEG, which shifts red and blue by a level.
    """
    return tf.io.decode_jpeg(contents, channels=channels, dct_method="INTEGER_ACCURATE")


def decode_colour(path):
    """Reads an image file that has red, green and blue and nothing else.

    Args:
        path: of a file with one of `folder.ENDINGS`.

    Returns:
        uint8 [H, W, 3].

    Raises:
        UserError: not readable, or with other channels.
    """
    image = _decode(path, channels=0)
    if image.shape[-1] != 3:
        raise UserError(f"{path} is {_kind(image)} ({image.shape[-1]} channels): convert it to RGB, which has 3")
    return image


def decode_all(paths, size, channels):
    """Reads image files, a few at a time, and brings them to one size.

    Args:
        paths: list of them.
        size: height and width.
        channels: 3, to which grey images are repeated, or 1, for files that are grey.

    Yields:
        uint8 [n, size, size, channels], in order.

    Raises:
        UserError: a file that is no readable image, or none that is grey where it should be.
    """
    # As a graph: its many small operations would hold Python's lock against the other threads.
    bring = tf.function(lambda image: resize_and_crop(image, size), [tf.TensorSpec([None, None, channels], tf.uint8)])

    def load(path):
        image = _decode(path, channels=3 if channels == 3 else 0)
        if image.shape[-1] != channels:
            raise UserError(
                f"{path} is {_kind(image)} ({image.shape[-1]} channels), and --grey=keep takes grey images alone: "
                "leave that out, or convert it"
            )
        return bring(image).numpy()

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for first in range(0, len(paths), PART):  # the pool would else run ahead and hold all of them
            yield np.stack(list(pool.map(load, paths[first : first + PART])))


def _kind(image):
    return {1: "grey", 2: "grey and transparent", 3: "in colour", 4: "transparent"}.get(image.shape[-1], "no image")


def _decode(path, channels):
    try:
        contents = tf.io.read_file(path)
        if tf.io.is_jpeg(contents):
            return decode_exactly(contents, channels).numpy()
        return tf.io.decode_image(contents, channels=channels, expand_animations=False).numpy()
    except tf.errors.OpError as error:
        raise UserError(f"{path} is not a readable image ({first_line(error)}): remove or replace it") from None
