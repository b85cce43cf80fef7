"""What a new norm, loss, architecture or data set needs outside its own file: its name in `settings/training.py`.

Own files are layers/norms.py, training/losses.py, data/sets.py, each with its registry, and a file of models/.
"""

import ast
import pathlib
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.architectures import ARCHITECTURES, Architecture
from tfgan_gn.data import sets, source
from tfgan_gn.layers import norm_layers, norms
from tfgan_gn.models import build_networks
from tfgan_gn.settings import training
from tfgan_gn.training import losses

ROOT = pathlib.Path(__file__).parents[1]
REGISTRIES = {
    "layers/norms.py": norms.NORMS,
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
def test_names_of_a_registry_are_listed_in_its_own_file_and_once_in_config(own):
    """Two names or more anywhere else would be a second line to write."""
    names, listing = set(REGISTRIES[own]), []
    for path in ROOT.glob("tfgan_gn/**/*.py"):
        if path.name != "presets.py" and not str(path).endswith(own):  # a preset may have the name of its architecture
            where = str(path.relative_to(ROOT / "tfgan_gn"))
            listing += [f"{where}:{line}" for line, strings in literals(path) if len(strings & names) > 1]
    assert len(listing) <= 1 and all(place.startswith("settings/training.py") for place in listing)


def test_config_lists_norms_and_data_sets_as_their_registries_do():
    assert tuple(norms.NORMS) == training.NORM_NAMES
    choices = {name: field.metadata["choices"] for name, field in training.Config.__dataclass_fields__.items()}
    assert choices["dataset"] == tuple(sets.DATASETS)
    mirrors = {"loss": losses.LOSSES, "architecture": ARCHITECTURES, "generator_norm": norms.NORMS}
    for flag, registry in mirrors.items():
        if flag in choices:
            assert sorted(choices[flag]) == sorted(registry), flag


def test_a_new_data_set_is_loaded_by_its_row_alone(monkeypatch):
    """The row is a function of its own, or `_tfds` for a set of tensorflow-datasets."""
    images = np.arange(20 * 8 * 8 * 3).reshape(20, 8, 8, 3).astype(np.uint8)
    stored = source.of_array(images, np.arange(20) % 2)
    asked = []

    def open_new(*arguments):
        asked.append(arguments)
        return source.Source(stored, stored, ("a", "b"), "new", channels=3)

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
        def call(self, x, labels=None, standing=False):
            return x / 2

    monkeypatch.setitem(norms.NORMS, "halving", norms.Norm(lambda groups, num_classes, name: Halving(name=name)))
    for architecture in ARCHITECTURES:
        for network in build_networks(architecture, width=4, norm="halving", generator_norm="halving"):
            sites = [layer for layer in network._flatten_layers() if "norm" in layer.name]
            # The first block of the SN-GAN critic is of the same class as the others, and passes its sites by.
            assert {type(site).__name__ for site in sites if "critic/block1" not in site.path} == {"Halving"}


def test_a_new_architecture_is_built_by_its_row_and_its_module_alone(monkeypatch):
    """With the sizes, the norms and the labels of its row."""
    seen = {}

    def build(name):
        return lambda **settings: seen.setdefault(name, settings) and keras.Sequential([keras.layers.Identity()])

    module = types.SimpleNamespace(build_generator=build("g"), build_critic=build("c"))
    monkeypatch.setitem(sys.modules, "tfgan_gn.models.new", module)
    row = Architecture(width=3, z_dim=5, image_size=7, norm="layer", generator_norm="none", conditional=True)
    monkeypatch.setitem(ARCHITECTURES, "new", row)
    build_networks("new", num_classes=4, width=6)
    shared = {"width": 6, "image_size": 7, "channels": 3, "groups": (32,), "num_classes": 4}
    assert seen == {"g": {**shared, "z_dim": 5, "norm": "none"}, "c": {**shared, "norm": "layer"}}


def test_every_loss_takes_scores_and_gives_finite_scalars_that_differ_with_them():
    real, fake = tf.constant([0.5, -0.25, 2.0]), tf.constant([0.25, -1.5, 0.75])
    for name, loss in losses.LOSSES.items():
        assert loss.critic(real, fake).shape == loss.generator(fake).shape == (), name
        # The critic gains by telling real from fake, the generator by a higher score.
        assert loss.critic(real + 0.1, fake) < loss.critic(real, fake) < loss.critic(real, fake + 0.1), name
        assert loss.generator(fake + 0.1) < loss.generator(fake), name
