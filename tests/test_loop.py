"""When the loop logs, samples, saves and stops; what it does with damaged checkpoints and full disks."""

import itertools
import os
import pathlib
import signal

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_networks, tiny_trainer

from tfgan_gn import guards
from tfgan_gn.data.batches import held_out_batches
from tfgan_gn.data.pixels import quantize
from tfgan_gn.errors import UserError
from tfgan_gn.files import whole
from tfgan_gn.training import checkpoints, loop, summaries
from tfgan_gn.training.recorder import FIXED_Z, Recorder


class StubTrainer:
    """Counts iterations; a loss may turn NaN at one of them."""

    def __init__(self, start=0, nan_at=None):
        self.iteration = tf.Variable(start, dtype=tf.int64)
        self.nan_at, self.counts = nan_at, []

    def train(self, batches, count):
        self.counts.append(int(count))
        first = int(self.iteration.assign_add(count)) - int(count)
        bad = self.nan_at is not None and first <= self.nan_at < first + int(count)
        generator = float("nan") if first == 0 and count == 1 else 0.5
        return {"critic/loss": float("nan") if bad else 1.0, "generator/loss": generator}, tf.zeros(4)


class StubRecorder:
    """Remembers what it was asked to do, and the logs it was given."""

    def __init__(self):
        self.done, self.added, self.workdir = [], [], "run"
        self.newest, self.close = lambda: "run/checkpoints/iteration-5", lambda: None
        for name in ("log", "sample", "evaluate", "save"):
            setattr(self, name, lambda iteration, name=name: self.done.append((name, iteration)))

    def add(self, logs, slopes, count):
        self.added.append((logs, count))


def fit(trainer, recorder, seconds_per_call=0.0, stop=lambda: None, **periods):
    ticks = itertools.count()
    settings = {"iterations": 12, "log_every": 4, "sample_every": 5, "checkpoint_every": 6} | periods
    loop.fit(trainer, None, recorder, clock=lambda: seconds_per_call * next(ticks), stop=stop, **settings)


def test_actions_come_at_their_periods_after_the_first_and_after_the_last_iteration():
    trainer, recorder = StubTrainer(), StubRecorder()
    fit(trainer, recorder, seconds_per_call=1e-9)
    at = {name: [i for n, i in recorder.done if n == name] for name in ("log", "sample", "save")}
    assert at == {"log": [1, 4, 8, 12], "sample": [1, 5, 10, 12], "save": [1, 6, 12, 12]}
    assert trainer.counts == [1, 3, 1, 1, 2, 2, 2], "no call may run past an action"
    assert "generator/loss" not in recorder.added[0][0] and recorder.added[1][0]["generator/loss"] == 0.5


def test_slow_iterations_run_one_at_a_time_and_fast_ones_together():
    slow, fast = StubTrainer(), StubTrainer()
    for trainer, seconds in ((slow, 10.0), (fast, 1e-6)):
        fit(trainer, StubRecorder(), seconds, iterations=100, log_every=100, sample_every=100, checkpoint_every=100)
    assert slow.counts == [1] * 100 and fast.counts == [1, 99]


def test_a_resumed_run_keeps_the_periods():
    trainer, recorder = StubTrainer(start=7), StubRecorder()
    fit(trainer, recorder, 1e-9)
    assert [i for n, i in recorder.done if n == "log"] == [8, 12]
    assert sum(trainer.counts) == 5


def test_a_finished_run_does_nothing():
    trainer = StubTrainer(start=12)
    fit(trainer, StubRecorder())
    assert trainer.counts == []


def test_a_request_to_stop_saves_and_ends():
    trainer, recorder = StubTrainer(), StubRecorder()
    fit(trainer, recorder, 10.0, stop=lambda: int(trainer.iteration) >= 3)
    assert int(trainer.iteration) == 3 and recorder.done[-1] == ("save", 3)


def test_a_loss_that_is_not_finite_stops_the_run_and_saves_nothing():
    trainer, recorder = StubTrainer(nan_at=6), StubRecorder()
    with pytest.raises(
        UserError, match=r"critic/loss is nan at iteration 7: .* checkpoint is run/checkpoints/iteration-5"
    ):
        fit(trainer, recorder, 10.0)
    assert max(i for _, i in recorder.done) == 6


def test_signals_are_asked_for_once_and_handlers_come_back():
    before, interrupt = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with guards.stop_requests() as stop:
        assert stop() is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop() == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) == before, "a second one kills"
    assert signal.getsignal(signal.SIGINT) == interrupt


# ---- with a real trainer ---------------------------------------------------------------------------------------------


def recorder_of(trainer, path):
    images = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 3), np.uint8)
    manager = checkpoints.restore(trainer, str(path / "checkpoints"), 3)
    batches = held_out_batches(images, 4, 0)
    return Recorder(trainer, manager, str(path), lambda: iter(batches), 2, clock=itertools.count().__next__)


def test_what_a_recorder_writes(tmp_path):
    trainer = tiny_trainer(tiny_networks())
    recorder = recorder_of(trainer, tmp_path)
    recorder.add({"critic/loss": 1.0}, tf.constant([0.5, 1.5]), 1)
    recorder.add({"critic/loss": 4.0, "generator/loss": 2.0}, tf.constant([0.5, 1.5]), 3)
    trainer.set_learning_rate()
    recorder.log(4)
    recorder.sample(4)
    recorder.save(4)
    recorder.writer.flush()
    values = events(tmp_path / "tensorboard")
    expected = {"critic/loss": 13 / 4, "generator/loss": 2.0, "train/learning_rate": 1e-3}
    expected["train/iterations_per_second"] = 4.0  # 4 iterations, 1 tick of the clock
    test_loss = trainer.evaluate(recorder.make_test_batches(), tf.constant(2, tf.int64))
    expected["critic/test_loss"] = float(test_loss)
    for tag, value in expected.items():
        np.testing.assert_allclose(values.pop(tag), value, rtol=1e-5, err_msg=tag)
    assert values.pop("critic/slopes")[:, 2].sum() == 2, "a histogram of two slopes"
    grid = tf.io.decode_png((tmp_path / "samples" / "000004.png").read_bytes()).numpy()
    assert grid.shape == (160, 160, 3)
    np.testing.assert_array_equal(tf.io.decode_png(values.pop("samples")[2]), grid)
    assert not values
    assert (tmp_path / "checkpoints" / "iteration-4.index").exists()


def events(path):
    """tag -> value of every event of a TensorBoard folder (one step is expected)."""
    from tensorflow.core.util import event_pb2

    values = {}
    for file in path.iterdir():
        for record in tf.data.TFRecordDataset(str(file)):
            for value in event_pb2.Event.FromString(record.numpy()).summary.value:
                assert value.tag not in values
                values[value.tag] = tf.make_ndarray(value.tensor)
    return values


def test_a_held_out_loss_that_is_not_finite_stops_the_run(tmp_path):
    trainer = tiny_trainer(tiny_networks())
    recorder = recorder_of(trainer, tmp_path)
    recorder.add({"critic/loss": 1.0}, tf.zeros(4), 1)
    trainer.critic.dense.bias.assign([np.nan])
    with pytest.raises(UserError, match="critic/test_loss is nan at iteration 3"):
        recorder.log(3)


def test_the_sample_grid_is_of_fixed_noise_normalized_as_published(tmp_path):
    trainer = tiny_trainer(tiny_networks())
    first = recorder_of(trainer, tmp_path).draw().numpy()
    z = tf.random.stateless_normal([100, 8], [trainer.noise.seed, FIXED_Z])
    assert abs(first.astype(int) - quantize(trainer.generator(z, training=True)).numpy()).max() <= 1
    np.testing.assert_array_equal(first, recorder_of(trainer, tmp_path).draw())
    assert first.shape == (100, 16, 16, 3) and len({image.tobytes() for image in first}) == 100


def test_a_disk_that_cannot_be_written_to(tmp_path):
    with pytest.raises(UserError, match="cannot write to run: .*saved before is still there"), guards.writing_to("run"):
        raise OSError(28, "No space left on device")
    trainer = tiny_trainer(tiny_networks())
    (tmp_path / "samples").write_text("a file where a folder should be")
    with pytest.raises(UserError, match="cannot write to"):
        recorder_of(trainer, tmp_path)


def test_image_grid():
    images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1) * np.ones((1, 2, 3, 1), np.uint8)
    grid = summaries.image_grid(images, 3)
    assert grid.shape == (4, 9, 1)
    assert grid[0, ::3, 0].tolist() == [0, 1, 2] and grid[2, ::3, 0].tolist() == [3, 4, 0]


def test_png_is_written_whole(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    path = pathlib.Path(tmp_path, "a.png")
    summaries.write_png(str(path), image)
    np.testing.assert_array_equal(tf.io.decode_png(path.read_bytes()), image)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a"
    whole.write_whole(str(path), b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        whole.write_whole(str(path), b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
