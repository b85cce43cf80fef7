"""What remains of a finished run: the scores of its last and of its chosen checkpoint, and its curves.

The checkpoint is chosen by the scores of training: samples of one noise against the training images. It is then scored
with samples of another noise against the held-out images. So the choice does not count twice: chosen by chance means
scored as any other.
"""

import glob
import os

import numpy as np

from tfgan_gn.export import make_sampler
from tfgan_gn.files.cache_folder import cache_folder
from tfgan_gn.guards import writing_to
from tfgan_gn.run_page.points import PointReader, quantiles
from tfgan_gn.runs.about import say, versions
from tfgan_gn.runs.building import sampling
from tfgan_gn.runs.loading import load_run
from tfgan_gn.runs.recording import scoring_settings
from tfgan_gn.scoring import evaluation, extractors, history, images, naming, reference, results
from tfgan_gn.settings.protocols import PROTOCOLS
from tfgan_gn.settings.scoring import EvalConfig
from tfgan_gn.study.definition import MOST_SEED
from tfgan_gn.training import checkpoints, summaries

CHOSEN_BY = history.RANKED_BY
CURVES = ("frechet_distance", "classifier_score")  # the scores, keys of `scores.SCORES`, whose curves are kept
PICTURE = (4, 8)  # rows and columns of samples


def outcome_of(config, dataset, picture=""):
    """Scores the checkpoints of a finished run and reads its curves.

    Args:
        config: Config of the run.
        dataset: its `sets.Dataset`.
        picture: path of a PNG of samples of the last checkpoint to write; empty for none.

    Returns:
        dict of JSON values.

        - `last`, `best`: the `iteration` of the checkpoint, and each score by its key.
        - `protocol`, `weights`, `versions`: as in `evaluation.evaluate`.
        - `curves`: by key of a score (chosen by), by "critic/test_loss", and by "slope", a dict of lists `iteration`
          and `value`, for slopes also `low` and `high`, the 5th and the 95th percentile.
        - `seconds_per_iteration`: median over training, without the time for scores.
    """
    score, scored, outcome = _make_score(config, dataset), {}, {}
    for which, checkpoint in (("last", ""), ("best", checkpoints.BEST)):
        run = load_run(config.workdir, checkpoint)
        if run.iteration not in scored:  # the chosen checkpoint is often the last one, and a scoring takes long
            scored[run.iteration] = score(run)
        sampler, result = scored[run.iteration]
        values = {key: numbers["value"] for key, numbers in result["scores"].items()}
        outcome[which] = {"iteration": result["samples"]["iteration"], **values}
        if which == "last":
            outcome |= {name: result[name] for name in ("protocol", "weights", "versions")}
            if picture:
                write_picture(sampler, config.seed, picture)
    return {**outcome, "curves": read_curves(config.workdir), "seconds_per_iteration": _seconds(config.workdir)}


def _make_score(config, dataset):
    """Makes the function from a `loading.Run` to (its sampler, its result)."""
    extractor = extractors.load_extractor(config.scorer, config.cache_dir)
    settings = scoring_settings(EvalConfig(splits=PROTOCOLS[config.protocol].splits), extrapolate=False)
    held_out = images.of_split(dataset, "test")
    real = reference.of_images(held_out, extractor, settings.batch_size, cache_folder(config.cache_dir), say)

    def score(run):
        sampler = make_sampler(run.generator, **sampling(config, run.data_facts, run.iteration))
        # Another noise than that of the scores by which the checkpoint was chosen.
        samples = images.of_generator(sampler, config.eval_images, config.seed + MOST_SEED, run.checkpoint)
        return sampler, evaluation.evaluate(samples, real, extractor, settings, versions())

    return score


def write_picture(sampler, seed, path):
    """Writes a PNG of samples; those of equal seeds have the same noise."""
    rows, columns = PICTURE
    samples = np.concatenate(list(images.of_generator(sampler, rows * columns, seed, "").parts()))
    with writing_to(path, "another --out"):
        summaries.write_png(path, summaries.image_grid(samples, columns))


def read_curves(workdir):
    """The curves of a run, as in `outcome_of`."""
    curves = {}
    for path in sorted(glob.glob(os.path.join(glob.escape(workdir), history.SCORES, "*.json"))):
        result = results.load(path)
        for name in CURVES:
            key = naming.find_key(name, result["scores"])
            _append(curves, key, int(os.path.basename(path).partition(".")[0]), value=result["scores"][key]["value"])
    points = PointReader(workdir).read()
    for step, value in zip(*points["critic/test_loss"], strict=True):
        _append(curves, "critic/test_loss", step, value=value)
    for step, histogram in zip(*points.get("critic/slopes", ((), ())), strict=True):
        low, middle, high = map(float, quantiles(histogram, (0.05, 0.5, 0.95)))
        _append(curves, "slope", step, value=middle, low=low, high=high)
    return curves


def _append(curves, name, iteration, **values):
    curve = curves.setdefault(name, {})
    for key, value in {"iteration": iteration, **values}.items():
        curve.setdefault(key, []).append(value)


def _seconds(workdir):
    rates = PointReader(workdir).read()["train/iterations_per_second"].values
    return float(1 / np.median(rates[1:] or rates))  # the first holds the tracing
