"""The parts of a run's page that show its TensorBoard points as curves."""

from tfgan_gn.augmentation.alarms import ALARM, NEARNESS, SPREAD
from tfgan_gn.page import charts
from tfgan_gn.page.document import section, side_by_side
from tfgan_gn.run_page.points import quantiles

SLOPES = "critic/slopes"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Titles of charts, and the tags in each with their names in its legend.
LOSSES = (
    ("Loss of the critic", {"critic/loss": "training images", "critic/test_loss": "held-out images"}),
    ("Wasserstein estimate E[D(real)] - E[D(fake)]", {"critic/wasserstein": "training images"}),
    ("Gradient penalty, before its weight", {"critic/gradient_penalty": "training images"}),
    ("Loss of the generator", {"generator/loss": "training"}),
    ("Loss of the classifier", {"critic/class_loss": "of real images", "generator/class_loss": "of fake images"}),
    ("Accuracy of the classifier", {"critic/accuracy_real": "real images", "critic/accuracy_fake": "fake images"}),
)
ALARMS = (
    ("Difference of two new images of one source", {SPREAD: ""}),
    ("Difference of a new image and the nearest real one", {NEARNESS: ""}),
)
SPEED = (
    ("Learning rate of the critic", {"train/learning_rate": ""}),
    ("Iterations per second", {"train/iterations_per_second": ""}),
)


def losses(runs):
    """The section of the losses; empty if no run has points."""
    parts = _charts(runs, LOSSES)
    about = "Means over the iterations between two points; the held-out loss is of one iteration."
    return section("Losses", side_by_side(*parts), about=about) if parts else ""


def new_images(runs):
    """The section of the alarms about new images of given ones; empty for other runs."""
    parts = _charts(runs, ALARMS)
    about = (
        "RMS differences over the pixels, divided by that of two real images of a class. So real images have about 1. "
        f"Below {ALARM:g} the generator ignores its noise, or copies images."
    )
    return section("New images", side_by_side(*parts), about=about) if parts else ""


def slopes(runs):
    """The section of the critic's gradient norms, whose target the gradient penalty sets to 1; empty without them."""
    parts = [_slopes_of(run, run.name if len(runs) > 1 else "Slopes") for run in runs if SLOPES in run.points]
    about = (
        "A slope is the norm of the critic's gradient at an image between a real and a fake one. The gradient penalty "
        "pulls it to 1, the dashed line. The line is the median of the slopes of one batch; the shades hold the middle "
        "50 % and 90 % of them."
    )
    return section("Slopes of the critic", side_by_side(*parts), about=about) if parts else ""


def speed(runs):
    """The section of learning rate and speed; empty if no run has points."""
    parts = _charts(runs, SPEED)
    about = "The speed includes samples, scores and checkpoints, and depends on what else the machine does."
    return section("Learning rate and speed", side_by_side(*parts), about=about) if parts else ""


def _charts(runs, panels):
    """One chart for each panel; of several runs one for each tag, with a curve for each run."""
    parts = []
    for title, names in panels:
        present = {tag: name for tag, name in names.items() if any(tag in run.points for run in runs)}
        if len(runs) == 1 and present:
            parts.append(charts.lines(title, [_curve(runs[0], tag, name) for tag, name in present.items()]))
        elif present:
            for tag, name in present.items():
                curves = [_curve(run, tag, run.name, place) for place, run in enumerate(runs) if tag in run.points]
                parts.append(charts.lines(f"{title}, {name}" if len(names) > 1 else title, curves))
    return parts


def _curve(run, tag, label, colour=None):
    return charts.Curve(label, *run.points[tag], colour=colour)


def _slopes_of(run, title):
    iterations, histograms = run.points[SLOPES]
    lowest, low, median, high, highest = zip(*(quantiles(each, QUANTILES) for each in histograms), strict=True)
    curve = charts.Curve("median", iterations, median, bands=[(lowest, highest), (low, high)])
    return charts.lines(title, [curve], level=1.0)
