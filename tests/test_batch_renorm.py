"""Batch renormalization: TensorFlow 1's formula over several passes, its state, its gradient, several replicas."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_networks, tiny_trainer

from tfgan_gn.layers.batch_renorm import BatchRenorm
from tfgan_gn.layers.norms import synchronize_batch_norm
from tfgan_gn.training.averaging import MovingAverage

pytestmark = pytest.mark.quick
AXES = (0, 1, 2)


def published_passes(batches, gamma, beta, epsilon=1e-3, decay=0.99):
    """`contrib.layers.batch_norm(decay=0.99, scale=True, renorm=True)` in numpy: outputs, and the state at the end."""
    renorm_mean, renorm_stddev, weight, moving_mean, moving_variance, outputs = 0.0, 0.0, 0.0, 0.0, 1.0, []
    for x in batches:
        m, s = x.mean(AXES), np.sqrt(x.var(AXES) + epsilon)
        sigma = renorm_stddev + (1 - weight) * s
        r, d = s / sigma, (m - (renorm_mean + (1 - weight) * m)) / sigma
        outputs.append(((x - m) / s * r + d) * gamma + beta)
        renorm_mean = decay * renorm_mean + (1 - decay) * m
        renorm_stddev = decay * renorm_stddev + (1 - decay) * s
        weight = decay * weight + (1 - decay)
        moving_mean = decay * moving_mean + (1 - decay) * renorm_mean / weight
        moving_variance = decay * moving_variance + (1 - decay) * ((renorm_stddev / weight) ** 2 - epsilon)
    return outputs, [renorm_mean, renorm_stddev, weight, moving_mean, moving_variance]


@pytest.fixture
def batches(rng):
    """Their mean and their deviation differ from batch to batch, so that r and d differ from 1 and 0."""
    return [rng.normal(rng.normal(), rng.uniform(1, 3), (4, 5, 3, 6)) for _ in range(4)]


def make(rng, **kwargs):
    """A layer with random scale and offset."""
    norm = BatchRenorm(**kwargs)
    norm.build((None, 5, 3, 6))
    for variable in norm.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return norm


def test_training_passes_are_those_of_tensorflow_1(float64, rng, batches):
    norm = make(rng)
    ours = [norm(x, training=True).numpy() for x in batches]
    expected, state = published_passes(batches, norm.gamma.numpy(), norm.beta.numpy())
    for y, published in zip(ours, expected, strict=True):
        np.testing.assert_allclose(y, published, rtol=0, atol=1e-12)
    for variable, value in zip(norm.state, state, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=0, atol=1e-12, err_msg=variable.name)
    plain = (batches[1] - batches[1].mean(AXES)) / np.sqrt(batches[1].var(AXES) + 1e-3)
    assert abs(ours[1] - plain * norm.gamma.numpy() - norm.beta.numpy()).max() > 1e-3  # r and d show


@pytest.mark.parametrize("standing", [False, True])
def test_other_passes_use_the_moving_statistics_and_move_nothing(float64, rng, batches, standing):
    norm = make(rng)
    for x in batches:
        norm(x, training=True)
    before = [v.numpy() for v in norm.variables]
    y = norm(batches[0], standing=standing)
    mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
    expected = (batches[0] - mean) / np.sqrt(variance + 1e-3) * norm.gamma.numpy() + norm.beta.numpy()
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    for old, variable in zip(before, norm.variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())


def test_r_and_d_are_constants_and_the_gradient_goes_through_mean_and_deviation(float64, rng, batches):
    """Compared with finite differences of the formula with r and d held fixed."""
    norm, weights = make(rng), rng.normal(size=batches[0].shape)
    norm(batches[0], training=True)
    weight, x = norm.renorm_weight.numpy(), batches[1]
    m, s = x.mean(AXES), np.sqrt(x.var(AXES) + 1e-3)
    sigma = norm.renorm_stddev.numpy() + (1 - weight) * s
    r, d = s / sigma, (m - norm.renorm_mean.numpy() - (1 - weight) * m) / sigma

    def value(x):
        y = (x - x.mean(AXES)) / np.sqrt(x.var(AXES) + 1e-3) * r + d
        return (weights * (y * norm.gamma.numpy() + norm.beta.numpy())).sum()

    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(weights * norm(variable, training=True))
    direction = rng.normal(size=x.shape)
    along = (tape.gradient(total, variable).numpy() * direction).sum()
    difference = (value(x + 1e-6 * direction) - value(x - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(along, difference, rtol=1e-7)


def test_a_network_that_is_called_for_training_moves_the_state_of_its_norms(rng):
    """Keras passes `training` on through the blocks, which do not take it."""
    generator = tiny_networks(generator_norm="batch_renorm").generator
    norms = [layer for layer in generator._flatten_layers() if isinstance(layer, BatchRenorm)]
    z = tf.constant(rng.normal(size=(4, 8)), tf.float32)
    generator(z)
    generator(z, standing=True)
    assert len(norms) == 7 and all(float(norm.renorm_weight.numpy()) == 0 for norm in norms)
    generator(z, training=True)
    np.testing.assert_allclose([float(norm.renorm_weight.numpy()) for norm in norms], np.full(7, 0.01), rtol=1e-6)


def test_the_state_moves_in_critic_steps_and_in_generator_steps(eagerly):
    networks = tiny_networks(generator_norm="batch_renorm")
    trainer = tiny_trainer(networks, n_critic=2)
    batches = tf.data.Dataset.from_tensors(tf.zeros([4, 16, 16, 3], tf.uint8)).repeat()
    for _ in range(2):  # the first iteration has no generator step
        trainer.iterate(iter(batches))
    weight = next(v for v in networks.generator.variables if v.path.endswith("renorm_weight"))
    np.testing.assert_allclose(weight.numpy(), 1 - 0.99**5, rtol=1e-5)


def test_the_averaged_generator_has_the_state_of_the_trained_one(rng):
    networks = tiny_networks(generator_norm="batch_renorm")
    average = MovingAverage(tiny_networks(seed=1, generator_norm="batch_renorm").generator, networks.generator, 0.9)
    networks.generator(tf.constant(rng.normal(size=(4, 8)), tf.float32), training=True)
    average.update()
    moved = 0
    for ours, theirs in zip(average.averaged.variables, networks.generator.variables, strict=True):
        if ours.name.startswith(("renorm", "moving")):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
            moved += ours.name == "renorm_mean" and abs(ours.numpy()).max() > 0
    assert moved == 7


@pytest.mark.parametrize("synchronized", [False, True])
def test_two_replicas_share_one_state(two_replicas, float64, rng, synchronized):
    """Synchronized, they compute what one computes of the whole batch. Otherwise the state takes the replicas' mean."""
    x = rng.normal(size=(4, 5, 3, 6)) + np.arange(4).reshape(4, 1, 1, 1)
    halves = x[:2], x[2:]

    def model(synchronized):
        network = keras.Sequential([BatchRenorm()])
        network.build((None, 5, 3, 6))
        if synchronized:
            synchronize_batch_norm(network)
        return network

    with two_replicas.scope():
        two = model(synchronized)
    for _ in range(2):
        shares = two_replicas.experimental_distribute_values_from_function(
            lambda context: tf.constant(halves[context.replica_id_in_sync_group])
        )
        run = tf.function(lambda share: two_replicas.run(lambda x: two(x, training=True), (share,)))
        ours = two_replicas.experimental_local_results(run(shares))
    state = two.layers[0].state
    if synchronized:
        one = model(synchronized=False)
        for _ in range(2):
            expected = one(x, training=True).numpy()
        np.testing.assert_allclose(np.concatenate(ours), expected, rtol=0, atol=1e-12)
        values = [v.numpy() for v in one.layers[0].state]
    else:
        m = np.mean([half.mean(AXES) for half in halves], 0)
        s = np.mean([np.sqrt(half.var(AXES) + 1e-3) for half in halves], 0)
        weight = 1 - 0.99**2
        values = [weight * m, weight * s, weight, weight * m, 0.99**2 + weight * (s**2 - 1e-3)]
    for variable, value in zip(state, values, strict=True):
        for copy in two_replicas.experimental_local_results(variable.value):
            np.testing.assert_allclose(copy.numpy(), value, rtol=0, atol=1e-12, err_msg=variable.name)


def test_outside_of_a_replica_it_is_that_of_one_device(two_replicas, float64, rng):
    x = rng.normal(size=(4, 5, 3, 6))
    alone = make(np.random.default_rng(1))
    with two_replicas.scope():
        norm = make(np.random.default_rng(1))
        for _ in range(2):
            np.testing.assert_allclose(norm(x, training=True), alone(x, training=True), rtol=0, atol=1e-12)
