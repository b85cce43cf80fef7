"""A new norm, loss or data set is one row of its registry; a new architecture is one row and one file of models/.

So that a flag takes it, the name of a norm, a loss or a data set is also listed in settings/registry_names.py, because
settings must not import the registries: those import TensorFlow.
"""

import ast
import dataclasses
import pathlib
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import image_condition, smallest

from tfgan_gn.architectures import ARCHITECTURES, Architecture
from tfgan_gn.data import sets, sources
from tfgan_gn.layers import initializers, norm_layers, norms
from tfgan_gn.layers.activations import relu
from tfgan_gn.layers.blocks import ResidualBlock
from tfgan_gn.layers.convolutions import conv3x3
from tfgan_gn.models import build_networks
from tfgan_gn.runs.building import build_trainer
from tfgan_gn.runs.run_data import DataFacts
from tfgan_gn.settings import training
from tfgan_gn.training import losses

pytestmark = pytest.mark.quick
ROOT = pathlib.Path(__file__).parents[1]
REGISTRIES = {
    "layers/norms.py": norms.NORMS,
    "layers/initializers.py": initializers.INITIALIZERS,
    "training/losses.py": losses.LOSSES,
    "data/sets.py": sets.DATASETS,
    "architectures.py": ARCHITECTURES,
}


def literals(path):
    """The lists, tuples, sets and dicts written out in a file: (line, the strings that they hold or have as keys)."""
    for node in ast.walk(ast.parse(path.read_text())):
        elements = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", ())
        yield getattr(node, "lineno", 0), {e.value for e in elements if isinstance(e, ast.Constant)}


@pytest.mark.parametrize("own", REGISTRIES)
def test_names_of_a_registry_are_listed_in_its_own_file_and_once_in_settings(own):
    """Two names or more anywhere else would be a second line to write."""
    names, listing = set(REGISTRIES[own]), []
    for path in ROOT.glob("tfgan_gn/**/*.py"):
        if path.name != "presets.py" and not str(path).endswith(own):  # a preset may have the name of its architecture
            where = str(path.relative_to(ROOT / "tfgan_gn"))
            listing += [f"{where}:{line}" for line, strings in literals(path) if len(strings & names) > 1]
    assert len(listing) <= 1 and all(place.startswith("settings/registry_names.py") for place in listing)


def test_a_new_data_set_is_loaded_by_its_row_alone(monkeypatch):
    """The row is a function of its own, or `_tfds` for a set of tensorflow-datasets."""
    images = np.arange(20 * 8 * 8 * 3).reshape(20, 8, 8, 3).astype(np.uint8)
    stored = sources.of_array(images, np.arange(20) % 2)
    asked = []

    def open_new(*arguments):
        asked.append(arguments)
        return sources.Source(stored, stored, ("a", "b"), "new", channels=3)

    monkeypatch.setitem(sets.DATASETS, "new", open_new)
    loaded = sets.make_dataset("new", "there", 8, "repeat")
    assert asked == [("new", "there", 8)] and loaded.classes == ("a", "b")
    np.testing.assert_array_equal(loaded.train.images, images)
    assert all(sets.DATASETS[name] is sets._tfds for name in ("mnist", "fashion_mnist"))


def test_an_architecture_is_a_file_of_models():
    files = {path.stem for path in (ROOT / "tfgan_gn" / "models").glob("*.py")} - {"__init__", "author"}
    assert set(ARCHITECTURES) == files


def test_a_new_norm_stands_at_every_site_of_every_network_by_its_row_alone(monkeypatch):
    @keras.saving.register_keras_serializable("test")
    class Halving(norm_layers.NoNorm):
        def call(self, x, labels=None, standing=False, towers=1):
            return x / 2

    monkeypatch.setitem(norms.NORMS, "halving", norms.Norm(lambda groups, num_classes, name: Halving(name=name)))
    for architecture in ARCHITECTURES:
        small = {"width": 4, **smallest(architecture)}
        for network in build_networks(architecture, norm="halving", generator_norm="halving", **small):
            sites = [layer for layer in network._flatten_layers() if "norm" in layer.name]
            assert {type(site).__name__ for site in sites} == {"Halving"}


class FilterResponse(keras.layers.Layer):
    """Filter response norm with its thresholded linear unit (Singh and Krishnan 2020, equations 1 and 2).

    max(gamma x / sqrt(mean of x^2 over the pixels + epsilon) + beta, tau), with tau at -1 here.
    """

    def build(self, shape):
        self.gamma, self.beta, self.tau = (
            self.add_weight(name=name, shape=shape[-1:], initializer=keras.initializers.Constant(value))
            for name, value in (("gamma", 1), ("beta", 0), ("tau", -1))
        )

    def call(self, x, labels=None, standing=False, towers=1):
        square = tf.reduce_mean(x**2, list(range(1, x.shape.rank - 1)), keepdims=True)
        return tf.maximum(self.gamma * x * tf.math.rsqrt(square + 1e-6) + self.beta, self.tau)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_norm_with_an_activation_of_its_own_is_one_row(architecture, monkeypatch):
    """No other activation follows it: the same network with one makes other images and scores."""
    size = ARCHITECTURES[architecture].image_size

    def build(activates):
        row = norms.Norm(lambda groups, num_classes, name: FilterResponse(name=name), activates=activates)
        monkeypatch.setitem(norms.NORMS, "filter_response", row)
        keras.utils.set_random_seed(0)
        both = {"norm": "filter_response", "generator_norm": "filter_response"}
        return build_networks(architecture, width=4, z_dim=8, **both, **smallest(architecture))

    condition = image_condition(architecture, (2, size, size, 3))
    for own, doubled in zip(build(True), build(False), strict=True):
        x = tf.random.stateless_normal([2, 8] if own.name == "generator" else [2, size, size, 3], [0, 0])
        assert abs(own(x, condition=condition) - doubled(x, condition=condition)).numpy().max() > 1e-3


def test_a_block_with_such_a_norm_computes_the_formula(rng):
    row = norms.Norm(lambda groups, num_classes, name: FilterResponse(name=name), activates=True)
    block = ResidualBlock(4, conv=conv3x3, norms=row.sites((1,), 2), activation=row.then(relu))
    x = tf.constant(rng.normal(size=(2, 6, 6, 4)), tf.float32)
    block(x)

    def published(x):
        return np.maximum(x / np.sqrt((x**2).mean((1, 2), keepdims=True) + 1e-6), -1)

    expected = x + block.conv2(published(block.conv1(published(x.numpy())).numpy()))
    np.testing.assert_allclose(block(x), expected, rtol=0, atol=1e-5)


def test_a_new_architecture_is_built_by_its_row_and_its_module_alone(monkeypatch):
    """With the sizes, the norms and the labels of its row."""
    seen = {}

    class Toy(keras.Model):
        def __init__(self, **settings):
            super().__init__(name="generator" if "channels" in settings else "critic")
            seen[self.name] = settings
            self.dense = keras.layers.Dense(2, name="layer")

        def call(self, x, condition=None, training=False):
            assert condition.shape == (1,) and not training
            return self.dense(x)

    monkeypatch.setitem(sys.modules, "tfgan_gn.models.new", types.SimpleNamespace(Generator=Toy, Critic=Toy))
    row = Architecture(width=3, z_dim=5, image_size=8, norm="layer", generator_norm="none", conditional=True)
    monkeypatch.setitem(ARCHITECTURES, "new", row)
    networks = build_networks("new", num_classes=4, width=6)
    shared = {"width": 6, "image_size": 8, "groups": (32,), "num_classes": 4}
    assert seen == {
        "generator": {**shared, "channels": 3, "norm": norms.NORMS["none"]},
        "critic": {**shared, "norm": norms.NORMS["layer"]},
    }
    shapes = {v.path: tuple(v.shape) for network in networks for v in network.variables if v.name == "kernel"}
    assert shapes == {"generator/layer/kernel": (5, 2), "critic/layer/kernel": (3, 2)}


def test_a_new_loss_is_trained_with_by_its_row_alone(monkeypatch):
    """Here the squared distance of real scores to 1 and of fake ones to 0 (Mao et al. 2017, without its factor 1/2)."""
    row = losses.Loss(
        critic=lambda real, fake: tf.reduce_mean((real - 1) ** 2 + fake**2),
        generator=lambda fake: tf.reduce_mean((fake - 1) ** 2),
    )
    monkeypatch.setitem(losses.LOSSES, "squares", row)
    config = dataclasses.asdict(training.make_config(width=4, groups=(2,), penalty="none"))
    settings = types.SimpleNamespace(**{**config, "loss": "squares"})  # Config refuses a name that is not listed
    objective = build_trainer(settings, DataFacts(10, 3, "")).objective
    real, z = tf.random.stateless_uniform([3, 32, 32, 3], [0, 0], -1, 1), tf.random.stateless_normal([3, 128], [0, 0])
    fake = objective.generator(z)
    expected = ((objective.critic(real) - 1) ** 2 + objective.critic(fake) ** 2).numpy().mean()
    loss = objective.critic_loss(real, fake, tf.zeros(3))[0]
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_every_loss_takes_scores_and_gives_finite_scalars_that_differ_with_them():
    real, fake = tf.constant([0.5, -0.25, 2.0]), tf.constant([0.25, -1.5, 0.75])
    for name, loss in losses.LOSSES.items():
        assert loss.critic(real, fake).shape == loss.generator(fake).shape == (), name
        # The critic gains by telling real from fake, the generator by a higher score.
        assert loss.critic(real + 0.1, fake) < loss.critic(real, fake) < loss.critic(real, fake + 0.1), name
        assert loss.generator(fake + 0.1) < loss.generator(fake), name
