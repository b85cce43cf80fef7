"""A run that starts from a checkpoint of another run, and one that is made longer."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn import models
from tfgan_gn.architectures import Levels
from tfgan_gn.data.sets import Dataset
from tfgan_gn.data.sources import Split
from tfgan_gn.errors import UserError
from tfgan_gn.runs import loading, recording, train
from tfgan_gn.settings import config_file
from tfgan_gn.settings.training import make_config

TINY = {
    "architecture": "simple_cnn",
    "norm": "layer",
    "width": 4,
    "batch_size": 4,
    "n_critic": 1,
    "z_dim": 8,
    "image_size": 16,
}
TINY |= {"dataset": "shapes", "strategy": "one_device", "test_batches": 1, "eval_every": 0, "lr_decay": "none"}


def config_of(workdir, **given):
    return make_config(**{**TINY, "workdir": str(workdir), **given})


def start(config):
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), np.uint8)
    split = Split(images, np.zeros(8, np.int64))
    train.train(config, load_data=lambda config: Dataset(split, split, ("image",), ""))


def checkpoint(workdir, iteration):
    return f"{workdir}/checkpoints/iteration-{iteration}"


def values(path):
    """What a checkpoint holds, by name."""
    reader = tf.train.load_checkpoint(path)
    names = {name for name in reader.get_variable_to_shape_map() if name.endswith("VARIABLE_VALUE")}
    return {name: reader.get_tensor(name) for name in names if not name.startswith("save_counter")}


def assert_same(one, other, parts):
    compared = [
        name for name in one if name.split("/")[0] in parts and not name.endswith("_rate/.ATTRIBUTES/VARIABLE_VALUE")
    ]
    assert {name.split("/")[0] for name in compared} == set(parts)
    for name in compared:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_a_run_is_made_longer_and_another_starts_from_it(tmp_path, eagerly, monkeypatch, capsys):
    """The longer run is the run that had this length from the start, to the last bit."""
    monkeypatch.setattr(train, "export", lambda *_: None)
    monkeypatch.setattr(recording, "make_page", lambda *_: None)
    monkeypatch.setattr(recording.Recorder, "sample", lambda *_: None)
    start(config_of(tmp_path / "whole", iterations=3))
    start(config_of(tmp_path / "run", iterations=2))
    with pytest.raises(UserError, match=r"another iterations \(there 2, asked 1\): give the same settings"):
        start(config_of(tmp_path / "run", iterations=1))
    start(config_of(tmp_path / "run", iterations=3))
    assert config_file.load_config(tmp_path / "run").iterations == 3
    run, whole = (values(checkpoint(tmp_path / name, 3)) for name in ("run", "whole"))
    assert_same(run, whole, ("generator", "critic", "generator_optimizer", "critic_optimizer", "iteration"))

    origin = checkpoint(tmp_path / "run", 3)
    given = {"init_from": origin, "iterations": 1, "critic_optimizer": "sgd", "ema": 0.5, "learning_rate": 0}
    config = config_of(tmp_path / "next", **given)
    start(config)
    assert (
        f"starts from {origin}: the weights of the generator, critic, and the state of the generator"
        in capsys.readouterr().err
    )
    started = values(checkpoint(tmp_path / "next", 1))
    assert_same(run, started, ("generator", "critic", "generator_optimizer"))  # iteration 0 has no generator step
    of_average = {name.replace("averaged/", "generator/"): value for name, value in started.items()}
    assert_same(
        {name: run[name] for name in of_average if "averaged/" + name[10:] in started}, of_average, ("generator",)
    )
    assert started["iteration/.ATTRIBUTES/VARIABLE_VALUE"] == 1

    monkeypatch.setattr(loading.checkpoints, "find_not_finite", lambda trainer: "critic/a/kernel")
    with pytest.raises(UserError, match="a value of critic/a/kernel is not finite: give an earlier checkpoint"):
        start(config_of(tmp_path / "bad", init_from=origin))
    assert config_file.load_config(tmp_path / "next").init_from == origin
    assert loading.origin_of(config) is None, "a run with checkpoints of its own goes on from them"


@pytest.mark.quick
def test_what_a_run_cannot_start_from_is_refused_by_name(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    config_file.save_config(config_of(run), run, {}, {"num_classes": 3, "channels": 3, "images_sha256": ""})
    with pytest.raises(UserError, match="iteration-2 is no checkpoint: give the path of one"):
        loading.origin_of(config_of(tmp_path / "next", init_from=checkpoint(run, 2)))
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "iteration-2.index").write_text("")
    origin = loading.origin_of(config_of(tmp_path / "next", init_from=checkpoint(run, 2)))
    assert origin.config.width == 4
    with pytest.raises(
        UserError, match=r"another width \(there 4, asked 8\), another norm \(there layer, asked none\): give"
    ):
        loading.origin_of(config_of(tmp_path / "next", init_from=checkpoint(run, 2), norm="none", width=8))
    with pytest.raises(UserError, match=r"another channels \(there 3, asked 1\)"):
        loading.start_from(origin, None, config_of("next"), origin.data_facts._replace(channels=1))


@pytest.mark.quick
def test_every_setting_that_decides_the_weights_is_compared():
    of_builder = {*inspect.signature(models.build_networks).parameters}
    of_builder -= {"channels", "num_classes", "initializer"}  # of the data, compared later; of the weights that go
    of_levels = {"inner_layers", "generator_inner_layers", "dense_units", "wide_connections"}
    assert len(of_levels | {"levels"}) == len(Levels._fields)
    assert {*loading.NETWORKS} == of_builder | of_levels | {"conditional", "image_width"}


@pytest.mark.quick
def test_a_run_with_a_falling_learning_rate_is_not_made_longer_in_its_folder():
    saved, longer = (make_config(iterations=iterations) for iterations in (100, 200))
    with pytest.raises(UserError, match=r"another iterations \(there 100, asked 200\).*--init_from=run/checkpoints/it"):
        config_file.refuse_other_settings(longer, saved, "run")


@pytest.mark.quick
@pytest.mark.parametrize(
    ("given", "change"),
    [
        ({}, "a lower --learning_rate or a higher --gp_weight"),
        ({"preset": "wgan_clip"}, "a lower --learning_rate"),
        ({"critic_learning_rate": 1.0}, "a lower --learning_rate and --critic_learning_rate or a higher --gp_weight"),
    ],
)
def test_the_advice_fits_the_run(given, change):
    advice = recording.make_advice(make_config(iterations=100, **given))
    assert advice("run/checkpoints/iteration-30") == (
        "The newest checkpoint is run/checkpoints/iteration-30. To go on from it, give "
        f"--init_from=run/checkpoints/iteration-30, --iterations=70, another --workdir, and {change}"
    )
    assert advice(None).endswith(f"Start again in another --workdir with {change}")
