"""Data sets by name, decoded once."""

import os
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_gn.data import cache, cifar_files, folder, npz, tfds_sets
from tfgan_gn.data.decode import CHANNELS, PART, resize_and_crop
from tfgan_gn.data.shapes import CLASSES, draw_shapes
from tfgan_gn.data.source import HOLD_OUT, Source, Split, Undecoded, held_out
from tfgan_gn.errors import UserError

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
        cache_dir: where splits too large for memory are kept decoded; empty for
            `cache_folder.DEFAULT`.
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
    train, test = (cache.decode(split, source.content, shape, cache_dir, say) for split in source[:2])
    classes = source.classes
    if (train.labels < 0).any():
        train, test = (split._replace(labels=np.zeros_like(split.labels)) for split in (train, test))
        classes = ("image",)
    for split, which in ((train, "to learn"), (test, "held out")):
        _refuse_other_labels(split.labels, len(classes), f"{source.description}, {which}")
    return Dataset(train, test, classes, source.description)


def _refuse_other_labels(labels, num_classes, where):
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(wrong):
        raise UserError(
            f"image {wrong[0]} of {where}, has the label {labels[wrong[0]]}, not one of 0 to {num_classes - 1}: name a "
            "split whose images all have one (tfds:NAME:SPLIT holds a part of it out), or mend the labels"
        )


# ---- the ways in: functions of (name, data_dir, image_size, grey) to a `source.Source` -------------------------------


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
    found = npz.read_labelled(data_dir)
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
