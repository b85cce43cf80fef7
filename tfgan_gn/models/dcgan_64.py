"""The 64x64 pair of the WGAN and WGAN-GP read-mes (Radford et al. 2016's shape; github.com/giakou4/gans), 4x4 kernels.

The generator has batch norm after each layer but its last, the critic instance norm after each but its first and last.
Conditional (`5. Conditional-GAN` there): the generator joins an embedded label to z, and the critic joins one to the
image as one more channel.
"""

import functools

import keras
import tensorflow as tf

from tfgan_gn.layers.activations import leaky_relu, relu
from tfgan_gn.layers.norm_layers import rows_of

GENERATOR_NORM_SITES, CRITIC_NORM_SITES = 4, 3
LABEL_SIZE = 100  # of the generator's embedded label, as published
leaky = functools.partial(leaky_relu, leak=0.2)


def normal(deviation=0.02):
    """A new initializer N(0, 0.02), the published one of all kernels (Radford et al. 2016)."""
    return keras.initializers.RandomNormal(stddev=deviation)


def conv(filters, name, kernel=4, stride=2, padding="same", use_bias=False):
    """Convolution, by default one that halves the image; same padding is PyTorch's padding of 1."""
    settings = {"use_bias": use_bias, "kernel_initializer": normal(), "name": name}
    return keras.layers.Conv2D(filters, kernel, stride, padding, **settings)


def transposed_conv(filters, name, kernel=4, stride=2, padding="same", use_bias=False):
    """Transposed convolution, by default one that doubles the image."""
    settings = {"use_bias": use_bias, "kernel_initializer": normal(), "name": name}
    return keras.layers.Conv2DTranspose(filters, kernel, stride, padding, **settings)


class Generator(keras.Model):
    """Transposed convolutions with 16, 8, 4 and 2 times `width` channels (64 published)."""

    def __init__(self, width, image_size, channels, norm, groups, num_classes=None):
        super().__init__(name="generator")
        # The input is a 1x1 image, so that the kernel is the image that comes out.
        self.input_conv = transposed_conv(16 * width, "input", image_size // 16, 1, "valid")
        self.norms = [make(f"norm{i}") for i, make in enumerate(norm.sites(groups, GENERATOR_NORM_SITES), 1)]
        self.convs = [transposed_conv(c * width, f"conv{i}") for i, c in enumerate((8, 4, 2), 1)]
        self.output_conv = transposed_conv(channels, "output", use_bias=True)
        self.activation = norm.then(relu)
        self.embedding = None
        if num_classes is not None:
            self.embedding = self.add_weight(name="embedding", shape=(num_classes, LABEL_SIZE), initializer=normal(1.0))

    def call(self, z, condition=None, training=False, standing=False, towers=1):
        if self.embedding is not None:
            z = tf.concat([z, rows_of(tf.convert_to_tensor(self.embedding), condition, 2)], -1)
        x = self.input_conv(z[:, None, None, :])
        for norm, conv in zip(self.norms, [*self.convs, self.output_conv]):
            x = conv(self.activation(norm(x, standing=standing, towers=towers)))
        return tf.cast(tf.tanh(x), self.variable_dtype)


class Critic(keras.Model):
    """Convolutions with 1, 2, 4 and 8 times `width` channels (64 published)."""

    def __init__(self, width, image_size, norm, groups, num_classes=None):
        super().__init__(name="critic")
        self.input_conv = conv(width, "input", use_bias=True)
        self.convs = [conv(c * width, f"conv{i}") for i, c in enumerate((2, 4, 8), 1)]
        self.norms = [make(f"norm{i}") for i, make in enumerate(norm.sites(groups, CRITIC_NORM_SITES), 1)]
        self.output_conv = conv(1, "output", image_size // 16, 1, "valid", use_bias=True)
        self.activation = norm.then(leaky)
        self.embedding = None
        if num_classes is not None:
            shape = (num_classes, image_size**2)
            self.embedding = self.add_weight(name="embedding", shape=shape, initializer=normal(1.0))

    def call(self, x, condition=None, training=False):
        if self.embedding is not None:
            plane = rows_of(tf.convert_to_tensor(self.embedding), condition, 2)
            x = tf.concat([x, tf.reshape(plane, [-1, *x.shape[1:3], 1])], -1)
        x = leaky(self.input_conv(x))
        for conv, norm in zip(self.convs, self.norms):
            x = self.activation(norm(conv(x)))
        return tf.cast(tf.reshape(self.output_conv(x), [-1]), self.variable_dtype)
