"""Every preset trains for twenty iterations or more, on drawn images and on photographs, at a tiny width."""

import collections
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from conftest import state
from gpu_kernels import not_for_gpus
from test_presets import CORRECTED, FACTS, tiny

from tfgan_gn.augmenter import Augmenter
from tfgan_gn.export import make_sampler
from tfgan_gn.runs import building, run_data
from tfgan_gn.scoring import images
from tfgan_gn.settings.presets import PRESETS

CIFAR10 = pathlib.Path(__file__).parents[2] / "shared" / "tfds"
DATA = {
    "shapes": {"dataset": "shapes"},
    "cifar10": {"dataset": "tfds:cifar10:train[:400]", "data_dir": str(CIFAR10)},
}

# Iterations of each of four parts. Dropout of half of all values makes the estimates of few iterations mostly noise.
# The critic of report_published begins so slowly that rounding decides about the first twenty.
PART = collections.defaultdict(lambda: 5, dagan=15, report_published=10)
# Together they have all settings that published presets add but the loss bce_halved, the initializer normal, and those
# of dagan_published: its two norms, and pairs of one image twice.
LETTER = ("report_published", "sngan_dcgan_published", "wgan_32_published")


def make(preset, **given):
    """Its settings but for the width, the batch, and a rate at which twenty iterations are seen."""
    return tiny(preset, **{"n_critic": PRESETS[preset].get("n_critic", 5), "learning_rate": 1e-3, **given})


@pytest.fixture(scope="module")
def trainers():
    """Of each preset one, traced once and put back to its initial weights; only the last is kept."""
    kept = {}

    def get(preset):
        if preset not in kept:
            kept.clear()
            trainer = building.build_trainer(make(preset), FACTS)
            kept[preset] = trainer, {name: variable.numpy() for name, variable in state(trainer).items()}
        trainer, initial = kept[preset]
        for name, variable in state(trainer).items():
            variable.assign(initial[name])
        return trainer

    return get


@pytest.mark.parametrize("data", DATA)  # the faster of the two: a trainer sees both
@pytest.mark.parametrize("preset", [*CORRECTED, *LETTER])
def test_twenty_iterations_of_a_preset(preset, data, trainers):
    """The critic comes to score real images above generated ones by more than at the start."""
    if data == "cifar10" and not CIFAR10.is_dir():
        pytest.skip("CIFAR-10 is not beside the project")
    trainer, config = trainers(preset), make(preset, **DATA[data])
    dataset = run_data.load_data(config)
    batches = run_data.make_train_batches(config, dataset, trainer.strategy, 0)
    logs = [trainer.train(batches, tf.constant(PART[preset], tf.int64))[0] for _ in range(4)]
    count = 4 * PART[preset]
    assert trainer.iteration.numpy() == count
    steps = [u.optimizer.iterations.numpy() for u in (trainer.critic_update, trainer.generator_update)]
    assert steps == [count * config.n_critic, count - (config.order == "generator_first")]
    assert all(np.isfinite(value) for log in logs[1:] for value in log.values())
    estimates = [log["critic/wasserstein"] for log in logs]
    assert estimates[-1] > estimates[1 if config.clip else 0]  # the first ones were made before the first clip
    if config.clip:
        assert max(abs(v.numpy()).max() for v in trainer.critic.trainable_variables) <= np.float32(config.clip)
    if data == "cifar10":
        return  # samples and kernels were looked at after the shapes
    (train,) = trainer.train._list_all_concrete_functions()
    assert not_for_gpus(train) == set()
    if run_data.takes_pairs(config):
        augmenter = Augmenter(trainer.sampling_generator, **building.augmenting(config, FACTS, 20))
        assert not_for_gpus(augmenter.augment.get_concrete_function()) == set()
        made = augmenter.augment(dataset.train.images[:2], 3, 0).numpy()
        assert made.shape == (2, 3, *dataset.train.images.shape[1:]) and made.dtype == np.uint8
        assert (made[:, 0] != made[:, 1]).any((1, 2, 3)).all() and (made[0] != made[1]).any()
        return
    sampler = make_sampler(
        trainer.sampling_generator, **{**building.sampling(config, FACTS, 20), "statistics": "batch"}
    )
    assert not_for_gpus(sampler.sample.get_concrete_function()) == set()
    (part,) = images.of_generator(sampler, 3, 0, "").parts()
    assert part.shape == (3, *dataset.train.images.shape[1:]) and part.dtype == np.uint8
    assert part.std(0).mean() > 1, "three different images"
