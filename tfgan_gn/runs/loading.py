"""A run read back from its folder, to use its networks or to start another run from them."""

import os
from typing import NamedTuple

import keras

from tfgan_gn.errors import UserError
from tfgan_gn.runs.about import say
from tfgan_gn.runs.building import build_networks_of, build_trainer
from tfgan_gn.runs.run_data import DataFacts, classes_of, facts_from
from tfgan_gn.settings.config_file import load_config, load_data_facts
from tfgan_gn.settings.effects import without_effect
from tfgan_gn.settings.training import Config
from tfgan_gn.training import checkpoints, strategies

# What the networks are; a run that starts from others has the same.
NETWORKS = (
    *("architecture", "width", "z_dim", "image_size", "image_width", "conditional", "auxiliary"),
    *("norm", "groups", "generator_norm", "generator_groups"),
    *("levels", "inner_layers", "generator_inner_layers", "dense_units", "wide_connections"),
)


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


def load_trainer(workdir):
    """Loads the trainer of a run as it was at the newest checkpoint, on devices chosen as in the run.

    Args:
        workdir: run folder, or the folder that a diverging run leaves.

    Returns:
        `trainer.Trainer`.

    Raises:
        UserError: as `load_run`.
    """
    config = load_config(workdir)
    if config.deterministic:
        strategies.compute_deterministically()
    with strategies.make_strategy(config.strategy, config.wait).scope():
        trainer = build_trainer(config, facts_from(load_data_facts(workdir), workdir))
    checkpoints.restore(trainer, os.path.join(workdir, checkpoints.NEWEST), 1)
    return trainer


class Origin(NamedTuple):
    """The checkpoint that a run starts from.

    Attributes:
        path: of the checkpoint, without the ending of a file.
        config: Config of its run.
        data_facts: `run_data.DataFacts` of its run.
    """

    path: str
    config: Config
    data_facts: DataFacts


def origin_of(config):
    """The Origin of a Config; None for a run that starts with new weights, or that has checkpoints of its own already.

    Raises:
        UserError: --init_from is no checkpoint of a run, or its networks are others than those of the Config.
    """
    path = config.init_from
    if not path or os.path.exists(os.path.join(config.workdir, checkpoints.NEWEST, "checkpoint")):
        return None
    workdir = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    if not os.path.isfile(f"{path}.index"):
        raise UserError(
            f"--init_from={path} is no checkpoint: give the path of one without the ending .index, such as "
            "runs/first/checkpoints/iteration-5000"
        )
    origin = Origin(path, load_config(workdir), facts_from(load_data_facts(workdir), workdir))
    compared = [name for name in NETWORKS if name not in without_effect(config)]
    _refuse_other_networks(path, {name: (getattr(origin.config, name), getattr(config, name)) for name in compared})
    return origin


def start_from(origin, trainer, config, data_facts):
    """Gives a new trainer the weights of a checkpoint, and the state of its optimizers where they are the same.

    The averaged generator is that of the checkpoint if it has one; else it begins at the weights of the generator. The
    iteration stays 0.

    Args:
        origin: Origin.
        trainer: `Trainer` of the Config.
        config: Config.
        data_facts: `run_data.DataFacts`.

    Raises:
        UserError: the checkpoint cannot be read, is not finite, or is of networks for other images or classes.
    """
    there = origin.data_facts
    compared = {"channels": (there.channels, data_facts.channels)}
    compared["number of classes"] = (classes_of(origin.config, there), classes_of(config, data_facts))
    _refuse_other_networks(origin.path, compared)
    networks = {"generator": trainer.generator, "critic": trainer.critic}
    if config.ema and origin.config.ema:
        networks["averaged"] = trainer.average.averaged
    kinds = zip(_optimizers(origin.config), _optimizers(config), (trainer.generator_update, trainer.critic_update))
    kept = {
        f"{name}_optimizer": update.optimizer
        for name, (before, now, update) in zip(("generator", "critic"), kinds, strict=True)
        if before == now
    }
    checkpoints.load_weights(networks, origin.path, kept, "--init_from")
    if config.ema and not origin.config.ema:
        trainer.average.restart()
    wrong = checkpoints.find_not_finite(trainer)
    if wrong:
        raise UserError(f"--init_from={origin.path}: a value of {wrong} is not finite: give an earlier checkpoint")
    state = " and ".join(name.replace("_", "'s ") for name in kept) or "no optimizer, because they are others"
    say(f"starts from {origin.path}: the weights of the {', '.join(networks)}, and the state of the {state}")


def _optimizers(config):
    """The names of the optimizers of generator and critic."""
    return config.optimizer, config.critic_optimizer or config.optimizer


def _refuse_other_networks(path, compared):
    """Raises UserError where the two values of a setting differ, those of the checkpoint and of the new run."""
    differing = [f"{name} (there {old}, asked {new})" for name, (old, new) in compared.items() if old != new]
    if differing:
        raise UserError(
            f"--init_from={path} has networks with another {', another '.join(differing)}: give the same as its run, "
            "or leave out --init_from"
        )
