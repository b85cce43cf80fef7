"""Every score of one set of features against another: which are computed, from which rows, with what uncertainty."""

from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tfgan_gn import metrics
from tfgan_gn.metrics.frechet import frechet_distance_quietly
from tfgan_gn.scoring.features import spread

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000  # as Binkowski et al. 2018 and torch-fidelity report it
ROWS = 10_000  # that KID and the scores by neighbours take of each side at most
SEED = 0  # of subsets and resamplings
NEIGHBOUR_SCORES = ("precision", "recall", "density", "coverage")


class Settings(NamedTuple):
    """How to score.

    Attributes:
        batch_size: of the network.
        splits: of the Inception Score.
        neighbours: k of precision, recall, density and coverage.
        resamples: of the bootstrap; 0 for none.
        extrapolate: whether FID of infinitely many images is wanted.
    """

    batch_size: int = 64
    splits: int = 10
    neighbours: int = 3
    resamples: int = 0
    extrapolate: bool = False


def score(samples, reference, settings):
    """The scores of samples against real images.

    Args:
        samples: `features.Features`.
        reference: `reference.Reference`.
        settings: Settings.

    Returns:
        (dict from names to dicts of floats, of which `value` is the score; list of sentences that say which scores
        are left out, and why).

    Raises:
        UserError: fewer images than splits.

    Warns:
        ScoreWarning: as `metrics.frechet_distance`.
    """
    entropy = metrics.inception_score(samples.logits, settings.splits)
    scores = {
        "inception_score": {"value": entropy.mean, "std_of_splits": entropy.std},
        "fid": {"value": metrics.frechet_distance(samples.stats, reference.stats)},
    }
    left_out = []
    rows = samples.features[spread(len(samples.features), ROWS)]
    if settings.extrapolate:
        _add_fid_infinity(scores, left_out, samples, reference)
    if reference.features is None:
        names = ", ".join(("kid", *NEIGHBOUR_SCORES))
        left_out.append(f"{names} are left out: {reference.source} holds no features of single images")
    else:
        _add_scores_of_rows(scores, left_out, rows, reference.features, settings.neighbours)
    if settings.resamples:
        _add_intervals(scores, samples, rows, reference, settings)
    return scores, left_out


def subset_size(rows, real):
    """Rows of each of KID's subsets: 1000, or as many as there are."""
    return min(len(rows), len(real), KID_SUBSET_SIZE)


def _add_fid_infinity(scores, left_out, samples, reference):
    least = 2 * samples.features.shape[1]
    if len(samples.features) < least:
        left_out.append(f"fid_infinity is left out: below {least} images FID does not follow the law it stands on")
        return
    limit = metrics.fid_infinity(samples.features, reference.stats, np.random.default_rng(SEED))
    scores["fid_infinity"] = {"value": limit.value, "standard_error_of_fit": limit.standard_error}


def _add_scores_of_rows(scores, left_out, rows, real, k):
    rng, size = np.random.default_rng(SEED), subset_size(rows, real)
    kid = metrics.kernel_distance_of_subsets(rows, real, rng, KID_SUBSETS, size)
    scores["kid"] = {"value": kid.mean, "standard_error_of_subsets": kid.standard_error}
    if size < KID_SUBSET_SIZE:
        left_out.append(f"kid is of subsets of {size} images, not {KID_SUBSET_SIZE}, as there are no more")
    if min(len(rows), len(real)) <= k:
        left_out.append(f"{', '.join(NEIGHBOUR_SCORES)} are left out: k = {k} neighbours need more than {k} images")
        return
    values = metrics.manifold_scores(real, rows, k)._asdict()
    scores |= {name: {"value": value} for name, value in values.items()}


def _add_intervals(scores, samples, rows, reference, settings):
    """Adds `low` and `high`, the bounds of 95%, to the scores, the real images taken as exact."""
    rng, resamples, k = np.random.default_rng(SEED), settings.resamples, settings.neighbours
    with tqdm(desc="bootstrap", unit="resample", disable=None) as bar:

        def resample(function, x, replace=True):
            def scores_of(*sets):
                bar.update()
                return function(*sets)

            return metrics.bootstrap_intervals(scores_of, [x], rng, resamples, replace=replace)

        intervals = {
            "inception_score": resample(lambda x: [metrics.inception_score(x, settings.splits).mean], samples.logits),
            "fid": resample(
                lambda x: [frechet_distance_quietly(metrics.FeatureStats.of(x), reference.stats)], samples.features
            ),
        }
        if "kid" in scores and len(rows) >= 4:
            halves = metrics.kernel_distances_of_halves(rows, reference.features, rng, resamples)
            intervals["kid"] = [metrics.interval_of(scores["kid"]["value"], halves)]
        if "precision" in scores and len(rows) // 2 > k:
            values = resample(lambda x: metrics.manifold_scores(reference.features, x, k), rows, replace=False)
            intervals |= {name: [value] for name, value in zip(NEIGHBOUR_SCORES, values, strict=True)}
    for name, (interval,) in intervals.items():
        shift = scores[name]["value"] - interval.value  # a score of all images, its spread of those that are kept
        scores[name] |= {"low": interval.low + shift, "high": interval.high + shift}
