"""The architectures by name: the published sizes and norms of each, and whether it takes labels. No TensorFlow.

An architecture is a row here and the module `tfgan_gn.models.NAME`, which has the classes `Generator` and `Critic`.
"""

from typing import NamedTuple

from tfgan_gn.errors import UserError


class Levels(NamedTuple):
    """The shape of networks that halve, or double, an image level by level (`models.dagan`).

    Attributes:
        multiples: channels of each level as multiples of the width, from the largest image to the smallest.
        inner_layers: layers of each level of the critic that keep the size: one number for all levels, or one each.
        generator_inner_layers: the same for the generator.
        dense_units: size of the critic's first linear layer.
        wide: whether the critic's linear layers see all levels, not the last one alone.
    """

    multiples: tuple[int, ...] = (1, 1, 2, 2)
    inner_layers: tuple[int, ...] = (1,)
    generator_inner_layers: tuple[int, ...] = (1,)
    dense_units: int = 1024
    wide: bool = False

    def filters(self, width):
        """The channels of each level, a list."""
        return [multiple * width for multiple in self.multiples]

    def per_level(self, inner_layers):
        """One number of inner layers for each level, a tuple. Raises UserError for any other number of them."""
        count = len(self.multiples)
        if len(inner_layers) not in (1, count):
            raise UserError(
                f"inner layers {','.join(map(str, inner_layers))} are {len(inner_layers)} numbers: give one, or one "
                f"for each of the {count} levels"
            )
        return tuple(inner_layers) if len(inner_layers) == count else tuple(inner_layers) * count


class Architecture(NamedTuple):
    """What is published of a pair of networks.

    Attributes:
        width: channels that the layers are multiples of.
        z_dim: size of the noise vector.
        image_size: height and width of the images.
        norm: of the critic, key of `norms.NORMS`. That of the ResNet is this project's: its source has none.
        generator_norm: of the generator.
        doublings: how often the generator doubles the size of its first image; not of networks with `levels`.
        smallest: the least height and width of that first image.
        conditional: whether both networks can take labels.
        auxiliary: whether the critic can have an auxiliary classifier.
        image_condition: whether both networks are given an image beside their input.
        levels: the published levels of networks that have them; None for other networks.
        initializer: the row of `initializers.INITIALIZERS` that its own initial weights equal; empty for none.
        revision: 1, and 1 more for each change of the critic's norm sites. `config.json` of a run has that of its
            critic.
    """

    width: int
    z_dim: int
    image_size: int
    norm: str
    generator_norm: str = "batch"
    doublings: int = 3
    smallest: int = 1
    conditional: bool = False
    auxiliary: bool = False
    image_condition: bool = False
    levels: Levels | None = None
    initializer: str = ""
    revision: int = 1


ARCHITECTURES = {
    "dagan": Architecture(
        width=64,
        z_dim=100,
        image_size=64,
        norm="group",
        generator_norm="group",
        image_condition=True,
        levels=Levels(inner_layers=(5,), generator_inner_layers=(3,)),
    ),
    "dcgan_64": Architecture(
        width=64, z_dim=100, image_size=64, norm="instance", doublings=4, smallest=2, conditional=True
    ),
    "report_cnn": Architecture(width=128, z_dim=128, image_size=32, norm="group"),
    "resnet": Architecture(
        width=128, z_dim=128, image_size=32, norm="group", conditional=True, auxiliary=True, initializer="author"
    ),
    # Revision 1 of its critic had a third norm, after the first convolution.
    "simple_cnn": Architecture(width=128, z_dim=128, image_size=32, norm="none", revision=2, initializer="author"),
    "sngan_dcgan": Architecture(width=64, z_dim=128, image_size=32, norm="none", smallest=2),
    "sngan_resnet": Architecture(width=128, z_dim=128, image_size=32, norm="none"),
    "wgan_32": Architecture(width=256, z_dim=100, image_size=32, norm="instance", smallest=2),
}
DEFAULT_ARCHITECTURE = "resnet"
SIZES = ("width", "z_dim", "image_size", "norm", "generator_norm")  # the settings that follow the architecture


def get_architecture(name):
    """The row of an architecture. Raises UserError where there is none of this name."""
    if name not in ARCHITECTURES:
        raise UserError(f"architecture {name!r} is not one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def sizes_of(name):
    """The published sizes and norms of an architecture: dict with the keys SIZES. Raises as `get_architecture`."""
    row = get_architecture(name)
    return {size: getattr(row, size) for size in SIZES}


def refuse_labels(name, conditional, auxiliary):
    """Checks that an architecture can take labels as asked.

    Args:
        name: key of ARCHITECTURES.
        conditional: whether both networks shall take labels.
        auxiliary: whether the critic shall have an auxiliary classifier.

    Raises:
        UserError: the architecture cannot, or does not exist.
    """
    row = get_architecture(name)
    for asked, ability, refusal, part in (
        (conditional, "conditional", "takes no labels", "labels"),
        (auxiliary, "auxiliary", "has no auxiliary classifier", "classifier"),
    ):
        if asked and not getattr(row, ability):
            able = ", ".join(other for other, its in ARCHITECTURES.items() if getattr(its, ability))
            raise UserError(f"architecture={name} {refusal}: choose one of {able}, or leave the {part} out")


def refuse_image_size(name, image_size):
    """Checks that the generator of an architecture can make images of a size.

    Args:
        name: key of ARCHITECTURES.
        image_size: height and width of the images.

    Raises:
        UserError: it cannot, or the architecture does not exist.
    """
    row = get_architecture(name)
    if row.levels:
        return  # any size that its levels can halve, which the networks check
    step = 2**row.doublings
    if image_size < row.smallest * step or image_size % step:
        raise UserError(
            f"image_size={image_size}: {name} doubles an image of {row.smallest}x{row.smallest} pixels or more "
            f"{row.doublings} times; give a multiple of {step} from {row.smallest * step}"
        )
