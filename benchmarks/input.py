"""How fast the input pipeline is, beside what the training step takes from it.

    python benchmarks/input.py
    python benchmarks/input.py --step_images_per_second=35 --json=input.json

A row for each place that images may be in: memory, and a file that is mapped, both with labels, shuffled, through
`train_batches`. Reported is the median over the repeats, which alternate between the places, and its ratio to the
images that a critic update takes in its time: of the published critic with group norm, measured here in the same
process (`variants.py`) or given by the flag. Below 20 the pipeline would be worth work.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np
from variants import COLUMNS, Settings, make_steps

from tfgan_gn.data.batches import train_batches

TARGET = 20  # times what the step takes, so that a step as much faster on a GPU still never waits


def parse(arguments):
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000, help="in the data set")
    parser.add_argument("--image_size", type=int, default=32)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--batches", type=int, default=2000, help="in a repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--step_images_per_second", type=float, default=0, help="0 to measure a critic update")
    parser.add_argument("--width", type=int, default=128, help="of the critic that is measured")
    parser.add_argument("--threads", type=int, default=2, help="of its TensorFlow")
    parser.add_argument("--json", default="", help="a file for all numbers")
    return parser.parse_args(arguments)


def places(folder, flags):
    """The same images in memory and mapped from a file, and their labels."""
    rng = np.random.default_rng(0)
    size = (flags.images, flags.image_size, flags.image_size, 3)
    images = rng.integers(0, 256, size, dtype=np.uint8)
    path = os.path.join(folder, "images.npy")
    np.save(path, images)
    return {"in memory": images, "mapped": np.load(path, mmap_mode="r")}, rng.integers(0, 10, flags.images)


def time_batches(images, labels, flags):
    """Images per second of `train_batches`, from its second batch on: the first waits for the shuffled order."""
    batches = iter(train_batches(images, flags.batch_size, 0, labels=labels))
    next(batches)
    start = time.perf_counter()
    for _ in range(flags.batches):
        next(batches)
    return flags.batches * flags.batch_size / (time.perf_counter() - start)


def time_step(flags):
    """Images per second that critic updates take, each repeat one update after one that does not count."""
    settings = Settings(flags.width, flags.batch_size, 5, flags.threads, "float32", False)
    step = make_steps(COLUMNS["group 32"], settings).critic
    step()
    seconds = []
    for _ in range(flags.repeats):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return flags.batch_size / statistics.median(seconds)


def measure(flags):
    """Rows of the table: dicts of the place, its images per second, and the ratio to the step's."""
    taken = flags.step_images_per_second or time_step(flags)  # first: it sets the threads
    with tempfile.TemporaryDirectory() as folder:
        arrays, labels = places(folder, flags)
        rates = {name: [] for name in arrays}
        for _ in range(flags.repeats):
            for name, images in arrays.items():
                rates[name].append(time_batches(images, labels, flags))
    for name, values in rates.items():
        rate = statistics.median(values)
        yield {"place": name, "images_per_second": rate, "all": values, "step": taken, "ratio": rate / taken}


def main(arguments):
    """Writes the table and the file; returns the exit code, 1 below the target."""
    flags = parse(arguments)
    rows = list(measure(flags))
    sys.stdout.write("| images | images/s | the step takes | ratio |\n|---|---:|---:|---:|\n")
    for row in rows:
        numbers = f"{row['images_per_second']:.0f} | {row['step']:.1f} | {row['ratio']:.0f}"
        sys.stdout.write(f"| {row['place']} | {numbers} |\n")
    if flags.json:
        machine = {"machine": platform.machine(), "system": platform.platform(), "python": platform.python_version()}
        everything = {"command": ["benchmarks/input.py", *arguments], **machine, "target": TARGET, "results": rows}
        pathlib.Path(flags.json).write_text(json.dumps(everything, indent=1) + "\n")
    return 0 if all(row["ratio"] >= TARGET for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
