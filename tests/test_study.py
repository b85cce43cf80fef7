"""A study as a user runs it: killed at three moments, it ends with the results of one that was not."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from test_images import write_folder
from test_train_cifar import ROOT

from tfgan_gn.data.drawn import shapes
from tfgan_gn.study import trials, worker
from tfgan_gn.study.definition import read_study

CONTENT = {
    "name": "tiny",
    "seeds": [1, 2],
    "baseline": "layer",
    "settings": {
        "dataset": "folder",
        "architecture": "simple_cnn",
        "image_size": 16,
        "width": 4,
        "batch_size": 8,
        "n_critic": 1,
        "iterations": 6,
        "log_every": 1,
        "checkpoint_every": 2,
        "keep_checkpoints": 6,
        "eval_every": 3,
        "eval_images": 20,
        "scorer": "cifar10net",
        "test_batches": 1,
        "strategy": "one_device",
    },
    "arms": [
        {"name": "layer", "settings": {"norm": "layer"}},
        {"name": "huge", "settings": {"norm": "none", "learning_rate": 1e30}},
    ],
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_folder(folder / "data", shapes.draw_shapes(60, 16, 0)[0])
    (folder / "study.json").write_text(json.dumps(CONTENT))
    return folder


def start(files, *flags):
    places = (f"--{name}={files / name}" for name in ("out", "runs_dir"))
    data = (f"--data_dir={files / 'data'}", f"--cache_dir={files / 'cache'}")
    command = [sys.executable, "-m", "tfgan_gn.study", files / "study.json", *places, *data, *flags]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def without_time(result):
    return {key: value for key, value in result.items() if key != "seconds_per_iteration"}


@pytest.fixture(scope="module")
def killed(files):
    """The study, killed in the first trial, stopped after a checkpoint, killed in the second trial, and let go on."""
    moments = (
        ("runs_dir/layer-seed-1/config.json", signal.SIGKILL),
        ("runs_dir/layer-seed-1/checkpoints/iteration-2.index", signal.SIGTERM),
        ("runs_dir/huge-seed-1.log", signal.SIGKILL),
    )
    for path, number in moments:
        process = start(files)
        while not (files / path).exists():
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.1)
        process.send_signal(number)
        err = process.communicate(timeout=600)[1]
        assert process.returncode in (-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM), err
    process = start(files)
    process.out, process.err = process.communicate(timeout=1200)
    assert process.returncode == 0, process.err
    return process


def test_killing_it_at_three_moments_changes_no_result(files, killed):
    study = read_study(str(files / "study.json"))
    every = trials.trials_of(study, str(files / "again"), str(files / "data"), str(files / "cache"))
    found = trials.read_results(files / "out", every)
    assert {name: result["status"] for name, result in found.items()} == {
        "layer-seed-1": "finished",
        "huge-seed-1": "diverged",
        "layer-seed-2": "finished",
        "huge-seed-2": "diverged",
    }
    for trial in every[:2]:
        path = files / f"{trial.name}.json"
        with contextlib.redirect_stdout(io.StringIO()):
            assert worker.work(trial, str(path), "", 0) == 0
        assert without_time(json.loads(path.read_text())) == without_time(found[trial.name]), trial.name
    report = json.loads((files / "out" / "report.json").read_text())
    assert report["arms"][1]["diverged"] == 2
    assert "report.html in a browser" in killed.out and (files / "out" / "report.html").stat().st_size > 10_000


def test_the_checkpoint_is_chosen_by_other_scores_than_it_gets(files, killed):
    result = json.loads((files / "out" / "trials" / "layer-seed-2.json").read_text())
    curve = result["curves"]["cifar10net/frechet_distance"]
    assert curve["iteration"] == [3, 6] and result["last"]["iteration"] == 6
    assert result["best"]["iteration"] == curve["iteration"][curve["value"].index(min(curve["value"]))]
    assert result["last"]["cifar10net/frechet_distance"] not in curve["value"]
    assert result["protocol"]["reference_num_images"] == 3, "the held-out images"
    assert (files / "out" / "trials" / "layer-seed-1.png").exists()


def test_a_finished_study_trains_nothing_and_needs_no_run_folders(files, killed, tmp_path):
    os.rename(files / "runs_dir", tmp_path / "runs")
    process = start(files)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0 and "trials to train" not in err and "report.html in a browser" in out
    assert not (files / "runs_dir").exists()
