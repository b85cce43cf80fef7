"""cifar10net: a small classifier of CIFAR-10, whose features and class scores evaluate generated images.

The first layer has fixed filters of 3x3 pixels. Three blocks of three convolutions follow. A max-pooling after the
first one halves height and width, and a shortcut goes past the other two. The mean over all positions gives 192
features, and one linear layer gives the ten class scores. There are batch norms in training only; here they are part
of the convolutions (`cifar10net_training.Trainee.folded`).
"""

import hashlib
import io
import json
import os
import zipfile

import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError, first_line

SIZE = 32  # height and width of the images
FILTERS, WIDTHS, CLASSES = 32, (64, 128, 192), 10
CUT = 32  # images that `of_any_size` computes together
PREPROCESSING = "antialiased bilinear to 32x32, then x / 127.5 - 1"
PATCHES, HEAD = "patches", "classes"  # the first layer and the last
WEIGHTS = os.path.join(os.path.dirname(__file__), "cifar10net.npz")
AGAIN = "install tfgan_gn again"


class Cifar10Net(tf.Module):
    """The network with constant weights.

    Args:
        weights: dict from names, "LAYER.kernel" and "LAYER.bias", to arrays, as `load_weights` returns.
    """

    def __init__(self, weights):
        super().__init__()
        self.weights = {name: tf.constant(array, tf.float32) for name, array in weights.items()}
        self.widths = widths_of(weights)

    def features(self, images):
        """The features of images of 32x32 pixels.

        Args:
            images: [N, 32, 32, 3], 0 to 255, uint8 or float.

        Returns:
            float32 [N, 192].
        """
        return features(scaled(images), len(self.widths), self._layer)

    def logits(self, features):
        """The class scores before the softmax, float32 [N, 10], from features; classes are in the order of CIFAR-10."""
        return features @ self.weights[f"{HEAD}.kernel"] + self.weights[f"{HEAD}.bias"]

    def __call__(self, images):
        """(features, logits) of images of 32x32 pixels."""
        found = self.features(images)
        return found, self.logits(found)

    def of_any_size(self, images):
        """(features, logits) of images of any number and size.

        They are computed CUT at a time; the last cut is filled up with black images. So every image goes through the
        same kernels, whatever the batch size and the number of devices, and has the same features to the last bit.

        Args:
            images: [N, H, W, 3] or [N, H, W, 1], 0 to 255, uint8 or float; see `resize`.

        Returns:
            (float32 [N, 192], float32 [N, 10]).
        """
        count = tf.shape(images)[0]
        filled = tf.pad(resize(images), [[0, -count % CUT], [0, 0], [0, 0], [0, 0]])
        shapes = [tf.TensorSpec([CUT, columns]) for columns in (self.widths[-1], CLASSES)]
        cuts = tf.reshape(filled, [-1, CUT, SIZE, SIZE, 3])
        results = tf.map_fn(self, cuts, fn_output_signature=tuple(shapes), parallel_iterations=1)
        return tuple(tf.reshape(x, [-1, x.shape[-1]])[:count] for x in results)

    def _layer(self, x, name, pool=False):
        # not `tf.nn.bias_add`: oneDNN fuses that, and TensorFlow 2.21 then computes it wrongly now and then
        return pooled(tf.nn.conv2d(x, self.weights[f"{name}.kernel"], 1, "SAME"), pool) + self.weights[f"{name}.bias"]


def resize(images):
    """Bilinear resize with antialiasing to 32x32; height and width are scaled separately, so that nothing is cut off.

    Images of 32x32 keep their values. The channel of grey images is repeated.

    Args:
        images: [N, H, W, 3] or [N, H, W, 1], uint8 or float.

    Returns:
        float32 [N, 32, 32, 3], with values in the range of the input.
    """
    resized = tf.image.resize(images, (SIZE, SIZE), antialias=True)
    return tf.repeat(resized, 3 // resized.shape[-1], axis=-1)


def scaled(images, dtype=tf.float32):
    """Scales images from [0, 255] to [-1, 1]."""
    return tf.cast(images, dtype) / 127.5 - 1


def pooled(x, pool):
    """Max-pooling over 2x2 if `pool` is true; else x unchanged."""
    return tf.nn.max_pool2d(x, 2, 2, "VALID") if pool else x


def features(x, blocks, layer):
    """Computes the features of scaled images.

    Args:
        x: [N, H, W, 3], scaled.
        blocks: number of blocks.
        layer: function of (x, name, pool) that computes a convolution with its pooling, bias and, in training, batch
            norm; the ReLU comes after it.

    Returns:
        float32 [N, C].
    """
    x = tf.nn.relu(layer(x, PATCHES))
    for a, b, c in (block_names(i) for i in range(blocks)):
        shortcut = tf.nn.relu(layer(x, a, pool=True))
        x = tf.nn.relu(layer(shortcut, b))
        x = tf.nn.relu(layer(x, c) + shortcut)
    return tf.reduce_mean(tf.cast(x, tf.float32), [1, 2])


def block_names(block):
    """The names of the three convolutions of a block, counted from 0."""
    return [f"block{block + 1}{letter}" for letter in "abc"]


def kernel_shapes(widths=WIDTHS, filters=FILTERS):
    """Dict from the names of the layers, in order, to the shapes of their kernels."""
    shapes, channels = {PATCHES: (3, 3, 3, filters)}, filters
    for i, width in enumerate(widths):
        a, b, c = block_names(i)
        shapes |= {a: (3, 3, channels, width), b: (3, 3, width, width), c: (3, 3, width, width)}
        channels = width
    return shapes | {HEAD: (channels, CLASSES)}


def widths_of(weights):
    """The widths of the blocks, from the shapes of weights."""
    blocks = sum(name.endswith("a.kernel") for name in weights)
    return tuple(weights[f"{block_names(i)[0]}.kernel"].shape[-1] for i in range(blocks))


def load_weights(path=WEIGHTS, shapes=None):
    """Reads a weights file, whose hash the JSON beside it holds.

    Args:
        path: `.npz` of float16 arrays; the one that comes with the package by default.
        shapes: of the kernels, as of `kernel_shapes`; None for those of the network in the package.

    Returns:
        Dict from names to float32 arrays, for `Cifar10Net`.

    Raises:
        UserError: one of the two files is missing or damaged, they do not belong together, or the weights are those of
            another version of the network.
    """
    facts_path = facts_beside(path)
    try:
        with open(facts_path, encoding="utf-8") as file:
            expected = json.load(file)["sha256"]
        with open(path, "rb") as file:
            contents = file.read()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read with {facts_path} ({first_line(error)}): {AGAIN}") from None
    found = hashlib.sha256(contents).hexdigest()
    if found != expected:
        raise UserError(f"{path} has the SHA-256 {found}, not {expected} as in {facts_path}: {AGAIN}")
    try:
        weights = dict(np.load(io.BytesIO(contents), allow_pickle=False))
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is no .npz of arrays ({first_line(error)}): {AGAIN}") from None
    _refuse_other_shapes(path, weights, shapes or kernel_shapes())
    return {name: array.astype(np.float32) for name, array in weights.items()}


def _refuse_other_shapes(path, weights, shapes):
    expected = {f"{layer}.kernel": shape for layer, shape in shapes.items()}
    expected |= {f"{layer}.bias": shape[-1:] for layer, shape in shapes.items()}
    for name in expected | weights:
        shape = weights[name].shape if name in weights else None
        if shape != expected.get(name):
            raise UserError(
                f"{path} is of another version of cifar10net: {name} is {shape}, not {expected.get(name)}: {AGAIN}"
            )


def facts_beside(path):
    """The path of the JSON for a weights file."""
    return os.path.splitext(path)[0] + ".json"
