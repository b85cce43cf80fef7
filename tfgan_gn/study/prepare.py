"""Before and around training: what is refused, the lock of the folder, the threads of each worker, the stop."""

import os
import signal

import tensorflow as tf

from tfgan_gn import guards
from tfgan_gn.errors import UserError
from tfgan_gn.files.cache_folder import cache_folder
from tfgan_gn.files.lock import only_one
from tfgan_gn.runs import checks, run_data
from tfgan_gn.runs.about import say
from tfgan_gn.runs.recording import scoring_settings
from tfgan_gn.scoring import extractors, images, reference
from tfgan_gn.settings.scoring import EvalConfig
from tfgan_gn.study import runner
from tfgan_gn.study.trials import refuse_other_scorer

LOCK_PATIENCE = 300  # seconds in which the workers of a study that was killed end: they may be tracing


def refuse_impossible(trials, found):
    """Builds the networks of every arm once, loads the data and the scorer: what fails does so before any training.

    The statistics of the real images are computed here too, so that the workers find them in the cache.

    Args:
        trials: list of `trials.Trial` to be trained.
        found: dict of `trials.read_results`.

    Raises:
        UserError: an arm cannot be built, the data or the scorer are missing, or results are of another scorer.
    """
    tf.config.set_visible_devices([], "GPU")  # they are for the workers
    for arm, config in {trial.arm.name: trial.config for trial in trials}.items():
        try:
            checks.refuse_impossible_networks(config)
        except UserError as error:
            raise UserError(f"arm {arm}: {error}") from None
    config = trials[0].config  # the arms share data and scorer
    extractor = extractors.load_extractor(config.scorer, config.cache_dir)
    refuse_other_scorer(found, extractor.weights_sha256)
    dataset = run_data.load_data(config)
    batch_size = scoring_settings(EvalConfig(), extrapolate=False).batch_size
    for split in ("train", "test"):
        real = images.of_split(dataset, split)
        reference.of_images(real, extractor, batch_size, cache_folder(config.cache_dir), say)


def train(trials, out, workers, pictures=()):
    """Trains trials until all have a result or a signal asks to stop.

    Args:
        trials: list of `trials.Trial` without a result.
        out: folder of the study; it is made.
        workers: number of trials side by side.
        pictures: names of the trials that write a picture of samples.

    Returns:
        The exit code: 0, or 128 + signal number.

    Raises:
        UserError: another study trains in the folder, or it cannot be written to.
    """
    threads = max(1, (os.cpu_count() or 1) // workers) if workers > 1 else 0
    with guards.writing_to(out, "another --out"):
        os.makedirs(out, exist_ok=True)
    # The workers hold the lock too, so that none of them is left when another study starts.
    busy = f"trains a study in {out}: wait for it, or give another --out"
    with (
        guards.writing_to(out, "another --out"),
        only_one(out, busy, LOCK_PATIENCE, say) as lock,
        guards.stop_requests(say) as stop,
    ):
        finished = runner.train_all(
            trials, out, workers=workers, pictures=pictures, threads=threads, hold=lock, stop=stop
        )
        if not finished:
            say("stopped; the same command goes on")
            return 128 + (stop() or signal.SIGTERM)
    return 0
