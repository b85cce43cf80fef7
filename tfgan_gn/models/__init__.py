"""Builds a generator and a critic by the name of their architecture (`tfgan_gn.architectures`).

The module of an architecture has two Keras models. A row that says `conditional` adds the argument `num_classes`, one
that says `auxiliary` adds `auxiliary` to the critic.

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
):
    """Builds a generator and a critic, weights and all; call it inside `strategy.scope()`.

    Conditional or not, the networks are called as generator(z, labels=None, training=False, standing=False, towers=1)
    and critic(x, labels=None, training=False), with labels [N] where they are conditional. `training` says that the
    call belongs to a training step: spectral norm takes its power iteration. `standing` makes batch norm use its
    standing statistics instead of the batch's; `towers` makes it use those of each of that many parts of the batch.

    Args:
        architecture: key of `architectures.ARCHITECTURES`. Its row gives the value of every argument that is None.
        width: number of channels that the layers are multiples of.
        z_dim: size of the noise vector.
        image_size: height and width of the images.
        channels: 3 for colour, 1 for grey.
        norm: norm of the critic, key of `norms.NORMS`.
        groups: group counts of the critic's norm sites: one for all, or one per site in order.
        generator_norm: norm of the generator.
        generator_groups: group counts of the generator's norm sites.
        num_classes: number of classes of the labels that both networks take; None for networks without labels.
        auxiliary: whether the critic has an auxiliary classifier, which predicts the labels instead of taking them.
        initializer: key of `initializers.INITIALIZERS`; empty for the initial weights of the architecture's own source.

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
    labels = {"num_classes": num_classes} if row.conditional else {}
    classifier = {"auxiliary": auxiliary} if row.auxiliary else {}
    norm, generator_norm = get_norm(chosen["norm"]), get_norm(chosen["generator_norm"])
    generator = module.Generator(**sizes, channels=channels, norm=generator_norm, groups=generator_groups, **labels)
    _create_weights(generator, [chosen["z_dim"]], num_classes)
    critic = module.Critic(**sizes, norm=norm, groups=groups, **labels, **classifier)
    _create_weights(critic, [image_size, image_size, channels], num_classes, auxiliary)
    networks = Networks(generator, critic)
    if initializer:
        for network in networks:
            get_initializer(initializer).initialize(network)
    return networks


def _create_weights(network, shape, num_classes, classify=False):
    """Calls a new network on zeros [1, *shape], so that every layer creates its weights for the input that it gets.

    No weight changes: the call is not one of training. Each variable is named by the layers around it, such as
    `generator/block1/conv1/kernel`.
    """
    # Otherwise Keras runs it in a graph first, where the first power iteration of spectral norm is lost.
    network.built = True
    zeros = tf.zeros([1, *shape], network.variable_dtype)
    labels = None if num_classes is None else tf.zeros([1], tf.int64)
    with _messages_as_they_are():
        if classify:
            network(zeros, labels=labels, classify=True)
        else:
            network(zeros, labels=labels)


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
