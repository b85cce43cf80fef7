"""Settings: defaults, presets, what wins, what is refused, and what is not listed twice."""

import dataclasses
import pathlib
import subprocess
import sys

import pytest

from tfgan_gn.architectures import ARCHITECTURES, SIZES
from tfgan_gn.data import npz, pixels, sets
from tfgan_gn.data.decode import CHANNELS
from tfgan_gn.errors import UserError
from tfgan_gn.layers import initializers, norms
from tfgan_gn.settings import command_line, effects, help, presets, registry_names, scoring
from tfgan_gn.settings.option import as_text
from tfgan_gn.settings.scoring import EvalConfig
from tfgan_gn.settings.training import Config, make_config
from tfgan_gn.training import losses, strategies

pytestmark = pytest.mark.quick
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


PAIRS = ["--generator_batch_multiple=1", "--eval_every=0"]  # what networks that take pairs need


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_architecture_alone_has_its_published_sizes_and_norms(architecture):
    row = ARCHITECTURES[architecture]
    flags = [f"--architecture={architecture}", *(PAIRS if row.image_condition else [])]
    config = parse(*flags)
    assert [getattr(config, name) for name in SIZES] == [getattr(row, name) for name in SIZES]
    assert parse(*flags, "--width=7").width == 7


def test_sizes_norms_and_groups_of_a_preset_do_not_hold_for_another_architecture():
    other = parse("--preset=wcgan_gp_64", "--architecture=resnet")
    assert (other.width, other.z_dim, other.image_size, other.norm) == (128, 128, 32, "group")
    assert (other.conditional, other.learning_rate) == (True, 1e-4)  # which are no sizes
    assert parse("--preset=report", "--architecture=simple_cnn", "--norm=group").groups == (32,)
    assert parse("--preset=wcgan_gp_64", "--architecture=dcgan_64").width == 16


def test_a_preset_does_not_repeat_a_size_of_its_architecture():
    for preset, named in presets.PRESETS.items():
        row = ARCHITECTURES[named.get("architecture", "resnet")]
        assert not [name for name in SIZES if named.get(name) == getattr(row, name)], preset


@pytest.mark.parametrize("preset", ["author", "author_acgan"])
def test_labels_for_an_architecture_without_them_are_refused(preset):
    with pytest.raises(UserError, match="architecture=wgan_32 takes no labels: choose one of dcgan_64, resnet, or"):
        make_config(preset, architecture="wgan_32", conditional=True)
    with pytest.raises(UserError, match="architecture=dcgan_64 has no auxiliary classifier: choose one of resnet, or"):
        make_config(preset, architecture="dcgan_64", conditional=True, auxiliary=True)


def test_an_image_size_that_the_architecture_cannot_make_is_refused():
    with pytest.raises(UserError, match="image_size=40: dcgan_64 doubles .* give a multiple of 16 from 32"):
        make_config("wgan_gp_64", image_size=40)
    assert make_config("wgan_gp_64", image_size=48).image_size == 48
    with pytest.raises(UserError, match="image_size=20: resnet doubles .* give a multiple of 8 from 8"):
        make_config(image_size=20)


def test_every_field_is_a_flag_and_every_flag_sets_it():
    values = {"groups": "8", "generator_groups": "4", "generator_norm": "group", "dataset": "folder", "norm": "group"}
    values |= {"preset": "wgan_gp_64", "data_dir": "x", "workdir": "y", "lr_decay": "none"}
    values |= {"generator_statistics": "batch", "protocol": "ours"}
    values |= {
        "grey": "keep",
        "strategy": "multi_worker",
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
    others = {*effects.OF_LEVELS, *effects.OF_PAIRS, "image_width"}  # those of another architecture
    fields = [field for field in dataclasses.fields(Config) if field.name not in others]
    bools = [field.name for field in fields if field.type is bool]
    values |= dict.fromkeys(bools, "True") | {"generator_norm": "batch", "generator_groups": None}
    values |= {
        "beta_1": "0.25",
        "beta_2": "0.5",
        "order": "critic_first",
        "pixels": "255",
        "initializer": "torch",
        "image_size": "24",
    }
    given = {field.name: values.get(field.name, "17") for field in fields}
    settings = dataclasses.asdict(parse(*(f"--{name}={value}" for name, value in given.items() if value)))
    for name, text in given.items():
        if text and name not in bools:
            value = settings[name]
            assert value in (text, (int(text),) if text.isdigit() else None) or value == float(text), name
    assert all(settings[name] is True for name in bools)


def test_every_setting_of_levels_and_of_pairs_is_a_flag():
    given = {"levels": (1, 3), "inner_layers": (2,), "generator_inner_layers": (2, 1), "dense_units": 17}
    given |= {"wide_connections": True, "dropout": 0.25, "same_image": True}
    wide = {"image_width": 32, "turns": False}
    for more in ({"validation_classes": 0.25, "test_classes": 0.125, **wide}, {"class_file": "x"}):
        config = parse("--preset=dagan", *(f"--{name}={as_text(value)}" for name, value in {**given, **more}.items()))
        assert {name: getattr(config, name) for name in (*given, *more)} == {**given, **more}
    assert {*given, "validation_classes", "test_classes", "class_file"} == {*effects.OF_LEVELS, *effects.OF_PAIRS}


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (
            "--norm=grup",
            "--norm=grup: choose one of none, batch, layer, instance, group, report_group, contrib_layer, batch_renorm",
        ),
        ("--nrom=group", "--nrom is not a flag: write --norm=group instead (--help lists the flags)"),
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
        ("--eval_images=9", "--eval_images=9: give 10 or more, because the classifier score is the mean over 10 parts"),
        ("group", "'group' is not a flag: write --name=value"),
        ("--norm", "--norm|norm"),
        ("--architecture=dcgan", "--architecture=dcgan: dcgan is now called dcgan_64; write the new name instead"),
        ("--preset=dcgan", "--preset=dcgan: dcgan is now called author_dcgan; write the new name instead"),
        ("--inception=x", "--inception is now called --scorer: write --scorer=x instead"),
        ("--inception=", "--inception is now called --scorer: write --scorer=inception instead"),
        ("--architecture=resnt", "--architecture=resnt: choose one of dagan, dcgan_64, report_cnn, resnet, simple_cnn"),
    ],
)
def test_bad_flags(flag, message):
    with pytest.raises(UserError) as error:
        parse(flag)
    assert any(part in str(error.value) for part in message.split("|"))


def test_a_flag_without_effect_is_refused():
    with pytest.raises(UserError, match="--wait has no effect without --strategy=multi_worker"):
        parse("--wait=5")
    with pytest.raises(UserError, match="--groups has no effect without --norm=group"):
        parse("--norm=layer", "--groups=4")
    with pytest.raises(UserError, match="--generator_groups has no effect without --generator_norm=group"):
        parse("--generator_groups=4")
    parse("--norm=layer", "--preset=report")  # whose groups nobody asked for
    for flag in ("--scorer=inception", "--eval_images=20"):
        parse(flag)
        with pytest.raises(UserError, match=f"{flag[:8]}.* has no effect without --eval_every=1000: leave out"):
            parse(flag, "--eval_every=0")


def test_any_other_set_of_tensorflow_datasets_is_taken_and_the_known_ones_are_told():
    for name in ("tfds:oxford_flowers102", "tfds:emnist/letters:3.1.0:train[:50%]"):
        assert parse(f"--dataset={name}").dataset == name
    assert parse("--dataset=tfds:emnist/letters:train").workdir == "runs/tfds-emnist-letters-train-author-group"
    for name in ("mnsit", "tfds", "tfds:", "emnist/letters"):
        with pytest.raises(UserError, match=f"--dataset={name}: choose one of cifar10, .*, shapes, strokes, tfds:NAME"):
            parse(f"--dataset={name}")


def test_large_data_are_decoded_into_the_cache_with_and_without_scores():
    assert parse("--cache_dir=x").cache_dir == parse("--cache_dir=x", "--eval_every=0").cache_dir == "x"


def test_registries_and_choices_are_the_same_list():
    choices = {field.name: field.metadata["choices"] for field in dataclasses.fields(Config)}
    assert choices["norm"] == choices["generator_norm"] == tuple(norms.NORMS)
    of_2, of_4 = ({name: row.layer(n, None, "norm").get_config() for name, row in norms.NORMS.items()} for n in (2, 4))
    assert {name: of_2[name] != of_4[name] for name in norms.NORMS} == registry_names.TAKES_GROUPS
    assert choices["dataset"] == tuple(sets.DATASETS)
    assert choices["architecture"] == tuple(ARCHITECTURES)
    assert choices["loss"] == tuple(losses.LOSSES)
    assert {*choices["grey"], "refuse"} == set(CHANNELS)  # the last is for scoring only
    assert choices["penalty"] == (*losses.PENALTY_AXES, "none")
    assert choices["initializer"] == ("", *initializers.INITIALIZERS)
    assert choices["pixels"] == tuple(pixels.PIXELS)
    assert ("", *npz.LEVELS) == scoring.RANGES
    assert choices["strategy"] == tuple(strategies.STRATEGIES)
    assert choices["preset"] == tuple(presets.PRESETS)


def help_of(settings, *other_defaults):
    """What --help says of each flag, in one line each."""
    parts = help.full_text("", settings, *other_defaults).split("\n  --")[1:]
    return {part.split()[0].partition("=")[0]: " ".join(part.split()) for part in parts}


@pytest.mark.parametrize("settings", [Config, EvalConfig])
def test_help_says_of_every_flag_what_it_is_and_its_default_and_source(settings):
    about = help_of(settings)
    for field in dataclasses.fields(settings):
        meaning, source = field.metadata["help"], field.metadata["source"]
        assert f"{meaning}. Default: " in about[field.name] and f". Source: {source}." in about[field.name]
        assert meaning[0].isupper() and len(meaning.split()) > 3, f"{meaning!r} is not understood alone"


def test_help_says_which_architectures_and_presets_have_another_default():
    about = help_of(Config, presets.other_defaults)
    groups = "16,16,8,8,4,4 for preset report; 16 for presets report_cnn, report_cnn_published"
    assert f"Default: 32; {groups}; 1 for preset report_published. Source" in about["groups"]
    widths = "64 for architectures dagan, dcgan_64, sngan_dcgan; 256 for architecture wgan_32; "
    widths += "16 for presets wcgan_gp_64, wcgan_gp_64_published"
    assert f"Default: 128; {widths}. Source" in about["width"]
    assert "Default: off; on for preset author_acgan. Source" in about["auxiliary"]


PUBLISHED_CONSTANTS = {  # of gan_cifar_resnet.py; a setting of another default must name another source
    "BATCH_SIZE": 64,
    "GEN_BS_MULTIPLE": 2,
    "ITERS": 100_000,
    "DIM_G, DIM_D": 128,
    "N_CRITIC": 5,
    "LR": 2e-4,
    "DECAY": "linear",
    "CONDITIONAL": True,
    "ACGAN": True,
}


@pytest.mark.quick
def test_a_default_whose_source_is_a_published_constant_has_its_value():
    named = {}
    for field in dataclasses.fields(Config):
        script, _, constant = field.metadata["source"].partition(" ")
        if script == presets.AUTHOR and constant:
            named[constant] = field.default
    assert len(named) > 5 and named == {name: PUBLISHED_CONSTANTS[name] for name in named}


def test_every_whole_number_has_an_upper_bound():
    for settings in (Config, EvalConfig):
        for field in dataclasses.fields(settings):
            if isinstance(field.default, int) and not isinstance(field.default, bool):
                with pytest.raises(UserError, match=f"--{field.name}=.* or less"):
                    settings(**{field.name: 2**63})


def test_help_and_refusals_do_not_wait_for_tensorflow():
    code = "import sys, train_cifar; train_cifar.main(['x', *{}]); sys.exit('tensorflow' in sys.modules)"
    for flags in (
        ["--help"],
        ["--preset=report", "--helpfull"],
        ["--norm=grup"],
        ["--architecture=wgan_32", "--conditional"],
        ["--verbosity=2"],
    ):
        subprocess.run([sys.executable, "-c", code.format(flags)], check=True, cwd=ROOT, capture_output=True)
