"""Intervals cover as often as they claim; the extrapolated FID is closer to the true distance than FID."""

import functools
import warnings

import numpy as np
import pytest

from tfgan_gn.errors import UserError
from tfgan_gn.metrics import (
    FeatureStats,
    ScoreWarning,
    bootstrap_interval,
    fid_infinity,
    frechet_distance,
    inception_score,
    kernel_distance,
    manifold_scores,
)

D = 8
REFERENCE = FeatureStats.from_moments(10**9, np.zeros(D), np.eye(D))
REAL = np.random.default_rng(5).normal(size=(80, D))


def gaussian(rng, n=60):
    return (0.3 + 1.2 * rng.normal(size=(n, D)),)


def fid(x):
    return frechet_distance(FeatureStats.of(x), REFERENCE)


CASES = {
    "mean": (lambda rng: (rng.normal(size=100),), np.mean),
    "difference": (lambda rng: (rng.normal(size=50), rng.normal(size=80)), lambda x, y: x.mean() - y.mean()),
    "inception_score": (lambda rng: (2 * rng.normal(size=(200, 5)),), lambda x: inception_score(x, 1).mean),
    "fid": (gaussian, fid),
    "kid": (gaussian, functools.partial(kernel_distance, REAL)),
    "precision": (lambda rng: (rng.normal(size=(60, 2)),), lambda x: manifold_scores(REAL[:60, :2], x, 1).precision),
}


@functools.cache
def distribution(case):
    """Mean and standard deviation of the score over fresh sets."""
    rng, (make, score) = np.random.default_rng(7), CASES[case]
    scores = [score(*make(rng)) for _ in range(600)]
    return np.mean(scores), np.std(scores)


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_the_interval_covers_the_expected_score_of_fresh_images(rng, case, replace):
    make, score = CASES[case]
    (truth, deviation), trials = distribution(case), 120
    intervals = [
        bootstrap_interval(score, make(rng), rng, resamples=60, level=0.9, replace=replace) for _ in range(trials)
    ]
    covered = np.mean([i.low <= truth <= i.high for i in intervals])
    widening = np.mean([i.standard_error for i in intervals]) / deviation
    repeated_rows = replace and case in ("fid", "kid", "precision")  # these widen the interval, as the docstring says
    assert 0.8 < covered < (1 if repeated_rows else 0.97), covered
    assert 0.85 < widening < (1.6 if repeated_rows else 1.25), widening


@pytest.mark.quick
def test_plain_percentiles_would_leave_out_the_fid_itself(rng):
    """The reason for the shift: a resample of 60 rows in 8 dimensions has the bias of 60 rows twice."""
    (x,) = gaussian(rng, 60)
    interval = bootstrap_interval(fid, (x,), rng, resamples=300)
    resampled = [fid(x[rng.integers(60, size=60)]) for _ in range(300)]
    assert np.mean(resampled) > interval.value + 0.5 * interval.standard_error
    assert interval.low < interval.value < interval.high
    assert interval.value == fid(x)


@pytest.mark.quick
def test_interval_of_a_mean_in_numbers(rng):
    x = rng.normal(size=400)
    interval = bootstrap_interval(np.mean, (x,), np.random.default_rng(3), resamples=4000, level=0.8)
    error = x.std() / 20
    assert interval.standard_error == pytest.approx(error, rel=0.05)
    np.testing.assert_allclose(
        [interval.low, interval.high], [x.mean() - 1.2816 * error, x.mean() + 1.2816 * error], rtol=0, atol=0.1 * error
    )
    assert interval == bootstrap_interval(np.mean, (x,), np.random.default_rng(3), resamples=4000, level=0.8)
    assert interval != bootstrap_interval(np.mean, (x,), np.random.default_rng(4), resamples=4000, level=0.8)


# Extrapolation

SCALE = np.linspace(0.5, 1.5, 16)
REFERENCE_16 = FeatureStats.from_moments(10**9, np.zeros(16), np.eye(16))
TRUE_FID = 16 * 0.1**2 + np.sum((SCALE - 1) ** 2)


@pytest.mark.quick
def test_fid_infinity_is_nearer_to_the_truth(rng):
    """200 images of a Gaussian with a known distance: the extrapolation removes the bias and adds little variance."""
    sets = [0.1 + SCALE * rng.normal(size=(200, 16)) for _ in range(40)]
    plain = np.array([frechet_distance(FeatureStats.of(x), REFERENCE_16) for x in sets]) - TRUE_FID
    fits = [fid_infinity(x, REFERENCE_16, rng) for x in sets]
    extrapolated = np.array([fit.value for fit in fits]) - TRUE_FID
    assert plain.mean() > 0.3
    assert abs(extrapolated.mean()) < 0.25 * plain.mean()
    assert np.sqrt(np.mean(extrapolated**2)) < 0.6 * np.sqrt(np.mean(plain**2))
    assert np.mean([fit.slope for fit in fits]) == pytest.approx(200 * plain.mean(), rel=0.3)


@pytest.mark.quick
def test_the_error_of_the_fit_is_that_of_least_squares(rng, monkeypatch):
    """Equal to numpy's; the default sizes are evenly spaced."""
    x = 0.1 + SCALE[:D] * rng.normal(size=(300, D))
    seen = []
    monkeypatch.setattr(
        "tfgan_gn.metrics.uncertainty.frechet_distance_quietly",
        lambda stats, reference: seen.append((stats.count, fid(x[: stats.count]))) or seen[-1][1],
    )
    fit = fid_infinity(x, REFERENCE, rng)
    sizes, scores = np.array(seen).T
    assert sizes.tolist() == np.linspace(30, 300, 15).astype(int).tolist()
    (slope, value), covariance = np.polyfit(1 / sizes, scores, 1, cov=True)
    np.testing.assert_allclose(fit, (value, slope, np.sqrt(covariance[1, 1])), rtol=1e-9)


@pytest.mark.quick
def test_sizes(rng):
    x = rng.normal(size=(40, D))
    counts = []

    class Spy(type(rng)):
        def choice(self, n, size, replace):
            counts.append((n, size, replace))
            return super().choice(n, size, replace=replace)

    fid_infinity(x, REFERENCE, Spy(np.random.PCG64(0)), sizes=[10, 20, 40])
    assert counts == [(40, 10, False), (40, 20, False), (40, 40, False)]
    counts.clear()
    fid_infinity(x, REFERENCE, Spy(np.random.PCG64(0)))
    assert (counts[0][1], counts[-1][1], len(counts)) == (16, 40, 15)  # 2 D, more than a tenth of the images
    counts.clear()
    with pytest.warns(ScoreWarning):
        fid_infinity(x, REFERENCE, Spy(np.random.PCG64(0)), sizes=[2, 2, 40])  # the least that is allowed
    assert counts == [(40, 2, False), (40, 2, False), (40, 40, False)]


@pytest.mark.quick
def test_fid_infinity_warns_once(rng):
    x = rng.normal(size=(40, D))
    with pytest.warns(ScoreWarning, match="from 5 rows in 8 dimensions") as caught:
        fid_infinity(x, REFERENCE, rng, sizes=[5, 6, 20])
    assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fid_infinity(x, REFERENCE, rng)


X = np.random.default_rng(1).normal(size=(20, D))


@pytest.mark.quick
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: bootstrap_interval(np.mean, (X,), rng, resamples=1), "resamples=1; give 2 or more"),
        (lambda rng: bootstrap_interval(np.mean, (X,), rng, level=95), "level=95; give a share between 0 and 1"),
        (lambda rng: bootstrap_interval(np.mean, (X[:1],), rng), "rows of a set to resample=1; give 2 or more"),
        (lambda rng: bootstrap_interval(np.mean, (X[:3],), rng, replace=False), "=3; give 4 or more"),
        (lambda rng: fid_infinity(X[:3], REFERENCE, rng), "features: 3 rows; give 4 or more"),
        (lambda rng: fid_infinity(X, REFERENCE, rng, sizes=[5, 20]), r"sizes=\[5, 20\]; give three or more"),
        (lambda rng: fid_infinity(X, REFERENCE, rng, sizes=[5, 5, 5]), "not all equal"),
        (lambda rng: fid_infinity(X, REFERENCE, rng, sizes=[1, 5, 9]), "from 2 to 20, the number of images"),
        (lambda rng: fid_infinity(X, REFERENCE, rng, sizes=[5, 9, 21]), "from 2 to 20, the number of images"),
        (lambda rng: fid_infinity(X[:, :3], REFERENCE, rng), "features have 8 columns, these statistics 3"),
    ],
)
def test_mistakes(rng, call, message):
    with pytest.raises(UserError, match=message):
        call(rng)
