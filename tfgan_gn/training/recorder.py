"""What a run writes during training: TensorBoard points, sample grids, interpolations, checkpoints, its page."""

import math
import os
import shlex

import tensorflow as tf

from tfgan_gn.errors import first_line
from tfgan_gn.guards import writing_to
from tfgan_gn.training import checkpoints, summaries
from tfgan_gn.training.grids import GRID, Grids
from tfgan_gn.training.watch.divergence import refuse_divergence

SAMPLES, INTERPOLATIONS = "samples", "interpolations"  # folders in a run folder


class Recorder:
    """Writes a run's TensorBoard points, sample grids, interpolations and checkpoints.

    Args:
        trainer: `Trainer`.
        manager: checkpoint manager of `checkpoints.restore`.
        workdir: run folder. TensorBoard's files, `samples/` and `interpolations/` in it are written, and `best/` if
            there is a `score`.
        held_out_loss: function from the iteration to `critic/test_loss`, a float.
        clock: function that returns the time in seconds.
        score: function from the iteration to (scalars by tag, uint8 pictures [H, W, C] by tag, whether the scores are
            the best so far); None for no scores.
        page: function that writes the page of the run, called with whether the training ends; None for no page.
        sources: as in `grids.Grids`.
        watch: function from the samples, uint8 [1, GRID^2, H, W, C], or of the sources [GRID, GRID - 1, H, W, C], to
            readings by tag; None for none.
        readings: `readings.Readings`; None for none.
        alarms: `alarms.Alarms` of all these readings; None for none.
        advice: function from the path of the newest finite checkpoint, or None, to sentences: what to do if the run
            diverges.
        settings: dict of the settings of the run, which TensorBoard shows; None to show none.
        evidence: `divergence.Evidence`, which leaves the iteration in which the run diverges; None for none.

    Raises:
        UserError: the folder cannot be written to.
    """

    def __init__(
        self,
        trainer,
        manager,
        workdir,
        held_out_loss,
        clock,
        score=None,
        page=None,
        sources=None,
        watch=None,
        readings=None,
        alarms=None,
        advice=lambda checkpoint: "",
        settings=None,
        evidence=None,
    ):
        self.advice, self.evidence, self.readings, self.alarms = advice, evidence, readings, alarms
        self.trainer, self.manager, self.workdir = trainer, manager, workdir
        self.held_out_loss, self.score, self.page = held_out_loss, score, page
        self.clock, self.since, self.slopes = clock, clock(), None
        self.pending, self.written = [], 0  # logs since the last call of `log`; how many of them a point has already
        with writing_to(workdir):
            for folder in (SAMPLES, INTERPOLATIONS):
                os.makedirs(os.path.join(workdir, folder), exist_ok=True)
            if score:
                self.best = checkpoints.manage(trainer, os.path.join(workdir, checkpoints.BEST), 1)
            self.writer, self.test_writer = map(tf.summary.create_file_writer, summaries.folders_of(workdir))
            if settings:
                summaries.write_settings(self.writer, settings, workdir)
        self.grids, self.watch = Grids(trainer, sources), watch

    def refuse_divergence(self, values, iteration):
        """Raises DivergedError if a value is infinite or NaN; with `evidence`, also for weights and optimizers.

        Args:
            values: dict from a name to a float.
            iteration: that the values are of.
        """
        if self.evidence:
            values = {**values, **self._not_finite()}
        refuse_divergence(values, iteration, self._leave_evidence)

    def _not_finite(self):
        name = checkpoints.find_not_finite(self.trainer)
        return {f"a value of {name}": math.nan} if name else {}

    def _leave_evidence(self):
        """Says what was left of the iteration, and what to do."""
        try:
            folder = self.evidence and self.evidence.leave()
            again = shlex.join(["python", "-m", "tfgan_gn.replay", folder or ""])
            told = f"`{again}` computes what went wrong again. " if folder else ""
        except (OSError, tf.errors.OpError) as error:
            told = f"What led to it could not be written to {self.workdir} ({first_line(error)}). "
        return told + self.advice(checkpoints.newest_finite(self.manager))

    def close(self):
        """Closes the TensorBoard files and writes the page for the last time."""
        with writing_to(self.workdir):  # what was not written yet is written now
            self.writer.close()
            self.test_writer.close()
        if self.page:
            self.page(True)

    def add(self, logs, slopes, count):
        """Keeps the logs of some iterations for the next points.

        Args:
            logs: means by tag over the iterations, floats.
            slopes: of the last critic step [batch_size]; [0] without gradient penalty.
            count: number of iterations.
        """
        self.pending.append((logs, count))
        self.slopes = slopes
        if self.evidence:
            self.evidence.keep()

    def log(self, iteration):
        """Writes the means since the last point, the held-out loss, the slopes of the last critic step, the readings.

        The readings take the means since the last call of `log`, so that they do not depend on `log_losses`.

        Raises:
            DivergedError: the held-out loss is not finite.
        """
        values = {"critic/test_loss": self.held_out_loss(iteration)}
        self.refuse_divergence(values, iteration)
        if self.readings:
            values |= self.readings({**summaries.means(self.pending), **values}, self.slopes)
        with writing_to(self.workdir):
            summaries.write_scalars(self.test_writer, {"critic/loss": values["critic/test_loss"]}, iteration)
            self.test_writer.flush()
            self._raise_alarms(values, iteration)
        self._write_point(values, iteration)
        self.pending, self.written = [], 0

    def log_losses(self, iteration):
        """Writes a point as `log` does, without the held-out loss and the readings, which take time.

        It writes nothing where there is nothing new since the last point.
        """
        if len(self.pending) > self.written:
            self._write_point({}, iteration)

    def _write_point(self, values, iteration):
        """Writes some values beside the means, the speed and the slopes since the last point."""
        new = self.pending[self.written :]
        scalars = summaries.means(new) | values
        scalars["train/learning_rate"] = float(self.trainer.critic_update.optimizer.learning_rate.numpy())
        scalars["train/iterations_per_second"] = sum(count for _, count in new) / (self.clock() - self.since)
        with writing_to(self.workdir):
            summaries.write_scalars(self.writer, scalars, iteration)
            if len(self.slopes):
                summaries.write_histogram(self.writer, "critic/slopes", self.slopes, iteration)
            self.writer.flush()
        self.written, self.since = len(self.pending), self.clock()

    def _raise_alarms(self, values, iteration):
        for line in self.alarms.read(values, iteration) if self.alarms else ():
            summaries.write_text(self.writer, "alarms", line, iteration)

    def sample(self, iteration):
        """Writes a grid of samples, and one of interpolations between some of them."""
        samples, scalars = self.grids.samples(), {}
        if self.watch:
            of_sources = self.grids.sources is not None
            new = samples.reshape(GRID, GRID, *samples.shape[1:])[:, 1:] if of_sources else samples[None]
            scalars = self.watch(new)
        grid = summaries.image_grid(samples, GRID)
        arcs = summaries.image_grid(self.grids.interpolations(), GRID)
        with writing_to(self.workdir):
            summaries.write_scalars(self.writer, scalars, iteration)
            self._raise_alarms(scalars, iteration)
            for folder, image in ((SAMPLES, grid), (INTERPOLATIONS, arcs)):
                summaries.write_images(self.writer, folder, image, iteration)
                summaries.write_png(os.path.join(self.workdir, folder, f"{iteration:06d}.png"), image)

    def save(self, iteration):
        """Writes a checkpoint and the page, unless the newest checkpoint is of this iteration.

        Raises:
            DivergedError: a weight, or a value of an optimizer, is not finite. Nothing is written then.
        """
        self.refuse_divergence(self._not_finite(), iteration)
        with writing_to(self.workdir):
            saved = checkpoints.save(self.manager, iteration)
        if saved and self.page:
            self.page(False)

    def evaluate(self, iteration):
        """Scores the generator, writes scores and pictures, and saves a checkpoint in `best/` if it is the best.

        Raises:
            DivergedError: as `save`.
        """
        self.refuse_divergence(self._not_finite(), iteration)
        scalars, pictures, is_best = self.score(iteration)
        with writing_to(self.workdir):
            if is_best:
                checkpoints.save(self.best, iteration)
            summaries.write_scalars(self.writer, scalars, iteration)
            for tag, picture in pictures.items():
                summaries.write_images(self.writer, tag, picture, iteration)
            self.writer.flush()


class Follower:
    """The `Recorder` of all processes but the chief: it writes nothing.

    All processes compute the held-out loss together, so that it takes part in that.

    Args:
        held_out_loss: as in `Recorder`.
    """

    def __init__(self, held_out_loss):
        self.held_out_loss = held_out_loss

    def log(self, iteration):
        """Computes this process's share of the held-out loss."""
        self.held_out_loss(iteration)

    def log_losses(self, iteration):
        """Does nothing."""

    def refuse_divergence(self, values, iteration):
        """As that of `Recorder`, without the advice: only the chief knows the checkpoints."""
        refuse_divergence(values, iteration, lambda: "The first process says how to go on")

    def add(self, logs, slopes, count):
        """Does nothing."""

    def sample(self, iteration):
        """Does nothing."""

    def evaluate(self, iteration):
        """Does nothing."""

    def save(self, iteration):
        """Does nothing."""

    def close(self):
        """Does nothing."""
