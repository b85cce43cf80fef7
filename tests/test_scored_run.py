"""A run that scores itself on the way, and its scoring afterwards, as a user runs them."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_images import write_folder
from test_train_cifar import QUICK, ROOT, command, refused_here

from tfgan_gn.data.drawn import shapes
from tfgan_gn.runs.evaluate import open_run
from tfgan_gn.runs.loading import load_run
from tfgan_gn.scoring import neighbours, results
from tfgan_gn.settings.protocols import PROTOCOLS
from tfgan_gn.settings.scoring import make_eval_config

sys.path.insert(0, str(ROOT))
import eval_inception  # the command itself, which is not installed

SAMPLES = 64


@pytest.fixture(scope="module")
def scored(tmp_path_factory, tiny_extractor_path):
    """A run of 6 iterations, scored every 2: its averaged generator, which another one would not have the scores of."""
    folder = tmp_path_factory.mktemp("scored")
    write_folder(folder / "data", shapes.draw_shapes(80, 16, 0)[0])
    flags = {"dataset": "folder", "data_dir": folder / "data", "image_size": 16}
    flags |= {"eval_every": 2, "eval_images": SAMPLES, "scorer": tiny_extractor_path, "cache_dir": folder / "cache"}
    periods = {"checkpoint_every": 5, "keep_checkpoints": 2, "generator_statistics": "standing"}
    process = command(folder / "run", iterations=6, learning_rate=3e-3, ema=0.5, **flags, **periods, **QUICK)
    assert process.returncode == 0, process.err
    return folder / "run", process.err, tiny_extractor_path


def fids(workdir):
    return {int(p.stem): results.load(p)["scores"]["fid"]["value"] for p in (workdir / "scores").glob("*.json")}


def test_scores_stand_in_files_in_tensorboard_and_in_the_log(scored):
    workdir, said, _ = scored
    written = fids(workdir)
    assert sorted(written) == [2, 4, 6]
    events = EventAccumulator(str(workdir / "train"), size_guidance={"tensors": 0}).Reload()
    for tag in ("fid", "inception_score", "kid", "precision", "recall", "density", "coverage", "memorisation_share"):
        assert [point.step for point in events.Tensors(f"eval/{tag}")] == [2, 4, 6], tag
    logged = [float(tf.make_ndarray(point.tensor_proto)) for point in events.Tensors("eval/fid")]
    np.testing.assert_allclose(logged, [written[i] for i in (2, 4, 6)], rtol=1e-6)
    for iteration, fid in written.items():
        assert f"iteration {iteration}: " in said and f"fid={fid:.4g}" in said


def test_each_scoring_leaves_a_picture_of_neighbours_in_a_file_and_in_tensorboard(scored):
    """20 samples of 16 pixels in two lines of 10, each line over one of their neighbours, which are training images."""
    workdir, _, _ = scored
    written = {path.name: path.read_bytes() for path in (workdir / "neighbours").iterdir()}
    assert sorted(written) == ["000002.png", "000004.png", "000006.png"]
    picture = tf.io.decode_png(written["000006.png"]).numpy()
    assert picture.shape == (4 * 16 + neighbours.GAP, 10 * 16, 3)
    shown = EventAccumulator(str(workdir / "train"), size_guidance={"tensors": 0}).Reload().Tensors("neighbours")
    pngs = [tf.make_ndarray(point.tensor_proto)[2] for point in shown]
    assert [point.step for point in shown] == [2, 4, 6]
    np.testing.assert_array_equal([tf.io.decode_png(png) for png in pngs][-1], picture)
    train = {image.tobytes() for image in np.delete(shapes.draw_shapes(80, 16, 0)[0], np.s_[::20], axis=0)}
    lines = picture[16:32], picture[48 + neighbours.GAP :]
    assert all(tile.tobytes() in train for line in lines for tile in np.split(line, 10, axis=1))


def test_the_best_checkpoint_is_kept_beside_the_newest(scored):
    workdir, said, _ = scored
    written = fids(workdir)
    best = min(written, key=written.get)
    assert [p.name for p in (workdir / "best").glob("*.index")] == [f"iteration-{best}.index"]
    assert sorted(p.name for p in (workdir / "checkpoints").glob("*.index")) == [
        "iteration-5.index",
        "iteration-6.index",
    ]
    lines = {int(line.split()[1][:-1]): line for line in said.splitlines() if line.startswith("iteration ")}
    for iteration, line in lines.items():
        is_best = written[iteration] == min(written[i] for i in written if i <= iteration)
        assert ("the best FID so far, kept in" in line) == is_best
    last, newest = said.splitlines()[-1], f"done: FID {written[6]:.4g} at iteration 6, the newest"
    told = " and the best" if best == 6 else f", and {written[best]:.4g} at iteration {best}, the best"
    assert last.startswith(f"{newest}{told}, kept in {workdir}/best; open ")


def arguments_for(workdir, extractor, *flags):
    return [
        "eval_inception.py",
        str(workdir),
        f"--scorer={extractor}",
        f"--cache_dir={workdir.parent / 'cache'}",
        *flags,
    ]


@pytest.fixture
def evaluate(monkeypatch, capsys):
    """Runs the command in this process, on one device; returns (exit code, what it said)."""
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", tf.distribute.get_strategy)

    def run(*arguments):
        code = eval_inception.main(arguments_for(*arguments))
        return code, capsys.readouterr().err

    return run


@pytest.mark.parametrize("which", ["", "best", "5"])
def test_a_checkpoint_scored_afterwards_has_the_scores_of_training(scored, which, tmp_path, evaluate):
    workdir, _, extractor = scored
    out = tmp_path / "out.json"
    flags = (f"--num_images={SAMPLES}", f"--checkpoint={which}", f"--out={out}")
    if which:
        code, said = evaluate(workdir, extractor, *flags)
    else:
        command = [sys.executable, *arguments_for(workdir, extractor, *flags)]
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        code, said = process.returncode, process.stderr
    assert code == 0, said
    assert "are kept in" not in said, "the statistics of the real images were in the cache"
    result = results.load(out)
    iteration = {"": 6, "best": min(fids(workdir), key=fids(workdir).get), "5": 5}[which]
    assert result["samples"]["iteration"] == iteration
    if which != "5":
        during = json.loads((workdir / "scores" / f"{iteration:06d}.json").read_text())
        assert result["protocol"] == during["protocol"]
        for name, numbers in during["scores"].items():
            assert result["scores"][name]["value"] == pytest.approx(numbers["value"], rel=1e-5), name


def test_a_policy_and_a_checkpoint_that_is_not_there(scored, tmp_path, evaluate):
    workdir, _, extractor = scored
    flags = (f"--num_images={SAMPLES}", f"--out={tmp_path / 'batch.json'}")
    code, said = evaluate(workdir, extractor, "--generator_statistics=batch", *flags)
    assert code == 0, said
    batch, standing = results.load(tmp_path / "batch.json"), results.load(workdir / "scores" / "000006.json")
    assert batch["scores"]["fid"] != standing["scores"]["fid"]
    assert results.differing(batch["protocol"], standing["protocol"]) == ["generator_statistics"]
    assert "other training images" not in said
    write_folder(tmp_path / "other", shapes.draw_shapes(80, 16, 1)[0])
    code, said = evaluate(workdir, extractor, f"--data_dir={tmp_path / 'other'}", *flags)
    assert code == 0 and "has other training images than the run learnt from" in said
    code, said = evaluate(workdir, extractor, "--checkpoint=3")
    assert code == 1 and "has no checkpoint 3: give --checkpoint= one of " in said and "Traceback" not in said


def test_the_protocol_of_the_authors_is_stamped_and_not_compared_with_ours(scored):
    workdir, _, _ = scored
    ours = open_run(make_eval_config(num_images=150), str(workdir))[0]
    author, run, *_ = open_run(make_eval_config(num_images=150, protocol="author"), str(workdir))
    row = PROTOCOLS["author"]
    assert (row.generator_statistics, row.block_size, row.pixel_scale) == ("batch", 100, 127.995)
    stamped = {"generator_statistics": "batch", "generator_block_size": 100, "pixel_scale": 127.995}
    assert stamped.items() <= author.made_with.items()
    protocols = [{name: images.made_with[name] for name in stamped} for images in (ours, author)]
    assert results.differing(*protocols) == list(stamped)
    assert [len(part) for part in author.parts()] == [100, 50] and [len(part) for part in ours.parts()] == [64, 64, 22]
    # Sample i is the published formula of its block's batch.
    key = tf.random.fold_in(tf.constant([0, 0], tf.int64), tf.constant(100, tf.int64))
    z = tf.random.stateless_normal([100, run.z_dim], key)
    x = load_run(str(workdir)).generator(z).numpy().astype(np.float64)
    apart = abs(list(author.parts())[1].astype(int) - np.floor((x + 1) * 127.995)[:50])
    assert apart.max() <= 1 and (apart > 0).mean() < 1e-3  # the edge of a level is within float rounding of some


def test_scoring_that_cannot_be_is_refused_before_training(tmp_path, capsys):
    message = refused_here(capsys, tmp_path / "run", iterations=2, eval_every=1, scorer=tmp_path / "nowhere")
    assert "nowhere is no file and no folder" in message and not (tmp_path / "run").exists()


def test_a_run_scored_by_cifar10net_says_so_wherever_its_scores_stand(tmp_path):
    """It is the default and needs no other file; a run of 2 iterations is scored at its end, with the fewest images."""
    write_folder(tmp_path / "data", shapes.draw_shapes(40, 16, 0)[0])
    flags = {"dataset": "folder", "data_dir": tmp_path / "data", "image_size": 16, "cache_dir": tmp_path / "cache"}
    process = command(tmp_path / "run", iterations=2, eval_every=None, **flags, **QUICK)
    assert process.returncode == 0, process.err
    assert (
        len(re.findall(r"each scoring takes 1,000 images, about .* of the run's time; 10,000 would", process.err)) == 1
    )
    assert "the best Fréchet distance (cifar10net) so far, kept in" in process.err
    assert not any(name in process.err for name in ("FID", "fid", "Inception"))
    events = EventAccumulator(str(tmp_path / "run" / "train"), size_guidance={"tensors": 0}).Reload()
    tags = {tag for tag in events.Tags()["tensors"] if tag.startswith("eval/")}
    names = ["classifier_score", "frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage"]
    names += ["memorisation_share"]
    assert tags == {f"eval/cifar10net/{name}" for name in names}
    (result,) = (tmp_path / "run" / "scores").iterdir()
    assert set(results.load(result)["scores"]) == {tag.removeprefix("eval/") for tag in tags}
    assert results.load(result)["protocol"]["num_images"] == 1000
    assert [p.name for p in (tmp_path / "run" / "best").glob("*.index")] == ["iteration-2.index"]
