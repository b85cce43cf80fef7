"""A small version of docs/scores.md: the scores of cifar10net follow distortions and missing classes."""

import pathlib
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import distortions
import score_checks
import score_page

from tfgan_gn.metrics import ScoreWarning
from tfgan_gn.scoring import extractors

LEVELS = {  # of each distortion; the levels of the table that 300 images tell apart
    "Gaussian noise": (0.125, 0.25, 0.5, 0.75),
    "Gaussian blur": (0.5, 0.75, 1, 2),
    "black rectangles": (0.125, 0.25, 0.5, 0.75),
    "swirl": (0.5, 1, 2, 4),
    "salt and pepper": (0.02, 0.05, 0.1, 0.3),
    "foreign images": (0.125, 0.25, 0.5, 0.75),
}
pytestmark = pytest.mark.filterwarnings(f"ignore::{ScoreWarning.__module__}.{ScoreWarning.__name__}")


@pytest.fixture(scope="module")
def pictures():
    """(images, labels): 300 test images of CIFAR-10, 30 of each class, from JPEG copies of quality 75."""
    with np.load(pathlib.Path(__file__).parent / "cifar10_images.npz") as arrays:
        return arrays["images"], arrays["labels"].astype(int)


@pytest.fixture(scope="module")
def trained(pictures):
    """(the extractor, its features of the images)."""
    extractor = extractors.load_extractor("cifar10net")
    return extractor, score_checks.Features(extractor, pictures[0])


@pytest.fixture(scope="module")
def untrained(pictures):
    extractor = score_checks.random_network(0)
    return extractor, score_checks.Features(extractor, pictures[0])


def by_classes(extractor, features, labels):
    """Mean distance and mean recall over the choices of classes, each for 10, 9, 7, 5, 3 and 1 classes."""
    rows = list(score_checks.check_classes(features.features, labels, features, 30, len(labels)))
    _, groups = score_page.over_rotations(rows)
    return [
        np.array([np.mean([row[name] for row in rows]) for rows in groups]) for name in ("frechet_distance", "recall")
    ]


def by_levels(extractor, features, images, levels):
    """Of each distortion: the distances from half of the images, distorted at every level, to all of them."""
    rows = list(score_checks.check_distortions(extractor, images[::2], features, 0, levels))
    return {name: score_page.distances(found) for name, found in score_page.by_distortion(rows).items()}


def test_the_distance_rises_at_every_level_of_every_distortion(trained, pictures):
    found = by_levels(*trained, pictures[0], LEVELS)
    assert list(found) == list(distortions.DISTORTIONS)
    assert {name: score_page.in_order(distances) for name, distances in found.items()} == dict.fromkeys(found, (4, 4))


def test_missing_classes_raise_the_distance_and_lower_recall(trained, pictures):
    distance, recall = by_classes(*trained, pictures[1])
    assert (np.diff(distance) > 0).all() and distance[-1] > 4 * distance[0]
    assert recall[0] > 0.9 and recall[3] < 0.75 and recall[-1] < 0.35


def test_a_network_with_random_weights_tells_less_of_the_content(trained, untrained, pictures):
    """Neither how far a swirl turns the image, nor which classes are missing. (Noise it sees well.)"""
    (distance, recall), (distance_untrained, recall_untrained) = (
        by_classes(*network, pictures[1]) for network in (trained, untrained)
    )
    assert distance[-1] / distance[0] > 1.5 * distance_untrained[-1] / distance_untrained[0]
    assert recall[0] - recall[-1] > 5 * (recall_untrained[0] - recall_untrained[-1])
    levels = {"swirl": LEVELS["swirl"]}
    ours, theirs = (by_levels(*network, pictures[0], levels)["swirl"] for network in (trained, untrained))
    assert ours[-1] / ours[0] > 2 * theirs[-1] / theirs[0]


@pytest.mark.quick
@pytest.mark.parametrize("name", distortions.DISTORTIONS)
def test_distortions_keep_the_image_at_level_0_and_are_repeatable(name, pictures):
    """And keep shape and type; higher levels change more pixels or change them more."""
    images, function = pictures[0][:20], distortions.DISTORTIONS[name].function
    made = [function(images, level, np.random.default_rng(0)) for level in (0, *distortions.DISTORTIONS[name].levels)]
    again = function(images, distortions.DISTORTIONS[name].levels[-1], np.random.default_rng(0))
    np.testing.assert_array_equal(made[0], images)
    np.testing.assert_array_equal(made[-1], again)
    assert all(x.shape == images.shape and x.dtype == np.uint8 for x in made)
    apart = [np.abs(x.astype(int) - images).mean() for x in made]
    assert (np.diff(apart) > 0).all()


@pytest.mark.quick
def test_distortions_are_those_of_the_paper():
    """On a flat grey image, and on one point beside the centre."""
    grey = np.full((50, 32, 32, 3), 128, np.uint8)
    black = np.mean(distortions.black_rectangles(grey, 0.25, np.random.default_rng(0)) == 0)
    assert 0.15 < black < 5 / 16, "five squares of 8x8 pixels, some of which overlap"
    peppered = distortions.salt_and_pepper(grey, 0.2, np.random.default_rng(0))
    assert np.mean(peppered == 0) == pytest.approx(0.1, abs=0.01) == np.mean(peppered == 255)
    noise = distortions.gaussian_noise(grey, 1.0, np.random.default_rng(0))
    assert noise.min() == 0 and noise.max() == 255 and noise.mean() == pytest.approx(127.5, abs=5)
    np.testing.assert_allclose(distortions.gaussian_noise(grey, 0.5, np.random.default_rng(0)), 64 + noise / 2, atol=1)
    point = np.zeros((1, 33, 33, 3), np.uint8)
    point[0, 16, 20] = 255  # 4 pixels right of the centre
    turned = distortions.swirl(point, np.pi / 2 / np.exp(-20 / (np.log(2) * 25)), np.random.default_rng(0))
    np.testing.assert_array_equal(turned[0, 12, 16], 255, "a quarter turn")


@pytest.mark.quick
def test_the_tables_of_the_page_are_those_of_its_json_files():
    page = score_page.PAGE.read_text(encoding="utf-8")
    found = score_page.tables(score_page.read("checks"), score_page.read("run"))
    assert all(f"<!-- {name} -->" in page for name in found)
    assert score_page.with_tables(page, found) == page


@pytest.mark.quick
def test_the_numbers_of_the_page_are_as_its_words_say():
    checks, run = score_page.read("checks"), score_page.read("run")
    for name, rows in score_page.by_distortion(checks["distortions"]["cifar10net"]).items():
        for score in ("frechet_distance", "kernel_distance"):
            rising = np.diff([row[score] for row in rows]) > 0
            assert [rows[i + 1]["level"] for i in np.flatnonzero(~rising)] == [0.125] * (name == "black rectangles")
    _, groups = score_page.over_rotations(checks["classes"]["cifar10net"])
    distance, recall = ([np.mean([row[x] for row in rows]) for rows in groups] for x in ("frechet_distance", "recall"))
    assert (np.diff(distance) > 0).all() and (np.diff(recall) < 0).all()
    for pair in checks["real"]:
        holds = {name: pair[name]["low"] <= 0 <= pair[name]["high"] for name in score_page.ESTIMATORS}
        assert holds["extrapolated_both"] and holds["kernel_distance"] and not holds["plain"], pair["pair"]
    assert score_page.rank_correlation(run) <= -0.9
