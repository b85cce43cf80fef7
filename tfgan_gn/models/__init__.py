"""Builds a generator and a critic by the name of their architecture (`tfgan_gn.architectures`)."""

import importlib
from typing import NamedTuple

import keras

from tfgan_gn.architectures import get_architecture, refuse_labels, sizes_of
from tfgan_gn.errors import UserError


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
):
    """Builds a generator and a critic, weights and all; call it inside `strategy.scope()`.

    Conditional or not, the networks are called as generator(z, labels=None, training=False, standing=False) and
    critic(x, labels=None, training=False), with labels [N] where they are conditional. `training` says that the call
    belongs to a training step: spectral norm takes its power iteration. `standing` makes batch norm use its standing
    statistics instead of the batch's.

    Args:
        architecture: key of `architectures.ARCHITECTURES`, whose sizes and norms stand for every None below.
        width: channels of the blocks.
        z_dim: size of the noise vector.
        image_size: height and width of the images.
        channels: 3 for colour, 1 for grey.
        norm: of the critic, key of `norms.NORMS`.
        groups: group counts of the critic's norm sites: one, or one per site in order.
        generator_norm: of the generator.
        generator_groups: likewise for the generator.
        num_classes: of the labels that both networks are conditional on; None for no labels.
        auxiliary: whether the critic classifies images rather than being told their labels.

    Returns:
        Networks.

    Raises:
        UserError: an architecture that is not there, or a norm, group count, image size or conditioning that the
            architecture cannot take.
    """
    row = get_architecture(architecture)
    if auxiliary and num_classes is None:
        raise UserError("an auxiliary classifier needs labels: give num_classes, or no auxiliary classifier")
    refuse_labels(architecture, num_classes is not None, auxiliary)
    module = importlib.import_module(f"{__name__}.{architecture}")
    given = {"width": width, "z_dim": z_dim, "image_size": image_size, "norm": norm, "generator_norm": generator_norm}
    chosen = {**sizes_of(architecture), **{name: value for name, value in given.items() if value is not None}}
    shared = {"width": chosen["width"], "image_size": chosen["image_size"], "channels": channels}
    if row.conditional:
        shared["num_classes"] = num_classes
    generator = module.build_generator(
        **shared, z_dim=chosen["z_dim"], norm=chosen["generator_norm"], groups=generator_groups
    )
    if row.auxiliary:
        shared["auxiliary"] = auxiliary
    return Networks(generator, module.build_critic(**shared, norm=chosen["norm"], groups=groups))
