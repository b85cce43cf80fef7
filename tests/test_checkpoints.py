"""What a checkpoint holds, which one is found, and what is done with damaged ones."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import simple_networks, state, tiny_trainer

from tfgan_gn.errors import UserError
from tfgan_gn.training import checkpoints
from tfgan_gn.training.averaging import MovingAverage


@pytest.fixture
def saved(tmp_path):
    """A folder with checkpoints of iterations 1 and 2."""
    trainer = tiny_trainer(simple_networks())
    manager = checkpoints.restore(trainer, str(tmp_path), 3)
    for iteration in (1, 2):
        trainer.iteration.assign(iteration)
        manager.save(checkpoint_number=iteration)
    return tmp_path


def restored(path, **kwargs):
    trainer = tiny_trainer(simple_networks(seed=1, **kwargs))
    checkpoints.restore(trainer, str(path), 3)
    return trainer


def damage(path, how):
    file = path / ("iteration-2.index" if how == "index" else "iteration-2.data-00000-of-00001")
    contents = bytearray(file.read_bytes())
    if how == "flip":
        contents[len(contents) // 2] ^= 1
    file.write_bytes(contents[: -100 if how == "truncate" else None])
    if how in ("missing", "index"):
        file.unlink()


@pytest.mark.parametrize("how", ["truncate", "flip", "missing", "index"])
def test_a_damaged_checkpoint_is_refused_and_the_message_brings_back_the_one_before(saved, how):
    damage(saved, how)
    with pytest.raises(UserError, match="iteration-2 cannot be read") as error:
        restored(f"{saved}/.")  # the same folder
    line = str(error.value).split("write '")[1].split("'")[0]
    (saved / "checkpoint").write_text(line)
    assert restored(saved).iteration.numpy() == 1


@pytest.mark.parametrize(
    "content",
    [
        b"garbage",
        b"",
        b"\xff\xfe\x00",
        b'model_checkpoint_path: "../elsewhere/iteration-2"',
        b'model_checkpoint_path: "/a/b"',
        b'model_checkpoint_path: "iteration-2"\nall_model_checkpoint_paths: "../other/iteration-1"',
        b'model_checkpoint_path: "iteration-2"\nall_model_checkpoint_paths: "iteration-*"',
    ],
)
def test_a_state_file_that_names_no_checkpoint_of_the_folder_does_not_start_afresh(saved, content):
    (saved / "checkpoint").write_bytes(content)
    with pytest.raises(UserError, match="does not name any of the 2 checkpoints beside it") as error:
        checkpoints.restore(tiny_trainer(simple_networks()), str(saved), 3)
    (saved / "checkpoint").write_text(str(error.value).split("write '")[1].split("'")[0])
    assert restored(saved).iteration.numpy() == 2


def test_the_newest_checkpoint_to_go_on_from_is_that_of_the_highest_number(tmp_path):
    """iteration-10 comes before iteration-9 in the order of their names."""
    for name in ("iteration-9", "iteration-10", "iteration-x"):
        (tmp_path / f"{name}.index").write_bytes(b"")
    with pytest.raises(
        UserError, match="any of the 2 checkpoints beside it: write 'model_checkpoint_path: \"iteration-10"
    ):
        checkpoints.restore(tiny_trainer(simple_networks()), str(tmp_path), 3)


def test_a_state_file_without_checkpoints_is_told_to_be_removed(tmp_path):
    (tmp_path / "checkpoint").write_text("")
    with pytest.raises(UserError, match="does not name any of the 0 checkpoints beside it: remove it"):
        restored(tmp_path)


def test_a_checkpoint_of_another_network_is_refused(saved):
    with pytest.raises(UserError, match="iteration-2 cannot be read"):
        restored(saved, width=16)


def test_what_a_kill_left_half_written_goes(tmp_path):
    for path in ("checkpoints/iteration-4_temp", "best/iteration-2_temp", "samples/iteration-1_temp"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "part-00000-of-00001.data").write_text("half")
    checkpoints.remove_unfinished(str(tmp_path))
    assert sorted(path.parent.name for path in tmp_path.glob("*/*_temp")) == ["samples"]


def test_old_checkpoints_go(tmp_path):
    trainer = tiny_trainer(simple_networks())
    manager = checkpoints.restore(trainer, str(tmp_path), 2)
    for iteration in range(4):
        manager.save(checkpoint_number=iteration)
    assert sorted(p.name for p in tmp_path.glob("*.index")) == ["iteration-2.index", "iteration-3.index"]


def averaged_trainer(norm, seed):
    networks, averaged = (simple_networks(norm, seed) for _ in range(2))
    return tiny_trainer(networks, average=MovingAverage(averaged.generator, networks.generator, 0.5))


@pytest.mark.parametrize("norm", ["batch", pytest.param("group", marks=pytest.mark.quick)])
def test_a_checkpoint_brings_back_every_variable_trained_or_not(tmp_path, norm):
    trainer, other = (averaged_trainer(norm, seed) for seed in range(2))
    rng = np.random.default_rng(0)
    for variable in state(trainer).values():
        variable.assign(tf.cast(rng.uniform(1, 9, variable.shape), variable.dtype))
    checkpoints.save(checkpoints.restore(trainer, str(tmp_path), 1), 7)
    checkpoints.restore(other, str(tmp_path), 1)
    assert norm == "group" or any(name.startswith("critic ") and "standing" in name for name in state(other))
    expected = state(trainer)
    for name, variable in state(other).items():
        np.testing.assert_array_equal(variable.numpy(), expected[name].numpy(), err_msg=name)
    ours = {"generator": trainer.generator, "critic": trainer.critic, "averaged": trainer.sampling_generator}
    loaded = dict(zip(ours, (*simple_networks(norm, 2), simple_networks(norm, 3).generator), strict=True))
    checkpoints.load_weights(loaded, str(tmp_path / "iteration-7"))
    for name, network in ours.items():
        for a, b in zip(network.variables, loaded[name].variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=f"{name}: {a.path}")
    others = (simple_networks(norm, **given).generator for given in ({"width": 16}, {"channels": 1}))
    for other, shapes in zip(
        others, (r"\(.*\) in it, and \(.*\)", r"\(5, 5, 3, 8\) in it, and \(5, 5, 1, 8\)"), strict=True
    ):
        message = (
            f"iteration-7 is of other networks than .*config.json says: generator/.* has the shape {shapes} by con"
        )
        with pytest.raises(UserError, match=message):
            checkpoints.load_weights({"generator": other}, str(tmp_path / "iteration-7"))
    damaged = tmp_path / "iteration-7.data-00000-of-00001"
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(UserError, match="iteration-7 cannot be read .*give another --checkpoint"):
        checkpoints.load_weights({"generator": simple_networks(norm).generator}, str(tmp_path / "iteration-7"))


@pytest.mark.quick
def test_which_checkpoint_is_found(tmp_path):
    def path(folder, iteration):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"iteration-{iteration}.index").write_text("x")
        return str(tmp_path / folder / f"iteration-{iteration}")

    with pytest.raises(UserError, match="has no checkpoint at all: give --checkpoint= one of none"):
        checkpoints.find(str(tmp_path))
    path("checkpoints", 900)
    newest = path("checkpoints", 1000)
    assert checkpoints.find(str(tmp_path)) == newest
    with pytest.raises(UserError, match="has no checkpoint best: .* one of 1000, 900; a run keeps its best unless"):
        checkpoints.find(str(tmp_path), "best")
    best = path("best", 300)
    assert checkpoints.find(str(tmp_path)) == newest and checkpoints.find(str(tmp_path), "best") == best
    assert checkpoints.find(str(tmp_path), "300") == best and checkpoints.find(str(tmp_path), "900").endswith("-900")
    with pytest.raises(UserError, match="has no checkpoint 5: give --checkpoint= one of 1000, 300, 900, best"):
        checkpoints.find(str(tmp_path), "5")
    assert checkpoints.iteration_of(best) == 300


def test_a_checkpoint_whose_index_is_empty_is_not_found(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for iteration, content in ((4, "x"), (8, "")):
        (tmp_path / "checkpoints" / f"iteration-{iteration}.index").write_text(content)
    assert checkpoints.find(str(tmp_path)) == str(tmp_path / "checkpoints" / "iteration-4")


@pytest.mark.quick
def test_the_newest_finite_checkpoint_is_the_newest_one_without_a_nan(tmp_path):
    weight = tf.Variable(0.0)
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(weight=weight), str(tmp_path), 5)
    assert checkpoints.newest_finite(manager) is None
    for number, value in enumerate((1.0, 2.0, np.nan, np.inf)):
        weight.assign(value)
        manager.save(checkpoint_number=number)
    assert checkpoints.newest_finite(manager) == str(tmp_path / "ckpt-1")
