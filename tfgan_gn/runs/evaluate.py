"""What is scored against what: from an EvalConfig to a result. eval_inception.py and `tfgan_gn.evaluate` use it."""

import dataclasses
import os
from typing import Any, NamedTuple

import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.files.cache_folder import cache_folder
from tfgan_gn.files.whole import refuse_unwritable
from tfgan_gn.guards import writing_to
from tfgan_gn.runs import run_data
from tfgan_gn.runs.about import note_program, say, versions
from tfgan_gn.runs.building import make_scored_sampler
from tfgan_gn.runs.loading import load_run
from tfgan_gn.runs.recording import scoring_settings
from tfgan_gn.scoring import evaluation, extractors, images, neighbours, reference, results
from tfgan_gn.scoring.extractors import GREY
from tfgan_gn.settings.config_file import is_run, load_data_facts
from tfgan_gn.settings.scoring import as_scored


class Samples(NamedTuple):
    """The images that are scored.

    Attributes:
        name: path or name that the user gave.
        images: `images.Images`.
        run: `training.Config` of the run that made them, or None.
        iteration: of the run's checkpoint, or None.
        dataset: `sets.Dataset` of the run, or None where the images were made without it.
    """

    name: str
    images: Any
    run: Any = None
    iteration: int | None = None
    dataset: Any = None

    def out(self):
        """The JSON file of their result, unless the user gives another one."""
        if self.run:
            return os.path.join(self.name, f"scores-{self.iteration}.json")
        return f"scores-{os.path.basename(os.path.normpath(self.name)).replace(':', '-')}.json"


def open_samples(config, name):
    """Opens the images that a user names.

    Args:
        config: EvalConfig.
        name: of a run folder, an exported SavedModel, a folder, a file or a data set.

    Returns:
        Samples.

    Raises:
        UserError: they cannot be opened, are too few, or a setting does not fit them.
    """
    if is_run(name):
        refuse_settings_of_images(config, name)
        samples = Samples(name, *open_run(config, name))
    else:
        refuse_settings_of_runs(config, name)
        note_program(name)
        settings = {"num_images": config.num_images, "seed": config.seed, "value_range": config.value_range}
        samples = Samples(name, images.open_images(name, **settings, **for_all_images(config)))
    evaluation.refuse_too_few(samples.images, config.splits)
    return samples


def open_run(config, workdir):
    """The images that a run's generator makes with the weights of a checkpoint.

    Args:
        config: EvalConfig.
        workdir: run folder.

    Returns:
        (`images.Images`, the run's Config, the iteration of the checkpoint, the run's `sets.Dataset` if the images are
        made of its images, or else None).

    Raises:
        UserError: the checkpoint is not there or cannot be read, or a setting contradicts the protocol; as
            `run_data.load_data` and `run_data.sources_of`.
    """
    run = load_run(workdir, config.checkpoint)
    scored = as_scored(run.config, config)
    dataset = open_data(config, workdir, run.config) if run_data.takes_pairs(run.config) else None
    sources = run_data.sources_of(run.config, dataset)
    sampler = make_scored_sampler(scored, run.data_facts, run.generator, run.iteration, sources)
    samples = images.of_generator(sampler, config.num_images, config.seed, run.checkpoint)
    return samples, run.config, run.iteration, dataset


def open_data(config, workdir, run):
    """The `sets.Dataset` of a run, from the folder of the EvalConfig if it has one. Says if its images are others.

    Args:
        config: EvalConfig.
        workdir: run folder.
        run: Config of the run.

    Raises:
        UserError: as `run_data.load_data`.
    """
    data_dir = config.data_dir or run.data_dir
    dataset = run_data.load_data(dataclasses.replace(run, data_dir=data_dir, cache_dir=config.cache_dir))
    note_other_images(dataset, load_data_facts(workdir))
    return dataset


def for_all_images(config):
    """What `images.open_images` takes of an EvalConfig, for samples and real images alike."""
    return {
        "image_size": config.image_size,
        "data_dir": config.data_dir,
        "cache_dir": config.cache_dir,
        "grey": GREY.get(config.scorer, "refuse"),
    }


class Real(NamedTuple):
    """The real images that samples are scored against.

    Attributes:
        reference: `reference.Reference`.
        images: `images.Images`; None for a file of statistics.
        held_out_nearest: of `neighbours.distances_of`; None where there are no held-out images.
    """

    reference: Any
    images: Any = None
    held_out_nearest: Any = None


def note_other_images(dataset, data_facts):
    """Says if the training images of a data set are not those that a run has learnt from.

    Args:
        dataset: `sets.Dataset`.
        data_facts: dict of what the run's config.json says of its data.
    """
    if run_data.facts_of(dataset).images_sha256 != data_facts.get("images_sha256"):
        say(f"note: {dataset.source} has other training images than the run learnt from")


def open_reference(config, samples, extractor):
    """The real images and their statistics.

    Args:
        config: EvalConfig.
        samples: Samples.
        extractor: `extractors.Extractor`.

    Returns:
        Real. Held-out images are known only of a run.

    Raises:
        UserError: no real images are given; as `images.open_images` and `reference.of_file`.
    """
    cache_dir = cache_folder(config.cache_dir)
    if config.reference.endswith(".npz"):
        statistics = reference.of_file(config.reference, extractor)
        if statistics:
            return Real(statistics)
    held_out = None
    if config.reference:
        images.refuse_generated(config.reference)
        real = images.open_images(config.reference, **for_all_images(config))
    elif samples.run:
        dataset = samples.dataset or open_data(config, samples.name, samples.run)
        real, held_out = run_data.real_images(samples.run, dataset)
    else:
        raise UserError(
            "there are no real images: give --reference=cifar10:train, a folder, an .npz of images or of statistics"
        )
    statistics = reference.of_images(real, extractor, config.batch_size, cache_dir, say)
    if held_out is None:
        return Real(statistics, real)
    nearest = neighbours.distances_of(held_out, statistics, extractor, config.batch_size, cache_dir, say)
    return Real(statistics, real, nearest)


def score(config, samples):
    """Scores images.

    Args:
        config: EvalConfig.
        samples: Samples.

    Returns:
        (dict of `evaluation.evaluate`, picture of `neighbours.picture` or None where the real images are not there).
    """
    with tf.distribute.MirroredStrategy().scope():
        note_program(config.scorer)
        extractor = extractors.load_extractor(config.scorer, config.cache_dir)
        real = open_reference(config, samples, extractor)
        settings = scoring_settings(config, extrapolate=True)
        result = evaluation.evaluate(
            samples.images, real.reference, extractor, settings, versions(), real.held_out_nearest
        )
        if not real.images:
            return result, None
        return result, neighbours.picture(samples.images, real.images, real.reference, extractor, config.batch_size)


def refuse_unwritable_result(out):
    """Raises UserError if the JSON file of a result cannot be written."""
    with writing_to(out, "another --out"):
        refuse_unwritable(out)


def save(result, picture, out):
    """Writes a result of `score`, and the picture beside it.

    Returns:
        list of the files.

    Raises:
        UserError: they cannot be written.
    """
    written = [out]
    with writing_to(out, "another --out"):
        results.save(result, out)
        if picture is not None:
            written.append(f"{os.path.splitext(out)[0]}-neighbours.png")
            neighbours.save(picture, written[1])
    return written


def refuse_settings_of_images(config, samples):
    """Raises UserError for a setting that is for stored images only; `samples` is a run folder, which makes its own."""
    if config.value_range:
        raise UserError(f"--value_range has no effect on {samples}, which is a run folder: leave it out")
    if config.image_size and not config.reference:
        raise UserError(
            f"--image_size has no effect on {samples}, which is a run folder, without --reference: leave it out"
        )


def refuse_settings_of_runs(config, samples):
    """Raises UserError for a setting that is for run folders only; `samples` is no run folder."""
    for name in ("checkpoint", "protocol", "generator_statistics"):
        if getattr(config, name):
            raise UserError(f"--{name} has no effect on {samples}, which is no run folder (no config.json in it)")
