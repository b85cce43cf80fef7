"""The points that a run wrote for TensorBoard, read back."""

import os
from typing import NamedTuple

import numpy as np
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from tfgan_gn.training import summaries

# All scalars and histograms are kept, and hardly an image: the grids are in `samples/` too, and are large.
_KEPT = {"scalars": 0, "histograms": 0, "images": 1}


class Points(NamedTuple):
    """The points of one tag.

    Attributes:
        iterations: whole numbers in increasing order [N].
        values: one for each: floats, or histograms as arrays [bins, 3] of left edge, right edge and count.
    """

    iterations: list
    values: list


class PointReader:
    """Reads the TensorBoard files of one run. A second `read` opens only what was written since the first.

    Args:
        workdir: run folder.
    """

    def __init__(self, workdir):
        self.folder, _ = summaries.folders_of(workdir)
        self.events = EventAccumulator(self.folder, tensor_size_guidance=_KEPT, purge_orphaned_data=False)
        self.points = {}

    def read(self):
        """All points, of the first and of any resumed training together.

        Returns:
            dict from a tag to `Points`; empty if there are no TensorBoard files.
        """
        if not os.path.isdir(self.folder):
            return {}
        self.events.Reload()
        for tag in self.events.Tags()["tensors"]:
            plugin = self.events.SummaryMetadata(tag).plugin_data.plugin_name
            if plugin in ("scalars", "histograms"):
                known = self.points.setdefault(tag, [])
                for event in self.events.Tensors(tag)[len(known) :]:
                    value = make_ndarray(event.tensor_proto)
                    known.append((event.step, float(value) if plugin == "scalars" else value))
        return {tag: Points(*map(list, zip(*latest(known), strict=True))) for tag, known in self.points.items()}


def latest(points):
    """The points of a run that may have been resumed from before its last point: those that it replaced are left out.

    Args:
        points: pairs (iteration, value) in the order in which they were written.

    Returns:
        list of the pairs whose iteration no later pair reaches back to; iterations increase.
    """
    kept = []
    for iteration, value in points:
        while kept and kept[-1][0] >= iteration:
            kept.pop()
        kept.append((iteration, value))
    return kept


def quantiles(histogram, shares):
    """Quantiles of a histogram, whose values are taken as evenly spread within a bin.

    Args:
        histogram: array [bins, 3] of left edge, right edge and count.
        shares: floats in [0, 1], increasing.

    Returns:
        A float array, one value for each share.
    """
    bins = np.asarray(histogram, np.float64)
    bins = bins[bins[:, 2] > 0]
    reached = np.cumsum(bins[:, 2]) / bins[:, 2].sum()
    before = np.concatenate([[0], reached[:-1]])
    places = np.minimum(np.searchsorted(reached, shares), len(bins) - 1)
    within = (np.asarray(shares) - before[places]) / (reached - before)[places]
    return bins[places, 0] + within * (bins[places, 1] - bins[places, 0])
