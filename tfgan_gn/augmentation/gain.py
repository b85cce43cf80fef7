"""What new images are worth: the accuracy of a classifier that learns from a few real images, with and without them."""

from typing import NamedTuple

import numpy as np

from tfgan_gn.augmentation.classifier import Classifier
from tfgan_gn.data.pixels import as_8_bits
from tfgan_gn.errors import UserError


class Arm(NamedTuple):
    """What a classifier learns from: real images; `new` ones too; all of them changed by ordinary augmentation."""

    name: str
    new: bool
    changed: bool


ARMS = (
    Arm("real", new=False, changed=False),
    Arm("shifts and flips", new=False, changed=True),
    Arm("new images", new=True, changed=False),
    Arm("new images, shifts and flips", new=True, changed=True),
)
COMPARED = ((1, 0), (2, 0), (2, 1), (3, 1))  # pairs of arms: the gain is the accuracy of the first minus the second


class Rows(NamedTuple):
    """The images of one repetition, by their numbers.

    Attributes:
        real: int64 [classes, most], images to learn from. The first k of each class are those of the count k, so that
            a larger count adds images and changes none.
        held_out: list of int64 arrays, one for each class.
    """

    real: np.ndarray
    held_out: list[np.ndarray]


class Measured(NamedTuple):
    """Accuracies in [0, 1] of the classifiers, float64 arrays.

    Attributes:
        held_out: [counts, arms, seeds], on the held-out real images.
        learnt: [counts, arms, seeds], on the images that each learnt from. Far below 1, more steps are needed, or the
            images do not show their classes.
        kept: [counts, seeds], on one new image of each held-out image, of the classifier that learnt from real images
            alone. As high as `held_out` where new images keep the class of their source.
    """

    held_out: np.ndarray
    learnt: np.ndarray
    kept: np.ndarray


def draw_rows(learnt, held_out, classes, names, most, most_held_out, seed):
    """Draws the images of one repetition.

    Args:
        learnt: int64 [N], labels of the images that may be learnt from.
        held_out: int64 [M], labels of the held-out images, which no generator learnt from.
        classes: numbers of the classes to tell apart.
        names: of all classes, for messages.
        most: number of real images of a class.
        most_held_out: largest number of held-out images of a class.
        seed: whole number; the draw is a function of it.

    Returns:
        Rows.

    Raises:
        UserError: a class has fewer images than `most`, or none that is held out.
    """
    random, real, tested = np.random.default_rng(seed), [], []
    for number in classes:
        rows, others = np.flatnonzero(learnt == number), np.flatnonzero(held_out == number)
        if len(rows) < most:
            raise UserError(
                f"class {names[number]!r} has {len(rows)} images to learn from, and the largest of --counts is {most}: "
                "give smaller counts"
            )
        if not len(others):
            raise UserError(
                f"class {names[number]!r} has no held-out image, so that no accuracy can be measured: add images to it"
            )
        real.append(random.permutation(rows)[:most])
        tested.append(random.permutation(others)[:most_held_out])
    return Rows(np.stack(real), tested)


def training_set(real, new, count, arm):
    """The images that one classifier learns from.

    Args:
        real: uint8 [classes, most, H, W, C].
        new: uint8 [classes, most, num, H, W, C], new images of each of them.
        count: number of real images of a class.
        arm: Arm.

    Returns:
        (uint8 [N, H, W, C], int64 [N], the place of the class of each among the classes).
    """
    parts = [real[:, :count, None], *([new[:, :count]] if arm.new else [])]
    images = np.concatenate(parts, 2)
    labels = np.repeat(np.arange(len(real)), images.shape[1] * images.shape[2])
    return images.reshape(-1, *real.shape[2:]), labels


def measure(dataset, classes, augment, change, bar, *, counts, num, seeds, held_out, steps, batch_size):
    """Trains a classifier for each count, arm and seed.

    With one seed all arms have the same real images, held-out images and first weights, and take as many steps, so that
    their accuracies can be compared as pairs.

    Args:
        dataset: `sets.Dataset`; its `train` images are learnt from, accuracy is that of its `test` images. Those of 16
            bits are taken with 8.
        classes: numbers of the classes to tell apart, two or more.
        augment: function of (uint8 [N, H, W, C], num, seed) to uint8 [N, num, H, W, C], new images of given ones.
        change: ordinary augmentation, as in `Classifier.train`.
        bar: progress bar with `update`.
        counts: numbers of real images of a class.
        num: number of new images of each of them.
        seeds: number of seeds.
        held_out: largest number of held-out images of a class.
        steps: of `Classifier.train`.
        batch_size: of `Classifier.train`.

    Returns:
        Measured.

    Raises:
        UserError: as `draw_rows`, before any training.
    """
    train, test = dataset.train, dataset.test
    drawn = [
        draw_rows(train.labels, test.labels, classes, dataset.classes, max(counts), held_out, seed)
        for seed in range(seeds)
    ]
    shape = train.images.shape[1:]
    classifier = Classifier(shape, len(classes))
    measured = Measured(*(np.zeros([len(counts), len(ARMS), seeds]) for _ in range(2)), np.zeros([len(counts), seeds]))
    for seed, rows in enumerate(drawn):
        flat = as_8_bits(np.asarray(train.images[rows.real.ravel()]))
        real = flat.reshape(*rows.real.shape, *shape)
        new = np.asarray(augment(flat, num, seed)).reshape(*rows.real.shape, num, *shape)
        tested = as_8_bits(np.asarray(test.images[np.concatenate(rows.held_out)]))
        new_of_tested = np.asarray(augment(tested, 1, seed))[:, 0]
        labels = np.repeat(np.arange(len(classes)), [len(each) for each in rows.held_out])
        for i, count in enumerate(counts):
            for j, arm in enumerate(ARMS):
                learnt = training_set(real, new, count, arm)
                classifier.train(*learnt, steps, batch_size, seed, change if arm.changed else None)
                measured.held_out[i, j, seed] = classifier.accuracy(tested, labels)
                measured.learnt[i, j, seed] = classifier.accuracy(*learnt)
                if arm == ARMS[0]:
                    measured.kept[i, seed] = classifier.accuracy(new_of_tested, labels)
                bar.update(1)
    return measured
