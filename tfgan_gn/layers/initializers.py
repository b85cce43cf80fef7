"""Initial weights of published systems, for a network of any architecture.

A network is made with the initial weights of its own source. A row of INITIALIZERS draws them anew, layer by layer.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from tfgan_gn.errors import UserError
from tfgan_gn.layers.batch_norm import BatchNorm
from tfgan_gn.layers.spectral import iterate_power

NO_RELU_FOLLOWS = ("shortcut", "output")  # names of the convolutions with `he_init=False` in the authors' script


def author_bound(layer):
    """The authors' bound sqrt(3) s of the uniform distribution of a kernel (`tflib/ops/conv2d.py`, `linear.py`).

    s^2 = 4 / (fan_in + fan_out) for a convolution that a ReLU follows, and 2 / (fan_in + fan_out) for other layers.
    With a stride, the fan on the side of the smaller image is divided by stride^2: fan_out of a convolution, fan_in of
    a transposed one. In both it is that of the last axis of the kernel.
    """
    *size, larger, smaller = layer.kernel.shape
    fans = math.prod(size) * (larger + smaller / np.max(getattr(layer, "strides", 1)) ** 2)
    return math.sqrt(3 * (4 if size and layer.name not in NO_RELU_FOLLOWS else 2) / fans)


def torch_bound(layer):
    """PyTorch's bound 1 / sqrt(fan_in) of the uniform distribution of a layer's kernel and of its bias.

    Of a transposed convolution, PyTorch today takes the output's channels for fan_in; PyTorch 0.3 took the input's.
    """
    return 1 / math.sqrt(math.prod(layer.kernel.shape[:-1]))


def _uniform(bound):
    return keras.initializers.RandomUniform(-bound, bound)


def _normal():
    """N(0, 0.02) (Radford et al. 2016, section 3)."""
    return keras.initializers.RandomNormal(stddev=0.02)


class Initializer(NamedTuple):
    """How initial weights are drawn. Each attribute makes a new Keras initializer.

    Attributes:
        kernel: from a layer to the initializer of its kernel.
        bias: from a layer to the initializer of its bias.
        batch_norm_scale: of the scales of batch norm. Those of other norms stay 1, and all offsets stay 0.
    """

    kernel: Callable[[keras.layers.Layer], keras.initializers.Initializer]
    bias: Callable[[keras.layers.Layer], keras.initializers.Initializer]
    batch_norm_scale: Callable[[], keras.initializers.Initializer] = keras.initializers.Ones

    def initialize(self, network):
        """Draws the kernels, biases and batch norm scales of a network; its embeddings of labels stay as they are.

        Spectral norm takes one power iteration on each new kernel.

        Args:
            network: Keras model that has its weights. Draws come from the seed of `keras.utils.set_random_seed`.
        """
        for layer in network._flatten_layers():
            if hasattr(layer, "kernel"):
                _draw(layer.kernel, self.kernel(layer))
                if layer.bias is not None:
                    _draw(layer.bias, self.bias(layer))
            elif isinstance(layer, BatchNorm):
                _draw(layer.gamma, self.batch_norm_scale())
        iterate_power(network)


def _draw(variable, initializer):
    variable.assign(initializer(variable.shape, dtype=variable.dtype))


INITIALIZERS = {
    # The WGAN-GP authors.
    "author": Initializer(
        kernel=lambda layer: _uniform(author_bound(layer)), bias=lambda layer: keras.initializers.Zeros()
    ),
    # PyTorch's defaults, which hold where a source sets nothing.
    "torch": Initializer(
        kernel=lambda layer: _uniform(torch_bound(layer)), bias=lambda layer: _uniform(torch_bound(layer))
    ),
    # github.com/giakou4/gans: the scales of batch norm are around 0, and biases and linear layers are left to PyTorch.
    "normal": Initializer(
        kernel=lambda layer: _uniform(torch_bound(layer)) if len(layer.kernel.shape) == 2 else _normal(),
        bias=lambda layer: _uniform(torch_bound(layer)),
        batch_norm_scale=_normal,
    ),
}


def get_initializer(name):
    """The row of INITIALIZERS. Raises UserError where there is none of this name."""
    if name not in INITIALIZERS:
        raise UserError(f"initializer {name!r} is not one of {', '.join(INITIALIZERS)}")
    return INITIALIZERS[name]
