"""The one exception that means: the user can mend this."""


class UserError(ValueError):
    """A mistake outside the program: a flag, a file, a full disk, a diverged run.

    The text names the value, the rule it breaks and the way out. Entry points print it without a traceback; any
    other exception is a bug of ours and keeps its traceback.
    """
