"""The one list of the settings of the command that writes new images of given ones."""

import dataclasses

from tfgan_gn.settings.option import INT32_MAX, check, option


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """Every setting of the command, checked. Raises UserError for a value that its option does not allow."""

    num: int = option(5, "Number of new images of each image", low=1)
    seed: int = option(0, "Seed of the noise that the new images are made of", low=0, high=INT32_MAX)
    copy: bool = option(True, "Write a copy of each image beside its new ones; --nocopy leaves the copies out")

    def __post_init__(self):
        check(self)
