"""One run, computed in other ways: with XLA, in bfloat16, on two replicas; each beside float on one device."""

import re

import numpy as np
import pytest
import tensorflow as tf
from conftest import simple_networks, tiny_trainer, weights
from test_conformance import iterate

from tfgan_gn.data.batches import train_batches
from tfgan_gn.layers.norms import synchronize_batch_norm
from tfgan_gn.runs.building import build_trainer
from tfgan_gn.runs.run_data import DataFacts
from tfgan_gn.settings.training import make_config

ITERATIONS = 5
IMAGES = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), np.uint8)
TAGS = ("critic/loss", "critic/gradient_penalty", "generator/loss")


def run(trainer):
    """The three losses of five iterations [5, 3], traced as in training; the last column begins with nan."""
    batches = train_batches(IMAGES, trainer.noise.batch_size, 0)
    source = iter(trainer.strategy.experimental_distribute_dataset(batches))
    one = tf.constant(1, tf.int64)
    logs = [trainer.train(source, one)[0] for _ in range(ITERATIONS)]
    return np.array([[log[tag] for tag in TAGS] for log in logs])


def build(**given):
    """The default model, narrow, on 16 pixels; flags as of the command."""
    flags = {"width": 16, "groups": (4,), "batch_size": 16, "n_critic": 2, "image_size": 16, **given}
    return build_trainer(make_config(**flags), DataFacts(1, 3, ""))


@pytest.fixture(scope="module")
def in_float32():
    return run(build())


def test_with_xla_the_losses_are_the_same_but_for_rounding(in_float32):
    """The noise too, which XLA would draw otherwise. Under a strategy: `test_train_cifar.py`."""
    trainer = build(jit=True)
    np.testing.assert_allclose(run(trainer), in_float32, rtol=1e-4)
    (train,) = trainer.train._list_all_concrete_functions()
    for step in ("critic_step", "generator_step"):
        compiled = [
            function.attr["_XlaMustCompile"].b
            for function in train.graph.as_graph_def().library.function
            if re.match(f"__inference_{step}_", function.signature.name)
        ]
        assert compiled and all(compiled), step


def test_in_bfloat16_the_losses_stay_near_those_of_float32(in_float32):
    losses, scale = run(build(precision="bfloat16")), np.nanmax(np.abs(in_float32), 0)
    assert (np.abs(losses - in_float32) > 1e-4 * scale).any(), "bfloat16 rounds"
    np.testing.assert_allclose(losses / scale, in_float32 / scale, atol=0.03)


def tiny(strategy, synchronized=False):
    """A trainer whose generator has batch norm, of float64 weights, because Adam makes steps out of rounding."""
    with strategy.scope():
        networks = simple_networks(generator_norm="batch")
        if synchronized:
            synchronize_batch_norm(networks.generator)
        return tiny_trainer(networks, n_critic=1)


def furthest(one, two):
    """The largest difference of a weight."""
    return max(abs(one[path] - two[path]).max() for path in one)


def test_batch_norm_gives_the_weights_of_one_replica_where_it_is_synchronized_and_else_others(float64, two_replicas):
    """By itself its statistics are those of half the images. test_conformance.py has the other norms."""
    one = tiny(tf.distribute.get_strategy())
    synchronized, apart = (tiny(two_replicas, synchronized) for synchronized in (True, False))
    for trainer in (one, synchronized, apart):
        iterate(trainer, "simple_cnn", 0, 3)
    assert furthest(weights(one), weights(synchronized)) < 1e-9
    assert 0.001 < furthest(weights(one), weights(apart)) < 0.05
