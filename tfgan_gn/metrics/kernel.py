"""Kernel distance of two sets of features (KID): over all rows, over random subsets, over disjoint blocks."""

import math
from typing import NamedTuple

import numpy as np

from tfgan_gn.metrics.rows import check_at_least, check_pair, row_blocks


class PartsDistance(NamedTuple):
    """A distance between parts of two sets: mean over the parts, population standard deviation, error of the mean."""

    mean: float
    std: float
    standard_error: float


class PolynomialKernel(NamedTuple):
    """k(x, y) = (gamma x.y + coef0)^degree.

    Attributes:
        degree: whole number, 1 or more.
        gamma: factor of the dot product; None for 1 / D.
        coef0: constant that is added to it.
    """

    degree: int = 3
    gamma: float | None = None
    coef0: float = 1.0

    def __call__(self, x, y):
        """Kernel values [N, M] of float64 rows [N, D] and [M, D]."""
        return self._of_products(x @ y.T, x.shape[1])

    def diagonal(self, x):
        """k(x_i, x_i) [N] of float64 rows [N, D]."""
        return self._of_products(np.einsum("ij,ij->i", x, x), x.shape[1])

    def _of_products(self, products, dimensions):
        base = products * (1 / dimensions if self.gamma is None else self.gamma) + self.coef0
        return math.prod([base] * self.degree)  # base**3 calls np.power, which is many times slower


KID_KERNEL = PolynomialKernel()


def kernel_distance(x, y, kernel=KID_KERNEL):
    """Kernel distance of two sets; KID on Inception features (Binkowski et al. 2018, section 4.1).

    The unbiased estimate MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j); the
    last mean is over all pairs. It costs N^2 D operations; use `kernel_distance_of_subsets` for more than 10,000 rows.

    Args:
        x: real array [N, D], N 2 or more.
        y: real array [M, D], M 2 or more.
        kernel: PolynomialKernel; KID's is (x.y / D + 1)^3.

    Returns:
        Float; for equal distributions it is below 0 about half of the time.

    Raises:
        UserError: another shape or type; a number that is not finite; degree below 1.
    """
    check_at_least("degree", kernel.degree, 1)
    return _mmd2(*check_pair(x, y, ("x", "y"), 2), kernel)


def kernel_distance_of_subsets(x, y, rng, num_subsets=100, subset_size=1000, kernel=KID_KERNEL):
    """KID as most papers report it: the mean of `kernel_distance` over random subsets of both sets.

    The subsets overlap. The standard error is therefore that of the mean as an estimate of `kernel_distance` of these
    rows: it goes to 0 with more subsets. `kernel_distance_of_blocks` and `bootstrap_interval` estimate how much the
    distance changes with other rows.

    Args:
        x: real array [N, D].
        y: real array [M, D].
        rng: numpy Generator or RandomState; for each subset it draws from x, then from y, each without replacement.
        num_subsets: 2 or more.
        subset_size: 2 to min(N, M).
        kernel: PolynomialKernel.

    Returns:
        PartsDistance.

    Raises:
        UserError: as `kernel_distance`; fewer than 2 subsets; a subset larger than a set.
    """
    check_at_least("num_subsets", num_subsets, 2)
    check_at_least("subset_size", subset_size, 2)
    check_at_least("degree", kernel.degree, 1)
    x, y = check_pair(x, y, ("x", "y"), subset_size)

    def draw(z):
        return z[rng.choice(len(z), subset_size, replace=False)]

    return _over_parts([_mmd2(draw(x), draw(y), kernel) for _ in range(num_subsets)])


def kernel_distance_of_blocks(x, y, max_block_size=1000, kernel=KID_KERNEL):
    """The mean of `kernel_distance` over disjoint blocks of consecutive rows, as TF-GAN computes it.

    No row is used twice, so that the standard error is that of the distance with other rows. Nothing is random.

    Args:
        x: real array [N, D], in no particular order.
        y: real array [M, D], in no particular order.
        max_block_size: B. Both sets are cut into ceil(max(N, M) / B) blocks, whose sizes differ by one row at most.
        kernel: PolynomialKernel.

    Returns:
        PartsDistance; its standard error is nan if there is one block only.

    Raises:
        UserError: as `kernel_distance`; a block would have fewer than 2 rows.
    """
    check_at_least("max_block_size", max_block_size, 2)
    check_at_least("degree", kernel.degree, 1)
    num_blocks = math.ceil(max(len(x), len(y)) / max_block_size)
    x, y = check_pair(x, y, ("x", "y"), 2 * num_blocks)
    return _over_parts([_mmd2(*pair, kernel) for pair in zip(*(_cut(z, num_blocks) for z in (x, y)), strict=True)])


def kernel_distances_of_halves(x, y, rng, num_halves, kernel=KID_KERNEL):
    """`kernel_distance` from each of many random halves of x to all of y, at the cost of about one distance.

    Let w be 1 for the n rows of a half and 0 for the others. The mean of K over the pairs of the half is
    (w^T K w - w . diag K) / (n (n - 1)). K is computed once for all halves.

    Args:
        x: real array [N, D], N 4 or more; a half has N // 2 rows.
        y: real array [M, D], M 2 or more.
        rng: numpy Generator.
        num_halves: number of halves.
        kernel: PolynomialKernel.

    Returns:
        float64 [num_halves], for `interval_of`.

    Raises:
        UserError: as `kernel_distance`.
    """
    x, y = check_pair(x, y, ("x", "y"), 4)
    n = len(x) // 2
    w = np.zeros((len(x), num_halves))
    for half in w.T:
        half[rng.choice(len(x), n, replace=False)] = 1
    within, across = -(kernel.diagonal(x) @ w), np.zeros(num_halves)
    for rows in row_blocks(len(x), max(len(x), len(y))):
        within += np.einsum("ij,ij->j", w[rows], kernel(x[rows], x) @ w)
        across += kernel(x[rows], y).mean(1) @ w[rows]
    return within / (n * (n - 1)) + _mean_of_others(y, kernel) - 2 * across / n


def _cut(x, num_blocks):
    """Cuts rows into consecutive blocks; if they cannot be equal, the last ones are one row longer."""
    size, longer = divmod(len(x), num_blocks)
    sizes = [size] * (num_blocks - longer) + [size + 1] * longer
    return np.split(x, np.cumsum(sizes)[:-1])


def _over_parts(values):
    m = len(values)
    error = float(np.std(values, ddof=1)) / math.sqrt(m) if m > 1 else math.nan
    return PartsDistance(float(np.mean(values)), float(np.std(values)), error)


def _mmd2(x, y, kernel):
    return _mean_of_others(x, kernel) + _mean_of_others(y, kernel) - 2 * _kernel_sum(x, y, kernel) / (len(x) * len(y))


def _mean_of_others(x, kernel):
    n = len(x)
    return (_kernel_sum(x, x, kernel) - kernel.diagonal(x).sum()) / (n * (n - 1))


def _kernel_sum(x, y, kernel):
    return math.fsum(kernel(x[rows], y).sum() for rows in row_blocks(len(x), len(y)))
