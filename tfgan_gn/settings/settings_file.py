"""A file of settings, which flags win over: a table of some settings, or the config.json of a run."""

import dataclasses
from typing import NamedTuple

from tfgan_gn.errors import UserError
from tfgan_gn.files.paths import local_path
from tfgan_gn.files.structured import read_structured
from tfgan_gn.settings.config_file import config_from
from tfgan_gn.settings.effects import without_effect
from tfgan_gn.settings.option import as_text, option, parse
from tfgan_gn.settings.training import Config, make_config


@dataclasses.dataclass(frozen=True)
class FileFlag:
    """The flag that names the file. It is no setting: config.json has what the file holds."""

    config: str = option(
        "",
        "File of settings, .json or .yaml: a table from their names to their values, or the config.json of a run; it "
        "wins over --preset, and other flags win over it",
    )


class Settings(NamedTuple):
    """What a file of settings holds.

    Attributes:
        values: dict from the name of a setting to its value.
        complete: whether it has every setting, as the config.json of a run.
    """

    values: dict
    complete: bool


def read_settings(path):
    """Reads a file of settings.

    Args:
        path: .json, .yaml or .yml.

    Returns:
        Settings.

    Raises:
        UserError: the file cannot be read, or has an unknown setting, a bad value, or settings that do not fit.
    """
    path = local_path(path, "--config")
    content = read_structured(path, "a file of settings")
    if isinstance(content, dict) and isinstance(content.get("config"), dict):
        return Settings(dataclasses.asdict(config_from(content, path)), True)
    values = parse_settings(content, path, Config)
    try:
        make_config(**values)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return Settings(values, False)


def parse_settings(table, where, options):
    """The settings of a table, each parsed as the text of its flag is.

    Args:
        table: dict from names to values.
        where: name of the file or of its part, for messages.
        options: the dataclass of the settings.

    Returns:
        dict by name.

    Raises:
        UserError: it is no table, has an unknown setting, or a value that is not of the setting's type.
    """
    if not isinstance(table, dict):
        raise UserError(f"{where} is no table: give settings by name")
    parsed = {}
    for name, value in table.items():
        field = options.__dataclass_fields__.get(name)
        if field is None:
            raise UserError(f"{where}: there is no setting {name}: --help of the command lists them")
        try:
            parsed[name] = parse(field, as_text(tuple(value) if isinstance(value, list) else value))
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
    return parsed


def make_config_beside(path, given):
    """Makes a Config of the settings of a file and of those that flags give, which win.

    Args:
        path: of the file; empty for none.
        given: dict of the settings of the flags, by name.

    Returns:
        (Config, dict of the settings that were given by the file or by flags and have an effect).

    Raises:
        UserError: as `read_settings` and `make_config`; a preset beside a file that has every setting.
    """
    if not path:
        return make_config(**given), given
    values, complete = read_settings(path)
    if complete and given.get("preset", values["preset"]) != values["preset"]:
        raise UserError(
            f"--preset={given['preset']} has no effect beside --config={path}, which has every setting of a run: leave "
            "out one of the two"
        )
    config = make_config(of_file=values, **given)
    idle = without_effect(config)
    return config, {**{name: value for name, value in values.items() if name not in idle}, **given}
