"""The nearest of many rows, and a test for copies: how often samples are nearer to training images than real ones."""

from typing import NamedTuple

import numpy as np

from tfgan_gn.errors import UserError
from tfgan_gn.metrics.rows import check_rows, row_blocks


class Nearest(NamedTuple):
    """For each row, the number of the nearest other row, int64 [N], and the Euclidean distance to it, float64 [N]."""

    numbers: np.ndarray
    distances: np.ndarray


class MemorisationShare(NamedTuple):
    """The share, 0 to 1, and its standard error."""

    share: float
    standard_error: float


def nearest(x, among):
    """Finds the nearest of some rows for each row of x.

    The search is in float32, whose rounding can only exchange rows at almost the same distance. The distance to the row
    that was found is computed in float64 from the difference, so that it is exactly 0 for an equal row.

    Args:
        x: real array [N, D].
        among: real array [M, D].

    Returns:
        Nearest.

    Raises:
        UserError: another shape or type; a number that is not finite; other columns in `among` than in `x`.
    """
    x, among = check_rows(x, "rows", 1), check_rows(among, "rows to search", 1)
    if x.shape[1] != among.shape[1]:
        raise UserError(
            f"the rows have {x.shape[1]} columns, those to search {among.shape[1]}; give features of one network"
        )
    centre = among.mean(0, dtype=np.float64)  # keeps all distances; fewer of them lose digits
    others = (among - centre).astype(np.float32)
    half_squares = np.einsum("ij,ij->i", others, others) / 2
    numbers, distances = np.empty(len(x), np.int64), np.empty(len(x))
    for rows in row_blocks(len(x), len(among)):
        # |x - y|^2 / 2 is smallest where x.y - |y|^2 / 2 is largest
        closeness = (x[rows] - centre).astype(np.float32) @ others.T
        closeness -= half_squares
        numbers[rows] = closeness.argmax(1)
        apart = x[rows].astype(np.float64) - among[numbers[rows]]
        distances[rows] = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    return Nearest(numbers, distances)


def memorisation_share(distances, held_out_distances):
    """The probability that a sample is nearer to its nearest training image than an unseen real image is to its own.

    This is Delta of Meehan, Chaudhuri and Dasgupta 2020 (A Non-Parametric Test to Detect Data-Copying in Generative
    Models, section 2, over the whole space as one cell), Pr(d(sample) < d(held-out)): the Mann-Whitney statistic,
    divided by the number of pairs. Equal distances count one half. 0.5 means that samples are as near to the training
    images as real images that were never trained on. 1 means that all are nearer: copies. Above 0.5 by three standard
    errors or more is alarming. Below 0.5 is the usual case: samples differ from real images in other ways too. For this
    reason a share below 0.5 does not prove that there are no copies among the samples.

    The standard error is that of DeLong et al. 1988, from the variance over samples and over held-out images.

    Args:
        distances: real array [N], of the samples to the nearest training image, N 2 or more.
        held_out_distances: real array [M], of real images that were not trained on, M 2 or more.

    Returns:
        MemorisationShare.

    Raises:
        UserError: other shapes; fewer than 2; a number that is not finite.
    """
    pair = (("distances of samples", distances), ("distances of held-out images", held_out_distances))
    x, y = (np.sort(check_rows(np.reshape(array, [-1, 1]), name, least=2)[:, 0]) for name, array in pair)
    of_samples, of_held_out = 1 - _shares_below(x, y), _shares_below(y, x)
    error = np.sqrt(of_samples.var(ddof=1) / len(x) + of_held_out.var(ddof=1) / len(y))
    return MemorisationShare(float(of_samples.mean()), float(error))


def _shares_below(values, ordered):
    """For each value the share of the ordered numbers that are smaller; equal ones count one half."""
    sides = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return sum(sides) / (2 * len(ordered))
