"""Windows of one large image; windows of dark background are left out."""

import tensorflow as tf

from tfgan_gn.data.pixels import in_levels

# The rule for background. A pixel is foreground if it is brighter than the darkest pixel of its image by more than
# BRIGHTER levels of 255, 5 %. A window is left out if less than the share FOREGROUND of its pixels is foreground.
BRIGHTER, FOREGROUND = 12.75, 0.5


def offsets(side, size):
    """Where the windows along one side begin: as few as cover all of it, evenly spread.

    Args:
        side: length of the side, a whole number or an int32 tensor, at least `size`.
        size: of the windows.

    Returns:
        int32 [ceil(side / size)], from 0 to side - size.
    """
    count = -(-side // size)
    return tf.range(count) * (side - size) // tf.maximum(count - 1, 1)


def windows(image, size):
    """The windows of an image that are not background.

    Args:
        image: uint8 or uint16 [H, W, C], an array or a tensor in a graph; H and W at least `size`.
        size: height and width of a window.

    Returns:
        A tensor of the same dtype [n, size, size, C], row by row; n may be 0.
    """
    bright = tf.reduce_mean(in_levels(image), -1, keepdims=True)
    foreground = tf.cast(bright > tf.reduce_min(bright) + BRIGHTER, tf.float32)
    kept = tf.reduce_mean(_all_windows(foreground, size), [1, 2, 3]) >= FOREGROUND
    return tf.boolean_mask(_all_windows(image, size), kept)


def _all_windows(image, size):
    height, width = tf.unstack(tf.shape(image)[:2])
    rows, columns = (offsets(side, size)[:, None] + tf.range(size) for side in (height, width))
    pixels = rows[:, None, :, None] * width + columns[None, :, None, :]  # numbers of the pixels of each window
    return tf.reshape(tf.gather(tf.reshape(image, [-1, image.shape[-1]]), pixels), [-1, size, size, image.shape[-1]])
