"""The small convolutional pair of the group-norm report (gzmkobe/wgan_with_group_normalization, `model/cifar10.py`).

The report calls it Simple-CNN. It is another network than `simple_cnn`, the one of the WGAN-GP authors: 3x3 kernels in
the critic, 2x2 kernels in the generator, and a norm after each convolution of the critic.
"""

import functools

import keras
import tensorflow as tf

from tfgan_gn.layers.activations import leaky_relu
from tfgan_gn.layers.convolutions import image_to_units, torch_uniform
from tfgan_gn.models import simple_cnn

NORM_SITES = 3  # of the critic, after every layer but the last
leaky = functools.partial(leaky_relu, leak=0.01)  # PyTorch's default


def conv(filters, name):
    """3x3 convolution of stride 2 with bias, of an image that `pad` has padded: the result has half of its size."""
    return keras.layers.Conv2D(filters, 3, 2, "valid", kernel_initializer=torch_uniform(), name=name)


def pad(x):
    """Zeros around the image, one pixel on each side: [N, H, W, C] to [N, H + 2, W + 2, C].

    Keras' padding "same" would add pixels at the bottom and at the right only, because the stride is 2.
    """
    return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])


def transposed_conv(filters, name):
    """2x2 transposed convolution of stride 2 with bias, which doubles the image."""
    return keras.layers.Conv2DTranspose(filters, 2, 2, "valid", kernel_initializer=torch_uniform(), name=name)


def dense(units, name):
    """Linear layer with bias."""
    return keras.layers.Dense(units, kernel_initializer=torch_uniform(), name=name)


class Generator(simple_cnn.Generator):
    """A linear layer to 4 times `width` channels (128 published), then transposed convolutions to 2 and 1 times.

    It connects its layers as `simple_cnn` does. The layers are others.
    """

    def __init__(self, width, image_size, channels, norm, groups):
        super().__init__(width, image_size, channels, norm, groups, make_dense=dense, make_conv=transposed_conv)


class Critic(keras.Model):
    """Convolutions with 1, 2 and 4 times `width` channels (128 published)."""

    def __init__(self, width, image_size, norm, groups):
        super().__init__(name="critic")
        self.convs = [conv(c * width, f"conv{i}") for i, c in enumerate((1, 2, 4), 1)]
        self.norms = [make(f"norm{i}") for i, make in enumerate(norm.sites(groups, NORM_SITES), 1)]
        self.dense = dense(1, "output")
        self.activation = norm.then(leaky)

    def call(self, x, condition=None, training=False):
        for conv, norm in zip(self.convs, self.norms):
            x = self.activation(norm(conv(pad(x))))
        return tf.cast(tf.squeeze(self.dense(image_to_units(x)), -1), self.variable_dtype)
