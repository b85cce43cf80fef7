"""Paths that a user gives: `~`, addresses, patterns of file names."""

import dataclasses
import os
import re

import pytest

from tfgan_gn.errors import UserError
from tfgan_gn.files.paths import PATTERN, refuse_pattern
from tfgan_gn.settings.scoring import EvalConfig, make_eval_config
from tfgan_gn.settings.settings_file import read_settings
from tfgan_gn.settings.tools.study import StudyConfig, make_study_config
from tfgan_gn.settings.training import Config, make_config

pytestmark = pytest.mark.quick


def pairs_config(**given):
    return make_config("dagan", **given)


MAKERS = {make_config: ("workdir", "init_from", "data_dir", "cache_dir", "scorer"), pairs_config: ("class_file",)}
MAKERS |= {make_eval_config: ("reference", "data_dir", "cache_dir", "scorer", "out")}
MAKERS |= {make_study_config: ("data_dir", "cache_dir", "out", "runs_dir")}
FLAGS = [(make, flag) for make, flags in MAKERS.items() for flag in flags]
READ_BY_TENSORFLOW = [pair for pair in FLAGS if pair[1] in ("workdir", "init_from", "scorer", "runs_dir")]


@pytest.mark.parametrize(("make", "flag"), FLAGS)
def test_a_path_is_of_this_machine_and_its_home_is_expanded(make, flag, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert getattr(make(**{flag: "~/x"}), flag) == "/home/someone/x"
    for remote in ("s3://bucket/x", "gs://bucket/x"):
        with pytest.raises(UserError, match=f"--{flag} {remote}: only local folders and files"):
            make(**{flag: remote})
    for text in ("a\0b", os.fsdecode(b"a\xff")):
        with pytest.raises(UserError, match=f"--{flag} .*: give a path in UTF-8"):
            make(**{flag: text})


@pytest.mark.parametrize("character", PATTERN)
@pytest.mark.parametrize(("make", "flag"), READ_BY_TENSORFLOW)
def test_a_pattern_is_refused_where_tensorflow_would_read_one(make, flag, character):
    with pytest.raises(UserError, match=f"--{flag} .*pattern of file names"):
        make(**{flag: f"runs/w {character}x"})


def test_a_data_set_with_a_range_has_a_run_folder_without_a_pattern():
    workdir = make_config(dataset="tfds:cifar10:train[:400]").workdir
    refuse_pattern(workdir, "")
    assert workdir == os.path.join("runs", "tfds-cifar10-train--400--author-group")


def test_the_home_is_expanded_in_the_name_of_a_file_of_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.json").write_text('{"width": 64}')
    assert read_settings("~/x.json").values == {"width": 64}


@pytest.mark.parametrize("settings", [Config, EvalConfig, StudyConfig])
def test_every_flag_that_names_a_file_or_folder_has_its_kind_of_path(settings):
    words = re.compile(r"\b(folder|file|path)\b", re.I)
    texts = [field for field in dataclasses.fields(settings) if field.type is str and not field.metadata["choices"]]
    named = {field.name for field in texts if words.search(field.metadata["help"])}
    paths = {field.name for field in texts if field.metadata["path"]}
    assert named - {"checkpoint", "value_range"} <= paths
