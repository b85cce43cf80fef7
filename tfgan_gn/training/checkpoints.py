"""Checkpoints of a run: what is in them, the newest, the best, one of a certain iteration."""

import glob
import os

import tensorflow as tf

from tfgan_gn.errors import UserError, first_line

CHECKPOINT = "iteration"  # checkpoints are named iteration-N
NEWEST, BEST = "checkpoints", "best"  # folders of a run


def manage(trainer, directory, keep):
    """The `tf.train.CheckpointManager` of a folder, which holds all that a `Trainer` needs to go on."""
    checkpoint = tf.train.Checkpoint(
        generator=_by_path(trainer.generator),
        critic=_by_path(trainer.critic),
        averaged=_by_path(trainer.average.averaged) if trainer.average else {},
        generator_optimizer=trainer.generator_update.optimizer,
        critic_optimizer=trainer.critic_update.optimizer,
        iteration=trainer.iteration,
    )
    return tf.train.CheckpointManager(checkpoint, directory, max_to_keep=keep, checkpoint_name=CHECKPOINT)


def save(manager, iteration):
    """Writes a checkpoint, unless that of this iteration is the newest."""
    newest = manager.latest_checkpoint
    if newest is None or os.path.basename(newest) != f"{CHECKPOINT}-{iteration}":
        manager.save(checkpoint_number=iteration)


def restore(trainer, directory, keep):
    """Sets a trainer to the newest checkpoint of a folder, or leaves it as it is where there is none.

    Args:
        trainer: `Trainer`, newly made.
        directory: folder of the checkpoints.
        keep: how many of the newest stay when further ones are saved.

    Returns:
        `tf.train.CheckpointManager` of that folder.

    Raises:
        UserError: there are checkpoints, and the newest cannot be read.
    """
    manager = manage(trainer, directory, keep)
    checkpoint = manager.checkpoint
    files = sorted(tf.io.gfile.glob(os.path.join(directory, f"{CHECKPOINT}-*.index")))
    newest = manager.latest_checkpoint
    if newest is None and files:
        # TensorFlow would silently start afresh
        raise UserError(
            f"{os.path.join(directory, 'checkpoint')} does not name any of the {len(files)} checkpoints beside it: "
            f"write 'model_checkpoint_path: \"{os.path.basename(files[-1])[:-6]}\"' into it, or give another --workdir"
        )
    if newest is not None:
        try:
            checkpoint.restore(newest).assert_existing_objects_matched()
        except (tf.errors.OpError, IndexError, ValueError, AssertionError) as error:
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


def find(workdir, which=""):
    """The checkpoint of a run that is asked for.

    Args:
        workdir: run folder.
        which: empty for the newest, "best" for that of the best FID, or the number of an iteration.

    Returns:
        Its path, without ending.

    Raises:
        UserError: there is no such checkpoint; the message lists those that there are.
    """
    paths = [path[: -len(".index")] for path in glob.glob(os.path.join(glob.escape(workdir), "*", "*.index"))]
    there = {(os.path.basename(os.path.dirname(path)), iteration_of(path)): path for path in paths}
    newest = max((key for key in there if key[0] == NEWEST), key=lambda key: key[1], default=None)
    if which == "" and newest:
        return there[newest]
    found = [there[key] for key in sorted(there) if which in (key[0], str(key[1])) and which != NEWEST]
    if not found:
        names = ", ".join(sorted({str(n) for _, n in there} | {BEST for kind, _ in there if kind == BEST})) or "none"
        raise UserError(
            f"{workdir} has no checkpoint {which or 'at all'}: give --checkpoint= one of {names}; the best is kept "
            "where --eval_every scored"
        )
    return found[-1]


def load_generator_weights(generator, path, averaged=False):
    """Sets the weights of a generator, built as in the run, to those of a checkpoint.

    Args:
        generator: Keras model.
        path: of the checkpoint.
        averaged: whether to take the averaged weights, which the run must have.

    Raises:
        UserError: it cannot be read, or is of another network.
    """
    try:
        which = "averaged" if averaged else "generator"
        status = tf.train.Checkpoint(**{which: _by_path(generator)}).restore(path).expect_partial()
        status.assert_existing_objects_matched()
    except (tf.errors.OpError, IndexError, ValueError, AssertionError) as error:
        raise UserError(f"checkpoint {path} cannot be read ({first_line(error)}): give another --checkpoint") from None


def _by_path(network):
    """Every variable by its name.

    A Keras 3 model does not show TensorFlow the layers that it holds in a list: given the model itself, a checkpoint
    has their weights through the optimizer only, what is not trained not at all, and says nothing.
    """
    return {variable.path: variable.value for variable in network.variables}


def iteration_of(path):
    """The iteration that a checkpoint's name says; -1 for a name of another kind."""
    number = os.path.basename(path).rpartition("-")[2]
    return int(number) if number.isdigit() else -1
