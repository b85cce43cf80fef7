"""The parts of a run's page that show its state, its settings and its commands."""

from tfgan_gn.page.document import folded, key_figures, section
from tfgan_gn.page.markup import joined, tag
from tfgan_gn.page.tables import code, table
from tfgan_gn.run_page.scores import ranking


def heading(runs):
    """The key figures: how far each run is, and its newest and best distance."""
    figures = []
    for run in runs:
        of_run = f" of {run.name}" if len(runs) > 1 else ""
        state = "complete" if run.iteration >= run.iterations else f"of {run.iterations:,}; not complete"
        figures.append((f"iterations{of_run}", f"{run.iteration:,}", state))
        found = ranking(run)
        if found:
            words, values = found
            best, newest = min(values, key=values.get), max(values)
            figures.append((f"best {words}{of_run}", f"{values[best]:.4g}", f"at iteration {best:,}"))
            if best != newest and len(runs) == 1:
                figures.append((f"newest {words}", f"{values[newest]:.4g}", f"at iteration {newest:,}"))
    return key_figures(figures)


def settings(runs):
    """The section of the settings: what differs, then all."""
    return _of_one(runs[0]) if len(runs) == 1 else _of_several(runs)


def commands(runs):
    """The section of the commands."""
    parts = []
    for run in runs:
        if len(runs) > 1:
            parts.append(tag("h3", run.name))
        parts += [joined([tag("p", title), code(text)]) for title, text in run.commands]
    about = (
        "To run in the folder that has train_cifar.py. Elsewhere, write tfgan-train in place of python train_cifar.py, "
        "and tfgan-eval in place of python eval_inception.py."
    )
    return section("Commands", *parts, about=about)


def _of_one(run):
    differing = [setting for setting in run.settings if setting.differs]
    rows = [[each.name, each.value, each.usual, each.help] for each in differing]
    everything = table(
        ["setting", "value", "meaning"],
        [[each.name, each.value, each.help] for each in run.settings],
        marked=[place for place, each in enumerate(run.settings) if each.differs],
    )
    return section(
        "Settings",
        table(["setting", "value", "preset", "meaning"], rows) if rows else tag("p", "All are those of the preset."),
        folded(f"All {len(run.settings)} settings", everything),
        about="What differs from the preset.",
    )


def _of_several(runs):
    rows = [[several[0].name, *(each.value for each in several)] for several in zip(*(run.settings for run in runs))]
    unlike = [place for place, row in enumerate(rows) if len(set(row[1:])) > 1]
    header = ["setting", *(run.name for run in runs)]
    return section(
        "Settings",
        table(header, [rows[place] for place in unlike]) if unlike else tag("p", "All are equal."),
        folded(f"All {len(rows)} settings", table(header, rows, marked=unlike)),
        about="What differs between the runs.",
    )
