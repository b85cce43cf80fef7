"""The convolutional pair of Miyato et al. 2018 (appendix B.4, table 3) as the spectral-normalization read-me has it.

(github.com/ctjoy/deep-learning-project, `model/dcgan.py`.) Every layer of both networks is spectrally normalized, in
the generator too, which also has batch norm. Initialisation is Xavier's, as in `sngan_resnet`.
"""

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.blocks import leaky_relu
from tfgan_gn.layers.norms import get_norm, groups_per_site
from tfgan_gn.layers.spectral import SpectralConv2D, SpectralConv2DTranspose, SpectralDense

GENERATOR_NORM_SITES, CRITIC_NORM_SITES = 4, 7  # after every layer but the last
LEAK = 0.1  # in both networks


@keras.saving.register_keras_serializable("tfgan_gn.sngan_dcgan")
class Generator(keras.Model):
    """Noise [N, z_dim] to images [N, image_size, image_size, channels] in [-1, 1].

    Args:
        width: the layers have 8, 4, 2 and 1 times as many channels (64 published).
        z_dim: size of the noise vector (128 published).
        image_size: height and width of the images, a multiple of 8 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS`, beside the spectral one (batch published).
        groups: one group count or four, for the norms that take one.
        **kwargs: of `keras.Model`.
    """

    def __init__(self, width=64, z_dim=128, image_size=32, channels=3, norm="batch", groups=(32,), **kwargs):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, GENERATOR_NORM_SITES)
        self.config = {"width": width, "z_dim": z_dim, "image_size": image_size, "channels": channels}
        self.config |= {"norm": norm, "groups": groups}
        # A 1x1 image, to which a stride means nothing: the kernel is the image that comes out.
        self.input_conv = SpectralConv2DTranspose(8 * width, image_size // 8, padding="valid", name="input")
        self.norms = [get_norm(norm, g, name=f"norm{i}") for i, g in enumerate(groups, 1)]
        self.convs = [
            SpectralConv2DTranspose(c * width, 4, strides=2, name=f"conv{i}") for i, c in enumerate((4, 2, 1), 1)
        ]
        self.output_conv = SpectralConv2DTranspose(channels, 3, name="output")
        for layer in (*self.norms, *self.convs):  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, layer.name, layer)

    def build(self, shape=None):
        """Creates the weights."""
        size = self.config["image_size"] // 8
        self.input_conv.build((None, 1, 1, self.config["z_dim"]))
        channels = self.input_conv.filters
        for norm, conv in zip(self.norms, [*self.convs, self.output_conv]):
            norm.build((None, size, size, channels))
            conv.build((None, size, size, channels))
            size, channels = size * conv.strides, conv.filters
        self.built = True

    def call(self, z, labels=None, training=False, standing=False):
        x = self.input_conv(z[:, None, None, :])
        for norm, conv in zip(self.norms, [*self.convs, self.output_conv]):
            x = conv(leaky_relu(norm(x, standing=standing), LEAK))
        return tf.cast(tf.tanh(x), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


@keras.saving.register_keras_serializable("tfgan_gn.sngan_dcgan")
class Critic(keras.Model):
    """Images [N, image_size, image_size, channels] in [-1, 1] to scores [N].

    Args:
        width: the convolutions have 1, 1, 2, 2, 4, 4 and 8 times as many channels (64 published).
        image_size: height and width of the images, a multiple of 8 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS`, beside the spectral one (none published).
        groups: one group count or seven, for the norms that take one.
        **kwargs: of `keras.Model`.
    """

    def __init__(self, width=64, image_size=32, channels=3, norm="none", groups=(32,), **kwargs):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, CRITIC_NORM_SITES)
        self.config = {"width": width, "image_size": image_size, "channels": channels, "norm": norm, "groups": groups}
        # A 3x3 convolution, then a 4x4 one that halves the image, three times; and a last 3x3.
        self.convs = [
            SpectralConv2D(c * width, *((4, 2) if i % 2 == 0 else (3, 1)), name=f"conv{i}")
            for i, c in enumerate((1, 1, 2, 2, 4, 4, 8), 1)
        ]
        self.norms = [get_norm(norm, g, name=f"norm{i}") for i, g in enumerate(groups, 1)]
        self.dense = SpectralDense(1, name="output")
        for layer in (*self.norms, *self.convs):  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, layer.name, layer)

    def build(self, shape=None):
        """Creates the weights."""
        size, channels = self.config["image_size"], self.config["channels"]
        for conv, norm in zip(self.convs, self.norms):
            conv.build((None, size, size, channels))
            size, channels = size // conv.strides, conv.filters
            norm.build((None, size, size, channels))
        self.dense.build((None, size**2 * channels))
        self.built = True

    def call(self, x, labels=None, training=False):
        for conv, norm in zip(self.convs, self.norms):
            x = leaky_relu(norm(conv(x)), LEAK)
        x = tf.transpose(x, [0, 3, 1, 2])  # the published order of the units
        return tf.cast(tf.squeeze(self.dense(tf.reshape(x, [-1, self.dense.kernel.shape[0]])), -1), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


def build_generator(*, width, z_dim, image_size, channels, norm, groups):
    """Builds the generator; see `Generator` for the arguments. Raises UserError for an image size it cannot make."""
    if image_size < 16 or image_size % 8:
        raise UserError(
            f"image_size={image_size}: sngan_dcgan doubles the size three times from 2 or more; give a multiple of 8 "
            "from 16"
        )
    generator = Generator(width, z_dim, image_size, channels, norm, groups, name="generator")
    generator.build()
    return generator


def build_critic(*, width, image_size, channels, norm, groups):
    """Builds the critic; see `Critic` for the arguments."""
    critic = Critic(width, image_size, channels, norm, groups, name="critic")
    critic.build()
    return critic
