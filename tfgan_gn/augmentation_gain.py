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
FITTED = 0.95  # accuracy on the images learnt from, below which a classifier of real images was trained too briefly


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
        (names of the classes, `gain.Measured`).

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
    with fitting_in_memory("Give a smaller --batch_size or --num"), progress_bar(total=total, unit="classifier") as bar:
        measured = gain.measure(dataset, classes, model.augment, change, bar, **sizes)
    return [dataset.classes[number] for number in classes], measured


def findings(counts, measured):
    """The accuracies and the gains with their 95 % intervals over the seeds.

    Args:
        counts: numbers of real images of a class.
        measured: `gain.Measured`.

    Returns:
        dict of lists of dicts: "accuracies" of each count and arm; "kept" of each count; "gains", paired by seed, of
        each count and comparison, whose p values are corrected together after Holm.
    """
    from tfgan_gn.augmentation.gain import ARMS, COMPARED
    from tfgan_gn.study.findings import statistics

    def of_seeds(values):
        mean, low, high, *_ = map(float, statistics.paired(values))
        return {"accuracy": mean, "low": low, "high": high, "of_seeds": values.tolist()}

    means, kept, differences = [], [], []
    for count, of_count, of_learnt, of_new in zip(counts, *measured, strict=True):
        kept.append({"count": count} | of_seeds(of_new))
        for arm, values, learnt in zip(ARMS, of_count, of_learnt, strict=True):
            means.append({"count": count, "arm": arm.name} | of_seeds(values) | {"learnt": float(learnt.mean())})
        for one, other in COMPARED:
            gain, low, high, p, _ = map(float, statistics.paired(of_count[one] - of_count[other]))
            compared = {"count": count, "arm": ARMS[one].name, "against": ARMS[other].name}
            differences.append({**compared, "gain": gain, "low": low, "high": high, "p": p})
    for each, p in zip(differences, statistics.holm([each["p"] for each in differences]), strict=True):
        each["p_holm"] = float(p)
    return {"accuracies": means, "kept": kept, "gains": differences}


def as_text(found):
    """The findings as lines for the terminal, in per cent."""
    lines = [
        "real images of a class, learnt from: accuracy on held-out images, % [95 % interval]; on those learnt from"
    ]
    for each in found["accuracies"]:
        accuracy = _interval(each, each["accuracy"], "")
        lines.append(f"{each['count']:6}  {each['arm']:30} {accuracy:20} {100 * each['learnt']:5.1f}")
    lines.append("accuracy of the classifier of real images on new images of held-out ones, % [95 % interval]")
    lines += [f"{each['count']:6}  {_interval(each, each['accuracy'], '')}" for each in found["kept"]]
    lines.append("gain in points [95 % interval], p after Holm")
    for each in found["gains"]:
        title = f"{each['arm']} - {each['against']}"
        lines.append(f"{each['count']:6}  {title:50} {_interval(each, each['gain'], '+')}  p {each['p_holm']:.2g}")
    worst = min(each["learnt"] for each in found["accuracies"] if each["arm"] == "real")
    if worst < FITTED:
        lines.append(
            f"The classifiers found the class of only {100 * worst:.0f} % of the real images that they learnt from: "
            "they were trained too briefly for a comparison. Give more --steps"
        )
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
    with writing_to(workdir, "permission to write there"):
        refuse_unwritable(out)
    classes, measured = measure(settings, workdir)
    found = findings(settings.counts, measured)
    content = {"settings": dataclasses.asdict(settings), "versions": versions(), "classes": classes} | found
    with writing_to(workdir, "permission to write there"):
        write_whole(out, f"{json.dumps(content, indent=1)}\n".encode())
    sys.stdout.write(f"{as_text(found)}written to {out}\n")
    return 0


def main(argv):
    """Runs the command. Returns the exit code: 0 done, 1 for a UserError, 130 if interrupted."""
    return command_line.run(lambda: command(argv), "tfgan_gn.augmentation_gain", "interrupted: nothing was written")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
