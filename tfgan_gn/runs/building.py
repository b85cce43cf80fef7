"""From a Config to its networks and their trainer."""

import contextlib
import functools
import math

import keras

from tfgan_gn.architectures import ARCHITECTURES, Levels
from tfgan_gn.augmenter import SourceSampler, most_at_once
from tfgan_gn.data.pixels import PIXELS, middles
from tfgan_gn.export import make_sampler
from tfgan_gn.layers import norms
from tfgan_gn.models import build_networks
from tfgan_gn.runs.about import versions
from tfgan_gn.runs.run_data import classes_of
from tfgan_gn.settings.protocols import PROTOCOLS
from tfgan_gn.training.averaging import MovingAverage
from tfgan_gn.training.losses import LOSSES, PENALTY_AXES, Auxiliary
from tfgan_gn.training.noise import Noise
from tfgan_gn.training.objective import Objective
from tfgan_gn.training.optimizers import Update, adam, constant, linear_decay, rmsprop, sgd
from tfgan_gn.training.trainer import Trainer

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}  # Keras' dtype policy by --precision


@contextlib.contextmanager
def computing_in(precision):
    """Within it, layers are built that compute in a precision, a key of POLICIES."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build_networks_of(config, data_facts):
    """Builds the networks of a Config; call it inside `strategy.scope()`.

    Args:
        config: Config.
        data_facts: `run_data.DataFacts` of its data.

    Returns:
        `models.Networks`.

    Raises:
        UserError: settings that the networks cannot take.
    """
    with computing_in(config.precision):  # the network that scores computes in float32
        networks = build_networks(
            config.architecture,
            width=config.width,
            z_dim=config.z_dim,
            image_size=config.sides if config.image_width else config.image_size,
            channels=data_facts.channels,
            norm=config.norm,
            groups=config.groups,
            generator_norm=config.generator_norm,
            generator_groups=config.generator_groups,
            num_classes=classes_of(config, data_facts),
            auxiliary=config.auxiliary,
            initializer=config.initializer,
            levels=levels_of(config),
        )
    if config.synced_batch_norm:
        for network in networks:
            norms.synchronize_batch_norm(network)
    return networks


def count_parameters(network):
    """The number of trained parameters of a Keras model."""
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def levels_of(config):
    """The `architectures.Levels` of a Config; None for an architecture without levels."""
    if ARCHITECTURES[config.architecture].levels is None:
        return None
    return Levels(
        config.levels, config.inner_layers, config.generator_inner_layers, config.dense_units, config.wide_connections
    )


def build_trainer(config, data_facts):
    """Builds the networks of a Config with their initial weights, and their trainer; call it in `strategy.scope()`.

    Args:
        config: Config.
        data_facts: `run_data.DataFacts` of its data.

    Returns:
        `trainer.Trainer`.

    Raises:
        UserError: settings that the networks or the strategy cannot take.
    """
    networks = _build_seeded(config, data_facts)
    average = None
    if config.ema:
        # The same seed again: what is not averaged, such as spectral norm's u and v, starts equal too.
        average = MovingAverage(_build_seeded(config, data_facts).generator, networks.generator, config.ema)
    objective = Objective(
        *networks,
        LOSSES[config.loss],
        config.gp_weight if config.penalty in PENALTY_AXES else None,
        Auxiliary() if config.auxiliary else None,
        config.separate_passes,
        PENALTY_AXES.get(config.penalty, PENALTY_AXES["gradient"]),
        towers=towers_of(config),
    )
    noise = Noise(
        seed=config.seed,
        z_dim=config.z_dim,
        batch_size=config.batch_size,
        generator_batch_size=config.generator_batch_multiple * config.batch_size,
        num_classes=classes_of(config, data_facts),
        pairs=ARCHITECTURES[config.architecture].image_condition,
        flips=config.flips,
        turns=config.turns,
        dropout=config.dropout,
        generator_masks=_mask_shapes(networks.generator, config),
        critic_masks=_mask_shapes(networks.critic, config),
        pixels=PIXELS[config.pixels],
        dtype=networks.generator.variable_dtype,
    )
    generator_update = _make_update(config, config.optimizer, config.learning_rate)
    critic_update = _make_update(
        config,
        config.critic_optimizer or config.optimizer,
        config.critic_learning_rate or config.learning_rate,
        config.clip or None,
    )
    return Trainer(
        objective,
        noise,
        generator_update,
        critic_update,
        n_critic=config.n_critic,
        critic_first=config.order == "critic_first",
        reuse_real_batch=config.reuse_real_batch,
        average=average,
        jit=config.jit,
    )


def _mask_shapes(network, config):
    return tuple(network.mask_shapes) if config.dropout else ()


def towers_of(config):
    """The number of towers that the generator of a Config is trained with; 1 without batch norm."""
    return config.batch_norm_towers if config.generator_norm == "batch" else 1


def _build_seeded(config, data_facts):
    keras.utils.set_random_seed(config.seed)
    return build_networks_of(config, data_facts)


def _make_update(config, optimizer, learning_rate, clip=None):
    optimizers = {
        "adam": lambda: adam(config.beta_1, config.beta_2),
        "rmsprop": rmsprop,
        "sgd": lambda: sgd(config.momentum),
    }
    schedules = {
        "linear": lambda: linear_decay(learning_rate, config.iterations),
        "none": lambda: constant(learning_rate),
    }
    return Update(optimizers[optimizer](), schedules[config.lr_decay](), clip)


def sampling(config, data_facts, iteration):
    """The arguments of `export.make_sampler`, but for the generator.

    Args:
        config: Config.
        data_facts: `run_data.DataFacts`.
        iteration: of the generator's weights.

    Returns:
        dict of keyword arguments.
    """
    protocol = PROTOCOLS[config.protocol]
    own = PIXELS[config.pixels]
    scale, shift = (own.scale, own.shift) if protocol.pixel_scale is None else (protocol.pixel_scale, 0.0)
    return {
        "z_dim": config.z_dim,
        "statistics": config.generator_statistics,
        "block_size": protocol.block_size,
        "pixel_scale": scale,
        "pixel_shift": shift,
        "batch_size": config.batch_size // towers_of(config),  # what batch norm normalizes together in a critic step
        "seed": config.seed,
        "num_classes": classes_of(config, data_facts),
        "metadata": {"iteration": iteration, "versions": versions()},
    }


def make_scored_sampler(config, data_facts, generator, iteration, sources=None):
    """Makes the sampler whose images are scored.

    Args:
        config: Config.
        data_facts: `run_data.DataFacts`.
        generator: the network that is scored.
        iteration: of its weights.
        sources: of `run_data.sources_of`.

    Returns:
        `export.Sampler`; `augmenter.SourceSampler` where there are sources.
    """
    settings = sampling(config, data_facts, iteration)
    if sources is None:
        return make_sampler(generator, **settings)
    own, taken = PIXELS[config.pixels], ("z_dim", "statistics", "metadata", "pixel_scale", "pixel_shift")
    return SourceSampler(
        generator,
        *sources,
        functools.partial(middles, scale=own.scale, shift=own.shift),
        **{name: settings[name] for name in taken},
        block_size=min(settings["block_size"], most_at_once(config.sides)),
    )


def augmenting(config, data_facts, iteration):
    """The arguments of `augmenter.Augmenter`, but for the generator; as `sampling`."""
    pixels = PIXELS[config.pixels]
    return {
        "z_dim": config.z_dim,
        "image_shape": (*config.sides, data_facts.channels),
        "statistics": config.generator_statistics,
        "pixel_scale": pixels.scale,
        "pixel_shift": pixels.shift,
        "metadata": {"iteration": iteration, "versions": versions()},
    }
