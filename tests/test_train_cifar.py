"""The command as a user runs it, in processes of its own."""

import json
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfgan_gn.files.lock import only_one
from tfgan_gn.runs import building
from tfgan_gn.runs.run_data import DataFacts
from tfgan_gn.runs.train import train
from tfgan_gn.settings.training import make_config
from tfgan_gn.training import strategies
from tfgan_gn.training.noise import Noise

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
import train_cifar  # the command itself, which is not installed

TINY = {"dataset": "shapes", "width": 8, "groups": 4, "batch_size": 8, "n_critic": 2, "test_batches": 1}
TINY |= {"eval_every": 0}  # `test_scored_run.py` is about scores

QUICK = {"architecture": "simple_cnn", "norm": "none", "groups": None}  # to trace

FACTS = DataFacts(10, 3, "")


def start(workdir, limit=None, **flags):
    """The command at its tiniest; `limit` is the size in bytes that a file may have."""
    arguments = [
        f"--{name}={value}" for name, value in {**TINY, "workdir": workdir, **flags}.items() if value is not None
    ]

    def before():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell has its background jobs ignore it
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "train_cifar.py", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def command(workdir, **kwargs):
    process = start(workdir, **kwargs)
    process.out, process.err = process.communicate(timeout=300)
    return process


def refused(workdir, **kwargs):
    """The message of a run that must end with one, and no traceback."""
    process = command(workdir, **kwargs)
    assert process.returncode == 1, process.err
    assert "Traceback" not in process.err
    messages = [line for line in process.err.splitlines() if line.startswith("train_cifar.py: error:")]
    assert len(messages) == 1, process.err
    return messages[0]


def refused_here(capsys, workdir, **flags):
    """As `refused`, for a run that this process starts: TensorFlow is there already."""
    flags = {**TINY, "workdir": workdir, "strategy": "one_device", **flags}
    arguments = [f"--{name}={value}" for name, value in flags.items() if value is not None]
    assert train_cifar.main(["train_cifar.py", *arguments]) == 1
    (message,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("train_cifar.py: error:")]
    return message


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of 4 iterations."""
    workdir = tmp_path_factory.mktemp("runs") / "run"
    periods = {"sample_every": 2, "checkpoint_every": 1, "keep_checkpoints": 2, "log_every": 3}
    process = command(workdir, iterations=4, generator_statistics="batch", **periods, **QUICK)
    assert process.returncode == 0, process.err
    return workdir, process


def test_a_run_leaves_what_it_promises_and_says_where(finished):
    workdir, process = finished
    assert sorted(path.name for path in workdir.iterdir()) == [
        ".lock",
        "checkpoints",
        "config.json",
        "export",
        "interpolations",
        "report.html",
        "samples",
        "test",
        "train",
    ]
    settings = json.loads((workdir / "config.json").read_text())
    assert settings["config"]["width"] == 8 and settings["config"]["architecture"] == "simple_cnn"
    assert settings["versions"]["tensorflow"] == tf.__version__
    assert sorted(p.name for p in (workdir / "samples").iterdir()) == ["000001.png", "000002.png", "000004.png"]
    assert sorted(p.name for p in (workdir / "checkpoints").glob("*.index")) == [
        "iteration-3.index",
        "iteration-4.index",
    ]
    assert logged_steps(workdir / "train", "critic/test_loss") == [1, 3, 4]
    images = tf.saved_model.load(str(workdir / "export"))
    assert json.loads(images.metadata().numpy())["statistics"] == "batch"
    assert images.sample(3, 0).shape == (3, 32, 32, 3)
    assert re.search(r"^trained parameters: generator [\d,]+, critic [\d,]+$", process.err, re.M)
    parts = r"weights and state of the optimizers \d+\.\d\d, tensors of a step \d+\.\d\d"
    line = rf"^estimated memory of training, on each device: \d+\.\d\d GiB \({parts}\), beside TensorFlow and data$"
    assert len(re.findall(line, process.err, re.M)) == 1
    assert process.err.splitlines()[-1].startswith(f"done: open {workdir}/report.html in a browser")
    assert "it/s" not in process.err, "no progress line where there is no terminal"


def logged_steps(path, tag):
    events = EventAccumulator(str(path), size_guidance={"tensors": 0}).Reload()
    return [point.step for point in events.Tensors(tag)]


@pytest.mark.quick
def test_every_setting_reaches_what_it_sets(monkeypatch):
    """Each differs from its default and from every other."""
    builds, build_networks = [], building.build_networks
    monkeypatch.setattr(building, "build_networks", lambda *a, **k: builds.append((a, k)) or build_networks(*a, **k))
    sizes = {"width": 8, "z_dim": 6, "image_size": 16, "batch_size": 3, "generator_batch_multiple": 4, "n_critic": 7}
    rates = {"gp_weight": 2.5, "learning_rate": 3e-4, "lr_decay": "linear", "iterations": 10, "beta_1": 0.25}
    norms = {"groups": (1, 2, 4, 8, 1, 2), "generator_norm": "group", "generator_groups": (2,)}
    given = {"beta_2": 0.5, "seed": 9, "initializer": "torch", **sizes, **rates, **norms}
    trainer = building.build_trainer(make_config("report", **given), FACTS)
    of_networks = {name: given[name] for name in ("width", "z_dim", "image_size", "initializer", *norms)}
    of_networks |= {"channels": 3, "norm": "group", "num_classes": None, "auxiliary": False, "levels": None}
    assert builds == [(("resnet",), of_networks)]
    assert trainer.noise == Noise(seed=9, z_dim=6, batch_size=3, generator_batch_size=12)
    assert (trainer.objective.gp_weight, trainer.n_critic) == (2.5, 7)
    for update in (trainer.generator_update, trainer.critic_update):
        optimizer = update.optimizer
        assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.25, 0.5, 1e-8)
        rate = [float(update.learning_rate(tf.constant(i, tf.int64))) for i in (0, 5)]
        np.testing.assert_allclose(rate, [3e-4, 1.5e-4], rtol=1e-6)
    given |= {"seed": 10, "lr_decay": "none", "learning_rate": 0.0, "critic_learning_rate": 5e-4, "clip": 0.1}
    other = building.build_trainer(make_config("report", **given), FACTS)
    updates = other.generator_update, other.critic_update
    rates = [float(update.learning_rate(tf.constant(5, tf.int64))) for update in updates]
    np.testing.assert_allclose(rates, [0, 5e-4], rtol=1e-6)
    assert [update.clip for update in updates] == [None, 0.1]
    assert (other.critic.trainable_variables[0].numpy() != trainer.critic.trainable_variables[0].numpy()).all()


def test_another_config_in_the_folder_is_refused_naming_the_field(finished, capsys):
    message = refused_here(capsys, finished[0], iterations=4, seed=5, deterministic=True, **QUICK)
    assert "another deterministic (there False, asked True), another seed (there 0, asked 5)" in message


@pytest.mark.quick
@pytest.mark.parametrize("deterministic", [True, False])
def test_determinism_is_asked_for_before_anything_is_computed(monkeypatch, tmp_path, deterministic):
    """TensorFlow cannot take it back, so that here only its calls are seen. `test_gpu_benchmark.py` trains with it."""
    calls = []
    for name in ("enable_op_determinism", "enable_tensor_float_32_execution"):
        monkeypatch.setattr(tf.config.experimental, name, lambda *values, name=name: calls.append((name, *values)))

    def make_strategy(*arguments):
        raise StopIteration

    monkeypatch.setattr(strategies, "make_strategy", make_strategy)
    with pytest.raises(StopIteration):
        train(make_config(workdir=str(tmp_path / "run"), deterministic=deterministic))
    asked = [("enable_op_determinism",), ("enable_tensor_float_32_execution", False)]
    assert calls == (asked if deterministic else [])


def test_a_run_in_two_parts_is_the_run_in_one(finished, tmp_path):
    """Stopped by SIGTERM at some iteration, resumed by the same command: bit for bit the same generator."""
    whole, _ = finished
    workdir = tmp_path / "run"
    process = start(workdir, iterations=4, sample_every=2, checkpoint_every=2, **QUICK)
    wait_for(workdir / "train")
    time.sleep(1)  # it traces the first iteration then, for seconds; on a slower machine it may stop at iteration 0
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM, err
    stopped = re.search(r"stopped and saved at iteration ([0-3]);", err)
    assert stopped and "Traceback" not in err, err
    assert "SIGTERM: stops and saves when the work at hand is done" in err
    process = command(workdir, iterations=4, sample_every=2, checkpoint_every=2, **QUICK)
    assert process.returncode == 0, process.err
    if stopped[1] != "0":
        assert f"resumed at iteration {stopped[1]} of 4" in process.err
    parts, one = (tf.train.load_checkpoint(str(path / "checkpoints")) for path in (workdir, whole))
    for name in one.get_variable_to_shape_map():
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH" and not name.startswith("save_counter"):
            np.testing.assert_array_equal(parts.get_tensor(name), one.get_tensor(name), err_msg=name)


def test_checkpoints_without_their_config_are_refused(finished, tmp_path, capsys):
    shutil.copytree(finished[0], tmp_path / "run")
    (tmp_path / "run" / "config.json").unlink()
    assert "holds checkpoints but no config.json" in refused_here(capsys, tmp_path / "run", iterations=4)


def test_ctrl_c_while_loading_is_quiet(tmp_path):
    process = start(tmp_path / "run", iterations=10**6)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130 and "Traceback" not in err, err


def wait_for(path):
    for _ in range(2000):
        if path.exists():
            return
        time.sleep(0.2)
    raise AssertionError(f"{path} did not come")


def test_a_full_disk_is_one_message_and_what_was_saved_stays(finished, tmp_path):
    """A limit on the size of a file stands for it: the checkpoint is the first that does not fit."""
    message = refused(tmp_path / "run", iterations=4, limit=20_000, **QUICK)
    assert f"cannot write to {tmp_path}/run" in message and "was saved before is still there" in message


@pytest.mark.quick
def test_bad_input_is_one_message(tmp_path, capsys):
    folder = {"dataset": "folder", "data_dir": tmp_path / "nowhere"}  # networks are refused before data are looked for
    message = refused_here(capsys, tmp_path / "a", groups=3, **folder)
    assert "error: 3 groups do not divide the 8 channels of critic/block2/norm1" in message
    assert "nowhere is not a folder" in refused_here(capsys, tmp_path / "b", **folder)
    (tmp_path / "file").write_text("")
    assert "is a file: give a folder" in refused_here(capsys, tmp_path / "file")
    (tmp_path / "busy").mkdir()
    with only_one(tmp_path / "busy", "trains there"):
        assert "trains in" in refused_here(capsys, tmp_path / "busy", **QUICK)
    assert "is more than the 10000 images" in refused_here(capsys, tmp_path / "d", batch_size=20_000, **QUICK)
    assert not (tmp_path / "d" / "config.json").exists(), "a refused run must not claim the folder"
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists(), "a refused run leaves no folder behind"


def test_too_little_memory_and_a_divergence_are_one_message_each_and_the_latter_is_computed_again(tmp_path):
    assert "out of memory" in refused(tmp_path / "e", z_dim=2_000_000_000)
    diverged = refused(tmp_path / "c", iterations=50, learning_rate=1e30, jit=True, **QUICK)
    left = f"{tmp_path}/c/diverged"
    assert f"the run diverged. Nothing more is saved. `python -m tfgan_gn.replay {left}` computes what we" in diverged
    again = [sys.executable, "-m", "tfgan_gn.replay", left]
    process = subprocess.run(again, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert re.search(r"critic/loss (nan|-?inf), as in the run\n", process.stdout)


@pytest.mark.quick
def test_help_is_on_standard_output():
    arguments = [sys.executable, "train_cifar.py", "--helpfull"]
    process = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0 and "--norm=none|batch|layer|instance|group" in process.stdout
