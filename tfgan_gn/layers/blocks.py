"""Residual blocks of Gulrajani et al. 2017 (appendix F, `gan_cifar_resnet.py`): convolutions, resampling, norms."""

import collections

import keras
import tensorflow as tf

from tfgan_gn.layers.norms import get_norm
from tfgan_gn.layers.resampling import (
    convolve,
    convolve1x1_then_upsample,
    convolve3x3_and_pool,
    pool_then_convolve1x1,
    upsample_and_convolve3x3,
)

# The authors draw from U(-sqrt(3) s, sqrt(3) s) with s^2 = 4 / (fan_in + fan_out) before a ReLU and
# s^2 = 2 / (fan_in + fan_out) elsewhere; in Keras' terms the variance is scale / ((fan_in + fan_out) / 2).
HE, GLOROT = 2.0, 1.0


def author_uniform(scale):
    """A new initializer of the authors' (one per layer: two layers with one initializer get equal weights)."""
    return keras.initializers.VarianceScaling(scale, mode="fan_avg", distribution="uniform")


def conv3x3(filters, scale=HE, name=None):
    """3x3 convolution, stride 1, same padding, with bias."""
    return keras.layers.Conv2D(filters, 3, padding="same", kernel_initializer=author_uniform(scale), name=name)


def conv1x1(filters, name=None):
    """1x1 convolution of a shortcut, with bias; initialised for what no ReLU follows."""
    return keras.layers.Conv2D(filters, 1, kernel_initializer=author_uniform(GLOROT), name=name)


def dense(units, name=None):
    """Linear layer with bias."""
    return keras.layers.Dense(units, kernel_initializer=author_uniform(GLOROT), name=name)


@tf.custom_gradient
def relu(x):
    """max(x, 0), with a second derivative that is known to be 0.

    TensorFlow's own computes that 0 as an array and carries it through the whole network (through two convolutions
    per convolution); here nothing is there to be carried.
    """
    y = tf.nn.relu(x)

    def gradient(by_y):
        return tf.raw_ops.ReluGrad(gradients=by_y, features=tf.stop_gradient(y))

    return y, gradient


def weights(layer):
    """(kernel, bias) of a convolution as tensors, in the dtype that the calling layer computes in."""
    return tf.convert_to_tensor(layer.kernel), tf.convert_to_tensor(layer.bias)


# How a block resamples: what its first convolution, its second and its shortcut become.
Resampling = collections.namedtuple("Resampling", "conv1 conv2 shortcut")
RESAMPLING = {
    "up": Resampling(upsample_and_convolve3x3, convolve, convolve1x1_then_upsample),
    "down": Resampling(convolve, convolve3x3_and_pool, pool_then_convolve1x1),
    None: Resampling(convolve, convolve, None),
}


def leaky_relu(x, leak):
    """max(leak x, x), as `gan_cifar.py` has it; `tf.nn.leaky_relu` rounds 0.2 to float32 also where x is float64."""
    return tf.maximum(leak * x, x)


@keras.saving.register_keras_serializable("tfgan_gn")
class ResidualBlock(keras.layers.Layer):
    """shortcut(x) + conv2(relu(norm2(conv1(relu(norm1(x)))))).

    Upsampling goes before the first convolution and before the shortcut's; pooling after the second and after the
    shortcut's. Without resampling the input must have `filters` channels and the shortcut is the identity.

    Args:
        filters: channels of the output.
        resample: "up", "down" or None.
        norm: key of `norms.NORMS`, for both sites.
        groups: the group counts of the two sites, for the norms that take one.
        num_classes: of conditional norms, for a call with labels [N]; None for unconditional ones.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, filters, resample=None, norm="none", groups=(None, None), num_classes=None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.resample, self.norm, self.groups = filters, resample, norm, tuple(groups)
        self.num_classes = num_classes
        self.norm1, self.norm2 = (get_norm(norm, g, f"norm{i}", num_classes) for i, g in enumerate(self.groups, 1))
        self.conv2 = conv3x3(filters, name="conv2")
        self.shortcut = conv1x1(filters, name="shortcut") if resample else None

    def build(self, shape):
        """Creates the weights for an input [N, H, W, C]; conv1 keeps C in a down block, as published."""
        channels = shape[-1]
        between = channels if self.resample == "down" else self.filters
        self.conv1 = conv3x3(between, name="conv1")
        self.norm1.build(shape)
        self.conv1.build(shape)
        self.norm2.build((*shape[:-1], between))
        self.conv2.build((*shape[:-1], between))
        if self.shortcut is not None:
            self.shortcut.build(shape)
        self.built = True

    def call(self, x, labels=None, standing=False):
        form = RESAMPLING[self.resample]
        y = form.conv1(relu(self.norm1(x, labels=labels, standing=standing)), *weights(self.conv1))
        y = form.conv2(relu(self.norm2(y, labels=labels, standing=standing)), *weights(self.conv2))
        return y + (x if self.shortcut is None else form.shortcut(x, *weights(self.shortcut)))

    def get_config(self):
        own = {"filters": self.filters, "resample": self.resample, "norm": self.norm, "groups": self.groups}
        return {**super().get_config(), **own, "num_classes": self.num_classes}


@keras.saving.register_keras_serializable("tfgan_gn")
class FirstDownBlock(keras.layers.Layer):
    """The critic's first block: conv1x1(pool(x)) + pool(conv2(relu(conv1(x)))).

    No norm, no ReLU on the image itself, and a shortcut that pools before it convolves.

    Args:
        filters: channels of the output.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.conv1 = conv3x3(filters, name="conv1")
        self.conv2 = conv3x3(filters, name="conv2")
        self.shortcut = conv1x1(filters, name="shortcut")

    def build(self, shape):
        """Creates the weights for an input [N, H, W, C]."""
        self.conv1.build(shape)
        self.conv2.build((*shape[:-1], self.filters))
        self.shortcut.build(shape)
        self.built = True

    def call(self, x):
        y = relu(convolve(x, *weights(self.conv1)))
        return pool_then_convolve1x1(x, *weights(self.shortcut)) + convolve3x3_and_pool(y, *weights(self.conv2))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


def up_block(filters, norm, groups, name, num_classes=None):
    """Residual block of the generator: [N, H, W, C] to [N, 2H, 2W, filters]."""
    return ResidualBlock(filters, "up", norm, groups, num_classes, name=name)


def down_block(filters, norm, groups, name, num_classes=None):
    """Residual block of the critic: [N, H, W, C] to [N, H/2, W/2, filters]."""
    return ResidualBlock(filters, "down", norm, groups, num_classes, name=name)


def same_block(filters, norm, groups, name, num_classes=None):
    """Residual block of the critic without resampling: [N, H, W, filters] to the same shape."""
    return ResidualBlock(filters, None, norm, groups, num_classes, name=name)


def first_down_block(filters, name):
    """The critic's first block: images [N, H, W, C] to [N, H/2, W/2, filters]."""
    return FirstDownBlock(filters, name=name)
