"""Architectures by name, each a module of this folder with `build_generator` and `build_critic`.

A module also says DEFAULTS (its width, z_dim, image_size, norm and generator_norm) and whether it takes labels:
CONDITIONAL, and AUXILIARY where its critic can have a classifier. The file is the registry's row.
"""

from typing import NamedTuple

import keras

from tfgan_gn.errors import UserError
from tfgan_gn.models import dcgan, resnet, simple_cnn, sngan_dcgan, sngan_resnet, wgan_32

ARCHITECTURES = {
    "dcgan": dcgan,
    "resnet": resnet,
    "simple_cnn": simple_cnn,
    "sngan_dcgan": sngan_dcgan,
    "sngan_resnet": sngan_resnet,
    "wgan_32": wgan_32,
}


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

    Conditional or not, the networks are called as generator(z, labels=labels) and critic(x, labels=labels), labels [N]
    or None.

    Args:
        architecture: key of ARCHITECTURES, whose DEFAULTS stand for every None below.
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
    if architecture not in ARCHITECTURES:
        raise UserError(f"architecture {architecture!r} is not one of {', '.join(ARCHITECTURES)}")
    module = ARCHITECTURES[architecture]
    _refuse_conditioning(architecture, num_classes, auxiliary)
    given = {"width": width, "z_dim": z_dim, "image_size": image_size, "norm": norm, "generator_norm": generator_norm}
    chosen = {**module.DEFAULTS, **{name: value for name, value in given.items() if value is not None}}
    shared = {"width": chosen["width"], "image_size": chosen["image_size"], "channels": channels}
    if module.CONDITIONAL:
        shared["num_classes"] = num_classes
    generator = module.build_generator(
        **shared, z_dim=chosen["z_dim"], norm=chosen["generator_norm"], groups=generator_groups
    )
    if module.AUXILIARY:
        shared["auxiliary"] = auxiliary
    return Networks(generator, module.build_critic(**shared, norm=chosen["norm"], groups=groups))


def _refuse_conditioning(architecture, num_classes, auxiliary):
    """Raises UserError where an architecture does not take labels in the way asked for."""
    if auxiliary and num_classes is None:
        raise UserError("an auxiliary classifier needs labels: give num_classes, or no auxiliary classifier")
    for asked, what, ability in (
        (num_classes is not None, "takes no labels", "CONDITIONAL"),
        (auxiliary, "has no auxiliary classifier", "AUXILIARY"),
    ):
        if asked and not getattr(ARCHITECTURES[architecture], ability):
            able = ", ".join(name for name, module in ARCHITECTURES.items() if getattr(module, ability))
            raise UserError(f"architecture={architecture} {what}: choose one of {able}, or go without")
