"""Levels of densely connected units, which halve or double an image (`dagan_architectures.py` of the published DAGAN).

A unit is a convolution, an activation and a norm, in this order: the norm follows the activation. In a level each unit
is given all that the units before it in the level made, and one tensor of the level before it. Tensors are joined along
the channels, the newest first.
"""

import keras
import tensorflow as tf

from tfgan_gn.layers.resampling import upsample


def conv(filters, strides, name):
    """3x3 convolution with bias, Glorot's uniform initial weights and TensorFlow's "SAME" padding.

    With stride 2 the size is rounded up. The padding is (0, 1) at an even size and (1, 1) at an odd one.
    """
    return keras.layers.Conv2D(filters, 3, strides, "same", name=name)


def transposed_conv(filters, name):
    """3x3 transposed convolution of stride 1 with bias, which keeps the size."""
    return keras.layers.Conv2DTranspose(filters, 3, 1, "same", name=name)


def join(tensors):
    """Joins tensors [N, H, W, C_i] along the channels. A tensor that is given twice is taken once, at its first place.

    Args:
        tensors: list of tensors of one size.

    Returns:
        A tensor [N, H, W, sum of C_i].
    """
    once = list({id(tensor): tensor for tensor in tensors}.values())
    return once[0] if len(once) == 1 else tf.concat(once, -1)


def resize(x, size):
    """Nearest neighbour to twice the size, or to one pixel less than that: pixel i is pixel floor(i / 2) of x.

    It equals TensorFlow 1's `resize_nearest_neighbor`, which takes pixel floor(i in / out), for these two sizes.

    Args:
        x: tensor [N, H, W, C].
        size: (height, width), each twice that of x or one less.

    Returns:
        A tensor [N, height, width, C].
    """
    height, width = size
    return upsample(x)[:, :height, :width]


class Unit(keras.layers.Layer):
    """norm(activation(conv(x))).

    Args:
        conv: layer.
        activation: function.
        norm: function from a name to a new norm layer (`norms.Norm.sites`).
        name: of the layer.
    """

    def __init__(self, conv, activation, norm, name):
        super().__init__(name=name)
        self.conv, self.activation, self.norm = conv, activation, norm("norm")

    def build(self, shape):
        """Does nothing: the layers within create their weights when they are called."""

    def call(self, x, standing=False, towers=1):
        return self.norm(self.activation(self.conv(x)), standing=standing, towers=towers)


class DownLevel(keras.layers.Layer):
    """Inner units of one size and a unit of stride 2: x [N, H, W, C] to two tensors.

    The first inner unit is also given `skip`, which is twice as large as x, through a convolution of stride 2 with as
    many channels as `skip` has, without activation and norm.

    Args:
        filters: channels of each unit.
        inner_layers: number of inner units, 1 or more.
        sites: iterator over functions from a name to a norm layer; one is taken for each unit.
        activation: function.
        name: of the layer.

    Returns (of a call):
        (output of the last inner unit [N, H, W, filters], output of the level [N, H/2, W/2, filters], rounded up).
    """

    def __init__(self, filters, inner_layers, sites, activation, name):
        super().__init__(name=name)
        self.inner = [
            Unit(conv(filters, 1, "conv"), activation, next(sites), f"inner{i}") for i in range(1, inner_layers + 1)
        ]
        self.down = Unit(conv(filters, 2, "conv"), activation, next(sites), "down")

    def build(self, x_shape, skip_shape):
        """Makes the convolution that adapts `skip`, which keeps its channels."""
        self.adapter = conv(skip_shape[-1], 2, "adapter")

    def call(self, x, skip, standing=False, towers=1):
        made, before = [x], self.adapter(skip)
        for unit in self.inner:
            made.append(unit(join([made[-1], before, *made]), standing=standing, towers=towers))
            before = made[-2]
        return made[-1], self.down(join([made[-1], before, *made]), standing=standing, towers=towers)


class UpLevel(keras.layers.Layer):
    """Inner units of one size and a unit that doubles the image: x [N, H, W, C] to two tensors.

    Each inner unit is also given `skip`, which is half as large as x, through a resize and a transposed convolution of
    its own with as many channels as `skip` has, without activation and norm.

    Args:
        filters: channels of each unit.
        inner_layers: number of inner units, 1 or more.
        skip_filters: channels of `skip`; None for a level without `skip`.
        doubles: whether there is a unit that doubles the image.
        sites: iterator over functions from a name to a norm layer; one is taken for each unit.
        activation: function.
        name: of the layer.

    Returns (of a call):
        (output of the last inner unit [N, H, W, filters], output of the level [N, *size, filters] or None).
    """

    def __init__(self, filters, inner_layers, skip_filters, doubles, sites, activation, name):
        super().__init__(name=name)
        numbers = range(1, inner_layers + 1)
        self.adapters = [transposed_conv(skip_filters, f"adapter{i}") for i in numbers if skip_filters is not None]
        self.inner = [Unit(conv(filters, 1, "conv"), activation, next(sites), f"inner{i}") for i in numbers]
        self.up = Unit(transposed_conv(filters, "conv"), activation, next(sites), "up") if doubles else None

    def build(self, shape):
        """Does nothing: the layers within create their weights when they are called."""

    def call(self, x, skip=None, size=None, standing=False, towers=1):
        made, adapted = [x], [[]] * len(self.inner)
        if self.adapters:
            larger = resize(skip, x.shape[1:3])
            adapted = [[adapter(larger)] for adapter in self.adapters]
        for unit, before in zip(self.inner, adapted, strict=True):
            made.append(unit(join([made[-1], *before, *made]), standing=standing, towers=towers))
        if self.up is None:
            return made[-1], None
        return made[-1], self.up(resize(join([made[-1], *made]), size), standing=standing, towers=towers)


class Encoder(keras.layers.Layer):
    """A unit of stride 2, then levels that each halve the image: [N, H, W, C] to the list of their outputs.

    Args:
        filters: channels of each level, from the largest image to the smallest. The first is that of the unit.
        inner_layers: number of inner units of each level; the first is not used.
        sites: iterator over functions from a name to a norm layer; one is taken for each unit.
        activation: function.
    """

    def __init__(self, filters, inner_layers, sites, activation):
        super().__init__(name="encoder")
        self.first = Unit(conv(filters[0], 2, "conv"), activation, next(sites), "first")
        self.levels = [
            DownLevel(filters[k], inner_layers[k], sites, activation, f"level{k}") for k in range(1, len(filters))
        ]

    def build(self, shape):
        """Does nothing: the layers within create their weights when they are called."""

    def call(self, x, standing=False, towers=1, masks=()):
        """Encodes a batch; `masks` multiply the outputs of the levels after the first (dropout)."""
        outputs, skip = [self.first(x, standing=standing, towers=towers)], x
        for number, level in enumerate(self.levels):
            skip, output = level(outputs[-1], skip, standing=standing, towers=towers)
            outputs.append(output * tf.cast(masks[number], output.dtype) if masks else output)
        return outputs
