"""The commands on a run's page: they give the same settings again, from any folder name."""

import ast
import inspect
import json
import shlex
import sys

import pytest

from tfgan_gn.models.resnet import Generator
from tfgan_gn.runs.commands import AUGMENT, commands_of
from tfgan_gn.settings.command_line import parse_arguments
from tfgan_gn.settings.config_file import VALUES_BEFORE
from tfgan_gn.settings.differences import differing
from tfgan_gn.settings.presets import PRESETS
from tfgan_gn.settings.training import Config, make_config

pytestmark = pytest.mark.quick
GIVEN = [
    *({"preset": preset} for preset in PRESETS),
    {"groups": (16, 16, 8, 8, 4, 4), "flips": True, "iterations": 7, "data_dir": "a b"},
    {"preset": "author_conditional", "batch_norm_towers": 1, "seed": 3},
    {"preset": "author_acgan", "auxiliary": False, "norm": "layer"},
    {"preset": "report", "architecture": "wgan_32", "norm": "none", "dataset": "tfds:x:train[:50%]"},
    {"preset": "wgan_gp_64_published", "n_critic": 1, "reuse_real_batch": False},
    {"protocol": "author", "eval_images": 20_000},
]


@pytest.mark.parametrize("given", GIVEN, ids=str)
@pytest.mark.parametrize("workdir", ["runs/first", 'it\'s a $HOME "run" & more'])
def test_the_command_to_resume_gives_the_same_settings(given, workdir):
    config = make_config(workdir=workdir, **given)
    program, *arguments = shlex.split(
        dict(commands_of(config, False))["Resume the run, or start it again in an empty folder:"]
    )
    assert program == "python" and arguments[0] == "train_cifar.py"
    assert parse_arguments(arguments, Config, make_config) == (config, [])


def test_a_run_of_an_earlier_version_can_be_resumed():
    """Whose scorer and number of scored images had no effect, so that their flags would be refused."""
    config = Config(**{**VALUES_BEFORE, "dataset": "shapes", "workdir": "old"})
    arguments = shlex.split(commands_of(config, False)[0][1])[1:]
    again, _ = parse_arguments(arguments, Config, make_config)
    assert all(getattr(again, name) == getattr(config, name) for name in {*VALUES_BEFORE} - {"scorer", "eval_images"})


def test_what_differs_is_what_was_given():
    assert differing(make_config(groups=(8,), data_dir="x", workdir="y")) == {"groups": (32,)}
    assert differing(make_config("report", groups=(32,))) == {"groups": (16, 16, 8, 8, 4, 4)}
    assert differing(make_config(architecture="wgan_32", norm="none")) == {
        "architecture": "resnet",
        "norm": make_config(architecture="wgan_32").norm,
    }
    assert "architecture" not in differing(make_config("wgan_32"))


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("exported", [False, True])
def test_the_snippet_samples_from_what_the_run_has(tmp_path, monkeypatch, conditional, exported):
    """Run with stand-ins that note what they are asked for."""
    workdir = tmp_path / 'it\'s "a" run'
    config = make_config(workdir=str(workdir), **({"conditional": True, "norm": "layer"} if conditional else {}))
    text = dict(commands_of(config, exported))["Sample in Python:"]
    ast.parse(text)
    asked = []

    class Named:
        """Any module, function or object of the snippet."""

        def __init__(self, name):
            self.name = name

        def __getattr__(self, name):
            return Named(f"{self.name}.{name}")

        def __call__(self, *args, **kwargs):
            asked.append((self.name.rpartition(".")[2], args, sorted(kwargs)))
            return Named(self.name)

    monkeypatch.setitem(sys.modules, "tensorflow", Named("tf"))
    monkeypatch.setitem(sys.modules, "tfgan_gn", Named("tfgan_gn"))
    exec(text, {})
    if exported:
        assert asked[:2] == [("load", (str(workdir / "export"),), []), ("sample", (64, 1, *[-1] * conditional), [])]
    else:
        assert asked[0] == ("load_run", (str(workdir),), [])
        ((_, _, names),) = (call for call in asked if call[0] == "generator")
        assert len(names) == conditional and {*names} <= {*inspect.signature(Generator.call).parameters}


def test_scores_are_asked_of_the_network_of_the_run():
    scored = dict(commands_of(make_config(workdir="a b", eval_every=5, scorer="x.pb"), False))[
        "Score its newest checkpoint:"
    ]
    assert shlex.split(scored) == ["python", "eval_inception.py", "a b", "--scorer=x.pb"]
    without = dict(commands_of(make_config(workdir="a", eval_every=0), False))["Score its newest checkpoint:"]
    assert without.endswith("--scorer=cifar10net"), json.dumps(without)


def test_a_run_of_pairs_makes_new_images_and_is_scored():
    config = make_config("dagan", workdir="a 'b'")
    texts = [dict(commands_of(config, exported)) for exported in (False, True)]
    for text in texts:
        scored = shlex.split(text["Score its newest checkpoint:"])
        assert scored == ["python", "eval_inception.py", "a 'b'", "--scorer=cifar10net"]
    assert AUGMENT not in texts[0]
    assert shlex.split(texts[1][AUGMENT])[2:] == ["tfgan_gn.augment", "a 'b'/export", "IMAGES", "OUT"]
    for text, call in zip(texts, ("run.generator(z, condition=images)", "model.augment(images, 5, 1)"), strict=True):
        code = text["Make new images in Python:"]
        assert call in ast.unparse(ast.parse(code)) and "[N, 64, 64, channels]" in code
