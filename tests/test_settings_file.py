"""A file of settings: preset < file < flags."""

import dataclasses
import json
import pathlib
import sys

import pytest

from tfgan_gn.errors import UserError
from tfgan_gn.settings import command_line, config_file
from tfgan_gn.settings.settings_file import FileFlag
from tfgan_gn.settings.training import Config, make_config

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import train_cifar  # the command itself

pytestmark = pytest.mark.quick


def parse(*flags):
    return command_line.parse_arguments(["x", *flags], Config, train_cifar.config_of, more=[FileFlag])[0]


@pytest.fixture
def written(tmp_path):
    """Function that writes a file of settings and returns the flag that names it."""

    def write(content, name="settings.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return f"--config={path}"

    return write


def test_the_file_wins_over_the_preset_and_a_flag_over_both(written):
    flag = written({"preset": "report", "learning_rate": 3e-4, "gp_weight": 7, "groups": [8], "flips": True})
    for flags in ([flag, "--gp_weight=2"], ["--gp_weight=2", flag]):
        config = parse(*flags)
        assert config == make_config("report", learning_rate=3e-4, gp_weight=2.0, groups=(8,), flips=True)
    assert config.beta_1 == 0.5 and make_config().beta_1 != 0.5, "from the preset"
    assert parse(flag, "--noflips").flips is False


def test_a_flag_of_a_preset_wins_over_the_preset_of_the_file_but_not_over_its_settings(written):
    flag = written({"preset": "report", "learning_rate": 3e-4})
    assert parse(flag, "--preset=wgan_32") == make_config("wgan_32", learning_rate=3e-4)


def test_sizes_of_the_preset_do_not_hold_for_the_architecture_of_a_file(written):
    assert parse(written({"architecture": "resnet"}), "--preset=wcgan_gp_64").width == 128
    assert parse(written({"architecture": "resnet", "width": 16}), "--preset=wcgan_gp_64").width == 16


def test_a_sweep_over_norms_takes_the_groups_of_the_file_where_there_are_groups(written):
    flag = written({"norm": "group", "groups": [8]})
    assert [parse(flag, f"--norm={norm}").norm for norm in ("none", "layer", "group")] == ["none", "layer", "group"]
    assert parse(flag).groups == (8,)
    with pytest.raises(UserError, match="--groups has no effect without --norm=group"):
        parse(flag, "--norm=layer", "--groups=4")


@pytest.mark.parametrize("given", [{}, {"norm": "layer", "optimizer": "rmsprop", "eval_every": 0}, {"preset": "dagan"}])
def test_the_config_of_a_run_gives_its_settings_again(tmp_path, given):
    config = make_config(workdir=str(tmp_path), **given)
    config_file.save_config(config, tmp_path, {}, {})
    flag = f"--config={tmp_path / config_file.NAME}"
    assert parse(flag) == config
    other = parse(flag, "--seed=5", f"--workdir={tmp_path / 'other'}")
    assert other == dataclasses.replace(config, seed=5, workdir=str(tmp_path / "other"))
    with pytest.raises(UserError, match="--preset=report has no effect beside --config=.*, which has every setting"):
        parse(flag, "--preset=report")


def test_yaml_is_read_as_json_is(written):
    pytest.importorskip("yaml")
    text = "preset: report\ngroups: [16, 16, 8, 8, 4, 2]\nlearning_rate: 1e-3\nflips: true\nnorm: group\n"
    expected = make_config("report", groups=(16, 16, 8, 8, 4, 2), learning_rate=1e-3, flips=True)
    assert parse(written(text, "settings.yaml")) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"widht": 8}, "settings.json: there is no setting widht"),
        ({"width": "wide"}, "settings.json: --width=wide: give a whole number"),
        ({"width": -1}, "settings.json: --width=-1: give 1 or more"),
        ({"norm": "layer", "groups": 8}, "settings.json: --groups has no effect without --norm=group"),
        ([1, 2], "settings.json is no table: give settings"),
        ("{", "settings.json is not a file of settings"),
        ({"config": {"width": 8}}, "settings.json is not the config of a run of this version"),
    ],
)
def test_a_fault_of_the_file_is_told_with_its_name(written, content, message):
    with pytest.raises(UserError, match=message):
        parse(written(content))
    with pytest.raises(UserError, match="nowhere.json is not a file of settings"):
        parse("--config=nowhere.json")


def test_flags_are_read_from_a_flagfile_too(tmp_path):
    (tmp_path / "flags").write_text("--norm=layer\n--seed=4\n")
    config = parse(f"--flagfile={tmp_path / 'flags'}", "--seed=5")
    assert (config.norm, config.seed) == ("layer", 5)
    with pytest.raises(UserError, match="Unable to open flagfile"):
        parse("--flagfile=nowhere")
