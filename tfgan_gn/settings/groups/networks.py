"""The settings of the networks."""

import dataclasses

from tfgan_gn.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE, OFFERED
from tfgan_gn.settings.option import option
from tfgan_gn.settings.presets import AUTHOR, DEFAULT_PRESET, GULRAJANI, PRESETS, WU_AND_HE
from tfgan_gn.settings.registry_names import INITIALIZER_NAMES, NORM_NAMES

DEFAULT_SIZES = ARCHITECTURES[DEFAULT_ARCHITECTURE]


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
        choices=OFFERED,
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
