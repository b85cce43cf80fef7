"""Image grids, PNG files and TensorBoard points."""

import os

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from tfgan_gn.files.whole import write_whole

# Folders of TensorBoard's files in a run folder, as Keras has them; the former one had both.
TRAINING, HELD_OUT, FORMER = "train", "test", "tensorboard"


def folders_of(workdir):
    """The folders of the TensorBoard files of a run: (of training, of the held-out images).

    TensorBoard names a curve by the path from its --logdir to the file: with --logdir=runs, those of runs/first are
    `first/train` and `first/test`, in one chart where they have the same tag. A run that an earlier version began goes
    on in its folder `tensorboard`, so that each of its curves stays whole.

    Args:
        workdir: run folder.
    """
    former = os.path.join(workdir, FORMER)
    if os.path.isdir(former):
        return former, os.path.join(former, HELD_OUT)
    return os.path.join(workdir, TRAINING), os.path.join(workdir, HELD_OUT)


def image_grid(images, columns):
    """Arranges images in rows, left to right and top to bottom; the rest of the last row is black.

    Args:
        images: uint8 array [N, H, W, C].
        columns: images per row.

    Returns:
        A uint8 array [rows * H, columns * W, C].
    """
    n, height, width, channels = images.shape
    rows = -(-n // columns)
    grid = np.zeros((rows * columns, height, width, channels), np.uint8)
    grid[:n] = images
    grid = grid.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * height, columns * width, channels)


def write_png(path, image):
    """Writes a uint8 image [H, W, C] to a PNG file, completely or not at all."""
    write_whole(path, tf.io.encode_png(image).numpy())


def means(logs):
    """The means of logs by tag, over their iterations.

    Args:
        logs: list of (means by tag over some iterations, number of these iterations).

    Returns:
        Floats by the tags of the last logs; logs without a tag do not count for it.
    """
    found = {}
    for tag in logs[-1][0]:
        values, counts = zip(*((values[tag], count) for values, count in logs if tag in values), strict=True)
        found[tag] = np.average(values, weights=counts)
    return found


def write_scalars(writer, scalars, step):
    """Writes scalars, a dict by tag, to a `tf.summary` writer."""
    with writer.as_default(step):
        for tag, value in scalars.items():
            tf.summary.scalar(tag, value)


def write_settings(writer, settings, run):
    """Writes settings to a `tf.summary` writer: as a table of text, and for the HParams tab, which compares runs.

    Args:
        writer: `tf.summary` writer.
        settings: dict by name: text, numbers, or tuples of numbers.
        run: its name in the HParams tab, which takes runs of one name as one.
    """
    shown = {name: ",".join(map(str, value)) if isinstance(value, tuple) else value for name, value in settings.items()}
    rows = [f"| {name} | {value} |" for name, value in shown.items()]
    with writer.as_default(0):
        tf.summary.text("settings", "\n".join(["| setting | value |", "|---|---|", *rows]))
        hparams.hparams(shown, trial_id=run)


def write_text(writer, tag, text, step):
    """Writes a line of text to a `tf.summary` writer."""
    with writer.as_default(step):
        tf.summary.text(tag, text)


def write_histogram(writer, tag, values, step):
    """Writes the distribution of an array to a `tf.summary` writer."""
    with writer.as_default(step):
        tf.summary.histogram(tag, values)


def write_images(writer, tag, image, step):
    """Writes a uint8 image [H, W, C] to a `tf.summary` writer."""
    with writer.as_default(step):
        tf.summary.image(tag, image[None])
