"""Stored images as their windows, which are cut when the images are decoded."""

import functools

import numpy as np
import tensorflow as tf

from tfgan_gn.data.windows.cutting import BRIGHTER, FOREGROUND, windows
from tfgan_gn.errors import UserError
from tfgan_gn.progress import progress_bar

TOGETHER = 16  # large images whose windows are in memory together


@functools.cache  # the same object for the same sizes, so that it is traced once
def _fitted(size, fit):
    """A function of an image to its windows, each brought to another size by `fit`; None leaves them as they are."""
    return lambda image: fit(windows(image, size)) if fit else windows(image, size)


@functools.cache
def _counted(size):
    """A function of an image to (height, width, number of its windows), 0 for an image that is too small."""

    def count(image):
        height, width = tf.unstack(tf.shape(image)[:2])
        fits = tf.minimum(height, width) >= size
        return tf.stack([height, width, tf.cond(fits, lambda: tf.shape(windows(image, size))[0], lambda: 0)])

    return count


def cut(stored, size, grey):
    """The windows of stored images, in place of the images.

    All images are decoded once to count the windows, and again in each pass.

    Args:
        stored: of `folder.of_files`.
        size: height and width of a window.
        grey: key of `decode.CHANNELS`.

    Returns:
        `sources.Stored`. All windows of an image have its label.

    Raises:
        UserError: an image is smaller than a window, or all windows are background.
    """
    counts = []
    with progress_bar(total=stored.count, desc="counting windows", unit="image", leave=False) as bar:
        for sizes, _ in stored.read(grey, _counted(size), TOGETHER):
            for height, width, count in sizes:
                if min(height, width) < size:
                    raise UserError(
                        f"{stored.name(len(counts))} has {height}x{width} pixels, and --patch_size={size} cuts windows "
                        f"of {size}x{size}: give a smaller --patch_size, or remove the image"
                    )
                counts.append(int(count))
            bar.update(len(sizes))
    ends = np.cumsum(counts)
    if not counts or not ends[-1]:
        raise UserError(
            f"--patch_size={size}: in {stored.count} images, such as {stored.name(0)}, each window is background, as "
            f"less than {FOREGROUND:.0%} of its pixels are brighter by {BRIGHTER / 255:.0%} than the darkest pixel of "
            "its image: give another --patch_size, or other images"
        )

    def read(grey, fit=None):
        for parts, labels in stored.read(grey, _fitted(size, fit), TOGETHER):
            for of_image, label in zip(parts, labels, strict=True):
                yield of_image, np.full(len(of_image), label, np.int64)

    rule = {"patch_size": size, "brighter": BRIGHTER, "foreground": FOREGROUND}

    def name(number):
        return stored.name(int(np.searchsorted(ends, number, "right")))

    return stored._replace(count=int(ends[-1]), read=read, name=name, cache_key={**stored.cache_key, **rule})
