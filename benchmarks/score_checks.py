"""Checks that the scores of cifar10net mean something, and writes the tables of docs/scores.md.

    python benchmarks/score_checks.py --data_dir=PATH     # real images, distorted or of fewer classes
    python benchmarks/score_checks.py --run=RUN           # every checkpoint of a run on CIFAR-10

The first command writes docs/scores/checks.json, the second docs/scores/run.json. Both then draw the page's tables and
figures from these files (`score_page.py`). PATH is a folder of CIFAR-10, as for train_cifar.py.
"""

import argparse
import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np
import score_page
from distortions import DISTORTIONS
from score_run import score_run

from tfgan_gn import metrics
from tfgan_gn.data import sets
from tfgan_gn.files.whole import write_whole
from tfgan_gn.runs.about import say, versions
from tfgan_gn.scoring import extractors
from tfgan_gn.scoring.features import collect, spread
from tfgan_gn.scoring.networks import cifar10net

KEPT_CLASSES = (10, 9, 7, 5, 3, 1)
FIRST_CLASSES = (0, 2, 4, 6, 8)  # the kept classes are consecutive, from each of these on
SPLITS = 100  # random splits of real images
RESAMPLES = 50
BATCH = 64
SEED = 0


class Features:
    """What a network computes of images: `features` float32 [N, D], their statistics, and `logits` float32 [N, C]."""

    def __init__(self, extractor, images):
        features, logits = zip(*collect(extractor, images, BATCH), strict=True)
        self.features, self.logits = np.concatenate(features), np.concatenate(logits)
        self.stats = metrics.FeatureStats.of(self.features)


def random_network(seed):
    """An extractor with the shape of cifar10net whose weights are drawn, by He et al. 2015, and never trained."""
    rng, weights = np.random.default_rng(seed), {}
    for name, shape in cifar10net.kernel_shapes().items():
        deviation = np.sqrt(2 / np.prod(shape[:-1]))
        weights[f"{name}.kernel"] = (rng.standard_normal(shape) * deviation).astype(np.float32)
        weights[f"{name}.bias"] = np.zeros(shape[-1], np.float32)
    return extractors.Extractor(
        cifar10net.Cifar10Net(weights).of_any_size,
        source=f"random weights, seed {seed}",
        weights_sha256="",
        preprocessing=cifar10net.PREPROCESSING,
        name="random weights",
    )


def distance(a, b):
    """The Fréchet distance of features [N, D] and [M, D]."""
    return metrics.frechet_distance(metrics.FeatureStats.of(a), metrics.FeatureStats.of(b))


# ---- the checks ------------------------------------------------------------------------------------------------------


def check_distortions(extractor, images, real, rows, levels=None):
    """Scores images at every level of every distortion.

    Args:
        extractor: `extractors.Extractor`.
        images: uint8 [N, 32, 32, 3].
        real: Features of the real images that they are compared with.
        rows: how many of either are used for the scores other than the Fréchet distance; 0 to leave those out.
        levels: dict from names of DISTORTIONS to levels; None for all of the table.

    Yields:
        dicts with "distortion", "level" and the scores; level 0 is the images as they are.
    """
    untouched = _scores(Features(extractor, images), real, rows)
    for name, chosen in (levels or {name: row.levels for name, row in DISTORTIONS.items()}).items():
        yield {"distortion": name, "level": 0, **untouched}
        for level in chosen:
            distorted = Features(extractor, DISTORTIONS[name].function(images, level, np.random.default_rng(SEED)))
            yield {"distortion": name, "level": level, **_scores(distorted, real, rows)}


def _scores(samples, real, rows):
    found = {"frechet_distance": metrics.frechet_distance(samples.stats, real.stats)}
    if rows:
        ours, theirs = (x.features[spread(len(x.features), rows)] for x in (samples, real))
        manifold = metrics.manifold_scores(theirs, ours)
        found |= {
            "kernel_distance": metrics.kernel_distance(ours, theirs),
            "classifier_score": metrics.inception_score(samples.logits).mean,
            "precision": manifold.precision,
            "recall": manifold.recall,
        }
    return found


def check_classes(features, labels, real, count, rows):
    """Scores images of fewer and fewer of the ten classes, always as many images.

    Args:
        features: float32 [N, D] of images of all classes.
        labels: int [N].
        real: Features of the real images of all classes.
        count: images in each set.
        rows: how many real images are used for precision and recall.

    Yields:
        dicts with "first" and "kept": the classes are first, first + 1, ... modulo 10, as many as are kept.
    """
    theirs = real.features[spread(len(real.features), rows)]
    for first in FIRST_CLASSES:
        for kept in KEPT_CLASSES:
            of_classes = np.flatnonzero((labels - first) % 10 < kept)
            ours = features[np.random.default_rng(SEED).choice(of_classes, count, replace=False)]
            manifold = metrics.manifold_scores(theirs, ours)
            found = {"frechet_distance": metrics.frechet_distance(metrics.FeatureStats.of(ours), real.stats)}
            found |= {"precision": manifold.precision, "recall": manifold.recall}
            yield {"first": first, "kept": kept, "images": count, **found}


ESTIMATORS = ("plain", "extrapolated", "extrapolated_both", "kernel_distance")


def estimates(a, b):
    """Four estimates of how far two sets are apart, in the order of ESTIMATORS; all are 0 for equal distributions.

    For N images on either side the Fréchet distance is about D + c_a / N + c_b / N. `fid_infinity` removes the first
    term for a and the second for b, so that the sum of both less the distance itself is about D.
    """
    plain = distance(a, b)
    without_a, without_b = (
        metrics.fid_infinity(x, metrics.FeatureStats.of(y), np.random.default_rng(SEED)).value
        for x, y in ((a, b), (b, a))
    )
    return plain, without_a, without_a + without_b - plain, metrics.kernel_distance(a, b)


def check_real(pairs):
    """Compares real images with real images.

    Args:
        pairs: dict from a name to two arrays of features, each float32 [N, D].

    Yields:
        dicts with "pair", "images", for each estimate its "value", "low" and "high" (95 % interval, both sides
        resampled), and "splits": mean and 95 % range of the plain distance of random splits of both sets together.
    """
    for name, (a, b) in pairs.items():
        rng = np.random.default_rng(SEED)
        resampled = metrics.resampled_scores(estimates, [a, b], rng, RESAMPLES, replace=False)
        intervals = map(metrics.interval_of, estimates(a, b), resampled.T)
        found = {key: _bounds(x.value, x.low, x.high) for key, x in zip(ESTIMATORS, intervals, strict=True)}
        yield {"pair": name, "images": len(a), **found, "splits": split_distances(np.concatenate([a, b]), len(a), rng)}


def split_distances(features, count, rng, splits=SPLITS):
    """Mean and 95 % range of the Fréchet distance between `count` random rows and the others."""
    orders = [rng.permutation(len(features)) for _ in range(splits)]
    distances = [distance(features[order[:count]], features[order[count:]]) for order in orders]
    return _bounds(np.mean(distances), *np.quantile(distances, [0.025, 0.975]))


def _bounds(value, low, high):
    return {"value": float(value), "low": float(low), "high": float(high)}


# ---- the command -----------------------------------------------------------------------------------------------------


def save(contents, path):
    """Writes a dict as JSON."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write_whole(path, (json.dumps(contents, indent=1) + "\n").encode())


def check(data_dir, num_images, num_real, rows, path):
    """Makes all checks on the images of CIFAR-10, and saves what there is after each.

    Args:
        data_dir: folder of the data.
        num_images: test images that are distorted, the first ones; twice as many, if there are, serve the other checks.
        num_real: training images that they are compared with, the first ones.
        rows: images of either side for the scores other than the Fréchet distance.
        path: JSON to write.
    """
    data = sets.make_dataset("cifar10", data_dir)
    train, (test, labels) = data.train.images[:num_real], (x[: 2 * num_images] for x in data.test)
    networks = {"cifar10net": extractors.load_extractor("cifar10net"), "random weights": random_network(SEED)}
    facts = {"images": num_images, "real_images": len(train), "rows": rows, "versions": versions()}
    found, real = {**facts, "floor": {}, "real": [], "classes": {}, "distortions": {}}, {}
    half, of_class = len(test) // 2, int(np.bincount(labels).min())
    for name, extractor in networks.items():
        say(f"{name}: real images")
        real[name], held_out = Features(extractor, train), Features(extractor, test).features
        learned = real[name].features
        found["floor"][name] = split_distances(learned, num_images, np.random.default_rng(SEED), splits=20)
        found["classes"][name] = list(check_classes(held_out, labels, real[name], of_class, rows))
        save(found, path)
        if name == "cifar10net":
            pairs = {
                "training images": (learned[:half], learned[half : 2 * half]),
                "test images": (held_out[:half], held_out[half : 2 * half]),
                "test and training images": (held_out[:half], learned[:half]),
            }
            found["real"] = list(check_real(pairs))
            save(found, path)
    for name, extractor in networks.items():
        say(f"{name}: distortions")
        scored_rows = rows if name == "cifar10net" else 0
        found["distortions"][name] = []
        for row in check_distortions(extractor, test[:num_images], real[name], scored_rows):
            found["distortions"][name].append(row)
            save(found, path)


def main():
    """Makes the checks that are asked for, then the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", default="", help="folder of CIFAR-10; with --run, empty for that of the run")
    parser.add_argument("--run", default="", help="run folder on CIFAR-10, whose checkpoints are scored")
    parser.add_argument("--images", type=int, default=10_000, help="test images or samples that are scored")
    parser.add_argument("--real_images", type=int, default=50_000, help="training images that they are compared with")
    parser.add_argument("--rows", type=int, default=5000, help="images of either side for precision, recall, kernel")
    parser.add_argument("--out", default=str(score_page.FOLDER), help="folder of the JSON files")
    args = parser.parse_args()
    if args.run:
        path = os.path.join(args.out, "run.json")
        for contents in score_run(args.run, args.data_dir, args.images, args.real_images, path):
            save(contents, path)
    else:
        check(args.data_dir, args.images, args.real_images, args.rows, os.path.join(args.out, "checks.json"))
    if pathlib.Path(args.out) == score_page.FOLDER:
        score_page.write()


if __name__ == "__main__":
    main()
