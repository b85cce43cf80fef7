"""Between 8-bit pixels and the range [-1, 1] of the networks."""

import tensorflow as tf


def dequantize(pixels, noise):
    """Maps 8-bit pixels into [-1, 1): 2 (x / 256 - 1/2) + u, as `gan_cifar_resnet.py` does.

    Pixels have 256 levels, and a discrete distribution has no density. The noise spreads each level over its interval.

    Args:
        pixels: array of any number type and any shape, values 0 to 255.
        noise: u, float array of the same shape, drawn from U[0, 1/128).

    Returns:
        A tensor of the noise's dtype and the pixels' shape, in [-1, 1).
    """
    noise = tf.convert_to_tensor(noise)
    return 2 * (tf.cast(pixels, noise.dtype) / 256 - 0.5) + noise


def quantize(images):
    """The inverse of `dequantize`: floor(128 (x + 1)), clipped to 0 to 255.

    The published code computes floor(127.995 (x + 1)) for scores and floor(127.5 (x + 1)) for sample grids. Both map
    the lower end of a level's interval to the level below, so that real images would not come back unchanged.

    Args:
        images: float array of any shape, in [-1, 1].

    Returns:
        A uint8 tensor of the same shape.
    """
    return tf.cast(tf.clip_by_value(tf.floor(128 * (images + 1)), 0, 255), tf.uint8)
