"""The statistics of the real images that samples are scored against: computed once, then kept in a file."""

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

FORMAT = 2  # part of the file's name: files of an older format are not read


class Reference(NamedTuple):
    """Statistics of real images.

    Attributes:
        source: where the images come from, in words.
        stats: `metrics.FeatureStats` of all images. If `num_images` is unknown, their count is set to D + 1.
        features: float32 [n, D], of all images, or of `features.KEPT` evenly spread ones if there are more; None if
            unknown.
        images_sha256: hash of all pixels, as `hashes.hash_pixels`; None if unknown.
        num_images: number of images; None if unknown, as in files of other programs.
    """

    source: str
    stats: FeatureStats
    features: np.ndarray | None
    images_sha256: str | None
    num_images: int | None


def of_images(images, extractor, batch_size, cache_dir, say):
    """The statistics of images. They are computed once and then read from a file.

    The file's name is a hash of the pixels, the weights and the preprocessing. A damaged file, or a file with other
    contents than its name says, is computed again, and the user is told.

    Args:
        images: `images.Images`.
        extractor: `extractors.Extractor`.
        batch_size: images that the network takes at once.
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
            say(f"{error}. It is computed again")
    result = features.compute(extractor, images, batch_size)
    try:
        os.makedirs(cache_dir, exist_ok=True)
        write_whole(path, _contents(key, result))
        say(f"statistics of {images.source} are kept in {path}")
    except OSError as error:
        say(f"statistics of {images.source} are not kept: {path} cannot be written ({first_line(error)})")
    return _reference(images.source, result.stats, result.features, key)


def of_file(path, extractor):
    """Reads statistics from a file of `of_images`, or `mu` and `sigma` from a file of another program.

    Args:
        path: an .npz.
        extractor: `extractors.Extractor` for the samples.

    Returns:
        Reference, or None if the .npz holds neither.

    Raises:
        UserError: the file is damaged, or was made with other weights or another preprocessing, as that of any other
            program was for an extractor with a name.
    """
    arrays = npz.read_npz(path, lambda names: names if {"mu", "sigma"} <= set(names) else [])
    if not arrays:
        return None
    if "key" not in arrays and extractor.name:
        raise UserError(
            f"{path} holds statistics of another program, which are not of {extractor.name}: give the real images as "
            "--reference"
        )
    if "key" not in arrays:
        mu = np.atleast_1d(arrays["mu"])
        stats = FeatureStats.from_moments(len(mu) + 1, mu, np.atleast_2d(arrays["sigma"]))
        return Reference(path, stats, None, None, None)
    key = _key(path, arrays)
    for field, ours in (("weights_sha256", extractor.weights_sha256), ("preprocessing", extractor.preprocessing)):
        if key.get(field) != ours:
            raise UserError(
                f"{path} has the {field} {key.get(field)}, but the network for the samples has {ours}: give the "
                f"--scorer that {path} was made with, or give the real images as --reference"
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
        raise UserError(f"{path} holds other statistics than its name says: it was made from {_key(path, arrays)}")
    sha256 = arrays.pop("sha256", "")
    if hash_arrays(arrays) != str(sha256):
        raise UserError(f"{path} was changed after it was written: the hash in it is not that of its contents")
    stats = FeatureStats.from_moments(key["num_images"], arrays["mu"], arrays["sigma"])
    return _reference(source, stats, arrays["features"], key)


def _key(path, arrays):
    try:
        return json.loads(bytes(arrays["key"]))
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} holds no statistics that this program wrote ({first_line(error)})") from None
