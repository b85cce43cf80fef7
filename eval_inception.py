"""Scores images against real ones: Inception Score, FID, KID, precision and recall, density and coverage.

    python eval_inception.py runs/cifar10-author-group
    python eval_inception.py SAMPLES --reference=REAL
    python eval_inception.py --compare A.json B.json

SAMPLES is a run folder, an exported SavedModel, a folder of images, an .npz or .npy of images (FILE.npz:KEY if it holds
several arrays), or a data set by name and split (cifar10:test, shapes:test, tfds:NAME:SPLIT). REAL is one of these,
except for a run folder and a SavedModel, or an .npz of statistics. The command prints a table and writes a JSON with
the scores and the protocol by which they were computed.
"""

import os
import sys
from typing import Any, NamedTuple

from tfgan_gn.errors import UserError
from tfgan_gn.files.cache_folder import cache_folder
from tfgan_gn.files.whole import refuse_unwritable
from tfgan_gn.settings import command_line
from tfgan_gn.settings.config_file import is_run, load_data_facts
from tfgan_gn.settings.scoring import EvalConfig, as_scored, make_eval_config
from tfgan_gn.startup import load_tensorflow


def open_run(config, workdir):
    """The images that a run's generator makes with the weights of a checkpoint.

    Args:
        config: EvalConfig.
        workdir: run folder.

    Returns:
        (`images.Images`, the run's Config, the iteration of the checkpoint).

    Raises:
        UserError: the checkpoint is not there or cannot be read, or a setting contradicts the protocol.
    """
    from tfgan_gn.export import make_sampler
    from tfgan_gn.runs.building import sampling
    from tfgan_gn.runs.loading import load_run
    from tfgan_gn.scoring import images

    run = load_run(workdir, config.checkpoint)
    sampler = make_sampler(run.generator, **sampling(as_scored(run.config, config), run.data_facts, run.iteration))
    samples = images.of_generator(sampler, config.num_images, config.seed, run.checkpoint)
    return samples, run.config, run.iteration


def for_all_images(config):
    """What `images.open_images` takes of an EvalConfig, for samples and real images alike."""
    from tfgan_gn.scoring.extractors import GREY

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
    from tfgan_gn.runs import about, run_data

    if run_data.facts_of(dataset).images_sha256 != data_facts.get("images_sha256"):
        about.say(f"note: {dataset.source} has other training images than the run learnt from")


def open_reference(config, samples, run, extractor):
    """The real images and their statistics.

    Args:
        config: EvalConfig.
        samples: path or name of the images that are scored.
        run: Config of the run that is scored, or None.
        extractor: `extractors.Extractor`.

    Returns:
        Real. Held-out images are known only of a run.

    Raises:
        UserError: no real images are given; as `images.open_images` and `reference.of_file`.
    """
    from tfgan_gn.data import sets
    from tfgan_gn.runs.about import say
    from tfgan_gn.scoring import images, neighbours, reference

    cache_dir = cache_folder(config.cache_dir)
    if config.reference.endswith(".npz"):
        statistics = reference.of_file(config.reference, extractor)
        if statistics:
            return Real(statistics)
    held_out = None
    if config.reference:
        images.refuse_generated(config.reference)
        real = images.open_images(config.reference, **for_all_images(config))
    elif run:
        data_dir = config.data_dir or run.data_dir
        dataset = sets.make_dataset(run.dataset, data_dir, run.image_size, run.grey, config.cache_dir, say=say)
        note_other_images(dataset, load_data_facts(samples))
        real, held_out = images.of_split(dataset, "train"), images.of_split(dataset, "test")
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
    """Scores images, then writes and prints the result, and a picture of neighbours beside it.

    Args:
        config: EvalConfig.
        samples: path or name of the images.
    """
    import tensorflow as tf

    from tfgan_gn.guards import writing_to
    from tfgan_gn.runs.about import versions
    from tfgan_gn.runs.recording import scoring_settings
    from tfgan_gn.scoring import evaluation, extractors, images, neighbours, results

    run, out = None, f"scores-{os.path.basename(os.path.normpath(samples)).replace(':', '-')}.json"
    if is_run(samples):
        refuse_settings_of_images(config, samples)
        opened, run, iteration = open_run(config, samples)
        out = os.path.join(samples, f"scores-{iteration}.json")
    else:
        refuse_settings_of_runs(config, samples)
        opened = images.open_images(
            samples,
            num_images=config.num_images,
            seed=config.seed,
            value_range=config.value_range,
            **for_all_images(config),
        )
    evaluation.refuse_too_few(opened, config.splits)
    out = config.out or out
    with writing_to(out):
        refuse_unwritable(out)
    with tf.distribute.MirroredStrategy().scope():
        extractor = extractors.load_extractor(config.scorer, config.cache_dir)
        real = open_reference(config, samples, run, extractor)
        settings = scoring_settings(config, extrapolate=True)
        result = evaluation.evaluate(opened, real.reference, extractor, settings, versions(), real.held_out_nearest)
        picture = None
        if real.images:
            picture = neighbours.picture(opened, real.images, real.reference, extractor, config.batch_size)
    sys.stdout.write(f"{results.table(result)}\n")
    written = [out]
    with writing_to(out):
        results.save(result, out)
        if picture is not None:
            written.append(f"{os.path.splitext(out)[0]}-neighbours.png")
            neighbours.save(picture, written[1])
    sys.stdout.write(f"\nwritten to {' and '.join(written)}\n")


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


def command(argv):
    """Reads the command line and scores, compares, or prints the help. Returns the exit code."""
    config, arguments = command_line.parse_arguments(argv, EvalConfig, make_eval_config, most_arguments=1)
    if config is None:
        sys.stdout.write(command_line.help_text(__doc__, EvalConfig) + "\n")
        return 0
    if not arguments:
        raise UserError(
            "there is nothing to score (or no second JSON to compare with): see --help for what can be given"
        )
    if config.compare:
        from tfgan_gn.scoring import results

        paths = [config.compare, arguments[0]]
        sys.stdout.write(results.compare(*map(results.load, paths), names=paths) + "\n")
        return 0
    load_tensorflow()
    from tfgan_gn.guards import fitting_in_memory

    with fitting_in_memory():
        score(config, arguments[0])
    return 0


def main(argv=None):
    """Runs the command, `tfgan-eval` where the package is installed.

    Args:
        argv: the name of the program and its arguments; None for those of this process.

    Returns:
        The exit code: 0 done, 1 for a UserError, 130 if interrupted.
    """
    argv = sys.argv if argv is None else argv
    return command_line.run(lambda: command(argv), os.path.basename(argv[0]), "interrupted: nothing was written")


if __name__ == "__main__":
    sys.exit(main())
