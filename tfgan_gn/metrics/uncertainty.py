"""The confidence interval of a score, and FID extrapolated to infinitely many images."""

from typing import NamedTuple

import numpy as np

from tfgan_gn.errors import UserError
from tfgan_gn.metrics.frechet import FeatureStats, frechet_distance_quietly, warn_if_singular
from tfgan_gn.metrics.rows import check_at_least, check_rows


class Interval(NamedTuple):
    """A score, the bounds of its confidence interval, its standard error."""

    value: float
    low: float
    high: float
    standard_error: float


class Extrapolation(NamedTuple):
    """The line FID_N = value + slope / N, and the standard error of `value` in the fit."""

    value: float
    slope: float
    standard_error: float


def bootstrap_interval(score, sets, rng, resamples=200, level=0.95, replace=True):
    """Confidence interval for the expected score of N images, by resampling N rows (Efron 1979).

    The bounds are percentiles of the scores of resampled sets, shifted by score - mean of the resampled scores. The
    shift is needed because a resample repeats rows: IS falls, and KID and FID rise by about the bias that N images have
    already, so that FID is often outside the plain percentiles. The shifted interval is that of the mean score of N
    other images. Use it to compare runs at equal N. It keeps the bias of N; `fid_infinity` removes it.

    With `replace=False` a resample is a random half of the rows; its scores have the same variance, because
    n / (n - n/2) - 1 = 1. Use this for `manifold_scores`: balls of repeated rows have radius 0.

    The score is computed 1 + `resamples` times. One FID of N rows in D dimensions costs N D^2 / 2 multiplications and
    one `eigvalsh`. `kernel_distance_of_subsets` needs an `rng` of equal seed in each call, or the noise of its subsets
    is part of the interval.

    Args:
        score: function from arrays like `sets` to a float, e.g.
            `lambda x: frechet_distance(FeatureStats.of(x), reference)`. Whatever is not in `sets`, here the reference,
            is taken as exact.
        sets: sequence of arrays [N, ...]; each is resampled independently.
        rng: numpy Generator.
        resamples: 2 or more; take 200 for a standard error, 1000 for bounds of 95%.
        level: probability that the interval holds the expected score, between 0 and 1.
        replace: see above.

    Returns:
        Interval; its value is the score of `sets`.

    Raises:
        UserError: fewer than 2 resamples; another level; fewer than 2 rows, or 4 without replacement; as `score`.
    """
    resampled = resampled_scores(lambda *sets: [score(*sets)], sets, rng, resamples, replace)
    return interval_of(score(*sets), resampled[:, 0], level)


def resampled_scores(scores, sets, rng, resamples, replace):
    """Scores of resampled sets, several at once; `interval_of` turns each column into an interval.

    Args:
        scores: function from arrays like `sets` to a sequence of S floats.
        sets: sequence of arrays [N, ...]; each is resampled independently.
        rng: numpy Generator.
        resamples: 2 or more.
        replace: True draws N rows with replacement, False N // 2 rows without.

    Returns:
        float64 [resamples, S].

    Raises:
        UserError: fewer than 2 resamples; fewer than 2 rows, or 4 without replacement; as `scores`.
    """
    check_at_least("resamples", resamples, 2)
    for x in sets:
        check_at_least("rows of a set to resample", len(x), 2 if replace else 4)

    def draw(x):
        return x[rng.choice(len(x), len(x) if replace else len(x) // 2, replace=replace)]

    return np.array([scores(*map(draw, sets)) for _ in range(resamples)])


def interval_of(value, resampled, level=0.95):
    """The confidence interval of a score, from its values on resampled sets; see `bootstrap_interval`.

    Args:
        value: score of the sets themselves.
        resampled: float array [R], R 2 or more: scores of resampled sets.
        level: between 0 and 1.

    Returns:
        Interval.

    Raises:
        UserError: another level.
    """
    if not 0 < level < 1:
        raise UserError(f"level={level}; give a share between 0 and 1, such as 0.95")
    low, high = value + np.quantile(resampled - resampled.mean(), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high), float(resampled.std(ddof=1)))


def fid_infinity(features, reference, rng, sizes=None):
    """FID extrapolated to infinitely many generated images (Chong and Forsyth 2020, section 3).

    FID_N = FID_infinity + c / N + ..., where c depends on the generator: at small N the worse of two generators may
    have the lower FID. FID of random subsets of several sizes, each drawn without replacement, is fitted by a line in
    1 / N. The bias of the reference remains: use all real images for it.

    Args:
        features: real array [N, D] of generated images.
        reference: FeatureStats of the real ones.
        rng: numpy Generator.
        sizes: three or more subset sizes from 2 to N, not all equal. None for 15 sizes, evenly spaced up to N; the
            smallest is max(N / 10, 2 D), or N / 2 if that is less. FID is not linear in 1 / N below about 2 D.

    Returns:
        Extrapolation. Its standard error is that of the points around the line. It does not contain the error that all
        subsets share because they come from the same N images; `bootstrap_interval` estimates that.

    Raises:
        UserError: as `frechet_distance`; fewer than three sizes; a size above N; equal sizes.

    Warns:
        ScoreWarning: no more rows than dimensions in the smallest subset or the reference.
    """
    features = check_rows(features, "features", least=4)
    sizes = _default_sizes(*features.shape) if sizes is None else [int(n) for n in sizes]
    if len(sizes) < 3 or len(set(sizes)) < 2 or min(sizes) < 2 or max(sizes) > len(features):
        raise UserError(
            f"sizes={sizes}; give three or more, not all equal, from 2 to {len(features)}, the number of images"
        )
    subsets = [FeatureStats.of(features[rng.choice(len(features), n, replace=False)]) for n in sizes]
    warn_if_singular(*subsets, reference)
    return _fit_line(1 / np.array(sizes), np.array([frechet_distance_quietly(s, reference) for s in subsets]))


def _default_sizes(n, d):
    smallest = min(max(n // 10, 2 * d), n // 2)
    return np.linspace(smallest, n, 15).astype(int).tolist()


def _fit_line(x, y):
    """Least squares fit of y = a + b x; the standard error of a has len(x) - 2 degrees of freedom."""
    centred = x - x.mean()
    b = centred @ y / (centred @ centred)
    a = y.mean() - b * x.mean()
    residual = y - a - b * x
    variance = residual @ residual / (len(x) - 2)
    error = np.sqrt(variance * (1 / len(x) + x.mean() ** 2 / (centred @ centred)))
    return Extrapolation(float(a), float(b), float(error))
