"""Alarms about a training: each is raised by the fault that it is for, and none by a sound training.

The networks are linear, so that a run takes seconds. The critic is D(x) = w x, whose slope is |w| at every image.
"""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import simple_networks, tiny_trainer
from test_recorder import events

from tfgan_gn.augmentation.alarms import spread
from tfgan_gn.data.batches import held_out_batches, train_batches
from tfgan_gn.metrics.alarms import FIRST, IN_A_ROW, Alarm, Alarms
from tfgan_gn.runs.about import note_dependence_on_neighbours
from tfgan_gn.training import checkpoints
from tfgan_gn.training.losses import LOSSES, PENALTY_AXES
from tfgan_gn.training.objective import Auxiliary, Objective
from tfgan_gn.training.recorder import Recorder
from tfgan_gn.training.watch import readings
from tfgan_gn.training.watch.neighbours import TAKEN, dependence_on_neighbours
from tfgan_gn.training.watch.readings import CRITIC_MOVES, GAP, GENERATOR_MOVES, SAMPLES, SLOPE

SHAPE, HELD_OUT, POINTS, EVERY = (8, 8, 3), 512, 16, 10


class Critic(keras.Model):
    def __init__(self):
        super().__init__(name="critic")
        self.dense = keras.layers.Dense(1)
        self.dense.build([None, math.prod(SHAPE)])
        self.built = True

    def call(self, images, condition=None, training=False):
        return self.dense(tf.reshape(images, [-1, math.prod(SHAPE)]))[:, 0]


class Generator(keras.Model):
    def __init__(self, of_noise):
        super().__init__(name="generator")
        self.dense, self.of_noise = keras.layers.Dense(math.prod(SHAPE)), of_noise
        self.dense.build([None, 8])
        self.built = True

    def call(self, z, condition=None, training=False, towers=1):
        return 0.2 * tf.tanh(tf.reshape(self.dense(self.of_noise * z), [-1, *SHAPE]))


def images_of(rng, count, pattern=0.0):
    """uint8 images of independent pixels around a pattern."""
    return np.clip(128 + 64 * (pattern + rng.normal(size=(count, *SHAPE))), 0, 255).astype(np.uint8)


def run(path, train, held_out, gp_weight=10.0, axes=PENALTY_AXES["gradient"], of_noise=4.0, stops=math.inf):
    """Trains and records; the tags of the alarms, and the texts that TensorBoard has."""
    keras.utils.set_random_seed(0)
    networks = Generator(of_noise), Critic()
    rate = lambda iteration: tf.where(tf.cast(iteration, tf.float32) < stops, 3e-3, 0.0)  # noqa: E731
    trainer = tiny_trainer(networks, learning_rate=rate, n_critic=1, gp_weight=gp_weight)
    trainer.objective = Objective(*networks, LOSSES["wasserstein"], gp_weight, penalty_axes=axes)
    batches, test = iter(train_batches(train, 4, 0)), held_out_batches(held_out, 4, 0)
    said, apart = [], spread(images_of(np.random.default_rng(1), 100)[None])
    recorder = Recorder(
        trainer,
        checkpoints.manage(trainer, str(path / "checkpoints"), 1),
        str(path),
        lambda iteration: float(trainer.evaluate(iter(test), tf.constant(HELD_OUT // 4, tf.int64))),
        clock=itertools.count().__next__,
        watch=lambda samples: {SAMPLES: spread(samples) / apart},
        readings=readings.Readings(trainer, True, True),
        alarms=Alarms(readings.rows_for(HELD_OUT), 10**9, said.append),
    )
    for point in range(1, POINTS + 1):
        logs, slopes = trainer.train(batches, tf.constant(EVERY, tf.int64))
        recorder.add({tag: float(value) for tag, value in logs.items()}, slopes, EVERY)
        recorder.log(EVERY * point)
        recorder.sample(EVERY * point)
    recorder.close()
    written = events(path / "train")
    assert all(len(written[row.tag]) == POINTS for row in recorder.alarms.rows)
    assert [text.item().decode() for text in written.get("alarms", [])] == said
    return recorder.alarms.told


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({}, set()),
        ({"gp_weight": 0.0}, {SLOPE}),
        ({"axes": PENALTY_AXES["channels"]}, {SLOPE}),
        ({"learnt": 4}, {GAP}),
        ({"of_noise": 0.0}, {SAMPLES}),
        ({"stops": 40}, {CRITIC_MOVES, GENERATOR_MOVES}),
    ],
    ids=("healthy", "no_penalty", "penalty_of_channels", "four_images", "constant_generator", "learning_stops"),
)
def test_a_fault_raises_its_alarm_and_no_other(fault, raised, tmp_path, rng):
    """`learnt` is the number of training images: four of independent pixels say nothing about others."""
    given = dict(fault)
    learnt = given.pop("learnt", None)
    pattern = 0.0 if learnt else rng.normal(size=SHAPE)
    train, held_out = images_of(rng, learnt or 512, pattern), images_of(rng, HELD_OUT, pattern)
    assert run(tmp_path, train, held_out, **given) == raised


@pytest.mark.quick
def test_an_alarm_is_told_once_in_a_row_and_again_at_the_end():
    rows = (Alarm("a", 0, 1, "a is {:.1f}"), Alarm("b", -math.inf, 1, "b is {:.0f}", at_end=True))
    alarms = Alarms(rows, 120, lambda line: None)
    assert not any(alarms.read({"a": 2.0}, iteration) for iteration in range(FIRST)), "a training that begins"
    values = [2.0] * (IN_A_ROW - 1) + [0.5] + [-3.0] * (20 - IN_A_ROW)
    lines = [alarms.read({"a": a, "b": 9 if i == 120 else 0, "c": 7}, i) for i, a in enumerate(values, 101)]
    at = {i: line for i, line in enumerate(lines, 101) if line}
    assert at == {
        110: ["alarm at iteration 110: a is -3.0"],
        120: ["alarm at iteration 120: a is -3.0", "alarm at iteration 120: b is 9"],
    }
    assert alarms.read({"a": math.nan}, 121) == [], "it was told"


@pytest.mark.quick
def test_readings_count_from_the_hundredth_iteration_on():
    alarms = Alarms([Alarm("a", 0, 1, "a is {:.0f}")], 10**6, lambda line: None)
    told = [iteration for iteration in range(50, 1000, 50) if alarms.read({"a": 2.0}, iteration)]
    assert told == [FIRST + 50 * (IN_A_ROW - 1)] == [300]


@pytest.mark.quick
def test_the_range_of_the_gap_is_wider_for_fewer_held_out_images():
    """By the error of a mean of n scores, which falls with the square root of n."""
    for count, high in ((36, 1.5), (900, 0.7)):
        (row,) = (row for row in readings.rows_for(count) if row.tag == readings.GAP)
        assert row.low == -math.inf and row.high == pytest.approx(high)


@pytest.mark.quick
def test_the_gap_is_the_part_of_the_advantage_that_is_lost_on_held_out_images():
    assert readings.held_out_gap(-4, -4, 0, 4) == 0 and readings.held_out_gap(-4, -3, 0, 4) == 0.25
    assert readings.held_out_gap(-4, 0, 0, 4) == 1 and readings.held_out_gap(0.5, 1.25, 2, 1.5) == 0.5
    assert readings.held_out_gap(-0.01, 0.03, 0, 4) == pytest.approx(0.1), "noise beside an advantage of 4 before"
    assert readings.held_out_gap(5, 4, 0, 0) == 0
    for loss, expected in (("wasserstein", 0), ("hinge", 2), ("bce", 2 * math.log(2)), ("bce_halved", math.log(2))):
        objective = Objective(None, None, LOSSES[loss], 10.0)
        np.testing.assert_allclose(readings.loss_of_constant_critic(objective, None), expected, rtol=1e-6, atol=1e-12)
    objective = Objective(None, None, LOSSES["wasserstein"], 10.0, Auxiliary(critic=2.0))
    np.testing.assert_allclose(readings.loss_of_constant_critic(objective, 10), 2 * math.log(10))


@pytest.mark.quick
@pytest.mark.parametrize(("norm", "penalty", "told"), [("batch", 10.0, 1), ("batch", None, 0), ("group", 10.0, 0)])
def test_a_critic_that_scores_images_by_their_neighbours_is_told_where_there_is_a_penalty(norm, penalty, told, rng):
    lines = []
    trainer = tiny_trainer(simple_networks(norm), gp_weight=penalty)
    images = rng.integers(0, 256, (20, 16, 16, 3), np.uint8)
    note_dependence_on_neighbours(trainer, images, np.zeros(20, np.int64), lines.append)
    assert len(lines) == told
    assert all(line.startswith("note: beside other images of its batch, an image's score by the cr") for line in lines)


@pytest.mark.quick
def test_the_dependence_on_neighbours_is_of_three_images_beside_one_and_of_three_others():
    """Each of the seven images has a value v and a label of its own. Its score is v + half of the mean of the others.

    By hand: the difference of the two scores of the first image, divided by the deviation of all eight scores.
    """
    values, labels = 2.0 ** np.arange(TAKEN), np.arange(TAKEN) + 10.0

    def critic(images, condition):
        np.testing.assert_array_equal(2.0 ** (condition.numpy() - 10), images[:, 0, 0, 0])
        v = images[:, 0, 0, 0]
        return v + (tf.reduce_sum(v) - v) / 6

    images = tf.constant(np.ones((TAKEN, *SHAPE)) * values[:, None, None, None])
    found = dependence_on_neighbours(critic, images, tf.constant(labels))
    batches = values[[0, 1, 2, 3]], values[[0, 4, 5, 6]]
    scores = np.stack([v + (v.sum() - v) / 6 for v in batches])
    np.testing.assert_allclose(found, abs(scores[0, 0] - scores[1, 0]) / scores.std(), rtol=1e-12)
    assert dependence_on_neighbours(lambda images, condition: images[:, 0, 0, 0], images) == 0
    assert dependence_on_neighbours(lambda images, condition: 0 * images[:, 0, 0, 0], images) == 0
