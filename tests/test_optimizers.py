"""Schedules, RMSProp, momentum and clipping against plain numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import simple_networks

from tfgan_gn.training.optimizers import adam, clip_weights, constant, linear_decay, rmsprop, sgd

pytestmark = pytest.mark.quick


def run(optimizer, gradients, learning_rate):
    """What a variable of ones becomes under the given gradients, one after the other."""
    variable = keras.Variable(np.ones(4), dtype="float64")
    optimizer.build([variable])
    optimizer.learning_rate.assign(learning_rate)
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)], [variable])
    return variable.numpy()


def test_rmsprop_is_tensorflow_1s(float64, rng):
    """Mean square from 1, epsilon inside the root; the gradients are small enough for both to show."""
    gradients = rng.normal(size=(5, 4)) * [1e-6, 1e-2, 1, 1e3]
    w, mean_square = np.ones(4), np.ones(4)
    for g in gradients:
        mean_square = 0.9 * mean_square + 0.1 * g**2
        w = w - 0.05 * g / np.sqrt(mean_square + 1e-10)
    np.testing.assert_allclose(run(rmsprop(), gradients, 0.05), w, rtol=0, atol=1e-12)


def test_rmsprops_epsilon_is_1e_10(float64):
    """Seen once zero gradients have worn the mean square down to its size."""
    w, mean_square = np.ones(4), np.ones(4)
    gradients = [np.zeros(4)] * 220 + [np.full(4, 1e-5)] * 3
    for g in gradients:
        mean_square = 0.9 * mean_square + 0.1 * g**2
        w = w - 0.05 * g / np.sqrt(mean_square + 1e-10)
    np.testing.assert_allclose(run(rmsprop(), gradients, 0.05), w, rtol=0, atol=1e-9)
    assert 1 - w[0] > 1e-3


def test_adam_is_tensorflow_1s(float64, rng):
    """Kingma and Ba 2015, as rewritten before its section 2.1: epsilon is beside a root that is not corrected."""
    gradients = rng.normal(size=(5, 4)) * [1e-9, 1e-2, 1, 1e3]
    w, m, v = np.ones(4), 0, 0
    for t, g in enumerate(gradients, 1):
        m, v = 0.5 * m + 0.5 * g, 0.9 * v + 0.1 * g**2
        w = w - 0.05 * np.sqrt(1 - 0.9**t) / (1 - 0.5**t) * m / (np.sqrt(v) + 1e-8)
    np.testing.assert_allclose(run(adam(0.5, 0.9), gradients, 0.05), w, rtol=0, atol=1e-12)


def test_adam_has_the_variables_of_keras():
    """Checkpoints of earlier versions hold those."""
    variables = [keras.Variable(np.ones(4), name=name) for name in ("kernel", "bias")]
    optimizers = adam(0.0, 0.9), keras.optimizers.Adam()
    for optimizer in optimizers:
        optimizer.build(variables)
    ours, theirs = ([v.path.partition("/")[2] for v in optimizer.variables] for optimizer in optimizers)
    assert ours == theirs and len(ours) == 6


def test_momentum(float64, rng):
    gradients, w, velocity = rng.normal(size=(5, 4)), np.ones(4), 0
    for g in gradients:
        velocity = 0.9 * velocity - 0.1 * g
        w = w + velocity
    np.testing.assert_allclose(run(sgd(0.9), gradients, 0.1), w, rtol=0, atol=1e-7)


def test_linear_decay():
    rate = linear_decay(2e-4, 100)
    np.testing.assert_allclose(
        [rate(tf.constant(i, tf.int64)) for i in (0, 25, 100, 200)], [2e-4, 1.5e-4, 0, 0], rtol=1e-6
    )
    assert float(constant(1e-4)(tf.constant(7, tf.int64))) == np.float32(1e-4)


@pytest.mark.parametrize("replicas", [1, 2])
def test_clipping_reaches_every_weight_norms_and_biases_too_on_every_replica(replicas, two_replicas):
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    with strategy.scope():
        critic = simple_networks("group").critic
    before = [v.numpy() for v in critic.trainable_variables]
    strategy.run(tf.function(lambda: clip_weights(critic.trainable_variables, 0.05)))
    for old, variable in zip(before, critic.trainable_variables, strict=True):
        for value in strategy.experimental_local_results(variable.value):
            np.testing.assert_array_equal(value.numpy(), np.clip(old, np.float32(-0.05), np.float32(0.05)))
    assert {"gamma", "beta", "kernel", "bias"} == {v.name for v in critic.trainable_variables}
