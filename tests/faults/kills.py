"""Kills a run at random moments until it is done, and compares it with one that was not killed.

    python tests/faults/kills.py OUT.json --count=20

The run trains on two virtual devices, with shuffled images, an averaged generator and scores on the way. A process is
killed when it has used as much CPU time as was drawn, from the half of what the run needs until its first checkpoint,
up to what all of the run needs. The same command then resumes the run. When it is done, the last checkpoint, the best
one and all scores must be those of the run that was not killed, to the last bit, and a new run begins until there were
as many kills as asked for. OUT.json has a row for each process.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).parents[2]), str(pathlib.Path(__file__).parent)]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from forked import HUNG, run_forked

SECONDS = 1200  # of one process
FLAGS = {
    "dataset": "npz",
    "data_dir": "images.npz",
    "cache_dir": "cache",
    "architecture": "simple_cnn",
    "norm": "none",
    "image_size": 16,
    "width": 4,
    "z_dim": 4,
    "batch_size": 8,
    "n_critic": 2,
    "ema": 0.9,
    "learning_rate": 1e-3,
    "iterations": 60,
    "log_every": 7,
    "sample_every": 15,
    "checkpoint_every": 5,
    "eval_every": 20,
    "eval_images": 40,
    "scorer": "cifar10net",
    "test_batches": 1,
}


def train(workdir):
    """Trains on two virtual devices, as the command does. Returns the exit code."""
    import tensorflow as tf

    import train_cifar
    from tfgan_gn.training import strategies

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategies.STRATEGIES["mirrored"] = lambda wait, say: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    flags = {**FLAGS, "strategy": "mirrored", "workdir": workdir}
    return train_cifar.main(["train_cifar.py", *(f"--{name}={value}" for name, value in flags.items())])


def write_state(workdir, out):
    """Writes hashes of a run's newest and best checkpoint by the names of their variables, and its scores."""
    import tensorflow as tf

    state = {}
    for kind in ("checkpoints", "best"):
        reader = tf.train.load_checkpoint(os.path.join(workdir, kind))
        for name in sorted(reader.get_variable_to_shape_map()):
            if not name.startswith(("_CHECKPOINTABLE", "save_counter")):
                value = np.asarray(reader.get_tensor(name))
                state[f"{kind}/{name}"] = hashlib.sha256(value.tobytes()).hexdigest()
    for path in pathlib.Path(workdir, "scores").iterdir():
        state[f"scores/{path.stem}"] = json.loads(path.read_text())["scores"]
    pathlib.Path(out).write_text(json.dumps(state))


def cpu_seconds(process):
    """The CPU time that a process has used, its threads included."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Runs:
    """Runs in a folder, each in processes one after the other.

    Args:
        folder: of all runs.
    """

    def __init__(self, folder):
        self.folder, self.rows = folder, []
        images = np.random.default_rng(0).integers(0, 256, (48, 16, 16, 3), np.uint8)
        np.savez(folder / "images.npz", images=images)

    def process(self, workdir, kill=lambda process: False):
        """Runs or resumes a run in a process of its own, which is killed when `kill` is true. Returns its exit code."""
        log = self.folder / "log"
        code = run_forked(lambda: train(workdir), self.folder, log, SECONDS, kill)
        if code not in (0, -9):
            sys.exit(f"{'a process hung' if code == HUNG else f'exit code {code}'}: {log.read_text()[-2000:]}")
        files = [path.name for path in (self.folder / workdir).rglob("*")]
        saved = [int(name[10:-6]) for name in files if name.startswith("iteration-") and name.endswith(".index")]
        unfinished = [name for name in files if name.endswith(("_temp", ".tmp"))]
        self.rows.append({"run": workdir, "code": code, "saved": max(saved, default=0), "unfinished": unfinished})
        return code

    def state(self, workdir):
        """What `write_state` writes of a run."""
        out, log = self.folder / "state.json", self.folder / "log"
        if run_forked(lambda: write_state(workdir, out), self.folder, log, SECONDS):
            sys.exit(log.read_text())
        return json.loads(out.read_text())


def measure(runs, workdir):
    """Runs without a kill. Returns the CPU seconds until its first checkpoint, and until its end."""
    seconds = {}

    def note(process):
        seconds["end"] = cpu_seconds(process)
        if (runs.folder / workdir / "checkpoints" / "checkpoint").exists():
            seconds.setdefault("first", seconds["end"])
        return False

    runs.process(workdir, note)
    return seconds["first"], seconds["end"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="JSON to write")
    parser.add_argument("--count", type=int, default=20, help="kills [20]")
    parser.add_argument("--seed", type=int, default=0, help="of the moments [0]")
    arguments = parser.parse_args()
    # Once, before processes are forked.
    import tfgan_gn.runs.train  # noqa: F401
    import train_cifar  # noqa: F401

    rng, kills, number, wrong = random.Random(arguments.seed), 0, 0, []
    with tempfile.TemporaryDirectory() as name:
        runs = Runs(pathlib.Path(name))
        first, end = measure(runs, "whole")
        expected = runs.state("whole")
        sys.stdout.write(f"the run takes {end:.1f} s of CPU, {first:.1f} s until its first checkpoint\n")
        while kills < arguments.count:
            number += 1
            workdir = f"killed-{number}"
            while True:
                moment = rng.uniform(first / 2, end) if kills < arguments.count else float("inf")
                if runs.process(workdir, lambda process, moment=moment: cpu_seconds(process) >= moment) == 0:
                    break
                kills += 1
                row = runs.rows[-1]
                sys.stdout.write(f"kill {kills} after {moment:.1f} s, iteration {row['saved']} was saved\n")
                sys.stdout.flush()
            state = runs.state(workdir)
            unequal = [f"{workdir}: {key}" for key in {*expected, *state} if expected.get(key) != state.get(key)]
            sys.stdout.write(f"{workdir}: {len(unequal)} of {len(expected)} values are not equal\n")
            sys.stdout.flush()
            wrong += unequal
            pathlib.Path(arguments.out).write_text(json.dumps({"wrong": wrong, "rows": runs.rows}, indent=1))
        rows = runs.rows
    unfinished = sum(bool(row["unfinished"]) for row in rows)
    sys.stdout.write(f"{kills} kills in {number} runs, {unfinished} with half-written files; {len(expected)} values\n")
    sys.stdout.write(f"not equal: {', '.join(sorted(wrong)[:10])}\n" if wrong else "all equal\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
