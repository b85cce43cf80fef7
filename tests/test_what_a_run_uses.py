"""A run uses the images, the weights and the learning rate that it says it uses."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn import export
from tfgan_gn.data.sets import Dataset
from tfgan_gn.data.sources import Split
from tfgan_gn.runs import building, recording, run_data, train
from tfgan_gn.settings.training import make_config

FACTS = run_data.DataFacts(1, 3, "")
RANDOM = np.random.default_rng(0)
TRAIN, TEST, OTHER = (Split(RANDOM.integers(0, 256, (24, 16, 16, 3), np.uint8), np.zeros(24, np.int64)) for _ in "abc")


def config_of(**given):
    tiny = {"architecture": "simple_cnn", "norm": "none", "width": 4, "image_size": 16, "batch_size": 4, "n_critic": 1}
    return make_config(**{**tiny, "z_dim": 8, "strategy": "one_device", "dataset": "shapes", **given})


def test_the_learning_rate_falls_to_zero_over_the_iterations_of_the_run():
    trainer = building.build_trainer(config_of(iterations=8, learning_rate=0.5), FACTS)
    for iteration, rate in ((0, 0.5), (2, 0.375), (4, 0.25), (7, 0.0625), (8, 0.0)):
        trainer.iteration.assign(iteration)
        trainer.set_learning_rate()
        for update in (trainer.generator_update, trainer.critic_update):
            np.testing.assert_allclose(update.optimizer.learning_rate.numpy(), rate, rtol=1e-6)


def test_the_held_out_loss_is_of_the_held_out_images(eagerly):
    config = config_of(test_batches=2)
    trainer = building.build_trainer(config, FACTS)

    def loss(learnt_from, held_out):
        dataset = Dataset(learnt_from, held_out, ("image",), "")
        return recording.make_held_out_loss(config, trainer, dataset, tf.distribute.get_strategy())(3)

    assert loss(TRAIN, TEST) == loss(OTHER, TEST)
    assert abs(loss(TRAIN, TEST) - loss(TRAIN, OTHER)) > 1e-4


@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_the_averaged_generator_is_exported_where_there_is_one(ema, tmp_path, monkeypatch):
    """In place of training, the weights are set: biases of the last layer that make all images dark or bright."""
    trained, told = [], []

    def fit(trainer, *_, progress, **__):
        trained.append(trainer)
        progress(7)
        for bias, network in ((-9.0, trainer.generator), (9.0, trainer.average and trainer.average.averaged)):
            if network:
                network.trainable_variables[-1].assign([bias] * 3)
        return True

    monkeypatch.setattr(train.loop, "fit", fit)
    monkeypatch.setattr(train.recording, "make_recorder", lambda *_: None)
    dataset = Dataset(TRAIN, TEST, ("image",), "")
    config = config_of(ema=ema, eval_every=0, workdir=str(tmp_path / "run"))
    (tmp_path / "run" / "checkpoints" / "iteration-4_temp").mkdir(parents=True)
    assert train.train(config, progress=told.append, load_data=lambda _: dataset) == 0 and told == [7]
    assert trained[0].generator.trainable_variables[-1].path.endswith("bias")
    model = export.load_generator(str(tmp_path / "run" / "export"))
    images = model.sample(2, 1).numpy()
    assert not (tmp_path / "run" / "checkpoints" / "iteration-4_temp").exists(), "what a killed process left"
    assert (images > 240).all() if ema else (images < 16).all()
