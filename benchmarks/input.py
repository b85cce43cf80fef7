"""The speed of the input pipeline, compared with the number of images that the training step uses.

    python benchmarks/input.py
    python benchmarks/input.py --step_images_per_second=35 --json=input.json

The table has two rows: images in memory, and images in a file that is mapped. Both go through `train_batches`, shuffled
and with labels. Each row shows the images per second, the median over the repeats, which alternate between the rows.
The ratio compares it with the images per second of a critic update: of the published critic with group norm, measured
here in the same process (`variants.py`), or given by the flag. If a ratio is below 20, the pipeline should be improved.
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

TARGET = 20  # times the rate of the step: a step that is 20 times faster on a GPU does not wait for images


def parse(arguments):
    """Parses the flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000, help="number of images in the data set")
    parser.add_argument("--image_size", type=int, default=32)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--batches", type=int, default=2000, help="number of batches in each repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--step_images_per_second", type=float, default=0, help="images per second of a critic update; 0 to measure it"
    )
    parser.add_argument("--width", type=int, default=128, help="channels of the critic that is measured")
    parser.add_argument("--threads", type=int, default=2, help="threads of TensorFlow")
    parser.add_argument("--json", default="", help="file to write all numbers to")
    return parser.parse_args(arguments)


def places(folder, flags):
    """({name of the place: images}, labels): the same images in memory and mapped from a file in `folder`."""
    rng = np.random.default_rng(0)
    size = (flags.images, flags.image_size, flags.image_size, 3)
    images = rng.integers(0, 256, size, dtype=np.uint8)
    path = os.path.join(folder, "images.npy")
    np.save(path, images)
    return {"in memory": images, "mapped": np.load(path, mmap_mode="r")}, rng.integers(0, 10, flags.images)


def time_batches(images, labels, flags):
    """Images per second of `train_batches`, without its first batch, which waits for the shuffled order."""
    batches = iter(train_batches(images, flags.batch_size, 0, labels=labels))
    next(batches)
    start = time.perf_counter()
    for _ in range(flags.batches):
        next(batches)
    return flags.batches * flags.batch_size / (time.perf_counter() - start)


def time_step(flags):
    """Images per second of critic updates: the median over the repeats, after one update that is not counted."""
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
    """Yields the rows of the table: dicts of the place, its images per second, those of the step, and the ratio."""
    taken = flags.step_images_per_second or time_step(flags)  # before anything else, as it sets the number of threads
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
    """Writes the table and the file. Returns the exit code: 1 if a ratio is below the target, else 0."""
    flags = parse(arguments)
    rows = list(measure(flags))
    sys.stdout.write("| images | images/s | images/s of the step | ratio |\n|---|---:|---:|---:|\n")
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
