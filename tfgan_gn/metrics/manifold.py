"""Scores by nearest neighbours: improved precision and recall, density and coverage."""

from typing import NamedTuple

import numpy as np

from tfgan_gn.metrics.rows import check_at_least, check_pair, row_blocks

TIE = 1e-9  # relative, of squared distances; Gram matrices are good to 1e-11 here, float32 features to 1e-7


class ManifoldScores(NamedTuple):
    """Precision, recall and coverage in [0, 1]; density from 0 up, 1 in expectation for equal distributions."""

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_scores(real, fake, k=3):
    """Precision and recall (Kynkaanniemi et al. 2019, eq. 1), density and coverage (Naeem et al. 2020, eq. 3 and 4).

    The ball of a row reaches to its k-th nearest neighbour in its own set, itself not counted. Precision: share of
    fake rows in some real ball. Recall: share of real rows in some fake ball. Density: mean over the fake rows of the
    number of real balls around them, over k. Coverage: share of real rows with a fake row in their ball.

    A row on the very surface is inside for precision and recall (<=), outside for density and coverage (<), as in the
    papers' code. That decides where images repeat: balls of images that come more than k times have radius 0. Squared
    distances that differ by less than TIE, relatively, count as equal; equal rows have distance 0 exactly.

    Args:
        real: real array [N, D], N above k.
        fake: real array [M, D], M above k; compare scores at equal N and M only.
        k: 1 or more; the literature has 3, and 5 for density and coverage.

    Returns:
        ManifoldScores.

    Raises:
        UserError: not such arrays; a number that is not finite; k below 1.
    """
    check_at_least("k", k, 1)
    real, fake = check_pair(real, fake, ("real", "fake"), k + 1)
    centre = real.mean(0)
    real, fake = real - centre, fake - centre  # distances stay; fewer of them need their differences
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
    """Squared distance of each row to its k-th nearest other row; of the sorted distances the first is its own, 0."""
    return np.concatenate(
        [np.partition(_squared_distances(x[rows], x), k, axis=1)[:, k] for rows in row_blocks(len(x), len(x))]
    )


def _squared_distances(x, y):
    """|x_i - y_j|^2 [N, M]: from the Gram matrix, and from differences where that loses digits, so 0 for equal rows."""
    scale = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", y, y)
    d2 = scale - 2 * (x @ y.T)
    i, j = np.nonzero(d2 <= 1e-4 * scale)
    for pairs in row_blocks(len(i), x.shape[1]):
        d2[i[pairs], j[pairs]] = np.square(x[i[pairs]] - y[j[pairs]]).sum(1)
    return d2
