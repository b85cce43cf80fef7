"""Frechet distance of two sets of features (FID), from means and covariances that are collected batch by batch."""

import warnings

import numpy as np

from tfgan_gn.errors import UserError
from tfgan_gn.metrics.rows import ScoreWarning, check_at_least, check_rows, row_blocks

RANK_TOLERANCE = 1e-12  # of the largest eigenvalue; smaller ones are rounding errors, 1e-16, and their roots 1e-8


class FeatureStats:
    """Count, mean and covariance of rows that come in batches. The rows are not kept.

    Two sets a and b are joined by Chan, Golub and LeVeque (1979): with M = sum (x - mean)(x - mean)^T,
    M = M_a + M_b + n_a n_b / (n_a + n_b) (mean_b - mean_a)(mean_b - mean_a)^T. Rows are centred before they are
    multiplied, so that a mean far from 0 loses no digits.

    Attributes:
        count: number of rows so far.
        mean: float64 [D]; zeros before the first row.
        scatter: M, float64 [D, D].

    Args:
        dimensions: D, 1 or more.
    """

    def __init__(self, dimensions):
        check_at_least("dimensions", dimensions, 1)
        self.count, self.mean, self.scatter = 0, np.zeros(dimensions), np.zeros((dimensions, dimensions))
        self._factor = None

    @classmethod
    def of(cls, features):
        """The statistics of one array [N, D]. Raises UserError as `update`."""
        features = check_rows(features, "features")
        return cls(features.shape[1]).update(features)

    @classmethod
    def from_moments(cls, count, mean, covariance):
        """The statistics with this count, mean [D] and covariance [D, D], e.g. from a file.

        Raises:
            UserError: fewer than 2 rows; a number that is not finite; shapes that do not fit each other; a covariance
                that is not symmetric.
        """
        check_at_least("count", count, 2)
        covariance = check_rows(covariance, "covariance").astype(np.float64)
        mean = check_rows(np.reshape(mean, (1, -1)), "mean").astype(np.float64)[0]
        if covariance.shape != 2 * mean.shape or abs(covariance - covariance.T).max() > 1e-6 * abs(covariance).max():
            raise UserError(f"covariance: shape {covariance.shape} beside a mean of {len(mean)}, or not symmetric")
        stats = cls(len(mean))
        stats.count, stats.mean, stats.scatter = int(count), mean, covariance * (count - 1)
        return stats

    @property
    def covariance(self):
        """Unbiased covariance (divided by n - 1), float64 [D, D]. Raises UserError below 2 rows."""
        if self.count < 2:
            raise UserError(f"{self.count} rows have no covariance; give 2 images or more")
        return self.scatter / (self.count - 1)

    def update(self, batch):
        """Adds rows.

        Args:
            batch: real array [N, D], N 0 or more; sums are taken in float64.

        Returns:
            self.

        Raises:
            UserError: another D, or a number that is not finite; then no row is added.
        """
        batch = check_rows(batch, "features", least=0)
        self._check_dimensions(batch.shape[1])
        for rows in row_blocks(*batch.shape):
            x = batch[rows].astype(np.float64)
            mean = x.mean(0)
            x -= mean
            self._join(len(x), mean, x.T @ x)
        return self

    def merge(self, other):
        """Adds the rows that other statistics were collected from; returns self. Raises UserError for another D."""
        self._check_dimensions(len(other.mean))
        if other.count:
            self._join(other.count, other.mean, other.scatter)
        return self

    def _join(self, count, mean, scatter):
        total, delta = self.count + count, mean - self.mean
        self.scatter = self.scatter + scatter + np.outer(delta, delta) * (self.count * count / total)
        self.mean = self.mean + delta * (count / total)
        self.count, self._factor = total, None

    def _check_dimensions(self, dimensions):
        if dimensions != len(self.mean):
            raise UserError(
                f"features have {dimensions} columns, these statistics {len(self.mean)}; give features of one network "
                "and layer"
            )

    def factor(self):
        """L [D, rank] with L L^T = covariance, computed once until rows are added. Raises UserError below 2 rows."""
        if self._factor is None:
            eigenvalues, vectors = np.linalg.eigh(self.covariance)
            kept = eigenvalues > RANK_TOLERANCE * eigenvalues.max()
            self._factor = vectors[:, kept] * np.sqrt(eigenvalues[kept])
        return self._factor


def frechet_distance(a, b):
    """Frechet distance of two Gaussians with these moments; FID on Inception features (Heusel et al. 2017, eq. 6).

    |m_a - m_b|^2 + tr(C_a) + tr(C_b) - 2 tr((C_a C_b)^(1/2)). With C_b = L L^T, the last trace is the sum of the square
    roots of the eigenvalues of L^T C_a L. This matrix is symmetric, so that the roots are real and no epsilon is
    needed, also for singular covariances. `b` keeps L: pass the real images as `b` if they are used again.

    Args:
        a: FeatureStats of 2 rows or more.
        b: the same, of equal dimensions.

    Returns:
        Float, 0 or more. It is too large by about c / N for N rows: compare at equal N, or use `fid_infinity`.

    Raises:
        UserError: different dimensions; fewer than 2 rows.

    Warns:
        ScoreWarning: no more rows than dimensions.
    """
    distance = frechet_distance_quietly(a, b)
    warn_if_singular(a, b)
    return distance


def warn_if_singular(*stats):
    """Warns with ScoreWarning if one of the statistics has no more rows than dimensions."""
    rows, dimensions = min(s.count for s in stats), len(stats[0].mean)
    if rows <= dimensions:
        warnings.warn(
            f"Frechet distance from {rows} rows in {dimensions} dimensions: the covariance is singular and the bias "
            f"is large; give more than {dimensions} images, better ten times as many",
            ScoreWarning,
            stacklevel=3,
        )


def frechet_distance_quietly(a, b):
    """`frechet_distance` without the warning, for callers that compute many distances and warn once."""
    a._check_dimensions(len(b.mean))
    L = b.factor()  # noqa: N806
    eigenvalues = np.linalg.eigvalsh(L.T @ a.covariance @ L)
    kept = eigenvalues > RANK_TOLERANCE * eigenvalues.max(initial=0)
    trace_of_root = np.sqrt(eigenvalues[kept]).sum()
    difference = a.mean - b.mean
    distance = difference @ difference + np.trace(a.covariance) + np.trace(b.covariance) - 2 * trace_of_root
    return max(0.0, float(distance))  # a squared distance: below 0 is a rounding error
