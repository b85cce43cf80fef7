"""One run, computed in other ways: with XLA, in bfloat16, on two replicas; each beside float on one device."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_networks, tiny_trainer

from tfgan_gn import data
from tfgan_gn.norms import synchronize_batch_norm

ITERATIONS = 5
IMAGES = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), np.uint8)
TAGS = ("critic/loss", "critic/gradient_penalty", "generator/loss")


def run(trainer):
    """The three losses of five iterations [5, 3], traced as in training; the last column begins with nan."""
    batches = data.batches(IMAGES, trainer.batch_size, 0)
    source = iter(trainer.strategy.experimental_distribute_dataset(batches))
    one = tf.constant(1, tf.int64)
    logs = [trainer.train(source, one)[0] for _ in range(ITERATIONS)]
    return np.array([[log[tag] for tag in TAGS] for log in logs])


def weights(trainer):
    return {v.path: v.numpy() for v in trainer.generator.trainable_variables + trainer.critic.trainable_variables}


@pytest.fixture(scope="module")
def in_float32():
    return run(tiny_trainer(tiny_networks()))


def test_with_xla_the_losses_are_the_same_but_for_rounding(in_float32):
    trainer = tiny_trainer(tiny_networks(), jit=True)
    losses = run(trainer)
    np.testing.assert_allclose(losses, in_float32, rtol=2e-4)
    compiled = trainer._critic_step.experimental_get_compiler_ir(tf.zeros([4, 16, 16, 3], tf.uint8), tf.constant(0))(
        stage="hlo"
    )
    assert "ENTRY" in compiled


def test_in_bfloat16_the_losses_stay_near_those_of_float32(in_float32):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        networks = tiny_networks()
    finally:
        keras.config.set_dtype_policy("float32")
    losses = run(tiny_trainer(networks))
    assert (losses != in_float32).any(0).all(), "bfloat16 rounds"
    scale = np.nanmax(np.abs(in_float32), 0)
    print(np.abs(losses - in_float32) / scale)
    np.testing.assert_allclose(losses / scale, in_float32 / scale, atol=0.05)


@pytest.fixture(scope="module")
def one_and_two(two_replicas):
    """From the norm of the generator and whether it is synchronized to (on one device, on two): losses, weights."""

    def train(scope, norm, synced):
        with scope:
            networks = tiny_networks(generator_norm=norm, generator_groups=(4,))
            if synced:
                synchronize_batch_norm(networks.generator)
            trainer = tiny_trainer(networks)
        return run(trainer), weights(trainer)

    return lambda norm, synced=False: [
        train(strategy.scope(), norm, synced) for strategy in (tf.distribute.get_strategy(), two_replicas)
    ]


def furthest(one, two):
    """The largest difference of a weight."""
    return max(abs(one[path] - two[path]).max() for path in one)


@pytest.mark.parametrize(("norm", "synced"), [("group", False), ("batch", True)])
def test_five_iterations_on_two_replicas_give_the_weights_of_one(float64, one_and_two, norm, synced):
    """The same batches and noise, each replica half of them. In float64: Adam makes steps out of rounding."""
    (losses, of_one), (losses_of_two, of_two) = one_and_two(norm, synced)
    np.testing.assert_allclose(losses_of_two, losses, rtol=1e-5)
    print(furthest(of_one, of_two))
    assert furthest(of_one, of_two) < 1e-5


def test_batch_norm_by_replica_gives_other_weights(float64, one_and_two):
    """By how much is the largest of a weight's steps: its statistics are those of half the images."""
    (_, of_one), (_, of_two) = one_and_two("batch")
    print(furthest(of_one, of_two))
    assert 1e-3 < furthest(of_one, of_two) < 0.05
