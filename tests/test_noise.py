"""Every random draw of training: its distribution, its shape, what it depends on, its share for each replica."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.training.noise import Noise

pytestmark = pytest.mark.quick
NOISE = Noise(seed=0, z_dim=8, batch_size=4000, generator_batch_size=3000, num_classes=3, flips=True)
BLACK = tf.zeros([4000, 2, 2, 3], tf.uint8)


def critic_draws(noise, iteration, step):
    """(z, eps, dequantization noise) of a critic step."""
    z, eps = noise.of_critic_step(iteration, step)
    return z.numpy(), eps.numpy(), noise.to_floats(BLACK, iteration, step).numpy() + 1


def test_a_critic_steps_noise():
    z, eps, dequantization = critic_draws(NOISE, 3, 1)
    assert z.shape == (4000, 8) and eps.shape == (4000,) and dequantization.shape == BLACK.shape
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=0.02)
    np.testing.assert_allclose([dequantization.min(), dequantization.max()], [0, 1 / 128], atol=1e-5)
    np.testing.assert_allclose([eps.min(), eps.mean(), eps.max()], [0, 0.5, 1], atol=0.02)
    assert abs(np.corrcoef(eps, dequantization[:, 0, 0, 0])[0, 1]) < 0.06


def test_a_generator_steps_noise():
    z, labels = NOISE.of_generator_step(tf.constant(7, tf.int64))
    assert z.shape == (3000, 8)
    np.testing.assert_allclose([z.numpy().mean(), z.numpy().std()], [0, 1], atol=0.02)
    np.testing.assert_allclose(np.bincount(labels.numpy()), [1000] * 3, atol=100)
    assert Noise(0, 8, 4, 8).of_generator_step(7)[1] is None


def test_every_step_and_every_seed_has_noise_of_its_own():
    reseeded = Noise(1, 8, 4000, 3000)
    others = [critic_draws(NOISE, *counters) for counters in ((4, 1), (3, 2), (1, 3))]
    for other in (*others, critic_draws(reseeded, 3, 1)):
        for ours, theirs in zip(critic_draws(NOISE, 3, 1), other, strict=True):
            assert (ours != theirs).mean() > 0.99
    for ours, again in zip(critic_draws(NOISE, 3, 1), critic_draws(NOISE, tf.constant(3), tf.constant(1)), strict=True):
        np.testing.assert_array_equal(ours, again)
    z, of_1, of_seed = (n.of_generator_step(i)[0].numpy() for n, i in ((NOISE, 0), (NOISE, 1), (reseeded, 0)))
    assert (z != of_1).all() and (z != of_seed).all()


def test_half_of_the_images_are_mirrored_left_to_right(rng):
    pixels = rng.integers(0, 256, (4000, 2, 3, 1), np.uint8)
    flipped = NOISE.flip(tf.constant(pixels), 0, 0).numpy()
    mirrored = (flipped == pixels[:, :, ::-1]).all((1, 2, 3))
    assert (mirrored | (flipped == pixels).all((1, 2, 3))).all() and 0.47 < mirrored.mean() < 0.53
    assert (NOISE.flip(tf.constant(pixels), 0, 1).numpy() != flipped).any()
    np.testing.assert_array_equal(Noise(0, 8, 4000, 3000).flip(pixels, 0, 0), pixels)


def test_two_replicas_draw_the_two_halves(two_replicas):
    z, eps = NOISE.of_critic_step(3, 1)
    halves = two_replicas.run(lambda: NOISE.of_critic_step(3, 1))
    for whole, parts in zip((z, eps), halves, strict=True):
        np.testing.assert_array_equal(np.concatenate([part.numpy() for part in parts.values]), whole)
