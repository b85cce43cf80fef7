"""Batch norm by towers: the formula, its derivatives, and that the number of devices does not matter."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from conftest import state, tiny_networks, tiny_trainer, weights
from differences import penalty_gradient_error
from test_conformance import iterate
from test_norms import small_critic

from tfgan_gn.errors import UserError
from tfgan_gn.layers import batch_norm
from tfgan_gn.layers.batch_norm import BatchNorm, towers_per_replica
from tfgan_gn.layers.norms import synchronize_batch_norm
from tfgan_gn.runs import about, building, checks
from tfgan_gn.settings.training import make_config
from tfgan_gn.training import checkpoints


@pytest.mark.quick
@pytest.mark.parametrize("shape", [(6, 5, 4, 8), (6, 8)])
@pytest.mark.parametrize("towers", [1, 2, 3])
@pytest.mark.parametrize("num_classes", [None, 4])
def test_each_consecutive_part_of_a_batch_is_normalized_by_itself(float64, rng, shape, towers, num_classes):
    x, labels = rng.normal(2, 3, shape), np.array([3, 0, 0, 1, 2, 0])
    norm = BatchNorm(num_classes=num_classes)
    norm.build(shape)
    for weight in norm.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    rows = slice(None) if num_classes is None else labels
    gamma, beta = (
        np.broadcast_to(weight.numpy()[rows], (6, 8)).reshape(6, *[1] * (len(shape) - 2), 8)
        for weight in norm.trainable_variables
    )
    axes = tuple(range(len(shape) - 1))
    parts = [
        (part - part.mean(axes)) / np.sqrt(part.var(axes) + 1e-5) for part in np.split(x, towers)
    ]  # of consecutive images
    expected = np.concatenate(parts) * gamma + beta
    np.testing.assert_allclose(norm(x, labels=labels, towers=towers), expected, atol=1e-12)


@pytest.mark.quick
@pytest.mark.parametrize("num_classes", [None, 3])
def test_gradient_of_the_penalty_is_exact_through_towers(float64, rng, num_classes):
    norm, labels = BatchNorm(num_classes=num_classes), np.array([2, 0, 2, 1])
    critic, variables = small_critic(norm, rng, images=4, labels=labels, towers=2)
    assert penalty_gradient_error(critic, variables, rng.normal(size=(4, 6, 6, 3))) < 1e-8


@pytest.mark.quick
def test_towers_in_bfloat16_lose_no_more_than_the_rounding_of_the_result(rng):
    norm = BatchNorm(dtype="mixed_bfloat16")
    x = tf.cast(rng.normal(3, 4, (4, 8, 8, 16)), tf.bfloat16)
    y, parts = norm(x, towers=2), np.split(tf.cast(x, tf.float64).numpy(), 2)
    expected = np.concatenate([(p - p.mean((0, 1, 2))) / np.sqrt(p.var((0, 1, 2)) + 1e-5) for p in parts])
    assert y.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(y, tf.float64), expected, rtol=2**-8, atol=1e-4)


@pytest.mark.quick
def test_replicas_that_share_a_tower_join_their_statistics(rng):
    """Four replicas, two towers: each gets the mean over its own pair. All replicas take part in one reduction."""
    statistics, sent = rng.normal(size=(4, 1, 1, 1, 3)), []

    class Replica(NamedTuple):
        replica_id_in_sync_group: int
        reduce: object
        num_replicas_in_sync: int = 4

        def all_reduce(self, op, value):
            assert op == tf.distribute.ReduceOp.MEAN
            return self.reduce(value)

    for i in range(4):
        batch_norm._mean_over_tower(
            Replica(i, lambda value: sent.append(value) or value), 2, tf.constant(statistics[i])
        )
    of_all = tf.reduce_mean(tf.stack(sent), 0)
    for i in range(4):
        pair = statistics[:2] if i < 2 else statistics[2:]
        ours = batch_norm._mean_over_tower(Replica(i, lambda _: of_all), 2, tf.constant(statistics[i]))
        np.testing.assert_allclose(ours, pair.mean(0), atol=1e-15)


def tiny(strategy, towers, synchronized=False):
    """A trainer of `simple_cnn`, the pair with the fewest layers."""
    with strategy.scope():
        networks = tiny_networks(architecture="simple_cnn", generator_norm="batch", width=4)
        if synchronized:
            synchronize_batch_norm(networks.generator)
        return tiny_trainer(networks, n_critic=1, towers=towers)


def trained(strategy, towers, synchronized=False):
    """The weights after two iterations: float64, because Adam makes steps out of rounding."""
    trainer = tiny(strategy, towers, synchronized)
    iterate(trainer, "simple_cnn", 0, 2)
    return np.concatenate([value.ravel() for value in weights(trainer).values()])


def test_towers_are_those_of_the_whole_batch_on_any_number_of_devices(float64, two_replicas):
    """Two towers on one device and one on each of two; four on one device and two on each of two."""
    one = tf.distribute.get_strategy()
    two_towers, four_towers, whole = (trained(one, towers) for towers in (2, 4, 1))
    for expected, towers, synchronized in (
        (two_towers, 2, False),
        (four_towers, 4, False),
        (two_towers, 1, False),  # more devices than towers: each is a tower
        (whole, 1, True),
    ):
        ours = trained(two_replicas, towers, synchronized)
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9, err_msg=f"{towers=} {synchronized=}")
    assert abs(two_towers - whole).max() > 1e-4 and abs(four_towers - two_towers).max() > 1e-4


def test_the_held_out_loss_is_that_of_towers_too(float64, two_replicas, eagerly):
    pixels, losses = np.random.default_rng(9).integers(0, 256, (4, 16, 16, 3), np.uint8), []
    for strategy, towers in ((tf.distribute.get_strategy(), 2), (two_replicas, 2), (tf.distribute.get_strategy(), 1)):
        trainer = tiny(strategy, towers)
        batches = strategy.experimental_distribute_dataset(tf.data.Dataset.from_tensor_slices(pixels).batch(4))
        losses.append(float(trainer.evaluate(iter(batches), tf.constant(1, tf.int64))))
    of_one, of_two, of_whole = losses
    np.testing.assert_allclose(of_two, of_one, rtol=1e-6)
    assert abs(of_whole - of_one) > 1e-4


def test_a_run_with_towers_resumes_from_its_checkpoint(tmp_path):
    whole, resumed = (tiny(tf.distribute.get_strategy(), 2) for _ in range(2))
    iterate(whole, "simple_cnn", 0, 1)
    checkpoints.restore(whole, str(tmp_path), 1).save(checkpoint_number=1)
    iterate(whole, "simple_cnn", 1, 1)
    checkpoints.restore(resumed, str(tmp_path), 1)
    iterate(resumed, "simple_cnn", 1, 1)
    expected = state(whole)
    for name, variable in state(resumed).items():
        np.testing.assert_array_equal(variable.numpy(), expected[name].numpy(), err_msg=name)


@pytest.mark.quick
def test_what_is_no_training_step_sees_the_batch_as_a_whole(rng):
    """Samples do, in batches of any size; standing statistics are those of batches as large as a tower."""
    trainer = tiny_trainer(tiny_networks(), towers=2)
    z = tf.constant(rng.normal(size=(4, 8)), tf.float32)
    halves = tf.concat([trainer.generator(half) for half in tf.split(z, 2)], 0)
    np.testing.assert_allclose(trainer.objective.generate(z), halves, atol=1e-5)
    assert abs(trainer.generator(z) - halves).numpy().max() > 1e-2
    assert trainer.generator(z[:3]).shape == (3, 16, 16, 3)
    facts = None
    for given, size in (
        ({}, 32),
        ({"preset": "report"}, 64),
        ({"batch_norm_towers": 4}, 16),
        ({"generator_norm": "layer"}, 64),
    ):
        assert building.sampling(make_config(**given), facts, 0)["batch_size"] == size


@pytest.mark.quick
def test_towers_that_do_not_divide_are_refused_with_the_way_out():
    assert [towers_per_replica(*pair) for pair in ((1, 1), (2, 1), (4, 2), (2, 2), (2, 3), (1, 8))] == [
        1,
        2,
        2,
        1,
        1,
        1,
    ]
    with pytest.raises(UserError, match="4 towers .* divided evenly among 3 devices: give a multiple of 3 as --batch"):
        checks.refuse_uneven_towers(make_config(batch_norm_towers=4), 3)
    checks.refuse_uneven_towers(make_config(batch_norm_towers=4, generator_norm="batch"), 8)
    checks.refuse_uneven_towers(make_config(generator_norm="group"), 3)
    with pytest.raises(UserError, match="3 devices cannot be divided .* 2 towers .*: give --batch_norm_towers=3 or 1"):
        checks.refuse_uneven_towers(make_config(synced_batch_norm=True), 3)
    with pytest.raises(UserError, match="--batch_norm_towers=2 does not divide --batch_size=9: give a multiple of 2"):
        make_config(batch_size=9)
    make_config(batch_size=9, batch_norm_towers=1)
    make_config(batch_size=9, generator_norm="layer")
    with pytest.raises(UserError, match="--batch_norm_towers has no effect without --generator_norm=batch"):
        make_config(generator_norm="layer", batch_norm_towers=2)
    with pytest.raises(
        UserError, match="batch_size 4 does not split over 3 towers of batch norm: give a multiple of 3"
    ):
        tiny_trainer(tiny_networks(), towers=3)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("given", "replicas", "said"),
    [({}, 2, True), ({}, 1, False), ({"synced_batch_norm": True}, 2, False), ({"generator_norm": "group"}, 2, False)],
)
def test_batch_renormalization_on_several_devices_is_noted(capsys, given, replicas, said):
    about.note_doubtful_settings(make_config("dagan_published", **given), replicas)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == said and all(
        each.startswith("note: in training on 2 devices, the generator's batch renormalization uses") for each in lines
    )


@pytest.mark.quick
@pytest.mark.parametrize(
    ("given", "replicas", "said"),
    [
        ({}, 2, False),
        ({}, 4, True),
        ({"preset": "report"}, 2, True),
        ({"preset": "report"}, 1, False),
        ({"synced_batch_norm": True}, 4, False),
        ({"generator_norm": "group"}, 4, False),
    ],
)
def test_more_devices_than_towers_are_noted(capsys, given, replicas, said):
    about.note_doubtful_settings(make_config(**given), replicas)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == said and all(
        f"note: {replicas} devices are more than --batch_norm_towers" in each for each in lines
    )
