"""Scores from nearest neighbours: improved precision and recall, density and coverage."""

from typing import NamedTuple

import numpy as np

from tfgan_gn.metrics.rows import check_at_least, check_pair, row_blocks

TIE = 1e-9  # relative difference of squared distances; their rounding error is 1e-11, that of float32 features 1e-7


class ManifoldScores(NamedTuple):
    """Precision, recall, coverage: 0 to 1. Density: 0 or more, for equal distributions 1 in expectation."""

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_scores(real, fake, k=3):
    """Precision and recall (Kynkaanniemi et al. 2019, eq. 1), density and coverage (Naeem et al. 2020, eq. 3 and 4).

    The radius of a row's ball is the distance to its k-th nearest neighbour in its own set, without the row itself.
    Precision: share of fake rows that lie in the ball of a real row. Recall: share of real rows that lie in the ball of
    a fake row. Density: number of real balls that a fake row lies in, divided by k; mean over the fake rows. Coverage:
    share of real rows whose ball holds a fake row.

    As in the papers' code, a row on the surface of a ball is inside for precision and recall (<=), and outside for
    density and coverage (<). This matters if images repeat: the ball of an image that is there more than k times has
    radius 0. Squared distances count as equal if their relative difference is below TIE. Equal rows have distance 0.

    Args:
        real: real array [N, D], N above k.
        fake: real array [M, D], M above k; compare scores at equal N and M only.
        k: 1 or more; papers use 3 for precision and recall, 5 for density and coverage.

    Returns:
        ManifoldScores.

    Raises:
        UserError: another shape or type; a number that is not finite; k below 1.
    """
    check_at_least("k", k, 1)
    real, fake = check_pair(real, fake, ("real", "fake"), k + 1)
    centre = real.mean(0)
    real, fake = real - centre, fake - centre  # keeps all distances; fewer of them lose digits below
    real_radii, fake_radii = _squared_radii(real, k), _squared_radii(fake, k)
    inside, containing = 0, 0
    recalled, covered = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for rows in row_blocks(len(fake), len(real)):
        d2 = _squared_distances(fake[rows], real)
        inside += (d2 <= real_radii * (1 + TIE)).any(1).sum()
        recalled |= (d2 <= fake_radii[rows, None] * (1 + TIE)).any(0)
        within = d2 < real_radii * (1 - TIE)
        containing += within.sum()
        covered |= within.any(0)
    m = len(fake)
    return ManifoldScores(float(inside / m), float(recalled.mean()), float(containing / (k * m)), float(covered.mean()))


def _squared_radii(x, k):
    """Squared distance of each row to its k-th nearest other row; index 0 is the distance to itself, which is 0."""
    return np.concatenate(
        [np.partition(_squared_distances(x[rows], x), k, axis=1)[:, k] for rows in row_blocks(len(x), len(x))]
    )


def _squared_distances(x, y):
    """|x_i - y_j|^2 [N, M] as |x|^2 + |y|^2 - 2 x.y, or from x - y where that loses digits (0 for equal rows)."""
    scale = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", y, y)
    d2 = scale - 2 * (x @ y.T)
    i, j = np.nonzero(d2 <= 1e-4 * scale)
    for pairs in row_blocks(len(i), x.shape[1]):
        d2[i[pairs], j[pairs]] = np.square(x[i[pairs]] - y[j[pairs]]).sum(1)
    return d2
