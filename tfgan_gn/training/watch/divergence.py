"""Values that are not finite: what is refused, and what a diverging run leaves behind, ready to be repeated.

An iteration is a function of the weights, the optimizers, the batches, the seed and its own number: `noise.draw` makes
every random number from the seed, the purpose, the iteration and the critic step. So these are all that is kept.
"""

import io
import json
import math
import os
import shutil

import numpy as np
import tensorflow as tf

from tfgan_gn.errors import DivergedError, UserError, first_line
from tfgan_gn.files.structured import load_json
from tfgan_gn.files.whole import write_whole
from tfgan_gn.training import checkpoints

FOLDER = "diverged"  # in a run folder
FACTS, BATCHES = "iteration.json", "batches.npz"  # in that folder, beside config.json and checkpoints/


def refuse_divergence(values, iteration, advice):
    """Checks that values are finite.

    Args:
        values: dict from a name to a float.
        iteration: that the values are of.
        advice: function that returns what to do, sentences.

    Raises:
        DivergedError: a value is infinite or NaN.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise DivergedError(
                f"{name} is {value} at iteration {iteration}: the run diverged. Nothing more is saved. {advice()}"
            )


class Evidence:
    """Keeps the state of a trainer while it is finite, and writes the iteration after which it is not.

    A divergence is noticed after a call of `Trainer.train`, which can be many iterations. So the state before the call
    is put back, and its iterations are repeated one by one.

    Args:
        trainer: `Trainer` of a run with one process.
        make_batches: function from an iteration to an iterator over the distributed training batches from there on.
        count_batches: function from an iteration to how many batches it takes.
        workdir: run folder.
        config_file: name of the file in it that has the settings.
    """

    def __init__(self, trainer, make_batches, count_batches, workdir, config_file):
        self.trainer, self.make_batches, self.count_batches = trainer, make_batches, count_batches
        self.workdir, self.config_file = workdir, config_file
        self.keep()

    def keep(self):
        """Keeps the present state, in place of the one before."""
        self.state = [tf.identity(variable) for variable in checkpoints.variables_of(self.trainer)]

    def leave(self):
        """Writes the first iteration since `keep` with a loss, a weight or a value of an optimizer that is not finite.

        Returns:
            The path of the folder; None if all values are finite when the iterations are repeated.

        Raises:
            OSError, tf.errors.OpError: it cannot be written.
        """
        reached = int(self.trainer.iteration.numpy())
        self._put_back()
        batches = self.make_batches(int(self.trainer.iteration.numpy()))
        while self.trainer.iteration < reached:
            self.keep()
            logs, wrong = iterate(self.trainer, batches)
            if wrong:
                self._put_back()
                return self._write(logs, wrong)
        return None

    def _put_back(self):
        for variable, value in zip(checkpoints.variables_of(self.trainer), self.state, strict=True):
            variable.assign(value)

    def _write(self, logs, wrong):
        folder, iteration = os.path.join(self.workdir, FOLDER), int(self.trainer.iteration.numpy())
        shutil.rmtree(folder, ignore_errors=True)  # of a divergence before
        os.makedirs(folder)
        shutil.copyfile(os.path.join(self.workdir, self.config_file), os.path.join(folder, self.config_file))
        checkpoints.save(checkpoints.manage(self.trainer, os.path.join(folder, checkpoints.NEWEST), 1), iteration)
        batches, parts = self.make_batches(iteration), []
        for _ in range(self.count_batches(iteration)):
            batch = [self.trainer.strategy.experimental_local_results(part) for part in tf.nest.flatten(next(batches))]
            parts += zip(*batch, strict=True)  # one for each replica, as `strategies.distribute` takes them
        contents = io.BytesIO()
        np.savez(contents, *(np.stack(each) for each in zip(*parts, strict=True)))
        write_whole(os.path.join(folder, BATCHES), contents.getvalue())
        facts = {"iteration": iteration, "seed": self.trainer.noise.seed, "not finite": wrong}
        facts["logs"] = {tag: str(value) for tag, value in logs.items()}  # JSON has no NaN
        write_whole(os.path.join(folder, FACTS), f"{json.dumps(facts, indent=2)}\n".encode())
        return folder


def iterate(trainer, batches):
    """Trains one iteration.

    Args:
        trainer: `Trainer`.
        batches: as in `Trainer.iterate`.

    Returns:
        (logs, name): floats by tag, without those of the generator in an iteration without a generator step; and the
        first of them, or of the variables, that is infinite or NaN, None if there is none.
    """
    without_generator = trainer.iteration == 0 and not trainer.critic_first
    logs, _ = trainer.train(batches, tf.constant(1, tf.int64))
    logs = {tag: float(value) for tag, value in logs.items() if not (without_generator and tag.startswith("generator"))}
    wrong = next((tag for tag, value in logs.items() if not math.isfinite(value)), None)
    return logs, wrong or checkpoints.find_not_finite(trainer)


def read(folder):
    """Reads what `Evidence.leave` wrote, without the weights.

    Args:
        folder: that it returned.

    Returns:
        (iteration, name, logs, batches): the number of the iteration, what `iterate` returned for it in the run, and a
        `tf.data.Dataset` of the batches, in parts for the replicas of the run.

    Raises:
        UserError: the folder holds no such files, or damaged ones.
    """
    try:
        facts = load_json(os.path.join(folder, FACTS))
        logs = {tag: float(value) for tag, value in facts["logs"].items()}
        with np.load(os.path.join(folder, BATCHES), allow_pickle=False) as arrays:
            parts = tuple(arrays[name] for name in arrays.files)
        dataset = tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0])
        return int(facts["iteration"]), str(facts["not finite"]), logs, dataset
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(
            f"{folder} does not hold what a diverging run leaves ({first_line(error)}): give the folder "
            f"{FOLDER} of a run folder"
        ) from None
