"""The table of scores: how each score is computed, from what, with which error and interval, and its names.

To add a score, write a function of `Inputs` and `Settings` and one row of SCORES. The score is then computed, and
shown in results, tables, comparisons and TensorBoard.
"""

import functools
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_gn import metrics

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000  # of Binkowski et al. 2018 and torch-fidelity
ROWS = 10_000  # most rows of each side for KID and the scores from neighbours, whose cost grows with the square
SEED = 0  # of subsets and resamples
ALARM = 3  # standard errors above 0.5 from which on the memorisation share is told as a warning


class Settings(NamedTuple):
    """How to score. There are no defaults here; those of the commands are in `settings.scoring.EvalConfig`.

    Attributes:
        batch_size: images that the network takes at once.
        splits: parts of the Inception Score.
        neighbours: k of precision, recall, density and coverage.
        resamples: number of resamples for intervals; 0 for no intervals.
        extrapolate: whether to compute the Frechet distance of infinitely many images.
    """

    batch_size: int
    splits: int
    neighbours: int
    resamples: int
    extrapolate: bool


class Inputs(NamedTuple):
    """What scores are computed from. `needs` of a row of SCORES names the fields that its function reads.

    Attributes:
        stats: `metrics.FeatureStats` of all scored images.
        features: float32 [n, D] of the scored images, at most `features.KEPT` of them.
        rows: float32 [m, D], at most ROWS of these features, evenly spread.
        logits: float32 [N, C] of all scored images.
        real_stats: `metrics.FeatureStats` of the real images.
        real_rows: float32 [r, D], at most ROWS features of the real images; None if only their statistics are known.
        nearest: float64 [m], the distance of each of `rows` to the nearest real image; None if `held_out_nearest` is.
        held_out_nearest: float64 [h], the same of real images that are not among those; None if there are none.
    """

    stats: metrics.FeatureStats
    features: np.ndarray
    rows: np.ndarray
    logits: np.ndarray
    real_stats: metrics.FeatureStats
    real_rows: np.ndarray | None
    nearest: np.ndarray | None
    held_out_nearest: np.ndarray | None

    def with_array(self, name, array):
        """A copy with another array in one field. Where that is `features`, `stats` are those of the new array."""
        changed = self._replace(**{name: array})
        return changed._replace(stats=metrics.FeatureStats.of(array)) if name == "features" else changed


# The reason for which a score is left out if a field that it needs is None; `reference` is `Reference.source`.
ABSENT = {
    "real_rows": "{reference} holds no features of single images",
    "held_out_nearest": "no real images are known that are not among the reference",
}


class LeftOutError(Exception):
    """A score cannot be computed from these images and is left out; the text says why."""


class ErrorOf(NamedTuple):
    """The error that stands beside a score.

    Attributes:
        field: name of the error in the NamedTuple that the score's function returns.
        words: what kind of error it is, for tables; with underscores, its name in JSON.
    """

    field: str
    words: str

    @property
    def key(self):
        """The name in JSON."""
        return self.words.replace(" ", "_")


class Resampling(NamedTuple):
    """How the 95% interval of a score is computed; see `metrics.bootstrap_interval`.

    Attributes:
        field: name of the array in Inputs whose rows are resampled.
        replace: True draws all rows with replacement (the bootstrap). False draws half of the rows without
            replacement, for scores that are wrong if rows repeat.
        quick: None, or a function of (Inputs, number of resamples, numpy Generator) that returns the scores of all
            resamples, float [resamples], faster than one call of the score's function for each.
    """

    field: str
    replace: bool
    quick: Callable | None = None


class Score(NamedTuple):
    """A row of SCORES.

    Attributes:
        title: name in tables for networks other than Inception, to which the name of the network is added.
        function: function of (Inputs, Settings) that returns the score, or a NamedTuple with the score in it. It raises
            LeftOutError if there are too few images, and may warn with `metrics.ScoreWarning`. Rows that share a
            function also share its call, and their interval must be the same.
        needs: names of the fields of Inputs that the function reads.
        published: key in results of Inception, from the name in papers, if there is one; else empty.
        published_title: the name in papers, in words; empty if there is none.
        field: name of the score in the NamedTuple; empty if the function returns the score itself.
        error: ErrorOf, or None if the score has no error.
        interval: Resampling, or None if the score has no interval.
        protocol: function of (Inputs, Settings) that returns a dict of JSON values. Two values of this score can be
            compared only if these are equal.
        only_if: name of a field of Settings; the score is computed only if it is true. Empty for always.
    """

    title: str
    function: Callable
    needs: tuple
    published: str = ""
    published_title: str = ""
    field: str = ""
    error: ErrorOf | None = None
    interval: Resampling | None = None
    protocol: Callable = lambda inputs, settings: {}
    only_if: str = ""

    def value(self, returned):
        """The score in what the function returned."""
        return float(getattr(returned, self.field) if self.field else returned)

    def numbers(self, returned):
        """The score and its error in what the function returned, as a dict for JSON."""
        error = {self.error.key: float(getattr(returned, self.error.field))} if self.error else {}
        return {"value": self.value(returned), **error}


def _inception_score(inputs, settings):
    return metrics.inception_score(inputs.logits, settings.splits)


def _frechet_distance(inputs, settings):
    return metrics.frechet_distance(inputs.stats, inputs.real_stats)


def _frechet_distance_infinity(inputs, settings):
    least = 2 * inputs.features.shape[1]
    if len(inputs.features) < least:
        raise LeftOutError(
            f"it needs {least} images, twice the dimensions; with fewer, the distance is not linear in 1 / N"
        )
    return metrics.fid_infinity(inputs.features, inputs.real_stats, np.random.default_rng(SEED))


def _kernel_distance(inputs, settings):
    size = _subset_size(inputs)
    if size < KID_SUBSET_SIZE:
        text = f"the kernel distance is of subsets of {size} images, not {KID_SUBSET_SIZE}: there are no more images"
        warnings.warn(text, metrics.ScoreWarning, stacklevel=2)
    rng = np.random.default_rng(SEED)
    return metrics.kernel_distance_of_subsets(inputs.rows, inputs.real_rows, rng, KID_SUBSETS, size)


def _subset_size(inputs):
    return min(len(inputs.rows), len(inputs.real_rows), KID_SUBSET_SIZE)


def _kernel_distances_of_halves(inputs, resamples, rng):
    return metrics.kernel_distances_of_halves(inputs.rows, inputs.real_rows, rng, resamples)


def _manifold_scores(inputs, settings):
    k = settings.neighbours
    if min(len(inputs.rows), len(inputs.real_rows)) <= k:
        raise LeftOutError(f"k = {k} neighbours need more than {k} images")
    return metrics.manifold_scores(inputs.real_rows, inputs.rows, k)


def _memorisation_share(inputs, settings):
    if len(inputs.nearest) < 2:
        raise LeftOutError("it needs 2 images")
    found = metrics.memorisation_share(inputs.nearest, inputs.held_out_nearest)
    if found.share - 0.5 > ALARM * found.standard_error:
        text = (
            f"the memorisation share is {found.share:.3f}: the images are nearer to the images of the reference than "
            "held-out real images are (0.5 would be as near), so they may be copies; look at the picture of neighbours"
        )
        warnings.warn(text, metrics.ScoreWarning, stacklevel=2)
    return found


def _num_rows(inputs):
    return {"rows": [len(inputs.rows), len(inputs.real_rows)]}


_manifold_row = functools.partial(
    Score,
    function=_manifold_scores,
    needs=("rows", "real_rows"),
    interval=Resampling("rows", replace=False),
    protocol=lambda inputs, settings: {**_num_rows(inputs), "neighbours": settings.neighbours},
)

SCORES = {
    "classifier_score": Score(
        title="classifier score",
        published="inception_score",
        published_title="Inception Score",
        function=_inception_score,
        needs=("logits",),
        field="mean",
        error=ErrorOf("std", "std of splits"),
        interval=Resampling("logits", replace=True),
        protocol=lambda inputs, settings: {"splits": settings.splits},
    ),
    "frechet_distance": Score(
        title="Fréchet distance",
        published="fid",
        published_title="FID",
        function=_frechet_distance,
        needs=("stats", "real_stats"),
        interval=Resampling("features", replace=True),
    ),
    "frechet_distance_infinity": Score(
        title="Fréchet distance of infinitely many images",
        published="fid_infinity",
        published_title="FID of infinitely many images",
        function=_frechet_distance_infinity,
        needs=("features", "real_stats"),
        field="value",
        error=ErrorOf("standard_error", "standard error of fit"),
        only_if="extrapolate",
    ),
    "kernel_distance": Score(
        title="kernel distance",
        published="kid",
        published_title="KID",
        function=_kernel_distance,
        needs=("rows", "real_rows"),
        field="mean",
        error=ErrorOf("standard_error", "standard error of subsets"),
        interval=Resampling("rows", replace=False, quick=_kernel_distances_of_halves),
        protocol=lambda inputs, settings: {
            **_num_rows(inputs),
            "kid": f"{KID_SUBSETS} subsets of {_subset_size(inputs)}, seed {SEED}",
        },
    ),
    "precision": _manifold_row(title="precision", field="precision"),
    "recall": _manifold_row(title="recall", field="recall"),
    "density": _manifold_row(title="density", field="density"),
    "coverage": _manifold_row(title="coverage", field="coverage"),
    "memorisation_share": Score(
        title="memorisation share",
        function=_memorisation_share,
        needs=("held_out_nearest", "nearest"),
        field="share",
        error=ErrorOf("standard_error", "standard error"),
        interval=Resampling("nearest", replace=True),
        protocol=lambda inputs, settings: {"nearest": [len(inputs.nearest), len(inputs.held_out_nearest)]},
    ),
}
