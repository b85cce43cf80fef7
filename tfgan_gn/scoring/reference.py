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

LARGEST = 1e12  # of a mean or a covariance of features; squares of larger ones leave the range of float32
NEGATIVE = 1e-4  # an eigenvalue may be as far below 0, of the largest one: covariances are published in float32, too
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
        width = int(extractor(np.zeros([1, 32, 32, 3], np.uint8))[0].shape[1])
        return Reference(path, _stats_of_moments(path, arrays["mu"], arrays["sigma"], width), None, None, None)
    key = _key(path, arrays)
    for field, ours in (("weights_sha256", extractor.weights_sha256), ("preprocessing", extractor.preprocessing)):
        if key.get(field) != ours:
            raise UserError(
                f"{path} has the {field} {key.get(field)}, but the network for the samples has {ours}: give the "
                f"--scorer that {path} was made with, or give the real images as --reference"
            )
    return _read(path, key, path)


def _stats_of_moments(path, mu, sigma, width):
    """The statistics in a file of another program. Raises UserError if features of this width cannot have them."""
    faults = {
        f"mu has the shape {mu.shape}, and the network gives {width} features": mu.shape != (width,),
        f"sigma has the shape {sigma.shape}, not {(width, width)}": sigma.shape != (width, width),
        "mu or sigma holds no numbers": not all(np.issubdtype(each.dtype, np.floating) for each in (mu, sigma)),
    }
    fault = next((fault for fault, is_so in faults.items() if is_so), None)
    if fault is None:
        fault = _fault_of_values(mu, sigma)
    if fault:
        raise UserError(f"{path}: {fault}: give statistics of this network, or the real images, as --reference")
    return FeatureStats.from_moments(width + 1, mu, sigma)


def _fault_of_values(mu, sigma):
    """What is impossible about a mean [D] and a covariance [D, D], in words; None if they are possible."""
    if not (np.abs(mu).max() < LARGEST and np.abs(sigma).max() < LARGEST):  # also for NaN
        return f"mu or sigma holds a value that is not finite, or larger than {LARGEST:.0e}"
    if np.abs(sigma - sigma.T).max() > 1e-6 * np.abs(sigma).max():
        return "sigma is not symmetric"
    eigenvalues = np.linalg.eigvalsh(sigma.astype(np.float64))
    if eigenvalues[0] < -NEGATIVE * eigenvalues[-1]:
        return f"sigma is no covariance, because it has the eigenvalue {eigenvalues[0]:.3g} < 0"
    return None


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
