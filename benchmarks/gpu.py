"""Measures what a GPU is worth for training, and whether it computes what a CPU does, in about ten minutes.

    python benchmarks/gpu.py --json=gpu.json     # on a machine with a GPU
    python benchmarks/gpu.py --toy               # the same at a tiny size, on any machine

It writes a page in Markdown for docs/performance.md, and with --json all numbers:

- the device and the versions;
- the errors against the published code's numbers, in float32 without TensorFloat-32, which must be below 1e-4 of the
  largest value, and with it;
- the tables of `step.py` in float32 (with TensorFloat-32, where the GPU has it) and bfloat16, with and without XLA,
  beside the straightforward graph and PyTorch, and the peak of the GPU's memory;
- a run of `train_cifar.py --jit`, with its input pipeline, and the share of the time in which it waits for data;
- whether a run with --deterministic, without XLA, that was resumed has the weights of the whole run, to the last bit.

The exit code is 1 if a check fails or a part ends with an error, which the page then shows.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from step import PARTS, Worker, table
from variants import COLUMNS, Settings

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
TOLERANCE = 1e-4  # of float32 without TensorFloat-32, relative to the largest value
ROWS = (  # column, precision, whether compiled with XLA
    *(("group 32", precision, jit) for precision in ("float32", "bfloat16") for jit in (False, True)),
    *(
        (column, precision, False)
        for column in ("straightforward", "torch, NHWC", "torch, compiled")
        for precision in ("float32", "bfloat16")
    ),
)


class Size(NamedTuple):
    """How much is measured.

    Attributes:
        rows: of ROWS.
        step: width, batch_size and n_critic of the steps.
        repeats: rounds of the steps, and of the comparison of inputs.
        settings: of the runs of the command.
        iterations: of the run whose speed is measured; a multiple of 5.
        resumed: iterations of the run that is resumed half-way; even.
    """

    rows: tuple
    step: tuple
    repeats: int
    settings: dict
    iterations: int
    resumed: int


FULL = Size(ROWS, (128, 64, 5), 20, {"dataset": "shapes", "jit": True}, 500, 20)
TINY = {"architecture": "simple_cnn", "norm": "none", "width": 8, "batch_size": 8, "n_critic": 1}
TOY = Size(ROWS[:1], (32, 2, 1), 1, {"dataset": "shapes", "strategy": "one_device", **TINY}, 5, 2)


def parse(arguments):
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toy", action="store_true", help="a tiny size, to see on any machine that it runs")
    parser.add_argument("--no_steps", action="store_true", help="leave out the tables of step.py")
    parser.add_argument("--json", default="", help="file to write all numbers to")
    return parser.parse_args(arguments)


def ended(command):
    """The output of a process. Raises RuntimeError with its last lines if it fails."""
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {process.stderr[-2000:]}")
    return process.stdout


def part(name, **task):
    """What a part of gpu_parts.py returns."""
    command = [sys.executable, pathlib.Path(__file__).with_name("gpu_parts.py"), name, json.dumps(task)]
    return json.loads(ended(command).splitlines()[-1])


def steps(size):
    """The results of `step.py`, one row after the other: a GPU has no room for all of them at a time."""
    results = []
    for column, precision, jit in size.rows:
        if not COLUMNS[column].importable:
            sys.stderr.write(f"{column} is left out: PyTorch is not installed (pip install '.[bench]')\n")
            continue
        worker = Worker(column, Settings(*size.step, os.cpu_count(), precision, jit))
        for _ in range(size.repeats):
            worker.run_round()
        results.append(worker.result())
    return results


def train(workdir, size, iterations, **more):
    """Runs the command; returns its seconds."""
    flags = {**size.settings, "workdir": workdir, "iterations": iterations, "eval_every": 0, "test_batches": 1, **more}
    start = time.perf_counter()
    ended([sys.executable, "train_cifar.py", *(f"--{name}={value}" for name, value in flags.items())])
    return time.perf_counter() - start


def command(size, folder):
    """A run of the command: its seconds in all, and its iterations per second after the first points."""
    from tfgan_gn.run_page.points import PointReader

    every = size.iterations // 5
    seconds = train(folder / "run", size, size.iterations, log_every=every, sample_every=size.iterations)
    rates = PointReader(folder / "run").read()["train/iterations_per_second"].values
    return {"iterations": size.iterations, "seconds": seconds, "iterations_per_second": statistics.median(rates[2:])}


def resumed(size, folder):
    """Whether a run that goes on from its checkpoint half-way ends as the whole run, with --deterministic."""
    half = size.resumed // 2
    more = {"deterministic": True, "jit": False, "checkpoint_every": half, "lr_decay": "none"}
    whole, again = folder / "whole", folder / "again"
    train(whole, size, size.resumed, **more)
    shutil.copytree(whole, again)
    (again / "checkpoints" / "checkpoint").write_text(f'model_checkpoint_path: "iteration-{half}"\n')
    train(again, size, size.resumed, **more)
    return part("differences", folders=[str(each / "checkpoints") for each in (whole, again)])


def measure(size, with_steps, folder):
    """All parts, a dict; a part that ends with an error is {"error": its message}."""
    settings = {**size.settings, "iterations": size.iterations}
    parts = {
        "device": lambda: part("device"),
        "goldens": lambda: part("goldens"),
        "steps": lambda: steps(size) if with_steps else [],
        "command": lambda: command(size, folder),
        "waiting": lambda: part(
            "waiting", settings=settings, iterations=size.iterations // 5, repeats=min(size.repeats, 5)
        ),
        "resumed": lambda: resumed(size, folder),
    }
    found = {}
    for name, run in parts.items():
        start = time.perf_counter()
        try:
            found[name] = run()
        except (RuntimeError, OSError, LookupError, ValueError) as error:  # the other parts are worth having
            found[name] = {"error": str(error)}
        sys.stderr.write(f"{name}: {time.perf_counter() - start:.0f} s\n")
    return found


def failures(found):
    """What is wrong, a list of lines."""
    lines = [f"{name}: {value['error']}" for name, value in found.items() if "error" in value]
    for what, error in found["goldens"].get("float32", {}).items():
        if not error < TOLERANCE:
            lines.append(f"goldens: {what} is off by {error:.1e}, more than {TOLERANCE}")
    if found["resumed"].get("unequal"):
        lines.append(f"resumed: not equal to the last bit: {', '.join(found['resumed']['unequal'][:5])}")
    return lines


def page(found):
    """The results in Markdown."""
    lines = [f"Device: {json.dumps(found['device'])}", ""]
    if "float32" in found["goldens"]:
        lines += ["| error relative to the largest value | float32 | TensorFloat-32 |", "|---|---:|---:|"]
        without, with_it = found["goldens"]["float32"], found["goldens"]["TensorFloat-32"]
        lines += [f"| {what} | {without[what]:.1e} | {with_it[what]:.1e} |" for what in without] + [""]
    if isinstance(found["steps"], list):
        lines += [table(found["steps"], each) for each in PARTS if found["steps"]]
    if "seconds" in found["command"]:
        run = found["command"]
        lines.append(
            f"Command: {run['iterations']} iterations in {run['seconds']:.0f} s with start and export; "
            f"{run['iterations_per_second']:.2f} iterations per second."
        )
    if "share" in found["waiting"]:
        lines.append(f"Waiting for data: {found['waiting']['share']:.1%} of an iteration.")
    if "variables" in found["resumed"]:
        count = found["resumed"]["variables"]
        lines.append(f"Resumed: {count - len(found['resumed']['unequal'])} of {count} variables equal to the last bit.")
    return "\n".join(lines + [f"FAILED: {line}" for line in failures(found)]) + "\n"


def main(arguments):
    """Measures, writes the page and the file. Returns the exit code."""
    flags = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(TOY if flags.toy else FULL, not flags.no_steps, pathlib.Path(folder))
    sys.stdout.write(page(found))
    if flags.json:
        pathlib.Path(flags.json).write_text(json.dumps(found, indent=1) + "\n")
    return 1 if failures(found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
