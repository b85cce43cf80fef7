"""What a diverging run leaves behind: the iteration that breaks it, which computes the same again."""

import math

import numpy as np
import pytest
import tensorflow as tf
from conftest import simple_networks, state, tiny_trainer

from tfgan_gn import replay
from tfgan_gn.data.batches import train_batches
from tfgan_gn.errors import UserError
from tfgan_gn.training import checkpoints
from tfgan_gn.training.watch import divergence

pytestmark = pytest.mark.quick
IMAGES = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 3), np.uint8)
BREAKS = 3  # the iteration whose learning rate is too high


def trainer_of():
    def learning_rate(iteration):
        return tf.where(iteration < BREAKS, 1e-3, 1e30)

    return tiny_trainer(simple_networks(generator_norm="layer"), learning_rate=learning_rate)


@pytest.mark.parametrize("labels", [None, np.arange(32) % 2])
def test_the_iteration_that_breaks_a_run_is_left_and_computes_the_same_again(tmp_path, labels, eagerly):
    trainer = trainer_of()
    (tmp_path / "config.json").write_text("settings")
    batches = lambda iteration: iter(train_batches(IMAGES, 4, 0, 2 * iteration, labels=labels))  # noqa: E731
    evidence = divergence.Evidence(trainer, batches, lambda iteration: 2, str(tmp_path), "config.json")
    source = batches(0)
    for count in (2, 4):
        logs, _ = trainer.train(source, tf.constant(count, tf.int64))
        if count == 2:
            evidence.keep()
    assert not math.isfinite(logs["critic/loss"])
    folder = evidence.leave()
    assert folder == str(tmp_path / "diverged") and (tmp_path / "diverged" / "config.json").read_text() == "settings"
    at = state(trainer)
    assert at["iteration"] == BREAKS and all(np.isfinite(variable).all() for variable in at.values())

    iteration, wrong, logs, arrays = divergence.read(folder)
    assert iteration == BREAKS and not math.isfinite(logs["critic/loss"]) and wrong == "critic/loss"
    other = trainer_of()
    checkpoints.restore(other, f"{folder}/checkpoints", 1)
    now, wrong_now = divergence.iterate(other, iter(arrays))
    assert wrong_now == wrong and now.keys() == logs.keys() and math.isfinite(now["generator/loss"])
    assert all(map(replay.same, now.values(), logs.values()))


def test_a_folder_that_no_run_left_is_refused(tmp_path):
    with pytest.raises(UserError, match="does not hold what a diverging run leaves .*give the folder div"):
        divergence.read(str(tmp_path))
