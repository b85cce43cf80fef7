"""Every preset is its source; every setting changes something."""

import dataclasses
import functools
import itertools
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.data.drawn.shapes import draw_shapes
from tfgan_gn.errors import UserError
from tfgan_gn.export import make_sampler
from tfgan_gn.runs import about, building, checks
from tfgan_gn.runs.run_data import DataFacts
from tfgan_gn.settings.command_line import parse_arguments
from tfgan_gn.settings.presets import PRESETS
from tfgan_gn.settings.training import Config, make_config
from tfgan_gn.training import losses, optimizers

FACTS = DataFacts(10, 3, "")
TINY = {"width": 8, "batch_size": 4, "n_critic": 1}
# preset: architecture, loss, penalty, optimizer, learning rate, critic steps, classes, classifier
PUBLISHED = {
    "author": ("resnet", "wasserstein", 10.0, "adam", 2e-4, 5, None, False),
    "report": ("resnet", "wasserstein", 5.0, "adam", 1e-4, 5, None, False),
    "report_cnn": ("report_cnn", "wasserstein", 5.0, "adam", 1e-4, 5, None, False),
    "author_acgan": ("resnet", "wasserstein", 10.0, "adam", 2e-4, 5, 10, True),
    "author_conditional": ("resnet", "wasserstein", 10.0, "adam", 2e-4, 5, 10, False),
    "simple_cnn": ("simple_cnn", "wasserstein", 10.0, "adam", 1e-4, 5, None, False),
    "wgan_clip": ("simple_cnn", "wasserstein", None, "rmsprop", 5e-5, 5, None, False),
    "author_dcgan": ("simple_cnn", "bce", None, "adam", 2e-4, 1, None, False),
    "wgan_gp_64": ("dcgan_64", "wasserstein", 10.0, "adam", 1e-4, 5, None, False),
    "wgan_64": ("dcgan_64", "wasserstein", None, "rmsprop", 5e-5, 5, None, False),
    "wcgan_gp_64": ("dcgan_64", "wasserstein", 10.0, "adam", 1e-4, 5, 10, False),
    "wgan_32": ("wgan_32", "wasserstein", 10.0, "adam", 1e-4, 5, None, False),
    "sngan_resnet": ("sngan_resnet", "hinge", None, "adam", 2e-4, 5, None, False),
    "sngan_dcgan": ("sngan_dcgan", "hinge", None, "adam", 2e-4, 5, None, False),
    "dagan": ("dagan", "wasserstein", 10.0, "adam", 1e-4, 5, None, False),
}
# What the published optimizer's betas are; clip; width, z_dim, image_size; norm of the critic; how the rate falls.
ADAM_BETAS = {
    **dict.fromkeys(("report", "report_cnn", "simple_cnn"), (0.5, 0.9)),
    **dict.fromkeys(("author_dcgan", "wgan_32"), (0.5, 0.999)),
}
CLIPPED = ("wgan_clip", "wgan_64")
SIZES = {
    "wgan_gp_64": (64, 100, 64),
    "wgan_64": (64, 128, 64),
    "wcgan_gp_64": (16, 100, 64),
    "wgan_32": (256, 100, 32),
    "sngan_dcgan": (64, 128, 32),
    "dagan": (64, 100, 64),
}
CRITIC_NORMS = {
    "author": "group",  # this project's default; none as published
    **dict.fromkeys(("report", "report_cnn", "dagan"), "group"),
    "author_conditional": "layer",
    **dict.fromkeys(("wgan_clip", "author_dcgan"), "batch"),
    **dict.fromkeys(("wgan_gp_64", "wgan_64", "wcgan_gp_64", "wgan_32"), "instance"),
}
SPLIT = ("author", "author_acgan", "author_conditional")  # the batch, between two towers
DECAYING = ("author", "author_acgan", "author_conditional")
ITERATIONS = {
    "report": 10_000,
    **dict.fromkeys(("report_cnn", "simple_cnn", "wgan_clip", "author_dcgan"), 200_000),
    **dict.fromkeys(("wgan_gp_64", "wgan_64"), 46_900),  # 50 epochs of 60,000 images
    "wcgan_gp_64": 93_800,  # 100 epochs of them
    "wgan_32": 40_000,
    **dict.fromkeys(("sngan_resnet", "sngan_dcgan"), 156_200),  # 200 epochs of 50,000 images, whole batches only
    "dagan": 112_400,  # 200 epochs of 18,000 images, whole batches only
}
SMALL = {"levels": (1, 1), "inner_layers": (1,), "generator_inner_layers": (1,), "dense_units": 8, "image_size": 16}
CORRECTED = [preset for preset in PRESETS if not preset.endswith("_published")]
MODELS = (pathlib.Path(__file__).parents[1] / "docs" / "models.md").read_text()


def tiny(preset, **given):
    config = make_config(preset, **given)
    groups = {"groups": (4,)} if "group" in config.norm else {}
    groups |= {"generator_groups": (4,)} if "group" in config.generator_norm else {}
    small = SMALL if config.architecture == "dagan" else {}
    return make_config(preset, **{**TINY, **groups, **small, **given})


def build(config):
    return building.build_trainer(config, FACTS)


@functools.cache  # most settings are compared with the same run
def weights_after_two_iterations(config):
    """The critic's, in one array, after iterations on drawn images, run eagerly."""
    trainer, batch = build(config), tuple(tf.constant(array) for array in draw_shapes(4, 32, 0))
    for _ in range(2):
        trainer.iterate(itertools.repeat(batch))
    return np.concatenate([v.numpy().ravel() for v in trainer.critic.trainable_variables])


@pytest.mark.quick
@pytest.mark.parametrize("preset", CORRECTED)
def test_a_preset_is_its_source(preset):
    architecture, loss, gp_weight, optimizer, rate, n_critic, classes, classifier = PUBLISHED[preset]
    published = make_config(preset)
    assert (published.architecture, published.optimizer, published.n_critic) == (architecture, optimizer, n_critic)
    assert published.learning_rate == rate and published.clip == (0.01 if preset in CLIPPED else 0)
    if optimizer == "adam":
        assert (published.beta_1, published.beta_2) == ADAM_BETAS.get(preset, (0.0, 0.9))
    assert (published.width, published.z_dim, published.image_size) == SIZES.get(preset, (128, 128, 32))
    assert published.norm == CRITIC_NORMS.get(preset, "none")
    assert published.generator_norm == ("group" if preset == "dagan" else "batch")
    assert (published.lr_decay == "linear") == (preset in DECAYING)
    assert published.iterations == ITERATIONS.get(preset, 100_000)
    assert published.batch_norm_towers == (2 if preset in SPLIT else 1)
    if preset == "dagan":
        assert (published.batch_size, published.pixels, published.order) == (32, "255", "critic_first")
    config = tiny(preset)
    trainer = build(config)
    assert trainer.objective.loss is losses.LOSSES[loss] and trainer.objective.gp_weight == gp_weight
    assert trainer.objective.towers == published.batch_norm_towers
    assert trainer.noise.num_classes == classes and (trainer.objective.auxiliary is not None) == classifier
    assert type(trainer.generator).__module__ == f"tfgan_gn.models.{architecture}"
    assert isinstance(trainer.critic_update.optimizer, optimizers.RMSProp) == (optimizer == "rmsprop")


def test_the_table_of_models_is_that_of_the_code():
    """Every preset in order, with the trained parameters of both networks at full size."""
    found = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \|", MODELS, re.M)
    expected = []
    for preset in CORRECTED:
        networks = building.build_networks_of(make_config(preset), FACTS)
        counts = map(building.count_parameters, networks)
        expected.append((preset, *(f"{count:,}" for count in counts)))
    assert found == expected


@pytest.mark.quick
def test_the_flags_that_docs_list_make_a_preset_its_published_one():
    """Every published preset in order; no other setting differs."""
    rows = re.findall(r"^\| `(\w+)_published` \| ((?:`--\w+=[\w,.]+`(?:, )?)+) \|", MODELS, re.M)
    assert [f"{name}_published" for name, _ in rows] == [name for name in PRESETS if name not in CORRECTED]
    for name, flags in rows:
        by_flags, _ = parse_arguments(["", f"--preset={name}", *re.findall("`(--.*?)`", flags)], Config, make_config)
        published = make_config(f"{name}_published")
        named = {"preset": by_flags.preset, "workdir": by_flags.workdir}
        assert dataclasses.replace(published, **named) == by_flags, name


def test_samples_are_made_by_the_inverse_of_the_runs_own_pixels():
    """The nearest of 255 levels, where the dequantized ones are rounded down."""
    config = tiny("simple_cnn", pixels="255", generator_statistics="batch")
    generator = build(config).generator
    sampler = make_sampler(generator, **building.sampling(config, FACTS, 1))
    z = tf.random.stateless_normal(
        [64, config.z_dim], tf.random.fold_in(tf.constant([4, 0], tf.int64), tf.constant(0, tf.int64))
    )
    nearest = np.rint(127.5 * (sampler.generate(z).numpy() + 1))
    assert (sampler.sample(64, 4).numpy() != nearest).mean() < 1e-3  # where rounding is within 1e-4


def test_a_class_is_sampled_by_its_label():
    trainer = build(tiny("author_acgan"))
    for variable in trainer.generator.trainable_variables:
        if variable.path.endswith("gamma"):
            variable.assign(variable + np.random.default_rng(0).normal(size=variable.shape))
    config = tiny("author_acgan")
    sampler = make_sampler(trainer.generator, **building.sampling(config, FACTS, 1))
    of_3, of_4, of_all = (sampler.sample(70, 1, label).numpy() for label in (3, 4, -1))
    assert (of_3 != of_4).any((1, 2, 3)).all()
    is_of_3, is_of_4 = ((of_all == each).all((1, 2, 3)) for each in (of_3, of_4))
    assert 0 < is_of_3.mean() < 0.4 and 0 < is_of_4.mean() < 0.4, "about a tenth of the images are of each class"
    z = tf.random.stateless_normal([2, config.z_dim], [0, 0])
    assert sampler.generate(z, tf.constant([3, 4], tf.int64)).shape == (2, 32, 32, 3)


@pytest.mark.parametrize(
    ("preset", "given"),
    [
        ("author", {"loss": "hinge"}),
        ("author", {"penalty": "none"}),
        ("author", {"clip": 0.01}),
        ("author", {"conditional": True}),
        ("author_acgan", {"auxiliary": False, "norm": "layer"}),
        ("author", {"norm": "batch", "separate_passes": True}),
        ("author", {"optimizer": "rmsprop"}),
        ("author", {"critic_optimizer": "sgd"}),
        ("author", {"critic_learning_rate": 1e-3}),
        ("author", {"flips": True}),
        ("author", {"precision": "bfloat16"}),
        ("author", {"architecture": "simple_cnn", "norm": "none"}),
        ("author", {"pixels": "255"}),
        ("author", {"order": "critic_first"}),
        ("author", {"penalty": "channels"}),
        ("author", {"initializer": "torch"}),
        ("author_dcgan", {"loss": "bce_halved"}),
        ("sngan_resnet", {"momentum": 0.5, "critic_optimizer": "sgd"}),
    ],
)
def test_a_setting_changes_the_weights_after_two_iterations(preset, given):
    other = {"norm": given["norm"]} if given.get("norm") == "batch" else {}
    base = {"critic_optimizer": "sgd"} if "momentum" in given else {}
    without = weights_after_two_iterations(tiny(preset, **other, **base))
    with_it = weights_after_two_iterations(tiny(preset, **given))
    assert not np.array_equal(without, with_it) and np.isfinite(with_it).all()


@pytest.mark.quick
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"auxiliary": True}, "--auxiliary has no effect without --conditional"),
        ({"gp_weight": 3.0, "penalty": "none"}, "--gp_weight has no effect without --penalty=gradient"),
        ({"momentum": 0.5}, "--momentum has no effect without --optimizer=sgd"),
        ({"beta_1": 0.5, "optimizer": "sgd"}, "--beta_1 has no effect without --optimizer=adam"),
        ({"initializer": "author"}, "--initializer has no effect without an --architecture with other"),
        ({"reuse_real_batch": True, "n_critic": 1}, "--reuse_real_batch has no effect without --n_critic=5"),
        ({"synced_batch_norm": True, "generator_norm": "none"}, "--synced_batch_norm has no effect without"),
    ],
)
def test_settings_without_effect_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        make_config(**given)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("preset", "given", "note"),
    [
        ("author", {"norm": "batch_renorm"}, "batch renormalization in the critic scores images by the statistics of"),
        (
            "sngan_resnet",
            {"loss": "wasserstein"},
            "the spectral-normalization read-me reports that",
        ),
        (
            "sngan_dcgan",
            {"loss": "wasserstein"},
            "the spectral-normalization read-me reports that",
        ),
        (
            "report",
            {"norm": "report_group"},
            "report_group is the formula of the group-norm report: where all",
        ),
        ("report", {"generator_norm": "report_group"}, "report_group is the formula of the group-norm report"),
        ("author", {"learning_rate": 0.0}, "with --learning_rate=0 both networks do not learn"),
        (
            "author",
            {"learning_rate": 0.0, "critic_learning_rate": 1e-4},
            "with --learning_rate=0 the generator does not learn",
        ),
        ("wgan_clip", {}, ""),
        ("sngan_resnet", {"loss": "wasserstein", "penalty": "gradient"}, ""),
        ("author", {}, ""),
    ],
)
def test_what_is_reported_not_to_work_trains_and_is_said(capsys, preset, given, note):
    about.note_doubtful_settings(tiny(preset, **given), replicas=1)
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"note: {note}") for line in said] == [True] * bool(note)


@pytest.mark.quick
def test_labels_are_needed_to_be_conditional():
    with pytest.raises(UserError, match="--conditional needs labels, and --dataset=cifar10 has 1 class"):
        checks.refuse_missing_labels(tiny("author_acgan"), FACTS._replace(num_classes=1))
