"""The exception for mistakes that the user can correct, and the texts of other exceptions."""

import contextlib
import re


class UserError(ValueError):
    """A cause outside the program: a wrong flag, a damaged file, a full disk, a run that diverged.

    The text names the value, the rule that it breaks, and what to do. The commands print it without a traceback. Any
    other exception is a bug of this program and keeps its traceback.
    """


class DivergedError(UserError):
    """A loss of a run is infinite or NaN."""


@contextlib.contextmanager
def naming(path):
    """Adds a path to the text of each OSError that has none, as that of a write to a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:  # without a number, its text would be lost
            error.filename = path
        raise


def first_line(error):
    """The first line of the text of an exception, without the names of nodes that TensorFlow puts before it."""
    text = re.sub(r"\{\{.*?\}\}\s*", "", str(error)).strip() or type(error).__name__
    return text.splitlines()[0][:300]
