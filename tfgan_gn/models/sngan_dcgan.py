"""The convolutional pair of Miyato et al. 2018 (appendix B.4, table 3) as the spectral-normalization read-me has it.

(github.com/ctjoy/deep-learning-project, `model/dcgan.py`.) Every layer of both networks is spectrally normalized. The
generator also has batch norm. Initial weights are Xavier's, as in `sngan_resnet`.
"""

import functools

import keras
import tensorflow as tf

from tfgan_gn.layers.activations import leaky_relu
from tfgan_gn.layers.convolutions import image_to_units
from tfgan_gn.layers.spectral import SpectralConv2D, SpectralConv2DTranspose, SpectralDense

GENERATOR_NORM_SITES, CRITIC_NORM_SITES = 4, 7  # after every layer but the last
leaky = functools.partial(leaky_relu, leak=0.1)  # in both networks


class Generator(keras.Model):
    """Transposed convolutions with 8, 4, 2 and 1 times `width` channels (64 published), and a last 3x3 one."""

    def __init__(self, width, image_size, channels, norm, groups):
        super().__init__(name="generator")
        # The input is a 1x1 image, so that the kernel is the image that comes out.
        self.input_conv = SpectralConv2DTranspose(8 * width, image_size // 8, padding="valid", name="input")
        self.norms = [make(f"norm{i}") for i, make in enumerate(norm.sites(groups, GENERATOR_NORM_SITES), 1)]
        self.convs = [
            SpectralConv2DTranspose(c * width, 4, strides=2, name=f"conv{i}") for i, c in enumerate((4, 2, 1), 1)
        ]
        self.output_conv = SpectralConv2DTranspose(channels, 3, name="output")
        self.activation = norm.then(leaky)

    def call(self, z, condition=None, training=False, standing=False, towers=1):
        x = self.input_conv(z[:, None, None, :])
        for norm, conv in zip(self.norms, [*self.convs, self.output_conv]):
            x = conv(self.activation(norm(x, standing=standing, towers=towers)))
        return tf.cast(tf.tanh(x), self.variable_dtype)


class Critic(keras.Model):
    """A 3x3 convolution, then a 4x4 one that halves the image, three times; and a last 3x3 one.

    They have 1, 1, 2, 2, 4, 4 and 8 times `width` channels (64 published). Norms, if any, stand beside the spectral
    one; none is published.
    """

    def __init__(self, width, image_size, norm, groups):
        super().__init__(name="critic")
        self.convs = [
            SpectralConv2D(c * width, kernel_size, strides, name=f"conv{i}")
            for i, (c, kernel_size, strides) in enumerate(
                ((1, 3, 1), (1, 4, 2), (2, 3, 1), (2, 4, 2), (4, 3, 1), (4, 4, 2), (8, 3, 1)), 1
            )
        ]
        self.norms = [make(f"norm{i}") for i, make in enumerate(norm.sites(groups, CRITIC_NORM_SITES), 1)]
        self.activation = norm.then(leaky)
        self.dense = SpectralDense(1, name="output")

    def call(self, x, condition=None, training=False):
        for conv, norm in zip(self.convs, self.norms):
            x = self.activation(norm(conv(x)))
        return tf.cast(tf.squeeze(self.dense(image_to_units(x)), -1), self.variable_dtype)  # in the published order
