"""The page of one run, or of several side by side."""

from tfgan_gn.page import document
from tfgan_gn.run_page import curves, overview, pictures, scores


def page_of(runs):
    """The page of runs.

    Args:
        runs: list of `contents.Run`, at least one.

    Returns:
        str, an HTML page that needs no other file and no network.
    """
    seen = list(filter(None, (show(runs) for show in (pictures.samples, pictures.neighbours, pictures.interpolations))))
    sections = [
        overview.heading(runs),
        scores.section(runs),
        *(seen if len(runs) > 1 else [document.side_by_side(*seen)]),
        curves.new_images(runs),
        curves.losses(runs),
        curves.slopes(runs),
        curves.speed(runs),
        overview.settings(runs),
        overview.commands(runs),
    ]
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs"
    about = runs[0].about if len(runs) == 1 else ", ".join(run.name for run in runs)
    return document.document(title, about, *filter(None, sections))
