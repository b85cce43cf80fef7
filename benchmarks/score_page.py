"""Writes the tables and figures of docs/scores.md from the JSON files that `score_checks.py` left in docs/scores/.

    python benchmarks/score_page.py

A table stands between the lines <!-- NAME --> and <!-- end -->; the text around it is left as it is.
"""

import json
import pathlib
import re
import sys
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np
from scipy import stats

DOCS = pathlib.Path(__file__).parents[1] / "docs"
FOLDER, PAGE = DOCS / "scores", DOCS / "scores.md"
TRAINED, RANDOM = "cifar10net", "random weights"  # the networks in the JSON
MANY = 10  # checkpoints
FEW = " so far, too few for a correlation to mean much"
ESTIMATORS = {
    "plain": "Fréchet distance",
    "extrapolated": "Fréchet distance of infinitely many samples",
    "extrapolated_both": "the same, extrapolated on both sides",
    "kernel_distance": "kernel distance, times 1000",
}


def read(name):
    """The contents of a JSON file in docs/scores; None if it is not there."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def write():
    """Writes the tables into the page, and the figures beside it."""
    from score_figures import draw

    checks, run = read("checks"), read("run")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables(checks, run)), encoding="utf-8")
    draw(checks, run, DOCS / "images")


def with_tables(page, found):
    """The text of a page with other tables; `found` is a dict from names to tables."""
    for name, table in found.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        page = re.sub(pattern, lambda match, table=table: f"{match[1]}\n{table}\n\n{match[2]}", page, flags=re.S)
    return page


def tables(checks, run):
    """Dict from names to Markdown tables; without those of a JSON that is None."""
    made = {}
    if checks:
        made |= {name: make(checks) for name, make in TABLES.items()}
    if run:
        made |= {"run": run_table(run)}
    return made


# ---- what the numbers say --------------------------------------------------------------------------------------------


def by_distortion(rows):
    """Dict from the name of each distortion to its rows, in rising order of the level, from 0 on."""
    return {
        name: [row for row in rows if row["distortion"] == name]
        for name in dict.fromkeys(r["distortion"] for r in rows)
    }


def distances(rows):
    """The Fréchet distances of rows, float64 array."""
    return np.array([row["frechet_distance"] for row in rows])


def in_order(values):
    """How many values are above the one before, and how many have one before."""
    return int((np.diff(values) > 0).sum()), len(values) - 1


def over_rotations(rows):
    """Of the rows of missing classes: (numbers of kept classes, their rows, one list for each)."""
    kept = list(dict.fromkeys(row["kept"] for row in rows))
    return kept, [[row for row in rows if row["kept"] == number] for number in kept]


def rank_correlation(run):
    """Spearman's rank correlation of the Fréchet distance with the iteration."""
    return float(stats.spearmanr([row["iteration"] for row in run["rows"]], distances(run["rows"])).statistic)


# ---- the tables ------------------------------------------------------------------------------------------------------


def markdown(header, rows):
    """A Markdown table: lists of texts; the first column is text, the others are numbers."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def facts_line(checks):
    """What was compared, in a sentence, with the flags for it."""
    versions = checks["versions"]
    return (
        f"{checks['images']:,} test images against {checks['real_images']:,} training images; kernel distance, "
        f"precision and recall from {checks['rows']:,} of each (`--images={checks['images']} "
        f"--real_images={checks['real_images']} --rows={checks['rows']}`). TensorFlow {versions['tensorflow']}, NumPy "
        f"{versions['numpy']}."
    )


def distortion_table(checks):
    """Every level of every distortion."""
    untrained = iter(checks["distortions"][RANDOM])
    rows = []
    for row in checks["distortions"][TRAINED]:
        rows.append(
            [
                row["distortion"],
                f"{row['level']:g}",
                f"{row['frechet_distance']:.3f}",
                f"{1000 * row['kernel_distance']:.2f}",
                f"{row['classifier_score']:.2f}",
                f"{row['precision']:.3f}",
                f"{row['recall']:.3f}",
                f"{next(untrained)['frechet_distance']:.2f}",
            ]
        )
    header = ["distortion", "level", "Fréchet distance", "kernel distance, times 1000", "classifier score"]
    return (
        facts_line(checks)
        + "\n\n"
        + markdown([*header, "precision", "recall", "Fréchet distance, random weights"], rows)
    )


def order_table(checks):
    """Of both networks: levels in order, and the distances at the first and the last level in units of the floor."""
    networks, rows = (TRAINED, RANDOM), []
    found = {name: by_distortion(checks["distortions"][name]) for name in networks}
    floors = {name: checks["floor"][name]["value"] for name in networks}
    for distortion in found[TRAINED]:
        values = {name: distances(found[name][distortion]) for name in networks}
        orders = ["{} of {}".format(*in_order(values[name])) for name in networks]
        in_floors = [f"{values[name][at] / floors[name]:.1f}" for at in (1, -1) for name in networks]
        rows.append([distortion, *orders, *in_floors])
    rotations = {name: over_rotations(checks["classes"][name])[1] for name in networks}
    steps = {
        name: [in_order([rows[i]["frechet_distance"] for rows in groups]) for i in range(len(groups[0]))]
        for name, groups in rotations.items()
    }
    orders = [f"{sum(a for a, _ in steps[name])} of {sum(b for _, b in steps[name])}" for name in networks]
    ratio = {
        name: [distances(group).mean() / distances(rotations[name][0]).mean() for group in rotations[name]]
        for name in networks
    }
    rows.append(["missing classes", *orders, *(f"{ratio[name][at]:.1f}" for at in (1, -1) for name in networks)])
    header = ["", "in order: cifar10net", "random weights", "first level, in floors: cifar10net", "random weights"]
    return markdown([*header, "last level, in floors: cifar10net", "random weights"], rows)


def class_table(checks):
    """Fewer and fewer classes: means over the choices of classes, and the range of the distance."""
    rows = []
    kept, groups = over_rotations(checks["classes"][TRAINED])
    _, untrained = over_rotations(checks["classes"][RANDOM])
    for number, group, other in zip(kept, groups, untrained, strict=True):
        values = distances(group)
        means = [
            f"{np.mean([row[name] for row in rows_]):.3f}"
            for rows_, name in ((group, "precision"), (group, "recall"), (other, "recall"))
        ]
        low, high = f"{values.min():.2f}", f"{values.max():.2f}"
        spread = f"{values.mean():.2f}" if low == high else f"{values.mean():.2f} ({low} to {high})"
        rows.append([number, spread, *means[:2], f"{distances(other).mean():.2f}", means[2]])
    header = [
        "classes kept",
        "Fréchet distance",
        "precision",
        "recall",
        "Fréchet distance, random weights",
        "recall, random weights",
    ]
    return f"{checks['classes'][TRAINED][0]['images']:,} test images in each set.\n\n" + markdown(header, rows)


def real_table(checks):
    """Real images against real ones: each estimate with its interval, and whether that holds 0."""
    rows = []
    for pair in checks["real"]:
        for key, words in ESTIMATORS.items():
            factor, digits = (1000, 3) if key == "kernel_distance" else (1, 3)
            value, low, high = (factor * pair[key][name] for name in ("value", "low", "high"))
            holds = "yes" if low <= 0 <= high else "no"
            splits = "{low:.3f} to {high:.3f}, mean {value:.3f}".format(**pair["splits"]) if key == "plain" else ""
            interval = f"{low:.{digits}f} to {high:.{digits}f}"
            rows.append(
                [f"{pair['pair']}, {pair['images']:,} of each", words, f"{value:.{digits}f}", interval, holds, splits]
            )
    return markdown(["compared", "estimate", "value", "95 % interval", "holds 0", "of random splits, 95 %"], rows)


def run_table(run):
    """Every checkpoint of a run, and the rank correlation."""
    settings = run["settings"]
    lines = [
        f"{settings['images']:,} samples of each checkpoint against {settings['real_images']:,} training images "
        f"(`--images={settings['images']} --real_images={settings['real_images']}`). The run:",
        "",
        "```bash",
        " \\\n  ".join(textwrap.wrap(" ".join(["python train_cifar.py --data_dir=PATH", *settings["flags"]]), 110)),
        "```",
        "",
        f"**Spearman's rank correlation of Fréchet distance and iteration: {rank_correlation(run):.3f}** "
        f"({len(run['rows'])} checkpoints{FEW if len(run['rows']) < MANY else ''}).",
        "",
    ]
    rows = [
        [
            f"{row['iteration']:,}",
            f"{row['frechet_distance']:.2f}",
            f"{1000 * row['kernel_distance']:.2f}",
            f"{row['classifier_score']:.2f}",
            f"{row['precision']:.3f}",
            f"{row['recall']:.3f}",
        ]
        for row in run["rows"]
    ]
    header = ["iteration", "Fréchet distance", "kernel distance, times 1000", "classifier score", "precision", "recall"]
    return "\n".join(lines) + "\n" + markdown(header, rows)


TABLES = {"distortions": distortion_table, "order": order_table, "classes": class_table, "real": real_table}

if __name__ == "__main__":
    write()
