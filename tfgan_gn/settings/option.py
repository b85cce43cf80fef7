"""A setting: its default, meaning, source and range, as a dataclass field; what text and values it takes."""

import dataclasses
import math
import typing

from tfgan_gn.errors import UserError

OURS = "tfgan_gn"
BIG = 2**31 - 1


def option(default, help, source=OURS, *, choices=None, prefix="", renamed=(), low=None, high=None, free=False):
    """A field of a dataclass of settings.

    Args:
        default: its value where nothing is said.
        help: one sentence; goes into --help.
        source: where the default comes from.
        choices: the allowed values, for a string.
        prefix: what further allowed values begin with, before a NAME of the user's; empty for no such.
        renamed: pairs of a former value and its name of today.
        low: smallest allowed number.
        high: largest allowed number.
        free: whether a resumed run may change it, because it does not touch what is learnt.

    Returns:
        A dataclass field.
    """
    facts = {
        "help": help,
        "source": source,
        "choices": choices,
        "prefix": prefix,
        "renamed": dict(renamed),
        "low": low,
        "high": high,
        "free": free,
    }
    return dataclasses.field(default=default, metadata=facts)


def parse(field, text):
    """The value of a field from a flag's text. Raises UserError where the text is not of the field's type."""
    try:
        if field.type is bool:
            return {"true": True, "false": False}[text.lower()]
        if field.type == tuple[int, ...]:
            return tuple(int(part) for part in text.split(","))
        return field.type(text)
    except (ValueError, KeyError):
        kinds = {int: "a whole number", bool: "true or false"}
        kind = "numbers with commas between" if typing.get_origin(field.type) else kinds.get(field.type, "a number")
        raise UserError(f"--{field.name}={text}: give {kind}") from None


def check(settings):
    """Raises UserError for the first value of a dataclass of options that its option does not allow."""
    for field in dataclasses.fields(settings):
        check_value(field, getattr(settings, field.name))


def choices_of(field):
    """The values that a field of choices takes, as --help and a refusal list them."""
    prefix = field.metadata["prefix"]
    return (*field.metadata["choices"], *([f"{prefix}NAME"] if prefix else []))


def in_words(value):
    """A value as its flag takes it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def check_value(field, value):
    """Raises UserError for a value that an option does not allow."""
    flag, facts = f"--{field.name}={in_words(value)}", field.metadata
    prefix = facts["prefix"]
    if value in facts["renamed"]:
        raise UserError(f"{flag}: {value} is now called {facts['renamed'][value]}; write that name instead")
    further = bool(prefix) and value.startswith(prefix) and value != prefix
    if facts["choices"] and value not in facts["choices"] and not further:
        otherwise = ", or leave it out" if "" in facts["choices"] else ""
        raise UserError(f"{flag}: choose one of {', '.join(filter(None, choices_of(field)))}{otherwise}")
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, float) and not math.isfinite(number):
            raise UserError(f"{flag}: give a finite number")
        if facts["low"] is not None and number < facts["low"]:
            raise UserError(f"{flag}: give {facts['low']} or more")
        if facts["high"] is not None and number > facts["high"]:
            raise UserError(f"{flag}: give {facts['high']} or less")
