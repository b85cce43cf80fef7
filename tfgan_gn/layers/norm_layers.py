"""Normalization layers whose second derivative is exact.

The gradient penalty differentiates the critic twice. The group and layer norms of Keras 3 and of tensorflow-addons use
`tf.nn.moments`, which stops the gradient of the mean inside the variance. Its value and its first derivative are right,
its second derivative is wrong. Here every statistic is plain arithmetic, which can be differentiated any number of
times.
"""

import math

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError

EPSILON = 1e-5  # Wu and He 2018, and `tflib/ops/layernorm.py` of the WGAN-GP authors; Keras' default is 1e-3
REPORT_EPSILON = 1e-10  # the group-norm report, which adds it to the deviation, not to the variance


def mean_and_variance(x, axes):
    """Mean and biased variance, E[(x - E x)^2], with exact derivatives of every order.

    The variance takes two passes. The one-pass formula E[x^2] - (E x)^2 loses all digits in float32 when the mean is
    1e3 standard deviations from 0. The gradient is written out by hand, d mean / d x_i = 1 / n and
    d variance / d x_i = 2 (x_i - mean) / n, because the automatic one reads and writes x three times as often. The
    gradient computes the mean from x again, so that the gradient of the gradient is complete.

    Args:
        x: float array.
        axes: list of the axes to average over; they are kept with size 1.

    Returns:
        (mean, variance).
    """

    @tf.custom_gradient
    def moments(x):
        mean = tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axes, keepdims=True)

        def gradient(by_mean, by_variance):
            n = tf.cast(tf.reduce_prod(tf.gather(tf.shape(x), tf.constant(axes, tf.int32))), x.dtype)
            slope = by_variance * (2 / n)
            return x * slope + (by_mean / n - tf.reduce_mean(x, axes, keepdims=True) * slope)

        return (mean, variance), gradient

    return moments(x)


def group_norm(x, gamma, beta, groups, epsilon=EPSILON):
    """Group normalization (Wu and He 2018, equations 1 to 7) of each image by itself.

    y = gamma (x - mu) / sqrt(sigma^2 + epsilon) + beta, where mu and sigma^2 are taken over all pixels and C / groups
    consecutive channels of one image. The code first takes the statistics of each channel, then combines them by the
    law of total variance, sigma^2 = E[sigma_c^2] + E[(mu_c - mu)^2]. So x is never reshaped, and the result
    y = scale_c x + shift_c costs one multiplication and one addition.

    Args:
        x: float array [N, ..., C], channels last.
        gamma: scale, float array [C] or [N, 1, ..., 1, C]. Everything is computed in its type. In mixed precision that
            is float32 while x is bfloat16: statistics in bfloat16 would lose half of the few digits that x has.
        beta: offset, float array of the same shape and type.
        groups: number of groups, which divides C. With 1 it is layer norm, with C it is instance norm.
        epsilon: added to the variance.

    Returns:
        A tensor of x's shape and dtype.
    """
    return _normalize_groups(x, gamma, beta, groups, lambda variance: tf.math.rsqrt(variance + epsilon))


def report_group_norm(x, gamma, beta, groups, epsilon=REPORT_EPSILON):
    """Group normalization as the group-norm report's code computes it (`model/cifar10.py`), of each image by itself.

    y = gamma (x - mu) / (s + epsilon) + beta, where mu and s are taken over the n values of a group: all pixels and
    C / groups consecutive channels of one image. s^2 = sum (x - mu)^2 / (n - 1) is the unbiased variance. Where a group
    is constant, y is beta, dy/dx is of the size gamma / epsilon, and second derivatives are undefined (NaN), because s
    has a kink there.

    Args:
        x: float array [N, ..., C], channels last, with at least 2 values in a group.
        gamma: as of `group_norm`.
        beta: as of `group_norm`.
        groups: number of groups, which divides C.
        epsilon: added to the standard deviation.

    Returns:
        A tensor of x's shape and dtype.
    """
    n = math.prod(x.shape[1:]) // groups
    return _normalize_groups(x, gamma, beta, groups, lambda variance: 1 / (tf.sqrt(variance * (n / (n - 1))) + epsilon))


def _normalize_groups(x, gamma, beta, groups, inverse_deviation):
    """Computes gamma (x - mu) inverse_deviation(sigma^2) + beta, with mean and biased variance of each group."""
    gamma, wide, size = tf.convert_to_tensor(gamma), tf.cast(x, gamma.dtype), x.shape[-1] // groups
    mu_c, variance_c = mean_and_variance(wide, list(range(1, x.shape.rank - 1)))
    means, variances = (tf.reshape(statistic, [-1, groups, size]) for statistic in (mu_c, variance_c))
    mu = tf.reduce_mean(means, -1, keepdims=True)
    variance = tf.reduce_mean(variances + tf.square(means - mu), -1, keepdims=True)

    def of_each_channel(statistic):
        return tf.reshape(tf.repeat(statistic, size, -1), tf.shape(mu_c))

    scale = gamma * of_each_channel(inverse_deviation(variance))
    return tf.cast(wide * scale + (beta - of_each_channel(mu) * scale), x.dtype)


def rows_of(table, labels, rank):
    """The row of each image's class, in a shape that broadcasts with a batch [N, ..., C] of the given rank.

    The table is reshaped before the rows are taken, because a reshape has a dense gradient. The gradient of `tf.gather`
    alone is sparse. With a sparse gradient, Keras' Adam does not update the rows of classes that are absent from the
    batch. Adam in TensorFlow 1, which the published code uses, updates them by its running mean.

    Args:
        table: float array [num_classes, C].
        labels: class of each image, integers [N] in [0, num_classes).
        rank: number of axes of the batch.

    Returns:
        A tensor [N, 1, ..., 1, C].
    """
    classes, channels = table.shape
    return tf.gather(tf.reshape(table, [classes, *[1] * (rank - 2), channels]), labels)


@keras.saving.register_keras_serializable("tfgan_gn")
class NoNorm(keras.layers.Layer):
    """The identity, for a norm site without a norm."""

    def build(self, shape):
        self.built = True

    def call(self, x, labels=None, standing=False, towers=1):
        return x


class Affine(keras.layers.Layer):
    """Scale `gamma` (initially ones) and offset `beta` (initially zeros) of each channel, which every norm here has.

    With `num_classes` both have a row for each class, and each image uses the row of its label (Dumoulin et al. 2017,
    equation 5; `tflib/ops/cond_batchnorm.py` of the WGAN-GP authors).
    """

    def __init__(self, epsilon=EPSILON, num_classes=None, **kwargs):
        super().__init__(**kwargs)
        self.epsilon, self.num_classes = epsilon, num_classes

    def build(self, shape):
        rows = () if self.num_classes is None else (self.num_classes,)
        self.gamma = self._add("gamma", (*rows, shape[-1]), "ones")
        self.beta = self._add("beta", (*rows, shape[-1]), "zeros")
        self.built = True

    def _add(self, name, shape, initializer, trainable=True):
        # autocast=False keeps the weights' own type, in which the norm is computed.
        return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=trainable, autocast=False)

    def scale_and_offset(self, labels, rank):
        """(gamma, beta): [C], or those of each image's class, [N, 1, ..., 1, C]."""
        tables = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        if self.num_classes is None:
            return tables
        if labels is None:
            raise ValueError(f"{self.path} has a scale for each of {self.num_classes} classes: call it with labels=")
        return tuple(rows_of(table, labels, rank) for table in tables)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon, "num_classes": self.num_classes}


@keras.saving.register_keras_serializable("tfgan_gn")
class GroupNorm(Affine):
    """`group_norm` as a layer: input and output [N, ..., C].

    Args:
        groups: number of groups. 1 is layer norm. None is one group per channel, which is instance norm.
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

    def call(self, x, labels=None, standing=False, towers=1):
        groups = x.shape[-1] if self.groups is None else self.groups
        gamma, beta = self.scale_and_offset(labels, x.shape.rank)
        return group_norm(x, gamma, beta, groups, self.epsilon)

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}


@keras.saving.register_keras_serializable("tfgan_gn")
class ReportGroupNorm(GroupNorm):
    """`report_group_norm` as a layer, with the arguments of `GroupNorm`: input and output [N, ..., C]."""

    def __init__(self, groups, epsilon=REPORT_EPSILON, num_classes=None, **kwargs):
        super().__init__(groups, epsilon, num_classes, **kwargs)

    def build(self, shape):
        """Creates the weights; raises UserError for groups that do not divide the channels or have one value each."""
        super().build(shape)
        if math.prod(shape[1:]) == self.groups:
            raise UserError(
                f"{self.groups} groups leave one value in each group of {self.path}, whose unbiased standard deviation "
                "is undefined: give fewer groups"
            )

    def call(self, x, labels=None, standing=False, towers=1):
        gamma, beta = self.scale_and_offset(labels, x.shape.rank)
        return report_group_norm(x, gamma, beta, self.groups, self.epsilon)
