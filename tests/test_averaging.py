"""The averaged generator."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_networks, tiny_trainer

from tfgan_gn.layers import spectral
from tfgan_gn.training.averaging import MovingAverage

pytestmark = pytest.mark.quick


def test_after_each_generator_step_the_mean_moves_towards_the_weight():
    """mean = 0.75 mean + 0.25 weight, from the first weight on; and it is the mean that samples."""
    networks = tiny_networks()
    average = MovingAverage(tiny_networks(seed=1).generator, networks.generator, 0.75)
    trainer = tiny_trainer(networks, average=average, gp_weight=None, n_critic=1)
    weight, mean = (
        next(v for v in g.variables if "conv2/kernel" in v.path) for g in (networks.generator, average.averaged)
    )
    np.testing.assert_array_equal(weight.numpy(), mean.numpy())
    expected, batches = mean.numpy(), itertools.repeat(tf.zeros([4, 16, 16, 3], tf.uint8))
    for _ in range(3):  # the first has no generator step
        trainer.iterate(batches)
        expected = 0.75 * expected + 0.25 * weight.numpy()
        np.testing.assert_allclose(mean.numpy(), expected, rtol=1e-6, atol=1e-8)
    assert abs(weight.numpy() - mean.numpy()).max() > 1e-4
    assert trainer.sampling_generator is average.averaged
    assert tiny_trainer(networks).sampling_generator is networks.generator


def test_the_averaged_generator_divides_by_the_spectral_norm_of_its_own_kernels(rng):
    """A mean of u and v would be no unit vectors: a fifth of the spectral norm after 300 steps."""
    averaged, trained = (tiny_networks(architecture="sngan_dcgan", norm="none", seed=i).generator for i in range(2))
    average = MovingAverage(averaged, trained, 0.9)
    for _ in range(12):
        for variable in trained.trainable_variables:
            variable.assign_add(0.01 * rng.standard_normal(variable.shape))
        average.update()
    checked = 0
    for layer in averaged._flatten_layers():
        if isinstance(getattr(layer, "sigma", None), spectral.Sigma):
            kernel = tf.convert_to_tensor(layer.kernel)
            largest = np.linalg.norm(spectral.matrix(kernel, layer.sigma.transposed).numpy(), 2)
            np.testing.assert_allclose(np.linalg.norm(layer.sigma.u.numpy()), 1, rtol=1e-5)
            assert 0.9 * largest < float(layer.sigma(kernel)) <= 1.0001 * largest, layer.path
            checked += 1
    assert checked == 5


def test_a_restart_takes_over_what_is_not_averaged_too():
    """Such as the state of batch renormalization; the means begin at the weights."""
    averaged, trained = (tiny_networks(seed=i, generator_norm="batch_renorm").generator for i in range(2))
    average = MovingAverage(averaged, trained, 0.9)
    assert trained.non_trainable_variables
    for number, variable in enumerate(trained.variables):
        variable.assign(tf.fill(variable.shape, tf.cast(number, variable.dtype)))
    average.restart()
    for number, variable in enumerate(averaged.variables):
        np.testing.assert_array_equal(variable.numpy(), number)
