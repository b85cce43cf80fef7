"""Measures what the new images of a generator are worth to a classifier that learns from few real images.

    python -m tfgan_gn.augmentation_gain RUN

RUN is the folder of a finished run of --preset=dagan, whose data are read again. A small classifier learns from 5, 10
and 15 real images of each class: alone, with shifts and flips, with new images, and with both. Its accuracy on held-out
images is printed, with 95 % intervals over the seeds, and written to RUN/augmentation_gain.json.
"""

import dataclasses
import functools
import json
import os
import sys

from tfgan_gn.errors import UserError
from tfgan_gn.settings import command_line, help
from tfgan_gn.settings.config_file import load_config
from tfgan_gn.settings.tools.augmentation_gain import GainConfig
from tfgan_gn.startup import load_tensorflow

RESULT = "augmentation_gain.json"


def classes_of(settings, config, dataset):
    """The numbers of the classes to tell apart. Raises UserError for fewer than two."""
    from tfgan_gn.runs.run_data import classes_of_pairs

    if settings.classes == "all":
        classes = tuple(range(len(dataset.classes)))
    else:
        seen = classes_of_pairs(config, dataset).train
        classes = tuple(number for number in range(len(dataset.classes)) if number not in seen)
    if len(classes) < 2:
        raise UserError(
            f"--classes={settings.classes}: the data have {len(classes)} such classes, and a classifier tells two or "
            "more apart. Give --classes=all, or train with a larger --validation_classes or --test_classes"
        )
    return classes


def measure(settings, workdir):
    """Trains the classifiers of all counts, arms and seeds.

    Args:
        settings: GainConfig.
        workdir: run folder.

    Returns:
        (names of the classes, float64 [counts, arms, seeds], accuracies).

    Raises:
        UserError: the folder is no run of pairs with an export, or its data do not fit the settings.
    """
    from tfgan_gn.augmentation import gain
    from tfgan_gn.augmentation.classifier import shifted
    from tfgan_gn.augmentation.writer import load_augmenter
    from tfgan_gn.guards import fitting_in_memory
    from tfgan_gn.progress import progress_bar
    from tfgan_gn.runs import run_data

    config = load_config(workdir)
    model = load_augmenter(os.path.join(workdir, "export"))
    if settings.shift >= min(config.sides):
        raise UserError(f"--shift={settings.shift}: give less than the size of the images, {min(config.sides)}")
    dataset = run_data.load_data(config)
    classes = classes_of(settings, config, dataset)
    sizes = {name: getattr(settings, name) for name in ("counts", "num", "seeds", "held_out", "steps", "batch_size")}
    change = functools.partial(shifted, most=settings.shift, flips=settings.flips)
    total = len(settings.counts) * len(gain.ARMS) * settings.seeds
    with fitting_in_memory(), progress_bar(total=total, unit="classifier") as bar:
        accuracies = gain.measure(dataset, classes, model.augment, change, bar, **sizes)
    return [dataset.classes[number] for number in classes], accuracies


def findings(counts, accuracies):
    """The accuracies and the gains with their 95 % intervals over the seeds.

    Args:
        counts: numbers of real images of a class.
        accuracies: floats [counts, arms, seeds].

    Returns:
        (list of dicts: accuracies of each count and arm; list of dicts: gains, paired by seed, of each count and
        comparison, whose p values are corrected together after Holm).
    """
    from tfgan_gn.augmentation.gain import ARMS, COMPARED
    from tfgan_gn.study.findings import statistics

    means, differences = [], []
    for count, of_count in zip(counts, accuracies, strict=True):
        for arm, values in zip(ARMS, of_count, strict=True):
            mean, low, high, *_ = map(float, statistics.paired(values))
            means.append({"count": count, "arm": arm.name, "accuracy": mean, "low": low, "high": high})
            means[-1]["of_seeds"] = values.tolist()
        for one, other in COMPARED:
            gain, low, high, p, _ = map(float, statistics.paired(of_count[one] - of_count[other]))
            compared = {"count": count, "arm": ARMS[one].name, "against": ARMS[other].name}
            differences.append({**compared, "gain": gain, "low": low, "high": high, "p": p})
    for each, p in zip(differences, statistics.holm([each["p"] for each in differences]), strict=True):
        each["p_holm"] = float(p)
    return means, differences


def as_text(means, differences):
    """The findings as lines for the terminal, in per cent."""
    lines = ["real images of a class, learnt from: accuracy on held-out images, % [95 % interval]"]
    for each in means:
        lines.append(f"{each['count']:6}  {each['arm']:30} {_interval(each, each['accuracy'], '')}")
    lines.append("gain in points [95 % interval], p after Holm")
    for each in differences:
        title = f"{each['arm']} - {each['against']}"
        lines.append(f"{each['count']:6}  {title:50} {_interval(each, each['gain'], '+')}  p {each['p_holm']:.2g}")
    return "\n".join(lines) + "\n"


def _interval(each, value, sign):
    return f"{100 * value:{sign}.1f} [{100 * each['low']:{sign}.1f}, {100 * each['high']:{sign}.1f}]"


def command(argv):
    """Reads the command line and measures, or prints the help. Returns the exit code."""
    settings, arguments = command_line.parse_arguments(argv, GainConfig, GainConfig, most_arguments=1)
    if settings is None:
        sys.stdout.write(help.text(argv, __doc__, GainConfig, GainConfig) + "\n")
        return 0
    if not arguments:
        raise UserError("give the folder of a run, RUN (--help says which)")
    load_tensorflow()
    from tfgan_gn.files.whole import refuse_unwritable, write_whole
    from tfgan_gn.guards import writing_to
    from tfgan_gn.runs.about import versions

    (workdir,) = arguments
    out = os.path.join(workdir, RESULT)
    load_config(workdir)  # no run, no result
    with writing_to(workdir):
        refuse_unwritable(out)
    classes, accuracies = measure(settings, workdir)
    means, differences = findings(settings.counts, accuracies)
    content = {"settings": dataclasses.asdict(settings), "versions": versions(), "classes": classes}
    content |= {"accuracies": means, "gains": differences}
    with writing_to(workdir):
        write_whole(out, f"{json.dumps(content, indent=1)}\n".encode())
    sys.stdout.write(f"{as_text(means, differences)}written to {out}\n")
    return 0


def main(argv):
    """Runs the command. Returns the exit code: 0 done, 1 for a UserError, 130 if interrupted."""
    return command_line.run(lambda: command(argv), "tfgan_gn.augmentation_gain", "interrupted: nothing was written")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
