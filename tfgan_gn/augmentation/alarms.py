"""Two alarms about a generator that makes new images of given ones: it ignores its noise, or it copies images.

Both compare with how far two real images of one class are apart. So a value of 1 is what real images have.
"""

import math

import numpy as np

from tfgan_gn.data.pixels import as_8_bits
from tfgan_gn.metrics.alarms import Alarm
from tfgan_gn.metrics.nearest import nearest

SPREAD, NEARNESS = "new_images/spread", "new_images/nearness"  # tags of the two values
ALARM = 0.1  # below it something is wrong: real images have about 1
MOST_SEARCHED, MOST_NUMBERS = 2_000, 2**25  # images that are searched, and their values together: 128 MiB as float32


def spread(images):
    """How far the images of a group are apart: the RMS difference of two images of it, over pairs and pixels.

    Args:
        images: array [groups, K, ...] of any number type, K 2 or more.

    Returns:
        The root of the mean over the groups of 2 K / (K - 1) E[(x - mean of the group)^2], a float: E[(x - y)^2] of
        two different images x and y of a group is twice its unbiased variance.
    """
    images = np.asarray(images, np.float64)
    count = images.shape[1]
    variance = np.square(images - images.mean(1, keepdims=True)).mean() * count / (count - 1)
    return float(np.sqrt(2 * variance))


def apart_in_classes(images, labels, classes, most=100):
    """The `spread` of real images: the RMS difference of two images of one class.

    Args:
        images: uint8 or uint16 [N, ...].
        labels: int64 [N].
        classes: numbers of the classes to look at; those with one image are left out.
        most: how many images of a class are looked at, the first ones.

    Returns:
        A float in levels; 0 where no class has two images.
    """
    squares, weights = [], []
    for number in classes:
        rows = np.flatnonzero(labels == number)[:most]
        if len(rows) > 1:
            squares.append(spread(as_8_bits(np.asarray(images[rows]))[None]) ** 2)
            weights.append(len(rows))
    return float(np.sqrt(np.average(squares, weights=weights))) if squares else 0.0


class NewImageReadings:
    """The two values of new images, in 8-bit levels.

    Args:
        sources: uint8 or uint16 [S, H, W, C], which new images are made of.
        images: of the same dtype [N, H, W, C], in memory or mapped from a file.
        rows: numbers of those that were learnt from, in order. At most MOST_SEARCHED of them, evenly spread, are
            searched.
        apart: of `apart_in_classes`, above 0.
    """

    def __init__(self, sources, images, rows, apart):
        size = int(np.prod(sources.shape[1:]))
        count = max(1, min(len(rows), MOST_SEARCHED, MOST_NUMBERS // size))
        chosen = rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]
        self.real = (
            as_8_bits(np.concatenate([np.asarray(images[chosen]), sources])).reshape(-1, size).astype(np.float32)
        )
        self.apart = apart

    def __call__(self, new):
        """Computes the two values.

        Args:
            new: uint8 [S, K, H, W, C], K new images of each source.

        Returns:
            {SPREAD: the `spread` of the images of one source, NEARNESS: the median RMS difference of a new image to
            the nearest of the sources and the images that were learnt from}, both divided by `apart`.
        """
        rows = new.reshape(-1, self.real.shape[1]).astype(np.float32)
        distances = nearest(rows, self.real).distances / np.sqrt(rows.shape[1])
        return {SPREAD: spread(new) / self.apart, NEARNESS: float(np.median(distances)) / self.apart}


ROWS = (
    Alarm(
        SPREAD,
        ALARM,
        math.inf,
        "two new images of one source differ by {:.1%} of what two real images of a class differ by: the generator "
        "ignores its noise z",
        at_end=True,
    ),
    Alarm(
        NEARNESS,
        ALARM,
        math.inf,
        "half of the new images differ from a real image by less than {:.1%} of what two real images of a class differ "
        "by: the generator copies the image that it is given, or one that it has learnt from",
        at_end=True,
    ),
)
