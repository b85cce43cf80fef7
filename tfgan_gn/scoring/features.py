"""One pass of images through the network: what every score of them is computed from."""

from typing import NamedTuple

import numpy as np

from tfgan_gn.errors import UserError
from tfgan_gn.files.hashes import PixelHash
from tfgan_gn.metrics import FeatureStats
from tfgan_gn.scoring import extractors

KEPT = 50_000  # rows of features held in memory, 8 KB each; the statistics are of all images


class Features(NamedTuple):
    """What a pass left.

    Attributes:
        stats: `metrics.FeatureStats` of all images.
        features: float32 [n, D], of all images or of KEPT of them, evenly spread.
        logits: float32 [N, C], of all images; None for statistics out of a file.
        image_size: (height, width) of the images as they came.
        images_sha256: of the images, as of `hashes.hash_pixels`.
    """

    stats: FeatureStats
    features: np.ndarray | None
    logits: np.ndarray | None
    image_size: tuple[int, int] | None
    images_sha256: str | None


def compute(extractor, images, batch_size, kept=KEPT):
    """Runs images through an extractor, on all devices of the current strategy.

    Args:
        extractor: of `extractors.load_extractor`.
        images: `images.Images`.
        batch_size: images per batch, over all replicas.
        kept: how many rows of features to keep, if there are more.

    Returns:
        Features.

    Raises:
        UserError: fewer images than two, which have no covariance; as `extractors.collect`.
    """
    if images.count < 2:
        raise UserError(f"{images.source} has {images.count} image, and one has no covariance: give 2 or more")
    kept_rows = spread(images.count, kept)
    stats, features, logits, done, seen = None, None, None, 0, PixelHash()
    parts = seen.through(images.parts())
    for batch, batch_logits in extractors.collect(extractor, parts, batch_size, total=images.count):
        if stats is None:
            stats = FeatureStats(batch.shape[1])
            features = np.empty((len(kept_rows), batch.shape[1]), np.float32)
            logits = np.empty((images.count, batch_logits.shape[1]), np.float32)
        stats.update(batch)
        logits[done : done + len(batch)] = batch_logits
        first, last = np.searchsorted(kept_rows, [done, done + len(batch)])
        features[first:last] = batch[kept_rows[first:last] - done]
        done += len(batch)
    if done != images.count:
        raise UserError(f"{images.source} gave {done} images, not the {images.count} that it announced")
    return Features(stats, features, logits, tuple(seen.size), seen.hexdigest())


def spread(count, most):
    """Indices of `count` rows, or of `most` of them, evenly spread."""
    return np.arange(count) if count <= most else np.arange(most) * count // most
