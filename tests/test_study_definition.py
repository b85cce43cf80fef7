"""What a study is, and what is refused before anything is trained."""

import copy
import json

import numpy as np
import pytest

from tfgan_gn.errors import UserError
from tfgan_gn.runs import building
from tfgan_gn.runs.run_data import DataFacts
from tfgan_gn.settings.tools.study import make_study_config
from tfgan_gn.settings.training import make_config
from tfgan_gn.study import trials
from tfgan_gn.study.__main__ import main, study_of
from tfgan_gn.study.built_in import ONE_COUNT, report_study
from tfgan_gn.study.definition import config_of, make_study, read_study

pytestmark = pytest.mark.quick

CONTENT = {
    "name": "small",
    "seeds": [3, 4],
    "baseline": "layer",
    "settings": {"dataset": "shapes", "width": 8, "iterations": 4, "eval_every": 2, "scorer": "cifar10net"},
    "arms": [
        {"name": "layer", "settings": {"norm": "layer"}},
        {"name": "group", "settings": {"norm": "group", "groups": [4, 4, 2, 2, 1, 1]}},
        {"name": "one", "settings": {"norm": "group", "groups": [1]}, "against": "group", "seed_shift": 10},
    ],
}


def changed(path, value):
    """CONTENT with another value at a path of keys."""
    content = copy.deepcopy(CONTENT)
    part = content
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return content


def test_arms_have_the_settings_of_the_study_and_their_own():
    study = make_study(CONTENT, "x")
    assert [arm.against for arm in study.arms] == ["", "layer", "group"]
    config = config_of(study.arms[1], 3)
    assert (config.norm, config.groups, config.width, config.seed) == ("group", (4, 4, 2, 2, 1, 1), 8, 3)
    assert config_of(study.arms[2], 3).seed == 13
    assert config.eval_images == 10_000, "not a number that depends on the speed of each trial"
    names = [trial.name for trial in trials.trials_of(study, "runs")]
    assert names == [f"{arm}-seed-{seed}" for seed in (3, 4) for arm in ("layer", "group", "one")]


def test_the_flags_of_a_trial_make_its_config():
    from tfgan_gn.settings import command_line
    from tfgan_gn.settings.training import Config

    for trial in trials.trials_of(make_study(CONTENT, "x"), "runs", data_dir="data"):
        assert command_line.parse_arguments(["x", *trial.flags], Config, make_config)[0] == trial.config


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["seeds"], [3], "give two or more different seeds"),
        (["seeds"], [3, 3], "give two or more different seeds"),
        (["seeds"], [3, -1], "whole numbers from 0"),
        (["seeds"], "3,4", "give a list"),
        (["baseline"], "batch", "the baseline 'batch' is not one of the arms layer, group, one"),
        (["settings"], {"widht": 8}, "there is no setting widht"),
        (["settings", "width"], "wide", "--width=wide: give a whole number"),
        (["settings", "width"], 0, "--width=0: give 1 or more"),
        (["settings", "seed"], 5, "the study itself gives seed to each trial"),
        (["settings"], {"width": 8, "eval_every": 0}, "eval_every=0: a study compares scores"),
        (["settings"], {"preset": "dagan", "eval_every": 2}, "architecture=dagan: a study cannot compare"),
        (["arms", 1, "settings", "norm"], "grup", "arm group: --norm=grup: choose one of"),
        (["arms", 1, "settings", "scorer"], "inception", "arm group has scorer=inception and arm layer cifar10net"),
        (["arms", 1, "settings"], {"norm": "layer", "groups": [4]}, "arm group: --groups has no effect"),
        (["arms", 1, "name"], "layer", "two arms are called layer"),
        (["arms", 1, "name"], "a/b", "an arm's name is 'a/b'"),
        (["arms", 1, "against"], "nothing", "against=nothing: give the name of another arm"),
        (["arms", 1, "seed_shift"], 1.5, "seed_shift=1.5: give a whole number"),
        (["arms", 1, "norm"], "layer", "unknown norm"),
        (["arms"], [{"name": "layer", "settings": {"norm": "layer"}}], "has one arm"),
    ],
)
def test_a_wrong_study_is_refused_by_name(path, value, words):
    with pytest.raises(UserError) as refused:
        make_study(changed(path, value), "study.json")
    assert words in str(refused.value)


def test_a_study_without_a_baseline_or_a_readable_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="missing baseline"):
        make_study({key: value for key, value in CONTENT.items() if key != "baseline"}, "study.json")
    with pytest.raises(UserError, match=r"nowhere.json is not a study file"):
        read_study(str(tmp_path / "nowhere.json"))
    (tmp_path / "half.json").write_text(json.dumps(CONTENT)[:-1])
    with pytest.raises(UserError, match="half.json is not a study file"):
        read_study(str(tmp_path / "half.json"))
    (tmp_path / "whole.json").write_text(json.dumps(CONTENT))
    assert read_study(str(tmp_path / "whole.json")) == make_study(CONTENT, "x")
    with pytest.raises(UserError, match="give either a study file or --preset=report"):
        study_of(make_study_config(), [])


@pytest.mark.parametrize("scale", ["cpu", "full"])
def test_the_built_in_study_has_the_arms_of_the_question(scale):
    study = make_study(report_study(scale), "report")
    assert len(study.seeds) >= 5
    configs = {arm.name: config_of(arm, study.seeds[0]) for arm in study.arms}
    resnets = {(c.norm, c.groups) for c in configs.values() if c.architecture == "resnet" and "group" in c.norm}
    own = (16, 16, 8, 8, 4, 4)
    width = configs["resnet-layer"].width
    counts = {("group", (count,)) for count in ONE_COUNT if count < width}
    assert resnets == {("group", own), ("report_group", own), ("group", (1,)), *counts}
    others = {(c.architecture, c.norm) for c in configs.values() if "group" not in c.norm or c.architecture != "resnet"}
    small = {("report_cnn", "none"), ("report_cnn", "group")}
    assert others == {("resnet", "none"), ("resnet", "layer"), ("resnet", "instance"), *small}
    against = {arm.name: arm.against for arm in study.arms}
    assert against["cnn-group-16"] == "cnn-none" and against["resnet-group-1-other-seeds"] == "resnet-layer"


def weights_by_path(norm, seed=3, **settings):
    config = make_config(width=8, norm=norm, seed=seed, workdir="x", **settings)
    networks = building.build_trainer(config, DataFacts(10, 3, "")).objective
    return {v.path: v.numpy() for net in (networks.generator, networks.critic) for v in net.variables}


@pytest.mark.parametrize("settings", [{}, {"initializer": "torch"}, {"architecture": "report_cnn"}])
def test_arms_start_with_the_same_weights(settings):
    """A norm in the critic draws nothing, so it shifts no draw of the layers after it."""
    none = weights_by_path("none", **settings)
    for norm in ("layer", "instance", "report_group"):
        groups = {"groups": (4,)} if norm == "report_group" else {}
        other = weights_by_path(norm, **settings, **groups)
        assert none.keys() < other.keys()
        for path, values in none.items():
            np.testing.assert_array_equal(other[path], values, path)
    apart = [not np.array_equal(values, none[path]) for path, values in weights_by_path("none", 4, **settings).items()]
    assert any(apart)


def finished(trial, sha="aa", **protocol):
    return {"status": "finished", "protocol": {"weights_sha256": sha, **protocol}, "last": {"iteration": 4}}


def test_results_of_other_settings_scorers_or_versions_are_refused(tmp_path, monkeypatch):
    every = trials.trials_of(make_study(CONTENT, "x"), "runs")
    (tmp_path / trials.FOLDER).mkdir()
    for trial in every[:2]:
        trials.write_result(trials.result_path(tmp_path, trial), trial, finished(trial))
    found = trials.read_results(tmp_path, every)
    assert found.keys() == {trial.name for trial in every[:2]}
    trials.refuse_other_scorer(found, "aa")
    # a trial of before the setting `clip` existed
    older = json.loads((tmp_path / "trials" / "group-seed-3.json").read_text())
    assert older["settings"].pop("clip") == 0.0
    (tmp_path / "trials" / "group-seed-3.json").write_text(json.dumps(older))
    assert trials.read_results(tmp_path, every).keys() == found.keys()
    with pytest.raises(UserError, match="group-seed-3 was scored with the weights aa, and --scorer has bb here"):
        trials.refuse_other_scorer(found, "bb")
    longer = trials.trials_of(make_study(changed(["settings", "iterations"], 6), "x"), "runs")
    with pytest.raises(UserError, match=r"group-seed-3.json was trained with iterations=4, and the study has 6"):
        trials.read_results(tmp_path, longer)
    with pytest.raises(UserError, match=r"group-seed-3.json is no trial of this study"):
        trials.read_results(tmp_path, [every[0]])
    trials.write_result(trials.result_path(tmp_path, every[2]), every[2], finished(every[2], "bb"))
    with pytest.raises(UserError, match="scored in different ways, with another weights_sha256"):
        trials.read_results(tmp_path, every)
    trials.write_result(trials.result_path(tmp_path, every[2]), every[2], {"status": "finished"})
    with pytest.raises(UserError, match=r"one-seed-3.json is no result of a trial"):
        trials.read_results(tmp_path, every)
    trials.write_result(trials.result_path(tmp_path, every[2]), every[2], finished(every[2]))
    monkeypatch.setattr(trials, "__version__", "0.0.0")
    with pytest.raises(UserError, match="was made by version .* of tfgan_gn, and this is 0.0.0"):
        trials.read_results(tmp_path, every)


def test_an_arm_that_cannot_be_built_is_refused_before_anything_is_trained(tmp_path, capsys):
    content = changed(["settings", "architecture"], "simple_cnn")
    content["arms"][1]["settings"]["groups"] = [3]
    (tmp_path / "study.json").write_text(json.dumps(content))
    code = main(["study", str(tmp_path / "study.json"), f"--out={tmp_path / 'out'}"])
    error = capsys.readouterr().err
    assert code == 1 and "tfgan_gn.study: error: arm group: " in error and "3" in error.partition("arm group")[2]
    assert not (tmp_path / "out").exists()
