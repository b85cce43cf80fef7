"""One run, from its settings to its export: what train_cifar.py and a study do with a Config."""

import contextlib
import json
import os
import shlex
import signal
import time

import tensorflow as tf

from tfgan_gn import guards
from tfgan_gn.augmenter import Augmenter
from tfgan_gn.errors import UserError
from tfgan_gn.export import export_generator, make_sampler
from tfgan_gn.files.lock import NAME as LOCK
from tfgan_gn.files.lock import only_one
from tfgan_gn.runs import building, checks, recording, run_data
from tfgan_gn.runs.about import note_dependence_on_neighbours, note_doubtful_settings, note_slow_settings, say
from tfgan_gn.runs.loading import origin_of, start_from
from tfgan_gn.runs.reporting import PAGE
from tfgan_gn.scoring import history
from tfgan_gn.settings.config_file import is_run, load_config, load_data_facts, refuse_other_data, refuse_other_settings
from tfgan_gn.training import checkpoints, loop, strategies
from tfgan_gn.training.watch import memory


def refuse_another_run(config):
    """Raises UserError if the run folder holds a run with other settings, or if it is no run folder."""
    if is_run(config.workdir):
        refuse_other_settings(config, load_config(config.workdir), config.workdir)
    elif os.path.exists(os.path.join(config.workdir, "checkpoints", "checkpoint")):
        raise UserError(
            f"{config.workdir} holds checkpoints but no config.json: restore that file, or give another --workdir"
        )
    elif os.path.isfile(config.workdir):
        raise UserError(f"--workdir={config.workdir} is a file: give a folder")


def scores_of(workdir):
    """The Fréchet distances of the newest and of the best scored iteration, for a line of text; empty without any."""
    ranked = history.newest_and_best(workdir, say)
    if ranked is None:
        return ""
    newest, best = ranked
    told = f"{newest.words} {newest.value:.4g} at iteration {newest.iteration}, the newest and the best"
    if newest != best:
        told = f"{told.removesuffix(' and the best')}, and {best.value:.4g} at iteration {best.iteration}, the best"
    return f"{told}, kept in {os.path.join(workdir, checkpoints.BEST)}; "


def export(config, data_facts, generator):
    """Writes the generator as a SavedModel and prints where the results are."""
    folder = os.path.join(config.workdir, "export")
    with guards.writing_to(config.workdir):
        if run_data.takes_pairs(config):
            sampler = Augmenter(generator, **building.augmenting(config, data_facts, config.iterations))
            sample = "model.augment(images, 5, 1)"
        else:
            sampler = make_sampler(generator, **building.sampling(config, data_facts, config.iterations))
            sample = f"model.sample(64, 1{', -1' if config.conditional else ''})"
        export_generator(sampler, folder)
    page, curves = os.path.join(config.workdir, PAGE), shlex.join(["tensorboard", "--logdir", config.workdir])
    say(
        f"done: {scores_of(config.workdir)}open {page} in a browser, run `{curves}`, or "
        f"sample in Python: model = tf.saved_model.load({json.dumps(folder)}); {sample}"
    )


def train(config, progress=lambda iteration: None, load_data=run_data.load_data):
    """Runs or resumes the run that a Config describes.

    Args:
        config: Config.
        progress: as in `loop.fit`.
        load_data: function from the Config to its `sets.Dataset`.

    Returns:
        The exit code: 0, or 128 + signal number when the run was asked to stop.

    Raises:
        UserError: settings, data or a run folder that do not fit together, or another process trains in the folder.
        DivergedError: a loss, a weight or a value of an optimizer is not finite.
    """
    refuse_another_run(config)
    origin = origin_of(config)
    if config.deterministic:
        strategies.compute_deterministically()
    strategy = strategies.make_strategy(config.strategy, config.wait, say)
    note_doubtful_settings(config, strategy.num_replicas_in_sync)
    note_slow_settings(config, strategy.num_replicas_in_sync, tf.config.list_logical_devices()[-1].device_type)
    checks.refuse_uneven_towers(config, strategy.num_replicas_in_sync)
    checks.refuse_xla_on_several_devices(config, strategy.num_replicas_in_sync)
    checks.refuse_impossible_networks(config)
    dataset = load_data(config)
    checks.refuse_unfit_pairs(config, dataset)
    classes = run_data.classes_of_pairs(config, dataset) if run_data.takes_pairs(config) else None
    data_facts = run_data.facts_of(dataset, classes)
    checks.refuse_missing_labels(config, data_facts)
    if is_run(config.workdir):
        refuse_other_data(data_facts._asdict(), load_data_facts(config.workdir), config.workdir)
    with strategy.scope():
        trainer = building.build_trainer(config, data_facts)
    with _alone_in(config.workdir) if strategies.is_chief(strategy) else contextlib.nullcontext():
        manager = checkpoints.restore(
            trainer, os.path.join(config.workdir, checkpoints.NEWEST), config.keep_checkpoints
        )
        if origin:
            start_from(origin, trainer, config, data_facts)
        return _fit(config, strategy, trainer, manager, dataset, data_facts, progress)


@contextlib.contextmanager
def _alone_in(workdir):
    """Holds the run folder, which is made, so that no other process writes into it. It goes again if it stays empty."""
    with contextlib.ExitStack() as held:
        held.callback(_remove_empty, workdir)
        with guards.writing_to(workdir):
            os.makedirs(workdir, exist_ok=True)
            held.enter_context(only_one(workdir, f"trains in {workdir}: wait for it, or give another --workdir"))
        checkpoints.remove_unfinished(workdir)
        yield


def _remove_empty(workdir):
    """Removes a folder in which only the lock is, as a run leaves it that is refused."""
    if os.path.isdir(workdir) and os.listdir(workdir) == [LOCK]:
        os.remove(os.path.join(workdir, LOCK))
        os.rmdir(workdir)


def _fit(config, strategy, trainer, manager, dataset, data_facts, progress):
    """Trains a trainer from its iteration on, and exports it. Returns the exit code."""
    start = int(trainer.iteration.numpy())
    count, held_out = run_data.count_images(config, dataset)
    sizes = (
        f"{name} {building.count_parameters(network):,}"
        for name, network in (("generator", trainer.generator), ("critic", trainer.critic))
    )
    say(f"trained parameters: {', '.join(sizes)}")
    say(
        f"{dataset.source}: {count} training images, {held_out} held-out images; "
        f"{strategy.num_replicas_in_sync} x {tf.config.list_logical_devices()[-1].device_type}; "
        f"{config.workdir}: {'iteration 0' if not start else f'resumed at iteration {start}'} of {config.iterations}"
    )
    with guards.reaching_workers(strategies.num_workers(strategy)), guards.stop_requests(say) as stop:
        checks.refuse_unlike_processes(config, data_facts, start, strategy)
        note_dependence_on_neighbours(trainer, *dataset.train)
        batches = run_data.make_train_batches(config, dataset, strategy, start)
        if start < config.iterations:
            _say_memory(trainer, batches)
        finished = loop.fit(
            trainer,
            batches,
            recording.make_recorder(config, data_facts, strategy, trainer, manager, dataset, stop.during),
            iterations=config.iterations,
            periods=loop.Periods(config.log_every, config.sample_every, config.checkpoint_every, config.eval_every),
            clock=time.monotonic,
            stop=stop,
            say=say,
            agree=strategies.make_agree(strategy),
            progress=progress,
        )
        if not finished:
            say(f"stopped and saved at iteration {int(trainer.iteration.numpy())}; the same command resumes")
            return 128 + (stop() or signal.SIGTERM)
        if strategies.is_chief(strategy):
            export(config, data_facts, trainer.sampling_generator)
    return 0


def _say_memory(trainer, batches):
    """Says about how much memory training takes."""
    traced = trainer.train.get_concrete_function(batches, tf.constant(1, tf.int64))  # what the first step calls
    variables, tensors = memory.variable_bytes(checkpoints.variables_of(trainer)), memory.peak_bytes(traced.graph)
    say(
        f"estimated memory of training, on each device: {(variables + tensors) / 2**30:.2f} GiB (weights and state of "
        f"the optimizers {variables / 2**30:.2f}, tensors of a step {tensors / 2**30:.2f}), beside TensorFlow and data"
    )
