"""One pass of images through a network: the features and class scores from which every score is computed."""

import contextlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.files.hashes import PixelHash
from tfgan_gn.metrics import FeatureStats
from tfgan_gn.progress import progress_bar
from tfgan_gn.scoring.batching import rebatch

KEPT = 50_000  # most rows of features in memory, 8 KB each for Inception; the statistics are of all images


class Features(NamedTuple):
    """The result of a pass.

    Attributes:
        stats: `metrics.FeatureStats` of all images.
        features: float32 [n, D], of all images, or of KEPT evenly spread ones if there are more.
        logits: float32 [N, C], class scores of all images before the softmax.
        image_size: (height, width) of the images before the network resizes them.
        images_sha256: of the images, as of `hashes.hash_pixels`.
    """

    stats: FeatureStats
    features: np.ndarray
    logits: np.ndarray
    image_size: tuple[int, int]
    images_sha256: str


def compute(extractor, images, batch_size, kept=KEPT):
    """Runs images through an extractor, on all devices of the current strategy.

    Args:
        extractor: of `extractors.load_extractor`.
        images: `images.Images`.
        batch_size: images per batch, over all replicas.
        kept: most rows of features to keep.

    Returns:
        Features.

    Raises:
        UserError: fewer than two images, which have no covariance; another number of images than `images.count`; as
            `collect`.
    """
    if images.count < 2:
        raise UserError(f"{images.source} has {images.count} image, which has no covariance: give 2 or more")
    kept_rows = spread(images.count, kept)
    stats, features, logits, done, seen = None, None, None, 0, PixelHash()
    parts = seen.through(images.parts())
    for batch, batch_logits in collect(extractor, parts, batch_size, total=images.count):
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
        raise UserError(f"{images.source} gave {done} images, not {images.count} as announced")
    return Features(stats, features, logits, tuple(seen.size), seen.hexdigest())


def collect(extractor, images, batch_size, strategy=None, total=None):
    """Runs images through an extractor in batches, on all devices of the strategy.

    Only one batch is in memory at a time. The batch size changes the result by float rounding only, because the network
    computes every image independently of the others.

    Args:
        extractor: of `extractors.load_extractor`, made inside the scope of the strategy.
        images: uint8 array [N, H, W, 3], red first, or an iterable of such arrays, all of one H and W, each of any N.
        batch_size: images per batch, over all replicas.
        strategy: `tf.distribute.Strategy`; None for the current one.
        total: number of images, for the progress bar if `images` is an iterable.

    Yields:
        (features, logits) of each batch in order, float32 arrays [n, D] and [n, C].

    Raises:
        UserError: images that are not 8-bit colour images, have several sizes or are none; features or logits that are
            not finite.
    """
    if batch_size < 1:
        raise UserError(f"batch size {batch_size}: give 1 or more")
    if hasattr(images, "shape"):
        images, total = [images], len(images)
    strategy = strategy or tf.distribute.get_strategy()
    step, done = extractor.step(strategy), 0
    with progress_bar(total=total, desc=extractor.name or "Inception", unit="image") as bar:
        for batch in rebatch(images, batch_size):
            padding = -len(batch) % strategy.num_replicas_in_sync
            padded = np.concatenate([batch, batch[:1].repeat(padding, 0)]) if padding else batch
            with _full_float32():
                results = [np.concatenate(shares)[: len(batch)] for shares in step(padded)]
            _refuse_non_finite(results, done, extractor.source)
            yield tuple(results)
            done += len(batch)
            bar.update(len(batch))
    if not done:
        raise UserError("there are no images to score: give at least one")


def spread(count, most):
    """Indices of `count` rows, or of `most` evenly spread ones if `count` is larger."""
    return np.arange(count) if count <= most else np.arange(most) * count // most


def _refuse_non_finite(results, first, source):
    for name, array in zip(("features", "logits"), results, strict=True):
        rows = np.flatnonzero(~np.isfinite(array).all(1))
        if len(rows):
            raise UserError(
                f"the {name} of image {first + rows[0]} are not finite: {source} has wrong weights, give others"
            )


@contextlib.contextmanager
def _full_float32():
    """Turns TensorFloat-32 off: in it, GPUs compute convolutions with a mantissa of 10 bits only."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
