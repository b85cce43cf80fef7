"""Draws the curves of a run folder from its TensorBoard files: python docs/curves.py RUN_FOLDER OUT.png."""

import sys

import matplotlib
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PANELS = (
    ("critic/wasserstein",),
    ("critic/loss", "critic/test_loss"),
    ("critic/gradient_penalty",),
    ("generator/loss",),
)


def read(folder):
    """(steps, values) by tag of all scalars below a folder of TensorBoard files."""
    events = EventAccumulator(folder, size_guidance={"tensors": 0}).Reload()
    curves = {}
    for tag in {tag for panel in PANELS for tag in panel}:
        points = events.Tensors(tag)
        curves[tag] = [p.step for p in points], [float(make_ndarray(p.tensor_proto)) for p in points]
    return curves


def main(workdir, out):
    """Writes one panel for each of PANELS, side by side."""
    curves = read(f"{workdir}/tensorboard")
    _, axes = plt.subplots(1, len(PANELS), figsize=(4 * len(PANELS), 3), layout="constrained")
    for axis, tags in zip(axes, PANELS, strict=True):
        for tag in tags:
            axis.plot(*curves[tag], label=tag, linewidth=1)
        axis.set_xlabel("iteration")
        axis.legend()
        axis.grid(alpha=0.3)
    plt.savefig(out, dpi=100)


if __name__ == "__main__":
    main(*sys.argv[1:])
