"""What is told where a file cannot be written or read: one message that names it, though the system's does not."""

import errno
import io
import json
import os
import sys
import types
import urllib.request

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn import augmentation_gain
from tfgan_gn.augmentation import plan, writer
from tfgan_gn.errors import UserError
from tfgan_gn.files import fetch, hashes, lock, noted_hashes, whole
from tfgan_gn.runs import evaluate, recording, reporting, run_data
from tfgan_gn.runs import train as training
from tfgan_gn.scoring import history, images, reference, train_cifar10net
from tfgan_gn.settings.training import make_config
from tfgan_gn.study import __main__ as study_command
from tfgan_gn.study import definition, prepare, scored, trials, worker
from tfgan_gn.study.findings import page, summary, tables
from tfgan_gn.training.grids import GRID
from tfgan_gn.training.recorder import Recorder

pytestmark = pytest.mark.quick
RESULT = {"scores": {"fid": {"value": 9.0}}, "protocol": {"num_images": 10}}


class Full:
    """A file on a disk without space. As the system has it, the error has no path."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, contents):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def full_disk(monkeypatch):
    def open_full(path, mode, **kinds):
        return Full(open(path, mode, **kinds)) if mode[0] in "wa" else open(path, mode, **kinds)

    for module in (whole, lock, fetch):
        monkeypatch.setattr(module, "open", open_full, raising=False)


def fail(*_, **__):
    """What TensorFlow raises where the disk is full."""
    raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")


# Each of these writes into `folder`, and returns the path that the message must have.


def result_of_scoring(folder, patch):
    return folder / "a.json", lambda: evaluate.save(RESULT, None, str(folder / "a.json"))


def result_in_run(folder, patch):
    return folder / "scores" / "000005.json", lambda: history.add(RESULT, 5, str(folder), "best", print)


def page_of_command(folder, patch):
    patch.setattr(reporting, "page_of", lambda runs: "")
    return folder / "a.html", lambda: reporting.write_page([], str(folder / "a.html"))


def page_in_training(folder, patch):
    patch.setattr(reporting, "page_of", lambda runs: "")
    patch.setattr(reporting, "run_of", lambda config, reader: None)
    write = reporting.make_page(make_config(workdir=str(folder)), iter(range(9)).__next__)
    return folder / "report.html", lambda: write(True)


def samples(folder, patch):
    (folder / "samples").mkdir()
    drawn = np.zeros([GRID * GRID, 4, 4, 3], np.uint8)
    grids = types.SimpleNamespace(samples=lambda: drawn, interpolations=lambda: drawn)
    recorder = types.SimpleNamespace(grids=grids, watch=None, workdir=str(folder), _raise_alarms=lambda *_: None)
    recorder.writer = tf.summary.create_noop_writer()
    return folder / "samples" / "000005.png", lambda: Recorder.sample(recorder, 5)


def last_tensorboard_points(folder, patch):
    recorder = types.SimpleNamespace(writer=types.SimpleNamespace(close=fail), workdir=str(folder))
    return folder, lambda: Recorder.close(recorder)


def checkpoint(folder, patch):
    manager = types.SimpleNamespace(latest_checkpoint=None, save=fail)
    recorder = types.SimpleNamespace(manager=manager, workdir=str(folder), page=None)
    recorder.refuse_divergence, recorder._not_finite = lambda *_: None, lambda: {}
    return folder, lambda: Recorder.save(recorder, 5)


def config_of_run(folder, patch):
    patch.setattr(recording, "make_held_out_loss", lambda *_: None)
    config, facts = make_config(workdir=str(folder), eval_every=0), run_data.DataFacts(10, 3, "")
    one = tf.distribute.get_strategy()
    return folder / "config.json", lambda: recording.make_recorder(config, facts, one, None, None, None)


def export(folder, patch):
    patch.setattr(training.building, "sampling", lambda *_: {})
    patch.setattr(training, "make_sampler", lambda *_: None)
    patch.setattr(training, "export_generator", fail)
    return folder, lambda: training.export(make_config(workdir=str(folder)), None, None)


def augmenter():
    facts = {"image_shape": [4, 4, 3], "pixel_scale": 127.5, "pixel_shift": 0.0, "z_dim": 2, "block_size": 2}
    model = types.SimpleNamespace(metadata=lambda: tf.constant(json.dumps(facts)))
    model.generate = lambda z, condition: tf.zeros([len(z), 4, 4, 3])
    return model, facts


def list_of_new_images(folder, patch):
    made = plan.Plan("images", str(folder), (), 1, 0, "", False)
    return folder / "augmented.csv", lambda: writer.write(made, augmenter()[0], print)


def new_image(folder, patch):
    made, image = plan.Plan("images", str(folder), ("a.png",), 1, 0, "", False), np.zeros([4, 4, 3], np.uint8)
    return folder / "a-new1.png", lambda: writer._write_block(made, "a.png", image, [1], *augmenter())


def copy_of_image(folder, patch):
    (folder / "a.png").write_bytes(b"image")
    made = plan.Plan(str(folder), str(folder / "out"), ("a.png",), 1, 0, "", True)
    return folder / "out" / "a.png", lambda: writer._copy(made, "a.png")


def augmentation_gains(folder, patch):
    for name in ("load_tensorflow", "load_config"):
        patch.setattr(augmentation_gain, name, lambda *_: None)
    patch.setattr(augmentation_gain, "measure", lambda *_: ({}, {}))
    patch.setattr(augmentation_gain, "findings", lambda *_: {})
    return folder / augmentation_gain.RESULT, lambda: augmentation_gain.command(["gain", str(folder)])


def definition_of_study(folder, patch):
    trial = types.SimpleNamespace(name="a-seed-1", seed=1)
    patch.setattr(trials, "trials_of", lambda *_: [trial])
    patch.setattr(prepare, "refuse_impossible", lambda *_: None)
    config, study = types.SimpleNamespace(train=True, workers=1), types.SimpleNamespace(text="", seeds=(1,))
    return folder / "study.json", lambda: study_command.train(config, study, str(folder), "runs", {})


def lock_of_study(folder, patch):
    return folder, lambda: prepare.train([], str(folder), 1)


def result_of_trial(folder, patch):
    patch.setattr(training, "train", lambda *_, **__: 0)
    patch.setattr(scored, "outcome_of", lambda *_: {})
    trial, path = trials.Trial(definition.Arm("a", {}, "", 0), 1, make_config(workdir=str(folder))), folder / "a.json"
    patch.setattr(run_data, "load_data", lambda config: None)
    return path, lambda: worker.work(trial, str(path), "", 0)


def report_of_study(folder, patch):
    for module, name in ((page, "page_of"), (tables, "as_json"), (tables, "as_csv"), (summary, "answer")):
        patch.setattr(module, name, lambda *_: "")
    return folder / "report.html", lambda: study_command.report(None, {}, str(folder), None)


def state_of_classifier(folder, patch):
    return folder / "a.npz", lambda: train_cifar10net.save_arrays(str(folder / "a.npz"), {"a": np.zeros(2)})


def download(folder, patch):
    reply = io.BytesIO(b"contents")
    reply.headers = {}
    patch.setattr(urllib.request, "urlopen", lambda *_, **__: reply)
    return folder / "a", lambda: fetch.fetch("http://x/a", str(folder / "a"), lambda path: None, "Copy it there")


WRITERS = [
    *(
        result_of_scoring,
        result_in_run,
        page_of_command,
        page_in_training,
        samples,
        last_tensorboard_points,
        checkpoint,
    ),
    *(
        checkpoint,
        config_of_run,
        export,
        list_of_new_images,
        new_image,
        copy_of_image,
        augmentation_gains,
        definition_of_study,
        lock_of_study,
    ),
    *(result_of_trial, report_of_study, state_of_classifier, download),
]


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_full_disk_is_one_message_that_names_the_file(write, full_disk, tmp_path, monkeypatch):
    path, call = write(tmp_path, monkeypatch)
    with pytest.raises(UserError) as refused:
        call()
    assert str(path) in str(refused.value) and "No space left on device" in str(refused.value)
    assert not [each for each in tmp_path.rglob("*") if each.suffix in (".tmp", ".part")], "nothing is left in part"


def test_the_way_out_names_the_flag_of_the_command(full_disk, tmp_path):
    with pytest.raises(UserError, match="free the disk, or give another --out, and run the same command again"):
        evaluate.save(RESULT, None, str(tmp_path / "a.json"))


def test_statistics_that_cannot_be_kept_are_told_with_their_file(full_disk, tmp_path, monkeypatch):
    computed, said = types.SimpleNamespace(stats=None, features=None), []
    monkeypatch.setattr(reference.features, "compute", lambda *_: computed)
    monkeypatch.setattr(reference, "_contents", lambda *_: b"")
    extractor = types.SimpleNamespace(weights_sha256="", preprocessing="")
    real = images.Images("photos", 1, lambda: [np.zeros([1, 4, 4, 3], np.uint8)], {})
    found = reference.of_images(real, extractor, 1, str(tmp_path), said.append)
    assert found.source == "photos"
    assert f"{tmp_path}/real-" in said[0] and "No space left on device" in said[0]


def test_a_trial_whose_study_is_gone_goes_on(monkeypatch):
    """Its standard output leads nowhere then. It is asked to stop, and saves."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", buffering=1, closefd=False) as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        worker._tell(5)
        with pytest.raises(BrokenPipeError):
            gone.flush()
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)  # where the line that is left can go


def test_a_file_that_breaks_while_it_is_read_is_named(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "a").write_bytes(b"contents")
    monkeypatch.setattr(hashes.hashlib, "file_digest", broken)
    for read in (lambda: hashes.hash_folder(tmp_path), lambda: noted_hashes.hash_files(tmp_path, ["a"], tmp_path)):
        with pytest.raises(UserError) as refused:
            read()
        assert str(refused.value).startswith(f"{tmp_path / 'a'} cannot be read (Input/output error): ")


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    (tmp_path / plan.TABLE).mkdir()
    for read in (lambda: whole.read_whole(tmp_path / plan.TABLE), lambda: plan.read_table(tmp_path)):
        with pytest.raises(UserError, match=f"{tmp_path / plan.TABLE}.*Is a directory"):
            read()
    with pytest.raises(UserError, match=f"{tmp_path}/nowhere cannot be read"):
        hashes.hash_folder(tmp_path / "nowhere")
