"""Between the command line and `Config`. Does not import TensorFlow, so that help and refusals come at once."""

import dataclasses
import textwrap

from absl import flags

from tfgan_gn.config import PRESETS, Config, make_config, parse
from tfgan_gn.errors import UserError


def define_flags(flag_values):
    """Defines one flag for each field of `Config`, all unset, so that what the user gave can be told from a default.

    Args:
        flag_values: `absl.flags.FlagValues` to define them in.
    """
    for field in dataclasses.fields(Config):
        flags.DEFINE_string(field.name, None, field.metadata["help"], flag_values=flag_values)


def config_from_flags(flag_values):
    """Makes the Config that the parsed flags ask for: the preset, and over it every flag given.

    Raises:
        UserError: a value of the wrong type, out of range or without effect.
    """
    fields = {field.name: field for field in dataclasses.fields(Config)}
    given = {name: flag_values[name].value for name in fields if flag_values[name].present}
    return make_config(**{name: parse(fields[name], text) for name, text in given.items()})


def parse_arguments(argv):
    """The Config that a command line asks for.

    Args:
        argv: the program's name and its arguments.

    Returns:
        The Config, or None where the user asked for help.

    Raises:
        UserError: an argument that is not a flag, an unknown flag, or a bad value.
    """
    if any(argument == "-h" or argument.lstrip("-").startswith("help") for argument in argv[1:]):
        return None
    flag_values = flags.FlagValues()
    define_flags(flag_values)
    try:
        rest = flag_values(argv)[1:]
    except flags.Error as error:
        raise UserError(f"{error} (--help lists the flags)") from None
    if rest:
        raise UserError(f"{rest[0]!r} is not a flag: write --name=value (--help lists the flags)")
    return config_from_flags(flag_values)


def help_text(description, width=100):
    """What --help prints: each flag with its meaning, range, default (of each preset that differs) and source."""
    lines = [description, ""]
    for field in dataclasses.fields(Config):
        facts = field.metadata
        values = "|".join(facts["choices"]) if facts["choices"] else field.type.__name__.replace("tuple", "int,int,...")
        lines.append(f"  --{field.name}={values}")
        default = _text(field.default) or "empty"
        others = [f"{_text(p[field.name])} in preset {name}" for name, p in PRESETS.items() if field.name in p]
        bounds = [f"{sign} {facts[key]}" for key, sign in (("low", ">="), ("high", "<=")) if facts[key] is not None]
        about = f"{facts['help']}. Default {', '.join([default, *others])}; from {facts['source']}."
        if bounds:
            about += f" Range {', '.join(bounds)}."
        lines += textwrap.wrap(about, width, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


def _text(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
