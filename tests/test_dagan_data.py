"""The data of `--preset=dagan`: pairs of one class, the division of the classes, sizes, and what is refused."""

import dataclasses
import itertools
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from test_presets import SMALL
from test_train_cifar import train_cifar

from tfgan_gn.data.pairs import Classes
from tfgan_gn.data.sets import Dataset
from tfgan_gn.data.sources import Split
from tfgan_gn.errors import UserError
from tfgan_gn.runs import building, run_data
from tfgan_gn.settings.training import make_config
from tfgan_gn.training.summaries import write_png

pytestmark = pytest.mark.quick
TINY = {"width": 4, "groups": (2,), "generator_groups": (2,), "z_dim": 8, "batch_size": 4, **SMALL}


def tiny_config(**given):
    return make_config("dagan", **{**TINY, **given})


@pytest.mark.parametrize(
    ("order", "reuse", "before"),
    [("generator_first", False, (0, 2, 5)), ("critic_first", False, (0, 3, 6)), ("critic_first", True, (0, 2, 4))],
)
def test_an_iteration_begins_at_the_batch_after_those_before_it(order, reuse, before):
    """As many as `test_image_conditions.py` counts in the trainer."""
    config = SimpleNamespace(architecture="dagan", n_critic=2, order=order, reuse_real_batch=reuse)
    assert tuple(run_data._batches_before(config, iteration) for iteration in range(3)) == before
    assert [run_data.count_batches(config, iteration) for iteration in range(2)] == list(np.diff(before))
    config.architecture = "resnet"
    assert run_data._batches_before(config, 2) == (2 if reuse else 4)


def test_a_file_divides_the_classes(tmp_path):
    path = tmp_path / "classes.json"
    path.write_text('{"train": ["a", "c"], "validation": ["b"]}')
    split = Split(np.zeros((6, 1, 1, 1), np.uint8), np.array([0, 1, 2, 0, 1, 2]))
    dataset = Dataset(split, split, ("a", "b", "c"), "")
    assert run_data.classes_of_pairs(tiny_config(class_file=str(path)), dataset) == ((0, 2), (1,), ())
    with pytest.raises(UserError, match="number of classes: 1. .* none is left to learn from"):
        run_data.classes_of_pairs(tiny_config(), dataset._replace(classes=("a",)))


def test_batches_are_pairs_of_training_classes_and_held_out_ones_of_validation_classes():
    """The pixel of each image to learn from is the number of its class."""
    labels = np.arange(60) % 6
    learnt, held_out = (Split((labels + more).astype(np.uint8).reshape(-1, 1, 1, 1), labels) for more in (0, 100))
    dataset, config = (
        Dataset(learnt, held_out, tuple("abcdef"), ""),
        tiny_config(validation_classes=0.3, test_classes=0.2),
    )
    strategy, classes = tf.distribute.get_strategy(), run_data.classes_of_pairs(config, dataset)
    assert [len(part) for part in classes] == [3, 2, 1]
    for batches, part in (
        (run_data.make_train_batches(config, dataset, strategy, 0), classes.train),
        (run_data.make_test_batches(config, dataset, strategy), classes.validation),
    ):
        seen = np.array([[images.numpy().ravel() for images in pair] for pair in itertools.islice(batches, 20)])
        np.testing.assert_array_equal(seen[:, 0], seen[:, 1])
        assert {*seen.ravel()} == {*part}


def test_the_facts_of_pairs_differ_where_the_class_of_an_image_or_the_division_does():
    labels = np.arange(12) % 3
    split = Split(np.arange(12, dtype=np.uint8).reshape(-1, 1, 1, 1), labels)
    classes = Classes((0, 1), (2,), ())

    def facts(labels=labels, classes=classes):
        return run_data.facts_of(Dataset(Split(split.images, labels), split, tuple("abc"), ""), classes)

    assert facts() == facts(labels.copy()) and len(facts().classes_sha256) == 64
    assert facts(classes=None) == facts()._replace(classes_sha256="")
    others = [
        facts(np.roll(labels, 1)),
        facts(classes=Classes((0,), (2,), (1,))),
        facts(classes=Classes((0, 2), (1,), ())),
    ]
    assert len({each.classes_sha256 for each in (facts(), *others)}) == 4
    assert all(each._replace(classes_sha256="") == facts(classes=None) for each in others)


def refused(folder, capsys, *flags):
    """The message of the command on a folder of images; nothing is written."""
    workdir = folder.parent / "refused"
    tiny = {"width": 4, "groups": 2, "generator_groups": 2, "levels": "1,1", "image_size": 8}
    arguments = [f"--{name}={value}" for name, value in tiny.items()] + ["--preset=dagan", "--dataset=folder"]
    arguments += ["--strategy=one_device", f"--data_dir={folder}", f"--workdir={workdir}"]
    assert train_cifar.main(["train_cifar.py", *arguments, *flags]) == 1 and not workdir.exists()
    return capsys.readouterr().err.splitlines()[-1]


@pytest.fixture
def classes(tmp_path, rng):
    """A folder of images of 8x8 pixels: ten each of three classes."""
    for i in range(30):
        path = tmp_path / "images" / "abc"[i // 10] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(str(path), rng.integers(0, 256, (8, 8, 3), np.uint8))
    return tmp_path / "images"


def test_data_that_no_pairs_can_be_drawn_of_are_refused_by_name(classes, capsys):
    (classes / "d").mkdir()
    shutil.copy(classes / "a" / "0.png", classes / "d" / "0.png")
    assert "class 'd' has 1 image to learn from, and a pair needs two of one class" in refused(classes, capsys)
    deep = classes / "d" / "deep.png"
    deep.write_bytes(tf.io.encode_png(tf.zeros([8, 8, 1], tf.uint16)).numpy())
    assert f"{deep} has 16 bits a channel, and {classes}/a/0.png has 8: convert all" in refused(classes, capsys)
    shutil.rmtree(classes / "d")
    few = json.dumps({"train": ["a"], "validation": ["e"]})
    (classes.parent / "few.json").write_text(few)
    flag = f"--class_file={classes.parent / 'few.json'}"
    assert "few.json names the class 'e', which the data do not have" in refused(classes, capsys, flag)
    for folder in "bc":
        shutil.rmtree(classes / folder)
    for i in range(10, 21):
        shutil.copy(classes / "a" / "0.png", classes / "a" / f"{i}.png")
    assert "number of classes: 1. With 1 for the held-out loss and 0 for tests, none is left" in refused(
        classes, capsys
    )


def test_sizes_that_the_levels_cannot_halve_are_refused(classes, capsys):
    said = refused(classes, capsys, "--levels=1,1,1,1", "--image_size=8")
    assert "image_size=8x8: 4 levels halve an image 4 times; give more than 8 pixels a side, or fewer levels" in said
    said = refused(classes, capsys, "--inner_layers=1,2,3")
    assert "inner layers 1,2,3 are 3 numbers: give one, or one for each of the 2 levels" in said


def test_images_that_are_not_square_go_from_the_folder_to_the_export(classes):
    """Each is scaled until it just covers the size, and its middle is cut out."""
    config = tiny_config(
        dataset="folder", data_dir=str(classes), image_size=16, image_width=24, turns=False, grey="keep"
    )
    with pytest.raises(UserError, match="grey"):
        run_data.load_data(config)
    config = dataclasses.replace(config, grey="repeat")
    dataset = run_data.load_data(config)
    assert dataset.train.images.shape == (29, 16, 24, 3)
    stored = tf.io.decode_png((classes / "a" / "0.png").read_bytes())
    expected = tf.image.resize(stored, (24, 24), antialias=True)[4:20]
    np.testing.assert_allclose(dataset.train.images[0], expected, atol=0.501)
    facts = run_data.facts_of(dataset)
    networks = building.build_networks_of(config, facts)
    shape = building.augmenting(config, facts, 0)["image_shape"]
    assert shape == (16, 24, 3)
    made = networks.generator(tf.zeros([2, config.z_dim]), condition=tf.zeros([2, *shape]))
    assert made.shape == (2, *shape) and networks.critic(made, condition=made).shape == (2,)


@pytest.mark.parametrize(
    ("preset", "given", "message"),
    [
        ("dagan", {"generator_batch_multiple": 2}, "--generator_batch_multiple=2: a generator step of"),
        ("dagan", {"class_file": "x", "test_classes": 0.1}, "--class_file divides the classes"),
        ("dagan", {"generator_norm": "batch"}, "--generator_norm=batch: the export of --architecture=dagan cannot"),
        ("dagan", {"conditional": True}, "architecture=dagan takes no labels"),
        ("dagan", {"image_width": 48}, "--image_size=64 --image_width=48: images that are not square cannot be turned"),
        ("author", {"image_width": 48}, "--image_width has no effect without --architecture=dagan"),
        ("author", {"dropout": 0.5}, "--dropout has no effect without --architecture=dagan"),
        ("author", {"class_file": "x"}, "--class_file has no effect without --architecture=dagan"),
    ],
)
def test_settings_that_do_not_fit_are_refused(preset, given, message):
    with pytest.raises(UserError, match=message):
        make_config(preset, **given)
