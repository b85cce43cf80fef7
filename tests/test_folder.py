"""Folders of images: which images are found, and how an image gets its size and channels."""

import os

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.data import decode, sets
from tfgan_gn.errors import UserError

pytestmark = pytest.mark.quick


def write_image(path, image):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(tf.io.encode_png(image).numpy())


def test_folder_without_classes(tmp_path, rng):
    images = rng.integers(0, 256, (40, 8, 8, 3), np.uint8)
    for i, image in enumerate(images):
        write_image(tmp_path / f"{i:02d}.png", image)
    dataset = sets.make_dataset("folder", str(tmp_path), 8)
    held_out = np.arange(40) % 20 == 19
    np.testing.assert_array_equal(dataset.train.images, images[~held_out])
    np.testing.assert_array_equal(dataset.test.images, images[held_out])
    assert dataset.train.labels.tolist() == [0] * 38


def test_folder_with_classes(tmp_path):
    for i in range(20):
        write_image(tmp_path / ("cat" if i < 5 else "dog") / f"{i}.png", np.full((8, 8, 3), i, np.uint8))
    dataset = sets.make_dataset("folder", str(tmp_path), 8)
    assert dataset.classes == ("cat", "dog")
    for image, label in zip(dataset.train.images, dataset.train.labels, strict=True):
        assert label == (image[0, 0, 0] >= 5)


def test_a_folder_is_the_same_however_its_path_is_written(tmp_path, monkeypatch):
    for i in range(20):
        write_image(tmp_path / "photos" / f"{i}.png", np.full((8, 8, 3), i, np.uint8))
    monkeypatch.chdir(tmp_path)
    assert {sets.make_dataset("folder", path, 8).classes for path in ("photos", "./photos/", "photos/.")} == {
        ("image",)
    }


def test_jpegs_are_decoded_without_a_shift_of_colour(rng):
    """For a red of 200 everywhere, which TensorFlow's fast transform changes."""
    image = np.zeros((16, 16, 3), np.uint8) + np.array([200, 30, 90], np.uint8)
    decoded = decode.decode_exactly(tf.io.encode_jpeg(image, quality=100))
    np.testing.assert_allclose(decoded, image, atol=1)


def test_images_are_scaled_by_the_shorter_side_and_cut_in_the_middle():
    image = np.zeros((10, 40, 3), np.uint8)
    image[:, 10:30] = 200
    np.testing.assert_array_equal(decode.resize_and_crop(image, 5), np.full((5, 5, 3), 200))
    smooth = np.tile(np.linspace(0, 240, 64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    small = decode.resize_and_crop(smooth, 8)[:, 0, 0]
    np.testing.assert_allclose(small, smooth.reshape(8, 8, 64, 3).mean((1, 2))[:, 0], atol=4)


@pytest.mark.parametrize("shape", [(7, 11), (30, 9), (16, 16), (8, 20)])
def test_scaling_is_that_of_a_triangle_filter_by_the_shorter_side(rng, shape):
    """Computed in float64: antialiasing widens the triangle by the scale, and then the middle is cut out."""
    image, size = rng.integers(0, 256, (*shape, 3), np.uint8), 8

    def weights(old, new):
        width = max(old / new, 1)
        centre = (np.arange(new)[:, None] + 0.5) * old / new
        taps = np.maximum(0, 1 - abs(np.arange(old) + 0.5 - centre) / width)
        return taps / taps.sum(1, keepdims=True)

    sides = [max(size, round(side * size / min(shape))) for side in shape]
    scaled = np.einsum("yh,xw,hwc->yxc", *map(weights, shape, sides), image.astype(float))
    top, left = (sides[0] - size) // 2, (sides[1] - size) // 2
    expected = scaled[top : top + size, left : left + size]
    np.testing.assert_allclose(decode.resize_and_crop(image, size), expected, atol=0.501)


def test_images_are_scaled_together_as_each_alone(rng):
    images = rng.integers(0, 256, (5, 12, 9, 1), np.uint8)
    together = decode.resize_and_crop(images, 8)
    np.testing.assert_array_equal(together, [decode.resize_and_crop(image, 8) for image in images])
    np.testing.assert_array_equal(decode.resize_and_crop(images[:, :9], 9), images[:, :9])


def test_grey_images_have_three_equal_channels_or_their_one(tmp_path, rng):
    images = rng.integers(0, 256, (20, 8, 8, 1), np.uint8)
    for i, image in enumerate(images):
        write_image(tmp_path / f"{i:02}.png", image)
    repeated = sets.make_dataset("folder", str(tmp_path), 8).train.images
    np.testing.assert_array_equal(repeated, np.repeat(images[:19], 3, -1))
    kept = sets.make_dataset("folder", str(tmp_path), 8, grey="keep")
    np.testing.assert_array_equal(kept.train.images, images[:19])
    np.testing.assert_array_equal(kept.test.images, images[19:])
    write_image(tmp_path / "07.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UserError, match="07.png is in colour .3 channels.*--grey=keep takes only grey images"):
        sets.make_dataset("folder", str(tmp_path), 8, grey="keep")


def test_broken_folders(tmp_path):
    with pytest.raises(UserError, match="holds 0 images"):
        sets.make_dataset("folder", str(tmp_path), 8)
    with pytest.raises(UserError, match="needs --data_dir"):
        sets.make_dataset("folder", "", 8)
    with pytest.raises(UserError, match="is not a folder"):
        sets.make_dataset("folder", str(tmp_path / "nowhere"), 8)
    for i in range(20):
        write_image(tmp_path / f"{i}.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "7.png").write_bytes((tmp_path / "7.png").read_bytes()[:40])
    with pytest.raises(UserError, match="7.png is not a readable image"):
        sets.make_dataset("folder", str(tmp_path), 8)
    write_image(tmp_path / "class" / "a.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UserError, match="holds images .* and folders of images .class."):
        sets.make_dataset("folder", str(tmp_path), 8)


def test_each_folder_is_read_once_and_only_its_regular_visible_files(tmp_path):
    for i in range(20):
        write_image(tmp_path / "photos" / ("cat" if i < 5 else "dog") / f"{i}.png", np.full((8, 8, 3), i, np.uint8))
    (tmp_path / "photos" / "dog" / "up").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "cat" / "._1.png").write_bytes(b"what macOS writes beside 1.png")
    os.mkfifo(tmp_path / "photos" / "cat" / "pipe.png")
    write_image(tmp_path / "photos" / ".thumbnails" / "0.png", np.zeros((8, 8, 3), np.uint8))
    write_image(tmp_path / "elsewhere" / "20.png", np.full((8, 8, 3), 20, np.uint8))
    (tmp_path / "photos" / "owl").symlink_to(tmp_path / "elsewhere")
    dataset = sets.make_dataset("folder", str(tmp_path / "photos"), 8)
    assert dataset.classes == ("cat", "dog", "owl")
    pixels = np.concatenate([dataset.train.images, dataset.test.images])[:, 0, 0, 0]
    assert sorted(pixels) == list(range(21))
    for what in ("links to folders that were read already", "dot files", "dot folders", "no regular files"):
        assert f"{what}: 1" in dataset.source
