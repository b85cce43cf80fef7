"""How the settings of a run differ from those of its preset, and the flags that give them again."""

import dataclasses

from tfgan_gn.settings.effects import without_effect
from tfgan_gn.settings.option import as_text
from tfgan_gn.settings.presets import defaults_of
from tfgan_gn.settings.protocols import DEFAULT_PROTOCOL, defaults_of_protocol
from tfgan_gn.settings.training import Config

PLACES = ("workdir", "data_dir", "cache_dir")  # where things are, which no preset says


def defaults_beside(config):
    """The Config of the preset, the architecture and the protocol of a Config, with all else at its default."""
    chosen = {"preset": config.preset, "architecture": config.architecture, "protocol": config.protocol}
    of_preset = defaults_of(config.preset, config.architecture)
    return Config(**{**defaults_of_protocol(config.protocol), **of_preset, **chosen, "workdir": config.workdir})


def differing(config):
    """The settings of a Config that its preset does not have.

    Args:
        config: Config.

    Returns:
        dict from the name of a setting to the value that it would have without its flag, beside the architecture and
        the protocol of the Config. The two themselves are compared with those of the preset, and places are left out.
    """
    usual = dataclasses.asdict(defaults_beside(config))
    usual["architecture"] = Config(**{"preset": config.preset, **defaults_of(config.preset)}).architecture
    usual["protocol"] = DEFAULT_PROTOCOL
    return {
        name: usual[name]
        for name, value in dataclasses.asdict(config).items()
        if name not in PLACES and value != usual[name]
    }


def flags_of(config):
    """The flags with which `make_config` makes this Config again, as ["--name=value", ...].

    A setting that changes nothing beside the others has none, as its flag would be refused.
    """
    given = {name: getattr(config, name) for name in ("preset", *differing(config), *PLACES)}
    refused = {name for name in without_effect(config) if given.get(name)}
    usual = dataclasses.asdict(defaults_beside(config))
    return [
        f"--{name}={as_text(value)}"
        for name, value in given.items()
        if name not in refused and not (name in ("data_dir", "cache_dir") and value == usual[name])
    ]
