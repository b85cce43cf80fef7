"""What is refused before a run starts."""

import dataclasses

from tfgan_gn.data import pairs
from tfgan_gn.data.decode import CHANNELS
from tfgan_gn.errors import UserError
from tfgan_gn.layers.batch_norm import towers_per_replica
from tfgan_gn.runs import run_data
from tfgan_gn.runs.building import build_networks_of, towers_of
from tfgan_gn.training import strategies

# Paths may differ between the machines of one run.
PATHS = {"workdir", "data_dir", "cache_dir", "scorer", "init_from"}


def refuse_impossible_networks(config):
    """Builds the networks of a Config once, before data are loaded and decoded, which can take minutes.

    Raises:
        UserError: the networks cannot be built with these settings.
    """
    build_networks_of(config, run_data.DataFacts(2, CHANNELS[config.grey], ""))


def refuse_uneven_towers(config, replicas):
    """Checks that the devices can share the towers of batch norm.

    Args:
        config: Config.
        replicas: number of devices that share a batch.

    Raises:
        UserError: towers and devices do not divide each other.
    """
    towers_per_replica(towers_of(config), replicas, config.synced_batch_norm)


def refuse_xla_on_several_devices(config, replicas):
    """Refuses --jit on several devices, for whose exchange of gradients XLA has no operation.

    Args:
        config: Config.
        replicas: number of devices that share a batch.

    Raises:
        UserError: training is to be compiled for several devices.
    """
    if config.jit and replicas > 1:
        raise UserError(
            f"--jit compiles training for one device, and this run takes {replicas}: give --strategy=one_device, or "
            "leave out --jit"
        )


def refuse_missing_labels(config, data_facts):
    """Checks that there are labels for conditional networks.

    Args:
        config: Config.
        data_facts: DataFacts.

    Raises:
        UserError: all images are of one class.
    """
    if config.conditional and data_facts.num_classes < 2:
        raise UserError(
            f"--conditional needs labels, and --dataset={config.dataset} has {data_facts.num_classes} class: leave it "
            "out, or give data with classes (a folder with one sub-folder for each)"
        )


def refuse_unfit_pairs(config, dataset):
    """Checks that pairs of images can be drawn of the data of a Config whose networks take them.

    Args:
        config: Config.
        dataset: `sets.Dataset`.

    Raises:
        UserError: as `run_data.classes_of_pairs`, and for a class with too few images.
    """
    if run_data.takes_pairs(config):
        classes, labels = run_data.classes_of_pairs(config, dataset), dataset.train.labels
        pairs.rows_of_classes(labels, classes.train + classes.validation, dataset.classes, config.same_image)


def refuse_unlike_processes(config, data_facts, iteration, strategy):
    """Checks that all processes of a run have the same settings, data and checkpoint. All processes must call it.

    Args:
        config: Config.
        data_facts: DataFacts.
        iteration: that the run starts or resumes at.
        strategy: `tf.distribute.Strategy`.

    Raises:
        UserError: they differ.
    """
    settings = {name: value for name, value in dataclasses.asdict(config).items() if name not in PATHS}
    strategies.refuse_unlike(strategy, {**settings, **data_facts._asdict(), "iteration": iteration})
