"""What real images leave in the network: computed once, kept in a file whose name says of what."""

import io
import json
import os
from typing import NamedTuple

import numpy as np

from tfgan_gn.data import npz
from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.hashes import hash_arrays, hash_key, hash_pixels
from tfgan_gn.files.whole import write_whole
from tfgan_gn.metrics import FeatureStats
from tfgan_gn.scoring import features

FORMAT = 1  # of the file; another number, another file
KEPT = 10_000  # rows of features of real images, for the scores that need rows


class Reference(NamedTuple):
    """Statistics of real images.

    Attributes:
        source: where the images come from, in words.
        stats: `metrics.FeatureStats` of all images; of an unknown number of them for others' files, then count is
            one more than the dimensions.
        features: float32 [n, D], evenly spread over the images; None for others' files.
        images_sha256: of the images, as of `Features.images_sha256`; None where unknown.
        num_images: how many images; None where unknown.
    """

    source: str
    stats: FeatureStats
    features: np.ndarray | None
    images_sha256: str | None
    num_images: int | None


def of_images(images, extractor, batch_size, cache_dir, say):
    """The statistics of images, from the cache or, once, computed.

    The file's name is a hash of the pixels, the weights and the preprocessing. A file under that name that is damaged
    or of something else is made anew, and `say` is told.

    Args:
        images: `images.Images`.
        extractor: `extractors.Extractor`.
        batch_size: of the network.
        cache_dir: folder of the file.
        say: function of a line of text for the user.

    Returns:
        Reference.

    Raises:
        UserError: as `features.compute`.
    """
    key = {
        "format": FORMAT,
        "images_sha256": hash_pixels(images.parts()),
        "num_images": images.count,
        "weights_sha256": extractor.weights_sha256,
        "preprocessing": extractor.preprocessing,
    }
    path = os.path.join(cache_dir, f"real-{hash_key(key)}.npz")
    if os.path.exists(path):
        try:
            return _read(path, key, images.source)
        except UserError as error:
            say(f"{error}. It is made anew")
    result = features.compute(extractor, images, batch_size, KEPT)
    try:
        os.makedirs(cache_dir, exist_ok=True)
        write_whole(path, _contents(key, result))
        say(f"statistics of {images.source} are kept in {path}")
    except OSError as error:
        say(f"statistics of {images.source} are not kept: {path} cannot be written ({first_line(error)})")
    return _reference(images.source, result.stats, result.features, key)


def of_file(path, extractor):
    """Statistics out of a file: of `of_images`, or `mu` and `sigma` as others publish them.

    Args:
        path: an .npz.
        extractor: the `extractors.Extractor` that the samples are scored with.

    Returns:
        Reference, or None where the .npz holds neither.

    Raises:
        UserError: damaged, or made with other weights or another preprocessing.
    """
    arrays = npz.read_npz(path, lambda names: names if {"mu", "sigma"} <= set(names) else [])
    if not arrays:
        return None
    if "key" not in arrays:
        mu = np.atleast_1d(arrays["mu"])
        stats = FeatureStats.from_moments(len(mu) + 1, mu, np.atleast_2d(arrays["sigma"]))
        return Reference(path, stats, None, None, None)
    key = _key(path, arrays)
    for field, ours in (("weights_sha256", extractor.weights_sha256), ("preprocessing", extractor.preprocessing)):
        if key.get(field) != ours:
            raise UserError(
                f"{path} was made with other {field} ({key.get(field)}) than the samples are scored with ({ours}): "
                "give the same --inception, or the real images themselves as --reference"
            )
    return _read(path, key, path)


def _reference(source, stats, rows, key):
    return Reference(source, stats, rows, key["images_sha256"], key["num_images"])


def _contents(key, result):
    arrays = {
        "mu": result.stats.mean,
        "sigma": result.stats.covariance,
        "features": result.features,
        "key": np.frombuffer(json.dumps(key).encode(), np.uint8),
    }
    file = io.BytesIO()
    np.savez(file, **arrays, sha256=np.array(hash_arrays(arrays)))
    return file.getvalue()


def _read(path, key, source):
    arrays = npz.read_npz(path)
    if _key(path, arrays) != key:
        raise UserError(f"{path} is not what its name says, but was made from {_key(path, arrays)}")
    sha256 = arrays.pop("sha256", "")
    if hash_arrays(arrays) != str(sha256):
        raise UserError(f"{path} was changed after it was written: its contents do not have the hash beside them")
    stats = FeatureStats.from_moments(key["num_images"], arrays["mu"], arrays["sigma"])
    return _reference(source, stats, arrays["features"], key)


def _key(path, arrays):
    try:
        return json.loads(bytes(arrays["key"]))
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} holds no statistics of this program ({first_line(error)})") from None
