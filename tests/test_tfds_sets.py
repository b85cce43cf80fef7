"""Sets of tensorflow-datasets, each prepared here with a few random images: names, splits, labels, grey, refusals."""

import contextlib
import io
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tfgan_gn.data import decode, sets, tfds_sets
from tfgan_gn.errors import UserError
from tfgan_gn.scoring import images

NAMES = ("cifar10", "cifar100", "stl10", "celeb_a", "svhn_cropped", "mnist", "fashion_mnist")


def prepare(path, monkeypatch, name, splits, label=lambda i: i % 10):
    """Makes TFDS write a set with random images of its own size, without network.

    Args:
        path: folder to write it to.
        monkeypatch: the fixture.
        name: of the set.
        splits: dict from the name of a split to its number of images.
        label: function from the number of an image to its label.

    Returns:
        A dict from the name of a split to its images, in the order of their numbers.
    """
    builder = tfds.builder(name, data_dir=path)
    features = builder.info.features
    shape = features["image"].shape
    pixels, rng = {}, np.random.default_rng(0)
    for split, count in splits.items():
        small = rng.integers(0, 256, (count, 6, 6, shape[-1]), np.uint8)
        pixels[split] = tf.image.resize(small, shape[:2], "nearest").numpy()

    def examples(split):
        for i, image in enumerate(pixels[split]):
            example = {"image": image, "id": str(i), "label": label(i), "coarse_label": 0}
            if name == "celeb_a":
                example["landmarks"] = dict.fromkeys(features["landmarks"], 0)
                example["attributes"] = dict.fromkeys(features["attributes"], False)
                example["identity"] = {"Identity_No": i}
            yield str(i), {key: example[key] for key in features}

    monkeypatch.setattr(builder, "_split_generators", lambda _: {split: examples(split) for split in splits})
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        builder.download_and_prepare()
    return pixels


def numbers(split, pixels, tolerance=3):
    """For each image of a split, the number of the equal one in `pixels`; a JPEG differs by a few levels."""
    apart = abs(split.images[:, None].astype(int) - pixels[None].astype(int)).mean((2, 3, 4))
    assert (apart.min(1) < tolerance).all()
    return apart.argmin(1)


@pytest.mark.parametrize("name", NAMES)
def test_every_set_by_name(tmp_path, monkeypatch, name):
    pixels = prepare(tmp_path, monkeypatch, name, {"train": 30, "test": 7, "extra": 4})
    dataset = sets.make_dataset(name, str(tmp_path), 16)
    for split, which in ((dataset.train, "train"), (dataset.test, "test")):
        expected = decode.resize_and_crop(pixels[which], 16).numpy()
        found = numbers(split, np.repeat(expected, 3 // expected.shape[-1], -1))
        assert sorted(found) == list(range(len(expected)))
        assert split.images.shape == (len(expected), 16, 16, 3) and split.images.dtype == np.uint8
        np.testing.assert_array_equal(split.labels, 0 if name == "celeb_a" else found % 10)
        assert split.labels.dtype == np.int64
    if name == "celeb_a":
        assert dataset.classes == ("image",)
    else:
        assert dataset.classes == tuple(tfds.builder(name, data_dir=tmp_path).info.features["label"].names)
        assert len(dataset.classes) == (100 if name == "cifar100" else 10)


def test_the_names_of_the_flag_are_those_tested_here():
    assert {name for name, opener in sets.DATASETS.items() if opener in (sets._tfds, sets._cifar10)} == set(NAMES)


@pytest.mark.quick
def test_grey_images_keep_their_channel_or_have_three(tmp_path, monkeypatch):
    prepare(tmp_path, monkeypatch, "mnist", {"train": 20, "test": 3})
    kept, repeated = (sets.make_dataset("mnist", str(tmp_path), 32, grey=grey) for grey in ("keep", "repeat"))
    assert kept.train.images.shape == (20, 32, 32, 1)
    np.testing.assert_array_equal(np.repeat(kept.train.images, 3, -1), repeated.train.images)
    scored = next(images.of_split(kept, "train").parts())
    np.testing.assert_array_equal(scored, repeated.train.images)


def test_grey_that_would_change_nothing_is_refused(tmp_path, monkeypatch):
    prepare(tmp_path, monkeypatch, "svhn_cropped", {"train": 20, "test": 3})
    for name, path in (("svhn_cropped", str(tmp_path)), ("shapes", "")):
        with pytest.raises(
            UserError, match=f"--grey=keep has no effect on {name}.*: its images are in colour. Leave it out"
        ):
            sets.make_dataset(name, path, grey="keep")


def test_any_split_version_and_slice(tmp_path, monkeypatch):
    pixels = prepare(tmp_path, monkeypatch, "stl10", {"train": 40, "test": 3, "unlabelled": 60})
    train = decode.resize_and_crop(pixels["train"], 24).numpy()
    whole = sets.make_dataset("tfds:stl10:1.0.0:train", str(tmp_path), 24)
    assert len(whole.train.images) == 38 and len(whole.test.images) == 2
    learnt, held = numbers(whole.train, train), numbers(whole.test, train)
    assert sorted([*learnt, *held]) == list(range(40))
    np.testing.assert_array_equal(whole.train.labels, learnt % 10)
    np.testing.assert_array_equal(whole.test.labels, held % 10)
    assert len(sets.make_dataset("tfds:stl10:train[10:30]", str(tmp_path), 24).train.images) == 19
    assert len(sets.make_dataset("tfds:stl10:unlabelled+train", str(tmp_path), 24).train.images) == 95
    assert len(sets.make_dataset("tfds:stl10", str(tmp_path), 24).test.images) == 3


@pytest.mark.quick
@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("mnist", ("mnist", "")),
        ("emnist/letters:3.1.0", ("emnist/letters:3.1.0", "")),
        ("mnist:3.*.*:train[10:20]", ("mnist:3.*.*", "train[10:20]")),
        ("mnist:train[:50%]+test", ("mnist", "train[:50%]+test")),
    ],
)
def test_a_name_is_taken_apart(text, spec):
    assert tfds_sets.parse(text) == spec


@pytest.mark.quick
def test_without_a_split_to_hold_out_one_in_twenty_is(tmp_path, monkeypatch):
    prepare(tmp_path, monkeypatch, "fashion_mnist", {"train": 45})
    dataset = sets.make_dataset("tfds:fashion_mnist", str(tmp_path), 8)
    assert (len(dataset.train.images), len(dataset.test.images)) == (43, 2)
    assert not {image.tobytes() for image in dataset.train.images} & {image.tobytes() for image in dataset.test.images}


def test_images_without_labels_are_all_of_one_class(tmp_path, monkeypatch):
    prepare(tmp_path, monkeypatch, "stl10", {"unlabelled": 20, "train": 20}, label=lambda i: -1 if i % 2 else 3)
    dataset = sets.make_dataset("tfds:stl10:unlabelled+train", str(tmp_path), 8)
    assert dataset.classes == ("image",) and not dataset.train.labels.any() and not dataset.test.labels.any()


def test_sets_that_are_refused(tmp_path, monkeypatch):
    prepare(tmp_path, monkeypatch, "mnist", {"unusual": 30, "few": 5})
    for name, message in {
        "tfds:mnist": "it has no split train, but .*unusual.*: name one of them, as tfds:mnist:",
        "tfds:mnist:few": "few holds 5 images, and one in 20 is held out",
        "tfds:mnist:nosplit": "mnist:nosplit in .* cannot be read: .*nosplit",
        "tfds:no_such_set": "no_such_set in .* cannot be read: Dataset no_such_set not found.*--data_dir",
        "tfds:mnist:9.9.9": "cannot be read: .*9.9.9",
    }.items():
        with pytest.raises(UserError, match=message) as error:
            sets.make_dataset(name, str(tmp_path), 8)
        assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="nowhere is not a folder"):
        sets.make_dataset("mnist", str(tmp_path / "nowhere"))


def test_sets_without_the_one_image_of_an_example_are_refused(tmp_path):
    class Pairs(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            image = tfds.features.Image()
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({"a": image, "b": image}))

        def _split_generators(self, _):
            return {"train": iter([("0", {"a": np.zeros((4, 4, 3), np.uint8), "b": np.zeros((4, 4, 3), np.uint8)})])}

        def _generate_examples(self):
            return iter(())

    Pairs(data_dir=tmp_path).download_and_prepare()
    with pytest.raises(UserError, match="its features are a, b, and not exactly one of them is an image"):
        sets.make_dataset("tfds:pairs", str(tmp_path), 8)


def test_a_damaged_set_is_refused_with_one_message(tmp_path, monkeypatch):
    prepare(tmp_path, monkeypatch, "mnist", {"train": 20, "test": 3})
    prepare(tmp_path, monkeypatch, "svhn_cropped", {"train": 3})
    record = next(pathlib.Path(tmp_path).glob("mnist/*/mnist-train*"))
    record.write_bytes(record.read_bytes()[:-100])
    with pytest.raises(UserError, match="mnist in .* cannot be read: truncated record.*--data_dir"):
        sets.make_dataset("mnist", str(tmp_path), 8)
    record = next(pathlib.Path(tmp_path).glob("svhn_cropped/*/svhn_cropped-train*"))
    record.write_bytes(record.read_bytes()[:-100])
    with pytest.raises(UserError, match="tfds:svhn_cropped:train in .* cannot be read: truncated record.*--data_dir"):
        list(images.open_images("tfds:svhn_cropped:train", data_dir=str(tmp_path)).parts())


@pytest.mark.parametrize("name", [*NAMES[1:], "tfds:oxford_flowers102"])
def test_nothing_is_fetched_where_the_host_of_the_archive_does_not_answer(tmp_path, monkeypatch, name):
    asked = []

    def offline(request, timeout):
        asked.append((request.full_url, request.get_method(), timeout))
        raise OSError("no network")

    monkeypatch.setattr(tfds_sets.urllib.request, "urlopen", offline)
    with pytest.raises(
        UserError, match=r"is not in .* \(no network\). Give the folder that holds it as --data_dir.*=shapes"
    ):
        sets.make_dataset(name, str(tmp_path))
    ((url, method, seconds),) = asked
    assert url.startswith("http") and method == "HEAD" and seconds == 5


def test_scores_of_a_grey_split_are_refused_and_colour_is_read_as_stored(tmp_path, monkeypatch):
    prepare(tmp_path, monkeypatch, "mnist", {"train": 20})
    with pytest.raises(UserError, match=r"\(28, 28, 1\), and scores need"):
        images.open_images("tfds:mnist:train", data_dir=str(tmp_path))
    pixels = prepare(tmp_path, monkeypatch, "svhn_cropped", {"train": 20})["train"]
    opened = images.open_images("tfds:svhn_cropped:3.1.0:train", data_dir=str(tmp_path))
    found = np.concatenate(list(opened.parts()))
    assert {image.tobytes() for image in found} == {image.tobytes() for image in pixels}
