"""Measures the speed of the training step: with each norm, as a straightforward graph, and in PyTorch.

    python benchmarks/step.py                                     # the table of docs/performance.md
    python benchmarks/step.py --width=64 --batch_size=16 --columns="none;group 32;straightforward" --repeats=3

Each column runs in its own process, so that its peak of memory can be measured. All processes exist at the same time
and take turns, round by round, so that a slow minute of the machine slows all columns. In a round a column runs one
large convolution, a critic update, a generator update, and a whole iteration (one generator update, then n_critic
critic updates). The table shows the median time over the rounds; the operations counted by `operations.py` in that
time, as GFLOP/s and as a share of the rate of the convolution; and the peak memory of the process. PyTorch is measured
if it is installed (`pip install '.[bench]'`).
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time

from variants import COLUMNS, Settings, count, make_steps

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

CONVOLUTION = (64, 32, 32, 128), 128  # the network's own largest: images [64, 32, 32, 128], 3x3, 128 filters
PARTS = ("critic", "generator", "iteration")


def parse(arguments):
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=128, help="channels of the blocks, a multiple of 32")
    parser.add_argument(
        "--batch_size", type=int, default=64, help="images in a critic update; a generator update has twice as many"
    )
    parser.add_argument("--n_critic", type=int, default=5, help="critic updates per iteration")
    parser.add_argument("--threads", type=int, default=2, help="threads of each column")
    parser.add_argument("--repeats", type=int, default=5, help="number of rounds")
    parser.add_argument("--columns", default=";".join(COLUMNS), help="columns to run, separated by ;")
    parser.add_argument(
        "--precision", default="float32", help="float32, bfloat16 (mixed precision), or float32,bfloat16"
    )
    parser.add_argument("--jit", default="off", help="off, on (compiled with XLA), or off,on")
    parser.add_argument("--json", default="", help="file to write all numbers to")
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


# ---- one column, in its own process ----------------------------------------------------------------------------------


def work(name, settings):
    """Builds a column. Then, for each line it reads, runs a round and writes its times as a line of JSON."""
    steps = make_steps(COLUMNS[name], settings)
    convolution = steps.convolution(*CONVOLUTION)

    def iteration():
        steps.generator()
        for _ in range(settings.n_critic):
            steps.critic()

    parts = {"convolution": convolution, "critic": steps.critic, "generator": steps.generator, "iteration": iteration}
    for run in (convolution, steps.critic, steps.generator):
        run()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        seconds = {}
        for part, run in parts.items():
            run() if part == "convolution" else None  # once untimed: the turns of other columns left cold caches
            start = time.perf_counter()
            run()
            seconds[part] = time.perf_counter() - start
        # Kilobytes on Linux, bytes on macOS.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        sys.stdout.write(json.dumps({"seconds": seconds, "peak": peak, "device_peak": steps.device_peak()}) + "\n")
        sys.stdout.flush()


# ---- all columns, round by round -------------------------------------------------------------------------------------


class Worker:
    """The process of one column under one precision and jit."""

    def __init__(self, name, settings):
        self.name, self.settings, self.rounds = name, settings, []
        task = json.dumps([name, settings._asdict()])
        command = [sys.executable, __file__, f"--worker={task}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read()  # wait until it is ready, so that nothing is measured while another process starts

    def run_round(self):
        """Runs one round and keeps its times."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.rounds.append(json.loads(self._read()))

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: its process ended with code {self.process.wait()}")
        return line

    def result(self):
        """The medians, and the rates that follow from them."""
        self.process.stdin.close()
        self.process.wait()
        seconds = {part: [r["seconds"][part] for r in self.rounds] for part in ("convolution", *PARTS)}
        median = {part: statistics.median(values) for part, values in seconds.items()}
        (n, height, width, channels), filters = CONVOLUTION
        rate = 2 * 9 * n * height * width * channels * filters / median["convolution"]
        critic, generator = count(COLUMNS[self.name], self.settings)
        settings = self.settings
        operations = dict(zip(PARTS, (critic, generator, generator + settings.n_critic * critic), strict=True))
        images = dict(zip(PARTS, (1, 2, settings.n_critic), strict=True))  # batches: seen, made, seen
        return {
            "column": self.name,
            **settings._asdict(),
            "seconds": seconds,
            "median": median,
            "operations": operations,
            "images_per_second": {part: images[part] * settings.batch_size / median[part] for part in PARTS},
            "flops": {part: operations[part] / median[part] for part in PARTS},
            "convolution_flops": rate,
            "fraction_of_convolution": {part: operations[part] / median[part] / rate for part in PARTS},
            "peak_bytes": max(r["peak"] for r in self.rounds),
            "device_peak_bytes": self.rounds[-1]["device_peak"],
        }


def table(results, part):
    """One part of the results as a Markdown table; the ratio is to the first row of the same precision."""
    head = [part, "precision", "jit", "seconds", "to the first", "images/s", "GFLOP/s", "convolution", "share"]
    on_device = any(r["device_peak_bytes"] for r in results)
    head += ["peak MiB of the GPU" if on_device else "peak MiB"]
    lines = ["| " + " | ".join(head) + " |", "|---|---|---|" + "---:|" * (len(head) - 3)]
    for r in results:
        first = next(f for f in results if f["precision"] == r["precision"])
        cells = [r["column"], r["precision"], "on" if r["jit"] else "off", f"{r['median'][part]:.3f}"]
        cells += [f"{r['median'][part] / first['median'][part]:.2f}", f"{r['images_per_second'][part]:.1f}"]
        cells += [f"{r['flops'][part] / 1e9:.0f}", f"{r['convolution_flops'] / 1e9:.0f}"]
        peak = r["device_peak_bytes"] if on_device else r["peak_bytes"]
        cells += [f"{r['fraction_of_convolution'][part]:.0%}", f"{peak / 2**20:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def variants(flags):
    """(name, `Settings`) of each column to run, in order; prints which are left out, and why."""
    for precision in flags.precision.split(","):
        for jit in flags.jit.split(","):
            for name in flags.columns.split(";"):
                column = COLUMNS[name]
                if not column.importable:
                    sys.stderr.write(f"{name} is left out: PyTorch is not installed (pip install '.[bench]')\n")
                elif not (jit == "on" and column.implementation == "torch"):
                    sizes = (flags.width, flags.batch_size, flags.n_critic, flags.threads)
                    yield name, Settings(*sizes, precision, jit == "on")


def main(arguments):
    """Runs the rounds, writes the table and the file."""
    flags = parse(arguments)
    if flags.worker:
        name, settings = json.loads(flags.worker)
        return work(name, Settings(**settings))
    workers = [Worker(*variant) for variant in variants(flags)]
    for i in range(flags.repeats):
        for worker in workers:
            worker.run_round()
        sys.stderr.write(f"round {i + 1} of {flags.repeats}\n")
    results = [worker.result() for worker in workers]
    sys.stdout.write("\n".join(table(results, part) for part in PARTS))
    if flags.json:
        machine = {"machine": platform.machine(), "system": platform.platform(), "python": platform.python_version()}
        everything = {"command": ["benchmarks/step.py", *arguments], **machine, "results": results}
        pathlib.Path(flags.json).write_text(json.dumps(everything, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
