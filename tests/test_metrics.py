"""Scores against published implementations' numbers (tests/goldens/README.md), closed forms and plain numpy."""

import pathlib
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.linalg
from scipy.spatial.distance import cdist

from tfgan_gn.errors import UserError
from tfgan_gn.metrics import (
    FeatureStats,
    PolynomialKernel,
    ScoreWarning,
    frechet_distance,
    inception_score,
    inception_score_of_probabilities,
    kernel_distance,
    kernel_distance_of_blocks,
    kernel_distance_of_subsets,
    manifold_scores,
    rows,
)

ROOT = pathlib.Path(__file__).parents[1]
GOLDEN = dict(np.load(ROOT / "tests/goldens/metrics.npz"))


HELD = {"fid_a__mu_a", "fid_a__sigma_a", "kid_ab__tfgan_one_block", "kid_ab__tfgan_blocks"}
HELD |= {"kid_a__torchfidelity_subsets10", "kid_a__torchfidelity_subsets10_allrows"}


def golden(pattern, without=None):
    """Keys of results that match, as parameters of a test."""
    keys = [key for key in GOLDEN if re.fullmatch(pattern, key) and not (without and re.search(without, key))]
    assert keys, pattern
    HELD.update(keys)
    return pytest.mark.parametrize("key", keys)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Every loop over blocks goes round several times, with an uneven end."""
    monkeypatch.setattr(rows, "BLOCK_ELEMENTS", 7000)


def close(ours, expected, tolerance):
    """Relative to the largest expected number, absolute below 1."""
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * max(1, np.max(np.abs(expected))))


def test_no_tensorflow():
    """The package's own __init__ is empty of imports; whoever scores arrays does not wait for TensorFlow."""
    code = "import sys, tfgan_gn.metrics; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# What of the goldens is another formula than ours, and why: everything else is held below.
OTHER = {
    r"is_[czs]+__openai_s\d+|is_e__openai_s10": "nan: 0 log 0, or more splits than rows",
    r"is_b__entropy_droprest_s(2|10)": "drops the rows that N / splits leaves over",
    r"fid_.*__ttur_eps": "adds 1e-6 to both diagonals",
    r"fid_a__tfgan_(mean|diagonal)_only": "simpler distances",
    r"fid_(1d__(ttur|pytorchfid)|w__ttur_scipy1_11)": "nan: sqrtm fails; held to _exact",
    r"kid_.*__(biased|ustatistic|mmdgan_var)": "other estimators",
    r"prc.*__exact_(le|lt)_k\d": "half of each: see test_manifold_goldens",
}


# Inception Score


def scores_of(case):
    """From a number of splits to the score: of the case's logits, of its probabilities, or both where it has both."""
    scores = []
    if f"{case}__in_logits" in GOLDEN:
        scores.append(lambda splits: inception_score(GOLDEN[f"{case}__in_logits"], splits))
    scores.append(lambda splits: inception_score_of_probabilities(GOLDEN[f"{case}__in_probs"], splits))
    return scores


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
    three = inception_score_of_probabilities(both, 3)  # b, b, 1: the population's deviation
    assert a.mean == pytest.approx(5, abs=1e-14)
    close(three, ((2 * b.mean + 1) / 3, (b.mean - 1) * np.sqrt(2) / 3), 1e-14)


def test_inception_score_is_the_plain_formula(rng):
    logits = 3 * rng.normal(size=(103, 11))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    parts = [p[i * 103 // 4 : (i + 1) * 103 // 4] for i in range(4)]
    scores = [np.exp(np.mean([(x * np.log(x / q.mean(0))).sum() for x in q])) for q in parts]
    close(inception_score(logits, 4), (np.mean(scores), np.std(scores)), 1e-13)
    close(inception_score(logits + 1e3 * rng.normal(size=(103, 1)), 4), (np.mean(scores), np.std(scores)), 1e-11)


# Frechet distance

A, B = (GOLDEN[f"fid_a__in_{which}"] for which in "ab")
ZERO = np.ones(32)
ZERO[GOLDEN["fid_zero__in_cols"]] = 0
FRECHET = {
    "fid_a": (A, B),
    "fid_a_f32": (A.astype(np.float32), B.astype(np.float32)),
    "fid_s": (GOLDEN["fid_s__in_a"], GOLDEN["fid_s__in_b"]),
    "fid_w": (GOLDEN["fid_w__in_a"], GOLDEN["fid_w__in_b"]),
    "fid_same": (A, A),
    "fid_same_s": (GOLDEN["fid_s__in_a"], GOLDEN["fid_s__in_a"]),
    "fid_perm": (A, A[::-1]),
    "fid_shift": (A, A + GOLDEN["fid_shift__in_c"]),
    "fid_scale": (A, 2 * A),
    "fid_zero": (A * ZERO, B * ZERO),
    "fid_const": (np.tile(A[:1], (50, 1)), B),
    "fid_half": (A[:200], A[200:]),
    "fid_1d": (GOLDEN["fid_1d__in_a"].reshape(-1, 1), GOLDEN["fid_1d__in_b"].reshape(-1, 1)),
}
SINGULAR = {"fid_s", "fid_w", "fid_same_s"}


def frechet(x, y):
    """The distance of two arrays, without the warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        return frechet_distance(FeatureStats.of(x), FeatureStats.of(y))


@golden(r"fid_.*__(exact|analytic|tfgan|ttur|pytorchfid|torchfidelity|ttur_scipy1_11)")
def test_frechet_goldens(key):
    case, code = key.split("__")
    ours = frechet(*FRECHET[case])
    if np.isnan(GOLDEN[key]):
        assert np.isfinite(ours) and case in ("fid_1d", "fid_w")
    elif code in ("exact", "analytic", "tfgan"):
        close(ours, GOLDEN[key], 1e-12)
    else:
        singular_or_float32 = case in SINGULAR or case == "fid_a_f32"
        np.testing.assert_allclose(ours, GOLDEN[key], rtol=1e-5 if singular_or_float32 else 1e-12, atol=1e-6)


def test_frechet_golden_statistics():
    stats = FeatureStats.of(A)
    close(stats.mean, GOLDEN["fid_a__mu_a"], 1e-14)
    close(stats.covariance, GOLDEN["fid_a__sigma_a"], 1e-14)


def test_frechet_closed_forms(rng):
    x = rng.normal(size=(90, 6)) @ rng.normal(size=(6, 6))
    trace = np.trace(np.cov(x, rowvar=False))
    shift = rng.normal(size=6)
    close(frechet(x, x + shift), shift @ shift, 1e-12)
    close(frechet(x, 3 * x), 4 * (x.mean(0) @ x.mean(0) + trace), 1e-12)
    close(frechet(x, x), 0, 1e-12)
    close(frechet(x, x[rng.permutation(90)]), 0, 1e-12)
    close(
        frechet(x @ np.diag([1, 1, 1, 0, 0, 0]), x @ np.diag([0, 0, 0, 1, 1, 1])), trace + x.mean(0) @ x.mean(0), 1e-12
    )
    constant = np.ones((5, 6))
    close(frechet(constant, constant + 2), 24, 1e-12)


def test_frechet_is_symmetric_and_what_sqrtm_gives(rng):
    x, y = rng.normal(size=(80, 9)) @ rng.normal(size=(9, 9)), 1 + rng.normal(size=(70, 9)) @ rng.normal(size=(9, 9))
    ca, cb = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = np.trace(scipy.linalg.sqrtm(ca @ cb)).real
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(ca) + np.trace(cb) - 2 * root
    close(frechet(x, y), expected, 1e-11)
    close(frechet(y, x), expected, 1e-11)
    turn = scipy.linalg.qr(rng.normal(size=(9, 9)))[0]
    close(frechet(x @ turn, y @ turn), expected, 1e-11)
    close(frechet(x[:5], y[:4]), frechet(y[:4], x[:5]), 1e-11)


def test_frechet_warns_once_where_the_covariance_is_singular(rng):
    x, reference = rng.normal(size=(12, 12)), FeatureStats.of(rng.normal(size=(40, 12)))
    with pytest.warns(ScoreWarning, match=r"from 12 rows in 12 dimensions: .* give more than 12 images") as caught:
        frechet_distance(FeatureStats.of(x), reference)
    assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(FeatureStats.of(rng.normal(size=(13, 12))), reference)


def same(a, b, tolerance=1e-13):
    assert a.count == b.count
    close(a.mean, b.mean, tolerance)
    close(a.covariance, b.covariance, tolerance)


def test_streaming_merged_and_batch_statistics_are_the_same(rng):
    x = rng.normal(size=(257, 5)) @ rng.normal(size=(5, 5)) + 3
    batch = FeatureStats.of(x)
    close(batch.mean, x.mean(0), 1e-14)
    close(batch.covariance, np.cov(x, rowvar=False), 1e-14)
    streamed = FeatureStats(5)
    for part in np.split(x, [1, 2, 40, 40, 200]):  # single rows and none
        assert streamed.update(part) is streamed
    same(streamed, batch)
    left, right = FeatureStats.of(x[:100]), FeatureStats.of(x[100:])
    kept = right.covariance.copy()
    same(left.merge(right).merge(FeatureStats(5)), batch)
    np.testing.assert_array_equal(right.covariance, kept)
    same(FeatureStats(5).merge(left), batch)
    same(FeatureStats.of(x[rng.permutation(257)]), batch)
    same(
        FeatureStats.from_moments(batch.count, batch.mean, batch.covariance).update(x),
        FeatureStats.of(np.vstack([x, x])),
    )


def test_statistics_keep_their_digits_far_from_zero(rng):
    x = rng.integers(-5, 5, (300, 4)).astype(float)
    far = FeatureStats(4)
    for part in np.array_split(x + 1e8, 7):
        far.update(part)
    np.testing.assert_allclose(far.covariance, np.cov(x, rowvar=False), rtol=0, atol=1e-6)  # of about 8
    naive = ((x + 1e8).T @ (x + 1e8) - 300 * np.outer(far.mean, far.mean)) / 299
    assert abs(naive - np.cov(x, rowvar=False)).max() > 0.1


def test_statistics_of_float32_and_uint8_are_summed_in_float64(rng):
    x = rng.integers(0, 256, (1000, 3), dtype=np.uint8)
    same(FeatureStats.of(x), FeatureStats.of(x.astype(np.float64)), 0)
    same(FeatureStats.of(x.astype(np.float32)), FeatureStats.of(x.astype(np.float64)), 0)


def test_the_kept_factor_is_that_of_all_rows(rng):
    x, y = rng.normal(size=(60, 4)), rng.normal(size=(50, 4))
    stats = FeatureStats.of(y[:20])
    before = frechet_distance(FeatureStats.of(x), stats)
    stats.update(y[20:30])
    stats.merge(FeatureStats.of(y[30:]))
    after = frechet_distance(FeatureStats.of(x), stats)
    close(after, frechet(x, y), 1e-12)
    assert abs(after - before) > 1e-3
    close(stats.factor() @ stats.factor().T, np.cov(y, rowvar=False), 1e-13)
    assert FeatureStats.of(x.repeat(3, axis=1)[:9]).factor().shape == (12, 4)  # the rank, no more


# Kernel distance


def kernel_rows(case):
    """The first n rows of each set, n that of the smaller."""
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
    """Over equal distributions its mean is 0; that of the estimator with the diagonals is far from it."""
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


# Precision, recall, density, coverage


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
    """The formulas with all distances at once, rows one by one."""
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
    assert min(expected) > 0.01 and expected[0] < 1 and expected[1] < 1  # none of the four is at an end of its range


def test_copied_images_are_at_distance_0(rng):
    """A generator that repeats itself: equal rows far from 0, where a Gram matrix alone gives 1e-10 and not 0."""
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


# All together


def test_every_golden_is_held_or_named():
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
        (lambda: inception_score_of_probabilities(X), r"probabilities: row 0 sums to .* or logits to inception_score"),
        (lambda: inception_score_of_probabilities([[1.5, -0.5]]), r"row 0 sums to 1 and its least is -0.5; give"),
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


def test_a_refused_batch_leaves_the_statistics_as_they_were():
    stats = FeatureStats.of(X)
    with pytest.raises(UserError):
        stats.update(np.vstack([X, HOLE]))
    same(stats, FeatureStats.of(X), 0)
