"""Trains the trials of a study that have no result yet, some side by side, each in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

from tfgan_gn.runs.about import say
from tfgan_gn.study.cost import Cost
from tfgan_gn.study.trials import CRASHED, result_path, write_result

POLL = 0.2  # seconds between two looks at the workers
PATIENCE = 300  # seconds that a worker has to save its checkpoint when it is asked to stop: it may be tracing


class Worker:
    """The process that trains one trial.

    Args:
        trial: `trials.Trial`.
        out: folder of the study.
        picture: whether it writes a PNG of samples beside its result.
        threads: for one operation; 0 for TensorFlow's choice.
        hold: file descriptor that the process keeps open, for the lock of the study.
    """

    def __init__(self, trial, out, picture, threads, hold):
        self.trial, self.result, self.iteration = trial, result_path(out, trial), 0
        self.log = f"{trial.config.workdir}.log"
        for path in (self.log, self.result):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.result)  # of an earlier crash
        task = {
            "arm": trial.arm._asdict(),
            "seed": trial.seed,
            "flags": trial.flags,
            "result": self.result,
            "picture": f"{self.result.removesuffix('.json')}.png" if picture else "",
            "threads": threads,
        }
        limits = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"), str(threads)) if threads else {}
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tfgan_gn.study.worker", json.dumps(task)],
                stdin=subprocess.PIPE,  # closed when this process ends, whatever ends it
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**limits, **os.environ},
                start_new_session=True,  # Ctrl-C is for the study, which asks its workers
                pass_fds=[hold],
            )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self.iteration = int(line)

    def last_line(self):
        """The last line that it wrote to its log."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return ([line.strip() for line in log if line.strip()] or ["no message"])[-1][:500]


def train_all(trials, out, *, workers, pictures, threads, hold, stop, clock=time.monotonic):
    """Trains trials, in order, and writes their results; a trial that crashes has a result that says so.

    Args:
        trials: list of `trials.Trial` without a result.
        out: folder of the study.
        workers: number of processes side by side.
        pictures: the names of the trials that write a picture of samples.
        threads: as in `Worker`.
        hold: as in `Worker`.
        stop: function that returns a true value to ask for a stop.
        clock: function that returns the time in seconds.

    Returns:
        Whether all are done; else it was asked to stop, and the same call goes on.
    """
    waiting, running, cost = list(trials), [], Cost(trials, workers, clock)
    say(cost.before())
    try:
        while (waiting or running) and not stop():
            while waiting and len(running) < workers:
                trial = waiting.pop(0)
                running.append(Worker(trial, out, trial.name in pictures, threads, hold))
                cost.start(trial)
            time.sleep(POLL)
            for worker in list(running):
                cost.at(worker.trial, worker.iteration)
                if worker.process.poll() is not None and not stop():
                    running.remove(worker)
                    _finish(worker)
                    cost.end(worker.trial)
            line = cost.line()
            if line:
                say(line)
    finally:
        _stop(running)
    return not waiting and not running


def _finish(worker):
    """Says how a trial ended, and writes the result of one that crashed."""
    code = worker.process.returncode
    if os.path.exists(worker.result):
        return
    reason = f"exit code {code}: {worker.last_line()}" if code >= 0 else f"ended by signal {-code}"
    write_result(worker.result, worker.trial, {"status": CRASHED, "reason": reason})
    say(f"{worker.trial.name} crashed, {reason} (see {worker.log})")


def _stop(running):
    """Asks workers to save a checkpoint and to end, and waits for them."""
    for worker in running:
        worker.process.send_signal(signal.SIGTERM)
    for worker in running:
        try:
            worker.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            worker.process.kill()
