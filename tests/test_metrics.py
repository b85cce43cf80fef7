"""The Inception Score; which input all metrics refuse; a check that every golden is used."""

import re
import subprocess
import sys

import numpy as np
import pytest
import test_frechet
import test_kernel
import test_manifold
from metric_goldens import FRECHET, GOLDEN, HELD, A, B, close, golden, small_blocks  # noqa: F401
from test_train_cifar import ROOT

from tfgan_gn.errors import UserError
from tfgan_gn.metrics import (
    FeatureStats,
    PolynomialKernel,
    frechet_distance,
    inception_score,
    inception_score_of_probabilities,
    kernel_distance,
    kernel_distance_of_blocks,
    kernel_distance_of_subsets,
    manifold_scores,
)
from tfgan_gn.metrics import rows as rows_of_arrays

pytestmark = pytest.mark.quick


def test_no_tensorflow():
    """Programs that score arrays do not wait for TensorFlow."""
    code = "import sys, tfgan_gn.metrics; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# Goldens with another formula than ours, and the difference. All others are used in a test.
OTHER = {
    r"is_[czs]+__openai_s\d+|is_e__openai_s10": "nan: 0 log 0, or more splits than rows",
    r"is_b__entropy_droprest_s(2|10)": "drops the rows that N / splits leaves over",
    r"fid_.*__ttur_eps": "adds 1e-6 to both diagonals",
    r"fid_a__tfgan_(mean|diagonal)_only": "simpler distances",
    r"fid_(1d__(ttur|pytorchfid)|w__ttur_scipy1_11)": "nan: sqrtm fails; held to _exact",
    r"kid_.*__(biased|ustatistic|mmdgan_var)": "other estimators",
    r"prc.*__exact_(le|lt)_k\d": "half of each: see test_manifold_goldens",
}


def scores_of(case):
    """Functions from a number of splits to the score: from logits if the case has them, and from probabilities."""
    scores = []
    if f"{case}__in_logits" in GOLDEN:
        scores.append(lambda splits: inception_score(GOLDEN[f"{case}__in_logits"], splits))
    scores.append(lambda splits: inception_score_of_probabilities(GOLDEN[f"{case}__in_probs"], splits))
    return scores


@pytest.mark.parametrize(("rows", "columns"), [(10, 3), (1001, 1), (7, 500), (5, 2**30), (0, 4)])
def test_blocks_of_rows_cover_all_and_fit_in_memory(rows, columns, monkeypatch):
    monkeypatch.setattr(rows_of_arrays, "BLOCK_ELEMENTS", 1000)
    blocks = rows_of_arrays.row_blocks(rows, columns)
    assert [block.start for block in blocks] + [rows] == [0] + [block.stop for block in blocks]
    sizes = [block.stop - block.start for block in blocks]
    most = max(1, 1000 // columns)
    assert all(size == most for size in sizes[:-1]) and all(0 < size <= most for size in sizes)


@golden(r"is_.*_s\d+", without=r"is_(c|cs|z)__openai|is_e__openai_s10|is_b__entropy_droprest_s(2|10)|shuffled|float32")
def test_inception_score_goldens(key):
    case, splits = key.split("__")[0], int(key.rsplit("_s", 1)[1])
    scores = scores_of(case)
    close(scores[0](splits), GOLDEN[key], 1e-12)
    close(scores[-1](splits), GOLDEN[key], 1e-6 if case == "is_f" else 1e-12)  # is_f's probabilities are float32


@golden(r"is_.*__torchfidelity_shuffled_s10")
def test_inception_score_depends_on_the_order_as_published(key):
    case = key.split("__")[0]
    logits = GOLDEN[f"{case}__in_logits"]
    order = np.random.RandomState(2020).permutation(len(logits))
    close(inception_score(logits[order]), GOLDEN[key], 1e-12)
    assert abs(np.subtract(inception_score(logits), GOLDEN[key])).max() > 1e-3


@golden(r"is_.*__openai_float32_s10|is_.*__tfgan")
def test_inception_score_of_float32_codes(key):
    splits = 10 if key.endswith("s10") else 1
    for score in scores_of(key.split("__")[0]):
        np.testing.assert_allclose(np.ravel(score(splits))[: GOLDEN[key].size], GOLDEN[key].ravel(), rtol=1e-6)


def test_inception_score_closed_forms(rng):
    classes = np.arange(50) % 5
    one_hot = np.eye(5)[classes]
    close(inception_score_of_probabilities(one_hot, 1), (5, 0), 1e-14)
    close(inception_score_of_probabilities(one_hot[np.argsort(classes)], 5), (1, 0), 1e-14)
    close(inception_score(1e4 * one_hot, 1), (5, 0), 1e-14)  # exp(-1e4) is 0
    close(inception_score(np.tile(rng.normal(size=7), (30, 1)), 3), (1, 0), 1e-14)
    weights = np.array([0.5, 0.25, 0.25])
    close(inception_score_of_probabilities(np.eye(3)[[0, 0, 1, 2]], 1)[0], np.exp(-(weights @ np.log(weights))), 1e-14)
    a, b = inception_score_of_probabilities(one_hot[:30], 1), inception_score_of_probabilities(one_hot[:30][:7], 1)
    both = np.concatenate([one_hot[:7], one_hot[:7], np.tile(one_hot[0], (7, 1))])
    three = inception_score_of_probabilities(both, 3)  # splits score b, b, 1; population standard deviation
    assert a.mean == pytest.approx(5, abs=1e-14)
    close(three, ((2 * b.mean + 1) / 3, (b.mean - 1) * np.sqrt(2) / 3), 1e-14)


def test_inception_score_is_the_plain_formula(rng):
    logits = 3 * rng.normal(size=(103, 11))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    parts = [p[i * 103 // 4 : (i + 1) * 103 // 4] for i in range(4)]
    scores = [np.exp(np.mean([(x * np.log(x / q.mean(0))).sum() for x in q])) for q in parts]
    close(inception_score(logits, 4), (np.mean(scores), np.std(scores)), 1e-13)
    close(inception_score(logits + 1e3 * rng.normal(size=(103, 1)), 4), (np.mean(scores), np.std(scores)), 1e-11)


def test_every_golden_is_held_or_named():
    assert test_frechet and test_kernel and test_manifold  # importing them adds the goldens that they use to HELD
    others = {key for key in GOLDEN if any(re.fullmatch(pattern, key) for pattern in OTHER)}
    inputs = {key for key in GOLDEN if "__in_" in key or key == "kid_a__subset_size"}
    assert HELD | others | inputs == set(GOLDEN)


X = np.random.default_rng(1).normal(size=(20, 3))
HOLE = np.where(np.arange(60).reshape(20, 3) == 34, np.nan, X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: inception_score(X, 21), r"splits=21 of 20 rows; give 1 to 20 splits, or more images"),
        (lambda: inception_score(X, 0), r"splits=0 of 20 rows"),
        (lambda: inception_score_of_probabilities(GOLDEN["is_e__in_probs"], 10), r"splits=10 of 7 rows"),
        (lambda: inception_score(HOLE), r"logits: row 11 holds nan or infinity; leave"),
        (lambda: inception_score(X[:0]), r"logits: 0 rows; give 1 or more"),
        (
            lambda: inception_score_of_probabilities(X),
            r"probabilities: row 0 sums to .* or give logits to inception_score",
        ),
        (lambda: inception_score_of_probabilities([[1.5, -0.5]]), r"row 0 sums to 1 and its minimum is -0.5; give"),
        (lambda: inception_score_of_probabilities([[1, 0], [0.5, 0.4]], 1), r"row 1 sums to 0.9 and"),
        (lambda: inception_score(X[0]), r"logits: shape \(3,\) of float64; give real numbers \[rows, columns\]"),
        (lambda: FeatureStats.of(X[:1]).covariance, "1 rows have no covariance; give 2 images or more"),
        (lambda: frechet_distance(FeatureStats(3), FeatureStats.of(X)), "0 rows have no covariance"),
        (lambda: frechet_distance(FeatureStats.of(X), FeatureStats.of(X[:1])), "1 rows have no covariance"),
        (lambda: frechet_distance(FeatureStats.of(X[:, :2]), FeatureStats.of(X)), "have 3 columns, these statistics 2"),
        (
            lambda: FeatureStats(2).update(X),
            "features have 3 columns, these statistics 2; give features of one network",
        ),
        (lambda: FeatureStats(2).merge(FeatureStats.of(X)), "features have 3 columns, these statistics 2"),
        (lambda: FeatureStats.of(HOLE), "features: row 11 holds nan or infinity"),
        (lambda: FeatureStats.of(np.vstack([*[X] * 200, HOLE])), "features: row 4011 holds nan or infinity"),
        (lambda: FeatureStats.of(X[:0]), "features: 0 rows; give 1 or more"),
        (lambda: FeatureStats.of(X.astype(str)), r"features: shape \(20, 3\) of <U32; give real numbers"),
        (lambda: FeatureStats(0), "dimensions=0; give 1 or more"),
        (lambda: FeatureStats.from_moments(1, X[0], np.eye(3)), "count=1; give 2 or more"),
        (lambda: FeatureStats.from_moments(9, X[0], np.eye(4)), r"covariance: shape \(4, 4\) beside a mean of 3"),
        (lambda: FeatureStats.from_moments(9, X[0], np.triu(np.ones((3, 3)))), "or not symmetric"),
        (lambda: FeatureStats.from_moments(9, X[0], np.full((3, 3), np.inf)), "covariance: row 0 holds nan"),
        (lambda: kernel_distance(X[:1], X), "x: 1 rows; give 2 or more"),
        (lambda: kernel_distance(X, X[:, :2]), "x have 3 columns, y 2; give features of one network and layer"),
        (lambda: kernel_distance(X, HOLE), "y: row 11 holds nan or infinity"),
        (lambda: kernel_distance(X, X, PolynomialKernel(degree=0)), "degree=0; give 1 or more"),
        (lambda: kernel_distance_of_subsets(X, X, None), "x: 20 rows; give 1000 or more"),
        (lambda: kernel_distance_of_subsets(X, X, None, num_subsets=1), "num_subsets=1; give 2 or more"),
        (lambda: kernel_distance_of_subsets(X, X, None, subset_size=1), "subset_size=1; give 2 or more"),
        (lambda: kernel_distance_of_blocks(X[:3], X, 10), "x: 3 rows; give 4 or more"),
        (lambda: kernel_distance_of_blocks(X, X, 1), "max_block_size=1; give 2 or more"),
        (lambda: manifold_scores(X, X, 0), "k=0; give 1 or more"),
        (lambda: manifold_scores(X, X[:3]), "fake: 3 rows; give 4 or more"),
        (lambda: manifold_scores(HOLE, X), "real: row 11 holds nan or infinity"),
    ],
)
def test_mistakes(call, message):
    with pytest.raises(UserError, match=message):
        call()
