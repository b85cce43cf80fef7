"""Images of 8 and of 16 bits a channel: from a file to the range of a network and back to a file of the same depth."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgan_gn.data.decode import is_16_bit_png
from tfgan_gn.data.pixels import STEP, middles, quantize
from tfgan_gn.errors import UserError, first_line


class Range(NamedTuple):
    """How a network's [-1, 1] is mapped to 8-bit levels: as of `pixels.quantize`."""

    scale: float
    shift: float


def read(path, channels):
    """Reads an image in the depth of its file.

    Args:
        path: of a PNG of 8 or 16 bits, or of another image file of 8 bits.
        channels: of the network, 3 or 1.

    Returns:
        uint8 or uint16 [H, W, 3 or 1]: grey images have one channel. Transparency is dropped.

    Raises:
        UserError: the file is no readable image, or is in colour and the network takes grey images.
    """
    try:
        contents = tf.io.read_file(path)
        if is_16_bit_png(path):
            image = tf.io.decode_png(contents, dtype=tf.uint16).numpy()
        else:
            image = tf.io.decode_image(contents, expand_animations=False).numpy()
    except tf.errors.OpError as error:
        raise UserError(f"{path} is not a readable image ({first_line(error)}): remove or replace it") from None
    image = image[..., : 1 if image.shape[-1] < 3 else 3]
    if image.shape[-1] > channels:
        raise UserError(f"{path} is in colour, and the export takes grey images: convert it to grey")
    return image


def middle(image, size):
    """Cuts out the largest rectangle in the middle of an image that has the shape of `size`.

    Args:
        image: array [H, W, C].
        size: (height, width) of the network.

    Returns:
        A part of the array. An image of the same shape, of any size, comes back whole.
    """
    scale = min(side / wanted for side, wanted in zip(image.shape[:2], size, strict=True))
    height, width = (max(1, round(scale * wanted)) for wanted in size)
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def to_network(image, size, channels, levels):
    """An image as the condition of a generator.

    Args:
        image: uint8 or uint16 [H, W, C].
        size: (height, width) of the network.
        channels: of the network; a grey image is repeated.
        levels: Range.

    Returns:
        A float32 tensor [*size, channels] in [-1, 1]: `pixels.middles` of the 8-bit level, which 16 bits divide
        further. It is resized with antialiasing where its size is another.
    """
    floats = _resize(middles(image, *levels), size)
    return tf.repeat(floats, channels // image.shape[-1], -1)


def to_image(floats, like, levels):
    """Generated images in the size, the depth and the channels of an image.

    Args:
        floats: float32 [N, height, width, channels] in [-1, 1].
        like: uint8 or uint16 [H, W, C]. Where it is grey, the mean of the channels is taken.
        levels: Range.

    Returns:
        An array [N, H, W, C] of the dtype of `like`. 8-bit images are those of `pixels.quantize`.
    """
    images = _resize(floats, like.shape[:2])
    if like.shape[-1] == 1:
        images = tf.reduce_mean(images, -1, keepdims=True)
    if like.dtype == np.uint8:
        return quantize(images, *levels).numpy()
    in_levels = levels.scale * (images + 1) + levels.shift - 0.5  # the inverse of `middles`
    return tf.cast(tf.clip_by_value(tf.round(STEP * in_levels), 0, 65535), tf.uint16).numpy()


def as_png(image):
    """The bytes of a PNG of an array, uint8 or uint16 [H, W, 1 or 3]."""
    return tf.io.encode_png(image).numpy()


def _resize(images, size):
    return images if tuple(images.shape[-3:-1]) == tuple(size) else tf.image.resize(images, size, antialias=True)
