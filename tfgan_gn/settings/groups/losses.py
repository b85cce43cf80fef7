"""The settings of the losses."""

import dataclasses

from tfgan_gn.settings.option import option
from tfgan_gn.settings.presets import AUTHOR
from tfgan_gn.settings.registry_names import LOSS_NAMES, PENALTY_NAMES


@dataclasses.dataclass(frozen=True)
class LossSettings:
    """What the networks minimise."""

    loss: str = option(
        "wasserstein",
        "Loss that the critic and the generator minimise; bce_halved takes half of bce for the critic",
        "Arjovsky et al. 2017",
        choices=LOSS_NAMES,
    )
    penalty: str = option(
        "gradient",
        "Penalty in the critic's loss: gradient is the gradient penalty of WGAN-GP, channels takes its norm over the "
        "channels of each pixel and columns over each column of pixels instead of over the whole image, none leaves it "
        "out",
        AUTHOR,
        choices=(*PENALTY_NAMES, "none"),
    )
    clip: float = option(
        0.0,
        "Clip every weight of the critic to [-CLIP, CLIP] after each critic update; 0 for no clipping",
        AUTHOR,
        low=0,
    )
    separate_passes: bool = option(
        False,
        "Give real and fake images to the critic as two batches; without it they are joined to one batch",
        AUTHOR,
    )
