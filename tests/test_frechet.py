"""FID: goldens, closed forms, streaming."""

import warnings

import numpy as np
import pytest
import scipy.linalg
from metric_goldens import FRECHET, GOLDEN, A, B, close, golden, small_blocks  # noqa: F401

from tfgan_gn.errors import UserError
from tfgan_gn.metrics import (
    FeatureStats,
    ScoreWarning,
    frechet_distance,
)

pytestmark = pytest.mark.quick

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
    for part in np.split(x, [1, 2, 40, 40, 200]):  # parts of one row and of none
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
    np.testing.assert_allclose(far.covariance, np.cov(x, rowvar=False), rtol=0, atol=1e-6)  # values are about 8
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


def test_a_refused_batch_leaves_the_statistics_as_they_were(rng):
    x = rng.normal(size=(20, 3))
    hole = np.where(np.arange(60).reshape(20, 3) == 34, np.nan, x)
    stats = FeatureStats.of(x)
    with pytest.raises(UserError):
        stats.update(np.vstack([x, hole]))
    same(stats, FeatureStats.of(x), 0)
