"""Measures scoring: images per second through Inception v3, and seconds for one FID, next to other implementations.

    python benchmarks/evaluation.py

If torch-fidelity and PyTorch are installed (pip install '.[bench]'), torch-fidelity is measured too, with the same
images, weights, batch size and threads. All implementations run in turns within one process, so that another program on
the machine slows each of them alike. The table shows medians and their ratios. `--json=PATH` writes the numbers.
`--cifar10net` measures the small network in the package instead.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np
import scipy.linalg
import tensorflow as tf

from tfgan_gn.metrics import FeatureStats, frechet_distance
from tfgan_gn.scoring import extractors
from tfgan_gn.scoring.features import collect
from tfgan_gn.scoring.networks import inception

DIMENSIONS = 2048


def draw_weights(network, rng):
    """Weights of a network that keep activations of order 1, named as in the published file."""
    weights = {}
    for name, shape in inception.weight_shapes(network).items():
        kind = name.rpartition("/")[2]
        if kind in ("gamma", "moving_variance"):
            weights[name] = np.ones(shape, np.float32)
        elif kind in ("beta", "moving_mean", "biases"):
            weights[name] = np.zeros(shape, np.float32)
        else:
            weights[name] = (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))).astype(np.float32)
    return weights


def make_ours(network, weights, images, batch_size):
    """Returns a function that computes the features of the images with this project's network."""
    inception.assign_weights(network, weights)
    extractor = extractors.Extractor(
        lambda batch: network(inception.preprocess(batch), training=False),
        source="random",
        weights_sha256="",
        preprocessing="",
    )
    return lambda: np.concatenate([features for features, _ in collect(extractor, images, batch_size)])


def make_torch_fidelity(weights, images, batch_size):
    """The same with torch-fidelity's network, whose units are in the order of the published file too."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import BasicConv2d, FeatureExtractorInceptionV3

    class Unloaded(FeatureExtractorInceptionV3):
        def load_state_dict(self, state):
            """Loads nothing; the weights are set below."""

    with tempfile.NamedTemporaryFile() as file:
        torch.save({}, file.name)
        network = Unloaded("ours", ["2048", "logits_unbiased"], feature_extractor_weights_path=file.name)
    units = [module for module in network.modules() if isinstance(module, BasicConv2d)]
    for name, unit in zip(inception.UNITS, units, strict=True):
        kernel = torch.from_numpy(weights[f"{name}/conv2d_params"].transpose(3, 2, 0, 1).copy())
        unit.conv.weight.data.copy_(kernel)
    channels_first = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())

    def run():
        with torch.no_grad():
            return np.concatenate([network(batch)[0].numpy() for batch in channels_first.split(batch_size)])

    return run


def sqrtm_distance(a, b):
    """FID with a general matrix root, as TTUR's `fid.py` and the programs derived from it compute it."""
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance).real
    difference = a.mean - b.mean
    return float(difference @ difference + np.trace(a.covariance + b.covariance - 2 * root))


def alternate(functions, repeats):
    """Runs functions in turns, after one run that is not timed. Returns dicts of their seconds and of their results."""
    seconds = {name: [] for name in functions}
    results = {name: function() for name, function in functions.items()}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return seconds, results


def time_images(num_images, batch_size, repeats):
    """Rows of the table: images per second of each network, and the difference of their features."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (num_images, 32, 32, 3), dtype=np.uint8)
    network = inception.build_network()
    weights = draw_weights(network, rng)
    functions = {"tfgan_gn": make_ours(network, weights, images, batch_size)}
    if importlib.util.find_spec("torch_fidelity"):
        functions["torch-fidelity"] = make_torch_fidelity(weights, images, batch_size)
    seconds, features = alternate(functions, repeats)
    ours = features["tfgan_gn"]
    for name, times in seconds.items():
        apart = float(abs(features[name] - ours).max() / abs(ours).max())
        yield {"what": "images per second", "who": name, "value": num_images / statistics.median(times), "apart": apart}


def time_cifar10net(num_images, batch_size, repeats):
    """Rows of the table for the network in the package: its rate now, and on the same cores if nothing else ran.

    The second is computed from the CPU time of this process, which other programs change far less than the time that
    passes: cores / (CPU seconds per image). It is right if all cores are busy all the time.
    """
    images = np.random.default_rng(0).integers(0, 256, (num_images, 32, 32, 3), dtype=np.uint8)
    extractor = extractors.load_extractor("cifar10net")
    passed, spent = [], []
    for _ in range(1 + repeats):  # the first is not counted
        before = time.perf_counter(), time.process_time()
        features = [features for features, _ in collect(extractor, images, batch_size)]
        passed.append(time.perf_counter() - before[0])
        spent.append((time.process_time() - before[1]) / len(os.sched_getaffinity(0)))
    rates = {"cifar10net": passed, "cifar10net, by CPU time": spent}
    for who, seconds in rates.items():
        rate = len(np.concatenate(features)) / statistics.median(seconds[1:])
        yield {"what": "images per second, cifar10net", "who": who, "value": rate, "apart": 0.0}


def time_algebra(repeats):
    """Rows of the table: seconds for one FID from means and covariances, and the difference of the distances."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((DIMENSIONS, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    a, b = (FeatureStats.of(rng.standard_normal((10_000, DIMENSIONS)) @ mixing + i / 10) for i in range(2))

    def ours():
        for stats in (a, b):
            stats._factor = None  # so that the root is computed again
        return frechet_distance(a, b)

    functions = {"tfgan_gn": ours, "scipy.linalg.sqrtm": lambda: sqrtm_distance(a, b)}
    functions["tfgan_gn, same real images again"] = lambda: frechet_distance(a, b)
    seconds, distances = alternate(functions, repeats)
    for name, times in seconds.items():
        apart = abs(distances[name] / distances["tfgan_gn"] - 1)
        yield {"what": "seconds for FID's algebra", "who": name, "value": statistics.median(times), "apart": apart}


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", default="")
    parser.add_argument("--cifar10net", action="store_true", help="measure this network alone, on 16 times the images")
    options = parser.parse_args()
    if options.cifar10net:
        rows = list(time_cifar10net(16 * options.images, options.batch_size, options.repeats))
    else:
        rows = [
            *time_images(options.images, options.batch_size, options.repeats),
            *time_algebra(max(1, options.repeats // 2)),
        ]
    first = {}
    lines = [f"{os.cpu_count()} cores, {[d.device_type for d in tf.config.list_logical_devices()]}, float32"]
    for row in rows:
        ours = first.setdefault(row["what"], row["value"])
        row["ratio_to_ours"] = row["value"] / ours
        lines.append(
            f"{row['what']:26}{row['who']:34}{row['value']:10.3f}   x {row['ratio_to_ours']:.2f}   "
            f"apart by {row['apart']:.1e}"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()
