"""The CIFAR-10 ResNet of Gulrajani et al. 2017 (appendix F, table 3; `gan_cifar_resnet.py`).

It is conditional in the two ways of the published code. In the generator, every norm but the one before the output has
a scale and offset for each class. The critic either has such norms too (`CONDITIONAL` without `ACGAN`), or an auxiliary
classifier beside the score (Odena et al. 2017).
"""

import functools
from typing import NamedTuple

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.activations import relu
from tfgan_gn.layers.blocks import ResidualBlock
from tfgan_gn.layers.convolutions import GLOROT, conv1x1, conv3x3, dense, units_to_image
from tfgan_gn.layers.norms import NORMS

GENERATOR_NORM_SITES = 7  # two in each of three blocks, and one before the output
CRITIC_NORM_SITES = 6  # two in each of blocks 2 to 4; as published, none in block 1 and none before the mean

block = functools.partial(ResidualBlock, conv=conv3x3)


class Judgement(NamedTuple):
    """The outputs of a critic with an auxiliary classifier: scores [N] and class logits [N, num_classes]."""

    scores: tf.Tensor
    logits: tf.Tensor


class Generator(keras.Model):
    """Three blocks of `width` channels (128 published), each of which doubles the size; batch norm published."""

    def __init__(self, width, image_size, channels, norm, groups, num_classes=None):
        super().__init__(name="generator")
        if num_classes is not None and norm is NORMS["none"]:
            raise UserError(
                "generator_norm=none: labels enter the ResNet's generator through its norms; give it one, or no labels"
            )
        self.start = image_size // 8
        self.activation = norm.then(relu)
        sites = norm.sites(groups, GENERATOR_NORM_SITES, num_classes)
        self.dense = dense(self.start**2 * width, name="input")
        self.blocks = [
            block(width, "up", shortcut=conv1x1, norms=norms, activation=self.activation, name=f"block{i}")
            for i, norms in enumerate((sites[0:2], sites[2:4], sites[4:6]), 1)
        ]
        self.output_norm = norm.sites(groups, GENERATOR_NORM_SITES)[-1]("output_norm")
        self.conv = conv3x3(channels, GLOROT, name="output")

    def call(self, z, condition=None, training=False, standing=False, towers=1):
        x = units_to_image(self.dense(z), self.start)
        for block in self.blocks:
            x = block(x, labels=condition, standing=standing, towers=towers)
        x = self.conv(self.activation(self.output_norm(x, standing=standing, towers=towers)))
        return tf.cast(tf.tanh(x), self.variable_dtype)


class Critic(keras.Model):
    """Four blocks of `width` channels (128 published), the first two of which halve the size; no norm published.

    With an auxiliary classifier the norms are unconditional, and critic(x, classify=True) returns a `Judgement`.
    """

    def __init__(self, width, image_size, norm, groups, num_classes=None, auxiliary=False):
        super().__init__(name="critic")
        if num_classes is not None and norm is NORMS["none"] and not auxiliary:
            raise UserError(
                "norm=none: labels enter the ResNet's critic through its norms; give it one, or the auxiliary "
                "classifier"
            )
        sites = norm.sites(groups, CRITIC_NORM_SITES, None if auxiliary else num_classes)
        activation = norm.then(relu)
        self.blocks = [
            block(width, "down", shortcut=conv1x1, hidden=width, activation=relu, name="block1"),
            block(width, "down", shortcut=conv1x1, norms=sites[0:2], activation=activation, name="block2"),
            block(width, norms=sites[2:4], activation=activation, name="block3"),
            block(width, norms=sites[4:6], activation=activation, name="block4"),
        ]
        self.dense = dense(1, name="output")
        self.classifier = dense(num_classes, name="class_output") if auxiliary else None

    def call(self, x, condition=None, training=False, classify=False):
        for block in self.blocks:
            x = block(x, labels=condition)
        features = tf.reduce_mean(relu(x), [1, 2])
        scores = tf.cast(tf.squeeze(self.dense(features), -1), self.variable_dtype)
        if not classify:
            return scores
        return Judgement(scores, tf.cast(self.classifier(features), self.variable_dtype))
