"""A setting as a dataclass field: its default, meaning, source and range; how text is read and a value checked."""

import dataclasses
import math
import typing

from tfgan_gn.errors import UserError
from tfgan_gn.files.paths import local_path, refuse_pattern

OURS = "tfgan_gn"
INT32_MAX = 2**31 - 1
BOOLEANS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}  # as absl reads them
LOCAL, PLAIN = "local", "plain"  # kinds of paths: of this machine; of this machine and no pattern of file names


def option(
    default,
    help,
    source=OURS,
    *,
    choices=None,
    prefix="",
    renamed=None,
    former=None,
    low=None,
    high=None,
    free=False,
    path=None,
):
    """Makes a field of a dataclass of settings.

    Args:
        default: its default value.
        help: one sentence for --help, without a full stop; it is understood without the other options.
        source: where the default comes from.
        choices: the allowed values of a string.
        prefix: further allowed values are this prefix and a NAME that the user chooses; empty for none.
        renamed: dict from a former value to its present name, which a refusal tells.
        former: dict from a former name of the flag to what its empty value is now; a refusal tells both.
        low: smallest allowed number.
        high: largest allowed number.
        free: whether a resumed run may change the setting, because it does not change what is learnt.
        path: of a path, its kind, LOCAL or PLAIN.

    Returns:
        A dataclass field, whose metadata has the arguments by name.
    """
    metadata = {
        "help": help,
        "source": source,
        "choices": choices,
        "prefix": prefix,
        "renamed": renamed or {},
        "former": former or {},
        "low": low,
        "high": high,
        "free": free,
        "path": path,
    }
    return dataclasses.field(default=default, metadata=metadata)


def parse(field, text):
    """Reads the value of a field from the text of a flag. Raises UserError for text that is not of the field's type."""
    try:
        if field.type is bool:
            return BOOLEANS[text.lower()]
        if field.type == tuple[int, ...]:
            return tuple(int(part) for part in text.split(","))
        return field.type(text)
    except (ValueError, KeyError):
        raise UserError(f"--{field.name}={text}: give {_kind(field)}") from None


def _kind(field):
    """What a value of a field is, in words."""
    kinds = {int: "a whole number", bool: "true or false", float: "a number", str: "text"}
    return kinds.get(field.type, "numbers with commas between")


def _has_type(value, kind):
    """Whether a value is of the type of a field; a whole number is a float too."""
    if typing.get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_has_type(each, int) for each in value)
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else kind)


def as_text(value):
    """A value in the form that its flag takes."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def allowed_texts(field):
    """The allowed values of a field that has choices, in the form that --help and a refusal list them."""
    prefix = field.metadata["prefix"]
    return (*field.metadata["choices"], *([f"{prefix}NAME"] if prefix else []))


def check(settings):
    """Checks a dataclass of options and expands `~` in its paths; called in its `__post_init__`.

    Raises:
        UserError: a value that its option does not allow; names the first one.
    """
    for field in dataclasses.fields(settings):
        object.__setattr__(settings, field.name, checked(field, getattr(settings, field.name)))


def checked(field, value):
    """A value of a field, with `~` expanded in a path. Raises UserError for one that the option does not allow."""
    if field.metadata["path"] and isinstance(value, str):
        value = local_path(value, f"--{field.name}")
    check_value(field, value)
    return value


def check_value(field, value):
    """Raises UserError for a value that an option does not allow."""
    flag, rules = f"--{field.name}={as_text(value)}", field.metadata
    if not _has_type(value, field.type):
        raise UserError(f"{flag}: give {_kind(field)}")
    if value in rules["renamed"]:
        raise UserError(f"{flag}: {value} is now called {rules['renamed'][value]}; write the new name instead")
    if rules["choices"] and value not in rules["choices"] and not _has_prefix(value, rules["prefix"]):
        otherwise = ", or leave it out" if "" in rules["choices"] else ""
        raise UserError(f"{flag}: choose one of {', '.join(filter(None, allowed_texts(field)))}{otherwise}")
    if rules["path"] == PLAIN:
        refuse_pattern(value, f"--{field.name}")
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, float) and not math.isfinite(number):
            raise UserError(f"{flag}: give a finite number")
        if rules["low"] is not None and number < rules["low"]:
            raise UserError(f"{flag}: give {rules['low']} or more")
        high = INT32_MAX if rules["high"] is None and isinstance(number, int) else rules["high"]
        if high is not None and number > high:
            raise UserError(f"{flag}: give {high} or less")


def _has_prefix(value, prefix):
    return bool(prefix) and value.startswith(prefix) and value != prefix
