"""The residual block of Gulrajani et al. 2017 (appendix F) and of Miyato et al. 2018 (appendix B.4)."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from tfgan_gn.layers.resampling import (
    convolve,
    convolve1x1_then_upsample,
    convolve3x3_and_pool,
    mean_pool,
    pool_then_convolve1x1,
    upsample,
    upsample_and_convolve3x3,
)


class Resampling(NamedTuple):
    """How a block resamples.

    Attributes:
        conv1: what its first convolution computes, from (x, kernel, bias).
        conv2: what its second convolution computes.
        shortcut: what the convolution of its shortcut computes.
        plain_shortcut: what a shortcut without a convolution computes, from x.
    """

    conv1: Callable[..., tf.Tensor]
    conv2: Callable[..., tf.Tensor]
    shortcut: Callable[..., tf.Tensor]
    plain_shortcut: Callable[[tf.Tensor], tf.Tensor]


RESAMPLING = {
    "up": Resampling(upsample_and_convolve3x3, convolve, convolve1x1_then_upsample, upsample),
    "down": Resampling(convolve, convolve3x3_and_pool, pool_then_convolve1x1, mean_pool),
    None: Resampling(convolve, convolve, convolve, tf.identity),
}


class ResidualBlock(keras.layers.Layer):
    """shortcut(x) + conv2(activation(norm2(conv1(activation(norm1(x)))))).

    An "up" block upsamples before its first convolution and in its shortcut: [N, H, W, C] to [N, 2H, 2W, filters]. A
    "down" block pools after its second convolution and in its shortcut: [N, H, W, C] to [N, H/2, W/2, filters]. Each
    resampling is computed together with a convolution (`resampling`).

    Args:
        filters: channels of the output.
        resample: "up", "down" or None.
        conv: makes a 3x3 convolution, from (filters, name=...). The layer is called as layer(x, convolve=function),
            with a function of `resampling`.
        activation: function that follows each norm.
        shortcut: makes the 1x1 convolution of the shortcut, as `conv` does. None for a shortcut without a convolution;
            the input must then have `filters` channels.
        norms: two functions, each from a name to a new norm layer (`norms.Norm.sites`). None for the first block of a
            critic: it has no norms, and no activation before its first convolution, because its input is the image.
        hidden: channels between the two convolutions. None for the published number: the channels of the input in a
            "down" block, `filters` in other blocks.
        name: of the layer.
    """

    def __init__(self, filters, resample=None, *, conv, activation, shortcut=None, norms=None, hidden=None, name=None):
        super().__init__(name=name)
        self.filters, self.resample, self.conv, self.activation = filters, resample, conv, activation
        self.norm1, self.norm2 = (None, None) if norms is None else (norms[0]("norm1"), norms[1]("norm2"))
        # Layers keep this order, conv1 last if `hidden` is None: checkpoints number an optimizer's variables by it.
        self.conv1 = None if hidden is None else conv(hidden, name="conv1")
        self.conv2 = conv(filters, name="conv2")
        self.shortcut = None if shortcut is None else shortcut(filters, name="shortcut")

    def build(self, shape):
        """Makes the first convolution if its channels depend on those of the input [N, H, W, C]."""
        if self.conv1 is None:
            self.conv1 = self.conv(shape[-1] if self.resample == "down" else self.filters, name="conv1")

    def call(self, x, labels=None, standing=False, towers=1):
        form = RESAMPLING[self.resample]
        y = x
        if self.norm1 is not None:
            y = self.activation(self.norm1(y, labels=labels, standing=standing, towers=towers))
        y = self.conv1(y, convolve=form.conv1)
        if self.norm2 is not None:
            y = self.norm2(y, labels=labels, standing=standing, towers=towers)
        y = self.conv2(self.activation(y), convolve=form.conv2)
        return y + (form.plain_shortcut(x) if self.shortcut is None else self.shortcut(x, convolve=form.shortcut))
