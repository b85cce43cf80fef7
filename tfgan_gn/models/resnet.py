"""The CIFAR-10 ResNet of Gulrajani et al. 2017 (appendix F, table 3; `gan_cifar_resnet.py`).

Conditional in the two ways of the published code: norms with a scale and offset for each class in the generator, but
for the one before its output; and in the critic either the same (`CONDITIONAL` without `ACGAN`) or an auxiliary
classifier beside the score (Odena et al. 2017).
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.blocks import GLOROT, conv3x3, dense, down_block, first_down_block, relu, same_block, up_block
from tfgan_gn.layers.norms import get_norm, groups_per_site

GENERATOR_NORM_SITES = 7  # two in each of three blocks, and one before the output
CRITIC_NORM_SITES = 6  # two in each of blocks 2 to 4; the published critic has none in block 1 nor before the mean


class Judgement(NamedTuple):
    """What a critic with an auxiliary classifier makes of a batch: scores [N], class logits [N, num_classes]."""

    scores: tf.Tensor
    logits: tf.Tensor


@keras.saving.register_keras_serializable("tfgan_gn.resnet")
class Generator(keras.Model):
    """Noise [N, z_dim] (and labels [N]) to images [N, image_size, image_size, channels] in [-1, 1].

    Args:
        width: channels of every block (128 published).
        z_dim: size of the noise vector (128 published).
        image_size: height and width of the images, a multiple of 8 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS` (batch published).
        groups: one group count or seven, for the norms that take one.
        num_classes: of the labels; None for a generator that ignores them.
        **kwargs: of `keras.Model`.
    """

    def __init__(
        self,
        width=128,
        z_dim=128,
        image_size=32,
        channels=3,
        norm="batch",
        groups=(32,),
        num_classes=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, GENERATOR_NORM_SITES)
        self.config = {"width": width, "z_dim": z_dim, "image_size": image_size, "channels": channels}
        self.config |= {"norm": norm, "groups": groups, "num_classes": num_classes}
        self.start = image_size // 8
        self.dense = dense(self.start**2 * width, name="input")
        self.blocks = [up_block(width, norm, groups[2 * i : 2 * i + 2], f"block{i + 1}", num_classes) for i in range(3)]
        for block in self.blocks:  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, block.name, block)
        self.output_norm = get_norm(norm, groups[-1], name="output_norm")
        self.conv = conv3x3(channels, GLOROT, name="output")

    def build(self, shape=None):
        """Creates the weights."""
        size, width = self.start, self.config["width"]
        self.dense.build((None, self.config["z_dim"]))
        for block in self.blocks:
            block.build((None, size, size, width))
            size *= 2
        self.output_norm.build((None, size, size, width))
        self.conv.build((None, size, size, width))
        self.built = True

    def call(self, z, labels=None, training=False, standing=False):
        # The authors' layout is channels first: in this order their weights are ours, element for element.
        x = tf.reshape(self.dense(z), [-1, self.config["width"], self.start, self.start])
        x = tf.transpose(x, [0, 2, 3, 1])
        for block in self.blocks:
            x = block(x, labels=labels, standing=standing)
        return tf.cast(tf.tanh(self.conv(relu(self.output_norm(x, standing=standing)))), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


@keras.saving.register_keras_serializable("tfgan_gn.resnet")
class Critic(keras.Model):
    """Images [N, image_size, image_size, channels] in [-1, 1] (and labels [N]) to scores [N].

    With an auxiliary classifier, critic(x, classify=True) returns a `Judgement`; its norms are unconditional.

    Args:
        width: channels of every block (128 published).
        image_size: height and width of the images, a multiple of 4 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS` (none published; group is this project's default).
        groups: one group count or six, for the norms that take one.
        num_classes: of the labels; None for a critic that ignores them.
        auxiliary: whether labels are what a classifier predicts, rather than what the norms are conditional on.
        **kwargs: of `keras.Model`.
    """

    def __init__(
        self,
        width=128,
        image_size=32,
        channels=3,
        norm="group",
        groups=(32,),
        num_classes=None,
        auxiliary=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, CRITIC_NORM_SITES)
        self.config = {"width": width, "image_size": image_size, "channels": channels, "norm": norm, "groups": groups}
        self.config |= {"num_classes": num_classes, "auxiliary": auxiliary}
        conditional = None if auxiliary else num_classes
        self.blocks = [
            first_down_block(width, name="block1"),
            down_block(width, norm, groups[0:2], "block2", conditional),
            same_block(width, norm, groups[2:4], "block3", conditional),
            same_block(width, norm, groups[4:6], "block4", conditional),
        ]
        for block in self.blocks:  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, block.name, block)
        self.dense = dense(1, name="output")
        self.classifier = dense(num_classes, name="class_output") if auxiliary else None

    def build(self, shape=None):
        """Creates the weights."""
        size, width = self.config["image_size"], self.config["width"]
        for block, side, channels in zip(
            self.blocks, (size, size // 2, size // 4, size // 4), (self.config["channels"], width, width, width)
        ):
            block.build((None, side, side, channels))
        self.dense.build((None, width))
        if self.classifier is not None:
            self.classifier.build((None, width))
        self.built = True

    def call(self, x, labels=None, training=False, classify=False):
        first, *rest = self.blocks
        x = first(x)
        for block in rest:
            x = block(x, labels=labels)
        features = tf.reduce_mean(relu(x), [1, 2])
        scores = tf.cast(tf.squeeze(self.dense(features), -1), self.variable_dtype)
        if not classify:
            return scores
        return Judgement(scores, tf.cast(self.classifier(features), self.variable_dtype))

    def get_config(self):
        return {"name": self.name, **self.config}


def build_generator(*, width, z_dim, image_size, channels, norm, groups, num_classes=None):
    """Builds the generator; see `Generator` for the arguments.

    Raises:
        UserError: an image size that it cannot make, or labels without a norm for them to act on.
    """
    if image_size < 8 or image_size % 8:
        raise UserError(f"image_size={image_size}: the ResNet doubles the size three times; give a multiple of 8")
    if num_classes is not None and norm == "none":
        raise UserError(
            "generator_norm=none: labels enter the ResNet's generator through its norms; give it one, or no labels"
        )
    generator = Generator(width, z_dim, image_size, channels, norm, groups, num_classes, name="generator")
    generator.build()
    return generator


def build_critic(*, width, image_size, channels, norm, groups, num_classes=None, auxiliary=False):
    """Builds the critic; see `Critic` for the arguments.

    Raises:
        UserError: labels with neither a norm nor a classifier for them.
    """
    if num_classes is not None and norm == "none" and not auxiliary:
        raise UserError(
            "norm=none: labels enter the ResNet's critic through its norms; give it one, or the auxiliary classifier"
        )
    critic = Critic(width, image_size, channels, norm, groups, num_classes, auxiliary, name="critic")
    critic.build()
    return critic
