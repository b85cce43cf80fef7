"""When to log, sample, save and stop; how to resume."""

import contextlib
import math
import os
import signal

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfgan_gn import summaries
from tfgan_gn.errors import UserError, first_line
from tfgan_gn.pixels import quantize

SECONDS_PER_CALL = 2.0  # iterations run on the device in one go, so that Ctrl-C and the progress line answer soon
GRID = 10  # rows and columns of the sample grid, as published
CHECKPOINT = "iteration"  # checkpoints are named iteration-N
FIXED_Z = -1  # the stream of its noise, apart from those of training


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
    checkpoint = tf.train.Checkpoint(
        generator=trainer.generator,
        critic=trainer.critic,
        generator_optimizer=trainer.generator_optimizer,
        critic_optimizer=trainer.critic_optimizer,
        iteration=trainer.iteration,
    )
    manager = tf.train.CheckpointManager(checkpoint, directory, max_to_keep=keep, checkpoint_name=CHECKPOINT)
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


@contextlib.contextmanager
def stop_requests():
    """Within it, Ctrl-C and SIGTERM ask to stop; a second one kills as usual.

    Yields:
        A function that returns the signal's number once one came, else None.
    """
    received = []

    def ask(number, _):
        received.append(number)
        signal.signal(number, previous[number])

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def writing_to(workdir):
    """Turns what a full or read-only disk raises into a UserError; only writes belong within it."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"cannot write to {workdir}: {first_line(error)}. What was saved before is still there: mend that, or give "
            "another --workdir, and run the same command again"
        ) from error


@contextlib.contextmanager
def fitting_in_memory():
    """Turns running out of memory into a UserError."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError(
            f"out of memory: {first_line(error)}. Give a smaller --batch_size, --width or --image_size; what was saved "
            "before is still there"
        ) from error


class Recorder:
    """Writes a run's TensorBoard points, sample grids and checkpoints.

    Args:
        trainer: `Trainer`.
        manager: of `restore`.
        workdir: run folder; `tensorboard/` and `samples/` in it are written.
        make_test_batches: function that makes an iterator over distributed held-out batches, the same each time.
        test_batches: how many of them `critic/test_loss` is the mean of.
        clock: function that returns seconds.
    """

    def __init__(self, trainer, manager, workdir, make_test_batches, test_batches, clock):
        self.trainer, self.manager, self.workdir = trainer, manager, workdir
        self.make_test_batches, self.test_batches = make_test_batches, test_batches
        self.clock, self.since, self.pending, self.slopes = clock, clock(), [], None
        with writing_to(workdir):
            os.makedirs(os.path.join(workdir, "samples"), exist_ok=True)
            self.writer = tf.summary.create_file_writer(os.path.join(workdir, "tensorboard"))
        z = tf.random.stateless_normal([GRID**2, trainer.z_dim], [trainer.seed, FIXED_Z], dtype=trainer.dtype)
        self.draw = tf.function(lambda: quantize(trainer.generator(z, training=True)))

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
        refuse_divergence(scalars, iteration, self.manager.latest_checkpoint)
        scalars["train/learning_rate"] = float(self.trainer.critic_optimizer.learning_rate.numpy())
        iterations = sum(count for _, count in self.pending)
        scalars["train/iterations_per_second"] = iterations / (self.clock() - self.since)
        with writing_to(self.workdir):
            summaries.write_scalars(self.writer, scalars, iteration)
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
        newest = self.manager.latest_checkpoint
        if newest is None or os.path.basename(newest) != f"{CHECKPOINT}-{iteration}":
            with writing_to(self.workdir):
                self.manager.save(checkpoint_number=iteration)


def fit(trainer, batches, recorder, *, iterations, log_every, sample_every, checkpoint_every, clock, stop):
    """Trains until `iterations` or until asked to stop; logs, samples and saves on the way.

    Each of the three happens at multiples of its period, after the first iteration and after the last.

    Args:
        trainer: `Trainer`, at the iteration to go on from.
        batches: iterator over distributed training batches.
        recorder: `Recorder`.
        iterations: where to stop, counted from the run's first.
        log_every: iterations between TensorBoard points.
        sample_every: iterations between sample grids.
        checkpoint_every: iterations between checkpoints.
        clock: function that returns seconds.
        stop: function that returns something true when it is time to stop; a checkpoint is saved then.

    Raises:
        UserError: a loss that is not finite, or a disk that cannot be written to.
    """
    done, seconds_each = int(trainer.iteration.numpy()), SECONDS_PER_CALL
    actions = ((log_every, recorder.log), (sample_every, recorder.sample), (checkpoint_every, recorder.save))
    with tqdm(total=iterations, initial=done, unit="it", disable=None, dynamic_ncols=True) as bar:
        while done < iterations and not stop():
            event = min([iterations] + [(done // period + 1) * period for period, _ in actions]) if done else 1
            count = min(event - done, max(1, int(SECONDS_PER_CALL / seconds_each)))
            start = clock()
            logs, slopes = trainer.train(batches, tf.constant(count, tf.int64))
            logs = {tag: float(value) for tag, value in logs.items()}
            seconds_each = (clock() - start) / count
            done += count
            if done == 1:
                del logs["generator/loss"]  # iteration 0 has no generator step
            refuse_divergence(logs, done, recorder.manager.latest_checkpoint)
            recorder.add(logs, slopes, count)
            bar.update(count)
            bar.set_postfix_str(" ".join(f"{tag}={value:.3f}" for tag, value in logs.items()))
            for period, action in actions:
                if done % period == 0 or done in (1, iterations):
                    action(done)
    recorder.save(done)
    recorder.writer.close()


def refuse_divergence(logs, iteration, checkpoint):
    """Raises UserError where a value of `logs`, a dict by tag, is not finite; names the checkpoint that stays."""
    for tag, value in logs.items():
        if not math.isfinite(value):
            raise UserError(
                f"{tag} is {value} at iteration {iteration}: the run diverged. Nothing more is saved; "
                f"{checkpoint or 'no checkpoint'} stays. Try a lower --learning_rate or a higher --gp_weight in "
                "another --workdir"
            )
