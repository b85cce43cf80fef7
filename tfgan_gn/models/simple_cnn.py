"""The small convolutional pair of Gulrajani et al. 2017 (`gan_cifar.py`): 5x5 kernels, three layers of stride 2 each.

The critic has two norm sites, after its second and its third convolution. The published critic has batch norm there in
the modes `wgan` (weight clipping) and `dcgan`, and no norm in mode `wgan-gp` (gradient penalty).
"""

import functools

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.activations import leaky_relu, relu
from tfgan_gn.layers.convolutions import dense, image_to_units, units_to_image
from tfgan_gn.layers.norms import NORMS

GENERATOR_NORM_SITES = 3  # after every layer but the last
CRITIC_NORM_SITES = 2  # after the second and the third convolution
KERNEL, STRIDE = 5, 2
leaky = functools.partial(leaky_relu, leak=0.2)


@keras.saving.register_keras_serializable("tfgan_gn.simple_cnn")
class StridedUniform(keras.initializers.Initializer):
    """The authors' U(-sqrt(3) s, sqrt(3) s) with s^2 = 4 / (fan_in + fan_out), for convolutions with a stride.

    The fan on the side of the smaller image is divided by stride^2: fan_out of a convolution, fan_in of a transposed
    one. Both have kernels [K, K, channels of the larger image, channels of the smaller image].
    """

    def __call__(self, shape, dtype=None):
        *_, larger, smaller = shape
        fans = KERNEL**2 * (larger + smaller / STRIDE**2)
        bound = (3 * 4 / fans) ** 0.5
        return keras.random.uniform(shape, -bound, bound, dtype=dtype)


def conv(filters, name):
    """5x5 convolution that halves the image, with bias."""
    return keras.layers.Conv2D(filters, KERNEL, STRIDE, "same", kernel_initializer=StridedUniform(), name=name)


def transposed_conv(filters, name):
    """5x5 transposed convolution that doubles the image, with bias."""
    return keras.layers.Conv2DTranspose(filters, KERNEL, STRIDE, "same", kernel_initializer=StridedUniform(), name=name)


class Generator(keras.Model):
    """A linear layer to 4 times `width` channels (128 published), then transposed convolutions to 2 and 1 times.

    The first norm acts on the units of the linear layer, before they become an image. Batch norm is published; instance
    norm is refused, because each unit by itself would become 0. `make_dense` and `make_conv` are functions from (size,
    name) to a layer.
    """

    def __init__(self, width, image_size, channels, norm, groups, make_dense=dense, make_conv=transposed_conv):
        super().__init__(name="generator")
        if norm is NORMS["instance"]:
            raise UserError(
                "generator_norm=instance: this generator normalizes the units of a linear layer, and each by itself is "
                "always 0; choose batch, layer, group or none"
            )
        self.start = image_size // 8
        self.dense = make_dense(self.start**2 * 4 * width, "input")
        self.norms = [make(f"norm{i}") for i, make in enumerate(norm.sites(groups, GENERATOR_NORM_SITES), 1)]
        self.convs = [make_conv(c, f"conv{i}") for i, c in enumerate((2 * width, width, channels), 1)]
        self.activation = norm.then(relu)

    def call(self, z, condition=None, training=False, standing=False, towers=1):
        units = self.activation(self.norms[0](self.dense(z), standing=standing, towers=towers))
        x = units_to_image(units, self.start)
        for conv, norm in zip(self.convs, self.norms[1:]):
            x = self.activation(norm(conv(x), standing=standing, towers=towers))
        return tf.cast(tf.tanh(self.convs[-1](x)), self.variable_dtype)


class Critic(keras.Model):
    """Convolutions with 1, 2 and 4 times `width` channels (128 published)."""

    def __init__(self, width, image_size, norm, groups):
        super().__init__(name="critic")
        self.convs = [conv(c * width, f"conv{i}") for i, c in enumerate((1, 2, 4), 1)]
        # The first convolution has none. The name of a norm has the number of the convolution before it, as published.
        self.norms = [make(f"norm{i}") for i, make in enumerate(norm.sites(groups, CRITIC_NORM_SITES), 2)]
        self.dense = dense(1, name="output")
        self.activation = norm.then(leaky)

    def call(self, x, condition=None, training=False):
        x = leaky(self.convs[0](x))
        for conv, norm in zip(self.convs[1:], self.norms):
            x = self.activation(norm(conv(x)))
        return tf.cast(tf.squeeze(self.dense(image_to_units(x)), -1), self.variable_dtype)
