"""Nearest rows and the memorisation share: plain numpy, closed forms, sets whose answer is known."""

import numpy as np
import pytest
from metric_goldens import small_blocks  # noqa: F401
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from tfgan_gn.errors import UserError
from tfgan_gn.metrics import memorisation_share, nearest

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("offset", [0, 1e3])
def test_the_nearest_row_is_that_of_all_distances(rng, offset):
    among = (offset + rng.normal(size=(150, 6))).astype(np.float32)
    x = (offset + rng.normal(size=(70, 6))).astype(np.float32)
    distances = cdist(x.astype(np.float64), among.astype(np.float64))
    found = nearest(x, among)
    np.testing.assert_array_equal(found.numbers, distances.argmin(1))
    np.testing.assert_allclose(found.distances, distances.min(1), rtol=1e-12)


def test_an_equal_row_is_at_distance_0_far_from_the_origin_too(rng):
    among = (1e3 + rng.normal(size=(40, 30))).astype(np.float32)
    found = nearest(among[::-1], among)
    assert found.numbers.tolist() == list(range(40))[::-1] and not found.distances.any()


def test_a_single_row_is_the_nearest_of_all():
    found = nearest(np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((1, 2)))
    assert found.numbers.tolist() == [0, 0] and found.distances.tolist() == [5, 0]
    assert nearest(np.array([[3.0, 4.0]]), np.zeros((1, 2))).distances.tolist() == [5]


def test_the_share_is_the_mann_whitney_statistic_over_the_number_of_pairs(rng):
    x, y = rng.integers(0, 30, 50) / 2, rng.integers(5, 40, 80) / 2  # with ties
    expected = mannwhitneyu(y, x).statistic / (50 * 80)
    found = memorisation_share(x, y)
    assert found.share == pytest.approx(expected, rel=1e-12) and 0.6 < expected < 0.9
    assert memorisation_share(y, x).share == pytest.approx(1 - expected, rel=1e-12)
    assert memorisation_share(y, x).standard_error == pytest.approx(found.standard_error, rel=1e-12)


def test_its_ends_and_its_middle():
    y = np.array([1.0, 2.0, 3.0])
    assert memorisation_share(np.zeros(5), y) == (1.0, 0.0)
    assert memorisation_share(np.full(5, 4.0), y) == (0.0, 0.0)
    assert memorisation_share(y, y).share == 0.5


def test_copies_have_share_1_unseen_images_one_half_and_images_from_elsewhere_0(rng):
    """In features: training rows, other rows of the same distribution, and rows that are shifted."""
    train, held_out, other = (rng.normal(size=(n, 5)) for n in (800, 300, 400))
    of_held_out = nearest(held_out, train).distances

    def share_of(samples):
        return memorisation_share(nearest(samples, train).distances, of_held_out)

    assert share_of(train[::2]) == (1.0, 0.0)
    unseen = share_of(other)
    assert abs(unseen.share - 0.5) < 3 * unseen.standard_error < 0.1
    assert share_of(other + 20) == (0.0, 0.0)
    noisy = share_of(train[::2] + 0.05 * rng.normal(size=(400, 5)))
    assert noisy.share > 0.9, "copies with a little noise"


def test_the_standard_error_is_the_deviation_over_many_draws(rng):
    """DeLong et al. 1988 beside the variance for equal distributions, (m + n + 1) / (12 m n), and beside draws."""
    m, n = 150, 250
    equal = [memorisation_share(rng.normal(size=m), rng.normal(size=n)) for _ in range(300)]
    closed = ((m + n + 1) / (12 * m * n)) ** 0.5
    assert np.mean([each.standard_error for each in equal]) == pytest.approx(closed, rel=0.03)
    apart = [memorisation_share(rng.normal(size=m), 0.7 + 2 * rng.normal(size=n)) for _ in range(300)]
    for found in (equal, apart):
        deviation = np.std([each.share for each in found], ddof=1)
        assert np.mean([each.standard_error for each in found]) == pytest.approx(deviation, rel=0.15)


def test_wrong_input_is_refused():
    with pytest.raises(UserError, match="the rows have 3 columns, those to search 4"):
        nearest(np.zeros([2, 3]), np.zeros([2, 4]))
    with pytest.raises(UserError, match="distances of held-out images: 1 rows; give 2 or more"):
        memorisation_share([1.0, 2.0], [1.0])
    with pytest.raises(UserError, match="distances of samples: row .* holds nan"):
        memorisation_share([1.0, np.nan], [1.0, 2.0])
