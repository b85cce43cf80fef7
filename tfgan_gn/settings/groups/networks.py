"""The settings of the networks."""

import dataclasses

from tfgan_gn.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE
from tfgan_gn.settings.option import option
from tfgan_gn.settings.presets import AUTHOR, DAGAN, DAGAN_READ_ME, DEFAULT_PRESET, GULRAJANI, PRESETS, WU_AND_HE
from tfgan_gn.settings.registry_names import INITIALIZER_NAMES, NORM_NAMES

DEFAULT_SIZES = ARCHITECTURES[DEFAULT_ARCHITECTURE]
LEVELS = ARCHITECTURES["dagan"].levels


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
    """Which networks are trained, and their norms."""

    preset: str = option(
        DEFAULT_PRESET,
        "Published system whose settings are the defaults; every flag that is given wins over it",
        AUTHOR,
        choices=tuple(PRESETS),
        renamed={"dcgan": "author_dcgan"},
    )
    architecture: str = option(
        DEFAULT_ARCHITECTURE,
        "Generator and critic to train; --width, --z_dim, --image_size, --norm and --generator_norm follow it unless "
        "they are given",
        AUTHOR,
        choices=tuple(ARCHITECTURES),
        renamed={"dcgan": "dcgan_64"},
    )
    norm: str = option(
        DEFAULT_SIZES.norm,
        "Normalization layer in the critic; report_group is group norm by the formula of the group-norm report, which "
        "adds 1e-10 to the unbiased standard deviation; contrib_layer and batch_renorm are TensorFlow 1's layer norm "
        "with epsilon 1e-12 and its batch renormalization",
        WU_AND_HE,
        choices=NORM_NAMES,
    )
    groups: tuple[int, ...] = option(
        (32,),
        "Number of groups in the critic's norm layers for --norm=group or report_group: one number for all layers, or "
        "one number for each layer in order",
        WU_AND_HE,
        low=1,
    )
    generator_norm: str = option(
        DEFAULT_SIZES.generator_norm, "Normalization layer in the generator", AUTHOR, choices=NORM_NAMES
    )
    generator_groups: tuple[int, ...] = option(
        (32,),
        "Number of groups in the generator's norm layers for --generator_norm=group or report_group: one number for "
        "all layers, or one number for each layer in order",
        WU_AND_HE,
        low=1,
    )
    initializer: str = option(
        "",
        "Initial weights and biases: author is uniform as in the WGAN-GP authors' code, torch is PyTorch's default, "
        "normal is N(0, 0.02) for kernels and for the scales of batch norm; empty for those of the architecture",
        choices=("", *INITIALIZER_NAMES),
    )
    batch_norm_towers: int = option(
        1,
        "Number of consecutive parts of each batch that the generator's batch norm normalizes separately in training, "
        "counted over all devices",
        AUTHOR,
        low=1,
    )
    synced_batch_norm: bool = option(
        False,
        "Compute the statistics of batch norm over the whole batch, or over a whole tower, when several devices share "
        "it; without it each device uses its own share of the batch",
    )
    conditional: bool = option(False, "Give the class labels to the generator and the critic", GULRAJANI)
    auxiliary: bool = option(
        False,
        "Train the critic to predict the class of an image (ACGAN) instead of giving it the label; needs --conditional",
        GULRAJANI,
    )
    levels: tuple[int, ...] = option(
        LEVELS.multiples,
        "Channels of each level of the networks of --architecture=dagan as multiples of --width, from the largest "
        "image to the smallest; one number for each level",
        DAGAN,
        low=1,
    )
    inner_layers: tuple[int, ...] = option(
        LEVELS.inner_layers,
        "Layers in each level of the critic that keep the size, for --architecture=dagan: one number for all levels, "
        "or one number for each level",
        DAGAN_READ_ME,
        low=1,
    )
    generator_inner_layers: tuple[int, ...] = option(
        LEVELS.generator_inner_layers,
        "Layers in each level of the generator that keep the size, for --architecture=dagan: one number for all "
        "levels, or one number for each level",
        DAGAN_READ_ME,
        low=1,
    )
    dense_units: int = option(
        LEVELS.dense_units, "Size of the first linear layer of the critic of --architecture=dagan", DAGAN, low=1
    )
    wide_connections: bool = option(
        LEVELS.wide,
        "Give the linear layers of the critic of --architecture=dagan all levels; without it they get the last one",
        DAGAN,
    )
    dropout: float = option(
        0.0,
        "Share of the values that dropout sets to 0 in training, for --architecture=dagan",
        DAGAN,
        low=0,
        high=0.99,
    )
