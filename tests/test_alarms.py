"""The alarms about new images: a generator that ignores its noise, and one that copies."""

import numpy as np
import pytest

from tfgan_gn.augmentation.alarms import NEARNESS, ROWS, SPREAD, NewImageReadings, apart_in_classes, spread
from tfgan_gn.metrics import alarms

pytestmark = pytest.mark.quick


@pytest.fixture
def real(rng):
    """(images uint8 [60, 4, 4, 1] of three classes around a mean of their own, labels)."""
    means = rng.integers(60, 190, (3, 4, 4, 1))
    labels = np.arange(60) % 3
    return np.clip(means[labels] + rng.normal(0, 20, (60, 4, 4, 1)), 0, 255).astype(np.uint8), labels


def test_spread_is_the_rms_difference_of_two_images_of_a_group(rng):
    images = rng.normal(size=(3, 5, 2, 2))
    pairs = [np.square(group[i] - group[j]).mean() for group in images for i in range(5) for j in range(i)]
    np.testing.assert_allclose(spread(images), np.sqrt(np.mean(pairs)), rtol=1e-12)


def test_images_of_a_class_are_as_far_apart_as_its_noise_says(real):
    images, labels = real
    np.testing.assert_allclose(apart_in_classes(images, labels, (0, 1, 2)), np.sqrt(2) * 20, rtol=0.05)
    within = [spread(images[labels == number][None]) for number in (0, 2)]
    np.testing.assert_allclose(apart_in_classes(images, labels, (0, 2)), np.sqrt(np.mean(np.square(within))), rtol=1e-6)
    assert apart_in_classes(images, np.arange(60), (0, 1)) == 0


@pytest.mark.parametrize(
    ("make", "alarmed"),
    [
        ("real", []),  # other images of the class
        ("source", [SPREAD, NEARNESS]),
        ("learnt", [NEARNESS]),
        ("one", [SPREAD]),  # a far image for each source, the same for all z
    ],
)
def test_what_is_wrong_raises_its_alarm_and_no_other(real, make, alarmed):
    images, labels = real
    of_class, train = images[labels == 1], images[labels != 1]
    sources, others = of_class[:2], of_class[2:18].reshape(2, 8, 4, 4, 1)
    new = {
        "real": others,
        "source": np.repeat(sources[:, None], 8, 1),
        "learnt": train[:16].reshape(2, 8, 4, 4, 1),
        "one": np.repeat(others[:, :1], 8, 1),
    }[make]
    values = NewImageReadings(sources, images, np.flatnonzero(labels != 1), apart_in_classes(images, labels, (1,)))(new)
    assert [tag for tag in (SPREAD, NEARNESS) if values[tag] < 0.1] == alarmed
    lines = alarms.Alarms(ROWS, 100, lambda line: None).read(values, 100)
    assert len(lines) == len(alarmed)
    if make == "real":
        np.testing.assert_allclose(values[SPREAD], 1, rtol=0.15)
        assert 0.5 < values[NEARNESS] < 1.2
    if SPREAD in alarmed:
        assert lines[0].startswith("alarm at iteration 100: two new images of one source differ by 0.0% of what")


def test_no_more_images_are_searched_than_fit(monkeypatch):
    monkeypatch.setattr("tfgan_gn.augmentation.alarms.MOST_NUMBERS", 16 * 7)
    train = np.arange(50, dtype=np.uint8).repeat(16).reshape(50, 4, 4, 1)
    measure = NewImageReadings(train[:2], train, np.arange(50), 1.0)
    assert measure.real[:, 0].tolist() == [0, 8, 16, 24, 32, 40, 49, 0, 1]
