"""The 32x32 ResNet of Miyato et al. 2018 (appendix B.4, table 4) as the spectral-normalization read-me has it.

(github.com/ctjoy/deep-learning-project, `model/resnet.py`.) The critic is that of `resnet` without norms; each of its
convolutions and its linear layer are spectrally normalized. The generator's kernels are not, and its shortcuts are
upsampled without a convolution.
"""

import functools
import math

import keras
import tensorflow as tf

from tfgan_gn.layers.activations import relu
from tfgan_gn.layers.blocks import ResidualBlock
from tfgan_gn.layers.convolutions import GLOROT, conv3x3, dense, units_to_image
from tfgan_gn.layers.spectral import SpectralConv2D, SpectralDense

GENERATOR_NORM_SITES = 7  # two in each of three blocks, and one before the output
CRITIC_NORM_SITES = 6  # two in each of blocks 2 to 4

conv = functools.partial(conv3x3, scale=GLOROT)
spectral_conv = functools.partial(SpectralConv2D, kernel_size=3)
spectral_shortcut = functools.partial(
    SpectralConv2D, kernel_size=1, gain=math.sqrt(2)
)  # of Xavier's bound; 1 elsewhere


class Generator(keras.Model):
    """Three blocks of `width` channels (128 published; 256 in the paper), each of which doubles the size."""

    def __init__(self, width, image_size, channels, norm, groups):
        super().__init__(name="generator")
        self.start = image_size // 8
        self.activation = norm.then(relu)
        sites = norm.sites(groups, GENERATOR_NORM_SITES)
        up_block = functools.partial(ResidualBlock, width, "up", conv=conv, activation=self.activation, hidden=width)
        self.dense = dense(self.start**2 * width, name="input")
        self.blocks = [up_block(norms=sites[2 * i : 2 * i + 2], name=f"block{i + 1}") for i in range(3)]
        self.output_norm = sites[-1]("output_norm")
        self.conv = conv(channels, name="output")

    def call(self, z, condition=None, training=False, standing=False, towers=1):
        x = units_to_image(self.dense(z), self.start)
        for block in self.blocks:
            x = block(x, standing=standing, towers=towers)
        x = self.conv(self.activation(self.output_norm(x, standing=standing, towers=towers)))
        return tf.cast(tf.tanh(x), self.variable_dtype)


class Critic(keras.Model):
    """Four blocks of `width` channels (128 published), the first two of which halve the size.

    Norms, if any, stand beside the spectral one, in blocks 2 to 4; none is published.
    """

    def __init__(self, width, image_size, norm, groups):
        super().__init__(name="critic")
        sites = norm.sites(groups, CRITIC_NORM_SITES)
        block = functools.partial(ResidualBlock, width, conv=spectral_conv, hidden=width)
        with_norm = functools.partial(block, activation=norm.then(relu))
        self.blocks = [
            block("down", shortcut=spectral_shortcut, activation=relu, name="block1"),
            with_norm("down", shortcut=spectral_shortcut, norms=sites[0:2], name="block2"),
            with_norm(norms=sites[2:4], name="block3"),
            with_norm(norms=sites[4:6], name="block4"),
        ]
        self.dense = SpectralDense(1, name="output")

    def call(self, x, condition=None, training=False):
        for block in self.blocks:
            x = block(x)
        return tf.cast(tf.squeeze(self.dense(tf.reduce_mean(relu(x), [1, 2])), -1), self.variable_dtype)
