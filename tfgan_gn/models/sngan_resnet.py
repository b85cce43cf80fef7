"""The 32x32 ResNet of Miyato et al. 2018 (appendix B.4, table 4) as the spectral-normalization read-me has it.

(github.com/ctjoy/deep-learning-project, `model/resnet.py`.) The critic is that of `resnet`, each convolution and the
linear layer spectrally normalized and no norm; the generator's shortcuts are upsampled without a convolution.
"""

import math

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.blocks import GLOROT, RESAMPLING, conv3x3, dense, relu, weights
from tfgan_gn.layers.norms import get_norm, groups_per_site
from tfgan_gn.layers.resampling import upsample
from tfgan_gn.layers.spectral import SpectralConv2D, SpectralDense

GENERATOR_NORM_SITES = 7  # two in each of three blocks, and one before the output
CRITIC_NORM_SITES = 6  # two in each of blocks 2 to 4
SHORTCUT_GAIN = math.sqrt(2)  # of Xavier's bound; 1 elsewhere


@keras.saving.register_keras_serializable("tfgan_gn.sngan_resnet")
class SpectralUpBlock(keras.layers.Layer):
    """up(x) + conv2(relu(norm2(conv1(up(relu(norm1(x))))))): [N, H, W, C] to [N, 2H, 2W, C], kernels not normalized.

    Args:
        filters: channels C of input and output.
        norm: key of `norms.NORMS`, for both sites.
        groups: the group counts of the two sites, for the norms that take one.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, filters, norm="batch", groups=(None, None), **kwargs):
        super().__init__(**kwargs)
        self.filters, self.norm, self.groups = filters, norm, tuple(groups)
        self.norm1, self.norm2 = (get_norm(norm, g, name=f"norm{i}") for i, g in enumerate(self.groups, 1))
        self.conv1, self.conv2 = (conv3x3(filters, GLOROT, name=name) for name in ("conv1", "conv2"))

    def build(self, shape):
        """Creates the weights for an input [N, H, W, filters]."""
        _, height, width, channels = shape
        larger = (None, 2 * height, 2 * width, channels)
        self.norm1.build(shape)
        for layer in (self.conv1, self.norm2, self.conv2):
            layer.build(larger)
        self.built = True

    def call(self, x, standing=False):
        form = RESAMPLING["up"]
        y = form.conv1(relu(self.norm1(x, standing=standing)), *weights(self.conv1))
        return upsample(x) + form.conv2(relu(self.norm2(y, standing=standing)), *weights(self.conv2))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "norm": self.norm, "groups": self.groups}


@keras.saving.register_keras_serializable("tfgan_gn.sngan_resnet")
class SpectralBlock(keras.layers.Layer):
    """shortcut(x) + conv2(relu(norm2(conv1(relu(norm1(x)))))) with spectrally normalized convolutions.

    A block that pools does so after its second convolution and after its shortcut's; the first block of a critic has
    no norm and no ReLU on the image, and its shortcut pools before it convolves. The others' shortcut is the identity.

    Args:
        filters: channels of the output.
        kind: "first", "down" or "same".
        norm: key of `norms.NORMS`, for both sites; the first block has none.
        groups: the group counts of the two sites, for the norms that take one.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, filters, kind, norm="none", groups=(None, None), **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kind, self.norm, self.groups = filters, kind, norm, tuple(groups)
        self.norm1, self.norm2 = (get_norm(norm, g, name=f"norm{i}") for i, g in enumerate(self.groups, 1))
        self.conv1, self.conv2 = (SpectralConv2D(filters, 3, name=name) for name in ("conv1", "conv2"))
        self.shortcut = None
        if kind != "same":
            self.shortcut = SpectralConv2D(filters, 1, gain=SHORTCUT_GAIN, name="shortcut")

    def build(self, shape):
        """Creates the weights for an input [N, H, W, C]."""
        between = (*shape[:-1], self.filters)
        for layer, its_shape in (
            (self.norm1, shape),
            (self.conv1, shape),
            (self.norm2, between),
            (self.conv2, between),
        ):
            layer.build(its_shape)
        if self.shortcut is not None:
            self.shortcut.build(shape)
        self.built = True

    def call(self, x):
        form = RESAMPLING[None if self.kind == "same" else "down"]
        y = self.conv1(x if self.kind == "first" else relu(self.norm1(x)), convolve=form.conv1)
        y = self.conv2(relu(self.norm2(y)), convolve=form.conv2)
        return y + (x if self.shortcut is None else self.shortcut(x, convolve=form.shortcut))

    def get_config(self):
        own = {"filters": self.filters, "kind": self.kind, "norm": self.norm, "groups": self.groups}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("tfgan_gn.sngan_resnet")
class Generator(keras.Model):
    """Noise [N, z_dim] to images [N, image_size, image_size, channels] in [-1, 1].

    Args:
        width: channels of every block (128 published; 256 in the paper).
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
        self.blocks = [SpectralUpBlock(width, norm, groups[2 * i : 2 * i + 2], name=f"block{i + 1}") for i in range(3)]
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
        # Channels first, as published: in this order its weights are ours, element for element.
        x = tf.reshape(self.dense(z), [-1, self.config["width"], self.start, self.start])
        x = tf.transpose(x, [0, 2, 3, 1])
        for block in self.blocks:
            x = block(x, standing=standing)
        return tf.cast(tf.tanh(self.conv(relu(self.output_norm(x, standing=standing)))), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


@keras.saving.register_keras_serializable("tfgan_gn.sngan_resnet")
class Critic(keras.Model):
    """Images [N, image_size, image_size, channels] in [-1, 1] to scores [N].

    Args:
        width: channels of every block (128 published).
        image_size: height and width of the images, a multiple of 4 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS`, beside the spectral one (none published).
        groups: one group count or six, for the norms that take one.
        **kwargs: of `keras.Model`.
    """

    def __init__(self, width=128, image_size=32, channels=3, norm="none", groups=(32,), **kwargs):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, CRITIC_NORM_SITES)
        self.config = {"width": width, "image_size": image_size, "channels": channels, "norm": norm, "groups": groups}
        self.blocks = [
            SpectralBlock(width, "first", name="block1"),
            SpectralBlock(width, "down", norm, groups[0:2], name="block2"),
            SpectralBlock(width, "same", norm, groups[2:4], name="block3"),
            SpectralBlock(width, "same", norm, groups[4:6], name="block4"),
        ]
        for block in self.blocks:  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, block.name, block)
        self.dense = SpectralDense(1, name="output")

    def build(self, shape=None):
        """Creates the weights."""
        size, channels = self.config["image_size"], self.config["channels"]
        for block in self.blocks:
            block.build((None, size, size, channels))
            size, channels = size if block.kind == "same" else size // 2, block.filters
        self.dense.build((None, channels))
        self.built = True

    def call(self, x, labels=None, training=False):
        for block in self.blocks:
            x = block(x)
        return tf.cast(tf.squeeze(self.dense(tf.reduce_mean(relu(x), [1, 2])), -1), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


def build_generator(*, width, z_dim, image_size, channels, norm, groups):
    """Builds the generator; see `Generator` for the arguments. Raises UserError for an image size it cannot make."""
    if image_size < 8 or image_size % 8:
        raise UserError(f"image_size={image_size}: sngan_resnet doubles the size three times; give a multiple of 8")
    generator = Generator(width, z_dim, image_size, channels, norm, groups, name="generator")
    generator.build()
    return generator


def build_critic(*, width, image_size, channels, norm, groups):
    """Builds the critic; see `Critic` for the arguments."""
    critic = Critic(width, image_size, channels, norm, groups, name="critic")
    critic.build()
    return critic
