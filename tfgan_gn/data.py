"""Data sets by name, decoded once, and the endless batches that training draws from them."""

import os
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgan_gn import cifar_files, folder, image_arrays, image_cache, tfds_sets
from tfgan_gn.errors import UserError
from tfgan_gn.image_files import CHANNELS, PART, resize_and_crop
from tfgan_gn.shapes import CLASSES, draw_shapes
from tfgan_gn.splits import HOLD_OUT, Source, Split, Undecoded, held_out

SHAPES_TRAIN, SHAPES_TEST = 10_000, 2_000
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar.html"
CIFAR10_WAYS_OUT = (
    "Bring the data and say where: --data_dir=PATH with a folder that tensorflow-datasets prepared, or with the "
    f"original files from {CIFAR10_URL} (data_batch_1 and so on, python or binary version). Without any data, "
    "--dataset=shapes draws its own"
)
TFDS = "tfds:"  # before the name of any other set of tensorflow-datasets


class Dataset(NamedTuple):
    """A decoded data set.

    Attributes:
        train: Split, to learn from.
        test: Split, held out.
        classes: names of the classes, in the order of the labels.
        source: where it came from, in words.
    """

    train: Split
    test: Split
    classes: tuple[str, ...]
    source: str


def make_dataset(name, data_dir="", image_size=32, grey="repeat", cache_dir="", say=warnings.warn):
    """Loads a data set.

    Args:
        name: key of DATASETS, or "tfds:NAME[/CONFIG][:VERSION][:SPLIT]".
        data_dir: where it lies; empty for the default of those that have one.
        image_size: height and width; images are scaled by the shorter side and centre-cropped.
        grey: "repeat" gives all images three channels, grey ones three equal ones; "keep" gives grey images their one
            channel and refuses others.
        cache_dir: where splits too large for memory are kept decoded; empty for ~/.cache/tfgan_gn.
        say: function of a line of text for the user.

    Returns:
        Dataset. Its labels are 0 to len(classes) - 1; data without labels are of one class.

    Raises:
        UserError: the data are missing, broken, or cannot be fetched, or the name is unknown.
    """
    if name.startswith(TFDS) and len(name) > len(TFDS):
        source = _tfds(name.removeprefix(TFDS), data_dir, image_size, grey)
    elif name in DATASETS:
        source = DATASETS[name](name, data_dir, image_size, grey)
    else:
        raise UserError(f"--dataset={name}: choose one of {', '.join(DATASETS)}, or tfds:NAME")
    shape = (image_size, image_size, CHANNELS[grey])
    train, test = (image_cache.decode(split, source.content, shape, cache_dir, say) for split in source[:2])
    classes = source.classes
    if (train.labels < 0).any():
        train, test = (split._replace(labels=np.zeros_like(split.labels)) for split in (train, test))
        classes = ("image",)
    for split, which in ((train, "to learn"), (test, "held out")):
        _refuse_other_labels(split.labels, len(classes), f"{source.description}, {which}")
    return Dataset(train, test, classes, source.description)


def batches(images, batch_size, seed, first=0, labels=None, share=(1, 0, 1)):
    """Endless batches in an order that is a function of the seed: each epoch is shuffled anew, its rest dropped.

    Nothing about it needs to be saved: to go on after n batches, begin at `first=n`.

    Args:
        images: uint8 [N, H, W, C].
        batch_size: images per batch, over all replicas.
        seed: of the order.
        first: number of the batch to begin with.
        labels: int64 [N], or None.
        share: (R, i, j): each batch is cut into R parts, for as many replicas, and parts i to j - 1 come one by one.

    Returns:
        `tf.data.Dataset` of uint8 [batch_size / R, H, W, C], or of (images, labels) where there are labels.

    Raises:
        UserError: fewer images than a batch.
    """
    per_epoch, (replicas, begin, end) = len(images) // batch_size, share
    if per_epoch == 0:
        raise UserError(f"--batch_size={batch_size} is more than the {len(images)} images there are: give fewer")

    def epoch_indices(epoch):
        order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), seed=tf.stack([seed, epoch]))
        parts = tf.reshape(order[: per_epoch * batch_size], [per_epoch, replicas, batch_size // replicas])
        return tf.data.Dataset.from_tensor_slices(parts[:, begin:end])

    def gather(rows):  # in numpy, so that arrays on disk need not fit in memory, nor those in memory twice
        batch = tf.ensure_shape(
            tf.numpy_function(lambda rows: np.asarray(images[rows]), [rows], tf.uint8),
            [batch_size // replicas, *images.shape[1:]],
        )
        return batch if labels is None else (batch, tf.gather(labels, rows))

    epochs = tf.data.Dataset.range(first // per_epoch, tf.int64.max)
    return epochs.flat_map(epoch_indices).skip(first % per_epoch).unbatch().map(gather).prefetch(tf.data.AUTOTUNE)


def test_batches(images, batch_size, seed, labels=None, share=(1, 0, 1)):
    """Batches of held-out images as of `batches`; fewer images than a batch are repeated to fill it."""
    if len(images) < batch_size:
        rows = np.resize(np.arange(len(images)), batch_size)
        images, labels = images[rows], None if labels is None else labels[rows]
    return batches(images, batch_size, seed, labels=labels, share=share)


def _refuse_other_labels(labels, num_classes, where):
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(wrong):
        raise UserError(
            f"image {wrong[0]} of {where}, has the label {labels[wrong[0]]}, not one of 0 to {num_classes - 1}: name a "
            "split whose images all have one (tfds:NAME:SPLIT holds a part of it out), or mend the labels"
        )


# ---- the ways in: functions of (name, data_dir, image_size, grey) to a `splits.Source` -------------------------------


def _tfds(name, data_dir, image_size, grey):
    _refuse_no_folder(data_dir)
    return tfds_sets.open_set(name, data_dir, image_size, grey)


def _cifar10(name, data_dir, image_size, grey):
    _refuse_no_folder(data_dir)
    files = cifar_files.find(data_dir) if data_dir else None
    if not files:
        return tfds_sets.open_set(name, data_dir, image_size, grey, CIFAR10_WAYS_OUT)
    _refuse_keep(grey, name)
    train, test = (_of_arrays(*split, image_size, grey) for split in cifar_files.read(*files))
    return Source(train, test, CIFAR10_CLASSES, f"cifar10 from the original files in {files[0]}")


def _folder(name, data_dir, image_size, grey):
    if not data_dir:
        raise UserError(f"--dataset={name} needs --data_dir=PATH, the folder of images")
    _refuse_no_folder(data_dir)
    return folder.open_folder(data_dir, image_size, grey)


def _npz(name, data_dir, image_size, grey):
    if not data_dir:
        raise UserError(f"--dataset={name} needs --data_dir=FILE.npz, images uint8 [N, H, W, 3] and labels")
    found = image_arrays.read_labelled(data_dir)
    channels = found.train[0].shape[-1]
    if channels == 3:
        _refuse_keep(grey, data_dir)
    train, test = found.train, found.test
    if test is None:
        rows = held_out(len(train[0]))
        if not rows.any():
            raise UserError(
                f"{data_dir} holds {len(rows)} images, of which one in {HOLD_OUT} is held out: give {HOLD_OUT} or more"
            )
        train, test = ((train[0][chosen], train[1][chosen]) for chosen in (~rows, rows))
    splits = (_of_arrays(*split, image_size, grey) for split in (train, test))
    return Source(*splits, found.classes, f"images in {data_dir}")


def _shapes(name, data_dir, image_size, grey):
    if data_dir:
        raise UserError(
            f"--data_dir={data_dir} has no effect with --dataset=shapes, which draws its images: leave it out"
        )
    _refuse_keep(grey, name)
    drawn = (draw_shapes(n, image_size, seed) for seed, n in enumerate((SHAPES_TRAIN, SHAPES_TEST)))
    return Source(*(_of_arrays(*split, image_size, grey) for split in drawn), CLASSES, "shapes, drawn here")


def _of_arrays(images, labels, image_size, grey):
    """A split of images that are in memory: uint8 [N, H, W, C], int64 [N]."""

    def parts():
        for first in range(0, len(images), PART):
            part = resize_and_crop(images[first : first + PART], image_size).numpy()
            repeats = CHANNELS[grey] // part.shape[-1]
            yield np.repeat(part, repeats, axis=-1), labels[first : first + PART]

    return Undecoded(len(images), parts, {})


def _refuse_no_folder(data_dir):
    if data_dir and not os.path.isdir(data_dir):
        raise UserError(f"--data_dir={data_dir} is not a folder: give the folder that holds the data")


def _refuse_keep(grey, what):
    if grey == "keep":
        raise UserError(f"--grey=keep has no effect on {what}, whose images are in colour: leave it out")


DATASETS: dict[str, Callable[[str, str, int, str], Source]] = {
    "cifar10": _cifar10,
    "cifar100": _tfds,
    "stl10": _tfds,
    "celeb_a": _tfds,
    "svhn_cropped": _tfds,
    "mnist": _tfds,
    "fashion_mnist": _tfds,
    "folder": _folder,
    "npz": _npz,
    "shapes": _shapes,
}
