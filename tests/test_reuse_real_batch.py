"""A run with one real batch for all critic steps of an iteration: its data, and that it resumes where it stopped."""

import itertools

import numpy as np
import tensorflow as tf
from conftest import state, tiny_networks, tiny_trainer, weights

from tfgan_gn.data.sets import Dataset
from tfgan_gn.data.sources import Split
from tfgan_gn.runs import building, run_data
from tfgan_gn.settings.training import make_config

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
DATASET = Dataset(*[Split(IMAGES, np.zeros(40, np.int64))] * 2, ("image",), "drawn")


def config_of(**given):
    return make_config("simple_cnn", width=4, z_dim=8, batch_size=4, n_critic=2, **given)


def batches(config, iteration):
    return run_data.make_train_batches(config, DATASET, tf.distribute.get_strategy(), iteration)


def test_iteration_i_begins_at_batch_i_if_it_is_reused_and_else_at_n_critic_times_i():
    every = [batch.numpy() for batch in itertools.islice(batches(config_of(), 0), 8)]
    for reuse, expected in ((True, every[3]), (False, every[6])):
        np.testing.assert_array_equal(next(batches(config_of(reuse_real_batch=reuse), 3)), expected)


def test_a_resumed_run_is_the_run_that_was_not_stopped(eagerly):
    """With the critic first too. All variables, of networks and optimizers, to the last bit."""
    config = config_of(reuse_real_batch=True, order="critic_first")
    whole, first, resumed = (building.build_trainer(config, run_data.facts_of(DATASET)) for _ in range(3))
    three, two, one = (tf.constant(count, tf.int64) for count in (3, 2, 1))
    whole.train(batches(config, 0), three)
    first.train(batches(config, 0), two)
    for variable, stopped in zip(state(resumed).values(), state(first).values(), strict=True):
        variable.assign(stopped)
    resumed.train(batches(config, 2), one)
    expected = state(whole)
    for name, variable in state(resumed).items():
        np.testing.assert_array_equal(variable.numpy(), expected[name].numpy(), err_msg=name)


def test_two_replicas_that_reuse_a_batch_compute_what_one_does(float64, two_replicas):
    """In a graph, where each replica keeps its share of the batch over the critic steps."""
    pixels, ends = np.random.default_rng(1).integers(0, 256, (8, 16, 16, 3), np.uint8), []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            networks = tiny_networks(architecture="simple_cnn", generator_norm="layer", width=4)
            trainer = tiny_trainer(networks, n_critic=2, reuse_real_batch=True)
        batches = strategy.experimental_distribute_dataset(tf.data.Dataset.from_tensor_slices(pixels).batch(4))
        trainer.train(iter(batches), tf.constant(2, tf.int64))  # two batches: a third would end the data
        ends.append(weights(trainer))
    of_one, of_two = ends
    for name, expected in of_one.items():
        np.testing.assert_allclose(of_two[name], expected, rtol=0, atol=1e-9, err_msg=name)
