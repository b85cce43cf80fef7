"""`--patch_size`: windows that are cut out of large images, and which are left out."""

import numpy as np
import pytest

from tfgan_gn.data import sets
from tfgan_gn.data.windows import cutting
from tfgan_gn.errors import UserError
from tfgan_gn.runs import run_data
from tfgan_gn.settings.training import make_config
from tfgan_gn.training.summaries import write_png

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("side", "expected"), [(8, [0]), (16, [0, 8]), (17, [0, 4, 9]), (9, [0, 1]), (40, [0, 8, 16, 24, 32])]
)
def test_windows_cover_a_side_and_are_as_few_as_can_be(side, expected):
    found = cutting.offsets(side, 8).numpy()
    np.testing.assert_array_equal(found, expected)
    assert {*np.ravel(found[:, None] + np.arange(8))} == {*range(side)}


def test_a_window_is_the_part_of_the_image_that_it_covers(rng):
    image = rng.integers(100, 256, (9, 12, 3), np.uint8)
    image[0, 0] = 0
    found = cutting.windows(image, 6).numpy()
    expected = [image[y : y + 6, x : x + 6] for y in (0, 3) for x in (0, 6)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("dtype", "unit"), [(np.uint8, 1), (np.uint16, 257)])
@pytest.mark.parametrize(("level", "columns", "kept"), [(33, 4, 2), (32, 4, 1), (33, 3, 1)])
def test_a_window_is_left_out_if_less_than_half_of_it_is_brighter_than_the_darkest_pixel(
    level, columns, kept, dtype, unit
):
    """By more than 12.75 levels of 8 bits; the darkest pixel of the image has the level 20."""
    image = np.full((8, 16, 1), 20, dtype)
    image[:, 8:] = 200
    image[:, :columns] = level
    windows = cutting.windows(unit * image, 8)
    assert len(windows) == kept and windows.dtype == dtype


@pytest.fixture
def folder(tmp_path):
    """Forty grey images of 8x24 of two classes: the left third is background, and the value is that of the image."""
    for i in range(40):
        path = tmp_path / "images" / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.full((8, 24, 1), 100 + i, np.uint8)
        image[:, :8] = 0
        write_png(str(path), image)
    return tmp_path / "images"


@pytest.mark.parametrize(("size", "grey", "channels"), [(8, "keep", 1), (16, "repeat", 3)])
def test_the_windows_of_a_folder_take_the_place_of_its_images(folder, size, grey, channels):
    """With their class, and those of one image all held out or all learnt from."""
    dataset = sets.make_dataset("folder", str(folder), size, grey, patch_size=8)
    assert dataset.classes == ("a", "b") and dataset.source.startswith("windows of images in")
    for split, count in ((dataset.train, 38), (dataset.test, 2)):
        assert split.images.shape == (2 * count, size, size, channels)
        levels = split.images[:, 0, 0, 0]
        assert (split.images == levels[:, None, None, None]).all()
        np.testing.assert_array_equal(split.labels, (levels - 100) % 2)
        assert (np.unique(levels, return_counts=True)[1] == 2).all()
    assert not {*dataset.train.images.ravel()} & {*dataset.test.images.ravel()}


def test_a_run_and_its_pairs_are_of_windows(folder):
    sizes = {"image_size": 8, "levels": (1, 1), "width": 4, "groups": (2,), "generator_groups": (2,), "grey": "keep"}
    config = make_config("dagan", dataset="folder", data_dir=str(folder), patch_size=8, **sizes)
    dataset = run_data.load_data(config)
    assert dataset.train.images.shape == (76, 8, 8, 1)
    assert run_data.count_images(config, dataset) == (38, 38)


def test_images_smaller_than_a_window_and_those_of_background_alone_are_refused(folder):
    with pytest.raises(UserError, match=r"images/a/00.png has 8x24 pixels, and --patch_size=9 cuts windows of 9x9"):
        sets.make_dataset("folder", str(folder), 8, patch_size=9)
    for path in folder.rglob("*.png"):
        write_png(str(path), np.full((8, 24, 1), 90, np.uint8))
    with pytest.raises(UserError, match="--patch_size=8: in 38 images, such as .*00.png, each window is background"):
        sets.make_dataset("folder", str(folder), 8, patch_size=8)


def test_windows_are_of_folders():
    with pytest.raises(UserError, match="--patch_size has no effect without --dataset=folder"):
        make_config("author", patch_size=64)
