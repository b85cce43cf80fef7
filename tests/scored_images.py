"""Small images, statistics of real ones, and their scores, for the tests of scoring."""

import numpy as np

from tfgan_gn.scoring import evaluation, images, reference
from tfgan_gn.scoring.scores import Settings

FAKE = np.random.default_rng(1).integers(0, 200, (60, 8, 8, 3), dtype=np.uint8)  # darker than the real ones
REAL = np.random.default_rng(2).integers(0, 256, (80, 8, 8, 3), dtype=np.uint8)
VERSIONS = {"tfgan_gn": "0"}


def settings(**given):
    """Settings that are quick, with changes."""
    quick = {"batch_size": 16, "splits": 10, "neighbours": 3, "resamples": 0, "extrapolate": False}
    return Settings(**{**quick, **given})


def of_pixels(pixels, source="pixels", **made_with):
    """An array as `Images` that come in parts of 7."""
    return images.Images(source, len(pixels), lambda: (pixels[i : i + 7] for i in range(0, len(pixels), 7)), made_with)


def statistics_of(pixels, extractor, cache_dir, said=None):
    """The Reference made from an array."""
    say = ([] if said is None else said).append
    return reference.of_images(of_pixels(pixels, "real"), extractor, 16, str(cache_dir), say)


def evaluate(pixels, real_statistics, extractor, made_with=(), **given):
    """The result for an array; `given` are settings."""
    return evaluation.evaluate(
        of_pixels(pixels, **dict(made_with)), real_statistics, extractor, settings(**given), VERSIONS
    )
