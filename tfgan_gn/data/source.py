"""Images with labels, before they are decoded and after: between the ways in, the cache and `data`."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

HOLD_OUT = 20  # of data without a split to hold out, every twentieth image is


class Split(NamedTuple):
    """Images uint8 [N, H, W, C], in memory or mapped from a file, and labels int64 [N]."""

    images: np.ndarray
    labels: np.ndarray


class Undecoded(NamedTuple):
    """Images that are not decoded yet, or not brought to their size.

    Attributes:
        count: how many they are.
        parts: function that starts a pass over them: (uint8 [n, H, W, C], int64 [n]) of any n, all of one H, W, C.
        facts: dict of JSON values that tell them from others of the same content.
    """

    count: int
    parts: Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]]
    facts: dict


class Source(NamedTuple):
    """A data set before it is decoded.

    Attributes:
        train: Undecoded, to learn from.
        test: Undecoded, held out.
        classes: names of the classes, in the order of the labels.
        description: where it comes from, in words.
        content: function from a folder for notes to a hash of all that the images are decoded from; None for images
            that are in memory anyway.
    """

    train: Undecoded
    test: Undecoded
    classes: tuple[str, ...]
    description: str
    content: Callable[[str], str] | None = None


def held_out(count):
    """Which of so many rows are held out: bool [count]."""
    return np.arange(count) % HOLD_OUT == HOLD_OUT - 1
