"""The one list of a training run's settings, joined from its groups; how a Config is made."""

import dataclasses
import os

from tfgan_gn.architectures import refuse_image_size, refuse_labels
from tfgan_gn.files.paths import without_pattern
from tfgan_gn.settings import protocols
from tfgan_gn.settings.effects import (
    refuse_too_few_images,
    refuse_uneven_towers,
    refuse_unfit_pairs,
    refuse_without_effect,
)
from tfgan_gn.settings.groups.data import DataSettings
from tfgan_gn.settings.groups.losses import LossSettings
from tfgan_gn.settings.groups.networks import NetworkSettings
from tfgan_gn.settings.groups.running import RunSettings
from tfgan_gn.settings.groups.updates import UpdateSettings
from tfgan_gn.settings.option import check, check_value
from tfgan_gn.settings.presets import DEFAULT_PRESET, defaults_of


# A dataclass takes the fields of its last base first.
@dataclasses.dataclass(frozen=True)
class Config(RunSettings, UpdateSettings, DataSettings, LossSettings, NetworkSettings):
    """Every setting of a run, checked. Raises UserError for a value that its option does not allow."""

    def __post_init__(self):
        check(self)
        if self.workdir == "":
            name = without_pattern(f"{self.dataset}-{self.preset}-{self.norm}")
            object.__setattr__(self, "workdir", os.path.join("runs", name))

    @property
    def sides(self):
        """(height, width) of the images."""
        return self.image_size, self.image_width or self.image_size


def make_config(preset="", of_file=None, **given):
    """Makes a Config from a preset, a file of settings, and the settings that were given. Each wins over those before.

    Args:
        preset: key of PRESETS; empty for that of the file, or for DEFAULT_PRESET.
        of_file: dict of the settings of a file by name. Where they have no effect beside those that were given, they
            are not refused, as those of a preset are not. None for no file.
        **given: settings by name.

    Returns:
        Config.

    Raises:
        UserError: a value that its option does not allow, a setting without effect or against the protocol, too few
            images for a score, a batch that its towers do not divide, pairs that do not fit, or labels or an image
            size that the architecture cannot take.
    """
    of_file = of_file or {}
    preset = preset or of_file.get("preset", DEFAULT_PRESET)
    asked = {**of_file, **given, "preset": preset}
    for name in ("preset", "architecture", "protocol"):
        if name in asked:
            check_value(Config.__dataclass_fields__[name], asked[name])
    wanted = {**defaults_of(preset, asked.get("architecture")), **asked}
    of_protocol = protocols.defaults_of_protocol(wanted.get("protocol", protocols.DEFAULT_PROTOCOL))
    config = Config(**{**of_protocol, **wanted})
    protocols.refuse_contradictions(config.protocol, config)
    refuse_without_effect(config, given)
    refuse_too_few_images(config)
    refuse_uneven_towers(config)
    refuse_unfit_pairs(config, given)
    refuse_image_size(config.architecture, config.image_size)
    refuse_labels(config.architecture, config.conditional, config.auxiliary)
    return config
