"""The nearest real images of samples: the picture, the score, and the warning about copies."""

import numpy as np
import pytest
from scored_images import FAKE, REAL, VERSIONS, of_pixels, settings, statistics_of

from tfgan_gn.scoring import evaluation, features, neighbours, results

pytestmark = pytest.mark.quick
HELD_OUT = np.random.default_rng(5).integers(0, 256, (50, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def near(real_statistics, tiny_extractor, tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    return neighbours.distances_of(of_pixels(HELD_OUT), real_statistics, tiny_extractor, 16, cache, [].append)


def score(pixels, near, real_statistics, tiny_extractor, **given):
    return evaluation.evaluate(
        of_pixels(pixels), real_statistics, tiny_extractor, settings(splits=2, **given), VERSIONS, near
    )


def test_a_generator_of_training_images_has_share_1_and_a_warning(near, real_statistics, tiny_extractor):
    result = score(REAL[:40], near, real_statistics, tiny_extractor)
    assert result["scores"]["memorisation_share"] == {"value": 1.0, "standard_error": 0.0}
    (warning,) = [text for text in result["warnings"] if "memorisation" in text]
    assert warning.startswith(
        "the memorisation share is 1.000: the images are nearer to the images of the reference than"
    )
    assert result["protocol"]["nearest"] == [40, 50]


def test_unseen_images_have_one_half_within_the_interval(near, real_statistics, tiny_extractor):
    unseen = np.random.default_rng(6).integers(0, 256, (200, 8, 8, 3), dtype=np.uint8)
    result = score(unseen, near, real_statistics, tiny_extractor, resamples=40)
    numbers = result["scores"]["memorisation_share"]
    assert abs(numbers["value"] - 0.5) < 2 * numbers["standard_error"] < 0.2
    assert numbers["low"] < numbers["value"] < numbers["high"]
    assert not any("memorisation" in text for text in result["warnings"])
    assert "memorisation_share" in results.table(result)


def test_images_from_elsewhere_have_share_0(near, real_statistics, tiny_extractor):
    """White ones are far from all noise."""
    far = np.full([30, 8, 8, 3], 255, np.uint8)
    assert score(far, near, real_statistics, tiny_extractor)["scores"]["memorisation_share"]["value"] == 0


def test_without_held_out_images_the_share_is_left_out_with_the_reason(near, real_statistics, tiny_extractor, tmp_path):
    result = score(FAKE, None, real_statistics, tiny_extractor)
    assert "memorisation_share" not in result["scores"] and "nearest" not in result["protocol"]
    assert (
        "memorisation_share is left out: no real images are known that are not among the reference"
        in result["warnings"]
    )
    arguments = real_statistics, tiny_extractor, 16, str(tmp_path), [].append
    assert neighbours.distances_of(of_pixels(HELD_OUT[:1]), *arguments) is None


def test_the_picture_has_each_sample_over_its_nearest_real_image(real_statistics, tiny_extractor):
    order = np.random.default_rng(0).permutation(80)[:20]
    noisy = np.clip(REAL[order].astype(int) + 1, 0, 255).astype(np.uint8)
    samples = of_pixels(np.concatenate([noisy, FAKE]))
    picture = neighbours.picture(samples, of_pixels(REAL), real_statistics, tiny_extractor, 16)
    assert picture.shape == (4 * 8 + neighbours.GAP, 80, 3)
    first, gap, second = np.split(picture, [16, 16 + neighbours.GAP])
    assert (gap == 255).all()
    tiles = [np.split(line, 10, axis=1) for part in (first, second) for line in np.split(part, 2)]
    np.testing.assert_array_equal(tiles[0] + tiles[2], noisy)
    np.testing.assert_array_equal(tiles[1] + tiles[3], REAL[order])


def test_images_of_another_size_are_resized_and_few_samples_leave_white(tmp_path, tiny_extractor):
    larger = REAL.repeat(2, 1).repeat(2, 2)
    real = statistics_of(larger, tiny_extractor, tmp_path)
    picture = neighbours.picture(of_pixels(FAKE[:3]), of_pixels(larger), real, tiny_extractor, 16)
    assert picture.shape == (16, 24, 3)
    np.testing.assert_array_equal(picture[:8, :8], FAKE[0])
    fewer = neighbours.arrange(FAKE[:13], FAKE[13:26])
    assert fewer.shape == (4 * 8 + neighbours.GAP, 80, 3) and (fewer[-16:, 24:] == 255).all()


def test_of_very_many_real_images_the_kept_rows_lead_back_to_their_numbers(tmp_path, tiny_extractor, monkeypatch):
    monkeypatch.setattr(features, "KEPT", 30)
    monkeypatch.setattr(features.compute, "__defaults__", (30,))
    real = statistics_of(REAL, tiny_extractor, tmp_path)
    kept = features.spread(80, 30)
    assert len(real.features) == 30
    picture = neighbours.picture(of_pixels(REAL[kept[7:17]]), of_pixels(REAL), real, tiny_extractor, 16)
    np.testing.assert_array_equal(picture[8:], picture[:8])
