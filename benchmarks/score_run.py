"""Scores every checkpoint of a run with cifar10net, for `score_checks.py`."""

import glob
import json
import os

import keras

from tfgan_gn import metrics
from tfgan_gn.data import sets
from tfgan_gn.export import make_sampler
from tfgan_gn.files.cache_folder import cache_folder
from tfgan_gn.runs.about import say
from tfgan_gn.runs.building import sampling
from tfgan_gn.runs.loading import load_run
from tfgan_gn.scoring import extractors, features, images, reference
from tfgan_gn.settings.differences import PLACES, flags_of
from tfgan_gn.training import checkpoints

BATCH = 64
SEED = 0  # of the samples


def iterations_of(workdir):
    """The iterations whose checkpoints a run keeps, in order."""
    paths = glob.glob(os.path.join(glob.escape(workdir), checkpoints.NEWEST, "*.index"))
    return sorted(checkpoints.iteration_of(path.removesuffix(".index")) for path in paths)


def score_run(workdir, data_dir, num_images, num_real, path):
    """Scores the checkpoints of a run, each by the samples of one seed.

    Args:
        workdir: run folder.
        data_dir: folder of the run's data; empty for the one that the run names.
        num_images: samples of each checkpoint.
        num_real: training images that they are compared with, the first ones.
        path: JSON of an earlier call. Its rows are taken over if they are of the same settings.

    Yields:
        After each checkpoint, the contents of the JSON: "settings" and "rows".
    """
    config = load_run(workdir).config
    extractor = extractors.load_extractor("cifar10net")
    data = sets.make_dataset(config.dataset, data_dir or config.data_dir, config.image_size, config.grey, say=say)
    data = data._replace(train=data.train._replace(images=data.train.images[:num_real]))
    real = reference.of_images(images.of_split(data, "train"), extractor, BATCH, cache_folder(""), say)
    flags = [flag for flag in flags_of(config) if not flag.startswith(tuple(f"--{name}=" for name in PLACES))]
    settings = {"flags": flags, "images": num_images, "real_images": len(data.train.images)}
    settings |= {"weights_sha256": extractor.weights_sha256}
    rows = _rows_of(path, settings)
    for iteration in iterations_of(workdir):
        if iteration not in rows:
            say(f"iteration {iteration}")
            rows[iteration] = _score(workdir, iteration, num_images, extractor, real)
            keras.backend.clear_session()
        yield {"settings": settings, "rows": [{"iteration": i, **rows[i]} for i in sorted(rows)]}


def _rows_of(path, settings):
    """The rows of a JSON by iteration, if it is of these settings."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        before = json.load(file)
    rows = before["rows"] if before["settings"] == settings else []
    return {row["iteration"]: {name: row[name] for name in row if name != "iteration"} for row in rows}


def _score(workdir, iteration, num_images, extractor, real):
    run = load_run(workdir, iteration)
    sampler = make_sampler(run.generator, **sampling(run.config, run.data_facts, iteration))
    samples = features.compute(extractor, images.of_generator(sampler, num_images, SEED, run.checkpoint), BATCH)
    rows = real.features[features.spread(len(real.features), num_images)]
    manifold = metrics.manifold_scores(rows, samples.features)
    return {
        "frechet_distance": metrics.frechet_distance(samples.stats, real.stats),
        "kernel_distance": metrics.kernel_distance(samples.features, rows),
        "classifier_score": metrics.inception_score(samples.logits).mean,
        "precision": manifold.precision,
        "recall": manifold.recall,
    }
