"""The one list of the settings of the command that measures what new images are worth to a classifier."""

import dataclasses

from tfgan_gn.errors import UserError
from tfgan_gn.settings.option import check, option

PARTS = ("unseen", "all")


@dataclasses.dataclass(frozen=True)
class GainConfig:
    """Every setting of the command, checked. Raises UserError for a value that its option does not allow."""

    counts: tuple[int, ...] = option(
        (5, 10, 15),
        "Numbers of real images of each class that the classifier learns from",
        "Antoniou et al. 2017",
        low=1,
    )
    num: int = option(5, "Number of new images of each real image", low=1)
    seeds: int = option(5, "Number of repetitions, each with other real images and first weights", low=2)
    classes: str = option(
        "unseen",
        "Classes to tell apart: unseen for those that the generator did not learn from, all for every class",
        choices=PARTS,
    )
    held_out: int = option(100, "Largest number of held-out images of each class", low=1)
    steps: int = option(2000, "Number of steps that each classifier is trained for", low=1)
    batch_size: int = option(32, "Number of images in a step", low=1)
    shift: int = option(2, "Largest shift of ordinary augmentation, in pixels, in each direction", low=0)
    flips: bool = option(True, "Mirror half of the images in ordinary augmentation; --noflips for shifts alone")

    def __post_init__(self):
        check(self)
        if len({*self.counts}) < len(self.counts):
            raise UserError(f"--counts={','.join(map(str, self.counts))}: give each number once")
        if not self.shift and not self.flips:
            raise UserError("--shift=0 --noflips: ordinary augmentation changes nothing; give one of the two")
