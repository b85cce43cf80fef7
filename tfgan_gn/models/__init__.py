"""Architectures by name, each a module with `build_generator` and `build_critic`."""

from typing import NamedTuple

import keras

from tfgan_gn.models import resnet

ARCHITECTURES = {"resnet": resnet}


class Networks(NamedTuple):
    """A pair that fits together: the critic takes what the generator makes."""

    generator: keras.Model
    critic: keras.Model


def build_networks(
    architecture="resnet",
    *,
    width=128,
    z_dim=128,
    image_size=32,
    channels=3,
    norm="group",
    groups=(32,),
    generator_norm="batch",
    generator_groups=(32,),
):
    """Builds a generator and a critic, weights and all; call it inside `strategy.scope()`.

    Args:
        architecture: key of ARCHITECTURES.
        width: channels of the blocks.
        z_dim: size of the noise vector.
        image_size: height and width of the images.
        channels: 3 for colour, 1 for grey.
        norm: of the critic, key of `norms.NORMS`.
        groups: group counts of the critic's norm sites: one, or one per site in order.
        generator_norm: of the generator.
        generator_groups: likewise for the generator.

    Returns:
        Networks.

    Raises:
        UserError: a norm, group count or image size that the architecture cannot take.
    """
    module = ARCHITECTURES[architecture]
    generator = module.build_generator(
        width=width,
        z_dim=z_dim,
        image_size=image_size,
        channels=channels,
        norm=generator_norm,
        groups=generator_groups,
    )
    critic = module.build_critic(width=width, image_size=image_size, channels=channels, norm=norm, groups=groups)
    return Networks(generator, critic)
