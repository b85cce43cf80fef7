"""Every preset is its source; every setting changes something."""

import functools
import math
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn import runs
from tfgan_gn.data.shapes import draw_shapes
from tfgan_gn.errors import UserError
from tfgan_gn.export import make_sampler
from tfgan_gn.layers import spectral
from tfgan_gn.settings.presets import PRESETS
from tfgan_gn.settings.training import make_config
from tfgan_gn.training import losses, optimizers

FACTS = {"num_classes": 10, "channels": 3, "images_sha256": ""}
TINY = {"width": 8, "batch_size": 4, "n_critic": 1}
# preset: architecture, loss, penalty, optimizer, learning rate, critic steps, classes, classifier
PUBLISHED = {
    "author": ("resnet", "wasserstein", 10.0, "adam", 2e-4, 5, None, False),
    "report": ("resnet", "wasserstein", 5.0, "adam", 1e-4, 5, None, False),
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
}
# What the published optimizer's betas are; clip; width, z_dim, image_size; norm of the critic; how the rate falls.
ADAM_BETAS = {"report": (0.5, 0.9), "simple_cnn": (0.5, 0.9), "author_dcgan": (0.5, 0.999), "wgan_32": (0.5, 0.999)}
CLIPPED = ("wgan_clip", "wgan_64")
SIZES = {
    "wgan_gp_64": (64, 100, 64),
    "wgan_64": (64, 100, 64),
    "wcgan_gp_64": (16, 100, 64),
    "wgan_32": (256, 100, 32),
    "sngan_dcgan": (64, 128, 32),
}
CRITIC_NORMS = {
    "author": "group",  # this project's default; none as published
    "report": "group",
    "author_conditional": "layer",
    **dict.fromkeys(("wgan_clip", "author_dcgan"), "batch"),
    **dict.fromkeys(("wgan_gp_64", "wgan_64", "wcgan_gp_64", "wgan_32"), "instance"),
}
DECAYING = ("author", "author_acgan", "author_conditional", "sngan_resnet", "sngan_dcgan")


def tiny(preset, **given):
    groups = {"groups": (4,)} if make_config(preset, **given).norm == "group" else {}
    return make_config(preset, **{**TINY, **groups, **given})


def build(config):
    return runs.build(config, FACTS)


def step(trainer, size=32):
    """An iteration, run eagerly; returns the logs."""
    pixels, labels = draw_shapes(4, size, 0)
    batch = (tf.constant(pixels), tf.constant(labels)) if trainer.num_classes else tf.constant(pixels)
    trainer.set_learning_rate()
    logs, _ = trainer._run_critic_step(batch, 0)
    logs |= trainer._run_generator_step()
    trainer._follow()
    trainer.iteration.assign_add(1)
    return {tag: float(value) for tag, value in logs.items()}


@functools.cache
def logs_of_two_iterations(config):
    """What the second of them logs; kept, as most settings are compared with the same run."""
    trainer = build(config)
    return [step(trainer) for _ in range(2)][-1]


@pytest.mark.quick
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_its_source(preset):
    architecture, loss, gp_weight, optimizer, rate, n_critic, classes, classifier = PUBLISHED[preset]
    published = make_config(preset)
    assert (published.architecture, published.optimizer, published.n_critic) == (architecture, optimizer, n_critic)
    assert published.learning_rate == rate and published.clip == (0.01 if preset in CLIPPED else 0)
    if optimizer == "adam":
        assert (published.beta_1, published.beta_2) == ADAM_BETAS.get(preset, (0.0, 0.9))
    assert (published.width, published.z_dim, published.image_size) == SIZES.get(preset, (128, 128, 32))
    assert (published.norm, published.generator_norm) == (CRITIC_NORMS.get(preset, "none"), "batch")
    assert (published.lr_decay == "linear") == (preset in DECAYING)
    config = tiny(preset)
    trainer = build(config)
    assert trainer.objective.loss is losses.LOSSES[loss] and trainer.objective.gp_weight == gp_weight
    assert trainer.num_classes == classes and (trainer.objective.auxiliary is not None) == classifier
    assert type(trainer.generator).__module__ == f"tfgan_gn.models.{architecture}"
    assert isinstance(trainer.critic_optimizer, optimizers.RMSProp) == (optimizer == "rmsprop")


def test_the_table_of_models_is_that_of_the_code():
    """Every preset in order, with the trained parameters of both networks at full size."""
    text = (pathlib.Path(__file__).parents[1] / "docs" / "models.md").read_text()
    found = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \|", text, re.M)
    expected = []
    for preset in PRESETS:
        networks = runs.build_networks_of(make_config(preset), FACTS)
        counts = [sum(math.prod(v.shape) for v in network.trainable_variables) for network in networks]
        expected.append((preset, *(f"{count:,}" for count in counts)))
    assert found == expected


def test_a_class_is_sampled_by_its_label():
    trainer = build(tiny("author_acgan"))
    for variable in trainer.generator.trainable_variables:
        if variable.path.endswith("gamma"):
            variable.assign(variable + np.random.default_rng(0).normal(size=variable.shape))
    config = tiny("author_acgan")
    sampler = make_sampler(trainer.generator, **runs.sampling(config, FACTS, 1))
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
        ("sngan_resnet", {"momentum": 0.5, "critic_optimizer": "sgd"}),
    ],
)
def test_a_setting_changes_the_weights_after_two_iterations(preset, given):
    other = {"norm": given["norm"]} if given.get("norm") == "batch" else {}
    base = {"critic_optimizer": "sgd"} if "momentum" in given else {}
    without, with_it = (
        logs_of_two_iterations(tiny(preset, **other, **base)),
        logs_of_two_iterations(tiny(preset, **given)),
    )
    assert without != with_it and np.isfinite(with_it["critic/loss"])


def test_the_averaged_generator_follows_the_other():
    """mean = ema mean + (1 - ema) weight, and it is the one that samples."""
    trainer = build(tiny("author", ema=0.75))
    weight, mean = (
        next(v for v in g.variables if "conv2/kernel" in v.path) for g in (trainer.generator, trainer.averaged)
    )
    np.testing.assert_array_equal(weight.numpy(), mean.numpy())
    expected = mean.numpy()
    for _ in range(2):
        step(trainer)
        expected = 0.75 * expected + 0.25 * weight.numpy()
        np.testing.assert_allclose(mean.numpy(), expected, rtol=1e-6, atol=1e-8)
    assert trainer.best_generator is trainer.averaged and build(tiny("author")).averaged is None


def test_an_averaged_generator_divides_by_the_spectral_norm_of_its_own_kernels():
    """A mean of u and v would be no unit vectors: a fifth of the spectral norm after 300 steps."""
    trainer = build(tiny("sngan_dcgan", ema=0.9, learning_rate=1e-2))
    for _ in range(12):
        trainer._run_generator_step()
        trainer._follow()
    checked = 0
    for layer in trainer.averaged._flatten_layers():
        if isinstance(getattr(layer, "sigma", None), spectral.Sigma):
            kernel = tf.convert_to_tensor(layer.kernel)
            largest = np.linalg.norm(spectral.matrix(kernel, layer.sigma.transposed).numpy(), 2)
            np.testing.assert_allclose(np.linalg.norm(layer.sigma.u.numpy()), 1, rtol=1e-5)
            assert 0.9 * largest < float(layer.sigma(kernel)) <= 1.0001 * largest, layer.path
            checked += 1
    assert checked == 5


@pytest.mark.quick
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"auxiliary": True}, "--auxiliary has no effect without --conditional"),
        ({"gp_weight": 3.0, "penalty": "none"}, "--gp_weight has no effect without --penalty=gradient"),
        ({"critic_learning_rate": 1e-3, "learning_rate": 0.0}, "--critic_learning_rate has no effect without"),
        ({"momentum": 0.5}, "--momentum has no effect without --optimizer=sgd"),
        ({"beta_1": 0.5, "optimizer": "sgd"}, "--beta_1 has no effect without --optimizer=adam"),
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
        ("author", {"norm": "batch"}, "batch norm in the critic makes the score of one image depend on the other"),
        ("sngan_resnet", {"loss": "wasserstein"}, "spectral norm with the Wasserstein loss and no penalty is reported"),
        ("sngan_dcgan", {"loss": "wasserstein"}, "spectral norm with the Wasserstein loss and no penalty is reported"),
        ("wgan_clip", {}, ""),
        ("sngan_resnet", {"loss": "wasserstein", "penalty": "gradient"}, ""),
        ("author", {}, ""),
    ],
)
def test_what_is_reported_not_to_work_trains_and_is_said(capsys, preset, given, note):
    runs.note_what_does_not_fit(tiny(preset, **given))
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"note: {note}") for line in said] == [True] * bool(note)


@pytest.mark.quick
def test_labels_are_needed_to_be_conditional():
    with pytest.raises(UserError, match="--conditional needs labels, and --dataset=cifar10 has 1 class"):
        runs.refuse_labels_that_are_not_there(tiny("author_acgan"), {"num_classes": 1})
