"""The small convolutional pair of Gulrajani et al. 2017 (`gan_cifar.py`): 5x5 kernels, three layers of stride 2 each.

The published critic has no norm with the gradient penalty, and batch norm after its second and third convolution with
weight clipping. Here a norm, if any, stands after each convolution, before its leaky ReLU.
"""

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.blocks import dense, leaky_relu, relu
from tfgan_gn.layers.norms import get_norm, groups_per_site

NORM_SITES = 3  # in each network, after every layer but its last
KERNEL, STRIDE, LEAK = 5, 2, 0.2


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


@keras.saving.register_keras_serializable("tfgan_gn.simple_cnn")
class Generator(keras.Model):
    """Noise [N, z_dim] to images [N, image_size, image_size, channels] in [-1, 1].

    Args:
        width: channels of the last but one image; 2 and 4 times as many before (128 published).
        z_dim: size of the noise vector (128 published).
        image_size: height and width of the images, a multiple of 8 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS` but instance (batch published). At the first site it acts on the units of the linear
            layer, before they become an image.
        groups: one group count or three, for the norms that take one.
        **kwargs: of `keras.Model`.
    """

    def __init__(self, width=128, z_dim=128, image_size=32, channels=3, norm="batch", groups=(32,), **kwargs):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, NORM_SITES)
        self.config = {"width": width, "z_dim": z_dim, "image_size": image_size, "channels": channels}
        self.config |= {"norm": norm, "groups": groups}
        self.start = image_size // 8
        self.dense = dense(self.start**2 * 4 * width, name="input")
        self.norms = [get_norm(norm, g, name=f"norm{i}") for i, g in enumerate(groups, 1)]
        self.convs = [transposed_conv(c, f"conv{i}") for i, c in enumerate((2 * width, width, channels), 1)]
        for layer in (*self.norms, *self.convs):  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, layer.name, layer)

    def build(self, shape=None):
        """Creates the weights."""
        size, width = self.start, self.config["width"]
        self.dense.build((None, self.config["z_dim"]))
        self.norms[0].build((None, size**2 * 4 * width))
        for i, (conv, channels) in enumerate(zip(self.convs, (4 * width, 2 * width, width))):
            conv.build((None, size, size, channels))
            size *= 2
            if i + 1 < NORM_SITES:
                self.norms[i + 1].build((None, size, size, channels // 2))
        self.built = True

    def call(self, z, labels=None, training=False, standing=False):
        x = relu(self.norms[0](self.dense(z), standing=standing))
        # The authors' layout is channels first: in this order their weights are ours, element for element.
        x = tf.reshape(x, [-1, 4 * self.config["width"], self.start, self.start])
        x = tf.transpose(x, [0, 2, 3, 1])
        for conv, norm in zip(self.convs, self.norms[1:]):
            x = relu(norm(conv(x), standing=standing))
        return tf.cast(tf.tanh(self.convs[-1](x)), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


@keras.saving.register_keras_serializable("tfgan_gn.simple_cnn")
class Critic(keras.Model):
    """Images [N, image_size, image_size, channels] in [-1, 1] to scores [N].

    Args:
        width: channels of the first convolution; 2 and 4 times as many after (128 published).
        image_size: height and width of the images, a multiple of 8 (32 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS` (none published).
        groups: one group count or three, for the norms that take one.
        **kwargs: of `keras.Model`.
    """

    def __init__(self, width=128, image_size=32, channels=3, norm="none", groups=(32,), **kwargs):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, NORM_SITES)
        self.config = {"width": width, "image_size": image_size, "channels": channels, "norm": norm, "groups": groups}
        self.convs = [conv(c, f"conv{i}") for i, c in enumerate((width, 2 * width, 4 * width), 1)]
        self.norms = [get_norm(norm, g, name=f"norm{i}") for i, g in enumerate(groups, 1)]
        self.dense = dense(1, name="output")
        for layer in (*self.norms, *self.convs):  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, layer.name, layer)

    def build(self, shape=None):
        """Creates the weights."""
        size, channels = self.config["image_size"], self.config["channels"]
        for conv, norm in zip(self.convs, self.norms):
            conv.build((None, size, size, channels))
            size, channels = size // 2, conv.filters
            norm.build((None, size, size, channels))
        self.dense.build((None, size**2 * channels))
        self.built = True

    def call(self, x, labels=None, training=False):
        for conv, norm in zip(self.convs, self.norms):
            x = leaky_relu(norm(conv(x)), LEAK)
        x = tf.transpose(x, [0, 3, 1, 2])  # the authors' order
        return tf.cast(tf.squeeze(self.dense(tf.reshape(x, [-1, self.dense.kernel.shape[0]])), -1), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


def build_generator(*, width, z_dim, image_size, channels, norm, groups):
    """Builds the generator; see `Generator` for the arguments.

    Raises:
        UserError: an image size that it cannot make, or instance norm.
    """
    if image_size < 8 or image_size % 8:
        raise UserError(f"image_size={image_size}: simple_cnn doubles the size three times; give a multiple of 8")
    if norm == "instance":
        raise UserError(
            "generator_norm=instance: simple_cnn normalizes the units of a linear layer, and each by itself is "
            "always 0; choose batch, layer, group or none"
        )
    generator = Generator(width, z_dim, image_size, channels, norm, groups, name="generator")
    generator.build()
    return generator


def build_critic(*, width, image_size, channels, norm, groups):
    """Builds the critic; see `Critic` for the arguments."""
    critic = Critic(width, image_size, channels, norm, groups, name="critic")
    critic.build()
    return critic
