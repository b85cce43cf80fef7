"""The exception for mistakes that the user can correct."""

import re


class UserError(ValueError):
    """A cause outside the program: a wrong flag, a damaged file, a full disk, a run that diverged.

    The text names the value, the rule that it breaks, and what to do. The commands print it without a traceback. Any
    other exception is a bug of this program and keeps its traceback.
    """


class DivergedError(UserError):
    """A loss of a run is infinite or NaN."""


def first_line(error):
    """The first line of the text of an exception, without the names of nodes that TensorFlow puts before it."""
    text = re.sub(r"\{\{.*?\}\}\s*", "", str(error)).strip() or type(error).__name__
    return text.splitlines()[0][:300]
