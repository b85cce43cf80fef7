"""Precision, recall, density and coverage: goldens, closed forms, plain numpy."""

import re

import numpy as np
import pytest
from metric_goldens import FRECHET, GOLDEN, A, B, close, golden, small_blocks  # noqa: F401
from scipy.spatial.distance import cdist

from tfgan_gn.metrics import (
    manifold_scores,
)

pytestmark = pytest.mark.quick


@golden(r"prc.*_k\d")
def test_manifold_goldens(key):
    case, code, k = re.fullmatch(r"(prc\w*?)__(\w+)_k(\d)", key).groups()
    real = GOLDEN["prc__in_real" if case == "prc_same" else f"{case}__in_real"]
    fake = real if case == "prc_same" else GOLDEN[f"{case}__in_fake"]
    ours, theirs = np.array(manifold_scores(real, fake, int(k))), GOLDEN[key]
    ties = case in ("prc_dup", "prc_same")
    held = (
        [0, 1]
        if code == "exact_le" and ties
        else [2, 3]
        if code in ("exact_lt", "prdc") and ties
        else range(len(theirs))
    )
    close(ours[held], theirs[held], 1e-6 if code == "torchfidelity" else 1e-12)


def plain_manifold(real, fake, k):
    """The formulas in plain numpy, from all distances."""
    radius = [np.sort(cdist(z, z), axis=1)[:, k] for z in (real, fake)]
    d = cdist(fake, real)
    return (
        np.mean([any(row <= radius[0]) for row in d]),
        np.mean([any(column <= radius[1]) for column in d.T]),
        np.mean([sum(row < radius[0]) / k for row in d]),
        np.mean([any(column < r) for column, r in zip(d.T, radius[0])]),
    )


@pytest.mark.parametrize(("k", "offset", "dtype"), [(1, 0, np.float64), (3, 1e3, np.float64), (5, 30, np.float32)])
def test_manifold_is_the_plain_formula(rng, k, offset, dtype):
    real = (offset + rng.normal(size=(140, 4))).astype(dtype)
    fake = (offset + 1.2 * rng.normal(size=(90, 4)) + [1, 0, 0, 0]).astype(dtype)
    expected = plain_manifold(real.astype(np.float64), fake.astype(np.float64), k)
    close(manifold_scores(real, fake, k), expected, 1e-12)
    close(manifold_scores(real[rng.permutation(140)], fake[rng.permutation(90)], k), expected, 1e-12)
    assert min(expected) > 0.01 and expected[0] < 1 and expected[1] < 1  # no score is at the end of its range


def test_copied_images_are_at_distance_0(rng):
    """Equal rows have distance 0, also far from the origin, where a Gram matrix alone gives 1e-10."""
    originals = 1e3 + rng.normal(size=(6, 40))
    copies = np.repeat(originals, 4, axis=0)
    precision, _, density, coverage = manifold_scores(copies, originals[[0, 1, 2, 0]], k=3)
    assert (precision, density, coverage) == (1, 0, 0)
    assert manifold_scores(copies, originals + 1e-4, k=3).precision == 0
    assert manifold_scores(originals, copies, k=3).recall == 1
    assert manifold_scores(originals + 1e-4, copies, k=3).recall == 0


def test_a_generator_of_the_real_images(rng):
    real = 10 + rng.normal(size=(200, 60))
    close(manifold_scores(real, real[rng.permutation(200)]), (1, 1, 1, 1), 1e-14)


def test_manifold_scores_of_equal_distributions(rng):
    """Density is 1 in expectation; coverage 1 - C(N-1, k) / C(2N-1, k), that is 1 - 2^-k for many rows."""
    scores = np.array([manifold_scores(*rng.normal(size=(2, 100, 3))) for _ in range(100)])
    expected = 1 - np.prod([(100 - i) / (199 - i) for i in range(3)])
    for column, value in ((2, 1.0), (3, expected)):
        assert abs(scores[:, column].mean() - value) < 4 * scores[:, column].std() / 10 < 0.05
