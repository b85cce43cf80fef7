"""Run folders of earlier versions are read, or refused by name with the way out.

The folders in `old_runs` are as earlier versions wrote them: `first` by the first version, the others by the last one
before the package was divided into folders. `trained` also has a checkpoint, of iteration 2, and in `expected.npz` what
that version computed from it: images of the averaged generator, scores and class logits of the critic, and all trained
parameters after iteration 3.
"""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest

from tfgan_gn.errors import UserError
from tfgan_gn.runs import run_data
from tfgan_gn.runs.building import build_trainer
from tfgan_gn.runs.loading import load_run
from tfgan_gn.settings import config_file
from tfgan_gn.settings.training import make_config
from tfgan_gn.training import checkpoints, strategies

OLD_RUNS = pathlib.Path(__file__).parent / "old_runs"


def unscored(config):
    """The same Config with the defaults of scoring that earlier versions had."""
    return dataclasses.replace(config, eval_every=0, eval_images=10_000, scorer="inception")


@pytest.fixture(scope="module")
def expected():
    with np.load(OLD_RUNS / "trained" / "expected.npz") as arrays:
        return dict(arrays)


@pytest.mark.quick
def test_its_networks_compute_what_they_did(expected):
    run = load_run(str(OLD_RUNS / "trained"))
    assert run.iteration == 2
    images = run.generator(expected["z"], condition=expected["labels"])
    np.testing.assert_allclose(images, expected["images"], rtol=0, atol=1e-6)
    judgement = run.critic(expected["x"], condition=expected["labels"], classify=True)
    np.testing.assert_allclose(judgement.scores, expected["scores"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(judgement.logits, expected["logits"], rtol=0, atol=1e-6)


def test_it_is_resumed_and_computes_the_same_iteration(expected, tmp_path, eagerly):
    """Noise, order of the data, both Adams and the learning rate are those of the earlier version."""
    shutil.copytree(OLD_RUNS / "trained", tmp_path / "run")
    config = config_file.load_config(tmp_path / "run")
    facts = run_data.facts_from(config_file.load_data_facts(tmp_path / "run"), "run")
    strategy = strategies.make_strategy(config.strategy, config.wait)
    dataset = run_data.load_data(config)
    config_file.refuse_other_data(run_data.facts_of(dataset)._asdict(), facts._asdict(), "run")
    with strategy.scope():
        trainer = build_trainer(config, facts)
        checkpoints.restore(trainer, str(tmp_path / "run" / "checkpoints"), 1)
        before = {v.path: v.numpy() for v in trainer.critic.trainable_variables}
        trainer.iterate(run_data.make_train_batches(config, dataset, strategy, 2))
    for variable in (*trainer.generator.trainable_variables, *trainer.critic.trainable_variables):
        # The gradient of a bias before batch norm is 0: Adam's step for it is rounding divided by rounding.
        if not (variable.path.startswith("generator/block") and variable.path.endswith("bias")):
            np.testing.assert_allclose(variable, expected[variable.path], rtol=0, atol=1e-5, err_msg=variable.path)
    assert max(abs(expected[path] - value).max() for path, value in before.items()) > 1e-4, "the iteration is a step"


@pytest.mark.quick
def test_its_settings_are_read():
    """All of them; or those of the first version, where a setting that is younger has its former value."""
    given = {"seed": 3, "ema": 0.5, "dataset": "shapes", "groups": (8,), "batch_norm_towers": 1}
    assert config_file.load_config(OLD_RUNS / "author") == unscored(make_config("author", **given))
    assert config_file.load_data_facts(OLD_RUNS / "author")["channels"] == 3
    assert config_file.load_config(OLD_RUNS / "first") == unscored(make_config("report", seed=5))
    with pytest.raises(UserError, match="it has no table 'data'.: give another --workdir"):
        config_file.load_data_facts(OLD_RUNS / "first")


@pytest.mark.quick
@pytest.mark.parametrize(
    ("there", "now"), [("", "inception"), ("imagenet", "imagenet"), ("some/folder", "some/folder")]
)
def test_the_scorer_is_found_under_its_former_name(there, now, tmp_path):
    text = (OLD_RUNS / "author" / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"inception": ""', f'"inception": "{there}"'))
    assert config_file.load_config(tmp_path).scorer == now


@pytest.mark.quick
def test_a_resumed_run_is_scored_as_before_unless_flags_ask_for_something_else(tmp_path):
    """Among them runs whose defaults were no scoring, or scoring by Inception."""

    def resumed(**given):
        config = config_file.with_scoring_of_run(make_config(workdir=str(tmp_path), **given), given)
        return config.scorer, config.eval_every, config.eval_images

    assert resumed() == ("cifar10net", 1000, 0), "a new run"
    (tmp_path / "config.json").write_text((OLD_RUNS / "first" / "config.json").read_text())
    assert resumed() == ("inception", 0, 10_000)
    with pytest.raises(UserError, match="--scorer has no effect without --eval_every=1000: leave out --scorer, or add"):
        resumed(scorer="cifar10net")
    assert resumed(scorer="cifar10net", eval_every=50, eval_images=0) == ("cifar10net", 50, 0)
    assert resumed(protocol="author") == ("inception", 1000, 50_000), "another protocol"
    scored = make_config(eval_every=70, eval_images=300)
    config_file.save_config(scored, tmp_path, {}, {})
    assert resumed() == ("cifar10net", 70, 300)
    assert resumed(eval_every=0) == ("cifar10net", 0, 300)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("run", "setting", "name"), [("dcgan", "preset", "author_dcgan"), ("wgan_gp_64", "architecture", "dcgan_64")]
)
def test_a_former_name_is_refused_with_the_new_one_and_read_once_that_is_written(run, setting, name, tmp_path):
    message = f"config.json holds a value .*: --{setting}=dcgan: dcgan is now called {name}; write the new name instead"
    with pytest.raises(UserError, match=message):
        config_file.load_config(OLD_RUNS / run)
    text = (OLD_RUNS / run / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace(f'"{setting}": "dcgan"', f'"{setting}": "{name}"'))
    preset = name if setting == "preset" else run
    saved = config_file.load_config(tmp_path)
    former = {"norm": "none"} if preset == "author_dcgan" else {"iterations": 100_000}  # what the preset was
    assert saved == unscored(make_config(preset, workdir=saved.workdir, **former))


@pytest.mark.quick
def test_a_critic_with_norms_at_other_sites_is_refused_by_name_with_the_way_out(tmp_path):
    """An earlier `simple_cnn` with norms. Without norms it is the same network; so is a run of this version."""
    earlier, path = (OLD_RUNS / "wgan_clip" / "config.json").read_text(), tmp_path / "config.json"
    message = "earlier version, .* --architecture=simple_cnn had --norm=batch after other layers .* export/ folder"
    with pytest.raises(UserError, match=message):
        config_file.load_config(OLD_RUNS / "wgan_clip")
    path.write_text(earlier.replace('"norm": "batch"', '"norm": "none"'))
    assert config_file.load_config(tmp_path).norm == "none"
    ours = make_config("wgan_clip")
    config_file.save_config(ours, tmp_path, {}, {})
    assert config_file.load_config(tmp_path) == ours
