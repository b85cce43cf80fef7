"""The pair for 32x32 images of a general-purpose WGAN read-me (github.com/Zeleni9/pytorch-wgan), 4x4 kernels.

Four transposed convolutions with batch norm between them; four convolutions with instance norm after each but the
last. Other image sizes change the first and the last kernel alone, which span the smallest image.
"""

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.blocks import leaky_relu, relu
from tfgan_gn.layers.norms import get_norm, groups_per_site

NORM_SITES = 3  # in each network
KERNEL, STRIDE, LEAK = 4, 2, 0.2


def torch_uniform():
    """A new initializer U(-1, 1) / sqrt(fan_in), which is PyTorch's default; its biases are 0 here."""
    return keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")


def conv(filters, name):
    """4x4 convolution that halves the image, with bias."""
    return keras.layers.Conv2D(filters, KERNEL, STRIDE, "same", kernel_initializer=torch_uniform(), name=name)


def transposed_conv(filters, name):
    """4x4 transposed convolution that doubles the image, with bias.

    PyTorch and Keras both take the fan of its kernel's second channel axis for fan_in, PyTorch's being the output's.
    """
    return keras.layers.Conv2DTranspose(filters, KERNEL, STRIDE, "same", kernel_initializer=torch_uniform(), name=name)


@keras.saving.register_keras_serializable("tfgan_gn.wgan_32")
class Generator(keras.Model):
    """Noise [N, z_dim] to images [N, image_size, image_size, channels] in [-1, 1].

    Args:
        width: the layers have 4, 2 and 1 times as many channels (256 published).
        z_dim: size of the noise vector (100 published).
        image_size: height and width of the images, a multiple of 8 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS` (batch published).
        groups: one group count or three, for the norms that take one.
        **kwargs: of `keras.Model`.
    """

    def __init__(self, width=256, z_dim=100, image_size=32, channels=3, norm="batch", groups=(32,), **kwargs):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, NORM_SITES)
        self.config = {"width": width, "z_dim": z_dim, "image_size": image_size, "channels": channels}
        self.config |= {"norm": norm, "groups": groups}
        self.input_conv = keras.layers.Conv2DTranspose(
            4 * width, image_size // 8, kernel_initializer=torch_uniform(), name="input"
        )
        self.norms = [get_norm(norm, g, name=f"norm{i}") for i, g in enumerate(groups, 1)]
        self.convs = [transposed_conv(c, f"conv{i}") for i, c in enumerate((2 * width, width, channels), 1)]
        for layer in (*self.norms, *self.convs):  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, layer.name, layer)

    def build(self, shape=None):
        """Creates the weights."""
        size, channels = self.config["image_size"] // 8, self.input_conv.filters
        self.input_conv.build((None, 1, 1, self.config["z_dim"]))
        for norm, conv in zip(self.norms, self.convs):
            norm.build((None, size, size, channels))
            conv.build((None, size, size, channels))
            size, channels = 2 * size, conv.filters
        self.built = True

    def call(self, z, labels=None, training=False, standing=False):
        x = self.input_conv(z[:, None, None, :])
        for norm, conv in zip(self.norms, self.convs):
            x = conv(relu(norm(x, standing=standing)))
        return tf.cast(tf.tanh(x), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


@keras.saving.register_keras_serializable("tfgan_gn.wgan_32")
class Critic(keras.Model):
    """Images [N, image_size, image_size, channels] in [-1, 1] to scores [N].

    Args:
        width: the convolutions have 1, 2 and 4 times as many channels (256 published).
        image_size: height and width of the images, a multiple of 8 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS` (instance published).
        groups: one group count or three, for the norms that take one.
        **kwargs: of `keras.Model`.
    """

    def __init__(self, width=256, image_size=32, channels=3, norm="instance", groups=(32,), **kwargs):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, NORM_SITES)
        self.config = {"width": width, "image_size": image_size, "channels": channels, "norm": norm, "groups": groups}
        self.convs = [conv(c * width, f"conv{i}") for i, c in enumerate((1, 2, 4), 1)]
        self.norms = [get_norm(norm, g, name=f"norm{i}") for i, g in enumerate(groups, 1)]
        self.output_conv = keras.layers.Conv2D(1, image_size // 8, kernel_initializer=torch_uniform(), name="output")
        for layer in (*self.norms, *self.convs):  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, layer.name, layer)

    def build(self, shape=None):
        """Creates the weights."""
        size, channels = self.config["image_size"], self.config["channels"]
        for conv, norm in zip(self.convs, self.norms):
            conv.build((None, size, size, channels))
            size, channels = size // 2, conv.filters
            norm.build((None, size, size, channels))
        self.output_conv.build((None, size, size, channels))
        self.built = True

    def call(self, x, labels=None, training=False):
        for conv, norm in zip(self.convs, self.norms):
            x = leaky_relu(norm(conv(x)), LEAK)
        return tf.cast(tf.reshape(self.output_conv(x), [-1]), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


def build_generator(*, width, z_dim, image_size, channels, norm, groups):
    """Builds the generator; see `Generator` for the arguments. Raises UserError for an image size it cannot make."""
    if image_size < 16 or image_size % 8:
        raise UserError(
            f"image_size={image_size}: wgan_32 doubles the size three times from 2 or more; give a multiple of 8 "
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
