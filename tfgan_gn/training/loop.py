"""When to log, sample, score, save and stop."""

import tensorflow as tf
from tqdm import tqdm

from tfgan_gn.training.recorder import refuse_divergence

SECONDS_PER_CALL = 2.0  # iterations run on the device in one go, so that Ctrl-C and the progress line answer soon


def fit(
    trainer,
    batches,
    recorder,
    *,
    iterations,
    log_every,
    sample_every,
    checkpoint_every,
    eval_every=0,
    clock,
    stop,
    agree=lambda count, stop: (count, stop),
):
    """Trains until `iterations` or until asked to stop; logs, samples, scores and saves on the way.

    Each of the four happens at multiples of its period and after the last iteration; all but scoring after the first.

    Args:
        trainer: `Trainer`, at the iteration to go on from.
        batches: iterator over distributed training batches.
        recorder: `Recorder`.
        iterations: where to stop, counted from the run's first.
        log_every: iterations between TensorBoard points.
        sample_every: iterations between sample grids.
        checkpoint_every: iterations between checkpoints.
        eval_every: iterations between scores; 0 for none.
        clock: function that returns seconds.
        stop: function that returns something true when it is time to stop; a checkpoint is saved then.
        agree: of `strategies.make_agree`.

    Returns:
        Whether all iterations were done.

    Raises:
        UserError: a loss that is not finite, or a disk that cannot be written to.
    """
    done, seconds_each = int(trainer.iteration.numpy()), SECONDS_PER_CALL
    actions = [  # period, whether after the first iteration too, what
        (log_every, True, recorder.log),
        (sample_every, True, recorder.sample),
        (checkpoint_every, True, recorder.save),
    ]
    if eval_every:
        actions.insert(2, (eval_every, False, recorder.evaluate))
    with tqdm(total=iterations, initial=done, unit="it", disable=None, dynamic_ncols=True) as bar:
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
            if done == 1:
                logs = {tag: value for tag, value in logs.items() if not tag.startswith("generator/")}  # had no step
            refuse_divergence(logs, done, recorder.newest())
            recorder.add(logs, slopes, count)
            bar.update(count)
            bar.set_postfix_str(" ".join(f"{tag}={value:.3f}" for tag, value in logs.items()))
            for period, first_too, action in actions:
                if done % period == 0 or done == iterations or (done == 1 and first_too):
                    action(done)
    recorder.save(done)
    recorder.close()
    return done == iterations
