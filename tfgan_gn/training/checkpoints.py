"""Checkpoints of a run: what they contain, how they are saved, found and restored."""

import glob
import os
import shutil

import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError, first_line
from tfgan_gn.files.paths import refuse_pattern

CHECKPOINT = "iteration"  # checkpoints are named iteration-N
NEWEST, BEST = "checkpoints", "best"  # folders in a run folder
# What TensorFlow raises for a checkpoint that is damaged or of other variables.
_UNREADABLE = (tf.errors.OpError, IndexError, ValueError, AssertionError)


def manage(trainer, directory, keep):
    """The checkpoint manager of a folder. A checkpoint contains everything that training changes.

    Args:
        trainer: `Trainer` whose state is saved.
        directory: folder of the checkpoints.
        keep: number of newest checkpoints that are kept.

    Returns:
        `tf.train.CheckpointManager`.
    """
    checkpoint = tf.train.Checkpoint(
        generator=_by_path(trainer.generator),
        critic=_by_path(trainer.critic),
        averaged=_by_path(trainer.average.averaged) if trainer.average else {},
        generator_optimizer=trainer.generator_update.optimizer,
        critic_optimizer=trainer.critic_update.optimizer,
        iteration=trainer.iteration,
    )
    return tf.train.CheckpointManager(checkpoint, directory, max_to_keep=keep, checkpoint_name=CHECKPOINT)


def _parts(trainer):
    """The networks and the optimizers of a trainer."""
    averaged = [trainer.average.averaged] if trainer.average else []
    optimizers = (trainer.generator_update.optimizer, trainer.critic_update.optimizer)
    return trainer.generator, trainer.critic, *averaged, *optimizers


def variables_of(trainer):
    """Everything that training changes, a list of `tf.Variable`s in a fixed order."""
    return [trainer.iteration, *(variable.value for part in _parts(trainer) for variable in part.variables)]


def find_not_finite(trainer):
    """The name of the first variable of a trainer with an infinite value or a NaN; None if there is none.

    Args:
        trainer: `Trainer`, whose networks and optimizers are looked at.
    """
    for variable in (variable for part in _parts(trainer) for variable in part.variables):
        if variable.value.dtype.is_floating:
            try:  # one operation, without an array of as many truth values
                tf.debugging.check_numerics(variable.value, "")
            except tf.errors.InvalidArgumentError:
                return variable.path
    return None


def newest_finite(manager):
    """The path of the newest checkpoint of a manager that holds neither infinite values nor NaN; None for none."""
    for path in reversed(manager.checkpoints):
        reader = tf.train.load_checkpoint(path)
        floats = [name for name, dtype in reader.get_variable_to_dtype_map().items() if dtype.is_floating]
        if all(np.isfinite(reader.get_tensor(name)).all() for name in floats):
            return path
    return None


def save(manager, iteration):
    """Writes a checkpoint, unless the newest one is of this iteration already. Returns whether it did."""
    newest = manager.latest_checkpoint
    if newest is not None and os.path.basename(newest) == f"{CHECKPOINT}-{iteration}":
        return False
    manager.save(checkpoint_number=iteration)
    return True


def remove_unfinished(workdir):
    """Removes what a process that was killed while saving has left. No other process may be saving there.

    Args:
        workdir: run folder.
    """
    for kind in (NEWEST, BEST):
        for path in glob.glob(os.path.join(glob.escape(workdir), kind, f"{CHECKPOINT}-*_temp")):
            shutil.rmtree(path, ignore_errors=True)


def restore(trainer, directory, keep):
    """Restores a trainer from the newest checkpoint of a folder, if there is one.

    Args:
        trainer: `Trainer`, newly made.
        directory: folder of the checkpoints.
        keep: number of newest checkpoints that are kept.

    Returns:
        `tf.train.CheckpointManager` of that folder.

    Raises:
        UserError: there are checkpoints, but the newest cannot be read.
    """
    _refuse_bad_state(directory)
    manager = manage(trainer, directory, keep)
    checkpoint, newest = manager.checkpoint, manager.latest_checkpoint
    if newest is not None:
        try:
            checkpoint.restore(newest).assert_existing_objects_matched()
        except _UNREADABLE as error:
            older = [os.path.basename(path) for path in manager.checkpoints if path != newest]
            raise UserError(
                f"checkpoint {newest} cannot be read ({first_line(error)}). Nothing was changed. "
                + (
                    f"To go on from the one before, write 'model_checkpoint_path: \"{older[-1]}\"' into "
                    f"{os.path.join(directory, 'checkpoint')}"
                    if older
                    else "There is no older one: give another --workdir to start afresh"
                )
            ) from None
    return manager


def _refuse_bad_state(directory):
    """Raises UserError if the file that names the checkpoints of a folder is missing, damaged, or names others.

    TensorFlow would start a new run without a word, read a checkpoint that lies somewhere else, or delete it as an old
    one.
    """
    state = os.path.join(directory, "checkpoint")
    names = [os.path.basename(path)[: -len(".index")] for path in glob.glob(f"{glob.escape(directory)}/*.index")]
    names = sorted((name for name in names if iteration_of(name) >= 0), key=iteration_of)
    if not names and not os.path.exists(state):
        return
    try:
        state_there = tf.train.get_checkpoint_state(directory)
        named = [state_there.model_checkpoint_path, *state_there.all_model_checkpoint_paths]
    except (AttributeError, ValueError, tf.errors.OpError):  # no file, or one that TensorFlow cannot read
        named = [""]
    if any(not _lies_in(path, directory) for path in named):
        way_out = f"write 'model_checkpoint_path: \"{names[-1]}\"' into it" if names else "remove it"
        raise UserError(
            f"{state} does not name any of the {len(names)} checkpoints beside it: {way_out}, or give another --workdir"
        )


def _lies_in(path, directory):
    return os.path.normpath(os.path.dirname(path)) == os.path.normpath(directory) and iteration_of(path) >= 0


def find(workdir, which=""):
    """Finds a checkpoint of a run.

    Args:
        workdir: run folder.
        which: empty for the newest, "best" for the one with the lowest Fréchet distance (FID), or the number of an
            iteration.

    Returns:
        Its path, without the ending of a file.

    Raises:
        UserError: there is no such checkpoint; the message lists the existing ones. Or `paths.refuse_pattern`.
    """
    refuse_pattern(workdir, "run folder")
    indices = glob.glob(os.path.join(glob.escape(workdir), "*", "*.index"))
    paths = [path[: -len(".index")] for path in indices if os.path.getsize(path)]  # a full disk leaves an empty one
    there = {(os.path.basename(os.path.dirname(path)), iteration_of(path)): path for path in paths}
    newest = max((key for key in there if key[0] == NEWEST), key=lambda key: key[1], default=None)
    if which == "" and newest:
        return there[newest]
    found = [there[key] for key in sorted(there) if which in (key[0], str(key[1])) and which != NEWEST]
    if not found:
        names = ", ".join(sorted({str(n) for _, n in there} | {BEST for kind, _ in there if kind == BEST})) or "none"
        raise UserError(
            f"{workdir} has no checkpoint {which or 'at all'}: give --checkpoint= one of {names}; a run keeps its best "
            "unless --eval_every=0"
        )
    return found[-1]


def load_weights(networks, path, optimizers=None, flag="--checkpoint"):
    """Loads the weights of networks from a checkpoint, and the state of optimizers.

    Args:
        networks: dict from "generator", "critic" or "averaged" (the averaged generator, which only runs with --ema
            have) to a Keras model, built as in the run.
        path: of the checkpoint, without the ending of a file.
        optimizers: dict from "generator_optimizer" or "critic_optimizer" to a Keras optimizer of the same class as in
            the run, built; None for none.
        flag: which gave the path, for messages.

    Raises:
        UserError: the checkpoint cannot be read, or is of other networks.
    """
    try:
        _refuse_other_shapes(networks, path)
        parts = {name: _by_path(network) for name, network in networks.items()}
        checkpoint = tf.train.Checkpoint(**parts, **(optimizers or {}))
        checkpoint.restore(path).expect_partial().assert_existing_objects_matched()
    except UserError:  # which is a ValueError too
        raise
    except _UNREADABLE as error:
        raise UserError(f"checkpoint {path} cannot be read ({first_line(error)}): give another {flag}") from None


def _refuse_other_shapes(networks, path):
    """Raises UserError if a variable has another shape in the checkpoint: TensorFlow would add a page of warnings."""
    shapes = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    for name, network in networks.items():
        for variable in network.variables:
            key = f"{name}/{variable.path.replace('.', '..').replace('/', '.S')}/.ATTRIBUTES/VARIABLE_VALUE"
            there, here = tuple(shapes.get(key, variable.shape)), tuple(variable.shape)
            if there != here:
                raise UserError(
                    f"checkpoint {path} is of other networks than the run's config.json says: {variable.path} has the "
                    f"shape {there} in it, and {here} by config.json, where channels and sizes are: bring back the "
                    "config.json that the run wrote"
                )


def _by_path(network):
    """All variables of a network by name.

    A checkpoint of the Keras model itself would be incomplete without a warning: TensorFlow does not see layers that
    a Keras 3 model holds in a list. Of these it would save the trained weights, through the optimizer, and no others.
    """
    return {variable.path: variable.value for variable in network.variables}


def iteration_of(path):
    """The iteration in the name of a checkpoint; -1 if the name has none."""
    number = os.path.basename(path).rpartition("-")[2]
    return int(number) if number.isdigit() else -1
