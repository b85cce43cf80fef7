"""Data sets by name, decoded and brought to one size."""

import functools
import os
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_gn.data import cache, cifar_files, folder, npz, tfds_sets
from tfgan_gn.data.drawn import shapes, strokes
from tfgan_gn.data.sources import Source, Split, of_array
from tfgan_gn.data.windows.stored import cut
from tfgan_gn.errors import UserError

SHAPES_TRAIN, SHAPES_TEST = 10_000, 2_000
STROKES_TRAIN, STROKES_TEST = 12_000, 6_000  # 40 and 20 of each class
CIFAR10_WAY_OUT = (
    "Give the folder that holds the data as --data_dir=PATH: one that tensorflow-datasets prepared, or the original "
    "files from https://www.cs.toronto.edu/~kriz/cifar.html (data_batch_1 and so on, Python or binary version). "
    "Without any data, --dataset=shapes draws its own"
)
TFDS = "tfds:"  # stands before the name of a set of tensorflow-datasets that has no row below


class Dataset(NamedTuple):
    """A decoded data set.

    Attributes:
        train: `sources.Split`, to learn from.
        test: `sources.Split`, held out.
        classes: names of the classes, in the order of the labels.
        source: where the data come from, in words.
    """

    train: Split
    test: Split
    classes: tuple[str, ...]
    source: str


def make_dataset(
    name, data_dir="", image_size=32, grey="repeat", cache_dir="", say=warnings.warn, patch_size=0, deep=False
):
    """Loads a data set.

    Args:
        name: key of DATASETS, or "tfds:NAME[/CONFIG][:VERSION][:SPLIT]".
        data_dir: the folder or file that holds it; empty for the default of those sets that have one.
        image_size: height and width, one number or a pair; `decode.resize_and_crop` brings the images to it.
        grey: "repeat" gives grey images three equal channels; "keep" keeps their one channel and refuses other images.
        cache_dir: folder that keeps splits decoded which are too large for memory; empty for `cache_folder.DEFAULT`.
        say: function of a line of text for the user.
        patch_size: size of the windows that are cut out of the images of a folder and take their place, as
            `windows.stored.cut`; 0 for the images themselves.
        deep: whether images of 16 bits a channel are taken, as uint16. Otherwise they are refused, but those of a
            folder are read with 8 bits.

    Returns:
        Dataset. Its labels are 0 to len(classes) - 1. Data without labels, or with labels for a part of the images
        only, are of one class, "image".

    Raises:
        UserError: the name is unknown, or the data are missing, damaged, too deep or cannot be downloaded.
    """
    drawn_size = max(image_size) if isinstance(image_size, tuple) else image_size
    if name.startswith(TFDS) and len(name) > len(TFDS):
        source = _tfds(name.removeprefix(TFDS), data_dir, drawn_size)
    elif name in DATASETS:
        opener = DEEP.get(name, DATASETS[name]) if deep else DATASETS[name]
        source = opener(name, data_dir, drawn_size)
    else:
        raise UserError(f"--dataset={name}: choose one of {', '.join(DATASETS)}, or tfds:NAME")
    if source.train.dtype != np.uint8 and not deep:
        raise UserError(
            f"{source.description} have 16 bits a channel, which only --preset=dagan takes: convert them to 8 bits"
        )
    if grey == "keep" and source.channels == 3:
        raise UserError(f"--grey=keep has no effect on {source.description}: its images are in colour. Leave it out")
    if patch_size:
        train, test = (cut(split, patch_size, grey) for split in (source.train, source.test))
        source = source._replace(train=train, test=test, description=f"windows of {source.description}")
    train, test = (
        cache.decode(split, source.hash_content, image_size, grey, cache_dir, say)
        for split in (source.train, source.test)
    )
    classes = source.classes
    if (train.labels < 0).any():
        train, test = (split._replace(labels=np.zeros_like(split.labels)) for split in (train, test))
        classes = ("image",)
    for split, use in ((train, "to learn from"), (test, "held out")):
        _refuse_other_labels(split.labels, len(classes), f"{source.description}, {use}")
    return Dataset(train, test, classes, source.description)


def _refuse_other_labels(labels, num_classes, where):
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(wrong):
        raise UserError(
            f"image {wrong[0]} of {where}, has the label {labels[wrong[0]]}, not one of 0 to {num_classes - 1}: "
            "correct the labels, or name a split in which all images have one (of tfds:NAME:SPLIT, a part is held out)"
        )


# ---- openers: functions of (name, data_dir, image_size) to a `sources.Source` ----------------------------------------


def _tfds(name, data_dir, image_size):
    _refuse_no_folder(data_dir)
    return tfds_sets.open_set(name, data_dir)


def _cifar10(name, data_dir, image_size):
    _refuse_no_folder(data_dir)
    files = cifar_files.find(data_dir) if data_dir else None
    return cifar_files.open_files(*files) if files else tfds_sets.open_set(name, data_dir, CIFAR10_WAY_OUT)


def _folder(name, data_dir, image_size, deep=False):
    if not data_dir:
        raise UserError(f"--dataset={name} needs --data_dir=PATH, the folder of images")
    _refuse_no_folder(data_dir)
    return folder.open_folder(data_dir, deep)


def _npz(name, data_dir, image_size):
    if not data_dir:
        raise UserError(f"--dataset={name} needs --data_dir=FILE.npz or FILE.npy, images uint8 [N, H, W, 3]")
    return npz.open_labelled(data_dir)


def _shapes(name, data_dir, image_size):
    _refuse_any_folder(name, data_dir)
    drawn = (shapes.draw_shapes(n, image_size, seed) for seed, n in enumerate((SHAPES_TRAIN, SHAPES_TEST)))
    return Source(*(of_array(*split) for split in drawn), shapes.CLASSES, "shapes, drawn here", channels=3)


def _strokes(name, data_dir, image_size):
    _refuse_any_folder(name, data_dir)
    drawn = (strokes.draw_strokes(n, image_size, seed) for seed, n in enumerate((STROKES_TRAIN, STROKES_TEST)))
    return Source(*(of_array(*split) for split in drawn), strokes.CLASSES, "strokes, drawn here", channels=1)


def _refuse_any_folder(name, data_dir):
    if data_dir:
        raise UserError(
            f"--data_dir={data_dir} has no effect with --dataset={name}, which draws its images: leave it out"
        )


def _refuse_no_folder(data_dir):
    if data_dir and not os.path.isdir(data_dir):
        raise UserError(f"--data_dir={data_dir} is not a folder: give the folder that holds the data")


DEEP = {"folder": functools.partial(_folder, deep=True)}  # openers that keep 16 bits only where they are asked to
DATASETS: dict[str, Callable[[str, str, int], Source]] = {
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
    "strokes": _strokes,
}
