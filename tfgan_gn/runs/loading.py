"""A run read back from its folder."""

from typing import NamedTuple

import keras

from tfgan_gn.runs.building import build_networks_of
from tfgan_gn.runs.run_data import DataFacts, facts_from
from tfgan_gn.settings.config_file import load_config, load_data_facts
from tfgan_gn.settings.training import Config
from tfgan_gn.training import checkpoints


class Run(NamedTuple):
    """The networks of a run with the weights of one checkpoint.

    Attributes:
        generator: Keras model, called as generator(z, condition=None): z float32 [N, z_dim] from N(0, 1), labels int64
            [N] as the condition for a conditional run and images float32 [N, H, W, C] in [-1, 1] for a run of pairs, to
            images float32 [N, H, W, C] in [-1, 1]. It is the averaged
            generator if the run has one. Batch norm uses the statistics of the batch z. For images that depend on their
            own z only, load the run's `export/` folder, or call `layers.norms.collect_standing_statistics` and then
            generator(z, standing=True).
        critic: Keras model, called as critic(images, condition=None), to scores float32 [N].
        iteration: of the checkpoint.
        checkpoint: its path.
        config: Config, the run's settings.
        data_facts: `run_data.DataFacts`.
    """

    generator: keras.Model
    critic: keras.Model
    iteration: int
    checkpoint: str
    config: Config
    data_facts: DataFacts


def load_run(workdir, checkpoint=""):
    """Loads the networks of a run, built as the run built them, with their trained weights.

        generator = tfgan_gn.load_run("runs/cifar10-author-group").generator

    Args:
        workdir: run folder of `train_cifar.py`.
        checkpoint: empty for the newest, "best" for the one with the lowest Fréchet distance (FID), or the number of
            an iteration.

    Returns:
        Run.

    Raises:
        UserError: the folder is not a run of this version, or the checkpoint does not exist or cannot be read.
    """
    config = load_config(workdir)
    data_facts = facts_from(load_data_facts(workdir), workdir)
    path = checkpoints.find(workdir, str(checkpoint))
    generator, critic = build_networks_of(config, data_facts)
    checkpoints.load_weights({"averaged" if config.ema else "generator": generator, "critic": critic}, path)
    return Run(generator, critic, checkpoints.iteration_of(path), path, config, data_facts)
