"""What a score would be with other images, and with infinitely many."""

from typing import NamedTuple

import numpy as np

from tfgan_gn.errors import UserError
from tfgan_gn.metrics.frechet import FeatureStats, frechet_distance_quietly, warn_if_singular
from tfgan_gn.metrics.rows import check_at_least, check_rows


class Interval(NamedTuple):
    """A score, the bounds of its confidence interval, and its standard error."""

    value: float
    low: float
    high: float
    standard_error: float


class Extrapolation(NamedTuple):
    """Intercept and slope of the fit FID_N = value + slope / N, and the standard error of the intercept in the fit."""

    value: float
    slope: float
    standard_error: float


def bootstrap_interval(score, sets, rng, resamples=200, level=0.95, replace=True):
    """Confidence interval for the expected score of as many images (Efron 1979), by resampling rows.

    The bounds are percentiles of the score of resampled sets, moved by score - mean of the resampled scores. Moved,
    because a resample repeats rows: IS falls, KID and FID rise by about the bias that N images have already, and FID's
    plain percentiles would often leave out the FID itself. So the interval is about the mean score of N fresh images,
    which is what two runs measured at equal N are compared by; it does not remove the bias of N (`fid_infinity` does).

    With `replace=False` a resample is a random half of the rows, whose scores spread as much (n / (n - n/2) - 1 = 1).
    Take that for `manifold_scores`, whose balls shrink to points where rows repeat.

    A score is computed 1 + `resamples` times. For IS this is nothing. FID of N rows in D dimensions costs N D^2 / 2
    multiplications and one eigvalsh each, the root of the reference being kept: at 50,000 and 2048 one to two
    hundred times the algebra of one FID, and a copy of the features in memory. Give
    `kernel_distance_of_subsets` a seed inside `score`, or its own noise is in the interval.

    Args:
        score: from arrays like `sets` to a float, e.g. `lambda x: frechet_distance(FeatureStats.of(x), reference)`;
            what it holds itself, here the reference, is taken as exact.
        sets: sequence of arrays [N, ...]; each is resampled by itself.
        rng: numpy Generator.
        resamples: 2 or more; 200 for a standard error, 1000 for bounds of 95%.
        level: between 0 and 1.
        replace: see above.

    Returns:
        An Interval around the score of the sets as they are.

    Raises:
        UserError: fewer than 2 resamples; another level; fewer than 2 rows, or 4 without replacement; as `score`.
    """
    resampled = resampled_scores(lambda *sets: [score(*sets)], sets, rng, resamples, replace)
    return interval_of(score(*sets), resampled[:, 0], level)


def resampled_scores(scores, sets, rng, resamples, replace):
    """Several scores, computed together on each of many resampled sets; `interval_of` takes a column.

    Args:
        scores: function from arrays like `sets` to a sequence of S floats.
        sets: sequence of arrays [N, ...]; each is resampled by itself.
        rng: numpy Generator.
        resamples: 2 or more.
        replace: whether N rows are drawn with replacement; else N // 2 are drawn without.

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
    """The Interval around a score that has these values on resampled sets; see `bootstrap_interval`.

    Args:
        value: the score of the sets as they are.
        resampled: float array [R], R from 2.
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
    """FID of infinitely many images (Chong and Forsyth 2020, section 3), by extrapolation.

    FID_N = FID_infinity + c / N + ..., c depending on the generator, so that runs may swap places at small N. FID of
    random subsets of several sizes, each drawn without replacement, is fitted by a line in 1 / N. The reference keeps
    its own bias: give it all its images.

    Args:
        features: real array [N, D] of generated images.
        reference: FeatureStats of the real ones.
        rng: numpy Generator.
        sizes: subset sizes, at least 3 and 2 different, 2 to N; None for 15, evenly from max(N / 10, 2 D), or N / 2
            where that is less, to N. Below about 2 D the law is not a line yet.

    Returns:
        An Extrapolation. Its standard error is the scatter about the line only; what all subsets share, being drawn
        from the same N images, `bootstrap_interval` shows.

    Raises:
        UserError: as `frechet_distance`; sizes that are too few, too large or all equal.

    Warns:
        ScoreWarning: no more rows than dimensions in the smallest subset or the reference.
    """
    features = check_rows(features, "features", least=4)
    sizes = _default_sizes(*features.shape) if sizes is None else [int(n) for n in sizes]
    if len(sizes) < 3 or len(set(sizes)) < 2 or min(sizes) < 2 or max(sizes) > len(features):
        raise UserError(
            f"sizes={sizes}; give three or more, not all equal, from 2 to the {len(features)} images that there are"
        )
    subsets = [FeatureStats.of(features[rng.choice(len(features), n, replace=False)]) for n in sizes]
    warn_if_singular(*subsets, reference)
    return _fit_line(1 / np.array(sizes), np.array([frechet_distance_quietly(s, reference) for s in subsets]))


def _default_sizes(n, d):
    smallest = min(max(n // 10, 2 * d), n // 2)
    return np.linspace(smallest, n, 15).astype(int).tolist()


def _fit_line(x, y):
    """Ordinary least squares y = a + b x; the standard error of a has len(x) - 2 degrees of freedom."""
    centred = x - x.mean()
    b = centred @ y / (centred @ centred)
    a = y.mean() - b * x.mean()
    residual = y - a - b * x
    variance = residual @ residual / (len(x) - 2)
    error = np.sqrt(variance * (1 / len(x) + x.mean() ** 2 / (centred @ centred)))
    return Extrapolation(float(a), float(b), float(error))
