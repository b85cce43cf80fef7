"""Normalization layers whose second derivative is exact, and the table of what may stand at a norm site.

The gradient penalty differentiates the critic twice. `tf.nn.moments`, on which the group and layer norms of Keras 3
and of tensorflow-addons stand, stops the gradient of the mean inside the variance: the value and the first derivative
are right, the second is not. Here every statistic is plain arithmetic, so that it can be differentiated any number of
times.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError

EPSILON = 1e-5  # Wu and He 2018, and `tflib/ops/layernorm.py` of the WGAN-GP authors; Keras' default is 1e-3


def mean_and_variance(x, axes):
    """Mean and biased variance, E[(x - E x)^2], with nothing hidden from the gradient.

    Two passes rather than E[x^2] - (E x)^2, which loses all digits in float32 once the mean is 1e3 standard
    deviations from 0.

    Args:
        x: float array.
        axes: list of the axes to average over; they stay, with size 1.

    Returns:
        (mean, variance, x - mean).
    """
    mean = tf.reduce_mean(x, axes, keepdims=True)
    centred = x - mean
    return mean, tf.reduce_mean(tf.square(centred), axes, keepdims=True), centred


def group_norm(x, gamma, beta, groups, epsilon=EPSILON):
    """Group normalization (Wu and He 2018, equations 1 to 7) of each image by itself.

    y = gamma (x - mu) / sqrt(sigma^2 + epsilon) + beta, where mu and sigma^2 run over all pixels and C / groups
    consecutive channels of one image. They are taken per channel first and combined by the law of total variance
    (sigma^2 = E[sigma_c^2] + E[(mu_c - mu)^2]), so that the image itself is read as it lies in memory.

    Args:
        x: float array [N, ..., C], channels last.
        gamma: scale, float array [C].
        beta: offset, float array [C].
        groups: number of groups G; divides C. 1 is layer norm over all but N, C is instance norm.
        epsilon: added to the variance.

    Returns:
        A tensor of x's shape and dtype.
    """
    channels = x.shape[-1]
    pixels = list(range(1, x.shape.rank - 1))
    mu_c, variance_c, centred = mean_and_variance(x, pixels)
    by_group = [-1] + [1] * len(pixels) + [groups, channels // groups]
    _, spread, offset = mean_and_variance(tf.reshape(mu_c, by_group), [-1])  # offset = mu_c - mu
    variance = tf.reduce_mean(tf.reshape(variance_c, by_group), -1, keepdims=True) + spread
    rsigma = tf.math.rsqrt(variance + epsilon)
    by_channel = tf.shape(mu_c)
    scale = gamma * tf.reshape(tf.broadcast_to(rsigma, tf.shape(offset)), by_channel)
    shift = beta + tf.reshape(offset, by_channel) * scale
    return centred * scale + shift


def rows_of(table, labels, rank):
    """The row of each image's class, shaped to act on a batch [N, ..., C] of the given rank.

    The table is reshaped before rows are taken, because a reshape has a dense gradient. With the sparse one of
    `tf.gather` alone, Keras' Adam leaves the rows of classes absent from the batch where they are, mean and variance
    too; TensorFlow 1's, and so the published code, moves them by what it remembers.

    Args:
        table: float array [num_classes, C].
        labels: class of each image, whole numbers [N] in [0, num_classes).
        rank: of the batch.

    Returns:
        A tensor [N, 1, ..., 1, C].
    """
    classes, channels = table.shape
    return tf.gather(tf.reshape(table, [classes, *[1] * (rank - 2), channels]), labels)


@keras.saving.register_keras_serializable("tfgan_gn")
class NoNorm(keras.layers.Layer):
    """What stands at a norm site without a norm: the identity."""

    def build(self, shape):
        self.built = True

    def call(self, x, labels=None):
        return x


class _Affine(keras.layers.Layer):
    """Per-channel scale `gamma` (ones) and offset `beta` (zeros), as every norm here has.

    With `num_classes` both have a row for each class, and an image is scaled by the row of its label (Dumoulin et al.
    2017, equation 5; `tflib/ops/cond_batchnorm.py` of the WGAN-GP authors).
    """

    def __init__(self, epsilon=EPSILON, num_classes=None, **kwargs):
        super().__init__(**kwargs)
        self.epsilon, self.num_classes = epsilon, num_classes

    def build(self, shape):
        rows = () if self.num_classes is None else (self.num_classes,)
        self.gamma = self.add_weight(name="gamma", shape=(*rows, shape[-1]), initializer="ones")
        self.beta = self.add_weight(name="beta", shape=(*rows, shape[-1]), initializer="zeros")
        self.built = True

    def scale_and_offset(self, labels, rank):
        """Gamma and beta, [C], or of each image's class [N, 1, ..., 1, C]."""
        tables = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        if self.num_classes is None:
            return tables
        if labels is None:
            raise ValueError(f"{self.path} has a row for each of {self.num_classes} classes: call it with labels=")
        return tuple(rows_of(table, labels, rank) for table in tables)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon, "num_classes": self.num_classes}


@keras.saving.register_keras_serializable("tfgan_gn")
class GroupNorm(_Affine):
    """`group_norm` as a layer: input and output [N, ..., C].

    Args:
        groups: number of groups; 1 is layer norm, None one group per channel, which is instance norm.
        epsilon: added to the variance.
        num_classes: of a conditional norm, whose call takes labels [N]; None for one scale and offset.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, groups, epsilon=EPSILON, num_classes=None, **kwargs):
        super().__init__(epsilon, num_classes, **kwargs)
        self.groups = groups

    def build(self, shape):
        """Creates the weights; raises UserError where `groups` does not divide the channels."""
        channels = shape[-1]
        if self.groups is not None and (self.groups < 1 or channels % self.groups):
            divisors = ", ".join(str(g) for g in range(1, channels + 1) if channels % g == 0)
            raise UserError(
                f"{self.groups} groups do not divide the {channels} channels of {self.path}: "
                f"choose one of {divisors} (or a width that {self.groups} divides)"
            )
        super().build(shape)

    def call(self, x, labels=None):
        groups = x.shape[-1] if self.groups is None else self.groups
        gamma, beta = self.scale_and_offset(labels, x.shape.rank)
        return group_norm(x, gamma, beta, groups, self.epsilon)

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}


@keras.saving.register_keras_serializable("tfgan_gn")
class BatchNorm(_Affine):
    """Batch normalization (Ioffe and Szegedy 2015) by the statistics of the batch: input and output [N, ..., C].

    The statistics are those of the batch at hand (of one replica) unless `training=False` is said, as in the published
    code, which never reads its moving averages. With `training=False` they are the standing ones, which
    `collect_standing_statistics` sets; training itself changes no state of this layer. A conditional one
    (`num_classes`, labels [N] in the call) has a scale and offset for each class, and statistics of all classes
    together.
    """

    accumulating = False

    def build(self, shape):
        """Creates the weights and the standing statistics (mean 0, variance 1, of 0 batches)."""
        channels = (shape[-1],)
        super().build(shape)
        self.standing_mean = self.add_weight(name="standing_mean", shape=channels, initializer="zeros", trainable=False)
        self.standing_variance = self.add_weight(
            name="standing_variance", shape=channels, initializer="ones", trainable=False
        )
        self.standing_batches = self.add_weight(name="standing_batches", shape=(), initializer="zeros", trainable=False)

    def call(self, x, labels=None, training=None):
        gamma, beta = self.scale_and_offset(labels, x.shape.rank)
        if training is None or training:
            mean, variance, centred = mean_and_variance(x, list(range(x.shape.rank - 1)))
            if self.accumulating:
                self._accumulate(tf.reshape(mean, [-1]), tf.reshape(variance, [-1]))
        else:
            centred = x - tf.convert_to_tensor(self.standing_mean)
            variance = tf.convert_to_tensor(self.standing_variance)
        return centred * (gamma * tf.math.rsqrt(variance + self.epsilon)) + beta

    def _accumulate(self, mean, variance):
        """Joins a batch to the population of n batches seen so far (Chan, Golub and LeVeque 1979, equal sizes)."""
        n = tf.convert_to_tensor(self.standing_batches) + 1
        delta = mean - tf.convert_to_tensor(self.standing_mean)
        old = tf.convert_to_tensor(self.standing_variance)
        self.standing_variance.assign(((n - 1) * old + variance + tf.square(delta) * (n - 1) / n) / n)
        self.standing_mean.assign_add(delta / n)
        self.standing_batches.assign(n)


def collect_standing_statistics(model, batches: Iterable):
    """Sets the standing statistics of every `BatchNorm` of a model to those of the given batches together.

    Each layer then holds the mean and the variance of its input over all images of all batches, seen while each
    batch normalizes itself by its own statistics, as in training. No other state of the model changes.

    Args:
        model: a built Keras model, called as model(batch) or model(batch, labels=labels).
        batches: its inputs, batches of one equal size; of a conditional model (batch, labels) each.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, BatchNorm)]
    for layer in layers:
        layer.accumulating = True
        for variable in (layer.standing_mean, layer.standing_variance, layer.standing_batches):
            variable.assign(tf.zeros(variable.shape, variable.dtype))
    # Traced while accumulating; not with training=True, in which spectral norm would take a step.
    forward = tf.function(lambda x, labels=None: model(x, labels=labels), reduce_retracing=True)
    try:
        for batch in batches if layers else ():
            forward(*batch) if isinstance(batch, tuple) else forward(batch)
    finally:
        for layer in layers:
            layer.accumulating = False


class Norm(NamedTuple):
    """What may stand at a norm site.

    Attributes:
        layer: from (groups, num_classes, name) to the layer; its call takes (x, labels=None).
        critic_caveat: what whoever puts it into a critic with a gradient penalty must know; empty if nothing.
    """

    layer: Callable[..., keras.layers.Layer]
    critic_caveat: str = ""


NORMS = {
    "none": Norm(lambda groups, num_classes, name: NoNorm(name=name)),
    "batch": Norm(
        lambda groups, num_classes, name: BatchNorm(num_classes=num_classes, name=name),
        critic_caveat="batch norm in the critic makes the score of one image depend on the other images of its batch, "
        "but the gradient penalty asks for a slope of 1 at each image by itself (Gulrajani et al. 2017, section 4): "
        "the two do not fit. --norm=layer, instance or group do.",
    ),
    "layer": Norm(lambda groups, num_classes, name: GroupNorm(1, num_classes=num_classes, name=name)),
    "instance": Norm(lambda groups, num_classes, name: GroupNorm(None, num_classes=num_classes, name=name)),
    "group": Norm(lambda groups, num_classes, name: GroupNorm(groups, num_classes=num_classes, name=name)),
}


def get_norm(norm, groups=None, name=None, num_classes=None):
    """Makes the layer for one norm site.

    Args:
        norm: key of NORMS.
        groups: number of groups, for those that take it.
        name: of the layer.
        num_classes: of a conditional norm, which has a scale and offset for each class; None for one of all.

    Returns:
        A new layer, called as layer(x, labels=labels): [N, ..., C] to the same shape. Labels [N] are those of a
        conditional norm; the others ignore them.

    Raises:
        UserError: no such norm.
    """
    if norm not in NORMS:
        raise UserError(f"norm {norm!r} is not one of {', '.join(NORMS)}")
    return NORMS[norm].layer(groups, num_classes, name)


def groups_per_site(groups, num_sites):
    """Spreads the group counts over the norm sites of a network.

    Args:
        groups: sequence of one count for all sites, or one count per site in order.
        num_sites: how many norm sites the network has.

    Returns:
        A tuple of num_sites counts.

    Raises:
        UserError: any other number of counts.
    """
    groups = tuple(groups)
    if len(groups) not in (1, num_sites):
        raise UserError(
            f"groups={','.join(map(str, groups))} has {len(groups)} numbers: give one, or one for each of the "
            f"{num_sites} norm sites in order"
        )
    return groups if len(groups) == num_sites else groups * num_sites
