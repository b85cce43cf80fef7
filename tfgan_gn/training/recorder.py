"""What a run leaves in its folder on the way: points, grids, scores, checkpoints."""

import math
import os

import numpy as np
import tensorflow as tf

from tfgan_gn.data.pixels import quantize
from tfgan_gn.errors import UserError
from tfgan_gn.guards import writing_to
from tfgan_gn.training import checkpoints, summaries

GRID = 10  # rows and columns of the sample grid, as published
FIXED_Z = -1  # the stream of its noise, apart from those of training


class Recorder:
    """Writes a run's TensorBoard points, sample grids, scores and checkpoints.

    Args:
        trainer: `Trainer`.
        manager: of `checkpoints.restore`.
        workdir: run folder; `tensorboard/` and `samples/` in it are written.
        make_test_batches: function that makes an iterator over distributed held-out batches, the same each time.
        test_batches: how many of them `critic/test_loss` is the mean of.
        clock: function that returns seconds.
        score: function from the iteration to (scalars by tag, whether they are the best so far); None for no scores.
    """

    def __init__(self, trainer, manager, workdir, make_test_batches, test_batches, clock, score=None):
        self.trainer, self.manager, self.workdir = trainer, manager, workdir
        self.make_test_batches, self.test_batches = make_test_batches, test_batches
        self.clock, self.since, self.pending, self.slopes = clock, clock(), [], None
        self.score = score
        with writing_to(workdir):
            os.makedirs(os.path.join(workdir, "samples"), exist_ok=True)
            if score:
                self.best = checkpoints.manage(trainer, os.path.join(workdir, checkpoints.BEST), 1)
            self.writer = tf.summary.create_file_writer(os.path.join(workdir, "tensorboard"))
        noise = trainer.noise
        z = tf.random.stateless_normal([GRID**2, noise.z_dim], [noise.seed, FIXED_Z], dtype=noise.dtype)
        labels = None
        if noise.num_classes is not None:
            labels = tf.range(GRID**2) % GRID % noise.num_classes  # one class a column
        self.draw = tf.function(lambda: quantize(trainer.sampling_generator(z, labels=labels)))

    def newest(self):
        """Path of the newest checkpoint, or None."""
        return self.manager.latest_checkpoint

    def close(self):
        """Writes what is left to be written."""
        self.writer.close()

    def add(self, logs, slopes, count):
        """Takes in the means of `count` iterations."""
        self.pending.append((logs, count))
        self.slopes = slopes

    def log(self, iteration):
        """Writes the means since the last call, the held-out loss and the slopes of the last critic step."""
        scalars = {}
        for tag in self.pending[-1][0]:
            present = [(logs[tag], count) for logs, count in self.pending if tag in logs]
            values, counts = zip(*present, strict=True)
            scalars[tag] = np.average(values, weights=counts)
        test_loss = self.trainer.evaluate(self.make_test_batches(), tf.constant(self.test_batches, tf.int64))
        scalars["critic/test_loss"] = float(test_loss)
        refuse_divergence(scalars, iteration, self.newest())
        scalars["train/learning_rate"] = float(self.trainer.critic_update.optimizer.learning_rate.numpy())
        iterations = sum(count for _, count in self.pending)
        scalars["train/iterations_per_second"] = iterations / (self.clock() - self.since)
        with writing_to(self.workdir):
            summaries.write_scalars(self.writer, scalars, iteration)
            if len(self.slopes):
                summaries.write_histogram(self.writer, "critic/slopes", self.slopes, iteration)
            self.writer.flush()
        self.pending, self.since = [], self.clock()

    def sample(self, iteration):
        """Writes the grid of the fixed noise, each image normalized beside the others, as published."""
        grid = summaries.image_grid(self.draw().numpy(), GRID)
        with writing_to(self.workdir):
            summaries.write_images(self.writer, "samples", grid, iteration)
            summaries.write_png(os.path.join(self.workdir, "samples", f"{iteration:06d}.png"), grid)

    def save(self, iteration):
        """Writes a checkpoint, unless that of this iteration is there."""
        with writing_to(self.workdir):
            checkpoints.save(self.manager, iteration)

    def evaluate(self, iteration):
        """Scores the generator; writes the points, and keeps the checkpoint where it is the best so far."""
        scalars, is_best = self.score(iteration)
        with writing_to(self.workdir):
            if is_best:
                checkpoints.save(self.best, iteration)
            summaries.write_scalars(self.writer, scalars, iteration)
            self.writer.flush()


class Follower:
    """Stands in the place of a `Recorder` in all processes but the one that writes.

    It takes part in what all compute together, the held-out loss, and writes nothing.

    Args:
        trainer: `Trainer`.
        make_test_batches: as of `Recorder`.
        test_batches: as of `Recorder`.
    """

    def __init__(self, trainer, make_test_batches, test_batches):
        self.trainer, self.make_test_batches, self.test_batches = trainer, make_test_batches, test_batches

    def log(self, iteration):
        """Computes its share of the held-out loss."""
        self.trainer.evaluate(self.make_test_batches(), tf.constant(self.test_batches, tf.int64))

    def newest(self):
        """None: the chief knows."""

    def add(self, logs, slopes, count):
        """Nothing."""

    def sample(self, iteration):
        """Nothing."""

    def evaluate(self, iteration):
        """Nothing."""

    def save(self, iteration):
        """Nothing."""

    def close(self):
        """Nothing."""


def refuse_divergence(logs, iteration, checkpoint):
    """Raises UserError where a value of `logs`, a dict by tag, is not finite; names the checkpoint that stays."""
    for tag, value in logs.items():
        if not math.isfinite(value):
            raise UserError(
                f"{tag} is {value} at iteration {iteration}: the run diverged. Nothing more is saved; "
                f"{checkpoint or 'no checkpoint'} stays. Try a lower --learning_rate or a higher --gp_weight in "
                "another --workdir"
            )
