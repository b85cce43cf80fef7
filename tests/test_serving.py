"""An exported generator in the tools that read SavedModels: they find the images that `generate` and `sample` make."""

import functools
import re
import shlex
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_networks

from tfgan_gn import export

Z = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
LABELS = np.array([2, 0, 1])


class Exported:
    """An export folder, what is loaded from it, and the arguments that its functions take beside noise and numbers."""

    def __init__(self, path, num_classes):
        generator = tiny_networks(num_classes=num_classes).generator
        settings = {"z_dim": 8, "statistics": "standing", "batch_size": 16, "seed": 0, "metadata": {}}
        export.export_generator(export.make_sampler(generator, num_classes=num_classes, **settings), path)
        self.path, self.model = path, export.load_generator(path)
        self.labels = {} if num_classes is None else {"labels": LABELS}
        self.label = {} if num_classes is None else {"label": -1}
        self.images = self.model.generate(Z, **self.labels).numpy()


@pytest.fixture(scope="module", params=[None, 3], ids=["unconditional", "conditional"])
def exported(request, tmp_path_factory):
    return Exported(str(tmp_path_factory.mktemp("run") / "export"), request.param)


of_labels = pytest.mark.parametrize("exported", [3], ids=["conditional"], indirect=True)


def saved_model_cli(*arguments):
    """What TensorFlow's command prints."""
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_sample_takes_integers_of_any_type(exported):
    """And Python's beside them, also those that do not fit into the type of the other."""
    sample = functools.partial(exported.model.sample, **exported.label)
    of_300, of_large = sample(2, 300).numpy(), sample(2, 2**40).numpy()
    assert (of_300 != of_large).any()
    for dtype in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64):
        np.testing.assert_array_equal(sample(tf.constant(2, dtype), 300), of_300, err_msg=str(dtype))
        np.testing.assert_array_equal(sample(dtype(2), 300), of_300, err_msg=str(dtype))
    np.testing.assert_array_equal(sample(tf.constant(2), 2**40), of_large)
    np.testing.assert_array_equal(sample(tf.constant(2), tf.constant(2**40, tf.int64)), of_large)
    np.testing.assert_array_equal(sample(num_images=2, seed=tf.constant(300, tf.uint16)), of_300)


@of_labels
def test_saved_model_cli_shows_both_signatures(exported):
    shown = saved_model_cli("show", "--dir", exported.path, "--all").partition("signature_def['serving_default']")
    for text, names in ((shown[0], ("num_images", "seed", "label")), (shown[2], ("z", "labels"))):
        assert re.findall(r"inputs\['(\w+)'\]", text) == sorted(names)
        assert re.findall(r"outputs\['(\w+)'\]", text)[-1] == "images"
    assert "signature_def['sample']" in shown[0]


@of_labels
def test_saved_model_cli_runs_both_signatures(exported, tmp_path):
    run = ["run", "--dir", exported.path, "--tag_set=serve", "--overwrite", "--outdir", tmp_path]
    np.savez(tmp_path / "inputs.npz", z=Z, labels=LABELS)
    inputs = ";".join(f"{name}={tmp_path}/inputs.npz[{name}]" for name in ("z", "labels"))
    saved_model_cli(*run, "--signature_def=serving_default", "--inputs", inputs)
    np.testing.assert_allclose(np.load(tmp_path / "images.npy"), exported.images, atol=1e-4)
    saved_model_cli(*run, "--signature_def=sample", "--input_exprs=num_images=5;seed=1;label=-1")
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), exported.model.sample(5, 1, -1))


def test_keras_takes_it_as_a_layer(exported):
    layer = keras.layers.TFSMLayer(exported.path, call_endpoint="generate")
    np.testing.assert_allclose(layer(Z, **exported.labels), exported.images, atol=1e-4)
    if not exported.labels:  # Keras passes on one argument of a signature only
        layer = keras.layers.TFSMLayer(exported.path, call_endpoint="serving_default")
        np.testing.assert_allclose(layer(Z)["images"], exported.images, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_lite_makes_the_same_images(exported):
    """`sample` is left out: TensorFlow Lite has no stateless random numbers."""
    converter = tf.lite.TFLiteConverter.from_saved_model(exported.path, signature_keys=["serving_default"])
    runner = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner("serving_default")
    np.testing.assert_allclose(runner(z=Z, **exported.labels)["images"], exported.images, atol=1e-4)


def test_onnx_makes_the_same_images(exported, tmp_path, monkeypatch):
    convert = pytest.importorskip("tf2onnx.convert")
    onnxruntime = pytest.importorskip("onnxruntime")
    path = str(tmp_path / "generator.onnx")
    flags = f"--saved-model {shlex.quote(exported.path)} --output {shlex.quote(path)} --signature_def serving_default"
    monkeypatch.setattr(sys, "argv", ["tf2onnx.convert", *shlex.split(flags)])
    convert.main()
    (images,) = onnxruntime.InferenceSession(path).run(["images"], {"z": Z, **exported.labels})
    np.testing.assert_allclose(images, exported.images, atol=1e-4)
