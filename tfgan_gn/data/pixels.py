"""The two ways between 8-bit pixels and the networks' range [-1, 1]."""

import tensorflow as tf


def dequantize(pixels, noise):
    """Maps 8-bit pixels into [-1, 1): 2 (x / 256 - 1/2) + u, as `gan_cifar_resnet.py` does.

    A discrete distribution has no density; the noise spreads each of the 256 levels over its own interval.

    Args:
        pixels: uint8 (or any number type) array of any shape, values 0 to 255.
        noise: u, float array of the same shape, drawn from U[0, 1/128).

    Returns:
        A tensor of the noise's dtype and the pixels' shape, in [-1, 1).
    """
    noise = tf.convert_to_tensor(noise)
    return 2 * (tf.cast(pixels, noise.dtype) / 256 - 0.5) + noise


def quantize(images):
    """The inverse of `dequantize`: floor(128 (x + 1)), clipped to 0 to 255.

    The published code floors 127.995 (x + 1) for scores and 127.5 (x + 1) for its grids; both send the lower edge
    of a level one level too low, so that a real image would not come back as itself.

    Args:
        images: float array of any shape, in [-1, 1].

    Returns:
        A uint8 tensor of the same shape.
    """
    return tf.cast(tf.clip_by_value(tf.floor(128 * (images + 1)), 0, 255), tf.uint8)
