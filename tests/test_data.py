"""CIFAR-10 from its original files and from tensorflow-datasets; unknown names of data sets."""

import functools
import pathlib
import pickle

import numpy as np
import pytest

from tfgan_gn.data import sets, tfds_sets
from tfgan_gn.errors import UserError

SHARED = pathlib.Path(__file__).parents[2] / "shared" / "tfds"


@pytest.fixture
def cifar(rng):
    """Contents of six small files: a dict from their names to (rows [20, 3072] in the order of the files, labels)."""
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    return {name: (rng.integers(0, 256, (20, 3072), np.uint8), rng.integers(0, 10, 20)) for name in names}


def write_pickles(path, cifar):
    for name, (rows, labels) in cifar.items():
        contents = {b"data": rows, b"labels": labels.tolist(), b"batch_label": b"x"}
        (path / name).write_bytes(pickle.dumps(contents, protocol=2))


def python2_string(contents):
    return b"T" + len(contents).to_bytes(4, "little") + contents


def write_python2_pickles(path, cifar):
    """Writes pickles as Python 2 wrote the published files; Python 3 cannot write its strings."""
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


@pytest.mark.quick
@pytest.mark.parametrize("write", [write_pickles, write_python2_pickles, write_binaries])
@pytest.mark.parametrize("below", ["", "cifar-10-batches-py"])
def test_original_cifar_files(tmp_path, cifar, write, below):
    (tmp_path / below).mkdir(exist_ok=True)
    write(tmp_path / below, cifar)
    dataset = sets.make_dataset("cifar10", str(tmp_path))
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


@pytest.mark.quick
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
        sets.make_dataset("cifar10", str(tmp_path))
    assert not pathlib.Path("/tmp/this-must-not-run").exists()


def test_truncated_binary_file(tmp_path, cifar):
    write_binaries(tmp_path, cifar)
    (tmp_path / "test_batch.bin").write_bytes(bytes(5000))
    with pytest.raises(UserError, match=r"test_batch.bin .* 5000 bytes are not whole rows"):
        sets.make_dataset("cifar10", str(tmp_path))


def test_cifar10_through_tfds(tmp_path, monkeypatch, rng):
    """TFDS itself writes the folder, without network."""
    import tensorflow_datasets as tfds

    images = rng.integers(0, 256, (70, 32, 32, 3), np.uint8)
    builder = tfds.builder("cifar10", data_dir=tmp_path)

    def examples(first, last):
        return ((str(i), {"id": str(i), "image": images[i], "label": i % 10}) for i in range(first, last))

    monkeypatch.setattr(builder, "_split_generators", lambda _: {"train": examples(0, 50), "test": examples(50, 70)})
    builder.download_and_prepare()
    dataset = sets.make_dataset("cifar10", str(tmp_path))
    for split, expected in ((dataset.train, images[:50]), (dataset.test, images[50:])):
        assert {image.tobytes() for image in split.images} == {image.tobytes() for image in expected}
        row = {image.tobytes(): i % 10 for i, image in enumerate(images)}
        assert [row[image.tobytes()] for image in split.images] == split.labels.tolist()
    record = next(tmp_path.glob("cifar10/*/cifar10-train*"))
    record.write_bytes(record.read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be read.*--dataset=shapes"):
        sets.make_dataset("cifar10", str(tmp_path))


@pytest.mark.skipif(not SHARED.exists(), reason="the real CIFAR-10 is not beside the checkout")
def test_the_real_cifar10_needs_no_network():
    dataset = sets.make_dataset("cifar10", str(SHARED))
    assert dataset.train.images.shape == (50_000, 32, 32, 3) and dataset.test.images.shape == (10_000, 32, 32, 3)
    np.testing.assert_array_equal(np.bincount(dataset.train.labels), [5000] * 10)


def test_missing_cifar10_is_refused_without_waiting_for_a_network(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(tfds_sets.urllib.request, "urlopen", offline)
    with pytest.raises(
        UserError, match=r"cifar10 is not in .* \(no network\). Give the folder that holds the data .*--dataset=shapes"
    ):
        sets.make_dataset("cifar10", str(tmp_path))


@pytest.mark.quick
def test_names_that_are_no_data_sets():
    for name in ("mnsit", "tfds:", "tfds", ""):
        with pytest.raises(UserError, match=f"--dataset={name}: choose one of cifar10, .*, strokes, or tfds:NAME"):
            sets.make_dataset(name)
