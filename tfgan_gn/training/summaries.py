"""Image grids, PNG files and TensorBoard points."""

import numpy as np
import tensorflow as tf

from tfgan_gn.files.whole import write_whole


def image_grid(images, columns):
    """Arranges images in rows, left to right and top to bottom; the rest of the last row is black.

    Args:
        images: uint8 array [N, H, W, C].
        columns: images per row.

    Returns:
        A uint8 array [rows * H, columns * W, C].
    """
    n, height, width, channels = images.shape
    rows = -(-n // columns)
    grid = np.zeros((rows * columns, height, width, channels), np.uint8)
    grid[:n] = images
    grid = grid.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * height, columns * width, channels)


def write_png(path, image):
    """Writes a uint8 image [H, W, C] to a PNG file, completely or not at all."""
    write_whole(path, tf.io.encode_png(image).numpy())


def write_scalars(writer, scalars, step):
    """Writes scalars, a dict by tag, to a `tf.summary` writer."""
    with writer.as_default(step):
        for tag, value in scalars.items():
            tf.summary.scalar(tag, value)


def write_histogram(writer, tag, values, step):
    """Writes the distribution of an array to a `tf.summary` writer."""
    with writer.as_default(step):
        tf.summary.histogram(tag, values)


def write_images(writer, tag, image, step):
    """Writes a uint8 image [H, W, C] to a `tf.summary` writer."""
    with writer.as_default(step):
        tf.summary.image(tag, image[None])
