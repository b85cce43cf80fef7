"""Writes a generator as a SavedModel that TensorFlow loads without this package, and reads it back."""

import functools
import json
import os
import shutil

import tensorflow as tf

from tfgan_gn.augmenter import Augmenter
from tfgan_gn.data.pixels import LEVELS_PER_UNIT, quantize
from tfgan_gn.errors import UserError
from tfgan_gn.files.saved_model import load_saved_model
from tfgan_gn.layers.norms import collect_standing_statistics
from tfgan_gn.serving import signature, taking_any_integers

# Images are always generated in blocks of one size, by default of this one. So image i of a seed is always computed in
# the same batch, is the same to the last bit whatever number of images is asked for, and memory use is constant.
BLOCK = 64
STANDING_BATCHES = 100  # the standing statistics are those of the images of this many batches


class Sampler(tf.Module):
    """A generator's variables and the functions of its SavedModel; see `export_generator`. All whole numbers are int64.

    Args:
        generator: a generator of `build_networks`.
        z_dim: size of the noise vector.
        statistics: "standing" (they must have been collected before) or "batch".
        num_classes: of a conditional generator; None for one without labels.
        metadata: dict of JSON values.
        block_size: images that are generated together.
        pixel_scale: the scale of `pixels.quantize`.
        pixel_shift: its shift.
    """

    def __init__(self, generator, z_dim, statistics, num_classes, metadata, block_size, pixel_scale, pixel_shift):
        super().__init__()
        self.held = [
            variable.value for variable in generator.variables
        ]  # not the Keras model: saving would trace it again
        conditional = num_classes is not None
        number, z_of_images = tf.TensorSpec([], tf.int64), tf.TensorSpec([None, z_dim], tf.float32)

        def generate(z, labels=None):
            return generator(z, condition=labels, standing=statistics == "standing")

        def sample_block(block, seed, label=None):
            key = tf.random.fold_in(tf.stack([seed, 0]), block * block_size)
            labels = _labels(block_size, label, key, num_classes) if conditional else None
            images = generate(tf.random.stateless_normal([block_size, z_dim], key), labels)
            return quantize(images, pixel_scale, pixel_shift)

        def sample(num_images, seed, label=None):
            blocks = tf.map_fn(
                lambda block: sample_block(block, seed, label),
                tf.range(-(-num_images // block_size)),
                fn_output_signature=tf.TensorSpec([block_size, *size], tf.uint8),
                parallel_iterations=1,
            )
            return tf.reshape(blocks, [-1, *size])[:num_images]

        labels_of_images = [tf.TensorSpec([None], tf.int64)] * conditional
        # None of these has Python's loops or conditions on tensors, so that they need no AutoGraph, which takes time.
        function = functools.partial(tf.function, autograph=False)
        self.generate = function(
            generate if conditional else lambda z: generate(z), input_signature=[z_of_images, *labels_of_images]
        )
        size = self.generate.get_concrete_function().structured_outputs.shape[1:]
        numbers = [number] * (2 + conditional)
        self.sample_block = function(
            sample_block if conditional else lambda block, seed: sample_block(block, seed), input_signature=numbers
        )
        self.sample = function(
            sample if conditional else lambda num_images, seed: sample(num_images, seed), input_signature=numbers
        )
        facts = {"z_dim": z_dim, "statistics": statistics, "num_classes": num_classes}
        facts |= {"block_size": block_size, "pixel_scale": pixel_scale, "pixel_shift": pixel_shift}
        text = json.dumps({**metadata, **facts})
        self.metadata = function(lambda: tf.constant(text), input_signature=[])
        for traced in (self.sample, self.sample_block, self.metadata):
            traced.get_concrete_function()


def _labels(block_size, label, key, num_classes):
    """The labels of a block: all equal to `label`, or drawn from all classes if `label` is negative."""
    drawn = tf.random.stateless_uniform([block_size], tf.random.fold_in(key, 1), 0, num_classes, tf.int64)
    return tf.where(label < 0, drawn, tf.fill([block_size], label))


def make_sampler(
    generator,
    *,
    z_dim,
    statistics,
    batch_size,
    seed,
    metadata,
    num_classes=None,
    block_size=BLOCK,
    pixel_scale=LEVELS_PER_UNIT,
    pixel_shift=0.0,
):
    """Makes the functions that sample from a generator.

    Args:
        generator: a generator of `build_networks`.
        z_dim: size of the noise vector.
        statistics: which statistics batch norm uses. "standing": those of 100 batches together, which are collected
            here, so that an image depends on its own noise only. "batch": those of the current batch, as the published
            code samples; in `sample` the batch is a block.
        batch_size: of the batches for the standing statistics; give that of training.
        seed: of the noise for the standing statistics.
        metadata: dict of JSON values that `metadata()` returns, beside z_dim, statistics, num_classes, block_size,
            pixel_scale and pixel_shift.
        num_classes: of a conditional generator; None for one without labels.
        block_size: images that `sample` generates together.
        pixel_scale: the scale of `pixels.quantize`, which makes the uint8 images.
        pixel_shift: its shift.

    Returns:
        Sampler.
    """
    if statistics == "standing":
        collect_standing_statistics(generator, _noise(z_dim, batch_size, seed, num_classes))
    return Sampler(generator, z_dim, statistics, num_classes, metadata, block_size, pixel_scale, pixel_shift)


def _noise(z_dim, batch_size, seed, num_classes):
    """The batches for the standing statistics: z, or (z, labels), with labels drawn from all classes."""
    for i in range(STANDING_BATCHES):
        key = tf.random.fold_in(tf.constant([seed, 1], tf.int64), i)
        z = tf.random.stateless_normal([batch_size, z_dim], key)
        if num_classes is None:
            yield z
        else:
            drawn = tf.random.stateless_uniform([batch_size], tf.random.fold_in(key, 1), 0, num_classes, tf.int64)
            yield z, drawn


def _saved(sampler):
    """(What is written of a `Sampler` or an `Augmenter`, its signatures by name)."""
    saved = tf.Module()
    saved.held, saved.metadata, saved.generate = sampler.held, sampler.metadata, sampler.generate
    signatures = {"serving_default": signature(sampler.generate)}
    if isinstance(sampler, Augmenter):
        saved.augment = taking_any_integers(sampler.augment)
        return saved, {**signatures, "augment": signature(sampler.augment)}
    saved.sample, saved.sample_block = taking_any_integers(sampler.sample), sampler.sample_block
    return saved, {**signatures, "sample": signature(sampler.sample)}


def export_generator(sampler, path):
    """Writes a generator as a SavedModel, which `tf.saved_model.load` reads without this package.

    The SavedModel has four functions:

    - `sample(num_images, seed)`: images, uint8 [num_images, H, W, C]. The same seed gives the same images, and image i
      does not depend on `num_images`. It takes whole numbers of any type.
    - `sample_block(block, seed)`: for streaming many images, `block_size` images of that sequence, from image
      `block_size` * block on.
    - `generate(z)`: noise, float32 [N, z_dim], to images, float32 [N, H, W, C] in [-1, 1].
    - `metadata()`: a JSON string.

    Those of a conditional generator are `sample(num_images, seed, label)`, `sample_block(block, seed, label)`, where
    label -1 draws labels from all classes, and `generate(z, labels)` with labels int64 [N].

    Those of a generator whose condition is an image (`Augmenter`):

    - `augment(images, num_each, seed)`: images, uint8 [N, H, W, C], to new images of each, uint8 [N, num_each, H, W,
      C]. The noise of a new image is a function of the seed, of the number of its source and of its own number. Arrays
      and tensors of another type are refused with a ValueError. But TensorFlow casts Python's lists to uint8, and
      also the NumPy arrays that a signature is given, without a word: 300 becomes 44. For images of 16 bits there is
      `python -m tfgan_gn.augment`.
    - `generate(z, images)`: noise, float32 [N, z_dim], and images, float32 [N, H, W, C] in [-1, 1], to such images.
    - `metadata()`: a JSON string.

    It also has two signatures, which other tools look for: `serving_default` is `generate`, and `sample` is `sample`
    with int64 numbers, or `augment` is `augment`. Both return {"images": images}.

    Args:
        sampler: of `make_sampler`, or an `Augmenter`.
        path: folder to write. An existing one is replaced after the new one is complete.
    """
    new, old = os.path.normpath(path) + ".tmp", os.path.normpath(path) + ".old"
    shutil.rmtree(new, ignore_errors=True)
    saved, signatures = _saved(sampler)
    tf.saved_model.save(saved, new, signatures=signatures)
    if os.path.exists(path):
        shutil.rmtree(old, ignore_errors=True)
        os.replace(os.path.normpath(path), old)
    os.replace(new, os.path.normpath(path))
    shutil.rmtree(old, ignore_errors=True)


def load_generator(path):
    """Loads what `export_generator` wrote.

    Args:
        path: folder of the SavedModel.

    Returns:
        An object with the functions of the SavedModel. Keep a reference to it while you call them.

    Raises:
        UserError: `load_saved_model`; or the SavedModel is of something else.
    """
    loaded = load_saved_model(path)
    if not (hasattr(loaded, "sample_block") or hasattr(loaded, "augment")):
        raise UserError(
            f"{path} is a SavedModel without `sample_block` and without `augment`: give the export/ folder of a run"
        )
    return loaded
