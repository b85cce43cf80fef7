"""What `import tfgan_gn` offers to programs and notebooks."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import scored_images
import tensorflow as tf

import tfgan_gn
from tfgan_gn import guards, layers, models, runs, training
from tfgan_gn.errors import UserError
from tfgan_gn.training.recorder import Recorder

NOTEBOOK = pathlib.Path(__file__).parents[1] / "examples" / "quickstart.ipynb"
TINY = {"dataset": "shapes", "architecture": "simple_cnn", "norm": "none", "width": 8, "batch_size": 8, "n_critic": 1}
TINY |= {"test_batches": 1, "eval_every": 0, "strategy": "one_device"}


@pytest.mark.quick
def test_what_is_offered_is_what_the_package_has():
    assert tfgan_gn.GroupNorm is layers.norm_layers.GroupNorm and tfgan_gn.build_networks is models.build_networks
    assert tfgan_gn.gradient_penalty is training.losses.gradient_penalty
    assert tfgan_gn.load_run is runs.loading.load_run
    assert {*tfgan_gn.__all__, "__version__"} <= {*dir(tfgan_gn)}
    for name in tfgan_gn.__all__:
        assert f"`{name}" in tfgan_gn.__doc__ and getattr(tfgan_gn, name).__doc__


@pytest.mark.quick
def test_settings_that_do_not_exist_are_refused_by_name():
    with pytest.raises(UserError, match="tfgan_gn.train: there is no setting widht"):
        tfgan_gn.train(widht=8)
    with pytest.raises(UserError, match="tfgan_gn.train: --width=wide: give a whole number"):
        tfgan_gn.train(width="wide")
    with pytest.raises(UserError, match="tfgan_gn.evaluate: there is no setting width"):
        tfgan_gn.evaluate("x", width=8)
    with pytest.raises(UserError, match="compares no results"):
        tfgan_gn.evaluate("x", compare="a.json")


@pytest.mark.quick
def test_outside_of_the_main_thread_signals_are_left_alone():
    """Where a program trains in a thread of its own."""
    asked = []

    def train():
        with guards.stop_requests(pytest.fail) as stop:
            asked.append(stop())

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert asked == [None]


def test_ctrl_c_saves_and_the_same_call_goes_on(tmp_path, monkeypatch):
    sample = Recorder.sample

    def interrupt_first(self, iteration):
        sample(self, iteration)
        if iteration == 1:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Recorder, "sample", interrupt_first)
    settings = {**TINY, "iterations": 3, "checkpoint_every": 2, "workdir": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        tfgan_gn.train(**settings)
    assert tfgan_gn.load_run(str(tmp_path / "run")).iteration == 1
    run = tfgan_gn.train(**settings)
    assert run.iteration == 3 and run.config.width == 8 and run.config.preset == "author"
    assert run.generator(tf.zeros([2, run.config.z_dim])).shape == (2, 32, 32, 3)


def test_the_result_is_that_of_the_command(tiny_extractor_path, tmp_path, monkeypatch):
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", tf.distribute.get_strategy)
    for name, images in (("fake.npy", scored_images.FAKE), ("real.npy", scored_images.REAL)):
        np.save(tmp_path / name, images)
    settings = {"reference": str(tmp_path / "real.npy"), "scorer": tiny_extractor_path, "cache_dir": tmp_path / "cache"}
    result = tfgan_gn.evaluate(tmp_path / "fake.npy", **settings, out=tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == json.loads(json.dumps(result))
    assert result["scores"]["fid"]["value"] > 0
    with contextlib.chdir(tmp_path):
        assert tfgan_gn.evaluate("fake.npy", **settings)["scores"] == result["scores"]
    assert not list(tmp_path.glob("scores-*")), "without `out` nothing is written"


@pytest.mark.quick
def test_a_result_that_could_not_be_written_is_refused_before_the_scoring(tmp_path, monkeypatch):
    monkeypatch.setattr("tfgan_gn.runs.evaluate.score", lambda *_: pytest.fail("scored"))
    np.save(tmp_path / "fake.npy", scored_images.FAKE)
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UserError, match="cannot write to .*a.json"):
        tfgan_gn.evaluate(tmp_path / "fake.npy", reference="shapes:train", out=tmp_path / "a.json")


def cells(kind):
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == kind]


@pytest.mark.quick
def test_the_notebook_is_kept_without_its_output():
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells("code"))


def test_the_notebook_runs_from_top_to_bottom(tmp_path):
    """Its code in a process of its own, with two iterations and few images in place of its parameters."""
    source = []
    for cell in cells("code"):
        source.append("".join(cell["source"]))
        if "parameters" in cell["metadata"].get("tags", []):
            source.append("settings |= {'architecture': 'simple_cnn', 'width': 8, 'n_critic': 1, 'test_batches': 1}")
            source.append("iterations = 2; scoring |= {'num_images': 100, 'reference': 'shapes:test'}")
            source.append(f"scoring['cache_dir'] = {str(tmp_path)!r}")
    assert len(source) == len(cells("code")) + 3, "the cell of the parameters is there"
    (tmp_path / "notebook.py").write_text("\n".join(source))
    environment = {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": str(NOTEBOOK.parents[1])}
    process = subprocess.run(
        [sys.executable, "notebook.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("Fréchet distance (cifar10net)") == 2 and "slopes from" in process.stdout
