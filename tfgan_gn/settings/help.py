"""The text of --help and of --helpfull. Free of TensorFlow, so that both come at once."""

import dataclasses
import re
import shlex
import shutil
import textwrap

from tfgan_gn.settings.command_line import Messages, asks_for_help, parse_arguments
from tfgan_gn.settings.option import allowed_texts, as_text

NAME_WIDTH = 26  # of the longest flag, with its dashes
MOST_ARGUMENTS = 9  # that are no flags, of a command line that asks for help


def text(argv, description, settings, make, other_defaults=None, more=()):
    """What a command answers to --help and --helpfull.

    Args:
        argv: the name of the program and its arguments.
        description: what the program does.
        settings: as in `command_line.parse_arguments`.
        make: the same.
        other_defaults: as in `full_text`.
        more: as in `command_line.parse_arguments`.

    Returns:
        str. That of --help has the values that the other flags give, so that `--preset=NAME --help` shows a preset.

    Raises:
        UserError: as `command_line.parse_arguments`, for the other flags.
    """
    if any(argument.lstrip("-") == "helpfull" for argument in argv):
        return full_text(description, settings, other_defaults, more=more)
    others = [argument for argument in argv if not asks_for_help(argument)]
    values, _ = parse_arguments(others, settings, make, MOST_ARGUMENTS, more)
    given = shlex.join(others[1:])
    of_what = f"with {given}" if given else "by default"
    about = f"The value {of_what} stands in brackets. --helpfull tells all of each flag: its values, range and source"
    about += ", and what presets change." if other_defaults else "."
    width = min(shutil.get_terminal_size(fallback=(120, 0)).columns, 120)
    return "\n".join([description, *_wrapped(about, width), *_groups(settings, more, values, width)])


def _groups(settings, more, values, width):
    """The lines of --help: one for each flag, in the groups of their subjects."""
    bases = [base for base in reversed(settings.__bases__) if dataclasses.is_dataclass(base)] or [settings]
    lines = []
    for options in bases:
        title = options.__doc__.partition(". ")[0].partition("\n")[0].rstrip(".") if len(bases) > 1 else "Flags"
        lines += ["", f"{title}:"]
        lines += [_line(field, getattr(values, field.name), width) for field in dataclasses.fields(options)]
    others = [field for options in (*more, Messages) for field in dataclasses.fields(options)]
    return [*lines, "", "Other flags:", *(_line(field, field.default, width) for field in others)]


def _line(field, value, width):
    """A flag in one line: the first part of its meaning, what may be chosen if it has room, and the value."""
    meaning = re.split("[:;]", field.metadata["help"])[0]
    shown = f" [{_shown(value)}]"
    room = width - NAME_WIDTH - 3 - len(shown)
    if len(meaning) > room and ", " in meaning:
        meaning = meaning.partition(", ")[0]
    choices = f" ({'|'.join(filter(None, allowed_texts(field)))})" if field.metadata["choices"] else ""
    if len(meaning + choices) <= room:
        meaning += choices
    return f"  {f'--{field.name}':{NAME_WIDTH}} {textwrap.shorten(meaning, max(room, 20), placeholder=' ...')}{shown}"


def full_text(description, settings, other_defaults=None, width=100, more=()):
    """The text of --helpfull: each flag with its meaning, values, defaults, source and range.

    Args:
        description: what the program does.
        settings: the dataclass of options.
        other_defaults: function from the name of a setting to its further defaults, as `presets.other_defaults`.
        width: of a line, in characters.
        more: as in `command_line.parse_arguments`.

    Returns:
        str.
    """
    lines = [description, ""]
    for field in (field for options in (settings, *more, Messages) for field in dataclasses.fields(options)):
        lines.append(f"  --{field.name}{_values(field)}")
        others = other_defaults(field.name) if other_defaults else {}
        about = f"{field.metadata['help']}. {_defaults(field, others)}. Source: {field.metadata['source']}."
        signs = (("low", ">="), ("high", "<="))
        bounds = [f"{sign}{field.metadata[key]}" for key, sign in signs if field.metadata[key] is not None]
        if bounds:
            about += f" Range: {', '.join(bounds)}."
        lines += _wrapped(about, width, " " * 6)
    return "\n".join(lines)


def _wrapped(words, width, indent=""):
    """Words as lines. No flag and no path is broken at its hyphens."""
    kept = {"break_on_hyphens": False, "break_long_words": False}
    return textwrap.wrap(words, width, initial_indent=indent, subsequent_indent=indent, **kept)


def _values(field):
    """What may stand behind the name of a flag."""
    if field.type is bool:
        return ""
    if field.metadata["choices"]:
        return "=" + "|".join(allowed_texts(field))
    return "=" + field.type.__name__.replace("tuple", "int,int,...")


def _defaults(field, others):
    """The default of an option, and each other one with the architectures and presets that give it."""
    texts = [f"Default: {_shown(field.default)}"]
    for kind, defaults in others.items():
        names = {}
        for name, value in defaults.items():
            if value != field.default:
                names.setdefault(_shown(value), []).append(name)
        texts += [f"{value} for {kind}{'s' * (len(of) > 1)} {', '.join(of)}" for value, of in names.items()]
    return "; ".join(texts)


def _shown(value):
    if isinstance(value, bool):
        return "on" if value else "off"
    return as_text(value) or "empty"
