"""Data sets by name, decoded once into memory, and the endless batches that training draws from them."""

import os
import urllib.request
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgan_gn import cifar_files, folder
from tfgan_gn.errors import UserError, first_line
from tfgan_gn.shapes import CLASSES, draw_shapes

SHAPES_TRAIN, SHAPES_TEST = 10_000, 2_000
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar.html"
CIFAR10_ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"  # which TFDS fetches
CIFAR10_WAYS_OUT = (
    "Bring the data and say where: --data_dir=PATH with a folder that tensorflow-datasets prepared, or with the "
    f"original files from {CIFAR10_URL} (data_batch_1 and so on, python or binary version). Without any data, "
    "--dataset=shapes draws its own"
)


class Split(NamedTuple):
    """Images uint8 [N, H, W, C] and labels int64 [N]."""

    images: np.ndarray
    labels: np.ndarray


class Dataset(NamedTuple):
    """A data set in memory: the split to learn from, the held-out one, names of the classes, where it came from."""

    train: Split
    test: Split
    classes: tuple[str, ...]
    source: str


def make_dataset(name, data_dir="", image_size=32):
    """Loads a data set.

    Args:
        name: key of DATASETS.
        data_dir: where it lies; empty for the default of those that have one.
        image_size: height and width of the images.

    Returns:
        Dataset.

    Raises:
        UserError: the data are missing, broken or cannot be fetched.
    """
    if data_dir and not os.path.isdir(data_dir):
        raise UserError(f"--data_dir={data_dir} is not a folder: give the folder that holds the data")
    return DATASETS[name](data_dir, image_size)


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

    with tf.device("CPU"):  # a GPU would else hold the whole set, to no use
        pixels = tf.constant(images)

    def gather(rows):
        batch = tf.gather(pixels, rows)
        return batch if labels is None else (batch, tf.gather(labels, rows))

    epochs = tf.data.Dataset.range(first // per_epoch, tf.int64.max)
    return epochs.flat_map(epoch_indices).skip(first % per_epoch).unbatch().map(gather).prefetch(tf.data.AUTOTUNE)


def test_batches(images, batch_size, seed, labels=None, share=(1, 0, 1)):
    """Batches of held-out images as of `batches`; fewer images than a batch are repeated to fill it."""
    rows = np.resize(np.arange(len(images)), max(len(images), batch_size))
    labels = None if labels is None else labels[rows]
    return batches(images[rows], batch_size, seed, labels=labels, share=share)


def _cifar10(data_dir, image_size):
    files = cifar_files.find(data_dir) if data_dir else None
    if files:
        train, test = cifar_files.read(*files)
        source = f"the original files in {files[0]}"
    else:
        train, test = _from_tfds("cifar10", data_dir, CIFAR10_ARCHIVE, CIFAR10_WAYS_OUT)
        source = f"tensorflow-datasets in {data_dir or 'its own folder'}"
    splits = (
        Split(np.stack([folder.resize_and_crop(x, image_size) for x in images]), y) for images, y in (train, test)
    )
    return Dataset(*splits, CIFAR10_CLASSES, f"cifar10 from {source}")


def _folder(data_dir, image_size):
    if not data_dir:
        raise UserError("--dataset=folder needs --data_dir=PATH, the folder of images")
    train, test, classes = folder.read(data_dir, image_size)
    return Dataset(Split(*train), Split(*test), classes, f"images in {data_dir}")


def _shapes(data_dir, image_size):
    if data_dir:
        raise UserError(
            f"--data_dir={data_dir} has no effect with --dataset=shapes, which draws its images: leave it out"
        )
    train, test = (draw_shapes(n, image_size, seed) for seed, n in enumerate((SHAPES_TRAIN, SHAPES_TEST)))
    return Dataset(Split(*train), Split(*test), CLASSES, "shapes, drawn here")


def open_tfds(name, split, data_dir=""):
    """Opens the colour images of a data set that tensorflow-datasets has prepared; nothing is fetched.

    Args:
        name: of the data set, as "cifar10" or "cats_vs_dogs:4.0.1".
        split: as "train" or "train[:2000]".
        data_dir: folder of prepared data sets; empty for TFDS' own.

    Returns:
        (how many they are, `tf.data.Dataset` of uint8 [H, W, 3]).

    Raises:
        UserError: no such data set or split, or one without colour images.
    """
    import tensorflow_datasets as tfds

    where = data_dir or "tensorflow-datasets' folder"
    try:
        builder = tfds.builder(name, data_dir=data_dir or None)
        if not os.path.exists(os.path.join(str(builder.data_path), "dataset_info.json")):
            raise ValueError(f"{builder.data_path} does not exist")
        feature = builder.info.features["image"]
        if feature.shape[-1] != 3:
            raise ValueError(f"its images have the shape {feature.shape}, and scores need [height, width, 3]")
        count = builder.info.splits[split].num_examples
        examples = builder.as_dataset(split=split, decoders={"image": _exact_decoder()()}, shuffle_files=False)
    except Exception as error:  # what TFDS raises for a wrong name, split or folder is not documented
        raise UserError(
            f"tfds:{name}:{split} cannot be opened in {where}: {first_line(error)}. Say where it lies with --data_dir, "
            f"or prepare it: python -c \"import tensorflow_datasets as t; t.builder('{name}').download_and_prepare()\""
        ) from None
    return count, examples.map(lambda example: example["image"])


def _exact_decoder():
    import tensorflow_datasets as tfds  # takes seconds to import, and only what reads such data needs it

    @tfds.decode.make_decoder(output_dtype=tf.uint8)
    def decode(example, feature):
        return tf.ensure_shape(folder.decode_exactly(example, feature.shape[-1]), feature.shape)

    return decode


def _from_tfds(name, data_dir, url, ways_out):
    """Reads the train and test split of a TFDS image data set, which is fetched only where its host answers."""
    import tensorflow_datasets as tfds

    def split(builder, which):
        decoders = {"image": _exact_decoder()()}
        data = builder.as_dataset(split=which, as_supervised=True, batch_size=1000, decoders=decoders)
        images, labels = zip(*data.as_numpy_iterator())
        return np.concatenate(images), np.concatenate(labels)

    where = data_dir or "tensorflow-datasets' folder"
    try:
        builder = tfds.builder(name, data_dir=data_dir or None)
        where = str(builder.data_path)
        if not os.path.exists(os.path.join(where, "dataset_info.json")):
            _refuse_without_network(url, f"{name} is not in {where} and cannot be fetched", ways_out)
            builder.download_and_prepare()
        return split(builder, "train"), split(builder, "test")
    except UserError:
        raise
    except Exception as error:  # what a damaged folder or a broken download raises is not documented
        raise UserError(f"{name} in {where} cannot be read: {first_line(error)}. {ways_out}") from error


def _refuse_without_network(url, what, ways_out):
    """Asks for the archive's head; TFDS alone would try for minutes."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5).close()
    except OSError as error:  # no host, or its refusal
        raise UserError(f"{what} ({error}). {ways_out}") from None


DATASETS: dict[str, Callable[[str, int], Dataset]] = {"cifar10": _cifar10, "folder": _folder, "shapes": _shapes}
