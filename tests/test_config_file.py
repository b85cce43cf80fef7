"""config.json: written, read back, and refused where it is damaged or of another run."""

import json

import pytest

from tfgan_gn.errors import UserError
from tfgan_gn.settings import config_file
from tfgan_gn.settings.training import make_config

pytestmark = pytest.mark.quick


def test_config_file_round_trip_and_refusals(tmp_path):
    ours = make_config("report", seed=3)
    assert not config_file.is_run(tmp_path)
    config_file.save_config(ours, tmp_path, {"python": "3"}, {"channels": 3})
    assert config_file.is_run(tmp_path) and json.loads((tmp_path / "config.json").read_text())["versions"]
    saved, data_facts = config_file.load_config(tmp_path), config_file.load_data_facts(tmp_path)
    assert saved == ours and data_facts == {"channels": 3}
    with pytest.raises(UserError, match=r"run on other data \(channels there 3, now 1\)"):
        config_file.refuse_other_data({"channels": 1}, data_facts, "run")
    with pytest.raises(UserError, match=r"\(channels there None, now 1\): give the same --dataset and --data_dir to"):
        config_file.refuse_other_data({"channels": 1}, {}, "run")
    config_file.refuse_other_settings(make_config("report", seed=3, log_every=7), ours, "run")
    with pytest.raises(UserError, match=r"run holds a run with another seed \(there 3, asked 4\)"):
        config_file.refuse_other_settings(make_config("report", seed=4), ours, "run")


def test_other_classes_of_pairs_are_refused_but_for_runs_that_did_not_keep_theirs():
    classes = {"classes_sha256": "a"}
    with pytest.raises(UserError, match=r"classes_sha256 there b, now a.*--dataset, --data_dir and --class_file"):
        config_file.refuse_other_data(classes, {"classes_sha256": "b"}, "run")
    for saved in (classes, {}):
        config_file.refuse_other_data(classes, saved, "run")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "config.json is not the config of a run of this version .it has no table 'config'.: give another"),
        ("[]", "it has no table 'config'"),
        ('{"config": [1]}', "it has no table 'config'"),
        ('{"config"', "config.json is not the config of a run"),
        ("[" * 100_000, "its brackets are nested too deeply"),
        ('{"config": {"preset": "author"}}', "it lacks the settings batch_size, beta_1, .*, z_dim"),
    ],
)
def test_a_damaged_config_file_is_refused(content, message, tmp_path):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=message):
        config_file.load_config(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "message"), [("width", "a", "this version"), ("colour", 3, "unknown colour")]
)
def test_a_config_file_with_another_type_or_setting_is_refused(name, value, message, tmp_path):
    config_file.save_config(make_config(), tmp_path, {}, {})
    content = json.loads((tmp_path / "config.json").read_text())
    content["config"][name] = value
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        config_file.load_config(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("groups", 5, "--groups=5: give numbers with commas between"),
        ("groups", [[1]], "give numbers with commas between"),
        ("groups", [8, True], "give numbers with commas between"),
        ("groups", [10**30], "give 2147483647 or less"),
        ("norm", ["group"], "--norm=group: give text"),
        ("preset", {}, "give text"),
        ("workdir", 5, "--workdir=5: give text"),
        ("width", "8", "--width=8: give a whole number"),
        ("width", None, "give a whole number"),
        ("width", 8.5, "give a whole number"),
        ("width", True, "give a whole number"),
        ("width", 10**30, "give 2147483647 or less"),
        ("ema", "0.5", "--ema=0.5: give a number"),
        ("flips", "yes", "--flips=yes: give true or false"),
        ("flips", 1, "give true or false"),
    ],
)
def test_a_config_file_with_a_value_of_another_type_is_blamed_by_name(name, value, message, tmp_path):
    config_file.save_config(make_config("report"), tmp_path, {}, {})
    content = json.loads((tmp_path / "config.json").read_text())
    content["config"][name] = value
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"config.json holds a value that this version does not take: .*{message}"):
        config_file.load_config(tmp_path)
