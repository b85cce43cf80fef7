"""Between the command line and the settings. Does not import TensorFlow, so that help and refusals come at once."""

import dataclasses
import textwrap

from absl import flags

from tfgan_gn.errors import UserError
from tfgan_gn.settings.option import choices_of, in_words, parse
from tfgan_gn.settings.presets import PRESETS


def define_flags(settings, flag_values):
    """Defines one flag for each field of a dataclass of options, so that what was given can be told from a default.

    Args:
        settings: the dataclass, e.g. `settings.training.Config`.
        flag_values: `absl.flags.FlagValues` to define them in.
    """
    for field in dataclasses.fields(settings):
        define = flags.DEFINE_boolean if field.type is bool else flags.DEFINE_string
        define(field.name, None, field.metadata["help"], flag_values=flag_values)


def parse_arguments(argv, settings, make, most_arguments=0):
    """The settings that a command line asks for.

    Args:
        argv: the program's name and its arguments.
        settings: the dataclass of options that has the flags' fields.
        make: function that makes the settings from those that were given, by name.
        most_arguments: how many arguments there may be that are no flags.

    Returns:
        (what `make` returned, list of the arguments that are no flags), or (None, []) where the user asked for help.

    Raises:
        UserError: too many arguments, an unknown flag, or a bad value.
    """
    if any(argument == "-h" or argument.lstrip("-").startswith("help") for argument in argv[1:]):
        return None, []
    flag_values = flags.FlagValues()
    define_flags(settings, flag_values)
    try:
        rest = flag_values(argv)[1:]
    except flags.Error as error:
        raise UserError(f"{error} (--help lists the flags)") from None
    if len(rest) > most_arguments:
        raise UserError(f"{rest[most_arguments]!r} is not a flag: write --name=value (--help lists the flags)")
    present = [field for field in dataclasses.fields(settings) if flag_values[field.name].present]
    return make(**{field.name: parse(field, str(flag_values[field.name].value)) for field in present}), rest


def help_text(description, settings, width=100):
    """What --help prints: each flag with its meaning, range, default (of each preset that differs) and source."""
    lines = [description, ""]
    for field in dataclasses.fields(settings):
        facts = field.metadata
        values = (
            "|".join(choices_of(field)) if facts["choices"] else field.type.__name__.replace("tuple", "int,int,...")
        )
        lines.append(f"  --{field.name}={values}" if field.type is not bool else f"  --{field.name}")
        default = in_words(field.default) or "empty"
        others = [f"{in_words(p[field.name])} in preset {name}" for name, p in PRESETS.items() if field.name in p]
        bounds = [f"{sign} {facts[key]}" for key, sign in (("low", ">="), ("high", "<=")) if facts[key] is not None]
        about = f"{facts['help']}. Default {', '.join([default, *others])}; from {facts['source']}."
        if bounds:
            about += f" Range {', '.join(bounds)}."
        lines += textwrap.wrap(about, width, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)
