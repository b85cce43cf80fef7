"""Losses, interpolation and penalty in closed form."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.training.losses import LOSSES, PENALTY_AXES, gradient_penalty, interpolate

pytestmark = pytest.mark.quick


def test_wasserstein_losses():
    real, fake = tf.constant([1.0, 5.0]), tf.constant([2.0, -6.0])
    assert float(LOSSES["wasserstein"].critic(real, fake)) == -2.0 - 3.0
    assert float(LOSSES["wasserstein"].generator(fake)) == 2.0


def test_hinge_losses():
    """Scores beyond the margin, on it and within it, each on its own side."""
    real, fake = tf.constant([3.0, 1.0, 0.0, -2.0]), tf.constant([-3.0, -1.0, 0.5, 2.5])
    assert float(LOSSES["hinge"].critic(real, fake)) == (0 + 0 + 1 + 3) / 4 + (0 + 0 + 1.5 + 3.5) / 4
    assert float(LOSSES["hinge"].generator(fake)) == 0.25
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        loss = LOSSES["hinge"].critic(real, fake)
    for ours, theirs in zip(tape.gradient(loss, [real, fake]), ([0, 0, -0.25, -0.25], [0, 0, 0.25, 0.25]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_bce_losses_are_log_likelihoods_of_real_and_fake(rng):
    real, fake = rng.normal(0, 3, (2, 7))
    p_real, p_fake = (1 / (1 + np.exp(-s)) for s in (real, fake))
    expected = -np.log(p_real).mean() - np.log(1 - p_fake).mean()
    np.testing.assert_allclose(LOSSES["bce"].critic(tf.constant(real), tf.constant(fake)), expected, rtol=1e-13)
    np.testing.assert_allclose(LOSSES["bce"].generator(tf.constant(fake)), -np.log(p_fake).mean(), rtol=1e-13)


def test_bce_halved_is_half_of_the_critics_bce_and_the_generators_whole(rng):
    real, fake = tf.constant(rng.normal(0, 3, (2, 7)))
    whole, halved = LOSSES["bce"], LOSSES["bce_halved"]
    np.testing.assert_allclose(halved.critic(real, fake), whole.critic(real, fake) / 2, rtol=1e-13)
    np.testing.assert_allclose(halved.generator(fake), whole.generator(fake), rtol=1e-13)


def test_bce_keeps_value_and_gradient_where_the_sigmoid_is_0_or_1():
    """The generator's gradient is -1 where the critic is sure: non-saturating."""
    fake = tf.constant([-500.0, 500.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(fake)
        generator, critic = LOSSES["bce"].generator(fake), LOSSES["bce"].critic(-fake, fake)
    assert float(generator) == 250 and float(critic) == 500
    np.testing.assert_array_equal(tape.gradient(generator, fake), [-0.5, 0])
    np.testing.assert_array_equal(tape.gradient(critic, fake), [0, 1])


def test_interpolate_weighs_the_fake_image_by_eps(rng):
    real, fake = rng.normal(size=(2, 3, 4, 5, 2))
    eps = np.array([0.0, 0.25, 1.0])
    x_hat = interpolate(tf.constant(real), tf.constant(fake), eps).numpy()
    np.testing.assert_array_equal(x_hat[0], real[0])
    np.testing.assert_allclose(x_hat[1], 0.75 * real[1] + 0.25 * fake[1], atol=1e-15)
    np.testing.assert_allclose(x_hat[2], fake[2], atol=1e-15)


def test_slope_of_a_linear_critic_is_the_norm_of_its_weights_over_height_width_and_channels(rng):
    """A norm over one axis too few, or over the batch, gives another number."""
    w, x = rng.normal(size=(4, 5, 3)), tf.constant(rng.normal(size=(6, 4, 5, 3)))
    penalty, slopes = gradient_penalty(lambda x: tf.reduce_sum(w * x, [1, 2, 3]), x)
    norm = np.sqrt((w**2).sum())
    np.testing.assert_allclose(slopes, np.full(6, norm), rtol=1e-14)
    np.testing.assert_allclose(penalty, (norm - 1) ** 2, rtol=1e-14)


def test_the_norm_over_channels_is_that_of_each_pixel_and_slopes_stay_those_of_whole_images(rng):
    """pytorch-wgan: ((gradients.norm(2, dim=1) - 1) ** 2).mean(), where axis 1 are the channels."""
    w, x = rng.normal(size=(4, 5, 3)), tf.constant(rng.normal(size=(6, 4, 5, 3)))
    penalty, slopes = gradient_penalty(lambda x: tf.reduce_sum(w * x, [1, 2, 3]), x, PENALTY_AXES["channels"])
    np.testing.assert_allclose(penalty, ((np.linalg.norm(w, axis=-1) - 1) ** 2).mean(), rtol=1e-14)
    np.testing.assert_allclose(slopes, np.full(6, np.sqrt((w**2).sum())), rtol=1e-14)


def test_the_norm_over_columns_is_that_of_each_column_of_pixels_in_each_channel(rng):
    """DAGAN: the root of the sum over axis 1 of [B, H, W, C], the height."""
    w, x = rng.normal(size=(4, 5, 3)), tf.constant(rng.normal(size=(6, 4, 5, 3)))
    penalty, slopes = gradient_penalty(lambda x: tf.reduce_sum(w * x, [1, 2, 3]), x, PENALTY_AXES["columns"])
    np.testing.assert_allclose(penalty, ((np.linalg.norm(w, axis=0) - 1) ** 2).mean(), rtol=1e-14)
    np.testing.assert_allclose(slopes, np.full(6, np.sqrt((w**2).sum())), rtol=1e-14)


def test_penalty_is_the_mean_over_images_of_their_own_slopes(rng):
    """D(x) = |x|^2 / 2 has slope |x|, so that each image has another."""
    x = rng.normal(size=(6, 4, 5, 3))
    penalty, slopes = gradient_penalty(lambda x: tf.reduce_sum(x**2, [1, 2, 3]) / 2, tf.constant(x))
    norms = np.sqrt((x**2).sum((1, 2, 3)))
    np.testing.assert_allclose(slopes, norms, rtol=1e-14)
    np.testing.assert_allclose(penalty, ((norms - 1) ** 2).mean(), rtol=1e-14)


def test_gradient_of_the_penalty_by_the_weights(rng):
    """d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|."""
    w = tf.Variable(rng.normal(size=(4, 5, 3)))
    with tf.GradientTape() as tape:
        penalty, _ = gradient_penalty(lambda x: tf.reduce_sum(w * x, [1, 2, 3]), tf.zeros([2, 4, 5, 3], tf.float64))
    norm = np.sqrt((w.numpy() ** 2).sum())
    np.testing.assert_allclose(tape.gradient(penalty, w), 2 * (norm - 1) * w.numpy() / norm, rtol=1e-13)


def test_a_slope_of_zero_has_a_penalty_of_one_and_a_finite_gradient():
    w = tf.Variable(tf.zeros([4, 5, 3]))
    with tf.GradientTape() as tape:
        penalty, slopes = gradient_penalty(lambda x: tf.reduce_sum(w * x, [1, 2, 3]), tf.ones([2, 4, 5, 3]))
    assert float(penalty) == 1 and slopes.numpy().tolist() == [0, 0]
    np.testing.assert_array_equal(tape.gradient(penalty, w), np.zeros((4, 5, 3)))
