"""--help: one line for each flag, with the value that it has."""

import dataclasses
import re

import pytest

from tfgan_gn.errors import UserError
from tfgan_gn.settings import help, presets
from tfgan_gn.settings.option import as_text
from tfgan_gn.settings.scoring import EvalConfig, make_eval_config
from tfgan_gn.settings.tools.augmentation_gain import GainConfig
from tfgan_gn.settings.tools.study import StudyConfig, make_study_config
from tfgan_gn.settings.training import Config, make_config

pytestmark = pytest.mark.quick


def lines_of(*flags, settings=Config, make=make_config):
    """(All lines, the value of each flag)."""
    lines = help.text(["x", *flags, "--help"], "what it does", settings, make).splitlines()
    return lines, dict(
        re.fullmatch(r"  --(\w+) .*\[(.*)\]", line).groups() for line in lines if line.startswith("  --")
    )


@pytest.mark.parametrize(
    ("settings", "make"),
    [(Config, make_config), (EvalConfig, make_eval_config), (StudyConfig, make_study_config), (GainConfig, GainConfig)],
)
@pytest.mark.parametrize("columns", ["80", "200"])
def test_every_flag_has_one_line_that_fits_the_terminal(monkeypatch, settings, make, columns):
    monkeypatch.setenv("COLUMNS", columns)
    lines, values = lines_of(settings=settings, make=make)

    assert values.keys() == {*(field.name for field in dataclasses.fields(settings)), "verbosity", "flagfile"}
    assert max(map(len, lines)) <= min(int(columns), 120)
    assert len(lines) < 100, "two screens"


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_a_preset_shows_its_values(preset):
    values = lines_of(f"--preset={preset}")[1]
    for name, value in dataclasses.asdict(make_config(preset)).items():
        shown = ("on" if value else "off") if isinstance(value, bool) else as_text(value) or "empty"
        assert values[name] == shown, name


def test_other_flags_show_what_they_change_and_bad_ones_are_refused():
    lines, values = lines_of("--architecture=wgan_32", "--seed=3")
    assert (values["width"], values["seed"]) == ("256", "3")
    assert any("with --architecture=wgan_32 --seed=3" in line for line in lines)
    with pytest.raises(UserError, match="--norm=grup: choose one of none, batch"):
        lines_of("--norm=grup")


def test_choices_stand_in_the_line_where_they_fit(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert "  --lr_decay                 Schedule of the learning rates (linear|none) [linear]" in lines_of()[0]


def test_helpfull_has_every_value_range_and_source():
    text = help.text(["x", "--preset=report", "--helpfull"], "", Config, make_config, presets.other_defaults)
    assert "--norm=none|batch|layer|instance|group" in text and "Range: >=" in text and "Source: " in text
