"""From a Config to what it describes: data, networks, trainer, scorer, recorder. Both commands build with these."""

import contextlib
import dataclasses
import os
import platform
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from tfgan_gn import __version__, guards
from tfgan_gn.data import sets
from tfgan_gn.data.batches import held_out_batches, train_batches
from tfgan_gn.data.decode import CHANNELS
from tfgan_gn.errors import UserError
from tfgan_gn.export import make_sampler
from tfgan_gn.files.cache_folder import cache_folder
from tfgan_gn.files.hashes import hash_pixels
from tfgan_gn.layers import norms
from tfgan_gn.models import build_networks
from tfgan_gn.scoring import evaluation, extractors, history, images, reference
from tfgan_gn.scoring.scores import Settings
from tfgan_gn.settings.config_file import save_config
from tfgan_gn.settings.scoring import EvalConfig
from tfgan_gn.training import checkpoints, strategies
from tfgan_gn.training.averaging import MovingAverage
from tfgan_gn.training.losses import LOSSES, Auxiliary
from tfgan_gn.training.noise import Noise
from tfgan_gn.training.objective import Objective
from tfgan_gn.training.optimizers import Update, adam, constant, linear_decay, rmsprop, sgd
from tfgan_gn.training.recorder import Follower, Recorder
from tfgan_gn.training.trainer import Trainer


def say(text):
    """One line for the person at the terminal, whole even beside the progress bar."""
    sys.stderr.write(text + "\n")


def versions():
    """What the numbers of a run may depend on."""
    found = {module.__name__: module.__version__ for module in (tf, keras, np)}
    return {"tfgan_gn": __version__, "python": platform.python_version(), **found}


def facts_of(dataset):
    """What networks and a resumed run must know of a data set, as JSON values."""
    digest = hash_pixels([dataset.train.images])
    channels = int(dataset.train.images.shape[-1])
    return {"num_classes": len(dataset.classes), "channels": channels, "images_sha256": digest}


def build_networks_of(config, facts):
    """The networks of a Config, on data with these facts; call it inside `strategy.scope()`.

    Returns:
        `models.Networks`.

    Raises:
        UserError: settings that the networks cannot take.
    """
    keras.utils.set_random_seed(config.seed)
    # Only what is built here computes in bfloat16; the network that scores does not.
    keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[config.precision])
    try:
        networks = build_networks(
            config.architecture,
            width=config.width,
            z_dim=config.z_dim,
            image_size=config.image_size,
            channels=facts["channels"],
            norm=config.norm,
            groups=config.groups,
            generator_norm=config.generator_norm,
            generator_groups=config.generator_groups,
            num_classes=facts["num_classes"] if config.conditional else None,
            auxiliary=config.auxiliary,
        )
    finally:
        keras.config.set_dtype_policy("float32")
    if config.synced_batch_norm:
        for network in networks:
            norms.synchronize_batch_norm(network)
    return networks


def build(config, facts):
    """Networks, optimizers and trainer of a Config; call it inside `strategy.scope()`.

    Returns:
        `trainer.Trainer`.

    Raises:
        UserError: settings that the networks or the strategy cannot take.
    """
    networks = build_networks_of(config, facts)
    average = None
    if config.ema:
        average = MovingAverage(build_networks_of(config, facts).generator, networks.generator, config.ema)
    objective = Objective(
        *networks,
        LOSSES[config.loss],
        config.gp_weight if config.penalty == "gradient" else None,
        Auxiliary() if config.auxiliary else None,
        config.separate_passes,
    )
    noise = Noise(
        seed=config.seed,
        z_dim=config.z_dim,
        batch_size=config.batch_size,
        generator_batch_size=config.generator_batch_multiple * config.batch_size,
        num_classes=facts["num_classes"] if config.conditional else None,
        flips=config.flips,
        dtype=networks.generator.variable_dtype,
    )
    generator_update = make_update(config, config.optimizer, config.learning_rate)
    critic_update = make_update(
        config,
        config.critic_optimizer or config.optimizer,
        config.critic_learning_rate or config.learning_rate,
        config.clip or None,
    )
    return Trainer(
        objective, noise, generator_update, critic_update, n_critic=config.n_critic, average=average, jit=config.jit
    )


def make_update(config, optimizer, learning_rate, clip=None):
    """The `optimizers.Update` of one network."""
    optimizers = {
        "adam": lambda: adam(config.beta_1, config.beta_2),
        "rmsprop": rmsprop,
        "sgd": lambda: sgd(config.momentum),
    }
    schedules = {
        "linear": lambda: linear_decay(learning_rate, config.iterations),
        "none": lambda: constant(learning_rate),
    }
    return Update(optimizers[optimizer](), schedules[config.lr_decay](), clip)


def shared_by_all(config, facts, iteration):
    """What every process of one run must bring alike, by name; paths may differ between machines."""
    paths = {"workdir", "data_dir", "cache_dir", "inception"}
    settings = {name: value for name, value in dataclasses.asdict(config).items() if name not in paths}
    return {**settings, **facts, "iteration": iteration}


def load_data(config):
    """The data set of a Config. Raises UserError where it is missing, broken or cannot be fetched."""
    return sets.make_dataset(config.dataset, config.data_dir, config.image_size, config.grey, config.cache_dir, say=say)


def make_batches(config, trainer, dataset, strategy):
    """Iterator over the run's batches from where its trainer stands, each process reading its share."""
    first = int(trainer.iteration.numpy()) * config.n_critic

    train = dataset.train

    def of_share(share):
        labels = labels_of(config, train)
        return train_batches(train.images, config.batch_size, config.seed, first, labels=labels, share=share)

    return iter(strategies.distribute(strategy, of_share))


def labels_of(config, split):
    """The labels of a split for conditional networks, else None."""
    return split.labels if config.conditional else None


def sampling(config, facts, iteration):
    """What `export.make_sampler` and `export.export_generator` take beside the generator."""
    return {
        "z_dim": config.z_dim,
        "statistics": config.generator_statistics,
        "batch_size": config.batch_size,
        "seed": config.seed,
        "num_classes": facts["num_classes"] if config.conditional else None,
        "metadata": {"iteration": iteration, "versions": versions()},
    }


def scoring_settings(config, extrapolate):
    """The `scores.Settings` of an EvalConfig.

    Args:
        config: EvalConfig.
        extrapolate: as of `scores.Settings`; it takes minutes, too long during training.
    """
    resamples = config.resamples if config.bootstrap else 0
    return Settings(config.batch_size, config.splits, config.neighbours, resamples, extrapolate)


def make_scorer(config, facts, generator, dataset):
    """The `score` of `Recorder`: scores the run's generator; call it in the scope that it shall run under.

    Raises:
        UserError: no weights for the network that scores.
    """
    extractor = extractors.load_extractor(config.inception, config.cache_dir)
    cache_dir = cache_folder(config.cache_dir)
    settings = scoring_settings(EvalConfig(), extrapolate=False)
    real = reference.of_images(images.of_split(dataset, "train"), extractor, settings.batch_size, cache_dir, say)
    strategy = tf.distribute.get_strategy()

    def score(iteration):
        sampler = make_sampler(generator, **sampling(config, facts, iteration))
        samples = images.of_generator(sampler, config.eval_images, config.seed, f"{config.workdir}, {iteration=}")
        with strategy.scope():
            result = evaluation.evaluate(samples, real, extractor, settings, versions())
        return history.add(result, iteration, config.workdir, os.path.join(config.workdir, checkpoints.BEST), say)

    return score


def make_recorder(config, facts, strategy, trainer, manager, dataset):
    """What writes the run's folder, in the one process that does; in the others, what stands in its place."""

    def of_share(share):
        split = dataset.test
        return held_out_batches(split.images, config.batch_size, 0, labels=labels_of(config, split), share=share)

    test = strategies.distribute(strategy, of_share)
    if not strategies.is_chief(strategy):
        return Follower(trainer, lambda: iter(test), config.test_batches)
    score = None
    if config.eval_every:
        # Where there are several processes the chief scores alone, the others wait: under their strategy it cannot.
        alone = strategies.num_workers(strategy) > 1
        with contextlib.nullcontext() if alone else strategy.scope():
            score = make_scorer(config, facts, trainer.sampling_generator, dataset)
    with guards.writing_to(config.workdir):  # only now, when nothing of this run can be refused, is the folder its own
        os.makedirs(config.workdir, exist_ok=True)
        save_config(config, config.workdir, versions(), facts)
    clock = time.monotonic
    return Recorder(trainer, manager, config.workdir, lambda: iter(test), config.test_batches, clock, score)


def note_what_does_not_fit(config):
    """Says once what a user of these settings must know."""
    if norms.NORMS[config.norm].critic_caveat and config.penalty == "gradient":
        say(f"note: {norms.NORMS[config.norm].critic_caveat}")
    if config.architecture.startswith("sngan") and config.loss == "wasserstein" and config.penalty == "none":
        say(
            "note: spectral norm with the Wasserstein loss and no penalty is reported not to work by the "
            "spectral-normalization read-me: --loss=hinge or bce do"
        )


def refuse_what_cannot_be_built(config):
    """Raises UserError for networks that cannot be, before data are fetched and decoded, which may take minutes."""
    build_networks_of(config, {"num_classes": 2, "channels": CHANNELS[config.grey]})


def refuse_labels_that_are_not_there(config, facts):
    """Raises UserError where conditional networks would be told nothing."""
    if config.conditional and facts["num_classes"] < 2:
        raise UserError(
            f"--conditional needs labels, and --dataset={config.dataset} has {facts['num_classes']} class: leave it "
            "out, or give data with classes (a folder with one sub-folder each)"
        )
