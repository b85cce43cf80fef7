"""One image: from the bytes of a file to pixels, with the channels and the size that are asked for."""

import functools

import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.limits import MOST_BYTES_OF_IMAGE, refuse_large_file, refuse_many_pixels

# The channels of decoded images, by what is done with grey ones. The flag --grey takes the first two.
CHANNELS = {
    "repeat": 3,  # grey images get three equal channels; transparency is dropped
    "keep": 1,  # grey images keep their one channel; others are refused
    "refuse": 3,  # only images with red, green and blue and no other channel are taken
}
PNG, PLACE_OF_DEPTH = b"\x89PNG\r\n\x1a\n", 24  # the first bytes of a PNG; where its number of bits a channel stands
_KINDS = {1: "grey", 2: "grey and transparent", 3: "in colour", 4: "transparent"}


def resize_and_crop(images, size):
    """Scales images, with antialiasing, until they just cover a size, and cuts out their middle.

    Args:
        images: uint8 or uint16 [H, W, C] or [N, H, W, C], an array, or a tensor in a graph.
        size: height and width of the result, one number or a pair.

    Returns:
        A tensor of the same dtype, [*size, C] or [N, *size, C]. Images of this size come back unchanged.
    """
    images = tf.convert_to_tensor(images)
    height, width = tf.unstack(tf.shape(images)[-3:-1])
    wanted = size if isinstance(size, tuple) else (size, size)

    def scaled():
        given = [tf.cast(side, tf.float64) for side in (height, width)]
        scale = tf.maximum(wanted[0] / given[0], wanted[1] / given[1])
        sides = [
            tf.maximum(least, tf.cast(tf.round(side * scale), tf.int32))
            for least, side in zip(wanted, given, strict=True)
        ]
        resized = tf.image.resize(images, sides, antialias=True)
        top, left = ((side - least) // 2 for side, least in zip(sides, wanted, strict=True))
        middle = resized[..., top : top + wanted[0], left : left + wanted[1], :]
        return tf.cast(tf.round(tf.clip_by_value(middle, 0, images.dtype.max)), images.dtype)

    same = tf.logical_and(tf.equal(height, wanted[0]), tf.equal(width, wanted[1]))
    return tf.cond(same, lambda: images, scaled)


@functools.cache
def resizer(size):
    """`resize_and_crop` to one size: always the same object for the same size, so that it is traced only once."""
    return functools.partial(resize_and_crop, size=size)


def repeat_grey(images, channels):
    """Repeats the channel of grey images; images that have `channels` channels come back unchanged.

    Args:
        images: array [..., 1] or [..., channels].
        channels: of the result.

    Returns:
        An array [..., channels].
    """
    return np.repeat(images, channels // images.shape[-1], axis=-1)


def decode_exactly(contents, channels=3):
    """Decodes a JPEG or a PNG.

    TensorFlow's default transform for JPEG is a fast one that shifts red and blue by a level. This one does not.

    Args:
        contents: string tensor, the bytes of the file.
        channels: 1 or 3, to which the image is converted; 0 for as many as it has.

    Returns:
        A uint8 tensor [H, W, channels].
    """
    return tf.io.decode_jpeg(contents, channels=channels, dct_method="INTEGER_ACCURATE")


def is_16_bit_png(path):
    """Whether a file is a PNG of 16 bits a channel. Raises UserError if it cannot be read."""
    try:
        with open(path, "rb") as file:
            start = file.read(PLACE_OF_DEPTH + 1)
    except OSError as error:
        raise UserError(f"{path} is not a readable image ({first_line(error)}): remove or replace it") from None
    return start.startswith(PNG) and start[PLACE_OF_DEPTH:] == b"\x10"


def decode_file(path, grey, dtype=np.uint8):
    """Reads an image file at its own size.

    Args:
        path: of a JPEG, PNG, BMP or GIF, of which the first frame is taken.
        grey: key of CHANNELS.
        dtype: np.uint8, or np.uint16 for a PNG of 16 bits, whose depth is kept.

    Returns:
        `dtype` [H, W, CHANNELS[grey]].

    Raises:
        UserError: the file is no readable image, or has channels that `grey` refuses.
    """
    image = _decode(path, 3 if grey == "repeat" else 0, dtype)
    channels = image.shape[-1]
    if channels != CHANNELS[grey]:
        rule = (
            "--grey=keep takes only grey images: leave out --grey=keep, or convert the image to grey"
            if grey == "keep"
            else "only RGB images, with 3 channels, are taken here: convert it to RGB"
        )
        raise UserError(f"{path} is {_KINDS.get(channels, 'no image')} ({channels} channels), and {rule}")
    return image


def _decode(path, channels, dtype):
    try:
        refuse_large_file(path, MOST_BYTES_OF_IMAGE)
        contents = tf.io.read_file(path)
        refuse_many_pixels(path, contents.numpy())
        if dtype == np.uint16:
            return tf.io.decode_png(contents, channels, tf.uint16).numpy()
        if tf.io.is_jpeg(contents):
            return decode_exactly(contents, channels).numpy()
        return tf.io.decode_image(contents, channels=channels, expand_animations=False).numpy()
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"{path} is not a readable image ({first_line(error)}): remove or replace it") from None
