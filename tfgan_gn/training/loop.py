"""The training loop: when to log, sample, score, save and stop."""

from typing import NamedTuple

import tensorflow as tf

from tfgan_gn.progress import progress_bar

# One call of `Trainer.train` takes about this long, so that Ctrl-C and the progress bar respond quickly.
SECONDS_PER_CALL = 2.0
# The rate of the first minute says how long the run will take.
SECONDS_OF_ESTIMATE, DAY = 60.0, 86_400.0


class Periods(NamedTuple):
    """How often a run does each of these, in iterations.

    Attributes:
        log: between TensorBoard points.
        sample: between sample grids.
        save: between checkpoints.
        score: between scores; 0 for no scores.
    """

    log: int
    sample: int
    save: int
    score: int = 0


def fit(
    trainer,
    batches,
    recorder,
    *,
    iterations,
    periods,
    clock,
    stop,
    say,
    agree=lambda count, stop: (count, stop),
    progress=lambda iteration: None,
):
    """Trains until the run has `iterations` iterations, or until it is asked to stop.

    It logs, samples, scores and saves at multiples of the four `periods` and after the last iteration. It also logs,
    samples and saves after the first iteration.

    Args:
        trainer: `Trainer`, at the iteration where training starts or resumes.
        batches: iterator over distributed training batches.
        recorder: `Recorder` or `Follower`.
        iterations: length of the whole run, with the iterations before a resume.
        periods: `Periods`.
        clock: function that returns the time in seconds.
        stop: function that returns a true value to ask for a stop. A checkpoint is saved then.
        say: function that prints a line.
        agree: function of `strategies.make_agree`; the default is for one process.
        progress: function that is told the number of iterations done, about every SECONDS_PER_CALL.

    Returns:
        Whether the run is complete.

    Raises:
        DivergedError: a loss, a weight or a value of an optimizer is not finite.
        UserError: the run folder cannot be written to.
    """
    done, seconds_each = int(trainer.iteration.numpy()), SECONDS_PER_CALL
    actions = [  # (period, whether also after the first iteration, what to do)
        (periods.log, True, recorder.log),
        (periods.sample, True, recorder.sample),
        (periods.save, True, recorder.save),
    ]
    if periods.score:
        actions.insert(2, (periods.score, False, recorder.evaluate))
    estimate = _Estimate(done, iterations, clock, say)
    with progress_bar(total=iterations, initial=done, unit="it") as bar:
        while done < iterations:
            event = min([iterations] + [(done // period + 1) * period for period, *_ in actions]) if done else 1
            count = min(event - done, max(1, int(SECONDS_PER_CALL / seconds_each)))
            count, stopping = agree(count, stop())
            if stopping:
                break
            start = clock()
            logs, slopes = trainer.train(batches, tf.constant(count, tf.int64))
            logs = {tag: float(value) for tag, value in logs.items()}
            seconds_each = (clock() - start) / count
            done += count
            if done == 1 and not trainer.critic_first:
                # Iteration 0 has no generator step.
                logs = {tag: value for tag, value in logs.items() if not tag.startswith("generator/")}
            recorder.refuse_divergence(logs, done)
            recorder.add(logs, slopes, count)
            progress(done)
            bar.set_postfix_str(" ".join(f"{tag}={value:.3f}" for tag, value in logs.items()), refresh=False)
            bar.update(count)
            estimate.update(done)
            for period, first_too, action in actions:
                if done % period == 0 or done == iterations or (done == 1 and first_too):
                    action(done)
    recorder.save(done)
    recorder.close()
    return done == iterations


class _Estimate:
    """Says once, after a minute, how long the run will take, if that is more than a day."""

    def __init__(self, first, iterations, clock, say):
        self.first, self.iterations, self.clock, self.say = first, iterations, clock, say
        self.since = clock()

    def update(self, done):
        seconds = self.clock() - self.since
        if self.say is None or seconds < SECONDS_OF_ESTIMATE:
            return
        left = seconds / (done - self.first) * (self.iterations - done)
        if left > DAY:
            self.say(
                f"note: at this rate the run takes {left / DAY:.1f} days more. It takes less time with a smaller "
                "--width, --batch_size or --iterations, or on a GPU"
            )
        self.say = None
