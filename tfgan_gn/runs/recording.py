"""The recorder of a run, and how the run is scored on the way."""

import contextlib
import dataclasses
import functools
import os
import shlex
import time

import numpy as np
import tensorflow as tf

from tfgan_gn import guards
from tfgan_gn.augmentation import alarms
from tfgan_gn.files.cache_folder import cache_folder
from tfgan_gn.metrics.alarms import Alarms
from tfgan_gn.runs import affordable, building, run_data
from tfgan_gn.runs.about import note_program, say, versions
from tfgan_gn.runs.reporting import make_page
from tfgan_gn.runs.run_data import classes_of_pairs, count_images, make_test_batches, source_images
from tfgan_gn.scoring import evaluation, extractors, history, images, neighbours, reference
from tfgan_gn.scoring.scores import Settings
from tfgan_gn.settings.config_file import NAME, save_config
from tfgan_gn.settings.differences import PLACES
from tfgan_gn.settings.protocols import PROTOCOLS
from tfgan_gn.settings.scoring import EvalConfig
from tfgan_gn.training import checkpoints, strategies
from tfgan_gn.training.grids import GRID
from tfgan_gn.training.recorder import Follower, Recorder
from tfgan_gn.training.watch import readings
from tfgan_gn.training.watch.divergence import Evidence
from tfgan_gn.training.watch.readings import Readings

COMPARED = 100  # real images whose differences are compared with those of samples


def make_recorder(config, data_facts, strategy, trainer, manager, dataset, during=contextlib.nullcontext):
    """Makes what records a run: in the chief a `Recorder`, in other processes a `Follower`.

    The chief writes `config.json` here, so that a folder is taken only by a run that nothing refuses any more.

    Args:
        config: Config.
        data_facts: `run_data.DataFacts`.
        strategy: `tf.distribute.Strategy`.
        trainer: `Trainer`.
        manager: checkpoint manager of `checkpoints.restore`.
        dataset: `sets.Dataset`.
        during: as `guards.StopRequests.during`, so that a signal in a scoring says what it waits for.

    Raises:
        UserError: the folder cannot be written to, or as `make_score`.
    """
    held_out_loss = make_held_out_loss(config, trainer, dataset, strategy)
    if not strategies.is_chief(strategy):
        return Follower(held_out_loss)
    score = None
    if config.eval_every:
        # With several processes the chief scores outside of the strategy: under it, all of them would have to score.
        alone = strategies.num_workers(strategy) > 1
        with contextlib.nullcontext() if alone else strategy.scope():
            done = int(trainer.iteration.numpy())
            score = make_score(config, data_facts, trainer.sampling_generator, dataset, done, time.monotonic)
        score = _named(score, during)
    with guards.writing_to(config.workdir):
        save_config(config, config.workdir, versions(), data_facts._asdict())
    evidence = None
    if strategies.num_workers(strategy) == 1:  # several would have to repeat iterations together
        batches = functools.partial(run_data.make_train_batches, config, dataset, strategy)
        evidence = Evidence(trainer, batches, functools.partial(run_data.count_batches, config), config.workdir, NAME)
    page = make_page(config, time.monotonic)
    sources = source_images(config, dataset, GRID)
    return Recorder(
        trainer,
        manager,
        config.workdir,
        held_out_loss,
        clock=time.monotonic,
        score=score,
        page=page,
        sources=sources,
        watch=make_watch(config, dataset, sources),
        readings=Readings(trainer, config.penalty == "gradient", sources is None),
        alarms=make_alarms(config, dataset),
        advice=make_advice(config),
        settings={name: value for name, value in dataclasses.asdict(config).items() if name not in PLACES},
        evidence=evidence,
    )


def _named(score, during):
    """`score`, the function of `make_score`, within `during`."""

    def named(iteration):
        with during(f"the scoring of iteration {iteration}"):
            return score(iteration)

    return named


def make_advice(config):
    """Makes the `advice` of a `Recorder`: what may keep a run with these settings from diverging."""
    lower = "a lower --learning_rate" + (" and --critic_learning_rate" if config.critic_learning_rate else "")
    change = lower + (" or a higher --gp_weight" if config.penalty in building.PENALTY_AXES else "")

    def advice(checkpoint):
        if checkpoint is None:
            return f"There is no checkpoint to go on from. Start again in another --workdir with {change}"
        left = config.iterations - checkpoints.iteration_of(checkpoint)
        return (
            f"The newest checkpoint is {checkpoint}. To go on from it, give "
            f"{shlex.quote(f'--init_from={checkpoint}')}, --iterations={left}, another --workdir, and {change}"
        )

    return advice


def make_watch(config, dataset, sources):
    """Makes the `watch` of a `Recorder`: how far its samples are apart, and from real images.

    Args:
        config: Config.
        dataset: `sets.Dataset`.
        sources: of `run_data.source_images`.

    Returns:
        Function from samples to readings by tag; None where no two real images, or no two of a class, differ.
    """
    images, labels = dataset.train
    if sources is None:
        chosen = np.asarray(images[np.linspace(0, len(images) - 1, COMPARED).astype(np.int64)])
        apart = alarms.spread(chosen[None])
        return (lambda samples: {readings.SAMPLES: alarms.spread(samples) / apart}) if apart else None
    classes = classes_of_pairs(config, dataset)
    apart = alarms.apart_in_classes(images, labels, classes.validation)
    rows = np.flatnonzero(np.isin(labels, classes.train))
    return alarms.NewImageReadings(sources, images, rows, apart) if apart else None


def make_alarms(config, dataset):
    """Makes the `alarms` of a `Recorder`: those of every run, and those of a run of pairs."""
    num_held_out = count_images(config, dataset)[1]
    if config.test_batches:
        num_held_out = min(num_held_out, config.test_batches * config.batch_size)
    of_pairs = alarms.ROWS if run_data.takes_pairs(config) else ()
    return Alarms((*readings.rows_for(num_held_out), *of_pairs), config.iterations, say)


def make_held_out_loss(config, trainer, dataset, strategy):
    """Makes the `held_out_loss` of a `Recorder` or a `Follower`.

    Args:
        config: Config.
        trainer: `Trainer`.
        dataset: `sets.Dataset`, whose test images are taken in the same order at each call.
        strategy: `tf.distribute.Strategy`.

    Returns:
        Function from the iteration to the mean critic loss on held-out images, a float.
    """
    test = make_test_batches(config, dataset, strategy)
    count = config.test_batches or max(1, count_images(config, dataset)[1] // config.batch_size)
    fresh = PROTOCOLS[config.protocol].fresh_test_noise

    def held_out_loss(iteration):
        draw = iteration if fresh else 0
        return float(trainer.evaluate(iter(test), tf.constant(count, tf.int64), tf.constant(draw, tf.int64)))

    return held_out_loss


def make_score(config, data_facts, generator, dataset, done, clock):
    """Makes the `score` of a `Recorder`; call it in the scope of the strategy that scores.

    Args:
        config: Config.
        data_facts: `run_data.DataFacts`.
        generator: the network that is scored.
        dataset: `sets.Dataset`, of which `run_data.real_images` are the reference.
        done: iterations that are done already.
        clock: function that returns the time in seconds.

    Returns:
        Function from the iteration to (scalars by tag, pictures by tag, whether the scores are the best so far). The
        picture of the nearest real images is in the run folder too.

    Raises:
        UserError: the weights of the network that makes the features are missing, or as `run_data.sources_of`.
    """
    note_program(config.scorer)
    extractor = extractors.load_extractor(config.scorer, config.cache_dir)
    settings = scoring_settings(EvalConfig(splits=PROTOCOLS[config.protocol].splits), extrapolate=False)
    sources = run_data.sources_of(config, dataset)
    compared, held_out = run_data.real_images(config, dataset)
    cache_dir = cache_folder(config.cache_dir)
    real = reference.of_images(compared, extractor, settings.batch_size, cache_dir, say)
    held_out_nearest = neighbours.distances_of(held_out, real, extractor, settings.batch_size, cache_dir, say)
    strategy, since = tf.distribute.get_strategy(), clock()

    def score(iteration):
        begin = clock()
        sampler = building.make_scored_sampler(config, data_facts, generator, iteration, sources)

        def result_of(num_images, watched=lambda samples: samples):
            samples = images.of_generator(sampler, num_images, config.seed, f"{config.workdir}, {iteration=}")
            with strategy.scope():
                return evaluation.evaluate(watched(samples), real, extractor, settings, versions(), held_out_nearest)

        num_images = config.eval_images or history.find_num_images(config.workdir, extractor.weights_sha256, say)
        if num_images:
            result = result_of(num_images)
        else:
            run_seconds = (begin - since) / (iteration - done) * config.iterations
            num_scorings = -(-config.iterations // config.eval_every)
            result = affordable.score_first(result_of, begin, clock, run_seconds, num_scorings, say)
        with strategy.scope():
            shown = images.of_generator(sampler, neighbours.SHOWN, config.seed, config.workdir)
            picture = neighbours.picture(shown, compared, real, extractor, settings.batch_size)
        with guards.writing_to(config.workdir):
            neighbours.save(picture, os.path.join(config.workdir, neighbours.FOLDER, f"{iteration:06d}.png"))
        best = os.path.join(config.workdir, checkpoints.BEST)
        scalars, is_best = history.add(result, iteration, config.workdir, best, say)
        return scalars, {neighbours.FOLDER: picture}, is_best

    return score


def scoring_settings(config, extrapolate):
    """The `scores.Settings` of an EvalConfig.

    Args:
        config: EvalConfig.
        extrapolate: as in `scores.Settings`; it takes minutes, too long during training.
    """
    resamples = config.resamples if config.bootstrap else 0
    return Settings(config.batch_size, config.splits, config.neighbours, resamples, extrapolate)
