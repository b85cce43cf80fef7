"""A run read back from its folder."""

import dataclasses
import random
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import weights

import tfgan_gn
from tfgan_gn.errors import UserError
from tfgan_gn.runs.about import versions
from tfgan_gn.runs.building import build_trainer
from tfgan_gn.runs.loading import load_run, load_trainer
from tfgan_gn.runs.run_data import DataFacts
from tfgan_gn.settings.config_file import load_config, save_config
from tfgan_gn.settings.training import make_config
from tfgan_gn.training import checkpoints, strategies

pytestmark = pytest.mark.quick
FACTS = DataFacts(3, 3, "")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with checkpoints of iterations 5 and 7 and a best one of 6, and the trainer as it was at 7."""
    workdir = tmp_path_factory.mktemp("run")
    sizes = {"width": 8, "z_dim": 8, "image_size": 16, "groups": (4,), "batch_size": 4, "ema": 0.5}
    config = make_config("author_conditional", norm="group", **sizes)
    save_config(config, workdir, versions(), FACTS._asdict())
    trainer = build_trainer(config, FACTS)
    managers = [checkpoints.manage(trainer, str(workdir / folder), 2) for folder in ("checkpoints", "best")]
    for iteration, manager in ((5, managers[0]), (6, managers[1]), (7, managers[0])):
        for network in (trainer.generator, trainer.critic, trainer.sampling_generator):
            for variable in network.variables:
                variable.assign(np.random.default_rng(iteration).normal(size=variable.shape))
        checkpoints.save(manager, iteration)
    return str(workdir), trainer


def test_it_has_the_weights_of_the_newest_checkpoint_and_computes_what_the_trainer_did(run):
    workdir, trainer = run
    found = tfgan_gn.load_run(workdir)
    assert (found.iteration, found.config.z_dim, found.data_facts) == (7, 8, FACTS)
    ours = {v.path: v.numpy() for network in (found.generator, found.critic) for v in network.variables}
    expected = {**weights(trainer), **{v.path: v.numpy() for v in trainer.sampling_generator.variables}}
    assert ours.keys() == expected.keys()
    for path, value in ours.items():
        np.testing.assert_array_equal(value, expected[path], err_msg=path)
    z, labels = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32), np.array([0, 1, 2, 0])
    images = found.generator(z, condition=labels)
    np.testing.assert_array_equal(images, trainer.sampling_generator(z, condition=labels))
    np.testing.assert_array_equal(found.critic(images, condition=labels), trainer.critic(images, condition=labels))


def test_another_checkpoint(run):
    workdir, _ = run
    for checkpoint, iteration in (("best", 6), (6, 6), (5, 5), ("7", 7)):
        assert load_run(workdir, checkpoint).iteration == iteration
    kernels = [load_run(workdir, which).critic.trainable_variables[0].numpy() for which in (5, 6)]
    assert (kernels[0] != kernels[1]).any()
    with pytest.raises(UserError, match="has no checkpoint 8: .* one of 5, 6, 7, best"):
        load_run(workdir, 8)


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_trainer_computes_deterministically_where_its_run_does(run, tmp_path, monkeypatch, deterministic):
    """TensorFlow cannot take it back, so that here only the call is seen."""
    folder, calls = tmp_path / "run", []
    shutil.copytree(run[0], folder)
    config = dataclasses.replace(load_config(str(folder)), deterministic=deterministic, strategy="one_device")
    save_config(config, str(folder), versions(), FACTS._asdict())
    monkeypatch.setattr(strategies, "compute_deterministically", lambda: calls.append(True))
    load_trainer(str(folder))
    assert calls == [True] * deterministic


def test_the_callers_random_state_is_not_set_to_the_seed_of_the_run(run):
    drawn = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        load_run(run[0])
        drawn.append((random.random(), float(tf.random.uniform([]))))
    assert drawn[0][0] != drawn[1][0] and drawn[0][1] != drawn[1][1]


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="config.json is not the config of a run"):
        load_run(str(tmp_path))
    save_config(make_config(), tmp_path, {}, {"channels": 3})
    with pytest.raises(UserError, match="the table 'data' of .* has channels in place of num_classes, channels, "):
        load_run(str(tmp_path))
    save_config(make_config(), tmp_path, {}, FACTS._asdict())
    with pytest.raises(UserError, match="has no checkpoint at all"):
        load_run(str(tmp_path))


def test_the_package_is_imported_without_tensorflow():
    code = "import sys, tfgan_gn; tfgan_gn.__version__; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'save_run'"):
        tfgan_gn.save_run  # noqa: B018
