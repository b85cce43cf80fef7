"""The page of a study: the answer, the table, the differences, the curves, the samples, every command."""

import math
import os

import numpy as np

from tfgan_gn.files.whole import read_whole
from tfgan_gn.page import charts, tables
from tfgan_gn.page.document import document, folded, section, side_by_side
from tfgan_gn.page.pictures import picture
from tfgan_gn.scoring import naming
from tfgan_gn.study.findings import statistics, summary
from tfgan_gn.study.trials import DIVERGED, FINISHED, FOLDER, score_of

WORDS = {"last": "last checkpoint", "best": "chosen checkpoint"}
CURVES = ("frechet_distance", "classifier_score")


def page_of(study, found, out, outcome=None):
    """The page as text.

    Args:
        study: `definition.Study`.
        found: dict of `trials.read_results`.
        out: folder of the study, whose pictures are shown.
        outcome: `search.Outcome` of a search, or None.

    Returns:
        str, a whole HTML document.
    """
    finished = {name: result for name, result in found.items() if result["status"] == FINISHED}
    keys = next(iter(finished.values()))["last"] if finished else {}
    titles = {score: naming.title_of(naming.find_key(score, keys) or score) for score in summary.SCORES}
    return document(
        f"Study {study.name}",
        summary.answer(study, found),
        section("The question", about=study.about) if study.about else "",
        _how_to_read(study, found),
        _arms(study, found, titles),
        *_differences(study, found, titles),
        _search(study, finished, outcome),
        _curves(study, finished),
        _samples(study, out),
        _commands(study, found),
    )


def _how_to_read(study, found):
    finished = sum(result["status"] == FINISHED for result in found.values())
    return section(
        "What was done",
        about=(
            f"{len(study.arms)} arms were trained with the seeds {', '.join(map(str, study.seeds))}; {finished} of "
            f"{len(study.arms) * len(study.seeds)} trials are finished. With one seed, all arms see the same images in "
            "the same order and the same noise, and start with the same weights where the networks agree, but for arms "
            "with other seeds. The last checkpoint is the last iteration; the chosen one has the lowest Fréchet "
            "distance to the training images during training. Both are scored anew, with other noise, against held-out "
            "images, so that the choice does not count twice. Scores are of this study's own scorer and length of "
            "training: they compare its arms, and are not published Inception Scores or FIDs."
        ),
    )


def _arms(study, found, titles):
    columns = [(score, checkpoint) for score in summary.SCORES for checkpoint in summary.CHECKPOINTS]
    header = ["arm", "finished", *(f"{titles[s]}, {WORDS[c]}" for s, c in columns), "seconds per iteration"]
    rows = []
    for row in summary.rows_of(study, found):
        ended = "".join(f", {number} {status}" for status, number in row.ended.items())
        means = [_mean(row.means[column]) for column in columns]
        rows.append([row.arm.name, f"{row.finished}{ended}", *means, _number(row.seconds)])
    about = "Means over the seeds ± the standard deviation of a trial. Seconds depend on what else the machine did."
    table = tables.table(header, rows, numbers=range(2, len(header)), marked=_marked(study))
    failed = [
        [name, result["status"], result.get("reason", "")]
        for name, result in found.items()
        if result["status"] != FINISHED
    ]
    reasons = tables.table(["trial", "status", "reason"], failed) if failed else ""
    return section("Arms", table, reasons, about=about)


def _marked(study):
    """Numbers of the rows that others are compared with."""
    against = {arm.against for arm in study.arms}
    return [number for number, arm in enumerate(study.arms) if arm.name in against]


def _differences(study, found, titles):
    """A section for each score and checkpoint: the forest plot and its table."""
    for (score, checkpoint), family in summary.comparisons_of(study, found).items():
        compared = [each for each in family if each.pairs > 1]
        if not compared:
            continue
        better = "lower" if summary.LOWER_IS_BETTER[score] else "higher"
        title = f"{titles[score]}, {WORDS[checkpoint]}"
        rows = [(f"{each.arm} - {each.against}", each.difference, each.low, each.high) for each in compared]
        header = ["arm", "compared with", "seeds", "difference", "95 % interval", "p", "p, Holm", "smallest", "shown"]
        about = (
            f"Differences with the same seed; {better} is better. The bars are 95 % intervals over the seeds (t), "
            f"each by itself. A difference is shown if its p value, corrected for all {len(compared)} comparisons here "
            f"(Holm), is below {statistics.LEVEL}. The column smallest is the true difference that would have been "
            f"shown with a chance of {100 * statistics.POWER:.0f} %: a smaller one may be there and was not shown."
        )
        yield section(
            f"Differences: {title}",
            charts.forest(title, rows, x_label=f"difference ({better} is better)"),
            tables.table(header, [_cells(each) for each in family], numbers=range(2, 8)),
            about=about,
        )


def _cells(each):
    interval = "" if math.isnan(each.low) else f"{each.low:.3g} to {each.high:.3g}"
    numbers = [f"{each.difference:+.3g}" if each.pairs > 1 else "", interval]
    return [
        each.arm,
        each.against,
        str(each.pairs),
        *numbers,
        *map(_number, (each.p, each.p_holm, each.smallest)),
        each.words,
    ]


def _search(study, finished, outcome):
    """What the search chose, and how much of the winner's score is owed to the choice alone."""
    if outcome is None:
        return ""
    groups, chosen_by = outcome.ranking[-1][0]
    again = [
        score_of(finished[name]) for seed in study.seeds if (name := f"{outcome.winner.name}-seed-{seed}") in finished
    ]
    rows = [
        [str(number), "-".join(map(str, each)), _number(score)]
        for number, ranking in enumerate(outcome.ranking)
        for each, score in ranking
    ]
    fresh = f"{np.mean(again):.4g} on average with the seeds of the study" if again else "not trained again yet"
    about = (
        f"Successive halving with seed {study.search.seed} of its own, over {len(outcome.ranking)} rungs and "
        f"{len(outcome.ranking[0])} candidates. The winner {'-'.join(map(str, groups))} was chosen with a Fréchet "
        f"distance to the training images of {chosen_by:.4g}; the same score is {fresh}. The difference is what the "
        "selection alone buys. The winner's row in the table above has only seeds that it was not chosen on."
    )
    table = tables.table(["rung", "groups", "score"], rows, numbers=[2], marked=[len(rows) - len(outcome.ranking[-1])])
    return section("Search for the groups of each site", folded("All candidates", table), about=about)


def _curves(study, finished):
    """Curves over training: for each arm the mean over seeds, and the band between its lowest and highest seed."""
    parts = []
    tags = dict.fromkeys(tag for result in finished.values() for tag in result["curves"])
    for tag in tags:
        curves = [curve for arm in study.arms if (curve := _curve(study, finished, arm, tag))]
        level = 1.0 if tag == "slope" else None
        parts.append(charts.lines(_title(tag), curves, level=level))
    about = (
        "Means over the finished seeds; the band is from the lowest to the highest seed. The scores are those by which "
        "a checkpoint is chosen, against training images. The slope is the median of the critic's gradient norms, "
        "which the gradient penalty pulls to 1, the dashed line."
    )
    return section("During training", side_by_side(*parts), about=about) if parts else ""


def _curve(study, finished, arm, tag):
    names = [f"{arm.name}-seed-{seed}" for seed in study.seeds]
    curves = [finished[name]["curves"][tag] for name in names if tag in finished.get(name, {}).get("curves", {})]
    if not curves:
        return None
    values = np.array([curve["value"] for curve in curves])
    bands = [(values.min(0), values.max(0))] if len(values) > 1 else []
    return charts.Curve(arm.name, curves[0]["iteration"], values.mean(0), bands)


def _title(tag):
    if tag == "slope":
        return "Slope of the critic, median of a batch"
    return "Critic's loss on held-out images" if tag == "critic/test_loss" else naming.title_of(tag)


def _samples(study, out):
    """The samples of each arm's first seed side by side."""
    parts = []
    for arm in study.arms:
        path = os.path.join(out, FOLDER, f"{arm.name}-seed-{study.seeds[0]}.png")
        if os.path.exists(path):
            parts.append(picture(read_whole(path), f"samples of {arm.name}", arm.name))
    about = f"Of the last checkpoint with seed {study.seeds[0]}: image by image from the same noise."
    return section("Samples", side_by_side(*parts), about=about) if parts else ""


def _commands(study, found):
    """The command of each trial, with its seed."""
    lines = [result["command"] for result in found.values() if result["status"] in (FINISHED, DIVERGED)]
    versions = next((result["versions"] for result in found.values() if result["status"] == FINISHED), {})
    threads = sorted({result["threads"] for result in found.values() if result["status"] == FINISHED})
    about = f"Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}."
    if threads and any(threads):
        about += f" Threads of an operation: {', '.join(map(str, threads))}."
    return section(
        "How to make it again",
        folded("The study file", tables.code(study.text)),
        folded("The command of each trial", tables.code("\n".join(lines))),
        about=about,
    )


def _mean(mean):
    return "" if math.isnan(mean.mean) else f"{_number(mean.mean)} ± {_number(mean.deviation)}"


def _number(value):
    return "" if math.isnan(value) else f"{value:.3g}"
