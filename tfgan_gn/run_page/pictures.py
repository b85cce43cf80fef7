"""The parts of a run's page that show its pictures."""

from tfgan_gn.augmentation.alarms import SPREAD
from tfgan_gn.page import pictures
from tfgan_gn.page.document import section, side_by_side
from tfgan_gn.run_page.contents import MOST_BYTES, frames, numbered
from tfgan_gn.scoring import naming
from tfgan_gn.scoring.neighbours import FOLDER as NEIGHBOURS
from tfgan_gn.training.recorder import INTERPOLATIONS, SAMPLES

MEMORISATION = "memorisation_share"  # the score that belongs to its pictures


def samples(runs):
    """The section of the sample grids, each run with a slider; empty without them."""
    found = [(run, numbered(run.workdir, SAMPLES, "png", run.last)) for run in runs]
    found = [(run, paths) for run, paths in found if paths]
    if not found:
        return ""
    shown = [frames(paths, MOST_BYTES / len(found)) for _, paths in found]
    parts = [
        pictures.slider(
            [(f"iteration {number:,}", png) for number, png in each],
            "iteration",
            heading=run.name if len(runs) > 1 else "",
        )
        for (run, _), each in zip(found, shown, strict=True)
    ]
    about = "Samples from the same noise at each iteration: the slider goes from the first grid to the last."
    if _makes_new_images(runs):
        about += " A row begins with a real image of a class that was not learnt from; the others are made of it."
    total, taken = (sum(map(len, each)) for each in ([paths for _, paths in found], shown))
    if taken < total:
        about += f" {taken:,} of {total:,} grids are here, evenly spread; all are in samples/."
    return section("Samples", side_by_side(*parts), about=about)


def interpolations(runs):
    """The section of the newest interpolations; empty without them."""
    about = (
        "Each row leads from one image of the sample grid, at the left, to the image below it, at the right. The noise "
        "vectors between them are on the arc between the two (spherical interpolation)."
    )
    if _makes_new_images(runs):
        about = (
            "Each row has new images of one real image, that of the same row of the sample grid. Its noise vectors are "
            "on the arc between two (spherical interpolation)."
        )
    return _newest(runs, "Interpolations", INTERPOLATIONS, about)


def neighbours(runs):
    """The section of the newest samples beside their nearest real images; empty without them."""
    about = (
        "Samples, and below each the training image that is nearest to it in the features of the scoring network. The "
        "memorisation share is how often a sample is nearer to a training image than an unseen real image is. A share "
        "well above 0.5 is a sign of copies; one below 0.5 does not exclude them."
    )
    if _makes_new_images(runs):
        about = (
            "New images, and below each the real image that is nearest to it in the features of the scoring network, "
            "among those of the classes that training does not see: the sources of the new images are among them. The "
            "memorisation share is how often a new image is nearer to one of them than another real image of these "
            "classes is. A share well above 0.5 is a sign that sources are copied; one below 0.5 does not exclude it."
        )
        return _newest(runs, "Nearest real images", NEIGHBOURS, about, note=_memorisation)
    return _newest(runs, "Nearest training images", NEIGHBOURS, about, note=_memorisation)


def _makes_new_images(runs):
    """Whether the generators of the runs are given images, and make new ones of them."""
    return all(SPREAD in run.points for run in runs)


def _memorisation(run, iteration):
    """The memorisation share at an iteration, in words; empty where it was not computed."""
    scores = run.results[iteration]["scores"] if iteration in run.results else {}
    key = next((key for key in scores if key.rpartition("/")[2] == MEMORISATION), None)
    return f"; {naming.title_of(key)} {scores[key]['value']:.3g}" if key else ""


def _newest(runs, heading, folder, about, note=lambda run, iteration: ""):
    """A section with the newest picture in a folder of each run, and a note on it; empty without any."""
    parts = []
    for run in runs:
        paths = numbered(run.workdir, folder, "png", run.last)
        if paths:
            last = max(paths)
            caption = f"{run.name}, iteration {last:,}" if len(runs) > 1 else f"iteration {last:,}"
            (_, png), *_ = frames({last: paths[last]}, MOST_BYTES)
            parts.append(pictures.picture(png, f"{heading}, {caption}", caption + note(run, last)))
    return section(heading, side_by_side(*parts), about=about) if parts else ""
