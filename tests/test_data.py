"""Every way data come in, and the order in which they go out."""

import functools
import itertools
import pathlib
import pickle

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn import data, folder, shapes
from tfgan_gn.errors import UserError

SHARED = pathlib.Path(__file__).parents[2] / "shared" / "tfds"


@pytest.fixture
def cifar(rng):
    """A small stand-in: the six files' names with (rows [20, 3072] in the files' order, labels)."""
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    return {name: (rng.integers(0, 256, (20, 3072), np.uint8), rng.integers(0, 10, 20)) for name in names}


def write_pickles(path, cifar):
    for name, (rows, labels) in cifar.items():
        contents = {b"data": rows, b"labels": labels.tolist(), b"batch_label": b"x"}
        (path / name).write_bytes(pickle.dumps(contents, protocol=2))


def python2_string(contents):
    return b"T" + len(contents).to_bytes(4, "little") + contents


def write_python2_pickles(path, cifar):
    """As the published files are: written by Python 2, whose strings Python 3 has no way to write."""
    u1 = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    for name, (rows, labels) in cifar.items():
        new = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        shape = b"".join(b"M" + n.to_bytes(2, "little") for n in rows.shape) + b"\x86"
        array = new + b"(K\x01" + shape + u1 + b"\x89" + python2_string(rows.tobytes()) + b"tb"
        numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
        contents = python2_string(b"data") + array + python2_string(b"labels") + numbers
        (path / name).write_bytes(b"\x80\x02}(" + contents + b"u.")


def write_binaries(path, cifar):
    for name, (rows, labels) in cifar.items():
        (path / f"{name}.bin").write_bytes(np.column_stack([labels.astype(np.uint8), rows]).tobytes())


@pytest.mark.parametrize("write", [write_pickles, write_python2_pickles, write_binaries])
@pytest.mark.parametrize("below", ["", "cifar-10-batches-py"])
def test_original_cifar_files(tmp_path, cifar, write, below):
    (tmp_path / below).mkdir(exist_ok=True)
    write(tmp_path / below, cifar)
    dataset = data.make_dataset("cifar10", str(tmp_path))
    assert dataset.train.images.shape == (100, 32, 32, 3) and dataset.test.images.shape == (20, 32, 32, 3)
    rows, labels = cifar["data_batch_2"]
    image = dataset.train.images[20 + 7]
    for channel, y, x in ((0, 0, 0), (1, 3, 30), (2, 31, 31)):
        assert image[y, x, channel] == rows[7, 1024 * channel + 32 * y + x]
    np.testing.assert_array_equal(dataset.train.labels[20:40], labels)
    np.testing.assert_array_equal(dataset.test.labels, cifar["test_batch"][1])


class Malicious:
    def __reduce__(self):
        return (pathlib.Path.touch, (pathlib.Path("/tmp/this-must-not-run"),))


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"garbage", "data_batch_3 is not a readable CIFAR-10 file"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8)}), "labels"),
        (pickle.dumps({b"data": np.zeros((2, 3071), np.uint8), b"labels": [0, 1]}), r"uint8 \(2, 3071\)"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 10]}), "outside 0 to 9"),
        (pickle.dumps(Malicious()), "asks to run pathlib"),
        (pickle.dumps(functools.partial(print)), "asks to run functools.partial"),
        (None, "No such file"),
    ],
)
def test_broken_and_dangerous_cifar_files(tmp_path, cifar, contents, message):
    write_pickles(tmp_path, cifar)
    (tmp_path / "data_batch_3").unlink()
    if contents is not None:
        (tmp_path / "data_batch_3").write_bytes(contents)
    with pytest.raises(UserError, match=message):
        data.make_dataset("cifar10", str(tmp_path))
    assert not pathlib.Path("/tmp/this-must-not-run").exists()


def test_truncated_binary_file(tmp_path, cifar):
    write_binaries(tmp_path, cifar)
    (tmp_path / "test_batch.bin").write_bytes(bytes(5000))
    with pytest.raises(UserError, match=r"test_batch.bin .* 5000 bytes are not whole rows"):
        data.make_dataset("cifar10", str(tmp_path))


def test_cifar10_through_tfds(tmp_path, monkeypatch, rng):
    """A folder that TFDS itself wrote, without network."""
    import tensorflow_datasets as tfds

    images = rng.integers(0, 256, (70, 32, 32, 3), np.uint8)
    builder = tfds.builder("cifar10", data_dir=tmp_path)

    def examples(first, last):
        return ((str(i), {"id": str(i), "image": images[i], "label": i % 10}) for i in range(first, last))

    monkeypatch.setattr(builder, "_split_generators", lambda _: {"train": examples(0, 50), "test": examples(50, 70)})
    builder.download_and_prepare()
    dataset = data.make_dataset("cifar10", str(tmp_path))
    for split, expected in ((dataset.train, images[:50]), (dataset.test, images[50:])):
        assert {image.tobytes() for image in split.images} == {image.tobytes() for image in expected}
        row = {image.tobytes(): i % 10 for i, image in enumerate(images)}
        assert [row[image.tobytes()] for image in split.images] == split.labels.tolist()
    record = next(tmp_path.glob("cifar10/*/cifar10-train*"))
    record.write_bytes(record.read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be read.*--dataset=shapes"):
        data.make_dataset("cifar10", str(tmp_path))


@pytest.mark.skipif(not SHARED.exists(), reason="the real CIFAR-10 is not beside the checkout")
def test_the_real_cifar10_needs_no_network():
    dataset = data.make_dataset("cifar10", str(SHARED))
    assert dataset.train.images.shape == (50_000, 32, 32, 3) and dataset.test.images.shape == (10_000, 32, 32, 3)
    np.testing.assert_array_equal(np.bincount(dataset.train.labels), [5000] * 10)


def test_missing_cifar10_says_so_at_once(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(data.urllib.request, "urlopen", offline)
    with pytest.raises(UserError, match=r"cifar10 is not in .* \(no network\). Bring the data .*--dataset=shapes"):
        data.make_dataset("cifar10", str(tmp_path))


def write_image(path, image):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(tf.io.encode_png(image).numpy())


def test_folder_without_classes(tmp_path, rng):
    images = rng.integers(0, 256, (40, 8, 8, 3), np.uint8)
    for i, image in enumerate(images):
        write_image(tmp_path / f"{i:02d}.png", image)
    dataset = data.make_dataset("folder", str(tmp_path), 8)
    held_out = np.arange(40) % 20 == 19
    np.testing.assert_array_equal(dataset.train.images, images[~held_out])
    np.testing.assert_array_equal(dataset.test.images, images[held_out])
    assert dataset.train.labels.tolist() == [0] * 38


def test_folder_with_classes(tmp_path):
    for i in range(20):
        write_image(tmp_path / ("cat" if i < 5 else "dog") / f"{i}.png", np.full((8, 8, 3), i, np.uint8))
    dataset = data.make_dataset("folder", str(tmp_path), 8)
    assert dataset.classes == ("cat", "dog")
    for image, label in zip(dataset.train.images, dataset.train.labels, strict=True):
        assert label == (image[0, 0, 0] >= 5)


def test_a_folder_is_the_same_however_its_path_is_written(tmp_path, monkeypatch):
    for i in range(20):
        write_image(tmp_path / "photos" / f"{i}.png", np.full((8, 8, 3), i, np.uint8))
    monkeypatch.chdir(tmp_path)
    assert {data.make_dataset("folder", path, 8).classes for path in ("photos", "./photos/", "photos/.")} == {
        ("image",)
    }


def test_jpegs_are_decoded_without_a_shift_of_colour(rng):
    """Red 200 everywhere, which TensorFlow's fast transform does not bring back."""
    image = np.zeros((16, 16, 3), np.uint8) + np.array([200, 30, 90], np.uint8)
    decoded = folder.decode_exactly(tf.io.encode_jpeg(image, quality=100))
    np.testing.assert_allclose(decoded, image, atol=1)


def test_images_are_scaled_by_the_shorter_side_and_cut_in_the_middle():
    image = np.zeros((10, 40, 3), np.uint8)
    image[:, 10:30] = 200
    np.testing.assert_array_equal(folder.resize_and_crop(image, 5), np.full((5, 5, 3), 200))
    smooth = np.tile(np.linspace(0, 240, 64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    small = folder.resize_and_crop(smooth, 8)[:, 0, 0]
    np.testing.assert_allclose(small, smooth.reshape(8, 8, 64, 3).mean((1, 2))[:, 0], atol=4)


def test_grey_images_become_colour(tmp_path):
    for i in range(20):
        write_image(tmp_path / f"{i}.png", np.full((8, 8, 1), i, np.uint8))
    assert data.make_dataset("folder", str(tmp_path), 8).train.images.shape == (19, 8, 8, 3)


def test_broken_folders(tmp_path):
    with pytest.raises(UserError, match="holds 0 images"):
        data.make_dataset("folder", str(tmp_path), 8)
    with pytest.raises(UserError, match="needs --data_dir"):
        data.make_dataset("folder", "", 8)
    with pytest.raises(UserError, match="is not a folder"):
        data.make_dataset("folder", str(tmp_path / "nowhere"), 8)
    for i in range(20):
        write_image(tmp_path / f"{i}.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "7.png").write_bytes((tmp_path / "7.png").read_bytes()[:40])
    with pytest.raises(UserError, match="7.png is not a readable image"):
        data.make_dataset("folder", str(tmp_path), 8)
    write_image(tmp_path / "class" / "a.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UserError, match="holds images .* and folders of images .class."):
        data.make_dataset("folder", str(tmp_path), 8)


def test_shapes_are_ten_balanced_classes_that_a_seed_decides():
    images, labels = shapes.draw_shapes(200, 32, 0)
    again, _ = shapes.draw_shapes(200, 32, 0)
    other, _ = shapes.draw_shapes(200, 32, 1)
    np.testing.assert_array_equal(images, again)
    assert np.bincount(labels).tolist() == [20] * len(shapes.CLASSES)
    assert images.shape == (200, 32, 32, 3) and images.dtype == np.uint8
    assert len({image.tobytes() for image in np.concatenate([images, other])}) == 400
    with pytest.raises(UserError, match="has no effect"):
        data.make_dataset("shapes", "/tmp")


@pytest.mark.parametrize("size", [32, 64])
def test_shapes_have_the_area_of_their_geometry(size):
    """Inked share of the unit square around each shape, drawn alone: disc pi/4 and so on."""
    u, v = np.meshgrid(*[(np.arange(400) + 0.5) / 200 - 1] * 2)
    area = {name: (shapes._signed_distance(name, u, v) < 0).mean() for name in shapes.CLASSES}
    expected = {"disc": np.pi / 4, "ring": np.pi / 4 * (1 - 0.56**2), "square": 0.85**2, "frame": 0.88**2 - 0.52**2}
    expected |= {"plus": (2 * 1.9 * 0.6 - 0.6**2) / 4}
    for name in expected:
        np.testing.assert_allclose(area[name], expected[name], atol=0.01, err_msg=name)
    images, _ = shapes.draw_shapes(10, size, 0)
    assert images.shape == (10, size, size, 3)


IMAGES = np.arange(50, dtype=np.uint8).reshape(50, 1, 1, 1)


def rows(dataset, count):
    return [batch.numpy().ravel().tolist() for batch in itertools.islice(dataset, count)]


def test_an_epoch_holds_every_image_once_and_the_next_has_another_order():
    epochs = rows(data.batches(IMAGES, 10, 0), 10)
    first, second = sum(epochs[:5], []), sum(epochs[5:], [])
    assert sorted(first) == sorted(second) == list(range(50)) and first != second
    assert first != sum(rows(data.batches(IMAGES, 10, 1), 5), [])


def test_batches_go_on_from_any_number_as_if_never_stopped():
    whole = rows(data.batches(IMAGES, 12, 0), 20)
    for first in (1, 4, 9):  # an epoch has 4 batches
        assert rows(data.batches(IMAGES, 12, 0, first), 20 - first) == whole[first:]
    with pytest.raises(UserError, match="batch_size=51 is more than the 50 images"):
        data.batches(IMAGES, 51, 0)


def test_held_out_batches_repeat_when_there_are_few_images():
    assert sorted(rows(data.test_batches(IMAGES[:4], 8, 0), 1)[0]) == [0, 0, 1, 1, 2, 2, 3, 3]
