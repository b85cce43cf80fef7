"""What a run says about itself: lines on the terminal, versions, notes on its settings."""

import platform
import sys

import keras
import numpy as np
import tensorflow as tf

from tfgan_gn import __version__
from tfgan_gn.layers import norms


def say(text):
    """Writes one line to standard error; it stays whole beside the progress bar."""
    sys.stderr.write(text + "\n")


def versions():
    """The versions that results may depend on: a dict from names to strings."""
    found = {module.__name__: module.__version__ for module in (tf, keras, np)}
    return {"tfgan_gn": __version__, "python": platform.python_version(), **found}


def note_doubtful_settings(config, replicas):
    """Says what is known to go wrong with the settings of a Config on this number of devices; they are allowed."""
    towers = config.batch_norm_towers
    if config.generator_norm == "batch" and not config.synced_batch_norm and replicas > towers:
        say(
            f"note: {replicas} devices are more than --batch_norm_towers={towers}: in training, the generator's batch "
            f"norm uses the statistics of each device's share of the batch, one of {replicas}. With "
            "--synced_batch_norm, several devices compute what one does"
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
