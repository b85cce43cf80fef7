"""What a run says about itself: lines on the terminal, versions, notes on its settings."""

import contextlib
import os
import platform
import sys

import keras
import numpy as np
import tensorflow as tf

from tfgan_gn import __version__
from tfgan_gn.layers import norms
from tfgan_gn.training.watch.neighbours import TAKEN, dependence_on_neighbours

DEPENDS = 0.01  # of the deviation of scores: more than rounding, in float32 and in bfloat16


def say(text):
    """Writes one line to standard error; it stays whole beside the progress bar.

    Where it cannot be written, because the terminal is gone or the disk of a log file is full, the work goes on.
    """
    with contextlib.suppress(OSError):
        sys.stderr.write(text + "\n")


def versions():
    """The versions that results may depend on: a dict from names to strings."""
    found = {module.__name__: module.__version__ for module in (tf, keras, np)}
    return {"tfgan_gn": __version__, "python": platform.python_version(), **found}


def note_program(path):
    """Says so if a path is that of a SavedModel, which can do whatever this process may, such as writing files."""
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        say(f"note: {path} is a SavedModel, a program that is run now: give only one that you trust")


def note_doubtful_settings(config, replicas):
    """Says what is known to go wrong with the settings of a Config on this number of devices; they are allowed."""
    towers = config.batch_norm_towers
    if config.generator_norm == "batch" and not config.synced_batch_norm and replicas > towers:
        say(
            f"note: {replicas} devices are more than --batch_norm_towers={towers}: in training, the generator's batch "
            f"norm uses the statistics of each device's share of the batch, one of {replicas}. With "
            "--synced_batch_norm, several devices compute what one does"
        )
    if config.generator_norm == "batch_renorm" and not config.synced_batch_norm and replicas > 1:
        say(
            f"note: in training on {replicas} devices, the generator's batch renormalization uses the statistics of "
            f"each device's share of the batch, one of {replicas}. With --synced_batch_norm, several devices compute "
            "what one does"
        )
    if config.learning_rate == 0:
        who = "the generator does" if config.critic_learning_rate else "both networks do"
        say(f"note: with --learning_rate=0 {who} not learn")
    for norm in dict.fromkeys((config.norm, config.generator_norm)):
        if norms.NORMS[norm].caveat:
            say(f"note: {norms.NORMS[norm].caveat}")
    if norms.NORMS[config.norm].critic_caveat and config.penalty != "none":
        say(f"note: {norms.NORMS[config.norm].critic_caveat}")
    if config.architecture.startswith("sngan") and config.loss == "wasserstein" and config.penalty == "none":
        say(
            "note: the spectral-normalization read-me reports that spectral norm does not work with the Wasserstein "
            "loss without penalty: use --loss=hinge or --loss=bce"
        )


def note_slow_settings(config, replicas, device):
    """Says what would make training faster.

    Args:
        config: Config.
        replicas: number of devices that share a batch.
        device: "GPU" or "CPU", what they are.
    """
    if device == "GPU" and replicas == 1 and not config.jit and not config.deterministic:
        say("note: on one GPU, --jit made the published networks three times as fast, after a minute of compiling")


def note_dependence_on_neighbours(trainer, images, labels, say=say):
    """Says so if the critic's score of an image depends on the other images of its batch, and there is a penalty.

    Args:
        trainer: `Trainer`.
        images: uint8 or uint16 [N, H, W, C], of which some are scored.
        labels: int64 [N].
        say: function that prints a line.
    """
    if trainer.objective.gp_weight is None:
        return
    rows = np.linspace(0, len(images) - 1, TAKEN).astype(np.int64)
    chosen = np.asarray(images[rows])
    real = (chosen / (np.iinfo(chosen.dtype).max / 2) - 1).astype(trainer.noise.dtype)
    condition = None
    if trainer.noise.pairs:
        condition = real[::-1]
    elif trainer.noise.num_classes is not None:
        condition = labels[rows]
    dependence = dependence_on_neighbours(trainer.critic, real, condition)
    if dependence > DEPENDS:
        say(
            f"note: beside other images of its batch, an image's score by the critic differs by {dependence:.2g} "
            "standard deviations of the scores. The gradient penalty is defined for the score of each image by itself "
            "(Gulrajani et al. 2017, section 4). Batch norm does this; --norm=layer, instance or group work with it"
        )
