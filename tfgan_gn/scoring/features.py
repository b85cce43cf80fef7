"""One pass of images through the network: what every score of them is computed from."""

import contextlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfgan_gn.errors import UserError
from tfgan_gn.files.hashes import PixelHash
from tfgan_gn.metrics import FeatureStats
from tfgan_gn.scoring.batching import rebatch

KEPT = 50_000  # rows of features held in memory, 8 KB each; the statistics are of all images


class Features(NamedTuple):
    """What a pass left.

    Attributes:
        stats: `metrics.FeatureStats` of all images.
        features: float32 [n, D], of all images or of KEPT of them, evenly spread.
        logits: float32 [N, C], of all images.
        image_size: (height, width) of the images as they came.
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
        kept: how many rows of features to keep, if there are more.

    Returns:
        Features.

    Raises:
        UserError: fewer images than two, which have no covariance; as `collect`.
    """
    if images.count < 2:
        raise UserError(f"{images.source} has {images.count} image, and one has no covariance: give 2 or more")
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
        raise UserError(f"{images.source} gave {done} images, not the {images.count} that it announced")
    return Features(stats, features, logits, tuple(seen.size), seen.hexdigest())


def collect(extractor, images, batch_size, strategy=None, total=None):
    """Runs images through an extractor in batches, on all devices of the strategy.

    Nothing is kept, so that a million images need no more memory than a batch. The size of the batches changes the
    result by float rounding only, as every image is computed by itself.

    Args:
        extractor: of `extractors.load_extractor`, made inside the scope of the strategy.
        images: uint8 array [N, H, W, 3], red first, or an iterable of such arrays, of one height and width and of any
            N each; they are cut and joined to batches here.
        batch_size: images per batch, over all replicas.
        strategy: `tf.distribute.Strategy`; None for the current one.
        total: number of images, for the progress bar, where `images` is an iterable.

    Yields:
        (features, logits) of each batch in order, float32 arrays [n, 2048] and [n, 1008] (or as the network has it).

    Raises:
        UserError: images that are no 8-bit colour images or of several sizes, none at all, or weights that make
            features that are not finite.
    """
    if batch_size < 1:
        raise UserError(f"batch size {batch_size}: give 1 or more")
    if hasattr(images, "shape"):
        images, total = [images], len(images)
    strategy = strategy or tf.distribute.get_strategy()
    step, done = extractor.step(strategy), 0
    with tqdm(total=total, desc="Inception", unit="image", disable=None) as bar:
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
        raise UserError("there are no images to run through the Inception network: give at least one")


def spread(count, most):
    """Indices of `count` rows, or of `most` of them, evenly spread."""
    return np.arange(count) if count <= most else np.arange(most) * count // most


def _refuse_non_finite(results, first, source):
    for name, array in zip(("features", "logits"), results, strict=True):
        rows = np.flatnonzero(~np.isfinite(array).all(1))
        if len(rows):
            raise UserError(f"the {name} of image {first + rows[0]} are not finite: give other weights than {source}")


@contextlib.contextmanager
def _full_float32():
    """Without TensorFloat-32, whose 10 bits of mantissa GPUs would else use in convolutions."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
