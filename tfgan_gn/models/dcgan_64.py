"""The 64x64 pair of the WGAN and WGAN-GP read-mes (Radford et al. 2016's shape; github.com/giakou4/gans), 4x4 kernels.

The generator has batch norm after each layer but its last, the critic instance norm after each but its first and last.
Conditional (`5. Conditional-GAN` there): an embedded label is joined to z in the generator, and is one more channel of
the image in the critic.
"""

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.blocks import leaky_relu, relu
from tfgan_gn.layers.norm_layers import rows_of
from tfgan_gn.layers.norms import get_norm, groups_per_site

GENERATOR_NORM_SITES, CRITIC_NORM_SITES = 4, 3
KERNEL, STRIDE, LEAK = 4, 2, 0.2
LABEL_SIZE = 100  # of the generator's embedded label, as published


def normal(deviation=0.02):
    """A new initializer N(0, 0.02), the published one of all kernels (Radford et al. 2016)."""
    return keras.initializers.RandomNormal(stddev=deviation)


def conv(filters, use_bias, name):
    """4x4 convolution that halves the image; same padding is PyTorch's padding of 1."""
    return keras.layers.Conv2D(
        filters, KERNEL, STRIDE, "same", use_bias=use_bias, kernel_initializer=normal(), name=name
    )


def transposed_conv(filters, use_bias, name):
    """4x4 transposed convolution that doubles the image."""
    return keras.layers.Conv2DTranspose(
        filters, KERNEL, STRIDE, "same", use_bias=use_bias, kernel_initializer=normal(), name=name
    )


@keras.saving.register_keras_serializable("tfgan_gn.dcgan_64")
class Generator(keras.Model):
    """Noise [N, z_dim] (and labels [N]) to images [N, image_size, image_size, channels] in [-1, 1].

    Args:
        width: the layers have 16, 8, 4 and 2 times as many channels (64 published).
        z_dim: size of the noise vector (100 published).
        image_size: height and width of the images, a multiple of 16 (64 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS` (batch published).
        groups: one group count or four, for the norms that take one.
        num_classes: of the labels; None for a generator that ignores them.
        **kwargs: of `keras.Model`.
    """

    def __init__(
        self, width=64, z_dim=100, image_size=64, channels=3, norm="batch", groups=(32,), num_classes=None, **kwargs
    ):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, GENERATOR_NORM_SITES)
        self.config = {"width": width, "z_dim": z_dim, "image_size": image_size, "channels": channels}
        self.config |= {"norm": norm, "groups": groups, "num_classes": num_classes}
        # A 1x1 image, to which a stride means nothing: the kernel is the image that comes out.
        self.input_conv = keras.layers.Conv2DTranspose(
            16 * width, image_size // 16, use_bias=False, kernel_initializer=normal(), name="input"
        )
        self.norms = [get_norm(norm, g, name=f"norm{i}") for i, g in enumerate(groups, 1)]
        self.convs = [transposed_conv(c * width, False, f"conv{i}") for i, c in enumerate((8, 4, 2), 1)]
        self.output_conv = transposed_conv(channels, True, "output")
        for layer in (*self.norms, *self.convs):  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, layer.name, layer)

    def build(self, shape=None):
        """Creates the weights."""
        classes, z_dim, size = self.config["num_classes"], self.config["z_dim"], self.config["image_size"] // 16
        self.embedding = None
        if classes is not None:
            self.embedding = self.add_weight(name="embedding", shape=(classes, LABEL_SIZE), initializer=normal(1.0))
            z_dim += LABEL_SIZE
        self.input_conv.build((None, 1, 1, z_dim))
        channels = self.input_conv.filters
        for norm, conv in zip(self.norms, [*self.convs, self.output_conv]):
            norm.build((None, size, size, channels))
            conv.build((None, size, size, channels))
            size, channels = 2 * size, conv.filters
        self.built = True

    def call(self, z, labels=None, training=False, standing=False):
        if self.embedding is not None:
            z = tf.concat([z, rows_of(tf.convert_to_tensor(self.embedding), labels, 2)], -1)
        x = self.input_conv(z[:, None, None, :])
        for norm, conv in zip(self.norms, [*self.convs, self.output_conv]):
            x = conv(relu(norm(x, standing=standing)))
        return tf.cast(tf.tanh(x), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


@keras.saving.register_keras_serializable("tfgan_gn.dcgan_64")
class Critic(keras.Model):
    """Images [N, image_size, image_size, channels] in [-1, 1] (and labels [N]) to scores [N].

    Args:
        width: the convolutions have 1, 2, 4 and 8 times as many channels (64 published).
        image_size: height and width of the images, a multiple of 16 (64 published).
        channels: 3 for colour.
        norm: key of `norms.NORMS` (instance published).
        groups: one group count or three, for the norms that take one.
        num_classes: of the labels; None for a critic that ignores them.
        **kwargs: of `keras.Model`.
    """

    def __init__(self, width=64, image_size=64, channels=3, norm="instance", groups=(32,), num_classes=None, **kwargs):
        super().__init__(**kwargs)
        groups = groups_per_site(groups, CRITIC_NORM_SITES)
        self.config = {"width": width, "image_size": image_size, "channels": channels, "norm": norm, "groups": groups}
        self.config |= {"num_classes": num_classes}
        self.input_conv = conv(width, True, "input")
        self.convs = [conv(c * width, False, f"conv{i}") for i, c in enumerate((2, 4, 8), 1)]
        self.norms = [get_norm(norm, g, name=f"norm{i}") for i, g in enumerate(groups, 1)]
        self.output_conv = keras.layers.Conv2D(1, image_size // 16, kernel_initializer=normal(), name="output")
        for layer in (*self.norms, *self.convs):  # tf.train.Checkpoint does not look into lists of layers
            setattr(self, layer.name, layer)

    def build(self, shape=None):
        """Creates the weights."""
        classes, size, channels = (self.config[name] for name in ("num_classes", "image_size", "channels"))
        self.embedding = None
        if classes is not None:
            self.embedding = self.add_weight(name="embedding", shape=(classes, size**2), initializer=normal(1.0))
            channels += 1
        self.input_conv.build((None, size, size, channels))
        size, channels = size // 2, self.input_conv.filters
        for conv, norm in zip(self.convs, self.norms):
            conv.build((None, size, size, channels))
            size, channels = size // 2, conv.filters
            norm.build((None, size, size, channels))
        self.output_conv.build((None, size, size, channels))
        self.built = True

    def call(self, x, labels=None, training=False):
        if self.embedding is not None:
            plane = rows_of(tf.convert_to_tensor(self.embedding), labels, 2)
            x = tf.concat([x, tf.reshape(plane, [-1, *x.shape[1:3], 1])], -1)
        x = leaky_relu(self.input_conv(x), LEAK)
        for conv, norm in zip(self.convs, self.norms):
            x = leaky_relu(norm(conv(x)), LEAK)
        return tf.cast(tf.reshape(self.output_conv(x), [-1]), self.variable_dtype)

    def get_config(self):
        return {"name": self.name, **self.config}


def build_generator(*, width, z_dim, image_size, channels, norm, groups, num_classes=None):
    """Builds the generator; see `Generator` for the arguments. Raises UserError for an image size it cannot make."""
    if image_size < 32 or image_size % 16:
        raise UserError(
            f"image_size={image_size}: dcgan_64 doubles the size four times from 2 or more; "
            "give a multiple of 16 from 32"
        )
    generator = Generator(width, z_dim, image_size, channels, norm, groups, num_classes, name="generator")
    generator.build()
    return generator


def build_critic(*, width, image_size, channels, norm, groups, num_classes=None):
    """Builds the critic; see `Critic` for the arguments."""
    critic = Critic(width, image_size, channels, norm, groups, num_classes, name="critic")
    critic.build()
    return critic
