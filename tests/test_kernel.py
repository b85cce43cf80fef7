"""KID: goldens, closed forms, plain numpy, bias."""

import numpy as np
import pytest
from metric_goldens import FRECHET, GOLDEN, A, B, close, golden, small_blocks  # noqa: F401

from tfgan_gn.metrics import (
    PolynomialKernel,
    kernel_distance,
    kernel_distance_of_blocks,
    kernel_distance_of_subsets,
)

pytestmark = pytest.mark.quick


def kernel_rows(case):
    """The first n rows of each set, where n is the size of the smaller one."""
    x, y = {"kid_a": (A, B), "kid_same": (A, A), "kid_w": FRECHET["fid_w"], "kid_w_f32": FRECHET["fid_w"]}[case]
    n = 80 if case.startswith("kid_w") else min(len(x), len(y))
    return (z[:n] if case == "kid_w_f32" else z[:n].astype(np.float64) for z in (x, y))


@golden(r"kid_.*__(torchfidelity_full|mmdgan|tfgan_one_block|deg2)", without="kid_ab")
def test_kernel_goldens(key):
    case, code = key.split("__")
    kernel = PolynomialKernel(degree=2, gamma=0.05, coef0=0.5) if code == "deg2" else PolynomialKernel()
    ours = kernel_distance(*kernel_rows(case), kernel)
    np.testing.assert_allclose(ours, GOLDEN[key], rtol=1e-5 if case == "kid_w_f32" else 1e-12, atol=1e-13)


def test_kernel_goldens_of_parts():
    close(kernel_distance(A, B), GOLDEN["kid_ab__tfgan_one_block"], 1e-12)
    blocks = kernel_distance_of_blocks(A, B, max_block_size=120)
    close((blocks.mean, blocks.standard_error), GOLDEN["kid_ab__tfgan_blocks"], 1e-12)
    for key, rows_of_b in (("subsets10", 400), ("subsets10_allrows", 500)):
        rng, size = np.random.RandomState(2020), int(GOLDEN["kid_a__subset_size"])
        ours = kernel_distance_of_subsets(A, B[:rows_of_b], rng, num_subsets=10, subset_size=size)
        close(ours[:2], GOLDEN[f"kid_a__torchfidelity_{key}"], 1e-12)
        assert ours.standard_error == pytest.approx(ours.std / 3, rel=1e-12)  # sqrt(10 / 9) / sqrt(10)


def test_kernel_distance_is_the_plain_formula(rng):
    x, y = rng.normal(size=(37, 6)), 0.5 + rng.normal(size=(41, 6))
    k = {name: (a @ b.T / 6 + 1) ** 3 for name, a, b in (("xx", x, x), ("yy", y, y), ("xy", x, y))}
    others = {name: k[name][~np.eye(len(k[name]), dtype=bool)].mean() for name in ("xx", "yy")}
    close(kernel_distance(x, y), others["xx"] + others["yy"] - 2 * k["xy"].mean(), 1e-13)
    close(kernel_distance(y, x), kernel_distance(x, y), 1e-13)
    close(kernel_distance(x[rng.permutation(37)], y), kernel_distance(x, y), 1e-13)


def test_kernel_distance_closed_forms(rng):
    x, y = rng.normal(size=(30, 4)), 1 + rng.normal(size=(20, 4))
    linear = kernel_distance(x, y, PolynomialKernel(degree=1, gamma=1.0, coef0=7.0))  # |m_x - m_y|^2 - tr C / n, twice
    bias = np.trace(np.cov(x, rowvar=False)) / 30 + np.trace(np.cov(y, rowvar=False)) / 20
    close(linear, np.sum((x.mean(0) - y.mean(0)) ** 2) - bias, 1e-12)
    one, two = np.ones((5, 8)), np.full((6, 8), 2.0)
    close(kernel_distance(one, two), 2**3 + 5**3 - 2 * 3**3, 1e-12)


def test_kernel_distance_is_unbiased(rng):
    """For equal distributions its mean is 0; with the diagonals of the kernel matrices it would be far from 0."""
    values = [kernel_distance(*rng.normal(size=(2, 10, 3))) for _ in range(2000)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(2000) < 0.1


def test_blocks_of_uneven_sets(rng):
    """The last blocks are the longer ones: 3, 4, 4 rows of x against 4, 4, 5 of y."""
    x, y = rng.normal(size=(11, 2)), rng.normal(size=(13, 2))
    parts = zip(np.split(x, [3, 7]), np.split(y, [4, 8]))
    values = [kernel_distance(*part) for part in parts]
    expected = (np.mean(values), np.std(values), np.std(values, ddof=1) / np.sqrt(3))
    close(kernel_distance_of_blocks(x, y, max_block_size=5), expected, 1e-13)
    assert np.isnan(kernel_distance_of_blocks(x, y).standard_error)


def test_the_error_of_blocks_is_that_of_fresh_rows(rng):
    shift = np.array([0, 0.5]).reshape(2, 1, 1)
    draws = [kernel_distance_of_blocks(*(rng.normal(0, 1, (2, 64, 3)) + shift), 8) for _ in range(300)]
    ratio = np.mean([d.standard_error for d in draws]) / np.std([d.mean for d in draws])
    assert 0.85 < ratio < 1.15
