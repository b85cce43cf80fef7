"""The table of scores: how each one is computed, what it needs, how its interval is found, what it is called.

A new score is a function of `Inputs` and `Settings`, and one row of SCORES. Results, tables and TensorBoard read the
rest from the row.
"""

import functools
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_gn import metrics

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000  # as Binkowski et al. 2018 and torch-fidelity report it
ROWS = 10_000  # most rows of each side for KID and the nearest-neighbour scores: their cost grows with the square
SEED = 0  # of subsets and resamples


class Settings(NamedTuple):
    """How to score; the defaults are those of `settings.scoring.EvalConfig`.

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
    """What scores are computed from. A row of SCORES names in `needs` the fields that its function reads.

    Attributes:
        stats: `metrics.FeatureStats` of all scored images.
        features: float32 [n, D] of the scored images, at most `features.KEPT` of them.
        rows: float32 [m, D], at most ROWS of these, evenly spread.
        logits: float32 [N, C] of all scored images.
        real_stats: `metrics.FeatureStats` of the real images.
        real_rows: float32 [r, D] of the real images; None where only their statistics are known.
    """

    stats: metrics.FeatureStats
    features: np.ndarray
    rows: np.ndarray
    logits: np.ndarray
    real_stats: metrics.FeatureStats
    real_rows: np.ndarray | None

    def with_array(self, name, array):
        """The same with another array in one field; other features also bring their own statistics."""
        changed = self._replace(**{name: array})
        return changed._replace(stats=metrics.FeatureStats.of(array)) if name == "features" else changed


# Why a score is left out whose row needs a field that is None. `reference` is where the real images come from.
ABSENT = {"real_rows": "{reference} holds no features of single images"}


class LeftOutError(Exception):
    """Raised by a score's function where these images cannot have the score; the text says why."""


class ErrorOf(NamedTuple):
    """The error that is printed behind a score.

    Attributes:
        field: of what the score's function returns.
        words: what the error is; with underscores, also its name in JSON.
    """

    field: str
    words: str

    @property
    def key(self):
        """Its name in JSON."""
        return self.words.replace(" ", "_")


class Resampling(NamedTuple):
    """How the 95% interval of a score is found, see `metrics.bootstrap_interval`.

    Attributes:
        field: of Inputs; the array whose rows are drawn anew.
        replace: True to draw all rows with replacement (the bootstrap), False to draw half of them without, for scores
            that repeated rows distort.
        quick: function of (Inputs, number of resamples, numpy Generator) that returns the scores of all resamples,
            float [resamples], where that is quicker than to call the score's function for each; else None.
    """

    field: str
    replace: bool
    quick: Callable | None = None


class Score(NamedTuple):
    """A row of SCORES.

    Attributes:
        title: what the score is called where a network other than Inception computes it.
        function: of (Inputs, Settings); returns the score as a float, or a NamedTuple that holds it. Rows with the same
            function share one call. Raises LeftOutError; may warn with `metrics.ScoreWarning`.
        needs: the fields of Inputs that the function reads.
        published: what papers call the score if Inception computes it; empty if they use the key of SCORES.
        field: of the NamedTuple; the score. Empty if the function returns the score itself.
        error: ErrorOf, or None if the score has none.
        interval: Resampling, or None if the score has no interval.
        protocol: function of (Inputs, Settings); returns a dict of JSON values that must be equal for two values of
            this score to be compared.
        only_if: field of Settings that must be true for this score to be computed; empty for always.
    """

    title: str
    function: Callable
    needs: tuple
    published: str = ""
    field: str = ""
    error: ErrorOf | None = None
    interval: Resampling | None = None
    protocol: Callable = lambda inputs, settings: {}
    only_if: str = ""

    def value(self, returned):
        """The score, a float, out of what the function returned."""
        return float(getattr(returned, self.field) if self.field else returned)

    def numbers(self, returned):
        """The score and its error as they stand in JSON."""
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
        function=_frechet_distance,
        needs=("stats", "real_stats"),
        interval=Resampling("features", replace=True),
    ),
    "frechet_distance_infinity": Score(
        title="Fréchet distance of infinitely many images",
        published="fid_infinity",
        function=_frechet_distance_infinity,
        needs=("features", "real_stats"),
        field="value",
        error=ErrorOf("standard_error", "standard error of fit"),
        only_if="extrapolate",
    ),
    "kernel_distance": Score(
        title="kernel distance",
        published="kid",
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
}
