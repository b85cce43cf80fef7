"""What a recorder writes into a run folder, and what it does where it cannot."""

import collections
import itertools
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from conftest import simple_networks, tiny_trainer
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

from tfgan_gn import guards
from tfgan_gn.data.batches import held_out_batches
from tfgan_gn.errors import DivergedError, UserError
from tfgan_gn.files import whole
from tfgan_gn.run_page.points import PointReader
from tfgan_gn.training import checkpoints, summaries
from tfgan_gn.training.averaging import MovingAverage
from tfgan_gn.training.recorder import Recorder


def recorder_of(trainer, path, score=None, page=None):
    images = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 3), np.uint8)
    manager = checkpoints.restore(trainer, str(path / "checkpoints"), 3)
    batches = held_out_batches(images, 4, 0)

    def held_out_loss(iteration):
        return float(trainer.evaluate(iter(batches), tf.constant(2, tf.int64), tf.constant(iteration, tf.int64)))

    clock, advice = itertools.count().__next__, "go on from {} gently".format
    return Recorder(trainer, manager, str(path), held_out_loss, clock=clock, score=score, page=page, advice=advice)


@pytest.mark.quick
def test_what_a_recorder_writes(tmp_path):
    trainer = tiny_trainer(simple_networks())
    recorder = recorder_of(trainer, tmp_path)
    recorder.add({"critic/loss": 1.0}, tf.constant([0.5, 1.5]), 1)
    recorder.add({"critic/loss": 4.0, "generator/loss": 2.0}, tf.constant([0.5, 1.5]), 3)
    trainer.set_learning_rate()
    recorder.log(4)
    recorder.sample(4)
    recorder.save(4)
    recorder.writer.flush()
    recorder.test_writer.flush()
    held_out = events(tmp_path / "test")
    np.testing.assert_allclose(held_out.pop("critic/loss"), [recorder.held_out_loss(4)], rtol=1e-5)
    assert not held_out
    values = {tag: value for tag, (value,) in events(tmp_path / "train").items()}
    expected = {"critic/loss": 13 / 4, "generator/loss": 2.0, "train/learning_rate": 1e-3}
    expected["train/iterations_per_second"] = 4.0  # 4 iterations, 1 tick of the clock
    expected["critic/test_loss"] = recorder.held_out_loss(4)
    for tag, value in expected.items():
        np.testing.assert_allclose(values.pop(tag), value, rtol=1e-5, err_msg=tag)
    assert values.pop("critic/slopes")[:, 2].sum() == 2, "a histogram of two slopes"
    grid = tf.io.decode_png((tmp_path / "samples" / "000004.png").read_bytes()).numpy()
    assert grid.shape == (160, 160, 3)
    np.testing.assert_array_equal(tf.io.decode_png(values.pop("samples")[2]), grid)
    arcs = tf.io.decode_png((tmp_path / "interpolations" / "000004.png").read_bytes())
    np.testing.assert_array_equal(tf.io.decode_png(values.pop("interpolations")[2]), arcs)
    assert not values
    assert (tmp_path / "checkpoints" / "iteration-4.index").exists()


@pytest.mark.quick
def test_points_between_those_with_a_held_out_loss(tmp_path):
    """They have the means since the point before, and leave the readings of `log` as they are without them."""
    read = []
    recorder = recorder_of(tiny_trainer(simple_networks()), tmp_path)
    recorder.readings = lambda scalars, slopes: read.append(scalars["critic/loss"]) or {"alarms/x": 0.5}
    recorder.trainer.set_learning_rate()
    for loss, count, write in ((1.0, 10, "log_losses"), (4.0, 30, "log_losses"), (8.0, 10, "log"), (3.0, 10, "log")):
        recorder.add({"critic/loss": loss}, tf.constant([0.5, 1.5]), count)
        getattr(recorder, write)(10)
        recorder.log_losses(10)  # nothing is new
    recorder.close()
    written = events(tmp_path / "train")
    assert written["critic/loss"] == [1.0, 4.0, 8.0, 3.0]
    assert written["train/iterations_per_second"] == [10.0, 30.0, 10.0, 10.0], "one tick of the clock each"
    assert len(written["critic/slopes"]) == 4
    assert len(written["critic/test_loss"]) == len(written["alarms/x"]) == 2
    np.testing.assert_allclose(read, [(10 * 1 + 30 * 4 + 10 * 8) / 50, 3.0], rtol=1e-12)


def events(path):
    """tag -> its values in a TensorBoard folder, in order."""
    from tensorflow.core.util import event_pb2

    values = collections.defaultdict(list)
    for file in filter(pathlib.Path.is_file, path.iterdir()):
        for record in tf.data.TFRecordDataset(str(file)):
            for value in event_pb2.Event.FromString(record.numpy()).summary.value:
                values[value.tag].append(tf.make_ndarray(value.tensor))
    return values


@pytest.mark.quick
def test_curves_have_the_names_of_the_run_and_of_its_writers(tmp_path):
    """In one chart, as they have the same tag. The names are those that TensorBoard itself finds."""
    for name in ("first", "second"):
        for folder in summaries.folders_of(str(tmp_path / name)):
            writer = tf.summary.create_file_writer(folder)
            summaries.write_scalars(writer, {"critic/loss": 1.0}, 1)
            writer.close()
    found = EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    curves = {name: tags["tensors"] for name, tags in found.Runs().items()}
    assert curves == {f"{run}/{writer}": ["critic/loss"] for run in ("first", "second") for writer in ("train", "test")}


@pytest.mark.quick
def test_a_run_that_an_earlier_version_began_goes_on_in_its_folder(tmp_path):
    """So its curves stay whole, in TensorBoard and on its page."""
    before = summaries.FORMER, f"{summaries.FORMER}/test"
    for folder in before:
        writer = tf.summary.create_file_writer(str(tmp_path / folder))
        summaries.write_scalars(writer, {"critic/loss": 1.0}, 1)
        writer.close()
        (file,) = (tmp_path / folder).glob("events*")
        file.rename(file.with_name("events.out.tfevents.1000000000.host.1.0.v2"))  # read in the order of their seconds
    recorder = recorder_of(tiny_trainer(simple_networks()), tmp_path)
    recorder.add({"critic/loss": 2.0}, tf.zeros(0), 4)
    recorder.trainer.set_learning_rate()
    recorder.log(5)
    recorder.close()
    assert [len(events(tmp_path / folder)["critic/loss"]) for folder in before] == [2, 2]
    assert PointReader(str(tmp_path)).read()["critic/loss"] == ([1, 5], [1.0, 2.0])
    assert not any((tmp_path / folder).exists() for folder in ("train", "test"))


@pytest.mark.quick
def test_settings_are_written_for_the_tabs_text_and_hparams(tmp_path):
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2
    from tensorflow.core.util import event_pb2

    writer = tf.summary.create_file_writer(str(tmp_path))
    summaries.write_settings(
        writer, {"norm": "group", "groups": (16, 8), "width": 32, "flips": True, "ema": 0.5}, "runs/a"
    )
    writer.close()
    (file,) = tmp_path.iterdir()
    records = [event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(file))]
    found = {value.tag: value for record in records for value in record.summary.value}
    assert b"| groups | 16,8 |" in tf.make_ndarray(found["settings"].tensor).item()
    content = found[metadata.SESSION_START_INFO_TAG].metadata.plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    values = start.hparams
    assert start.group_name == "runs/a", "the name of its row"
    assert (values["norm"].string_value, values["groups"].string_value) == ("group", "16,8")
    assert (values["width"].number_value, values["ema"].number_value, values["flips"].bool_value) == (32, 0.5, True)


@pytest.mark.quick
def test_scores_are_written_as_points_and_the_best_checkpoint_is_kept(tmp_path):
    pictures = [np.full([2, 3, 3], level, np.uint8) for level in range(3)]
    results = {
        2 * place + 2: ({"eval/fid": fid}, {"neighbours": pictures[place]}, is_best)
        for place, (fid, is_best) in enumerate([(9.0, True), (9.5, False), (8.0, True)])
    }
    recorder = recorder_of(tiny_trainer(simple_networks()), tmp_path, results.get)
    kept = []
    for iteration in results:
        recorder.evaluate(iteration)
        kept.append([path.stem for path in (tmp_path / "best").glob("*.index")])
    assert kept == [["iteration-2"], ["iteration-2"], ["iteration-6"]]
    written = events(tmp_path / "train")
    shown = [tf.io.decode_png(image) for _, _, image in written.pop("neighbours")]
    np.testing.assert_array_equal(shown, pictures)
    assert written == {"eval/fid": [9.0, 9.5, 8.0]}


def test_a_held_out_loss_that_is_not_finite_stops_the_run(tmp_path):
    trainer = tiny_trainer(simple_networks())
    recorder = recorder_of(trainer, tmp_path)
    recorder.add({"critic/loss": 1.0}, tf.zeros(4), 1)
    trainer.critic.trainable_variables[-1].assign([np.nan])  # the bias of the output
    with pytest.raises(UserError, match="critic/test_loss is nan at iteration 3"):
        recorder.log(3)


@pytest.mark.parametrize("of", ["critic", "averaged", "optimizer"])
def test_what_is_not_finite_is_never_saved(tmp_path, of):
    networks = simple_networks()
    averaged = MovingAverage(simple_networks().generator, networks.generator, 0.9)
    trainer = tiny_trainer(networks, average=averaged)
    recorder = recorder_of(trainer, tmp_path, {2: ({}, {}, True)}.get)
    recorder.save(1)
    broken = {
        "critic": trainer.critic.trainable_variables[0],
        "averaged": trainer.average.averaged.variables[-1],
        "optimizer": trainer.generator_update.optimizer.variables[-1],
    }[of]
    broken.assign(tf.fill(broken.shape, np.inf))
    message = f"{broken.path} is nan at iteration 2: .* go on from .*iteration-1 gently"
    for record in (recorder.save, recorder.evaluate):
        with pytest.raises(DivergedError, match=message):
            record(2)
    assert [path.name for path in tmp_path.glob("*/*.index")] == ["iteration-1.index"]
    checkpoints.save(recorder.manager, 2)  # as an earlier version did
    with pytest.raises(DivergedError, match="go on from .*iteration-1 gently"):
        recorder.refuse_divergence({"critic/loss": np.nan}, 3)


def test_a_disk_that_cannot_be_written_to(tmp_path):
    with pytest.raises(UserError, match="cannot write to run: .*saved before is still there"), guards.writing_to("run"):
        raise OSError(28, "No space left on device")
    trainer = tiny_trainer(simple_networks())
    (tmp_path / "samples").write_text("a file where a folder should be")
    with pytest.raises(UserError, match="cannot write to"):
        recorder_of(trainer, tmp_path)


def test_the_page_is_written_with_each_new_checkpoint_and_at_the_end(tmp_path):
    pages = []
    recorder = recorder_of(tiny_trainer(simple_networks()), tmp_path, page=pages.append)
    recorder.save(2)
    recorder.save(2)
    recorder.save(4)
    assert pages == [False, False]
    recorder.close()
    assert pages == [False, False, True]


@pytest.mark.quick
def test_image_grid():
    images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1) * np.ones((1, 2, 3, 1), np.uint8)
    grid = summaries.image_grid(images, 3)
    assert grid.shape == (4, 9, 1)
    assert grid[0, ::3, 0].tolist() == [0, 1, 2] and grid[2, ::3, 0].tolist() == [3, 4, 0]


@pytest.mark.quick
def test_png_is_written_whole(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    path = pathlib.Path(tmp_path, "a.png")
    summaries.write_png(str(path), image)
    np.testing.assert_array_equal(tf.io.decode_png(path.read_bytes()), image)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.quick
def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a"
    whole.write_whole(str(path), b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        whole.write_whole(str(path), b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
