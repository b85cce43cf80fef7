"""Images with labels: as a source stores them, and decoded to one size."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tfgan_gn.data.decode import CHANNELS, repeat_grey

PART = 256  # images that are read together
HOLD_OUT = 20  # one image in so many is held out, where the data have no split for that


class Split(NamedTuple):
    """Decoded images uint8 or uint16 [N, H, W, C], in memory or mapped from a file, and their labels int64 [N]."""

    images: np.ndarray
    labels: np.ndarray


class Stored(NamedTuple):
    """Images as a folder, a data set or an array stores them: not decoded, each at its own size.

    Attributes:
        count: the number of images.
        read: function of (grey, fit) that starts a pass over them. `grey` is a key of `decode.CHANNELS`. `fit` is a
            function of an image, `dtype` [..., H, W, C], that is applied as soon as the image is decoded, as
            `decode.resizer` makes; None leaves each image at its own size. The pass yields (images, labels): n
            images, an array [n, H, W, C] or a list of arrays [H, W, C], and an array int64 [n]. A label of -1
            means that the image has none. Raises UserError for an image that cannot be decoded.
        name: function from the number of an image to its name in messages.
        cache_key: dict of JSON values: which of the source's images these are. It is hashed into the name of the file
            that keeps them decoded.
        dtype: of the images: np.uint8, or np.uint16 where they have 16 bits a channel.
    """

    count: int
    read: Callable[..., Iterator[tuple]]
    name: Callable[[int], str]
    cache_key: dict
    dtype: type = np.uint8


class Source(NamedTuple):
    """A data set, not decoded.

    Attributes:
        train: Stored, to learn from.
        test: Stored, held out.
        classes: names of the classes, in the order of the labels.
        description: where the data come from, in words.
        channels: 1 if all images are grey, 3 if they are in colour, None if each may be either.
        hash_content: function from a folder for notes to the hash of everything that the images are decoded from; None
            for images that are in memory.
    """

    train: Stored
    test: Stored
    classes: tuple[str, ...]
    description: str
    channels: int | None
    hash_content: Callable[[str], str] | None = None


def is_held_out(numbers):
    """Tells which images are held out where the data have no split for that: every twentieth.

    Args:
        numbers: of the images, from 0: an integer array or tensor.

    Returns:
        bool, of the same shape.
    """
    return numbers % HOLD_OUT == HOLD_OUT - 1


def of_array(images, labels=None, where="the array", to_pixels=None):
    """The images of an array, in memory or mapped from a file.

    Args:
        images: uint8 or uint16 [N, H, W, C]; of any number type where `to_pixels` is given.
        labels: int64 [N]; None if all are of one class, 0.
        where: what holds the array, for messages.
        to_pixels: function of (a part of the array, the number of its first image) to uint8 of the same shape; None for
            an array that is uint8 or uint16.

    Returns:
        Stored.
    """
    labels = np.zeros(len(images), np.int64) if labels is None else labels

    def read(grey, fit=None):
        for first in range(0, len(images), PART):
            part = images[first : first + PART]
            part = to_pixels(part, first) if to_pixels else part
            part = fit(part).numpy() if fit else part
            yield repeat_grey(part, CHANNELS[grey]), labels[first : first + PART]

    dtype = np.uint8 if to_pixels else images.dtype.type
    return Stored(len(images), read, lambda i: f"image {i} of {where}", {}, dtype)
