"""The CIFAR-10 ResNet of Gulrajani et al. 2017 (appendix F, table 3; `gan_cifar_resnet.py`), unconditional."""

import keras
import tensorflow as tf

from tfgan_gn.blocks import GLOROT, conv3x3, dense, down_block, first_down_block, relu, same_block, up_block
from tfgan_gn.errors import UserError
from tfgan_gn.norms import get_norm, groups_per_site

GENERATOR_NORM_SITES = 7  # two in each of three blocks, and one before the output
CRITIC_NORM_SITES = 6  # two in each of blocks 2 to 4; the published critic has none in block 1 nor before the mean


@keras.saving.register_keras_serializable("tfgan_gn")
class Generator(keras.Model):
    """Noise [N, z_dim] to images [N, image_size, image_size, channels] in [-1, 1].

    Args:
        width: channels of every block (128 published).
        z_dim: size of the noise vector (128 published).
        image_size: height and width of the images, a multiple of 8 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS` (batch published).
        groups: one group count or seven, for the norms that take one.
        **kwargs: of `keras.Model`.
    """

    def __init__(self, width=128, z_dim=128, image_size=32, channels=3, norm="batch", groups=(32,), **kwargs):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, GENERATOR_NORM_SITES)
        self.config = {"width": width, "z_dim": z_dim, "image_size": image_size, "channels": channels}
        self.config |= {"norm": norm, "groups": groups}
        self.start = image_size // 8
        self.dense = dense(self.start**2 * width, name="input")
        self.blocks = [up_block(width, norm, groups[2 * i : 2 * i + 2], name=f"block{i + 1}") for i in range(3)]
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

    def call(self, z, training=None):
        # The authors' layout is channels first: in this order their weights are ours, element for element.
        x = tf.reshape(self.dense(z), [-1, self.config["width"], self.start, self.start])
        x = tf.transpose(x, [0, 2, 3, 1])
        for block in self.blocks:
            x = block(x)
        return tf.cast(tf.tanh(self.conv(relu(self.output_norm(x)))), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


@keras.saving.register_keras_serializable("tfgan_gn")
class Critic(keras.Model):
    """Images [N, image_size, image_size, channels] in [-1, 1] to scores [N].

    Args:
        width: channels of every block (128 published).
        image_size: height and width of the images, a multiple of 4 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS` (none published; group is this project's default).
        groups: one group count or six, for the norms that take one.
        **kwargs: of `keras.Model`.
    """

    def __init__(self, width=128, image_size=32, channels=3, norm="group", groups=(32,), **kwargs):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, CRITIC_NORM_SITES)
        self.config = {"width": width, "image_size": image_size, "channels": channels, "norm": norm, "groups": groups}
        self.blocks = [
            first_down_block(width, name="block1"),
            down_block(width, norm, groups[0:2], name="block2"),
            same_block(width, norm, groups[2:4], name="block3"),
            same_block(width, norm, groups[4:6], name="block4"),
        ]
        self.dense = dense(1, name="output")

    def build(self, shape=None):
        """Creates the weights."""
        size, width = self.config["image_size"], self.config["width"]
        for block, side, channels in zip(
            self.blocks, (size, size // 2, size // 4, size // 4), (self.config["channels"], width, width, width)
        ):
            block.build((None, side, side, channels))
        self.dense.build((None, width))
        self.built = True

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x)
        return tf.cast(tf.squeeze(self.dense(tf.reduce_mean(relu(x), [1, 2])), -1), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


def build_generator(*, width, z_dim, image_size, channels, norm, groups):
    """Builds the generator; see `Generator` for the arguments. Raises UserError for an image size it cannot make."""
    if image_size < 8 or image_size % 8:
        raise UserError(f"image_size={image_size}: the ResNet doubles the size three times; give a multiple of 8")
    generator = Generator(width, z_dim, image_size, channels, norm, groups, name="generator")
    generator.build()
    return generator


def build_critic(*, width, image_size, channels, norm, groups):
    """Builds the critic; see `Critic` for the arguments."""
    critic = Critic(width, image_size, channels, norm, groups, name="critic")
    critic.build()
    return critic
