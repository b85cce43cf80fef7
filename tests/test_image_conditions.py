"""Training with an image as the condition: what each pass is given, joint moves, batches, dropout masks."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from conftest import smallest, tiny_networks, tiny_trainer

from tfgan_gn.data.pixels import PIXELS
from tfgan_gn.errors import UserError
from tfgan_gn.training.losses import LOSSES
from tfgan_gn.training.noise import Noise, critic_inputs, generator_inputs, held_out_inputs
from tfgan_gn.training.objective import Masks, Objective

SHAPES = {"generator_masks": ((2, 2, 3), (4,)), "critic_masks": ((5,),)}


def pair_noise(batch_size=4, **kwargs):
    """Noise of pairs, with the pixels of the published code."""
    settings = {"pairs": True, "pixels": PIXELS["255"], **kwargs}
    return Noise(0, 8, batch_size, batch_size, **settings)


def pair_of(rng, count=4, size=4):
    return tuple(tf.constant(rng.integers(0, 256, (count, size, size, 3), np.uint8)) for _ in range(2))


class Spy:
    """Takes the place of a network and keeps the arguments of each call."""

    def __init__(self, output):
        self.output, self.calls = output, []

    def __call__(self, x, **arguments):
        self.calls.append(SimpleNamespace(x=x, **arguments))
        return self.output(x)


def scores_of(x):
    return tf.reduce_sum(x, [1, 2, 3])


@pytest.mark.quick
@pytest.mark.parametrize("separate", [False, True])
def test_each_pass_is_given_the_condition_and_its_own_masks(rng, separate):
    """x_i goes beside x_j, beside the fake image and beside x_hat, and into the generator."""
    real, condition, fake = (tf.constant(rng.normal(size=(2, 4, 4, 3))) for _ in range(3))
    masks = Masks(*((tf.fill([2, 1], float(number)),) for number in range(4)))
    generator, critic = Spy(lambda z: fake), Spy(scores_of)
    objective = Objective(generator, critic, LOSSES["wasserstein"], 10.0, separate_passes=separate)
    made = objective.generate(tf.zeros([2, 8]), condition, masks=masks.generator)
    objective.critic_loss(real, made, tf.constant([0.25, 0.5], tf.float64), condition, masks=masks)
    objective.generator_loss(tf.zeros([2, 8]), condition, masks)
    assert [float(call.masks[0][0, 0]) for call in generator.calls] == [0, 0]
    np.testing.assert_array_equal(generator.calls[0].condition, condition)
    passes = [float(each) for call in critic.calls for each in call.masks[0][:: len(call.masks[0]) // 2, 0]]
    # Real, fake, x_hat, and the fake images of the generator step; each mask has two rows.
    assert passes == ([1, 1, 2, 2, 3, 3, 2, 2] if separate else [1, 2, 3, 3, 2, 2])
    for call in critic.calls:
        np.testing.assert_array_equal(call.condition, tf.tile(condition, [len(call.x) // 2, 1, 1, 1]))


@pytest.mark.quick
def test_the_penalty_does_not_differentiate_by_the_condition(rng):
    """A critic that looks at the condition only has slopes of 0."""
    real, condition = (tf.constant(rng.normal(size=(2, 4, 4, 3))) for _ in range(2))
    critic = lambda x, condition, **arguments: scores_of(condition) + 0 * scores_of(x)  # noqa: E731
    objective = Objective(None, critic, LOSSES["wasserstein"], 10.0)
    _, _, slopes = objective.critic_loss(real, real, tf.constant([0.25, 0.5], tf.float64), condition)
    np.testing.assert_array_equal(slopes, np.zeros(2))


@pytest.mark.quick
def test_both_images_of_a_pair_are_flipped_and_turned_alike(rng):
    """Equal images stay equal. The generator step moves its conditions too, held-out pairs stay as they are."""
    noise = pair_noise(400, flips=True, turns=True)
    (pixels, _), plain = pair_of(rng, 400), pair_noise(400)
    still = plain.to_floats(pixels, 0, 0).numpy()
    real, _, _, condition, _ = critic_inputs(noise, (pixels, pixels), 3, 1, 1)
    np.testing.assert_array_equal(real, condition)
    _, of_generator, _ = generator_inputs(noise, 3, (pixels, pixels))
    for moved in (condition.numpy(), of_generator.numpy()):
        stayed = (moved == still).all((1, 2, 3)).mean()
        assert 0.2 < stayed < 0.43  # half of 5/8
    held_out, _, _, condition = held_out_inputs(noise, (pixels, pixels), 0, 1)
    np.testing.assert_array_equal(held_out, still)
    np.testing.assert_array_equal(condition, still)


@pytest.mark.quick
def test_five_eighths_of_the_images_are_not_turned_and_an_eighth_by_each_angle(rng):
    pixels, _ = pair_of(rng, 4000, 3)
    turned = pair_noise(4000, turns=True).turn(pixels, 2, 0).numpy()
    shares = [(turned == np.rot90(pixels, k, (1, 2))).all((1, 2, 3)).mean() for k in range(4)]
    np.testing.assert_allclose(shares, [5 / 8, 1 / 8, 1 / 8, 1 / 8], atol=0.03)


@pytest.mark.quick
def test_the_two_images_of_a_pair_have_dequantization_noise_of_their_own():
    black = tf.zeros([4, 4, 4, 3], tf.uint8)
    noise = pair_noise(pixels=PIXELS["256_dequantized"])
    real, _, _, condition, _ = critic_inputs(noise, (black, black), 0, 0, 0)
    for images in (real, condition):
        assert images.numpy().min() >= -1 and images.numpy().max() <= -1 + 1 / 128
    assert (real.numpy() != condition.numpy()).mean() > 0.99


@pytest.mark.quick
def test_masks_are_zero_at_the_rate_and_keep_the_mean():
    noise = pair_noise(3000, dropout=0.25, **SHAPES)
    masks = noise.masks_of_critic_step(5, 2)
    assert [len(of_pass) for of_pass in masks] == [2, 1, 1, 1]
    drawn = [mask.numpy() for of_pass in masks for mask in of_pass]
    assert [mask.shape for mask in drawn] == [(3000, 2, 2, 3), (3000, 4), *[(3000, 5)] * 3]
    for mask in drawn:
        assert set(np.unique(mask)) == {0, np.float32(1 / 0.75)}
        np.testing.assert_allclose(mask.mean(), 1, atol=0.02)
    of_generator = noise.masks_of_generator_step(5)
    assert [len(of_pass) for of_pass in of_generator] == [2, 0, 1, 0]
    # Each pass of each step has masks of its own.
    different = [drawn[2], drawn[3], drawn[4], noise.masks_of_critic_step(5, 1).real[0].numpy()]
    different += [noise.masks_of_critic_step(4, 2).real[0].numpy(), of_generator.fake[0].numpy()]
    for one, other in itertools.combinations(different, 2):
        assert 0.3 < (one != other).mean() < 0.45  # 2 * 0.25 * 0.75
    again = noise.masks_of_critic_step(tf.constant(5), tf.constant(2))
    np.testing.assert_array_equal(again.real[0], drawn[2])


@pytest.mark.quick
def test_there_are_no_masks_without_dropout():
    assert pair_noise(**SHAPES).masks_of_critic_step(0, 0) == Masks()
    assert pair_noise(dropout=0.5).masks_of_generator_step(0) == Masks()


@pytest.mark.quick
def test_two_replicas_draw_the_halves_of_the_masks(two_replicas):
    noise = pair_noise(4, dropout=0.5, **SHAPES)
    whole = noise.masks_of_critic_step(1, 0)
    halves = two_replicas.run(lambda: noise.masks_of_critic_step(1, 0))
    for masks, of_replicas in zip(tf.nest.flatten(whole), tf.nest.flatten(halves), strict=True):
        np.testing.assert_array_equal(np.concatenate([half.numpy() for half in of_replicas.values]), masks)


@pytest.fixture
def networks():
    return tiny_networks(architecture="dagan", generator_norm="group", generator_groups=(4,), **smallest("dagan"))


@pytest.mark.parametrize(("critic_first", "reuse", "taken"), [(False, False, 5), (True, False, 6), (True, True, 4)])
def test_a_generator_step_takes_a_batch_too(eagerly, rng, networks, critic_first, reuse, taken):
    """Of two iterations with two critic steps each; with the generator first, the first has no generator step."""
    trainer = tiny_trainer(
        networks, pairs=True, generator_batch_size=4, critic_first=critic_first, reuse_real_batch=reuse
    )
    pair, count = pair_of(rng, size=16), itertools.count()
    batches = ((next(count), pair)[1] for _ in itertools.repeat(None))
    for _ in range(2):
        totals, _ = trainer.iterate(batches)
    assert next(count) == taken
    assert all(np.isfinite(float(value)) for value in totals.means().values())


def test_a_generator_step_of_another_size_is_refused(networks):
    with pytest.raises(UserError, match="a generator step of 8 images takes its conditions from a batch of 4 pairs"):
        tiny_trainer(networks, pairs=True)
