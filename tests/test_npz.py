"""Labelled images in an .npz: the arrays that it may hold, and the refusal of anything else."""

import pathlib

import numpy as np
import pytest

from tfgan_gn.data import decode, npz, sets
from tfgan_gn.errors import UserError

pytestmark = pytest.mark.quick

LOSSLESS = pathlib.Path(__file__).parents[2] / "shared" / "cifar10_lossless.npz"


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (40, 8, 8, 3), np.uint8)


def write(path, **arrays):
    np.savez(path / "x.npz", **arrays)
    return str(path / "x.npz")


def test_images_with_labels_and_one_in_twenty_held_out(tmp_path, pixels):
    dataset = sets.make_dataset("npz", write(tmp_path, images=pixels, labels=np.arange(40, dtype=np.uint8) % 3), 8)
    held = np.arange(40) % 20 == 19
    for split, rows in ((dataset.train, ~held), (dataset.test, held)):
        np.testing.assert_array_equal(split.images, pixels[rows])
        np.testing.assert_array_equal(split.labels, np.arange(40)[rows] % 3)
        assert split.labels.dtype == np.int64
    assert dataset.classes == ("0", "1", "2")


def test_one_array_by_any_name_is_images_of_one_class(tmp_path, pixels):
    dataset = sets.make_dataset("npz", write(tmp_path, faces=pixels), 16)
    assert dataset.classes == ("image",) and not dataset.train.labels.any()
    np.testing.assert_array_equal(dataset.test.images, decode.resize_and_crop(pixels[19::20], 16))


def test_images_that_stand_by_their_classes(tmp_path, pixels):
    """As in the files of the published DAGAN, as .npz and as .npy."""
    by_class = pixels.reshape(8, 5, 8, 8, 3)
    np.save(tmp_path / "x.npy", by_class)
    held = np.arange(40) % 20 == 19
    for path in (write(tmp_path, faces=by_class), str(tmp_path / "x.npy")):
        dataset = sets.make_dataset("npz", path, 8)
        assert dataset.classes == tuple("01234567") and dataset.train.labels.dtype == np.int64
        for split, rows in ((dataset.train, ~held), (dataset.test, held)):
            np.testing.assert_array_equal(split.images, pixels[rows])
            np.testing.assert_array_equal(split.labels, np.arange(40)[rows] // 5)
    both = write(tmp_path, images=by_class, labels=np.arange(40))
    with pytest.raises(UserError, match=r"images of .*x.npz has the shape \(8, 5, 8, 8, 3\), .* labels have no effect"):
        sets.make_dataset("npz", both, 8)
    np.save(tmp_path / "x.npy", by_class.astype(np.int32))
    with pytest.raises(UserError, match="images of .*x.npy holds int32: give uint8, 0 to 255, or uint16, 0 to 65535"):
        sets.make_dataset("npz", str(tmp_path / "x.npy"), 8)


def test_the_names_of_keras_own_files(tmp_path, pixels):
    """Labels are [N, 1], as in Keras' CIFAR-10; x_test is held out."""
    arrays = {"x_train": pixels[:30], "y_train": np.arange(30)[:, None] % 2}
    arrays |= {"x_test": pixels[30:], "y_test": np.arange(10)[:, None] % 2, "i_train": np.arange(3)}
    dataset = sets.make_dataset("npz", write(tmp_path, **arrays), 8)
    np.testing.assert_array_equal(dataset.train.images, pixels[:30])
    np.testing.assert_array_equal(dataset.test.images, pixels[30:])
    assert dataset.train.labels.tolist() == [0, 1] * 15 and dataset.test.labels.tolist() == [0, 1] * 5


def test_grey(tmp_path, pixels):
    path = write(tmp_path, images=pixels[..., :1])
    kept, repeated = (sets.make_dataset("npz", path, 8, grey) for grey in ("keep", "repeat"))
    np.testing.assert_array_equal(kept.test.images, pixels[19::20, ..., :1])
    np.testing.assert_array_equal(repeated.test.images, np.repeat(kept.test.images, 3, -1))
    with pytest.raises(UserError, match="--grey=keep has no effect on .*x.npz: its images are in colour"):
        sets.make_dataset("npz", write(tmp_path, images=pixels), 8, "keep")


ZEROS = np.zeros((40, 8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": ZEROS, "b": ZEROS}, "holds the arrays a, b: give that of the images the name `images`"),
        ({"images": ZEROS.astype(np.float32)}, "images of .*x.npz holds float32: give uint8, 0 to 255"),
        (
            {"images": ZEROS[..., 0]},
            r"shape \(40, 8, 8\), not .*give grey images their one channel, array",
        ),
        ({"images": ZEROS.transpose(0, 3, 1, 2)}, "its channels stand first"),
        ({"images": np.zeros((40, 8, 8, 4), np.uint8)}, "leave out the fourth channel"),
        ({"images": ZEROS[:0]}, "one or more"),
        ({"images": ZEROS[:19]}, "holds 19 images, and one in 20 is held out: give 20 or more"),
        (
            {"images": ZEROS, "labels": np.zeros(39, int)},
            r"labels of .* int64 \(39,\), not a whole number for each",
        ),
        ({"images": ZEROS, "labels": np.zeros(40)}, r"labels of .*float64 \(40,\), not a whole number"),
        ({"images": ZEROS, "labels": np.zeros((40, 2), int)}, r"int64 \(40, 2\)"),
        ({"images": ZEROS, "labels": np.arange(40) - 1}, "the label -1 and none with 0: number the classes 0, 1, 2"),
        ({"images": ZEROS, "labels": np.arange(40) % 2 * 10**12}, "the label 1000000000000 and none with 1"),
        ({"x_train": ZEROS, "x_test": ZEROS[..., :1]}, r"only one of x_train .* and x_test .* is grey, or has labels"),
        ({"x_train": ZEROS, "x_test": ZEROS, "y_test": np.zeros(40, int)}, "is grey, or has labels"),
        (
            {"x_train": ZEROS, "y_train": np.arange(40) % 2, "x_test": ZEROS, "y_test": np.arange(40) % 3},
            "image 2 of .*x.npz, held out, has the label 2, not one of 0 to 1",
        ),
    ],
)
def test_files_that_are_refused(tmp_path, arrays, message):
    with pytest.raises(UserError, match=message):
        sets.make_dataset("npz", write(tmp_path, **arrays), 8)


def test_files_that_cannot_be_read(tmp_path, pixels):
    with pytest.raises(UserError, match="--dataset=npz needs --data_dir=FILE.npz"):
        sets.make_dataset("npz")
    with pytest.raises(UserError, match="nowhere.npz does not exist"):
        sets.make_dataset("npz", str(tmp_path / "nowhere.npz"))
    path = pathlib.Path(write(tmp_path, images=pixels))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match="x.npz cannot be read"):
        sets.make_dataset("npz", str(path))
    with pytest.raises(UserError, match="cannot be read"):
        sets.make_dataset("npz", str(tmp_path))


@pytest.mark.skipif(not LOSSLESS.exists(), reason="the real CIFAR-10 is not beside the checkout")
def test_real_images():
    dataset = sets.make_dataset("npz", str(LOSSLESS))
    assert dataset.train.images.shape == (5085, 32, 32, 3) and len(dataset.test.images) == 1017
    assert len(dataset.classes) == 10 and np.bincount(dataset.train.labels).min() == 475


@pytest.mark.parametrize("name", ["x.npz", "x.npy"])
@pytest.mark.parametrize("content", [b"", b"some text", b"\x80\x04N."])
def test_a_file_that_is_none_of_numpys_is_refused_without_advice_to_unpickle_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name} cannot be read \(it .* as every \.{name[2:]}") as refusal:
        npz.open_array(str(tmp_path / name))
    assert "pickle" not in str(refusal.value)


def test_an_npy_by_the_name_of_an_npz_is_refused(tmp_path, pixels):
    np.save(tmp_path / "x.npy", pixels)
    (tmp_path / "x.npy").rename(tmp_path / "x.npz")
    with pytest.raises(UserError, match="x.npz cannot be read .it is no zip file"):
        sets.make_dataset("npz", str(tmp_path / "x.npz"), 8)
