"""Between pixels of 8 or 16 bits and the range [-1, 1] of the networks."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

LEVELS_PER_UNIT = 128.0  # 256 levels over [-1, 1), a range of two units
STEP = 257  # 16-bit levels from one 8-bit level to the next: 65535 / 255


def in_levels(pixels, dtype=tf.float32):
    """Pixels in 8-bit levels, 0 to 255. Those of 16 bits are divided by STEP, so that none of their levels is lost.

    Args:
        pixels: uint8 or uint16 of any shape, an array or a tensor; of any other number type, levels already.
        dtype: of floats.

    Returns:
        A tensor of `dtype` and of the same shape.
    """
    levels = tf.cast(pixels, dtype)
    return levels / STEP if pixels.dtype == np.uint16 else levels


def as_8_bits(pixels):
    """The nearest 8-bit levels of an array of pixels, uint8; an array that is uint8 comes back unchanged."""
    return pixels if pixels.dtype == np.uint8 else np.rint(pixels / STEP).astype(np.uint8)


def dequantize(pixels, noise):
    """Maps pixels into [-1, 1): 2 (x / 256 - 1/2) + u, as `gan_cifar_resnet.py` does.

    Pixels have 256 levels, and a discrete distribution has no density. The noise spreads each level over its interval.
    Of an image of 16 bits that interval is 257 times as small, about the middle of what it is with 8 bits.

    Args:
        pixels: as of `in_levels`, of any shape.
        noise: u, float array of the same shape, drawn from U[0, 1/128).

    Returns:
        A tensor of the noise's dtype and the pixels' shape, in [-1, 1).
    """
    noise = tf.convert_to_tensor(noise)
    if pixels.dtype == np.uint16:
        noise = 1 / 256 + (noise - 1 / 256) / STEP
    return 2 * (in_levels(pixels, noise.dtype) / 256 - 0.5) + noise


def scale_to_255(pixels, noise):
    """Maps pixels into [-1, 1]: 2 x / 255 - 1, as `gan_cifar.py` and the sources that use PyTorch do.

    Args:
        pixels: as of `dequantize`.
        noise: as of `dequantize`; only its dtype has an effect.

    Returns:
        A tensor of the noise's dtype and the pixels' shape.
    """
    return 2 * (in_levels(pixels, noise.dtype) / 255) - 1


def quantize(images, scale=LEVELS_PER_UNIT, shift=0.0):
    """Maps [-1, 1] to 8-bit pixels: floor(scale (x + 1) + shift), clipped to 0 to 255.

    With a scale of 128 it is the inverse of `dequantize`. `gan_cifar_resnet.py` has 255.99 / 2 = 127.995 for scores and
    255 / 2 for sample grids: x = 1 is 255 without clipping, but the lower end of a level's interval is mapped to the
    level below, so that real images would not come back unchanged.

    With a scale of 127.5 and a shift of 1/2 it rounds to the nearest level, and is the inverse of `scale_to_255`.
    PyTorch's `save_image` rounds in this way; `gan_cifar.py` and the group-norm report round down.

    Args:
        images: float array of any shape, in [-1, 1].
        scale: levels per unit.
        shift: part of a level that is added before rounding down.

    Returns:
        A uint8 tensor of the same shape.
    """
    return tf.cast(tf.clip_by_value(tf.floor(scale * (images + 1) + shift), 0, 255), tf.uint8)


def middles(pixels, scale=LEVELS_PER_UNIT, shift=0.0):
    """The middle of the interval that `quantize` maps to each pixel: (x + 1/2 - shift) / scale - 1.

    Args:
        pixels: as of `in_levels`, of any shape.
        scale: as of `quantize`.
        shift: as of `quantize`.

    Returns:
        A float32 tensor of the same shape, in [-1, 1].
    """
    return (in_levels(pixels) + (0.5 - shift)) / scale - 1


class Pixels(NamedTuple):
    """How 8-bit pixels become real images, and how generated images become 8-bit pixels.

    Attributes:
        to_floats: (pixels, noise from U[0, 1/128)) to images in [-1, 1], as of `dequantize`.
        scale: of `quantize`, which is the inverse with it and with `shift`.
        shift: of `quantize`.
    """

    to_floats: Callable[..., tf.Tensor]
    scale: float
    shift: float

    def to_pixels(self, images):
        """The inverse of `to_floats`: floats in [-1, 1] to uint8, of the same shape."""
        return quantize(images, self.scale, self.shift)


PIXELS = {
    "256_dequantized": Pixels(dequantize, LEVELS_PER_UNIT, 0.0),
    "255": Pixels(scale_to_255, 127.5, 0.5),
}
