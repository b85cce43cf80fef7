"""What the trials of a study show: each arm's scores, and the paired differences with what was shown by them."""

import math
from typing import NamedTuple

import numpy as np

from tfgan_gn.scoring import naming
from tfgan_gn.study.findings import statistics
from tfgan_gn.study.trials import FINISHED

SCORES = ("frechet_distance", "classifier_score")  # keys of `scores.SCORES`; the first is the one of the question
CHECKPOINTS = ("last", "best")
LOWER_IS_BETTER = {"frechet_distance": True, "classifier_score": False}
NOT_SHOWN = "no difference shown"


class Mean(NamedTuple):
    """An arm under one score: `mean` and standard `deviation` over the finished seeds, NaN where there are too few."""

    mean: float
    deviation: float


class Row(NamedTuple):
    """An arm.

    Attributes:
        arm: `definition.Arm`.
        finished: number of finished trials.
        ended: dict from the status of other trials ("diverged", "crashed", "not trained") to their number.
        means: dict from (score, checkpoint) to `Mean`.
        seconds: median over its trials of the seconds per iteration; NaN without any.
    """

    arm: object
    finished: int
    ended: dict
    means: dict
    seconds: float


class Comparison(NamedTuple):
    """An arm beside the arm that it is compared with, under one score.

    Attributes:
        arm: name of the arm.
        against: name of the other.
        score: key of SCORES.
        checkpoint: one of CHECKPOINTS.
        pairs: number of seeds with which both finished.
        difference: mean over these seeds of the arm's score minus the other's.
        low, high: its 95 % interval, by itself.
        p: p value of the paired t test.
        p_holm: p adjusted for all comparisons with the same score and checkpoint.
        smallest: true difference that would have been shown with a chance of 80 %; NaN where pairs do not differ.
        words: "better", "worse", NOT_SHOWN, or why there is no comparison.
    """

    arm: str
    against: str
    score: str
    checkpoint: str
    pairs: int
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    p_holm: float = math.nan
    smallest: float = math.nan
    words: str = "fewer than two seeds with which both finished"


def value_of(result, score, checkpoint):
    """A score in the result of a finished trial, a float."""
    return result[checkpoint][naming.find_key(score, result[checkpoint])]


def values_by_seed(study, found, arm, score, checkpoint):
    """The scores of an arm: dict from a seed to a float, for its finished trials."""
    results = {seed: found.get(f"{arm}-seed-{seed}", {}) for seed in study.seeds}
    return {seed: value_of(r, score, checkpoint) for seed, r in results.items() if r.get("status") == FINISHED}


def rows_of(study, found):
    """A `Row` for each arm of a study.

    Args:
        study: `definition.Study`.
        found: dict from the name of a trial to its result, as `trials.read_results` returns.
    """
    return [_row(study, found, arm) for arm in study.arms]


def _row(study, found, arm):
    results = [found.get(f"{arm.name}-seed-{seed}", {"status": "not trained"}) for seed in study.seeds]
    statuses = [result["status"] for result in results]
    means = {}
    for score in SCORES:
        for checkpoint in CHECKPOINTS:
            values = [*values_by_seed(study, found, arm.name, score, checkpoint).values()]
            mean = float(np.mean(values)) if values else math.nan
            means[score, checkpoint] = Mean(mean, float(np.std(values, ddof=1)) if len(values) > 1 else math.nan)
    seconds = [result["seconds_per_iteration"] for result in results if result["status"] == FINISHED]
    ended = {status: statuses.count(status) for status in dict.fromkeys(statuses) if status != FINISHED}
    return Row(arm, len(seconds), ended, means, float(np.median(seconds)) if seconds else math.nan)


def comparisons_of(study, found):
    """All comparisons of a study: dict from (score, checkpoint) to a list of `Comparison`, in the order of the arms.

    Args:
        study: `definition.Study`.
        found: as in `rows_of`.
    """
    return {
        (score, checkpoint): _family(study, found, score, checkpoint) for score in SCORES for checkpoint in CHECKPOINTS
    }


def _family(study, found, score, checkpoint):
    """The comparisons of one score, which are corrected for together."""
    pairs = {arm.name: _differences(study, found, arm, score, checkpoint) for arm in study.arms if arm.against}
    tested = [name for name, differences in pairs.items() if len(differences) > 1]
    tests = {name: statistics.paired(pairs[name]) for name in tested}
    adjusted = dict(zip(tested, statistics.holm([test.p for test in tests.values()]), strict=True)) if tested else {}
    family = []
    for arm in study.arms:
        if arm.against:
            comparison = Comparison(arm.name, arm.against, score, checkpoint, len(pairs[arm.name]))
            if arm.name in tests:
                comparison = _filled(comparison, tests[arm.name], float(adjusted[arm.name]), len(tested))
            family.append(comparison)
    return family


def _filled(comparison, test, p_holm, comparisons):
    mean, low, high, p, deviation = map(float, test)
    smallest = math.nan
    if deviation:
        smallest = statistics.smallest_difference(deviation, comparison.pairs, comparisons)
    better = (mean < 0) == LOWER_IS_BETTER[comparison.score]
    words = NOT_SHOWN if p_holm >= statistics.LEVEL else "better" if better else "worse"
    return comparison._replace(difference=mean, low=low, high=high, p=p, p_holm=p_holm, smallest=smallest, words=words)


def _differences(study, found, arm, score, checkpoint):
    own, other = (values_by_seed(study, found, name, score, checkpoint) for name in (arm.name, arm.against))
    return np.array([own[seed] - other[seed] for seed in study.seeds if seed in own and seed in other])


def answer(study, found):
    """The answer in words: which arms differ by the score of the question, and what difference could be missed."""
    score, checkpoint = SCORES[0], CHECKPOINTS[0]
    family = _family(study, found, score, checkpoint)
    shown = [each for each in family if each.words in ("better", "worse")]
    compared = [each for each in family if each.pairs > 1]
    if not compared:
        return "No two arms have two finished seeds in common yet: there is nothing to compare."
    scorer = next(key for r in found.values() if r["status"] == FINISHED for key in [naming.find_key(score, r["last"])])
    by = f"By the {naming.title_of(scorer)} of the last checkpoint"
    missed = _what_could_be_missed([each for each in compared if each.words == NOT_SHOWN])
    if not shown:
        return f"{by}, no difference was shown in any of {len(compared)} comparisons.{missed}"
    told = "; ".join(
        f"{each.arm} is {each.words} than {each.against} by {abs(each.difference):.3g} [{_bounds(each)}]"
        for each in shown
    )
    rest = len(compared) - len(shown)
    others = f" In the other {rest} of {len(compared)} comparisons no difference was shown." if rest else ""
    return f"{by}, {told}.{others}{missed}"


def _what_could_be_missed(comparisons):
    """A sentence on the smallest differences that these comparisons could have shown, or "" without any."""
    smallest = [each.smallest for each in comparisons if not math.isnan(each.smallest)]
    if not smallest:
        return ""
    low, high = (f"{end:.3g}" for end in (min(smallest), max(smallest)))
    least = low if low == high else f"{low} to {high}, depending on the arm,"
    return (
        f" In these comparisons a true difference must be at least {least} to be shown with a chance of "
        f"{100 * statistics.POWER:.0f} %: smaller differences may exist."
    )


def _bounds(comparison):
    low, high = sorted(map(abs, (comparison.low, comparison.high)))
    return f"{low:.3g}, {high:.3g}"
