"""A tiny run of many iterations: does its memory grow, is anything traced again, how many files does it leave?

    python tests/faults/long_run.py OUT.json --iterations=100000 --folder=/tmp/long_run

It logs every 1,000 iterations, saves every 2,000, samples every 5,000, and does not score. OUT.json has the memory of
the process (resident set) and the number of traces along the run, and the files of the run folder by their kind. It
passes if the memory after the first thousand iterations grows by less than 5 % until the end, if nothing is traced
again, and if the run folder has the files that the periods say.
"""

import argparse
import collections
import functools
import json
import os
import pathlib
import resource
import sys
import time
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

EVERY = 1000
KEPT = 3  # checkpoints
FLAGS = {
    "dataset": "shapes",
    "architecture": "simple_cnn",
    "norm": "none",
    "image_size": 8,
    "width": 2,
    "z_dim": 2,
    "batch_size": 2,
    "n_critic": 1,
    "ema": 0.99,
    "learning_rate": 1e-5,
    "lr_decay": "none",
    "strategy": "one_device",
    "test_batches": 1,
    "log_every": EVERY,
    "sample_every": 5 * EVERY,
    "checkpoint_every": 2 * EVERY,
    "keep_checkpoints": KEPT,
    "eval_every": 0,
}
MOST_GROWTH = 0.05


def resident_bytes():
    """The memory of this process now."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def watched(fit, rows):
    """`loop.fit`, which adds a row to a list about once in each thousand iterations."""

    @functools.wraps(fit)
    def fit_and_watch(trainer, batches, recorder, *, progress, **others):
        def told(done):
            progress(done)
            if done // EVERY > (rows[-1]["iteration"] // EVERY if rows else -1):
                traces = {
                    name: getattr(trainer, name).experimental_get_tracing_count() for name in ("train", "evaluate")
                }
                rows.append({"iteration": done, "bytes": resident_bytes(), "cpu": time.process_time(), **traces})

        return fit(trainer, batches, recorder, progress=told, **others)

    return fit_and_watch


def files_of(folder):
    """The files of a run folder: {the folder that they are in: (number, bytes)}."""
    found = collections.defaultdict(lambda: (0, 0))
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            part = path.relative_to(folder).parts[0] if path.parent != folder else path.name
            found[part] = (found[part][0] + 1, found[part][1] + path.stat().st_size)
    return dict(found)


def wrong_with(rows, files, iterations):
    """What is wrong with a run: list of text, empty if nothing is."""
    wrong = []
    growth = rows[-1]["bytes"] / rows[1]["bytes"] - 1
    if growth >= MOST_GROWTH:
        wrong.append(f"memory grew by {growth:.1%}")
    for name in ("train", "evaluate"):
        if rows[-1][name] != rows[1][name]:
            wrong.append(f"{name} was traced {rows[-1][name]} times")
    grids = 1 + -(-iterations // FLAGS["sample_every"])  # the first and the last iteration have one too
    expected = {"samples": grids, "interpolations": grids, "checkpoints": 1 + 2 * KEPT, "train": 1, "test": 1}
    for part, number in expected.items():
        if files.get(part, (0, 0))[0] != number:
            wrong.append(f"{files.get(part, (0, 0))[0]} files in {part}, not {number}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="JSON to write")
    parser.add_argument("--iterations", type=int, default=100_000, help="a multiple of 2,000 [100000]")
    parser.add_argument("--folder", default="/tmp/long_run", help="for the run, which must be new [/tmp/long_run]")
    arguments = parser.parse_args()
    folder, rows = pathlib.Path(arguments.folder), []
    if folder.exists():
        sys.exit(f"{folder} exists: delete it, or give another --folder")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import train_cifar
    from tfgan_gn.training import loop

    flags = FLAGS | {"iterations": arguments.iterations, "workdir": folder}
    with mock.patch.object(loop, "fit", watched(loop.fit, rows)):
        code = train_cifar.main(["train_cifar.py", *(f"--{name}={value}" for name, value in flags.items())])
    if code:
        sys.exit(code)
    files = files_of(folder)
    wrong = wrong_with(rows, files, arguments.iterations)
    pathlib.Path(arguments.out).write_text(json.dumps({"wrong": wrong, "files": files, "rows": rows}, indent=1))
    first, last = rows[1]["bytes"], rows[-1]["bytes"]
    sys.stdout.write(f"{first / 2**20:.1f} MiB after {rows[1]['iteration']} iterations, {last / 2**20:.1f} at last\n")
    sys.stdout.write(f"files (number, bytes): {files}\n{'; '.join(wrong) or 'passed'}\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
