"""Initial weights of the published codes; convolutions, linear layers and order of units of the WGAN-GP authors."""

import keras
import tensorflow as tf

from tfgan_gn.layers.resampling import convolve

# The authors draw from U(-sqrt(3) s, sqrt(3) s) with s^2 = 4 / (fan_in + fan_out) before a ReLU and
# s^2 = 2 / (fan_in + fan_out) elsewhere. Keras calls the variance scale / ((fan_in + fan_out) / 2).
HE, GLOROT = 2.0, 1.0


def author_uniform(scale):
    """A new initializer of the authors. Each layer needs its own: two layers that share one get equal weights."""
    return keras.initializers.VarianceScaling(scale, mode="fan_avg", distribution="uniform")


def torch_uniform():
    """A new initializer U(-1, 1) / sqrt(fan_in), PyTorch's default for kernels.

    PyTorch draws biases from the same distribution; here they start at 0. For a transposed convolution, PyTorch and
    Keras compute fan_in from the output channels. PyTorch 0.3 computed it from the input channels.
    """
    return keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")


class Conv2D(keras.layers.Conv2D):
    """Convolution of stride 1 with same padding and bias, which can be computed together with a resampling.

    It is called as layer(x, convolve=function), where the function is one of `resampling`, from (x, kernel, bias).
    """

    def call(self, x, convolve=convolve):
        return convolve(x, tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))


def conv3x3(filters, scale=HE, name=None):
    """3x3 convolution, stride 1, same padding, with bias."""
    return Conv2D(filters, 3, padding="same", kernel_initializer=author_uniform(scale), name=name)


def conv1x1(filters, name=None):
    """1x1 convolution of a shortcut, with bias. No ReLU follows it, and its initial weights are those for that."""
    return Conv2D(filters, 1, kernel_initializer=author_uniform(GLOROT), name=name)


def dense(units, name=None):
    """Linear layer with bias."""
    return keras.layers.Dense(units, kernel_initializer=author_uniform(GLOROT), name=name)


def units_to_image(units, size):
    """[N, C * size * size] to [N, size, size, C].

    The units are in the authors' order, channels first, so that their weights are ours, element for element.
    """
    return tf.transpose(tf.reshape(units, [-1, units.shape[-1] // size**2, size, size]), [0, 2, 3, 1])


def image_to_units(x):
    """[N, H, W, C] to [N, C * H * W], the inverse of `units_to_image`."""
    _, height, width, channels = x.shape
    return tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [-1, channels * height * width])
