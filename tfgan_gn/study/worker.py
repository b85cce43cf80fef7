"""One trial in a process of its own: trains it, scores it, writes its result.

A process for each trial costs some seconds to start TensorFlow. For that, a crash ends one trial and not the study, and
no trial can change the state of another.
"""

import contextlib
import functools
import json
import os
import signal
import sys
import threading

from tfgan_gn.errors import DivergedError
from tfgan_gn.settings import command_line
from tfgan_gn.settings.training import Config, make_config
from tfgan_gn.study.definition import Arm
from tfgan_gn.study.trials import DIVERGED, FINISHED, Trial, write_result


def work(trial, result, picture, threads):
    """Trains and scores a trial, and writes its result.

    Args:
        trial: Trial.
        result: path of the JSON file to write.
        picture: path of the PNG of samples to write; empty for none.
        threads: number of threads for one operation, which the result tells; 0 for TensorFlow's choice.

    Returns:
        The exit code of `runs.train.train`.
    """
    from tfgan_gn.guards import writing_to
    from tfgan_gn.runs import run_data
    from tfgan_gn.runs.train import train
    from tfgan_gn.study import scored

    def keep(**outcome):
        with writing_to(result, "another --out"):
            write_result(result, trial, {**outcome, "command": trial.command})

    load_data = functools.cache(run_data.load_data)  # once for training and for scoring
    try:
        code = train(trial.config, progress=_tell, load_data=load_data)
    except DivergedError as error:
        keep(status=DIVERGED, reason=str(error).partition(":")[0])
        return 0
    if code == 0:
        outcome = scored.outcome_of(trial.config, load_data(trial.config), picture)
        keep(status=FINISHED, threads=threads, **outcome)
    return code


def _tell(iteration):
    """Tells the study how far the trial is. Where the study is gone, the trial saves before it ends."""
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{iteration}\n")
        sys.stdout.flush()


def _stop_with_the_study():
    """Asks this process to stop as soon as the study is gone, which holds the other end of standard input."""

    def watch():
        while os.read(0, 1):  # not sys.stdin, whose lock would be held while Python ends
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main(argv):
    """Runs the trial that the one argument describes as JSON. Returns the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _stop_with_the_study()
    task = json.loads(argv[1])

    def command():
        config, _ = command_line.parse_arguments(["worker", *task["flags"]], Config, make_config)
        from tfgan_gn.guards import SMALLER_TRAINING, fitting_in_memory  # which imports TensorFlow

        with fitting_in_memory(SMALLER_TRAINING):
            trial = Trial(Arm(**task["arm"]), task["seed"], config)
            return work(trial, task["result"], task["picture"], task["threads"])

    return command_line.run(command, "trial", "interrupted")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
