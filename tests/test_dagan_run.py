"""Runs of `--preset=dagan` from pairs of images to the export, at a tiny size."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from conftest import state
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_dagan_data import TINY, tiny_config
from test_presets import FACTS

from tfgan_gn.augmentation import alarms
from tfgan_gn.augmenter import Augmenter
from tfgan_gn.data.drawn import shapes
from tfgan_gn.data.drawn.shapes import draw_shapes
from tfgan_gn.data.sets import Dataset
from tfgan_gn.data.sources import Split
from tfgan_gn.errors import UserError
from tfgan_gn.export import load_generator
from tfgan_gn.files.hashes import hash_pixels
from tfgan_gn.models import build_networks
from tfgan_gn.runs import building, run_data
from tfgan_gn.runs.evaluate import open_run
from tfgan_gn.runs.loading import load_run
from tfgan_gn.runs.python import evaluate
from tfgan_gn.runs.train import train
from tfgan_gn.scoring import images, results
from tfgan_gn.settings.scoring import make_eval_config
from tfgan_gn.settings.training import make_config
from tfgan_gn.training import checkpoints
from tfgan_gn.training.summaries import image_grid

SCORED = 70  # samples, more than a block


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_extractor_path):
    """(run folder, its Config, images): two iterations with averaged weights on drawn shapes, scored at the end."""
    folder = tmp_path_factory.mktemp("dagan")
    pixels, labels = draw_shapes(60, 16, 0)
    np.savez(folder / "data.npz", images=pixels, labels=labels)
    data = {"dataset": "npz", "data_dir": str(folder / "data.npz"), "workdir": str(folder / "run")}
    scored = {"eval_every": 2, "eval_images": SCORED, "scorer": tiny_extractor_path, "cache_dir": str(folder / "cache")}
    config = tiny_config(**data, **scored, iterations=2, ema=0.5, n_critic=1, strategy="one_device")
    assert train(config) == 0
    return folder / "run", config, pixels


def test_each_row_of_the_grid_begins_with_its_source_of_a_class_that_training_does_not_see(run):
    workdir, config, _ = run
    dataset = run_data.load_data(config)
    grid = tf.io.decode_png((workdir / "samples" / "000002.png").read_bytes()).numpy()
    sources = run_data.source_images(config, dataset, 10)
    np.testing.assert_array_equal(grid[:, :16], image_grid(sources, 1))
    classes = run_data.classes_of_pairs(config, dataset)
    assert len(classes.train) == 9 and len(classes.validation) == 1
    unseen = dataset.train.images[dataset.train.labels == classes.validation[0]]
    assert all((source == unseen).all((1, 2, 3)).any() for source in sources)
    for tag in (alarms.SPREAD, alarms.NEARNESS):
        (point,) = (point for point in events(workdir, tag) if point.step == 2)
        assert 0 < tf.make_ndarray(point.tensor_proto) < 10
    assert run_data.count_images(config, dataset) == (len(dataset.train.images) - len(unseen), len(unseen))


def events(workdir, tag):
    return EventAccumulator(str(workdir / "train"), size_guidance={"tensors": 0}).Reload().Tensors(tag)


@pytest.fixture(scope="module")
def exported(run):
    """The export of the run."""
    return tf.saved_model.load(str(run[0] / "export"))


def test_the_export_makes_new_images_of_given_ones(run, exported):
    """They are those of the run's generator, and a function of the seed, the source and the number of the image."""
    (workdir, _, pixels), model = run, exported
    made = model.augment(pixels[:3], 2, 1).numpy()
    assert made.shape == (3, 2, 16, 16, 3) and made.dtype == np.uint8
    assert (made[:, 0] != made[:, 1]).any((1, 2, 3)).all() and (made != model.augment(pixels[:3], 2, 2).numpy()).any()
    np.testing.assert_array_equal(model.augment(pixels[:2], tf.constant(2), 1).numpy(), made[:2])
    numbers = {"num_each": tf.constant(2, tf.int64), "seed": tf.constant(1, tf.int64)}
    np.testing.assert_array_equal(model.signatures["augment"](images=pixels[:3], **numbers)["images"], made)
    z = tf.random.stateless_normal([3, 8], [0, 0])
    floats = tf.constant(pixels[:3] / 127.5 - 1, tf.float32)
    generator = load_run(str(workdir)).generator
    np.testing.assert_allclose(model.generate(z, floats), generator(z, condition=floats), rtol=0, atol=1e-5)
    assert json.loads(model.metadata().numpy())["iteration"] == 2


def test_plain_tensorflow_makes_new_images_without_this_package(run, exported, tmp_path):
    workdir, _, pixels = run
    np.save(tmp_path / "sources.npy", pixels[:2])
    code = (
        "import sys, numpy as np, tensorflow as tf\n"
        f"model = tf.saved_model.load({str(workdir / 'export')!r})\n"
        "np.save('made.npy', model.augment(images=np.load('sources.npy'), num_each=2, seed=1))\n"
        "assert 'tfgan_gn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "made.npy"), exported.augment(pixels[:2], 2, 1))


def test_new_images_are_made_of_uint8_alone(run, exported):
    """Arrays and tensors of another type are refused. A signature casts arrays, which `export_generator` says."""
    pixels = run[2][:2]
    for dtype in (np.uint16, np.float32, np.int64):
        for given in (pixels.astype(dtype), tf.constant(pixels, dtype)):
            with pytest.raises(ValueError, match="Could not find matching concrete function"):
                exported.augment(given, 2, 1)


@pytest.mark.parametrize("preset", ["dagan", "dagan_published"])
def test_a_resumed_run_is_the_whole_run_to_the_last_bit(preset, eagerly, tmp_path):
    """With the same pairs, turns, flips and dropout masks. The averaged generator is in the checkpoint too."""
    split = Split(*draw_shapes(40, 16, 0))
    dataset = Dataset(split, split, shapes.CLASSES, "")
    given = {**TINY, "n_critic": 2, "ema": 0.5, "flips": True}
    if preset == "dagan_published":
        given = {name: value for name, value in given.items() if not name.endswith("groups")}
    config = make_config(preset, **given)
    assert config.turns and config.dropout == 0.5

    def iterate(trainer, first, count):
        batches = run_data.make_train_batches(config, dataset, trainer.strategy, first)
        for _ in range(count):
            trainer.iterate(batches)

    whole = building.build_trainer(config, FACTS)
    iterate(whole, 0, 1)
    checkpoints.restore(whole, str(tmp_path), 1).save(checkpoint_number=1)
    iterate(whole, 1, 1)
    resumed = building.build_trainer(dataclasses.replace(config, seed=1), FACTS)
    resumed.noise = whole.noise  # that of the seed of the run, beside other initial weights
    checkpoints.restore(resumed, str(tmp_path), 1)
    iterate(resumed, 1, 1)
    expected = state(whole)
    for name, variable in state(resumed).items():
        np.testing.assert_array_equal(variable.numpy(), expected[name].numpy(), err_msg=name)


def test_a_run_is_scored_in_training_and_afterwards_alike(run, monkeypatch):
    """Against the images of the validation class, which the protocol names by their hash. The checkpoint is kept."""
    workdir, config, _ = run
    dataset = run_data.load_data(config)
    during = results.load(workdir / "scores" / "000002.json")
    real, _ = run_data.real_images(config, dataset)
    compared = {"reference_num_images": real.count, "reference_images_sha256": hash_pixels(real.parts())}
    assert {"num_images": SCORED, "generator_block_size": 64, **compared}.items() <= during["protocol"].items()
    assert during["reference"]["source"].endswith("data.npz, train, the class that training does not see")
    (point,) = events(workdir, "eval/fid")
    assert float(tf.make_ndarray(point.tensor_proto)) == pytest.approx(during["scores"]["fid"]["value"], rel=1e-6)
    assert (workdir / "best" / "iteration-2.index").exists() and (workdir / "neighbours" / "000002.png").exists()
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", tf.distribute.get_strategy)
    settings = {"scorer": config.scorer, "num_images": SCORED, "cache_dir": config.cache_dir}
    after = evaluate(workdir, **settings)
    assert after["protocol"] == during["protocol"]
    assert after["samples"]["images_sha256"] == during["samples"]["images_sha256"]
    assert after["scores"]["fid"]["value"] == pytest.approx(during["scores"]["fid"]["value"], rel=1e-5)
    made = np.concatenate(list(open_run(make_eval_config(num_images=3), str(workdir))[0].parts()))
    images, rows = run_data.sources_of(config, dataset)
    source = images[rows[np.random.default_rng([0, 2]).permutation(len(rows))[:3]]] / 127.5 - 1
    z = tf.random.stateless_normal([64, 8], tf.random.fold_in(tf.constant([0, 0], tf.int64), tf.constant(0, tf.int64)))
    expected = load_run(str(workdir)).generator(z[:3], condition=tf.constant(source, tf.float32)).numpy()
    assert abs(made.astype(int) - np.rint(127.5 * (expected + 1))).max() <= 1  # a value between two levels


def test_an_export_alone_is_not_scored(run):
    with pytest.raises(UserError, match="holds none to make them of: give the folder of the run"):
        images.of_generator(load_generator(str(run[0] / "export")), 4, 0, "it")


def test_new_images_are_those_of_their_noise_for_any_size_of_the_blocks():
    """Five images in blocks of two and of eight."""
    sizes = {"width": 4, "z_dim": 8, "image_size": 16, "groups": (2,), "generator_groups": (2,)}
    generator = build_networks("dagan", **sizes, levels=building.levels_of(tiny_config())).generator
    settings = {"z_dim": 8, "image_shape": (16, 16, 3), "statistics": "standing", "metadata": {}}
    settings |= {"pixel_scale": 127.5, "pixel_shift": 0.5}
    pixels, _ = draw_shapes(10, 16, 0)
    by_two, by_eight = (
        Augmenter(generator, **settings, block_size=size).augment(pixels[:5], 1, 3).numpy().astype(int)
        for size in (2, 8)
    )
    assert abs(by_two - by_eight).max() <= 1  # a value between two levels
    key = tf.random.fold_in(
        tf.random.fold_in(tf.constant([3, 0], tf.int64), tf.constant(4, tf.int64)), tf.constant(0, tf.int64)
    )
    floats = tf.constant(pixels[4:5] / 127.5 - 1, tf.float32)
    expected = generator(tf.random.stateless_normal([1, 8], key), condition=floats).numpy()
    assert abs(by_two[4, 0] - np.rint(127.5 * (expected[0] + 1))).max() <= 1


def test_a_run_is_not_resumed_with_other_classes(run, tmp_path):
    """The images are the same, and the settings too. No network is trained: the run is refused before."""
    _, config, _ = run
    data = dict(np.load(config.data_dir))
    np.savez(tmp_path / "data.npz", images=data["images"], labels=np.roll(data["labels"], 1))
    with pytest.raises(UserError, match=r"holds a run on other data \(classes_sha256 there \w{64}, now \w{64}\): give"):
        train(dataclasses.replace(config, data_dir=str(tmp_path / "data.npz")))
