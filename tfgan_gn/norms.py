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
    deviations from 0. The gradient is written out, because that of the plain formula reads and writes x three times as
    often: d mean / d x_i = 1 / n and d variance / d x_i = 2 (x_i - mean) / n. It computes the mean from x again, so
    that its own derivative is complete.

    Args:
        x: float array.
        axes: list of the axes to average over; they stay, with size 1.

    Returns:
        (mean, variance).
    """

    @tf.custom_gradient
    def moments(x):
        mean = tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axes, keepdims=True)

        def gradient(by_mean, by_variance):
            n = tf.cast(tf.reduce_prod(tf.gather(tf.shape(x), axes)), x.dtype)
            slope = by_variance * (2 / n)
            return x * slope + (by_mean / n - tf.reduce_mean(x, axes, keepdims=True) * slope)

        return (mean, variance), gradient

    return moments(x)


def group_norm(x, gamma, beta, groups, epsilon=EPSILON):
    """Group normalization (Wu and He 2018, equations 1 to 7) of each image by itself.

    y = gamma (x - mu) / sqrt(sigma^2 + epsilon) + beta, where mu and sigma^2 run over all pixels and C / groups
    consecutive channels of one image. They are taken per channel first and combined by the law of total variance
    (sigma^2 = E[sigma_c^2] + E[(mu_c - mu)^2]), so that the image itself is read as it lies in memory, and then
    y = scale_c x + shift_c is one multiplication and one addition.

    Args:
        x: float array [N, ..., C], channels last.
        gamma: scale, float array [C]. All is computed in its type, which is float32 for a bfloat16 x in mixed
            precision: statistics in bfloat16 would cost half of the few digits that x has.
        beta: offset, float array [C] of the same type.
        groups: number of groups G; divides C. 1 is layer norm over all but N, C is instance norm.
        epsilon: added to the variance.

    Returns:
        A tensor of x's shape and dtype.
    """
    gamma, wide, size = tf.convert_to_tensor(gamma), tf.cast(x, gamma.dtype), x.shape[-1] // groups
    mu_c, variance_c = mean_and_variance(wide, list(range(1, x.shape.rank - 1)))
    means, variances = (tf.reshape(statistic, [-1, groups, size]) for statistic in (mu_c, variance_c))
    mu = tf.reduce_mean(means, -1, keepdims=True)
    variance = tf.reduce_mean(variances + tf.square(means - mu), -1, keepdims=True)

    def of_each_channel(statistic):
        return tf.reshape(tf.repeat(statistic, size, -1), tf.shape(mu_c))

    scale = gamma * of_each_channel(tf.math.rsqrt(variance + epsilon))
    return tf.cast(wide * scale + (beta - of_each_channel(mu) * scale), x.dtype)


class _Affine(keras.layers.Layer):
    """Per-channel scale `gamma` (ones) and offset `beta` (zeros), as every norm here has."""

    def __init__(self, epsilon=EPSILON, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, shape):
        self.gamma = self._add("gamma", shape[-1:], "ones")
        self.beta = self._add("beta", shape[-1:], "zeros")
        self.built = True

    def _add(self, name, shape, initializer, trainable=True):
        # Not cast to the type of the images: the norm is computed in the type of its weights.
        return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=trainable, autocast=False)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tfgan_gn")
class GroupNorm(_Affine):
    """`group_norm` as a layer: input and output [N, ..., C].

    Args:
        groups: number of groups; 1 is layer norm, None one group per channel, which is instance norm.
        epsilon: added to the variance.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, groups, epsilon=EPSILON, **kwargs):
        super().__init__(epsilon, **kwargs)
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

    def call(self, x):
        groups = x.shape[-1] if self.groups is None else self.groups
        gamma, beta = (tf.convert_to_tensor(v) for v in (self.gamma, self.beta))
        return group_norm(x, gamma, beta, groups, self.epsilon)

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}


@keras.saving.register_keras_serializable("tfgan_gn")
class BatchNorm(_Affine):
    """Batch normalization (Ioffe and Szegedy 2015) by the statistics of the batch: input and output [N, ..., C].

    The statistics are those of the batch at hand (of one replica) unless `training=False` is said, as in the published
    code, which never reads its moving averages. With `training=False` they are the standing ones, which
    `collect_standing_statistics` sets; training itself changes no state of this layer.
    """

    accumulating = False

    def build(self, shape):
        """Creates the weights and the standing statistics (mean 0, variance 1, of 0 batches)."""
        super().build(shape)
        self.standing_mean = self._add("standing_mean", shape[-1:], "zeros", trainable=False)
        self.standing_variance = self._add("standing_variance", shape[-1:], "ones", trainable=False)
        self.standing_batches = self._add("standing_batches", (), "zeros", trainable=False)

    def call(self, x, training=None):
        gamma, beta = (tf.convert_to_tensor(v) for v in (self.gamma, self.beta))
        wide = tf.cast(x, gamma.dtype)
        if training is None or training:
            mean, variance = mean_and_variance(wide, list(range(x.shape.rank - 1)))
            if self.accumulating:
                self._accumulate(tf.reshape(mean, [-1]), tf.reshape(variance, [-1]))
        else:
            mean, variance = (tf.convert_to_tensor(v) for v in (self.standing_mean, self.standing_variance))
        scale = gamma * tf.math.rsqrt(variance + self.epsilon)
        return tf.cast(wide * scale + (beta - mean * scale), x.dtype)

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
    batch normalizes itself by its own statistics, as in training.

    Args:
        model: a built Keras model.
        batches: its inputs, batches of one equal size.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, BatchNorm)]
    for layer in layers:
        layer.accumulating = True
        for variable in (layer.standing_mean, layer.standing_variance, layer.standing_batches):
            variable.assign(tf.zeros(variable.shape, variable.dtype))
    forward = tf.function(lambda x: model(x, training=True), reduce_retracing=True)  # traced while accumulating
    try:
        for batch in batches if layers else ():
            forward(batch)
    finally:
        for layer in layers:
            layer.accumulating = False


class Norm(NamedTuple):
    """What may stand at a norm site.

    Attributes:
        layer: from (groups, name) to the layer.
        critic_caveat: what whoever puts it into a critic with a gradient penalty must know; empty if nothing.
    """

    layer: Callable[..., keras.layers.Layer]
    critic_caveat: str = ""


NORMS = {
    "none": Norm(lambda groups, name=None: keras.layers.Identity(name=name)),
    "batch": Norm(
        lambda groups, name=None: BatchNorm(name=name),
        critic_caveat="batch norm in the critic makes the score of one image depend on the other images of its batch, "
        "but the gradient penalty asks for a slope of 1 at each image by itself (Gulrajani et al. 2017, section 4): "
        "the two do not fit. --norm=layer, instance or group do.",
    ),
    "layer": Norm(lambda groups, name=None: GroupNorm(1, name=name)),
    "instance": Norm(lambda groups, name=None: GroupNorm(None, name=name)),
    "group": Norm(lambda groups, name=None: GroupNorm(groups, name=name)),
}


def get_norm(norm, groups=None, name=None):
    """Makes the layer for one norm site.

    Args:
        norm: key of NORMS.
        groups: number of groups, for those that take it.
        name: of the layer.

    Returns:
        A new layer, [N, ..., C] to the same shape.

    Raises:
        UserError: no such norm.
    """
    if norm not in NORMS:
        raise UserError(f"norm {norm!r} is not one of {', '.join(NORMS)}")
    return NORMS[norm].layer(groups, name)


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
