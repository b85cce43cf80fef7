"""Builds a generator and a critic by the name of their architecture (`tfgan_gn.architectures`).

The module of an architecture has two Keras models. A row that says `conditional` adds the argument `num_classes`, one
that says `auxiliary` adds `auxiliary` to the critic, one that has `levels` adds `levels` to both.

- `Generator(width, image_size, channels, norm, groups)` makes images [N, image_size, image_size, channels] in [-1, 1]
  of noise [N, z_dim].
- `Critic(width, image_size, norm, groups)` makes scores [N] of such images.

`width` is the number of channels that the layers are multiples of; `norm` is a `norms.Norm`, and `groups` the group
counts of its sites, one for all or one each. A network only names and connects its layers: they create their weights
when `build_networks` calls the network for the first time.
"""

import contextlib
import importlib
from typing import NamedTuple

import keras
import tensorflow as tf

from tfgan_gn.architectures import get_architecture, refuse_image_size, refuse_labels, sizes_of
from tfgan_gn.errors import UserError
from tfgan_gn.layers.initializers import get_initializer
from tfgan_gn.layers.norms import get_norm


class Networks(NamedTuple):
    """A pair that fits together: the critic takes what the generator makes."""

    generator: keras.Model
    critic: keras.Model


def build_networks(
    architecture="resnet",
    *,
    width=None,
    z_dim=None,
    image_size=None,
    channels=3,
    norm=None,
    groups=(32,),
    generator_norm=None,
    generator_groups=(32,),
    num_classes=None,
    auxiliary=False,
    initializer="",
    levels=None,
):
    """Builds a generator and a critic, weights and all; call it inside `strategy.scope()`.

    Conditional or not, the networks are called as generator(z, condition=None, training=False, standing=False,
    towers=1) and critic(x, condition=None, training=False). The condition is labels [N] where there are classes, images
    [N, H, W, channels] in [-1, 1] where the architecture has `image_condition`, and else None. `training` says that the
    call belongs to a training step: spectral norm takes its power iteration, batch renormalization moves its state.
    `standing` makes batch norm use its standing statistics instead of the batch's; `towers` makes it use those of each
    of that many parts of the batch.

    Args:
        architecture: key of `architectures.ARCHITECTURES`. Its row gives the value of every argument that is None.
        width: number of channels that the layers are multiples of.
        z_dim: size of the noise vector.
        image_size: height and width of the images; for an architecture of levels also a pair (height, width).
        channels: 3 for colour, 1 for grey.
        norm: norm of the critic, key of `norms.NORMS`.
        groups: group counts of the critic's norm sites: one for all, or one per site in order.
        generator_norm: norm of the generator.
        generator_groups: group counts of the generator's norm sites.
        num_classes: number of classes of the labels that both networks take; None for networks without labels.
        auxiliary: whether the critic has an auxiliary classifier, which predicts the labels instead of taking them.
        initializer: key of `initializers.INITIALIZERS`; empty for the initial weights of the architecture's own source.
        levels: `architectures.Levels`, for an architecture of levels; None for the published ones.

    Returns:
        Networks.

    Raises:
        UserError: the architecture does not exist, or cannot have this norm, group count, image size or conditioning.
    """
    row = get_architecture(architecture)
    if auxiliary and num_classes is None:
        raise UserError("an auxiliary classifier needs labels: give num_classes, or no auxiliary classifier")
    refuse_labels(architecture, num_classes is not None, auxiliary)
    given = {"width": width, "z_dim": z_dim, "image_size": image_size, "norm": norm, "generator_norm": generator_norm}
    chosen = {**sizes_of(architecture), **{name: value for name, value in given.items() if value is not None}}
    image_size = chosen["image_size"]
    refuse_image_size(architecture, image_size)
    module = importlib.import_module(f"{__name__}.{architecture}")
    sizes = {"width": chosen["width"], "image_size": image_size}
    own = {"num_classes": num_classes} if row.conditional else {}
    own |= {"levels": levels or row.levels} if row.levels else {}
    classifier = {"auxiliary": auxiliary} if row.auxiliary else {}
    norm, generator_norm = get_norm(chosen["norm"]), get_norm(chosen["generator_norm"])
    generator = module.Generator(**sizes, channels=channels, norm=generator_norm, groups=generator_groups, **own)
    image = tf.zeros([1, *(image_size if isinstance(image_size, tuple) else [image_size] * 2), channels])
    condition = image if row.image_condition else None if num_classes is None else tf.zeros([1], tf.int64)
    _create_weights(generator, tf.zeros([1, chosen["z_dim"]]), condition)
    critic = module.Critic(**sizes, norm=norm, groups=groups, **own, **classifier)
    _create_weights(critic, image, condition, auxiliary)
    networks = Networks(generator, critic)
    if initializer:
        for network in networks:
            get_initializer(initializer).initialize(network)
    return networks


def _create_weights(network, zeros, condition, classify=False):
    """Calls a new network on zeros, so that every layer creates its weights for the input that it gets.

    No weight changes: the call is not one of training. Each variable is named by the layers around it, such as
    `generator/block1/conv1/kernel`.

    Args:
        network: Keras model.
        zeros: its input for one image.
        condition: the condition that it is called with, for one image, or None.
        classify: whether it is a critic with an auxiliary classifier.
    """
    # Otherwise Keras runs it in a graph first, where the first power iteration of spectral norm is lost.
    network.built = True
    zeros = tf.cast(zeros, network.variable_dtype)
    with _messages_as_they_are():
        if classify:
            network(zeros, condition=condition, classify=True)
        else:
            network(zeros, condition=condition)


@contextlib.contextmanager
def _messages_as_they_are():
    """Within it, Keras does not rewrite the message of a UserError that a layer raises when it is called."""
    filtering = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if filtering:
            keras.config.enable_traceback_filtering()
