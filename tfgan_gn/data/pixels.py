"""Between 8-bit pixels and the range [-1, 1] of the networks."""

import tensorflow as tf

LEVELS_PER_UNIT = 128.0  # 256 levels over [-1, 1), a range of two units


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


def quantize(images, scale=LEVELS_PER_UNIT):
    """Maps [-1, 1] to 8-bit pixels: floor(scale (x + 1)), clipped to 0 to 255.

    With a scale of 128 it is the inverse of `dequantize`. `gan_cifar_resnet.py` has 255.99 / 2 = 127.995 for scores and
    255 / 2 for sample grids: x = 1 is 255 without clipping, but the lower end of a level's interval is mapped to the
    level below, so that real images would not come back unchanged.

    Args:
        images: float array of any shape, in [-1, 1].
        scale: levels per unit.

    Returns:
        A uint8 tensor of the same shape.
    """
    return tf.cast(tf.clip_by_value(tf.floor(scale * (images + 1)), 0, 255), tf.uint8)
