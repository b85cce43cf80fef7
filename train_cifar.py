"""Trains a WGAN-GP (Gulrajani et al. 2017) whose critic has a norm of your choice, by default group norm.

    python train_cifar.py --norm=group --groups=32

leaves a run folder with TensorBoard files, checkpoints, sample grids and a SavedModel that samples. The same command
again resumes it.
"""

import json
import os
import platform
import signal
import sys
import time

from tfgan_gn import __version__, cli
from tfgan_gn.config import Config, load_config, make_config, refuse_another, save_config
from tfgan_gn.errors import UserError


def say(text):
    """One line for the person at the terminal, whole even beside the progress bar."""
    sys.stderr.write(text + "\n")


def versions():
    """What the numbers of a run may depend on."""
    import keras
    import numpy
    import tensorflow

    found = {module.__name__: module.__version__ for module in (tensorflow, keras, numpy)}
    return {"tfgan_gn": __version__, "python": platform.python_version(), **found}


def build_pair(config):
    """The networks for a Config; call it inside `strategy.scope()`.

    Returns:
        `models.Networks`.

    Raises:
        UserError: settings that the networks cannot take.
    """
    import keras

    from tfgan_gn.models import build_networks

    keras.utils.set_random_seed(config.seed)
    return build_networks(
        width=config.width,
        z_dim=config.z_dim,
        image_size=config.image_size,
        channels=1 if config.grey == "keep" else 3,
        norm=config.norm,
        groups=config.groups,
        generator_norm=config.generator_norm,
        generator_groups=config.generator_groups,
    )


def build(config):
    """Networks, optimizers and trainer for a Config; call it inside `strategy.scope()`.

    Returns:
        `trainer.Trainer`.

    Raises:
        UserError: settings that the networks or the strategy cannot take.
    """
    from tfgan_gn.losses import LOSSES
    from tfgan_gn.trainer import Trainer, adam, constant, linear_decay

    decay = config.lr_decay == "linear"
    return Trainer(
        *build_pair(config),
        adam(config.beta_1, config.beta_2),
        adam(config.beta_1, config.beta_2),
        loss=LOSSES["wasserstein"],
        learning_rate=linear_decay(config.learning_rate, config.iterations)
        if decay
        else constant(config.learning_rate),
        gp_weight=config.gp_weight,
        n_critic=config.n_critic,
        batch_size=config.batch_size,
        generator_batch_size=config.generator_batch_multiple * config.batch_size,
        z_dim=config.z_dim,
        seed=config.seed,
    )


def refuse_another_run(config):
    """Raises UserError where the run folder holds a run with other settings."""
    path = os.path.join(config.workdir, "config.json")
    if os.path.exists(path):
        refuse_another(config, load_config(path), config.workdir)
    elif os.path.exists(os.path.join(config.workdir, "checkpoints", "checkpoint")):
        raise UserError(
            f"{config.workdir} holds checkpoints but no config.json: bring it back, or give another --workdir"
        )
    elif os.path.isfile(config.workdir):
        raise UserError(f"--workdir={config.workdir} is a file: give a folder")


def sampling(config, iteration):
    """What `export.make_sampler` and `export.export_generator` take beside the generator."""
    return {
        "z_dim": config.z_dim,
        "statistics": config.generator_statistics,
        "batch_size": config.batch_size,
        "seed": config.seed,
        "metadata": {"iteration": iteration, "versions": versions()},
    }


def make_scorer(config, generator, dataset):
    """The function that scores the run's generator, given the iteration; call it inside `strategy.scope()`.

    Raises:
        UserError: no weights for the network that scores.
    """
    import tensorflow as tf

    from tfgan_gn import evaluation, images, inception, reference
    from tfgan_gn.export import make_sampler
    from tfgan_gn.scoring import Settings

    extractor = inception.load_extractor(config.inception, config.cache_dir)
    cache_dir = config.cache_dir or os.path.expanduser(inception.CACHE)
    real = reference.of_images(images.of_split(dataset, "train"), extractor, Settings().batch_size, cache_dir, say)

    strategy = tf.distribute.get_strategy()

    def score(iteration):
        sampler = make_sampler(generator, **sampling(config, iteration))
        samples = images.of_generator(sampler, config.eval_images, config.seed, f"{config.workdir}, {iteration=}")
        with strategy.scope():
            return evaluation.evaluate(samples, real, extractor, Settings(), versions())

    return score


def export(config, generator):
    """Writes the run's SavedModel and says what to look at next."""
    from tfgan_gn.export import export_generator
    from tfgan_gn.guards import writing_to

    folder = os.path.join(config.workdir, "export")
    with writing_to(config.workdir):
        export_generator(generator, folder, **sampling(config, config.iterations))
    grid = os.path.join(config.workdir, "samples", f"{config.iterations:06d}.png")
    say(
        f"done: look at {grid}, run `tensorboard --logdir {config.workdir}`, or sample in Python: "
        f"model = tf.saved_model.load({json.dumps(folder)}); model.sample(64, 1)"
    )


def train(config):
    """Runs or resumes the run that a Config describes; returns the exit code."""
    import tensorflow as tf

    from tfgan_gn import checkpoints, data, guards, loop, strategies
    from tfgan_gn.norms import NORMS

    refuse_another_run(config)
    if NORMS[config.norm].critic_caveat:
        say(f"note: {NORMS[config.norm].critic_caveat}")
    strategy = strategies.make_strategy(config.strategy)
    with strategy.scope():
        trainer = build(config)
    dataset = data.make_dataset(
        config.dataset, config.data_dir, config.image_size, config.grey, config.cache_dir, say=say
    )
    manager = checkpoints.restore(trainer, os.path.join(config.workdir, checkpoints.NEWEST), config.keep_checkpoints)
    start = int(trainer.iteration.numpy())
    say(
        f"{dataset.source}: {len(dataset.train.images)} images to learn, {len(dataset.test.images)} held out; "
        f"{strategy.num_replicas_in_sync} x {tf.config.list_logical_devices()[-1].device_type}; "
        f"{config.workdir}: {'iteration 0' if not start else f'resumed at iteration {start}'} of {config.iterations}"
    )
    batches = strategies.distribute(
        strategy,
        lambda share: data.batches(
            dataset.train.images, config.batch_size, config.seed, start * config.n_critic, share=share
        ),
    )
    with guards.together(strategies.num_workers(strategy)), guards.stop_requests() as stop:
        recorder = make_recorder(config, strategy, trainer, manager, dataset)
        finished = loop.fit(
            trainer,
            iter(batches),
            recorder,
            iterations=config.iterations,
            log_every=config.log_every,
            sample_every=config.sample_every,
            checkpoint_every=config.checkpoint_every,
            eval_every=config.eval_every,
            clock=time.monotonic,
            stop=stop,
            agree=strategies.make_agree(strategy),
        )
        if not finished:
            say(f"stopped and saved at iteration {int(trainer.iteration.numpy())}; the same command resumes")
            return 128 + (stop() or signal.SIGTERM)
        if strategies.is_chief(strategy):
            export(config, trainer.generator)
    return 0


def make_recorder(config, strategy, trainer, manager, dataset):
    """What writes the run's folder, in the one process that does; in the others, what stands in its place."""
    from tfgan_gn import data, guards, strategies
    from tfgan_gn.recorder import Follower, Recorder

    test = strategies.distribute(
        strategy, lambda share: data.test_batches(dataset.test.images, config.batch_size, 0, share=share)
    )
    if not strategies.is_chief(strategy):
        return Follower(trainer, lambda: iter(test), config.test_batches)
    score = None
    if config.eval_every:
        with strategy.scope():
            score = make_scorer(config, trainer.generator, dataset)
    with guards.writing_to(config.workdir):  # only now, when nothing of this run can be refused, is the folder its own
        os.makedirs(config.workdir, exist_ok=True)
        save_config(config, os.path.join(config.workdir, "config.json"), versions())
    clock = time.monotonic
    return Recorder(
        trainer, manager, config.workdir, lambda: iter(test), config.test_batches, clock, score=score, say=say
    )


def main(argv):
    """Returns the exit code: 0 done, 1 a mistake of the user's, 128 + signal number when asked to stop."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        config, _ = cli.parse_arguments(argv, Config, make_config)
        if config is None:
            sys.stdout.write(cli.help_text(__doc__, Config) + "\n")
            return 0
        from tfgan_gn.guards import fitting_in_memory  # which imports TensorFlow

        with fitting_in_memory():
            return train(config)
    except UserError as error:
        say(f"train_cifar.py: error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from the newest checkpoint, where there is one")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv))
