"""Settings: defaults, presets, what wins, what is refused, and what is not listed twice."""

import dataclasses
import json
import pathlib
import subprocess
import sys

import pytest

from tfgan_gn.architectures import ARCHITECTURES
from tfgan_gn.data import npz, sets
from tfgan_gn.errors import UserError
from tfgan_gn.layers import norms
from tfgan_gn.settings import command_line, presets, scoring, training
from tfgan_gn.settings.training import Config, make_config
from tfgan_gn.training import losses, strategies

ROOT = pathlib.Path(__file__).parents[1]


def parse(*flags):
    return command_line.parse_arguments(["train_cifar.py", *flags], Config, make_config)[0]


def test_defaults_are_the_published_settings_with_group_norm():
    author = parse()
    assert (author.norm, author.groups, author.generator_norm, author.dataset) == ("group", (32,), "batch", "cifar10")
    assert (author.iterations, author.n_critic, author.batch_size, author.generator_batch_multiple) == (
        100_000,
        5,
        64,
        2,
    )
    assert (author.learning_rate, author.beta_1, author.beta_2, author.lr_decay) == (2e-4, 0.0, 0.9, "linear")
    assert (author.gp_weight, author.width, author.z_dim, author.image_size) == (10.0, 128, 128, 32)


def test_the_report_preset():
    report = parse("--preset=report")
    assert (report.iterations, report.learning_rate, report.beta_1, report.beta_2) == (10_000, 1e-4, 0.5, 0.9)
    assert (report.lr_decay, report.gp_weight, report.generator_batch_multiple) == ("none", 5.0, 1)
    assert report.groups == (16, 16, 8, 8, 4, 4)


def test_a_flag_wins_over_the_preset_wherever_it_stands():
    for flags in (("--preset=report", "--gp_weight=7"), ("--gp_weight=7", "--preset=report")):
        assert parse(*flags).gp_weight == 7
        assert parse(*flags).learning_rate == 1e-4
    assert parse("--preset=report", "--gp_weight=10").gp_weight == 10  # also where it is the default of the other


def test_every_field_is_a_flag_and_every_flag_sets_it():
    values = {"groups": "8", "generator_groups": "4", "generator_norm": "group", "dataset": "shapes", "norm": "group"}
    values |= {"preset": "wgan_gp_64", "data_dir": "x", "workdir": "y", "lr_decay": "none"}
    values |= {"generator_statistics": "batch"}
    values |= {
        "grey": "keep",
        "strategy": "one_device",
        "architecture": "resnet",
        "loss": "hinge",
        "penalty": "gradient",
    }
    values |= {
        "optimizer": "adam",
        "critic_optimizer": "sgd",
        "momentum": "0.25",
        "ema": "0.5",
        "precision": "bfloat16",
    }
    bools = [field.name for field in dataclasses.fields(Config) if field.type is bool]
    values |= dict.fromkeys(bools, "True") | {"generator_norm": "batch", "generator_groups": None}
    values |= {"beta_1": "0.25", "beta_2": "0.5"}
    given = {field.name: values.get(field.name, "17") for field in dataclasses.fields(Config)}
    settings = dataclasses.asdict(parse(*(f"--{name}={value}" for name, value in given.items() if value)))
    for name, text in given.items():
        if text and name not in bools:
            value = settings[name]
            assert value in (text, (int(text),) if text.isdigit() else None) or value == float(text), name
    assert all(settings[name] is True for name in bools)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--norm=grup", "--norm=grup: choose one of none, batch, layer, instance, group"),
        ("--nrom=group", "Unknown command line flag 'nrom'. Did you mean: norm"),
        ("--groups=a", "--groups=a: give numbers with commas between"),
        ("--groups=0", "--groups=0: give 1 or more"),
        ("--groups=", "--groups=: give numbers"),
        ("--batch_size=1.5", "--batch_size=1.5: give a whole number"),
        ("--batch_size=0", "--batch_size=0: give 1 or more"),
        ("--gp_weight=ten", "--gp_weight=ten: give a number"),
        ("--gp_weight=-1", "--gp_weight=-1.0: give 0 or more"),
        ("--learning_rate=nan", "--learning_rate=nan: give a finite number"),
        ("--beta_1=1", "--beta_1=1.0: give 0.9999 or less"),
        ("--preset=mine", "--preset=mine: choose one of author, report"),
        ("--auxiliary", "--auxiliary has no effect without --conditional"),
        ("--jit=maybe", "maybe"),
        ("--eval_images=20", "--eval_images has no effect without --eval_every=10000"),
        ("group", "'group' is not a flag: write --name=value"),
        ("--norm", "--norm|norm"),
    ],
)
def test_bad_flags(flag, message):
    with pytest.raises(UserError) as error:
        parse(flag)
    assert any(part in str(error.value) for part in message.split("|"))


def test_a_flag_without_effect_is_refused():
    with pytest.raises(UserError, match="--groups has no effect without --norm=group"):
        parse("--norm=layer", "--groups=4")
    with pytest.raises(UserError, match="--generator_groups has no effect without --generator_norm=group"):
        parse("--generator_groups=4")
    parse("--norm=layer", "--preset=report")  # whose groups nobody asked for


def test_any_other_set_of_tensorflow_datasets_is_taken_and_the_known_ones_are_told():
    for name in ("tfds:oxford_flowers102", "tfds:emnist/letters:3.1.0:train[:50%]"):
        assert parse(f"--dataset={name}").dataset == name
    assert parse("--dataset=tfds:emnist/letters:train").workdir == "runs/tfds-emnist-letters-train-author-group"
    for name in ("mnsit", "tfds", "tfds:", "emnist/letters"):
        with pytest.raises(UserError, match=f"--dataset={name}: choose one of cifar10, .*, shapes, tfds:NAME"):
            parse(f"--dataset={name}")


def test_large_data_are_decoded_into_the_cache_with_and_without_scores():
    assert parse("--cache_dir=x").cache_dir == "x"
    with pytest.raises(UserError, match="--eval_images has no effect without --eval_every"):
        parse("--eval_images=100")


def test_registries_and_choices_are_the_same_list():
    choices = {field.name: field.metadata["choices"] for field in dataclasses.fields(Config)}
    assert choices["norm"] == choices["generator_norm"] == tuple(norms.NORMS)
    assert choices["dataset"] == tuple(sets.DATASETS)
    assert choices["architecture"] == tuple(ARCHITECTURES)
    assert choices["loss"] == tuple(losses.LOSSES)
    assert ("", *npz.LEVELS) == scoring.RANGES
    assert choices["strategy"] == tuple(strategies.STRATEGIES)
    assert choices["preset"] == tuple(presets.PRESETS)


def test_help_shows_every_flag_with_default_and_source():
    flags = {
        part.split()[0].partition("=")[0]: " ".join(part.split())
        for part in command_line.help_text("", Config).split("\n  --")[1:]
    }
    for field in dataclasses.fields(Config):
        about = flags[field.name]
        assert field.metadata["help"] in about and field.metadata["source"] in about and "Default" in about
    assert "Default 32, 16,16,8,8,4,4 in preset report" in flags["groups"]


def test_config_file_round_trip_and_refusals(tmp_path):
    path = str(tmp_path / "config.json")
    ours = make_config("report", seed=3)
    training.save_config(ours, path, {"python": "3"}, {"channels": 3})
    assert training.load_config(path) == ours and training.load_facts(path) == {"channels": 3}
    with pytest.raises(UserError, match=r"run on other data \(channels there 3, now 1\)"):
        training.refuse_other_data({"channels": 1}, training.load_facts(path), "run")
    assert json.loads((tmp_path / "config.json").read_text())["versions"] == {"python": "3"}
    training.refuse_another(make_config("report", seed=3, log_every=7), ours, "run")
    with pytest.raises(UserError, match=r"run holds a run with another seed \(there 3, asked 4\)"):
        training.refuse_another(make_config("report", seed=4), ours, "run")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="config.json is not the config of a run"):
        training.load_config(path)


def test_help_and_refusals_do_not_wait_for_tensorflow():
    code = "import sys, train_cifar; train_cifar.main(['x', '{}']); sys.exit('tensorflow' in sys.modules)"
    for flag in ("--help", "--norm=grup"):
        subprocess.run([sys.executable, "-c", code.format(flag)], check=True, cwd=ROOT, capture_output=True)
