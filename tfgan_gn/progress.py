"""Progress of long work: a bar on a terminal, and a line every 30 seconds in a log file."""

import contextlib
import sys

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 30.0


class Lines(tqdm):
    """A `tqdm` bar for output that is no terminal: it writes whole lines, the first after 30 seconds.

    Work that takes less than that writes nothing.
    """

    FORMAT = "{desc}{percentage:.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"

    def __init__(self, **settings):
        between = SECONDS_BETWEEN_LINES
        times = {"mininterval": between, "maxinterval": between, "delay": between}
        form = self.FORMAT if settings.get("total") else None
        if form and settings.get("desc"):
            settings["desc"] += ": "  # which `tqdm` adds where it is given no format
        super().__init__(**{**settings, "leave": False, "bar_format": form, **times})

    def display(self, msg=None, pos=None):
        """Writes one line. `tqdm` gives an empty text to wipe out a bar; there is none.

        Where it cannot be written, as to a full disk, the work goes on: its progress is not worth the work.
        """
        text = str(self) if msg is None else msg
        if not text:
            return
        with contextlib.suppress(OSError):
            self.fp.write(text + "\n")
            self.fp.flush()

    def close(self):
        """Ends the bar without the characters that wipe it out on a terminal."""
        self.disable = True
        super().close()
        self._instances.discard(self)


def progress_bar(file=None, **settings):
    """A progress bar that suits the output.

    Args:
        file: text file to write to; None for standard error.
        **settings: of `tqdm.tqdm`: total, initial, unit, desc, ...

    Returns:
        `tqdm.tqdm`, or `Lines` where `file` is no terminal.
    """
    file = sys.stderr if file is None else file
    if file.isatty():
        return tqdm(file=file, dynamic_ncols=True, **settings)
    return Lines(file=file, **settings)
