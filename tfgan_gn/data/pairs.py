"""Pairs of images of one class, and the division of the classes into those to train on and those held out."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.structured import load_json

DIVISION, PAIRS = 0, 1  # purposes of the random draws


class Classes(NamedTuple):
    """A division of the classes; no class is in two parts. Each part is a tuple of numbers of classes.

    Attributes:
        train: to learn from.
        validation: for the held-out loss.
        test: for nothing in training.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def divide_classes(num_classes, validation, test, seed):
    """Divides classes at random, by shares.

    Args:
        num_classes: number of classes.
        validation: share of the validation classes, in (0, 1). At least one class is one.
        test: share of the test classes, in [0, 1). At least one class is one, unless the share is 0.
        seed: whole number; the division is a function of it and of the other arguments.

    Returns:
        Classes; each part in the order of the numbers.

    Raises:
        UserError: no class is left to learn from.
    """
    of_validation = max(1, round(validation * num_classes))
    of_test = max(1, round(test * num_classes)) if test else 0
    if of_validation + of_test >= num_classes:
        raise UserError(
            f"number of classes: {num_classes}. With {of_validation} for the held-out loss and {of_test} for tests, "
            "none is left to learn from: give data with more classes, or smaller shares"
        )
    order = np.random.default_rng([seed, DIVISION]).permutation(num_classes).tolist()
    parts = order[of_validation + of_test :], order[:of_validation], order[of_validation : of_validation + of_test]
    return Classes(*(tuple(sorted(part)) for part in parts))


def read_classes(path, names):
    """Reads a division of classes from a file.

    Args:
        path: JSON file {"train": [names], "validation": [names], "test": [names]}; "test" may be missing.
        names: of all classes of the data, in the order of their numbers.

    Returns:
        Classes. A class that the file does not name is in no part.

    Raises:
        UserError: the file cannot be read, names a class that is not there or that is in two parts, or leaves the part
            for training or for validation empty.
    """
    try:
        parts = load_json(path)
        parts = {part: [str(name) for name in parts.get(part, [])] for part in Classes._fields}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(
            f'{path} is not a division of classes ({first_line(error)}): write {{"train": [names], "validation": '
            '[names], "test": [names]} as JSON'
        ) from None
    numbers, seen = {name: number for number, name in enumerate(names)}, {}
    for part, members in parts.items():
        for name in members:
            if name not in numbers:
                raise UserError(f"{path} names the class {name!r}, which the data do not have: correct the name")
            if name in seen:
                raise UserError(
                    f"{path} names the class {name!r} in {seen[name]!r} and in {part!r}: name it in one part"
                )
            seen[name] = part
        if not members and part != "test":
            raise UserError(f"{path} names no class in {part!r}: name at least one")
    return Classes(*(tuple(sorted(numbers[name] for name in parts[part])) for part in Classes._fields))


def rows_of_classes(labels, classes, names, same=False):
    """The images of each class, checked for whether pairs can be made of them.

    Args:
        labels: int64 [N].
        classes: numbers of classes.
        names: of all classes, for messages.
        same: whether both images of a pair may be the same one.

    Returns:
        List of int64 arrays, the numbers of the images of each class.

    Raises:
        UserError: a class has no image, or one only and `same` is false.
    """
    rows_of, least = [np.flatnonzero(labels == number) for number in classes], 1 if same else 2
    few = [(names[number], len(rows)) for number, rows in zip(classes, rows_of, strict=True) if len(rows) < least]
    if few:
        name, count = few[0]
        others = f", and {len(few) - 1} more classes have too few" if len(few) > 1 else ""
        raise UserError(
            f"class {name!r} has {count} image{'s' * (count != 1)} to learn from, and a pair needs two of one "
            f"class{others}: add images, or leave such classes out of the data or of the file that divides the classes"
        )
    return rows_of


def pair_batches(images, labels, classes, names, batch_size, seed, first=0, share=(1, 0, 1), same=False):
    """Endless batches of pairs (x_j, x_i) of two images of one class.

    The class of each pair is drawn uniformly, with replacement, as in the published DAGAN (`data.py`); then two images
    of it. All pairs of a batch are a function of the seed and of the number of the batch.

    Args:
        images: uint8 or uint16 [N, H, W, C], in memory or mapped from a file.
        labels: int64 [N].
        classes: the classes that pairs are drawn from, a part of `Classes`.
        names: of all classes, for messages.
        batch_size: pairs per batch, over all replicas.
        seed: whole number.
        first: number of the batch to begin with.
        share: (R, i, j): each batch is cut into R parts, for as many replicas, and parts i to j - 1 come one by one.
        same: whether both images of a pair may be the same one, as published. Otherwise they differ.

    Returns:
        `tf.data.Dataset` of (x_j, x_i), each of their dtype [batch_size / R, H, W, C].

    Raises:
        UserError: a class has no image, or one only and `same` is false.
    """
    rows_of = rows_of_classes(labels, classes, names, same)
    counts, (replicas, begin, end) = np.array([len(rows) for rows in rows_of]), share
    starts, rows_of = np.cumsum(counts) - counts, np.concatenate(rows_of)

    def rows_of_batch(number):
        """The rows of x_j and of x_i of a batch, int64 [2, batch_size]."""
        random = np.random.default_rng([seed, PAIRS, int(number)])
        drawn = random.integers(len(counts), size=batch_size)
        one = random.integers(counts[drawn])
        other = random.integers(counts[drawn] if same else counts[drawn] - 1)
        other += 0 if same else other >= one  # skips the image that is taken already
        return rows_of[starts[drawn] + np.stack([other, one])]

    def parts_of_batch(number):
        rows = tf.numpy_function(rows_of_batch, [number], tf.int64)
        parts = tf.reshape(rows, [2, replicas, batch_size // replicas])
        return tf.data.Dataset.from_tensor_slices(tf.transpose(parts, [1, 0, 2])[begin:end])

    def gather(rows):
        shape = [2, batch_size // replicas, *images.shape[1:]]
        pair = tf.ensure_shape(tf.numpy_function(lambda rows: np.asarray(images[rows]), [rows], images.dtype), shape)
        return pair[0], pair[1]

    batches = tf.data.Dataset.range(first, tf.int64.max)
    return batches.flat_map(parts_of_batch).map(gather).prefetch(tf.data.AUTOTUNE)
