"""Paired differences over seeds: intervals, tests, correction for many comparisons, the smallest difference to be seen.

The intervals are Student's t intervals. With five seeds the bootstrap has only five differences to draw from: its
percentile interval is too narrow and holds the true difference in 83 % of studies, not in 95 %. The t interval is exact
for normally distributed differences of any number. The differences of two trained networks are nearly symmetric, since
both have the same kind of noise, and then it is close to exact.
"""

from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

LEVEL = 0.05  # chance of a false "shown" over all comparisons with one score; the intervals hold 1 - LEVEL
POWER = 0.8


class Paired(NamedTuple):
    """Statistics of paired differences; arrays of the shape of the differences without their last axis.

    Attributes:
        mean: of the differences.
        low: lower bound of the 95 % interval of the mean.
        high: upper bound.
        p: two-sided p value of the t test of mean 0.
        deviation: standard deviation of the differences, with n - 1 in the denominator.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    deviation: np.ndarray


def paired(differences):
    """The t interval and the t test of paired differences: mean +- t_{0.975, n - 1} s / sqrt(n).

    Args:
        differences: floats [..., n], one for each seed; n >= 2. Equal differences give an interval without width, and
            p is 1 where they are all 0, else 0.

    Returns:
        Paired.
    """
    n = differences.shape[-1]
    mean, deviation = differences.mean(-1), differences.std(-1, ddof=1)
    error = deviation / np.sqrt(n)
    half = stats.t.ppf(1 - LEVEL / 2, n - 1) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(mean == 0, 0.0, abs(mean) / error)
    return Paired(mean, mean - half, mean + half, 2 * stats.t.sf(t, n - 1), deviation)


def holm(p):
    """The p values adjusted for their number (Holm 1979): p_(k) -> max over j <= k of min(1, (m - j + 1) p_(j)).

    Comparisons whose adjusted p is below LEVEL are all true with a chance of 1 - LEVEL or more, whether the comparisons
    depend on each other or not. Those of one study do: they share a baseline.

    Args:
        p: floats [..., m].

    Returns:
        floats [..., m] in the same order.
    """
    p = np.asarray(p, np.float64)
    m, order = p.shape[-1], np.argsort(p, -1)
    scaled = np.take_along_axis(p, order, -1) * np.arange(m, 0, -1)
    rising = np.minimum(1, np.maximum.accumulate(scaled, -1))
    return np.take_along_axis(rising, np.argsort(order, -1), -1)


def smallest_difference(deviation, n, comparisons=1):
    """The true difference that a paired t test finds with a chance of POWER.

    Under a true difference d the statistic has a non-central t distribution with the parameter d sqrt(n) / s. The test
    is taken at LEVEL / comparisons, the level of Holm's first step, which is the strictest.

    Args:
        deviation: standard deviation s of the differences, > 0.
        n: number of seeds.
        comparisons: number of comparisons that are corrected for.

    Returns:
        float.
    """
    critical = stats.t.ppf(1 - LEVEL / comparisons / 2, n - 1)

    def excess(shift):  # a significant difference of the wrong sign has no chance worth counting
        return stats.nct.sf(critical, n - 1, shift) - POWER

    high = critical
    while excess(high) < 0:
        high *= 2
    return float(deviation / np.sqrt(n) * optimize.brentq(excess, 0, high))
