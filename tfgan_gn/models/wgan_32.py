"""The pair for 32x32 images of a general-purpose WGAN read-me (github.com/Zeleni9/pytorch-wgan), 4x4 kernels.

Four transposed convolutions with batch norm between them; four convolutions with instance norm after each but the
last. Other image sizes change the first and the last kernel alone, which span the smallest image.
"""

import functools

import keras
import tensorflow as tf

from tfgan_gn.layers.activations import leaky_relu, relu
from tfgan_gn.layers.convolutions import torch_uniform

NORM_SITES = 3  # in each network
leaky = functools.partial(leaky_relu, leak=0.2)


def conv(filters, name, kernel=4, stride=2, padding="same"):
    """Convolution with bias, by default one that halves the image."""
    return keras.layers.Conv2D(filters, kernel, stride, padding, kernel_initializer=torch_uniform(), name=name)


def transposed_conv(filters, name, kernel=4, stride=2, padding="same"):
    """Transposed convolution with bias, by default one that doubles the image."""
    return keras.layers.Conv2DTranspose(filters, kernel, stride, padding, kernel_initializer=torch_uniform(), name=name)


class Generator(keras.Model):
    """Transposed convolutions with 4, 2 and 1 times `width` channels (256 published)."""

    def __init__(self, width, image_size, channels, norm, groups):
        super().__init__(name="generator")
        # The input is a 1x1 image, so that the kernel is the image that comes out.
        self.input_conv = transposed_conv(4 * width, "input", image_size // 8, 1, "valid")
        self.norms = [make(f"norm{i}") for i, make in enumerate(norm.sites(groups, NORM_SITES), 1)]
        self.convs = [transposed_conv(c, f"conv{i}") for i, c in enumerate((2 * width, width, channels), 1)]
        self.activation = norm.then(relu)

    def call(self, z, condition=None, training=False, standing=False, towers=1):
        x = self.input_conv(z[:, None, None, :])
        for norm, conv in zip(self.norms, self.convs):
            x = conv(self.activation(norm(x, standing=standing, towers=towers)))
        return tf.cast(tf.tanh(x), self.variable_dtype)


class Critic(keras.Model):
    """Convolutions with 1, 2 and 4 times `width` channels (256 published)."""

    def __init__(self, width, image_size, norm, groups):
        super().__init__(name="critic")
        self.convs = [conv(c * width, f"conv{i}") for i, c in enumerate((1, 2, 4), 1)]
        self.norms = [make(f"norm{i}") for i, make in enumerate(norm.sites(groups, NORM_SITES), 1)]
        self.output_conv = conv(1, "output", image_size // 8, 1, "valid")
        self.activation = norm.then(leaky)

    def call(self, x, condition=None, training=False):
        for conv, norm in zip(self.convs, self.norms):
            x = self.activation(norm(conv(x)))
        return tf.cast(tf.reshape(self.output_conv(x), [-1]), self.variable_dtype)
