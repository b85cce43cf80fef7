"""Every architecture with every norm: second-order gradient, checkpoint, export, two replicas."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_networks, tiny_trainer
from differences import penalty_gradient_error
from test_trainer import run, weights

from tfgan_gn import checkpoints
from tfgan_gn.export import export_generator, load_generator
from tfgan_gn.models import ARCHITECTURES
from tfgan_gn.norms import NORMS

EVERY = pytest.mark.parametrize(("architecture", "norm"), list(itertools.product(ARCHITECTURES, NORMS)))


@EVERY
def test_gradient_of_the_penalty_is_exact(architecture, norm, float64, rng):
    """The step is small, so that no ReLU changes sides; what is left is rounding."""
    critic = tiny_networks(norm, architecture=architecture).critic
    x = rng.normal(size=(3, 16, 16, 3))
    error = penalty_gradient_error(lambda x: critic(x, training=True), critic.trainable_variables, x, step=1e-8)
    assert error < 1e-6


@EVERY
def test_a_run_resumed_from_its_checkpoint_ends_where_the_whole_run_does(architecture, norm, tmp_path):
    def trainer():
        return tiny_trainer(tiny_networks(norm, architecture=architecture))

    whole = trainer()
    run(whole, 3)
    checkpoints.restore(whole, str(tmp_path), 3).save(checkpoint_number=3)
    run(whole, 2, first=3 * whole.n_critic)
    resumed = trainer()
    checkpoints.restore(resumed, str(tmp_path), 3)
    assert resumed.iteration.numpy() == 3
    run(resumed, 2, first=3 * resumed.n_critic)
    for a, b in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_array_equal(a, b)


@EVERY
def test_the_exported_generator_is_the_generator(architecture, norm, tmp_path):
    generator = tiny_networks(generator_norm=norm, generator_groups=(4,), architecture=architecture).generator
    export_generator(
        generator, str(tmp_path / "export"), z_dim=8, statistics="standing", batch_size=4, seed=0, metadata={}
    )
    z = tf.random.stateless_normal([5, 8], [1, 2])
    loaded = load_generator(str(tmp_path / "export"))
    images = loaded.generate(z)
    np.testing.assert_allclose(images, generator(z, training=False), atol=1e-6)
    if norm != "batch":
        np.testing.assert_allclose(images, generator(z, training=True), atol=1e-6)


@EVERY
def test_two_replicas_compute_what_one_does(architecture, norm, two_replicas, float64):
    """The same global batch and noise; batch norm alone sees half a batch in each."""
    kwargs = {"architecture": architecture, "generator_norm": "none"}
    one = tiny_trainer(tiny_networks(norm, **kwargs))
    with two_replicas.scope():
        two = tiny_trainer(tiny_networks(norm, **kwargs))
    (logs_of_one, slopes_of_one), (logs_of_two, slopes_of_two) = run(one, 3), run(two, 3)
    if norm == "batch":
        assert abs(logs_of_one["critic/loss"] - logs_of_two["critic/loss"]) > 1e-3
        return
    for tag in logs_of_one:
        np.testing.assert_allclose(logs_of_one[tag], logs_of_two[tag], rtol=1e-6, err_msg=tag)
    np.testing.assert_allclose(slopes_of_one, slopes_of_two, rtol=1e-9)
    for a, b in zip(weights(one), weights(two), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


def test_a_generator_on_two_replicas_is_exported_and_saved_as_on_one(two_replicas, tmp_path):
    """Batch norm, whose standing statistics are collected outside of the replicas."""
    one = tiny_trainer(tiny_networks())
    with two_replicas.scope():
        two = tiny_trainer(tiny_networks())
    z, images = tf.random.stateless_normal([5, 8], [1, 2]), []
    for name, trainer in (("one", one), ("two", two)):
        path = str(tmp_path / name)
        export_generator(trainer.generator, path, z_dim=8, statistics="standing", batch_size=4, seed=0, metadata={})
        loaded = load_generator(path)
        images.append(loaded.generate(z))
    np.testing.assert_allclose(*images, atol=1e-5)
    for variable in one.critic.trainable_variables + one.critic_optimizer.variables:
        variable.assign(variable + tf.ones_like(variable))
    checkpoints.restore(one, str(tmp_path / "checkpoints"), 1).save(checkpoint_number=0)
    checkpoints.restore(two, str(tmp_path / "checkpoints"), 1)
    for part in ("generator", "critic", "generator_optimizer", "critic_optimizer"):
        for a, b in zip(getattr(one, part).variables, getattr(two, part).variables, strict=True):
            for replica in b.value.values:
                np.testing.assert_array_equal(a.numpy(), replica.numpy(), err_msg=b.path)
