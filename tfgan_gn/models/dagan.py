"""The data-augmentation GAN of Antoniou et al. 2017 (github.com/AntreasAntoniou/DAGAN, `dagan_architectures.py`).

The condition of both networks is an image x_i. The generator makes another image of its class, and the critic scores
pairs of an image and x_i. Images have any height and width above 2^(levels - 1).

The published code has one layer more, which expands z for the largest level. Nothing uses its output, so it is left
out: the generator has (z_dim + 1) * height * width of its largest level fewer parameters.
"""

import functools
import math

import keras
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.layers.activations import leaky_relu
from tfgan_gn.layers.levels import Encoder, Unit, UpLevel, conv, join

leaky = functools.partial(leaky_relu, leak=0.2)


def sizes_of_levels(image_size, levels):
    """The sizes of the image and of the output of each level: each side is halved and rounded up.

    Args:
        image_size: height and width of the image, one number or a pair.
        levels: number of levels.

    Returns:
        List of levels + 1 pairs (height, width).

    Raises:
        UserError: a side is 1 before the last level, which cannot halve it.
    """
    height, width = image_size if isinstance(image_size, tuple) else (image_size, image_size)
    if min(height, width) <= 2 ** (levels - 1):
        raise UserError(
            f"image_size={height}x{width}: {levels} levels halve an image {levels} times; give more than "
            f"{2 ** (levels - 1)} pixels a side, or fewer levels"
        )
    return [(-(-height // 2**k), -(-width // 2**k)) for k in range(levels + 1)]


class Generator(keras.Model):
    """A U-shaped network: an encoder of x_i, and a decoder that is also given z and the outputs of the encoder.

    It is called as generator(z, condition=x_i). Every unit has a norm, which follows its activation.

    Args:
        width: channels that those of the levels are multiples of (64 published).
        image_size: height and width of the images, one number or a pair.
        channels: of the images.
        norm: `norms.Norm`.
        groups: group counts, one for all norm sites or one each.
        levels: `architectures.Levels`.
    """

    def __init__(self, width, image_size, channels, norm, groups, levels):
        super().__init__(name="generator")
        filters = levels.filters(width)
        inner, count = levels.per_level(levels.generator_inner_layers), len(filters)
        self.sizes = sizes_of_levels(image_size, count)
        # Of the units of the encoder, then of the decoder, then of the two before the output.
        num_sites = count + sum(inner[1:]) + count + sum(inner) + inner[0] + 2
        sites, activation = iter(norm.sites(groups, num_sites)), norm.then(leaky)
        self.encoder = Encoder(filters, inner, sites, activation)
        self.noise = [
            keras.layers.Dense(2 ** (count - 1 - i) * math.prod(size), name=f"noise{i}")
            for i, size in enumerate(reversed(self.sizes[2:]))
        ]
        order = [*reversed(range(count)), 0]  # the level of the encoder that each level of the decoder is like
        self.decoder = [
            UpLevel(
                filters[k],
                inner[k],
                filters[order[i - 1]] if i else None,
                doubles=i < count,
                sites=sites,
                activation=activation,
                name=f"decoder{i}",
            )
            for i, k in enumerate(order)
        ]
        self.head = [Unit(conv(filters[0], 1, "conv"), activation, next(sites), f"head{i}") for i in (1, 2)]
        self.conv = conv(channels, 1, "output")
        self.mask_shapes = [(*self.sizes[k + 1], filters[k]) for k in range(1, count)]
        self.mask_shapes += [(*self.sizes[k], filters[k]) for k in reversed(range(count))]

    def call(self, z, condition=None, training=False, standing=False, towers=1, masks=()):
        """Generates images.

        Args:
            z: noise vectors [N, z_dim].
            condition: images x_i [N, H, W, C] in [-1, 1].
            training: whether this is a training pass, in which batch renormalization moves its state.
            standing: whether batch norm uses its standing statistics.
            towers: of batch norm.
            masks: for dropout, a tensor [N, *shape] for each of `mask_shapes`; empty for no dropout.

        Returns:
            Images [N, H, W, C] in [-1, 1].
        """
        how, count = {"standing": standing, "towers": towers}, len(self.sizes) - 1
        outputs = self.encoder(condition, masks=masks[: count - 1], **how)
        x, skip = outputs[-1], None
        for i, level in enumerate(self.decoder):
            if i < len(self.noise):
                x = join([tf.reshape(self.noise[i](z), [-1, *x.shape[1:3], 2 ** (count - 1 - i)]), x])
            if i == count:
                x = join([x, condition])
            skip, x = level(x, skip=skip, size=self.sizes[count - 1 - i] if i < count else None, **how)
            if masks and i < count:
                x = x * tf.cast(masks[count - 1 + i], x.dtype)
            if i < count - 1:
                x = join([x, outputs[count - 2 - i]])
        x = skip
        for unit in self.head:
            x = unit(x, **how)
        return tf.cast(tf.tanh(self.conv(x)), self.variable_dtype)


class Critic(keras.Model):
    """An encoder of the pair (image, x_i) and two linear layers. It is called as critic(x, condition=x_i).

    The first linear layer sees the mean of the last level over its pixels; the second sees the first and the whole last
    level. With `levels.wide` both see all levels.

    Args:
        width: as of `Generator`.
        image_size: as of `Generator`.
        norm: as of `Generator`.
        groups: as of `Generator`.
        levels: as of `Generator`.
    """

    def __init__(self, width, image_size, norm, groups, levels):
        super().__init__(name="critic")
        filters, inner = levels.filters(width), levels.per_level(levels.inner_layers)
        sizes = sizes_of_levels(image_size, len(filters))
        sites = iter(norm.sites(groups, len(filters) + sum(inner[1:])))
        self.encoder, self.wide = Encoder(filters, inner, sites, norm.then(leaky)), levels.wide
        self.dense = keras.layers.Dense(levels.dense_units, name="dense")
        self.out = keras.layers.Dense(1, name="output")
        self.mask_shapes = [(*sizes[k + 1], filters[k]) for k in range(1, len(filters))]

    def call(self, x, condition=None, training=False, masks=()):
        """Scores [N] of images x [N, H, W, C] beside x_i; `masks` as of `Generator.call`."""
        outputs = self.encoder(tf.concat([x, condition], -1), masks=masks)
        seen = outputs if self.wide else outputs[-1:]
        means = tf.concat([tf.reduce_mean(output, [1, 2]) for output in seen], -1)
        units = [tf.reshape(output, [-1, math.prod(output.shape[1:])]) for output in seen]
        scores = self.out(tf.concat([leaky(self.dense(means)), *units], -1))
        return tf.cast(tf.squeeze(scores, -1), self.variable_dtype)
