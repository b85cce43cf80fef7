"""What a run folder holds, as far as its page shows it."""

import glob
import os
from collections.abc import Sequence
from typing import NamedTuple

from tfgan_gn.files.whole import read_whole
from tfgan_gn.run_page.points import Points
from tfgan_gn.scoring import history, results

MOST_FRAMES = 40  # pictures in one slider
MOST_BYTES = 9_000_000  # of the pictures of all sliders together; as text in the page they are a third larger


class Setting(NamedTuple):
    """A setting of a run, in words.

    Attributes:
        name: as its flag.
        value: as text.
        usual: the value that the preset gives it, as text.
        differs: whether the page marks it as unlike the preset.
        help: its meaning, one sentence without a full stop.
    """

    name: str
    value: str
    usual: str
    differs: bool
    help: str


class Run(NamedTuple):
    """What the page shows of a run.

    Attributes:
        name: of the run in headings and legends.
        about: what is trained on what, in one line.
        workdir: run folder.
        iteration: that the newest checkpoint is of, or the last point where there is no checkpoint.
        iterations: length of the whole run.
        points: dict from a TensorBoard tag to `Points`.
        results: dict from an iteration to the result of its scoring, those of one protocol.
        other_results: number of results of other protocols, which the page leaves out.
        settings: list of `Setting`.
        commands: pairs of (what it does, the command as text).
    """

    name: str
    about: str
    workdir: str
    iteration: int
    iterations: int
    points: dict[str, Points]
    results: dict[int, dict]
    other_results: int
    settings: Sequence[Setting]
    commands: Sequence[tuple[str, str]]

    @property
    def last(self):
        """The last iteration that the run folder has anything of."""
        return max([self.iteration, *(points.iterations[-1] for points in self.points.values())])


def numbered(workdir, folder, ending, last):
    """The files of a folder of a run whose names are iterations.

    Args:
        workdir: run folder.
        folder: name of the folder in it.
        ending: of the files, without a dot.
        last: the last iteration that counts. A run that was resumed from before its end can have later files.

    Returns:
        dict from the iteration to the path, in increasing order.
    """
    paths = glob.glob(os.path.join(glob.escape(workdir), folder, f"*.{ending}"))
    names = {os.path.basename(path).partition(".")[0]: path for path in paths}
    found = {int(name): path for name, path in names.items() if name.isdecimal() and int(name) <= last}
    return dict(sorted(found.items()))


def read_results(workdir, last):
    """The results of the scorings of a run under the protocol of the last one.

    Args:
        workdir: run folder.
        last: the last iteration that counts.

    Returns:
        (dict from the iteration to the result, number of results under other protocols).

    Raises:
        UserError: one of them cannot be read.
    """
    found = {number: results.load(path) for number, path in numbered(workdir, history.SCORES, "json", last).items()}
    if not found:
        return {}, 0
    protocol = found[max(found)]["protocol"]
    alike = {number: each for number, each in found.items() if not results.differing(each["protocol"], protocol)}
    return alike, len(found) - len(alike)


def frames(paths, most_bytes):
    """The pictures for a slider: evenly spread, with the first and the last one.

    Args:
        paths: dict from an iteration to the path of a picture, in increasing order.
        most_bytes: that they may have together. At least the first and the last are taken.

    Returns:
        list of (iteration, bytes of the file).
    """
    if not paths:
        return []
    sizes = sum(os.path.getsize(path) for path in paths.values()) / len(paths)
    count = min(len(paths), MOST_FRAMES, max(2, int(most_bytes / max(1, sizes))))
    return [(number, read_whole(paths[number])) for number in evenly(list(paths), count)]


def evenly(values, count):
    """`count` of the values, evenly spread, with the first and the last one where there are two or more."""
    last = len(values) - 1
    return [values[round(place * last / max(1, count - 1))] for place in range(count)] if values else []
