"""The figures of docs/scores.md."""

import pathlib

import matplotlib
import numpy as np
from distortions import DISTORTIONS

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from score_page import RANDOM, TRAINED, by_distortion, distances, over_rotations

IMAGES = pathlib.Path(__file__).parents[1] / "tests" / "cifar10_images.npz"
COLOURS = {TRAINED: "tab:blue", RANDOM: "tab:orange"}
matplotlib.rcParams |= {"svg.hashsalt": "scores", "svg.fonttype": "none", "font.size": 9}  # equal numbers, equal file


def draw(checks, run, folder):
    """Draws what there are numbers for into a folder: examples of the distortions, curves of the scores."""
    draw_examples(folder / "distortions.png")
    if checks:
        draw_checks(checks, folder / "scores.svg")
    if run:
        draw_run(run, folder / "scores_run.svg")


def draw_examples(path):
    """One image at every level of every distortion."""
    with np.load(IMAGES) as arrays:
        images = arrays["images"]
    shown = np.random.default_rng(0).permutation(len(images))[round(0.4 * len(images))]  # foreign from level 0.5 on
    columns = 1 + max(len(row.levels) for row in DISTORTIONS.values())
    figure, axes = plt.subplots(len(DISTORTIONS), columns, figsize=(columns, 1.25 * len(DISTORTIONS)), layout="tight")
    for axis in axes.flat:
        axis.axis("off")
    for (name, (function, levels)), line in zip(DISTORTIONS.items(), axes, strict=True):
        for level, axis in zip((0, *levels), line, strict=False):
            axis.imshow(function(images, level, np.random.default_rng(0))[shown])
            axis.set_title(f"{name}\n{level:g}" if level == 0 else f"\n{level:g}", fontsize=7, loc="left")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def draw_checks(checks, path):
    """The Fréchet distance in units of the floor, for every distortion and for missing classes, of both networks."""
    found = {name: by_distortion(checks["distortions"][name]) for name in COLOURS}
    figure, axes = plt.subplots(2, 4, figsize=(11, 5), layout="constrained")
    for distortion, axis in zip(found[TRAINED], axes.flat, strict=False):
        for name, colour in COLOURS.items():
            rows = found[name][distortion]
            values = distances(rows) / checks["floor"][name]["value"]
            axis.plot([row["level"] for row in rows], values, "o-", color=colour, label=name, markersize=3)
        axis.set_title(distortion)
        axis.set_yscale("log")
    axis = axes.flat[len(found[TRAINED])]
    for name, colour in COLOURS.items():
        kept, groups = over_rotations(checks["classes"][name])
        means = np.array([distances(group).mean() for group in groups])
        axis.plot(10 - np.array(kept), means / means[0], "o-", color=colour, label=name, markersize=3)
    axis.set_title("classes left out")
    axis.set_yscale("log")
    axes[0, 0].legend()
    axes[0, 0].set_ylabel("Fréchet distance / floor")
    axes[1, 0].set_ylabel("Fréchet distance / floor")
    for unused in axes.flat[len(found[TRAINED]) + 1 :]:
        unused.axis("off")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def draw_run(run, path):
    """The Fréchet distance of each checkpoint."""
    figure, axis = plt.subplots(figsize=(5, 3), layout="constrained")
    axis.plot([row["iteration"] for row in run["rows"]], distances(run["rows"]), "o-", markersize=3)
    axis.set_xlabel("iteration")
    axis.set_ylabel("Fréchet distance (cifar10net)")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
