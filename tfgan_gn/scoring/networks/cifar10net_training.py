"""cifar10net while it learns: batch norms, the step, averages of the weights, and the folding at the end."""

import numpy as np
import tensorflow as tf

from tfgan_gn.scoring.networks.cifar10net import (
    CLASSES,
    FILTERS,
    HEAD,
    PATCHES,
    WIDTHS,
    features,
    kernel_shapes,
    pooled,
    scaled,
)

EPSILON = 1e-5  # of the batch norms
MOMENTUM, WEIGHT_DECAY, SMOOTHING = 0.9, 5e-4, 0.1
AVERAGE = 0.998  # of the averages, a step: they reach back 500 steps


class Trainee:
    """The network, its momenta and its averages, in three dicts of variables from names to values.

    A layer "NAME" has NAME.kernel and NAME.bias; the averages also hold NAME.mean and NAME.variance of what comes out
    of its convolution. Batch norms have no scale, so that they are increasing and commute with the pooling.

    Args:
        patches: fixed kernel of the first layer, `patch_filters`.
        widths: of the blocks.
        seed: of the first weights.
        dtype: of the convolutions, "bfloat16" or "float32"; all else is float32.
    """

    def __init__(self, patches, widths=WIDTHS, seed=0, dtype="float32"):
        self.blocks, self.dtype = len(widths), tf.as_dtype(dtype)
        self.patches = tf.Variable(patches, dtype=tf.float32, trainable=False)
        self.weights = {k: tf.Variable(v) for k, v in _first_weights(widths, patches.shape[-1], seed).items()}
        self.momenta = {k: tf.Variable(tf.zeros_like(v)) for k, v in self.weights.items()}
        self.averages = {k: tf.Variable(v) for k, v in self.weights.items()}
        for name in self._normed():
            zeros = tf.zeros(self.weights[f"{name}.bias"].shape)
            self.averages |= {f"{name}.mean": tf.Variable(zeros), f"{name}.variance": tf.Variable(zeros + 1)}
        self.steps = tf.Variable(0, dtype=tf.int64)
        self.step = tf.function(self._step)

    def _normed(self):
        return [name.removesuffix(".bias") for name in self.weights if name.endswith(".bias") and HEAD not in name]

    def _step(self, images, labels, rate):
        """One step of SGD with Nesterov's momentum.

        Args:
            images: uint8 [N, H, W, 3].
            labels: int64 [N].
            rate: float32 scalar, the learning rate.

        Returns:
            (loss, share of the images whose class was right), float32 scalars.
        """
        moments = {}
        names = list(self.weights)
        with tf.GradientTape() as tape:
            found = features(scaled(images, self.dtype), self.blocks, self._learning_layer(moments))
            logits = found @ self.weights[f"{HEAD}.kernel"] + self.weights[f"{HEAD}.bias"]
            targets = tf.one_hot(labels, CLASSES) * (1 - SMOOTHING) + SMOOTHING / CLASSES
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
        gradients = tape.gradient(loss, [self.weights[name] for name in names])
        for name, gradient in zip(names, gradients, strict=True):
            weight, momentum = self.weights[name], self.momenta[name]
            if name.endswith(".kernel"):
                gradient += WEIGHT_DECAY * weight
            momentum.assign(MOMENTUM * momentum + gradient)
            weight.assign_sub(rate * (MOMENTUM * momentum + gradient))
        self.steps.assign_add(1)
        done = tf.cast(self.steps, tf.float32)
        part = 1 - tf.minimum(AVERAGE, done / (done + 10))
        for name, average in self.averages.items():
            new = moments[name] if name in moments else self.weights[name]
            average.assign_add(part * (new - average))
        right = tf.equal(tf.argmax(logits, -1), tf.cast(labels, tf.int64))
        return loss, tf.reduce_mean(tf.cast(right, tf.float32))

    def _learning_layer(self, moments):
        """A layer for `features`, which leaves its mean and variance over the batch in `moments`."""

        def layer(x, name, pool=False):
            if name == PATCHES:
                return tf.nn.conv2d(x, tf.cast(self.patches, self.dtype), 1, "SAME")
            x = pooled(tf.nn.conv2d(x, tf.cast(self.weights[f"{name}.kernel"], self.dtype), 1, "SAME"), pool)
            bias = self.weights[f"{name}.bias"]
            x, moments[f"{name}.mean"], moments[f"{name}.variance"], *_ = tf.raw_ops.FusedBatchNormV3(
                x=x, scale=tf.ones_like(bias), offset=bias, mean=[], variance=[], epsilon=EPSILON, is_training=True
            )
            return x

        return layer

    def infer(self, images):
        """(features, logits) by the averages, unfolded, in float32: what the folded network is to give."""
        averages = self.averages

        def layer(x, name, pool=False):
            if name == PATCHES:
                return tf.nn.conv2d(x, self.patches, 1, "SAME")
            x = pooled(tf.nn.conv2d(x, averages[f"{name}.kernel"], 1, "SAME"), pool)
            mean, variance, bias = (averages[f"{name}.{which}"] for which in ("mean", "variance", "bias"))
            return (x - mean) * tf.math.rsqrt(variance + EPSILON) + bias

        found = features(scaled(images), self.blocks, layer)
        return found, found @ averages[f"{HEAD}.kernel"] + averages[f"{HEAD}.bias"]

    def folded(self):
        """The averages with the batch norms in the convolutions: dict of arrays for `cifar10net.Cifar10Net`."""
        averages = {name: variable.numpy().astype(np.float64) for name, variable in self.averages.items()}
        out = {f"{PATCHES}.kernel": self.patches.numpy(), f"{PATCHES}.bias": np.zeros(self.patches.shape[-1])}
        for name in self._normed():
            scale = 1 / np.sqrt(averages[f"{name}.variance"] + EPSILON)
            out[f"{name}.kernel"] = averages[f"{name}.kernel"] * scale
            out[f"{name}.bias"] = averages[f"{name}.bias"] - averages[f"{name}.mean"] * scale
        out |= {f"{HEAD}.{which}": averages[f"{HEAD}.{which}"] for which in ("kernel", "bias")}
        return {name: array.astype(np.float32) for name, array in out.items()}

    def state(self):
        """All that changes, as a dict of arrays."""
        return {name: variable.numpy() for name, variable in self._changing().items()}

    def restore(self, state):
        """Sets all that changes to what `state` returned."""
        for name, variable in self._changing().items():
            variable.assign(state[name])

    def _changing(self):
        groups = {"weights": self.weights, "momenta": self.momenta, "averages": self.averages}
        named = {f"{group}/{name}": v for group, variables in groups.items() for name, v in variables.items()}
        return named | {"patches": self.patches, "steps": self.steps}


def patch_filters(images, filters=FILTERS):
    """Kernel of the first layer: the main components of 3x3 patches, to one size, each once with either sign.

    Args:
        images: uint8 [N, H, W, 3].
        filters: even, at most 54.

    Returns:
        float32 [3, 3, 3, filters].
    """
    x = images.astype(np.float32) / 127.5 - 1
    patches = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2)).transpose(0, 1, 2, 4, 5, 3).reshape(-1, 27)
    values, vectors = np.linalg.eigh((patches.T @ patches / len(patches)).astype(np.float64))
    main = np.argsort(values)[::-1][: filters // 2]
    half = (vectors[:, main] / np.sqrt(values[main] + 5e-4)).reshape(3, 3, 3, -1)
    return np.concatenate([half, -half], axis=-1).astype(np.float32)


def one_cycle(step, steps, peak):
    """The learning rate of a step of so many: up in a straight line over the first fifth, and down to 0."""
    up = max(1, steps // 5)
    return peak * min((step + 1) / up, (steps - step) / max(1, steps - up))


def varied(images, mirrored, random):
    """Images as a step sees them: each moved, perhaps mirrored, and with a grey square somewhere.

    Args:
        images: uint8 [N, H, W, 3].
        mirrored: bool [N].
        random: `numpy.random.Generator` of the moves, up to 4 pixels either way, and the squares, 8 pixels wide.

    Returns:
        uint8 [N, H, W, 3].
    """
    count, height, width, _ = images.shape
    padded = np.pad(images, [(0, 0), (4, 4), (4, 4), (0, 0)], mode="reflect")
    moves = random.integers(0, 9, [count, 2])
    corners = random.integers(-4, [height - 4, width - 4], [count, 2])
    out = np.empty_like(images)
    for i, ((top, left), (y, x)) in enumerate(zip(moves, corners, strict=True)):
        cut = padded[i, top : top + height, left : left + width]
        out[i] = cut[:, ::-1] if mirrored[i] else cut
        out[i, max(0, y) : y + 8, max(0, x) : x + 8] = 127
    return out


def _first_weights(widths, filters, seed):
    """Kernels after He et al. (2015), and zeros."""
    random, weights = np.random.default_rng(seed), {}
    for name, shape in kernel_shapes(widths, filters).items():
        if name == PATCHES:
            continue
        scale = 0 if name == HEAD else np.sqrt(2 / np.prod(shape[:-1]))
        weights[f"{name}.kernel"] = (random.standard_normal(shape) * scale).astype(np.float32)
        weights[f"{name}.bias"] = np.zeros(shape[-1], np.float32)
    return weights
