"""The training loop: when to log, sample, score, save and stop."""

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfgan_gn.progress import progress_bar

# One call of `Trainer.train` takes about this long, so that Ctrl-C and the progress bar respond quickly.
SECONDS_PER_CALL = 2.0
# In the first BEGINNING iterations there is a point each LOG_AT_FIRST, so that a run of two minutes has a curve. These
# points have no held-out loss: each ten iterations, it would make training 14 % slower with the 10 batches of the
# default, and about three times slower with all 10,000 test images, as --protocol=author has them.
BEGINNING, LOG_AT_FIRST = 500, 10
# The rate of the first minute says how long the run will take.
SECONDS_OF_ESTIMATE, DAY = 60.0, 86_400.0


class Periods(NamedTuple):
    """How often a run does each of these, in iterations.

    Attributes:
        log: between TensorBoard points. At the beginning there are more, without the held-out loss: see BEGINNING.
        sample: between sample grids.
        save: between checkpoints.
        score: between scores; 0 for no scores.
    """

    log: int
    sample: int
    save: int
    score: int = 0


class _Action(NamedTuple):
    """What the loop does at multiples of a period and after the last iteration.

    Attributes:
        period: in iterations.
        act: function of the number of iterations done.
        first_too: whether also after the first iteration.
        until: the last multiple.
    """

    period: int
    act: Callable[[int], None]
    first_too: bool = True
    until: float = math.inf

    def next_after(self, done):
        """The next multiple; infinity after the last one."""
        following = (done // self.period + 1) * self.period
        return following if following <= self.until else math.inf

    def is_due(self, done, iterations):
        """Whether to act when `done` of the run's `iterations` are done."""
        return self.next_after(done - 1) == done or done == iterations or (self.first_too and done == 1)


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
    samples and saves after the first iteration, and logs losses more often at the beginning.

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
    actions = [
        _Action(periods.log, recorder.log),
        _Action(periods.sample, recorder.sample),
        _Action(periods.save, recorder.save),
    ]
    if periods.score:
        actions.insert(2, _Action(periods.score, recorder.evaluate, first_too=False))
    if periods.log > LOG_AT_FIRST:  # after `log`, which leaves it nothing to write
        actions.insert(1, _Action(LOG_AT_FIRST, recorder.log_losses, until=BEGINNING))
    estimate = _Estimate(iterations, clock, say)
    with progress_bar(total=iterations, initial=done, unit="it") as bar:
        while done < iterations:
            event = min(iterations, *(action.next_after(done) for action in actions)) if done else 1
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
            for action in actions:
                if action.is_due(done, iterations):
                    action.act(done)
    recorder.save(done)
    recorder.close()
    return done == iterations


class _Estimate:
    """Says once, after about a minute, how long the run will take, if that is more than a day.

    The first two calls do not count: they trace the steps, and XLA compiles them. Iteration 0 may have no generator
    step, which then comes with the second call.
    """

    def __init__(self, iterations, clock, say):
        self.iterations, self.clock, self.say = iterations, clock, say
        self.calls_left_out, self.first, self.since = 2, None, None

    def update(self, done):
        """Takes note that a call ended with `done` iterations, and says it if it is time to."""
        if self.calls_left_out:
            self.calls_left_out, self.first, self.since = self.calls_left_out - 1, done, self.clock()
            return
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
