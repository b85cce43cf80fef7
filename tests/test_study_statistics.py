"""The statistics of a study, checked by simulated studies whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from tfgan_gn.study.findings.statistics import LEVEL, POWER, holm, paired, smallest_difference

pytestmark = pytest.mark.quick
SEEDS, REPEATS = 5, 20_000


def simulated(rng, effects, *, shared=3.0, own=2.0, noise=None):
    """Scores [REPEATS, arms, SEEDS]: an effect of the arm, one of the seed, and noise of the trial."""
    noise = noise or rng.standard_normal
    size = (REPEATS, len(effects), SEEDS)
    of_seeds = shared * rng.standard_normal((REPEATS, 1, SEEDS))
    return np.asarray(effects)[:, None] + of_seeds + own * noise(size)


def differences(scores):
    """Those of all arms but the first to the first, which is the baseline."""
    return scores[:, 1:] - scores[:, :1]


@pytest.mark.parametrize("tails", ["normal", "heavy"])
def test_intervals_hold_the_true_difference_in_95_percent_of_studies(rng, tails):
    noise = None if tails == "normal" else lambda size: rng.standard_t(5, size)
    found = paired(differences(simulated(rng, [50.0, 50.7, 47.0], noise=noise)))
    for arm, truth in enumerate((0.7, -3.0)):
        held = np.mean((found.low[:, arm] <= truth) & (truth <= found.high[:, arm]))
        assert abs(held - 0.95) < 0.02, (arm, held)


def test_the_bootstrap_would_hold_it_less_often_with_five_seeds(rng):
    """The reason that statistics.py gives for t."""
    drawn = rng.standard_normal((1000, SEEDS))
    resampled = np.take_along_axis(drawn[:, None], rng.integers(SEEDS, size=(1000, 400, SEEDS)), -1).mean(-1)
    low, high = np.percentile(resampled, [2.5, 97.5], axis=1)
    assert 0.80 < np.mean((low <= 0) & (high >= 0)) < 0.87


def test_arms_of_the_same_function_show_no_difference(rng):
    """Two arms: in 95 % of studies. Ten arms with one baseline: none of the nine, in 95 % or more."""
    two = paired(differences(simulated(rng, [50.0, 50.0]))).p
    assert abs(np.mean(holm(two) >= LEVEL) - 0.95) < 0.005
    ten = paired(differences(simulated(rng, [50.0] * 10))).p
    assert np.mean(np.all(holm(ten) >= LEVEL, -1)) >= 0.95
    assert np.mean(np.all(ten >= LEVEL, -1)) < 0.85, "the correction is needed"


def test_equal_scores_show_no_difference_and_equal_differences_do():
    found = paired(np.array([[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]]))
    np.testing.assert_array_equal(found.p, [1, 0])
    np.testing.assert_array_equal([found.low, found.mean, found.high], [[0, 2]] * 3)


def test_an_arm_that_does_not_learn_is_told_apart(rng):
    """Learning rate 0: the distance of an untrained generator, among nine arms that are all alike."""
    found = holm(paired(differences(simulated(rng, [50.0] * 9 + [110.0], own=8.0))).p)
    assert np.mean(found[:, -1] < LEVEL) > 0.99


def test_the_smallest_difference_is_found_with_its_power(rng):
    own, comparisons = 2.0, 9
    deviation = own * np.sqrt(2)
    for m in (1, comparisons):
        truth = smallest_difference(deviation, SEEDS, m)
        p = paired(differences(simulated(rng, [50.0, 50.0 + truth], own=own))).p
        assert abs(np.mean(p < LEVEL / m) - POWER) < 0.01, m
    assert smallest_difference(deviation, 20) < smallest_difference(deviation, 5)
    assert smallest_difference(3 * deviation, 5) == pytest.approx(3 * smallest_difference(deviation, 5))


def test_the_t_test_is_that_of_scipy(rng):
    scores = rng.standard_normal((4, 2, 7))
    reference = stats.ttest_rel(scores[:, 1], scores[:, 0], axis=-1)
    found = paired(scores[:, 1] - scores[:, 0])
    np.testing.assert_allclose(found.p, reference.pvalue, rtol=1e-12)
    interval = reference.confidence_interval(0.95)
    np.testing.assert_allclose([found.low, found.high], interval, rtol=1e-12)


def test_holm_is_the_worked_example_and_keeps_the_order():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02], rtol=1e-12)
    np.testing.assert_allclose(holm([0.6, 0.5]), [1, 1])
    assert holm([0.2]) == [0.2]
