"""The page of a run, written while it trains and for runs of long ago."""

import dataclasses
import os

from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.whole import write_whole
from tfgan_gn.guards import writing_to
from tfgan_gn.run_page.contents import Run, Setting, read_results
from tfgan_gn.run_page.page import page_of
from tfgan_gn.run_page.points import PointReader
from tfgan_gn.runs.about import say
from tfgan_gn.runs.commands import commands_of
from tfgan_gn.settings.differences import differing
from tfgan_gn.settings.option import as_text
from tfgan_gn.training import checkpoints

PAGE = "report.html"  # file inside a run folder
# A page is not written before this many times as long has passed as the last one took: 2 % of the time at most.
PAUSE = 50


def run_of(config, reader):
    """What the page shows of a run.

    Args:
        config: Config of the run, with its folder as `workdir`.
        reader: `points.PointReader` of that folder.

    Returns:
        `contents.Run`.

    Raises:
        UserError: one of its scores cannot be read.
    """
    points = reader.read()
    last = max([0, *(each.iterations[-1] for each in points.values())])
    try:
        iteration = checkpoints.iteration_of(checkpoints.find(config.workdir))
    except UserError:  # its checkpoints were deleted, or none was written yet
        iteration = last
    results, other_results = read_results(config.workdir, max(iteration, last))
    # The last page of a training is written before the export, which follows at once.
    exported = iteration >= config.iterations or os.path.isdir(os.path.join(config.workdir, "export"))
    usual = differing(config)
    settings = [
        Setting(
            field.name,
            as_text(getattr(config, field.name)),
            as_text(usual.get(field.name, getattr(config, field.name))),
            field.name in usual,
            field.metadata["help"],
        )
        for field in dataclasses.fields(config)
    ]
    return Run(
        name=os.path.basename(os.path.abspath(config.workdir)),
        about=_about(config),
        workdir=config.workdir,
        iteration=iteration,
        iterations=config.iterations,
        points=points,
        results=results,
        other_results=other_results,
        settings=settings,
        commands=commands_of(config, exported),
    )


def write_page(runs, path):
    """Writes the page of `contents.Run`s. Raises UserError if the path cannot be written to."""
    html = page_of(runs).encode()
    with writing_to(path, "another --out"):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        write_whole(path, html)


def make_page(config, clock):
    """Makes the `page` of a `Recorder`.

    Args:
        config: Config of the run.
        clock: function that returns the time in seconds.

    Returns:
        Function of whether the training ends. It writes the page, but where little time has passed since the last one
        only at the end. A fault in making the page is told, and does not end the run.
    """
    path, reader, due = os.path.join(config.workdir, PAGE), PointReader(config.workdir), clock()

    def page(at_end):
        nonlocal due
        start = clock()
        if start < due and not at_end:
            return
        try:
            html = page_of([run_of(config, reader)]).encode()
        except Exception as error:  # of any kind: a page is not worth the training that it shows
            say(f"note: {path} was not written: {type(error).__name__}: {first_line(error)}")
        else:
            with writing_to(config.workdir):
                write_whole(path, html)
        end = clock()
        due = end + PAUSE * (end - start)

    return page


def _about(config):
    """What is trained on what, in one line."""
    groups = f" ({as_text(config.groups)} groups)" if "group" in config.norm else ""
    norm = "no norm" if config.norm == "none" else f"{config.norm} norm{groups}"
    labels = ", with labels" if config.conditional else ""
    return (
        f"Preset {config.preset}: {config.architecture} of width {config.width}, {norm} in the critic{labels}, on "
        f"{config.dataset} at {config.sides[0]}x{config.sides[1]} pixels, batch size {config.batch_size}"
    )
