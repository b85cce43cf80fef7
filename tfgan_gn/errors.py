"""The one exception that means: the user can mend this."""

import re


class UserError(ValueError):
    """A mistake outside the program: a flag, a file, a full disk, a diverged run.

    The text names the value, the rule it breaks and the way out. Entry points print it without a traceback; any
    other exception is a bug of ours and keeps its traceback.
    """


def first_line(error):
    """What an exception says, in one line fit to be shown, without the node names that TensorFlow puts first."""
    text = re.sub(r"\{\{.*?\}\}\s*", "", str(error)).strip() or type(error).__name__
    return text.splitlines()[0][:300]
